#include <algorithm>

#include "client/customer_key.hpp"
#include "client/mesh_object_client_impl.hpp"
#include "client/object_reader.hpp"
#include "client/sealing.hpp"
#include "meta/version_commands.hpp"

namespace stratos::client {

std::unique_ptr<ObjectClient> make_object_client(Mesh& mesh) {
  return std::make_unique<detail::MeshObjectClient>(mesh);
}

namespace detail {
namespace {

constexpr std::size_t kContextBytes = 16;

BucketInfo to_info(const meta::BucketRecord& record) {
  BucketInfo info;
  info.name = record.name;
  info.owner = record.owner;
  info.created = record.created;
  info.region = record.region;
  info.profile = record.profile;
  info.versioning = record.versioning;
  info.object_lock = record.object_lock;
  info.default_retention = record.default_retention;
  info.renews = record.renews;
  return info;
}

// Fills the command with what store_body made, bound to `context`. Slices are bound under the key
// that the ring wraps, so that they can be checked without a client's key.
void take_body(meta::PutObject& command, const crypto::SecretKey& wrapped_key,
               const crypto::SecretKey& data_key, StoredBody& stored) {
  command.size = stored.size;
  if (stored.small) {
    command.inline_body = seal_inline_body(data_key, command.context, *stored.small);
    return;
  }
  const std::vector<meta::SlicePage> pages = meta::paginate({stored.slices});
  for (std::uint32_t i = 0; i < pages.size(); ++i) {
    PageName name;
    name.context = command.context;
    name.page = i;
    name.pages = static_cast<std::uint32_t>(pages.size());
    name.size = stored.size;
    command.page_macs.push_back(page_mac(wrapped_key, name, pages[i]));
  }
  command.slices = std::move(stored.slices);
  command.segments = std::move(stored.segments);
}

}  // namespace

Task<Result<BucketInfo>> MeshObjectClient::create_bucket(Principal who, std::string name,
                                                         std::string region,
                                                         BucketOptions options) {
  meta::CreateBucket command;
  for (const auto& [kind, document] : options.configs) {
    STRATOS_CO_TRY(Bytes sealed,
                   seal_config(mesh_.ring, mesh_.runtime.random(), name, kind, document));
    command.configs.push_back({kind, std::move(sealed)});
  }
  command.name = std::move(name);
  command.owner = who.account;
  command.region = std::move(region);
  command.object_lock = options.object_lock;
  STRATOS_CO_TRY(const meta::BucketRecord record, co_await mesh_.meta.execute(command));
  co_return to_info(record);
}

Task<Result<BucketInfo>> MeshObjectClient::head_bucket(std::string name) {
  meta::GetBucket query;
  query.name = std::move(name);
  STRATOS_CO_TRY(const meta::BucketRecord record, co_await mesh_.meta.query(query));
  co_return to_info(record);
}

Task<Result<BucketSettings>> MeshObjectClient::bucket_settings(std::string name) {
  meta::GetBucketConfigs query;
  query.name = std::move(name);
  STRATOS_CO_TRY(const meta::GetBucketConfigs::Reply reply, co_await mesh_.meta.query(query));
  BucketSettings settings;
  settings.info = to_info(reply.bucket);
  for (const meta::BucketConfig& config : reply.configs) {
    STRATOS_CO_TRY(settings.configs[config.kind],
                   open_config(mesh_.ring, query.name, config.kind, config.document));
  }
  co_return settings;
}

Task<Result<void>> MeshObjectClient::set_bucket_config(std::string bucket, ConfigKind kind,
                                                       std::optional<Bytes> document) {
  meta::SetBucketConfig command;
  command.kind = kind;
  if (document) {
    STRATOS_CO_TRY(command.document,
                   seal_config(mesh_.ring, mesh_.runtime.random(), bucket, kind, *document));
  }
  command.bucket = std::move(bucket);
  STRATOS_CO_TRY([[maybe_unused]] const meta::Nothing done, co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

Task<Result<ObjectClient::ConfiguredPage>> MeshObjectClient::configured_buckets(ConfigKind kind,
                                                                                std::string after) {
  meta::ListConfigured query;
  query.kind = kind;
  query.after = std::move(after);
  STRATOS_CO_TRY(meta::ListConfigured::Reply reply, co_await mesh_.meta.query(query));
  co_return ConfiguredPage{std::move(reply.buckets), std::move(reply.next)};
}

Task<Result<std::string>> MeshObjectClient::account_name(AccountId account) {
  meta::GetAccount query;
  query.account = account;
  STRATOS_CO_TRY(meta::AccountRecord record, co_await mesh_.meta.query(query));
  co_return std::move(record.name);
}

Task<Result<void>> MeshObjectClient::delete_bucket(std::string name) {
  meta::DeleteBucket command;
  command.name = std::move(name);
  STRATOS_CO_TRY([[maybe_unused]] const meta::Nothing done, co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

Task<Result<std::vector<BucketInfo>>> MeshObjectClient::list_buckets(Principal who) {
  meta::ListBuckets query;
  query.owner = who.account;
  STRATOS_CO_TRY(const meta::ListBuckets::Reply reply, co_await mesh_.meta.query(query));
  std::vector<BucketInfo> buckets;
  for (const meta::BucketRecord& record : reply.buckets) buckets.push_back(to_info(record));
  co_return buckets;
}

Task<Result<meta::GetObject::Reply>> MeshObjectClient::look_up(std::string bucket, std::string key,
                                                               VersionChoice version,
                                                               bool with_data) {
  meta::GetObject query;
  query.bucket = std::move(bucket);
  query.key = std::move(key);
  query.version = version;
  query.with_data = with_data;
  co_return co_await mesh_.meta.query(query);
}

Result<ObjectInfo> MeshObjectClient::info_of(const std::string& key,
                                             const meta::VersionRecord& version) const {
  ObjectInfo info;
  info.key = key;
  info.version = version.id;
  info.versioned = version.versioned;
  info.size = version.size;
  info.modified = version.modified;
  info.paid_through = version.payment.through;
  STRATOS_TRY(info.attributes, open_attributes(mesh_.ring, version.sealed_attributes));
  STRATOS_TRY(info.attributes.tags, open_tags(mesh_.ring, version.sealed_tags));
  info.attributes.lock = version.lock;
  return info;
}

Task<Result<meta::Precondition>> MeshObjectClient::precondition(std::string bucket, std::string key,
                                                                Condition condition) {
  meta::Precondition wanted;
  wanted.exists = condition.exists;
  if (!condition.if_match && !condition.if_none_match) co_return wanted;
  // The index cannot read entity tags: it is asked to hold on to what was found.
  const auto found = co_await look_up(std::move(bucket), key, std::nullopt, false);
  if (!found) {
    const Errc code = found.error().code();
    const bool absent = code == Errc::no_such_object || code == Errc::object_deleted;
    if (condition.if_match || !absent) co_return fail(found.error());
    wanted.exists = false;
    co_return wanted;
  }
  STRATOS_CO_TRY(const ObjectInfo info, info_of(key, found->version));
  const ETag& etag = info.attributes.etag;
  const bool holds = (!condition.if_match || etag == *condition.if_match) &&
                     (!condition.if_none_match || etag != *condition.if_none_match);
  if (!holds) co_return fail(Errc::precondition_failed, key);
  wanted.version = info.version;
  co_return wanted;
}

Task<Result<StoreOptions>> MeshObjectClient::store_options(std::string bucket) {
  meta::GetBucket query;
  query.name = std::move(bucket);
  STRATOS_CO_TRY(const meta::BucketRecord record, co_await mesh_.meta.query(query));
  STRATOS_CO_TRY(const meta::Params* params, co_await mesh_.params());
  const auto profile = std::ranges::find(params->profiles, record.profile, &meta::Profile::name);
  if (profile == params->profiles.end()) co_return fail(Errc::bad_config, "bucket's profile");
  StoreOptions options;
  options.bucket = record.id;
  options.coded.k = profile->k;
  options.coded.m = profile->m;
  options.copies = profile->copies;
  co_return options;
}

Task<Result<ObjectInfo>> MeshObjectClient::put(Principal who, std::string bucket, std::string key,
                                               BodySource& body, Condition condition) {
  STRATOS_CO_TRY(const StoreOptions options, co_await store_options(bucket));
  meta::PutObject command;
  STRATOS_CO_TRY(command.condition, co_await precondition(bucket, key, condition));
  const crypto::SecretKey wrapped_key = crypto::SecretKey::draw(mesh_.runtime.random());
  command.data_key = mesh_.ring.wrap(wrapped_key, mesh_.runtime.random());
  const crypto::SecretKey data_key = body_key(wrapped_key, body);
  command.context.resize(kContextBytes);
  mesh_.runtime.random().fill(command.context);
  STRATOS_CO_TRY(StoredBody stored,
                 co_await store_body(mesh_, body, data_key, command.data_key, options));
  command.bucket = std::move(bucket);
  command.key = key;
  take_body(command, wrapped_key, data_key, stored);
  command.sealed_attributes =
      seal_attributes(mesh_.ring, mesh_.runtime.random(), stored.attributes);
  command.sealed_summary = seal_summary(mesh_.ring, mesh_.runtime.random(), stored.attributes);
  command.sealed_tags = seal_tags(mesh_.ring, mesh_.runtime.random(), stored.attributes.tags);
  command.lock = stored.attributes.lock;
  command.cause = sealed_cause(who.cause);
  STRATOS_CO_TRY(const meta::PutObject::Reply reply, co_await mesh_.meta.execute(command));
  ObjectInfo info;
  info.key = std::move(key);
  info.version = reply.version;
  info.versioned = reply.versioned;
  info.size = stored.size;
  info.modified = reply.modified;
  info.paid_through = reply.paid_through;
  info.attributes = std::move(stored.attributes);
  co_return info;
}

Task<Result<ObjectInfo>> MeshObjectClient::head(std::string bucket, std::string key,
                                                VersionChoice version) {
  STRATOS_CO_TRY(const meta::GetObject::Reply found,
                 co_await look_up(std::move(bucket), key, version, false));
  co_return info_of(key, found.version);
}

Task<Result<std::unique_ptr<ObjectReader>>> MeshObjectClient::get(std::string bucket,
                                                                  std::string key,
                                                                  VersionChoice version) {
  STRATOS_CO_TRY(meta::GetObject::Reply found,
                 co_await look_up(std::move(bucket), key, version, true));
  STRATOS_CO_TRY(ObjectInfo info, info_of(key, found.version));
  co_return make_object_reader(mesh_, std::move(info), std::move(found));
}

Task<Result<ObjectInfo>> MeshObjectClient::copy(Principal who, std::string source_bucket,
                                                std::string source_key, std::string bucket,
                                                std::string key, CopyOptions options) {
  STRATOS_CO_TRY(const meta::GetObject::Reply found,
                 co_await look_up(source_bucket, source_key, options.source_version, false));
  STRATOS_CO_TRY(ObjectInfo info, info_of(key, found.version));
  if (!info.attributes.key_check.empty()) co_return fail(Errc::bad_key, "under a client's key");
  if (options.attributes) {
    info.attributes.headers = std::move(options.attributes->headers);
    info.attributes.metadata = std::move(options.attributes->metadata);
  }
  info.attributes.access = std::move(options.access);
  if (options.tags) info.attributes.tags = std::move(*options.tags);
  info.attributes.lock = options.lock;
  Random& random = mesh_.runtime.random();
  meta::CopyObject command;
  STRATOS_CO_TRY(command.condition, co_await precondition(bucket, key, options.condition));
  command.source_bucket = std::move(source_bucket);
  command.source_key = std::move(source_key);
  command.version = info.version;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.sealed_attributes = seal_attributes(mesh_.ring, random, info.attributes);
  command.sealed_summary = seal_summary(mesh_.ring, random, info.attributes);
  command.sealed_tags = seal_tags(mesh_.ring, random, info.attributes.tags);
  command.lock = options.lock;
  command.cause = sealed_cause(who.cause);
  STRATOS_CO_TRY(const meta::PutObject::Reply reply, co_await mesh_.meta.execute(command));
  info.version = reply.version;
  info.versioned = reply.versioned;
  info.modified = reply.modified;
  info.paid_through = reply.paid_through;
  co_return info;
}

Task<Result<void>> MeshObjectClient::set_attributes(std::string bucket, std::string key,
                                                    VersionId version, Attributes attributes) {
  meta::SetAttributes command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.version = version;
  command.sealed_attributes = seal_attributes(mesh_.ring, mesh_.runtime.random(), attributes);
  command.sealed_summary = seal_summary(mesh_.ring, mesh_.runtime.random(), attributes);
  STRATOS_CO_TRY([[maybe_unused]] const meta::ChangedVersion changed,
                 co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

Task<Result<ListPage>> MeshObjectClient::list(std::string bucket, ListRequest request) {
  meta::ListObjects query;
  query.bucket = std::move(bucket);
  query.prefix = std::move(request.prefix);
  query.delimiter = std::move(request.delimiter);
  query.start_after = std::move(request.start_after);
  query.max_keys = request.max_keys;
  STRATOS_CO_TRY(meta::ListObjects::Reply reply, co_await mesh_.meta.query(query));
  ListPage page;
  for (meta::ListObjects::Row& row : reply.rows) {
    STRATOS_CO_TRY(Summary summary, open_summary(mesh_.ring, row.row.sealed_summary));
    ListPage::Entry entry;
    entry.key = std::move(row.key);
    entry.size = row.row.size;
    entry.etag = summary.etag;
    entry.modified = row.row.modified;
    entry.checksum_algorithms = std::move(summary.checksum_algorithms);
    entry.owner = summary.owner;
    page.entries.push_back(std::move(entry));
  }
  page.common_prefixes = std::move(reply.common_prefixes);
  page.truncated = reply.truncated;
  page.next_start_after = std::move(reply.next);
  co_return page;
}

Task<Result<ObjectClient::Credential>> MeshObjectClient::credential(std::string access_key) {
  meta::GetAccessKey query;
  query.access_key = access_key;
  STRATOS_CO_TRY(const meta::AccessKeyRecord record, co_await mesh_.meta.query(query));
  Credential credential;
  credential.account = record.account;
  credential.secret = mesh_.ring.s3_secret(access_key);
  co_return credential;
}

}  // namespace detail
}  // namespace stratos::client
