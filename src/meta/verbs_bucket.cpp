#include <algorithm>

#include "meta/notices.hpp"

namespace stratos::meta {
namespace {

bool is_bucket_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}
bool is_edge(char c) { return c != '-' && c != '.'; }

bool looks_like_ip_address(std::string_view name) {
  return std::ranges::count(name, '.') == 3 &&
         std::ranges::all_of(name, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

// S3's rules: 3 to 63 of a-z 0-9 - . , letters or digits at the ends and around dots, no IP
// address.
bool is_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return false;
  if (!std::ranges::all_of(name, is_bucket_character)) return false;
  if (!is_edge(name.front()) || !is_edge(name.back())) return false;
  if (name.find("..") != name.npos || name.starts_with("xn--")) return false;
  return !looks_like_ip_address(name);
}

bool has_any(const State& state, const Bytes& prefix) {
  bool found = false;
  state.scan(prefix, kv::prefix_end(prefix), [&found](ByteView, ByteView) {
    found = true;
    return false;
  });
  return found;
}

Result<void> check_config(const BucketConfig& config) {
  if (!is_config_kind(config.kind)) return fail(Errc::invalid_argument, "kind of configuration");
  return check_bound(config.document, kMaxConfigBytes, "bucket configuration");
}

// Rules come with the document of notifications alone.
Result<void> check_rules(const SetBucketConfig& command) {
  const bool fits = command.kind == ConfigKind::notification && command.document;
  if (!fits && !command.rules.empty()) return fail(Errc::invalid_argument, "rules for notices");
  if (command.test) STRATOS_CHECK(check_cause(*command.test));
  return check_notice_rules(command.rules);
}

void erase_configs(State& state, BucketId bucket) {
  std::vector<Bytes> rows;  // at most one of each kind
  const Bytes prefix = keys::bucket_configs_of(bucket);
  state.scan(prefix, kv::prefix_end(prefix), [&rows](ByteView key, ByteView) {
    rows.push_back(to_bytes(key));
    return true;
  });
  for (const Bytes& row : rows) state.erase(row);
}

}  // namespace

Result<Bytes> run(Context& context, const CreateAccount& command) {
  const Bytes key = keys::account(command.account);
  STRATOS_CHECK(check_bound(as_bytes(command.name), kMaxNameBytes, "account name"));
  if (context.state.has(key)) return fail(Errc::already_exists, "account");
  AccountRecord account;
  account.id = command.account;
  account.name = command.name;
  account.ozone_noz = command.ozone_noz;
  context.state.store(key, account);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const CreateAccessKey& command) {
  if (!context.state.has(keys::account(command.account))) return fail(Errc::no_such_account);
  const Bytes key = keys::access_key(command.access_key);
  if (command.access_key.empty() || command.access_key.size() > 128) {
    return fail(Errc::invalid_argument, "access key");
  }
  if (context.state.has(key)) return fail(Errc::already_exists, "access key");
  AccessKeyRecord record;
  record.account = command.account;
  context.state.store(key, record);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const DeleteAccessKey& command) {
  const Bytes key = keys::access_key(command.access_key);
  const auto record = context.state.load<AccessKeyRecord>(key);
  if (!record || record->account != command.account) return fail(Errc::no_such_access_key);
  context.state.erase(key);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const CreateBucket& command) {
  if (!is_bucket_name(command.name)) return fail(Errc::bad_bucket_name);
  STRATOS_CHECK(check_bound(as_bytes(command.region), kMaxNameBytes, "region"));
  for (const BucketConfig& config : command.configs) STRATOS_CHECK(check_config(config));
  const Profile* profile = find_profile(context.params, command.profile);
  if (profile == nullptr) return fail(Errc::invalid_argument, "profile " + command.profile);
  if (const auto existing = context.state.load<BucketRecord>(keys::bucket(command.name))) {
    return fail(existing->owner == command.owner ? Errc::bucket_owned_by_you : Errc::bucket_exists,
                command.name);
  }
  auto account = context.state.load<AccountRecord>(keys::account(command.owner));
  if (!account) return fail(Errc::no_such_account);
  if (account->buckets >= context.params.max_buckets) return fail(Errc::too_many_buckets);
  ++account->buckets;
  context.state.store(keys::account(command.owner), *account);

  BucketRecord bucket;
  bucket.id = BucketId(context.state.next("bucket"));
  bucket.name = command.name;
  bucket.owner = command.owner;
  bucket.created = context.time;
  bucket.region = command.region;
  bucket.profile = profile->name;
  bucket.object_lock = command.object_lock;
  if (command.object_lock) bucket.versioning = Versioning::enabled;
  context.state.store(keys::bucket(command.name), bucket);
  context.state.put(keys::owned_bucket(command.owner, command.name), {});
  for (const BucketConfig& config : command.configs) {
    context.state.put(keys::bucket_config(bucket.id, config.kind), config.document);
  }
  Event event;
  event.kind = EventKind::bucket_created;
  event.bucket = bucket.id;
  emit(context, event);
  return codec::encode(bucket);
}

Result<Bytes> run(Context& context, const DeleteBucket& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.name));
  if (has_any(context.state, keys::versions_of(bucket.id))) {
    return fail(Errc::bucket_not_empty, command.name);
  }
  if (has_any(context.state, keys::uploads_of(bucket.id))) {
    Bytes subject;
    put_be(subject, bucket.id.value);
    context.state.put(keys::due(context.time, DueKind::free_bucket, subject), {});
  }
  erase_configs(context.state, bucket.id);
  if (bucket.notifies) context.state.erase(keys::notice_rules(bucket.id));
  context.state.erase(keys::bucket(command.name));
  context.state.erase(keys::owned_bucket(bucket.owner, command.name));
  if (auto account = context.state.load<AccountRecord>(keys::account(bucket.owner))) {
    --account->buckets;
    context.state.store(keys::account(bucket.owner), *account);
  }
  Event event;
  event.kind = EventKind::bucket_removed;
  event.bucket = bucket.id;
  emit(context, event);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const SetBucketConfig& command) {
  STRATOS_TRY(BucketRecord bucket, require_bucket(context.state, command.bucket));
  BucketConfig config;
  config.kind = command.kind;
  config.document = command.document.value_or(Bytes{});
  STRATOS_CHECK(check_config(config));
  STRATOS_CHECK(check_rules(command));
  const Bytes key = keys::bucket_config(bucket.id, command.kind);
  if (command.document) {
    context.state.put(key, std::move(config.document));
  } else {
    context.state.erase(key);
  }
  if (command.kind == ConfigKind::notification) {
    set_notice_rules(context, bucket, command.rules, command.test ? &*command.test : nullptr);
  }
  return codec::encode(Nothing{});
}

}  // namespace stratos::meta
