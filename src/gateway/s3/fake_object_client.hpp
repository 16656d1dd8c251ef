// An ObjectClient in memory, for tests of what stands on it.
#pragma once
#include "gateway/s3/fake_object_store.hpp"

namespace stratos::gateway::s3 {

class FakeObjectClient final : public FakeObjectStore {
 public:
  Task<Result<client::BucketInfo>> create_bucket(client::Principal who, std::string name,
                                                 std::string region,
                                                 client::BucketConfigs configs) override {
    STRATOS_CO_CHECK(enter("create_bucket"));
    if (const auto known = buckets_.find(name); known != buckets_.end()) {
      const bool own = known->second.info.owner == who.account;
      co_return fail(own ? Errc::bucket_owned_by_you : Errc::bucket_exists);
    }
    Bucket& bucket = buckets_[name];
    bucket.info = {name, who.account, now, region, "default"};
    bucket.configs = std::move(configs);
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
  Task<Result<std::string>> account_name(AccountId account) override {
    STRATOS_CO_CHECK(enter("account_name"));
    const auto found = account_names.find(account);
    if (found == account_names.end()) co_return fail(Errc::no_such_account);
    co_return found->second;
  }
  Task<Result<void>> set_attributes(std::string bucket_name, std::string key, VersionId version,
                                    client::Attributes attributes) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("set_attributes", bucket_name));
    const auto found = bucket->objects.find(key);
    if (found == bucket->objects.end()) co_return fail(Errc::no_such_object);
    if (found->second.info.version != version) co_return fail(Errc::precondition_failed);
    found->second.info.attributes = std::move(attributes);
    co_return Result<void>{};
  }
  Task<Result<void>> delete_bucket(std::string name) override {
    STRATOS_CO_TRY(const Bucket* bucket, enter("delete_bucket", name));
    if (!bucket->objects.empty()) co_return fail(Errc::bucket_not_empty);
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

  Task<Result<client::ObjectInfo>> put(client::Principal, std::string bucket_name, std::string key,
                                       client::BodySource& body,
                                       client::Condition condition) override {
    STRATOS_CO_TRY([[maybe_unused]] const Bucket* before, enter("put", bucket_name));
    STRATOS_CO_TRY(Stored stored, co_await take(body));
    STRATOS_CO_TRY(Bucket * bucket, find(bucket_name));
    STRATOS_CO_CHECK(check(*bucket, key, condition));
    co_return store(*bucket, key, std::move(stored));
  }
  Task<Result<client::ObjectInfo>> head(std::string bucket, std::string key) override {
    STRATOS_CO_TRY(const Stored* object, enter("head", bucket, key));
    co_return object->info;
  }
  Task<Result<std::unique_ptr<client::ObjectReader>>> get(std::string bucket,
                                                          std::string key) override {
    STRATOS_CO_TRY(const Stored* object, enter("get", bucket, key));
    std::unique_ptr<client::ObjectReader> reader =
        std::make_unique<FakeObjectReader>(object->info, object->data, read_bytes, fail_read_after);
    co_return reader;
  }
  Task<Result<void>> remove(std::string bucket_name, std::string key,
                            client::Condition condition) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("remove", bucket_name));
    STRATOS_CO_CHECK(check(*bucket, key, condition));
    bucket->objects.erase(key);
    co_return Result<void>{};
  }
  Task<Result<std::vector<Result<void>>>> remove_many(std::string bucket_name,
                                                      std::vector<std::string> keys) override {
    STRATOS_CO_TRY(Bucket * bucket, enter("remove_many", bucket_name));
    std::vector<Result<void>> results;
    for (const std::string& key : keys) {
      if (undeletable.contains(key)) {
        results.push_back(fail(Errc::deadline_exceeded, "node n7 at 10.0.0.7"));
      } else {
        bucket->objects.erase(key);
        results.emplace_back();
      }
    }
    co_return results;
  }

  Task<Result<client::ObjectInfo>> copy(client::Principal, std::string source_bucket,
                                        std::string source_key,
                                        std::optional<VersionId> source_version, std::string bucket,
                                        std::string key,
                                        std::optional<client::Attributes> attributes,
                                        client::ObjectAccess access) override {
    STRATOS_CO_TRY(const Stored* source, enter("copy", source_bucket, source_key));
    if (source_version && source->info.version != *source_version) {
      co_return fail(Errc::precondition_failed);
    }
    STRATOS_CO_TRY(Bucket * target, find(bucket));
    Stored stored = *source;
    if (attributes) {
      stored.info.attributes.headers = attributes->headers;
      stored.info.attributes.metadata = attributes->metadata;
    }
    stored.info.attributes.access = std::move(access);
    co_return store(*target, key, std::move(stored));
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

  Task<Result<UploadId>> create_upload(client::Principal who, std::string bucket, std::string key,
                                       client::CreateUploadRequest request) override {
    STRATOS_CO_TRY([[maybe_unused]] const Bucket* known, enter("create_upload", bucket));
    Upload upload;
    upload.info = {key,
                   next_id<UploadId>(),
                   now,
                   request.checksum_algorithm,
                   request.checksum_type,
                   who.account,
                   request.attributes.access.owner};
    upload.attributes = request.attributes;
    const UploadId id = upload.info.id;
    uploads_.emplace(UploadName{bucket, key, id}, std::move(upload));
    co_return id;
  }
  Task<Result<client::UploadInfo>> head_upload(std::string bucket, std::string key,
                                               UploadId id) override {
    STRATOS_CO_CHECK(enter("head_upload"));
    STRATOS_CO_TRY(const Upload* upload, find_upload(bucket, key, id));
    co_return upload->info;
  }
  Task<Result<client::PartInfo>> put_part(client::Principal, std::string bucket, std::string key,
                                          UploadId id, std::uint32_t number,
                                          client::BodySource& body) override {
    STRATOS_CO_CHECK(enter("put_part"));
    STRATOS_CO_CHECK(find_upload(bucket, key, id));
    STRATOS_CO_TRY(Stored stored, co_await take(body));
    STRATOS_CO_TRY(Upload * upload, find_upload(bucket, key, id));
    co_return store_part(*upload, number, std::move(stored));
  }
  Task<Result<client::PartInfo>> copy_part(client::Principal, std::string source_bucket,
                                           std::string source_key,
                                           std::optional<client::ByteRange> range,
                                           std::string bucket, std::string key, UploadId id,
                                           std::uint32_t number) override {
    STRATOS_CO_TRY(const Stored* source, enter("copy_part", source_bucket, source_key));
    STRATOS_CO_TRY(Upload * upload, find_upload(bucket, key, id));
    Stored part;
    const std::uint64_t offset = range ? range->first.value_or(0) : 0;
    const std::uint64_t last = range ? range->last.value_or(0) : source->data.size() - 1;
    part.data = source->data.substr(offset, last - offset + 1);
    part.info.attributes.etag.md5 = crypto::md5(as_bytes(part.data));
    const auto digest = crypto::make_digest(crypto::DigestKind::crc64nvme);
    digest->update(as_bytes(part.data));
    client::Checksum checksum;
    checksum.algorithm = "CRC64NVME";
    checksum.value = digest->finish();
    part.info.attributes.checksums.push_back(checksum);
    co_return store_part(*upload, number, std::move(part));
  }
  Task<Result<std::vector<client::PartInfo>>> list_parts(std::string bucket, std::string key,
                                                         UploadId id, std::uint32_t after,
                                                         std::uint32_t limit) override {
    STRATOS_CO_CHECK(enter("list_parts"));
    STRATOS_CO_TRY(const Upload* upload, find_upload(bucket, key, id));
    std::vector<client::PartInfo> parts;
    for (const auto& [number, part] : upload->parts) {
      if (number > after && parts.size() < limit) parts.push_back(part.info);
    }
    co_return parts;
  }
  Task<Result<UploadPage>> list_uploads(std::string bucket, std::string prefix,
                                        std::string delimiter, std::string key_marker,
                                        UploadId upload_marker, std::uint32_t limit) override {
    STRATOS_CO_CHECK(enter("list_uploads"));
    UploadPage page;
    for (const auto& [name, upload] : uploads_) {
      if (name.bucket != bucket || !name.key.starts_with(prefix)) continue;
      const bool passed = name.key == key_marker
                              ? upload_marker.is_zero() || name.id <= upload_marker
                              : name.key < key_marker;
      const std::string common = common_prefix(name.key, prefix, delimiter);
      const bool listed = !common.empty() && (common == key_marker ||
                                              std::ranges::count(page.common_prefixes, common));
      if (passed || listed) continue;
      if (page.uploads.size() + page.common_prefixes.size() == limit) {
        page.truncated = true;
        break;
      }
      page.next_key_marker = common.empty() ? name.key : common;
      page.next_upload_marker = common.empty() ? name.id : UploadId{};
      if (common.empty()) {
        page.uploads.push_back(upload.info);
      } else {
        page.common_prefixes.push_back(common);
      }
    }
    co_return page;
  }
  Task<Result<client::ObjectInfo>> complete_upload(client::Principal, std::string bucket,
                                                   std::string key, UploadId id,
                                                   std::vector<client::CompletedPart> parts,
                                                   client::ETag etag,
                                                   std::vector<client::Checksum> checksums,
                                                   client::Condition condition) override {
    STRATOS_CO_TRY(Bucket * target, enter("complete_upload", bucket));
    STRATOS_CO_TRY(const Upload* upload, find_upload(bucket, key, id));
    STRATOS_CO_CHECK(check(*target, key, condition));
    Stored whole;
    whole.info.attributes = upload->attributes;
    whole.info.attributes.etag = etag;
    whole.info.attributes.checksums = std::move(checksums);
    for (const client::CompletedPart& part : parts) {
      const auto found = upload->parts.find(part.number);
      if (found == upload->parts.end() || found->second.info.etag != part.etag) {
        co_return fail(Errc::no_such_part);
      }
      if (part.number != parts.back().number && found->second.data.size() < min_part_bytes) {
        co_return fail(Errc::part_too_small);
      }
      whole.data += found->second.data;
    }
    const client::ObjectInfo info = store(*target, key, std::move(whole));
    uploads_.erase(UploadName{bucket, key, id});
    co_return info;
  }
  Task<Result<void>> abort_upload(std::string bucket, std::string key, UploadId id) override {
    STRATOS_CO_CHECK(enter("abort_upload"));
    STRATOS_CO_CHECK(find_upload(bucket, key, id));
    uploads_.erase(UploadName{bucket, key, id});
    co_return Result<void>{};
  }

  Task<Result<Credential>> credential(std::string access_key) override {
    STRATOS_CO_CHECK(enter("credential"));
    const auto found = credentials_.find(access_key);
    if (found == credentials_.end()) co_return fail(Errc::no_such_access_key, access_key);
    co_return found->second;
  }
};

}  // namespace stratos::gateway::s3
