// Buckets and objects in memory: FakeObjectClient without its uploads.
#pragma once
#include <algorithm>
#include <map>
#include <set>

#include "crypto/hash.hpp"
#include "gateway/s3/fake_notices.hpp"
#include "gateway/s3/fake_object_reader.hpp"
#include "gateway/s3/fake_versions.hpp"

namespace stratos::gateway::s3 {

class FakeObjects : public FakeNotices {
 public:
  std::size_t read_bytes = 100'000;  // what a reader gives at once
  std::size_t take_bytes = 70'000;   // what a writer asks a body for at once
  std::size_t fail_read_after = SIZE_MAX;
  WallTime now{1'700'000'000'123};

  void add_key(std::string access_key, AccountId account, std::string secret) {
    credentials_[std::move(access_key)] = {account, std::move(secret)};
  }
  void remove_key(const std::string& access_key) { credentials_.erase(access_key); }
  bool has(const std::string& bucket, const std::string& key) const {
    const auto found = buckets_.find(bucket);
    return found != buckets_.end() && found->second.objects.contains(key);
  }
  std::string body_of(const std::string& bucket, const std::string& key) const {
    return buckets_.at(bucket).objects.at(key).data;
  }
  client::Attributes& attributes_of(const std::string& bucket, const std::string& key) {
    return buckets_.at(bucket).objects.at(key).info.attributes;
  }
  std::map<AccountId, std::string> account_names;
  client::BucketConfigs& configs_of(const std::string& bucket) {
    return buckets_.at(bucket).configs;
  }
  void set_modified(const std::string& bucket, const std::string& key, WallTime time) {
    buckets_.at(bucket).objects.at(key).info.modified = time;
  }

