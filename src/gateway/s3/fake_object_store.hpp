// What an ObjectClient in memory holds, and what tests may see and change of it.
#pragma once
#include <algorithm>
#include <map>
#include <set>

#include "crypto/hash.hpp"
#include "gateway/s3/fake_object_reader.hpp"

namespace stratos::gateway::s3 {

class FakeObjectStore : public client::ObjectClient {
 public:
  std::map<std::string, int> calls;   // by method
  std::map<std::string, Errc> fails;  // methods that fail
  std::size_t read_bytes = 100'000;   // what a reader gives at once
  std::size_t take_bytes = 70'000;    // what a writer asks a body for at once
  std::uint64_t min_part_bytes = 5;   // instead of 5 MiB
  std::size_t fail_read_after = SIZE_MAX;
  WallTime now{1'700'000'000'123};

  void add_key(std::string access_key, AccountId account, std::string secret) {
    credentials_[std::move(access_key)] = {account, std::move(secret)};
  }
  void remove_key(const std::string& access_key) { credentials_.erase(access_key); }
  void lose_uploads() { uploads_.clear(); }
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
  void set_modified(const std::string& bucket, const std::string& key, WallTime time) {
    buckets_.at(bucket).objects.at(key).info.modified = time;
  }
  std::map<AccountId, std::string> account_names;
  client::BucketConfigs& configs_of(const std::string& bucket) {
    return buckets_.at(bucket).configs;
  }
  std::set<std::string> undeletable;

 protected:
  struct Stored {
    client::ObjectInfo info;
    std::string data;
  };
  struct Bucket {
    client::BucketInfo info;
    client::BucketConfigs configs;
    std::map<std::string, Stored> objects;
  };
  struct UploadName {
    std::string bucket;
    std::string key;
    UploadId id;
    friend auto operator<=>(const UploadName&, const UploadName&) = default;
  };
  struct Part {
    client::PartInfo info;
    std::string data;
  };
  struct Upload {
    client::UploadInfo info;
    client::Attributes attributes;
    std::map<std::uint32_t, Part> parts;
  };

  Result<void> enter(const std::string& method) {
    ++calls[method];
    const auto found = fails.find(method);
    if (found != fails.end()) return fail(found->second, "node n7 at 10.0.0.7");
    return {};
  }
  Result<Bucket*> enter(const std::string& method, const std::string& bucket) {
    STRATOS_CHECK(enter(method));
    return find(bucket);
  }
  Result<const Stored*> enter(const std::string& method, const std::string& bucket_name,
                              const std::string& key) {
    STRATOS_TRY(const Bucket* bucket, enter(method, bucket_name));
    const auto found = bucket->objects.find(key);
    if (found == bucket->objects.end()) return fail(Errc::no_such_object);
    return &found->second;
  }
  Result<Bucket*> find(const std::string& name) {
    const auto found = buckets_.find(name);
    if (found == buckets_.end()) return fail(Errc::no_such_bucket, name);
    return &found->second;
  }
  Result<Upload*> find_upload(const std::string& bucket, const std::string& key, UploadId id) {
    const auto found = uploads_.find(UploadName{bucket, key, id});
    if (found == uploads_.end()) return fail(Errc::no_such_upload);
    return &found->second;
  }

  static Result<void> check(const Bucket& bucket, const std::string& key,
                            const client::Condition& condition) {
    const auto found = bucket.objects.find(key);
    const bool exists = found != bucket.objects.end();
    if (condition.exists && *condition.exists != exists) return fail(Errc::precondition_failed);
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
    client::ObjectInfo info = stored.info;
    bucket.objects[key] = std::move(stored);
    return info;
  }
  client::PartInfo store_part(Upload& upload, std::uint32_t number, Stored stored) {
    Part& part = upload.parts[number];
    part.info = {number, stored.data.size(), now, stored.info.attributes.etag,
                 stored.info.attributes.checksums};
    part.data = std::move(stored.data);
    return part.info;
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
  std::map<UploadName, Upload> uploads_;
  std::map<std::string, Credential> credentials_;
  std::uint64_t ids_ = 0;
};

}  // namespace stratos::gateway::s3
