// An ObjectClient in memory, for tests of what stands on it.
#pragma once
#include "gateway/s3/fake_objects.hpp"

namespace stratos::gateway::s3 {

class FakeObjectClient final : public FakeObjects {
 public:
  std::uint64_t min_part_bytes = 5;  // instead of 5 MiB

  void lose_uploads() { uploads_.clear(); }

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
                   request.attributes.access.owner,
                   request.attributes.key_check};
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
                                           client::VersionChoice source_version,
                                           std::optional<client::ByteRange> range,
                                           std::string bucket, std::string key, UploadId id,
                                           std::uint32_t number) override {
    STRATOS_CO_TRY(const Stored* source,
                   enter("copy_part", source_bucket, source_key, source_version));
    if (!source->info.attributes.key_check.empty()) co_return fail(Errc::bad_key);
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
  Task<Result<client::ObjectInfo>> complete_upload(client::Principal who, std::string bucket,
                                                   std::string key, UploadId id,
                                                   std::vector<client::CompletedPart> parts,
                                                   client::ETag etag,
                                                   std::vector<client::Checksum> checksums,
                                                   client::Condition condition) override {
    STRATOS_CO_TRY(Bucket * target, enter("complete_upload", bucket));
    last_cause = who.cause;
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
      whole.info.attributes.parts.add(part.number, found->second.data.size());
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

  // A day of a version costs this much; more than `ozone` is not paid.
  static constexpr std::uint64_t kNozADay = 10;
  std::uint64_t ozone = 1000;
  client::PaymentStage payment_stage = client::PaymentStage::paid;

  Task<Result<client::PaymentInfo>> payment(std::string bucket, std::string key,
                                            client::VersionChoice version) override {
    STRATOS_CO_TRY(const Stored* stored, enter("payment", bucket, key, version));
    client::PaymentInfo info;
    info.version = stored->info.version;
    info.versioned = stored->info.versioned;
    info.payment.through = paid_until(stored->info);
    info.payment.stored_bytes = 3 * stored->info.size;
    info.payment.stage = payment_stage;
    info.payment.due = info.payment.through;
    info.term_ms = 30 * kDayMs;
    info.term_noz = 30 * kNozADay;
    info.renews = buckets_.at(bucket).info.renews;
    co_return info;
  }
  Task<Result<client::ExtendedPayment>> extend_payment(
      std::string bucket, std::string key, client::VersionChoice version,
      client::PaymentExtension extension) override {
    STRATOS_CO_TRY(const Stored* stored, enter("extend_payment", bucket, key, version));
    const WallTime before = paid_until(stored->info);
    if (before.ms == 0) co_return fail(Errc::invalid_bucket_state);
    WallTime through = extension.through;
    if (extension.days != 0) through = {before.ms + kDayMs * extension.days};
    client::ExtendedPayment extended;
    extended.noz = static_cast<std::uint64_t>((through.ms - before.ms) / kDayMs) * kNozADay;
    if (extended.noz > ozone) co_return fail(Errc::ozone_exhausted);
    extensions_[stored->info.version] = through;
    extended.version = stored->info.version;
    extended.versioned = stored->info.versioned;
    extended.payment.through = through;
    co_return extended;
  }
  Task<Result<void>> set_renewal(std::string name, bool renews) override {
    STRATOS_CO_TRY(Bucket * bucket, FakeObjects::enter("set_renewal", name));
    bucket->info.renews = renews;
    co_return Result<void>{};
  }

 private:
  static constexpr std::int64_t kDayMs = 86'400'000;
  WallTime paid_until(const client::ObjectInfo& info) const {
    const auto extended = extensions_.find(info.version);
    return extended == extensions_.end() ? info.paid_through : extended->second;
  }

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

  Result<Upload*> find_upload(const std::string& bucket, const std::string& key, UploadId id) {
    const auto found = uploads_.find(UploadName{bucket, key, id});
    if (found == uploads_.end()) return fail(Errc::no_such_upload);
    return &found->second;
  }

  client::PartInfo store_part(Upload& upload, std::uint32_t number, Stored stored) {
    Part& part = upload.parts[number];
    part.info = {number, stored.data.size(), now, stored.info.attributes.etag,
                 stored.info.attributes.checksums};
    part.data = std::move(stored.data);
    return part.info;
  }
  std::map<UploadName, Upload> uploads_;
  std::map<VersionId, WallTime> extensions_;
};

}  // namespace stratos::gateway::s3