  using client::ObjectClient::create_bucket;
  Task<Result<client::BucketInfo>> create_bucket(client::Principal who, std::string name,
                                                 std::string region,
                                                 client::BucketOptions options) override {
    STRATOS_CO_CHECK(enter("create_bucket"));
    if (const auto known = buckets_.find(name); known != buckets_.end()) {
      const bool own = known->second.info.owner == who.account;
      co_return fail(own ? Errc::bucket_owned_by_you : Errc::bucket_exists);
    }
    Bucket& bucket = buckets_[name];
    bucket.info = {name, who.account, now, region, "default"};
    bucket.configs = std::move(options.configs);
    bucket.info.object_lock = options.object_lock;
    if (options.object_lock) bucket.info.versioning = client::Versioning::enabled;
    co_return bucket.info;
  }
  Task<Result<client::BucketInfo>> head_bucket(std::string name) override {
    STRATOS_CO_TRY(const Bucket* bucket, enter("head_bucket", name));
    co_return bucket->info;
  }
  Task<Result<client::BucketSettings>> bucket_settings(std::string name) override {
    STRATOS_CO_TRY(const Bucket* bucket, enter("bucket_settings", name));
    co_return client::BucketSettings{bucket->info, bucket->configs};
  }
  Task<Result<void>> set_bucket_config(std::string name, client::ConfigKind kind,
                                       std::optional<Bytes> document) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("set_bucket_config", name));
    if (document) {
      bucket->configs[kind] = std::move(*document);
    } else {
      bucket->configs.erase(kind);
    }
    co_return Result<void>{};
  }
  Task<Result<ConfiguredPage>> configured_buckets(client::ConfigKind kind,
                                                  std::string after) override {
    STRATOS_CO_CHECK(enter("configured_buckets"));
    ConfiguredPage page;
    for (auto found = buckets_.upper_bound(after); found != buckets_.end(); ++found) {
      if (page.buckets.size() == configured_page) {
        page.next = page.buckets.back();
        break;
      }
      if (found->second.configs.contains(kind)) page.buckets.push_back(found->first);
    }
    co_return page;
  }
  std::size_t configured_page = 1000;
  Task<Result<std::string>> account_name(AccountId account) override {
    STRATOS_CO_CHECK(enter("account_name"));
    const auto found = account_names.find(account);
    if (found == account_names.end()) co_return fail(Errc::no_such_account);
    co_return found->second;
  }
  Task<Result<void>> set_attributes(std::string bucket, std::string key, VersionId version,
                                    client::Attributes attributes) override {
    const auto change = [&attributes](client::Attributes& a) { a = attributes; };
    const auto changed =
        change_all(enter("set_attributes", bucket, key, version), bucket, key, change);
    if (!changed && changed.error().code() == Errc::no_such_version) {
      co_return fail(Errc::precondition_failed);
    }
    if (!changed) co_return fail(changed.error());
    co_return Result<void>{};
  }
  Task<Result<void>> delete_bucket(std::string name) override {
    STRATOS_CO_TRY(const Bucket* bucket, enter("delete_bucket", name));
    if (!bucket->objects.empty() || !bucket->versions.empty()) {
      co_return fail(Errc::bucket_not_empty);
    }
    buckets_.erase(name);
    co_return Result<void>{};
  }
  Task<Result<std::vector<client::BucketInfo>>> list_buckets(client::Principal who) override {
    STRATOS_CO_CHECK(enter("list_buckets"));
    std::vector<client::BucketInfo> found;
    for (const auto& [name, bucket] : buckets_) {
      if (bucket.info.owner == who.account) found.push_back(bucket.info);
    }
    co_return found;
  }

  Task<Result<client::ObjectInfo>> put(client::Principal who, std::string bucket_name,
                                       std::string key, client::BodySource& body,
                                       client::Condition condition) override {
    STRATOS_CO_TRY([[maybe_unused]] const Bucket* before, enter("put", bucket_name));
    last_cause = who.cause;
    STRATOS_CO_TRY(Stored stored, co_await take(body));
    STRATOS_CO_TRY(Bucket * bucket, find(bucket_name));
    STRATOS_CO_CHECK(check(*bucket, key, condition));
    co_return store(*bucket, key, std::move(stored));
  }
  using client::ObjectClient::head;
  Task<Result<client::ObjectInfo>> head(std::string bucket, std::string key,
                                        client::VersionChoice version) override {
    STRATOS_CO_TRY(const Stored* object, enter("head", bucket, key, version));
    co_return object->info;
  }
  using client::ObjectClient::get;
  Task<Result<std::unique_ptr<client::ObjectReader>>> get(std::string bucket, std::string key,
                                                          client::VersionChoice version) override {
    STRATOS_CO_TRY(const Stored* object, enter("get", bucket, key, version));
    std::unique_ptr<client::ObjectReader> reader =
        std::make_unique<FakeObjectReader>(object->info, object->data, read_bytes, fail_read_after);
    co_return reader;
  }
  Task<Result<client::Removed>> remove(std::string bucket_name, std::string key,
                                       client::Removal removal) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("remove", bucket_name));
    last_cause = removal.cause;
    co_return take_out(*bucket, key, removal);
  }
  Task<Result<std::vector<Result<client::Removed>>>> remove_many(
      std::string bucket_name, std::vector<client::RemovalItem> items) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("remove_many", bucket_name));
    std::vector<Result<client::Removed>> results;
    for (const client::RemovalItem& item : items) {
      last_cause = item.removal.cause;
      if (undeletable.contains(item.key)) {
        results.push_back(fail(Errc::deadline_exceeded, "node n7 at 10.0.0.7"));
      } else {
        results.push_back(take_out(*bucket, item.key, item.removal));
      }
    }
    co_return results;
  }
  std::set<std::string> undeletable;

  Task<Result<client::ObjectInfo>> copy(client::Principal who, std::string source_bucket,
                                        std::string source_key, std::string bucket, std::string key,
                                        client::CopyOptions options) override {
    STRATOS_CO_TRY(const Stored* source,
                   enter("copy", source_bucket, source_key, options.source_version));
    last_cause = who.cause;
    STRATOS_CO_TRY(Bucket * target, find(bucket));
    if (!source->info.attributes.key_check.empty()) co_return fail(Errc::bad_key);
    STRATOS_CO_CHECK(check(*target, key, options.condition));
    Stored stored = *source;
    client::Attributes& attributes = stored.info.attributes;
    if (options.attributes) {
      attributes.headers = options.attributes->headers;
      attributes.metadata = options.attributes->metadata;
    }
    if (options.tags) attributes.tags = *options.tags;
    attributes.lock = options.lock;
    attributes.access = std::move(options.access);
    co_return store(*target, key, std::move(stored));
  }

  Task<Result<client::VersionsPage>> list_versions(std::string bucket_name,
                                                   client::VersionsRequest request) override {
    STRATOS_CO_TRY(const Bucket* bucket, enter("list_versions", bucket_name));
    last_versions_request = request;
    co_return FakeVersions<Stored>::list(bucket->versions, bucket->objects, request);
  }
  client::VersionsRequest last_versions_request;

  Task<Result<void>> set_versioning(std::string name, client::Versioning versioning) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("set_versioning", name));
    const bool suspends = versioning == client::Versioning::suspended;
    if (bucket->info.object_lock && suspends) co_return fail(Errc::invalid_bucket_state);
    bucket->info.versioning = versioning;
    co_return Result<void>{};
  }
  Task<Result<void>> set_object_lock(std::string name,
                                     client::DefaultRetention retention) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("set_object_lock", name));
    const bool enabled = bucket->info.versioning == client::Versioning::enabled;
    if (!enabled) co_return fail(Errc::invalid_bucket_state);
    bucket->info.object_lock = true;
    bucket->info.default_retention = retention;
    co_return Result<void>{};
  }
  Task<Result<client::ChangedVersion>> put_tags(client::Principal who, std::string bucket,
                                                std::string key, client::VersionChoice version,
                                                client::Tags tags) override {
    last_cause = who.cause;
    const auto change = [&tags](client::Attributes& a) { a.tags = tags; };
    co_return change_all(enter("put_tags", bucket, key, version), bucket, key, change);
  }
  Task<Result<client::ChangedVersion>> put_retention(std::string bucket, std::string key,
                                                     client::VersionChoice version,
                                                     client::ObjectLock lock,
                                                     bool bypass_governance) override {
    STRATOS_CO_TRY(const Stored* object, enter("put_retention", bucket, key, version));
    const client::ObjectLock before = object->info.attributes.lock;
    const bool eased =
        before.mode != client::LockMode::none && lock.retain_until < before.retain_until;
    if (eased && !bypass_governance) co_return fail(Errc::object_locked);
    const auto change = [&lock](client::Attributes& a) {
      a.lock.mode = lock.mode;
      a.lock.retain_until = lock.retain_until;
    };
    co_return change_all(object, bucket, key, change);
  }
  Task<Result<client::ChangedVersion>> put_hold(std::string bucket, std::string key,
                                                client::VersionChoice version, bool hold) override {
    const auto change = [hold](client::Attributes& a) { a.lock.hold = hold; };
    co_return change_all(enter("put_hold", bucket, key, version), bucket, key, change);
  }

  Task<Result<client::ListPage>> list(std::string bucket_name,
                                      client::ListRequest request) override {
    STRATOS_CO_TRY(const Bucket* bucket, enter("list", bucket_name));
    client::ListPage page;
    std::string skipped;
    for (const auto& [key, object] : bucket->objects) {
      if (!key.starts_with(request.prefix) || key <= request.start_after) continue;
      const std::string common = common_prefix(key, request.prefix, request.delimiter);
      if (!common.empty() && (common == skipped || common == request.start_after)) continue;
      if (page.entries.size() + page.common_prefixes.size() == request.max_keys) {
        page.truncated = true;
        break;
      }
      if (common.empty()) {
        page.entries.push_back(to_entry(object.info));
        page.next_start_after = key;
      } else {
        page.common_prefixes.push_back(common);
        page.next_start_after = skipped = common;
      }
    }
    co_return page;
  }

  Task<Result<void>> set_notifications(std::string name,
                                       client::NotificationConfig config) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("set_notifications", name));
    if (config.document) {
      bucket->configs[client::ConfigKind::notification] = *config.document;
    } else {
      bucket->configs.erase(client::ConfigKind::notification);
    }
    last_notifications = std::move(config);
    co_return Result<void>{};
  }

  Task<Result<Credential>> credential(std::string access_key) override {
    STRATOS_CO_CHECK(enter("credential"));
    const auto found = credentials_.find(access_key);
    if (found == credentials_.end()) co_return fail(Errc::no_such_access_key, access_key);
    co_return found->second;
  }

 protected:
  using FakeNotices::enter;
  struct Stored {
    client::ObjectInfo info;
    std::string data;
  };
  struct Bucket {
    client::BucketInfo info;
    client::BucketConfigs configs;
    std::map<std::string, Stored> objects;  // current ones
    FakeVersions<Stored>::Map versions;     // all, once versioning was enabled
  };
  Result<Bucket*> enter(const std::string& method, const std::string& bucket) {
    STRATOS_CHECK(enter(method));
    return find(bucket);
  }
  Result<const Stored*> enter(const std::string& method, const std::string& bucket_name,
                              const std::string& key, client::VersionChoice version) {
    STRATOS_TRY(const Bucket* bucket, enter(method, bucket_name));
    return FakeVersions<Stored>::find(bucket->versions, bucket->objects, key, version);
  }
  Result<client::Removed> take_out(Bucket& bucket, const std::string& key,
                                   const client::Removal& removal) {
    STRATOS_CHECK(FakeVersions<Stored>::check(bucket.versions, bucket.objects, key, removal));
    if (bucket.info.versioning == client::Versioning::never) {
      const auto found = bucket.objects.find(key);
      const bool named =
          found != bucket.objects.end() && (!removal.version || removal.version->is_zero() ||
                                            *removal.version == found->second.info.version);
      if (named) bucket.objects.erase(found);
      return client::Removed{};
    }
    const bool versioned = bucket.info.versioning == client::Versioning::enabled;
    return FakeVersions<Stored>::remove(bucket.versions, bucket.objects, key, removal,
                                        next_id<VersionId>(), versioned, now);
  }
  template <class Change>
  Result<client::ChangedVersion> change_all(Result<const Stored*> found, const std::string& bucket,
                                            const std::string& key, Change change) {
    if (!found) return fail(found.error());
    const client::ChangedVersion changed{(*found)->info.version, (*found)->info.versioned};
    FakeVersions<Stored>::change(buckets_.at(bucket).versions, buckets_.at(bucket).objects, key,
                                 changed.version, change);
    return changed;
  }
  Result<Bucket*> find(const std::string& name) {
    const auto found = buckets_.find(name);
    if (found == buckets_.end()) return fail(Errc::no_such_bucket, name);
    return &found->second;
  }
  static Result<void> check(const Bucket& bucket, const std::string& key,
                            const client::Condition& condition) {
    const auto found = bucket.objects.find(key);
    const bool exists = found != bucket.objects.end();
    if (condition.exists && *condition.exists != exists) return fail(Errc::precondition_failed);
    const bool same = exists && found->second.info.attributes.etag == condition.if_none_match;
    if (same) return fail(Errc::precondition_failed);
    if (!condition.if_match) return {};
    if (!exists) return fail(Errc::no_such_object);
    if (found->second.info.attributes.etag == *condition.if_match) return {};
    return fail(Errc::precondition_failed);
  }

  Task<Result<Stored>> take(client::BodySource& body) {
    Stored stored;
    while (true) {
      STRATOS_CO_TRY(const Buffer part, co_await body.next(take_bytes));
      if (part.empty()) break;
      stored.data += as_text(part.view());
    }
    STRATOS_CO_TRY(stored.info.attributes, body.finish());
    co_return stored;
  }
  client::ObjectInfo store(Bucket& bucket, const std::string& key, Stored stored) {
    stored.info.key = key;
    stored.info.version = next_id<VersionId>();
    stored.info.size = stored.data.size();
    stored.info.modified = now;
    stored.info.paid_through = paid_through;
    stored.info.versioned = bucket.info.versioning == client::Versioning::enabled;
    client::ObjectInfo info = stored.info;
    if (bucket.info.versioning != client::Versioning::never) {
      FakeVersions<Stored>::add(bucket.versions[key], {stored, false});
    }
    bucket.objects[key] = std::move(stored);
    return info;
  }
  static client::ListPage::Entry to_entry(const client::ObjectInfo& info) {
    client::ListPage::Entry entry{info.key,      info.size, info.attributes.etag,
                                  info.modified, {},        info.attributes.access.owner};
    for (const auto& c : info.attributes.checksums)
      entry.checksum_algorithms.push_back(c.algorithm);
    return entry;
  }
  static std::string common_prefix(const std::string& key, const std::string& prefix,
                                   const std::string& delimiter) {
    if (delimiter.empty()) return {};
    const std::size_t at = key.find(delimiter, prefix.size());
    return at == key.npos ? std::string() : key.substr(0, at + delimiter.size());
  }
  template <class Id>
  Id next_id() {
    Id id;
    store_le(id.value.data() + 8, ++ids_);
    return id;
  }

  std::map<std::string, Bucket> buckets_;
  std::map<std::string, Credential> credentials_;
  std::uint64_t ids_ = 0;
};

}  // namespace stratos::gateway::s3
