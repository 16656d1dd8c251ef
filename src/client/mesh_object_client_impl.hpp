// Internal to client/: the class behind make_object_client; its calls are spread over
// mesh_object_client.cpp (buckets, objects, listings), mesh_versions.cpp (removals, versions, tags,
// locks), mesh_uploads.cpp (multipart), mesh_notices.cpp and mesh_payments.cpp.
#pragma once
#include "client/mesh_object_client.hpp"
#include "client/object_writer.hpp"

namespace stratos::client::detail {

class MeshObjectClient final : public ObjectClient {
 public:
  explicit MeshObjectClient(Mesh& mesh) : mesh_(mesh) {}

  Task<Result<BucketInfo>> create_bucket(Principal who, std::string name, std::string region,
                                         BucketOptions options) override;
  Task<Result<BucketSettings>> bucket_settings(std::string name) override;
  Task<Result<void>> set_bucket_config(std::string bucket, ConfigKind kind,
                                       std::optional<Bytes> document) override;
  Task<Result<ConfiguredPage>> configured_buckets(ConfigKind kind, std::string after) override;
  Task<Result<std::string>> account_name(AccountId account) override;
  Task<Result<BucketInfo>> head_bucket(std::string name) override;
  Task<Result<void>> delete_bucket(std::string name) override;
  Task<Result<std::vector<BucketInfo>>> list_buckets(Principal who) override;
  Task<Result<ObjectInfo>> put(Principal who, std::string bucket, std::string key, BodySource& body,
                               Condition condition) override;
  Task<Result<ObjectInfo>> head(std::string bucket, std::string key,
                                VersionChoice version) override;
  Task<Result<std::unique_ptr<ObjectReader>>> get(std::string bucket, std::string key,
                                                  VersionChoice version) override;
  Task<Result<Removed>> remove(std::string bucket, std::string key, Removal removal) override;
  Task<Result<std::vector<Result<Removed>>>> remove_many(std::string bucket,
                                                         std::vector<RemovalItem> items) override;
  Task<Result<ObjectInfo>> copy(Principal who, std::string source_bucket, std::string source_key,
                                std::string bucket, std::string key, CopyOptions options) override;
  Task<Result<void>> set_attributes(std::string bucket, std::string key, VersionId version,
                                    Attributes attributes) override;
  Task<Result<VersionsPage>> list_versions(std::string bucket, VersionsRequest request) override;
  Task<Result<void>> set_versioning(std::string bucket, Versioning versioning) override;
  Task<Result<void>> set_object_lock(std::string bucket, DefaultRetention retention) override;
  Task<Result<ChangedVersion>> put_tags(Principal who, std::string bucket, std::string key,
                                        VersionChoice version, Tags tags) override;
  Task<Result<ChangedVersion>> put_retention(std::string bucket, std::string key,
                                             VersionChoice version, ObjectLock lock,
                                             bool bypass_governance) override;
  Task<Result<ChangedVersion>> put_hold(std::string bucket, std::string key, VersionChoice version,
                                        bool hold) override;
  Task<Result<PaymentInfo>> payment(std::string bucket, std::string key,
                                    VersionChoice version) override;
  Task<Result<ExtendedPayment>> extend_payment(std::string bucket, std::string key,
                                               VersionChoice version,
                                               PaymentExtension extension) override;
  Task<Result<void>> set_renewal(std::string bucket, bool renews) override;
  Task<Result<ListPage>> list(std::string bucket, ListRequest request) override;
  Task<Result<UploadId>> create_upload(Principal who, std::string bucket, std::string key,
                                       CreateUploadRequest request) override;
  Task<Result<UploadInfo>> head_upload(std::string bucket, std::string key,
                                       UploadId upload) override;
  Task<Result<PartInfo>> put_part(Principal who, std::string bucket, std::string key,
                                  UploadId upload, std::uint32_t number, BodySource& body) override;
  Task<Result<PartInfo>> copy_part(Principal who, std::string source_bucket, std::string source_key,
                                   VersionChoice source_version, std::optional<ByteRange> range,
                                   std::string bucket, std::string key, UploadId upload,
                                   std::uint32_t number) override;
  Task<Result<std::vector<PartInfo>>> list_parts(std::string bucket, std::string key,
                                                 UploadId upload, std::uint32_t after,
                                                 std::uint32_t limit) override;
  Task<Result<UploadPage>> list_uploads(std::string bucket, std::string prefix,
                                        std::string delimiter, std::string key_marker,
                                        UploadId upload_marker, std::uint32_t limit) override;
  Task<Result<ObjectInfo>> complete_upload(Principal who, std::string bucket, std::string key,
                                           UploadId upload, std::vector<CompletedPart> parts,
                                           ETag etag, std::vector<Checksum> checksums,
                                           Condition condition) override;
  Task<Result<void>> abort_upload(std::string bucket, std::string key, UploadId upload) override;
  Task<Result<void>> set_notifications(std::string bucket, NotificationConfig config) override;
  Task<Result<NoticePage>> list_notices(std::string target, NoticePlace after,
                                        std::uint32_t limit) override;
  Task<Result<void>> take_off_notices(std::string target, std::vector<NoticePlace> places) override;
  Task<Result<Credential>> credential(std::string access_key) override;

 private:
  Task<Result<meta::GetObject::Reply>> look_up(std::string bucket, std::string key,
                                               VersionChoice version, bool with_data);
  Result<ObjectInfo> info_of(const std::string& key, const meta::VersionRecord& version) const;
  Task<Result<meta::Precondition>> precondition(std::string bucket, std::string key,
                                                Condition condition);
  Task<Result<meta::Precondition>> removal_condition(std::string bucket, std::string key,
                                                     Removal removal);
  meta::Cause sealed_cause(const std::shared_ptr<const Cause>& cause);
  Task<Result<StoreOptions>> store_options(std::string bucket);
  Task<Result<meta::UploadRecord>> upload_record(std::string bucket, std::string key, UploadId id);
  Task<Result<std::vector<meta::PartRecord>>> all_parts(std::string bucket, std::string key,
                                                        UploadId upload);
  Result<PartInfo> part_info(const meta::PartRecord& part) const;
  Task<Result<ObjectInfo>> completed_before(std::string bucket, std::string key, UploadId upload,
                                            ETag etag, Error error);

  Mesh& mesh_;
};

}  // namespace stratos::client::detail
