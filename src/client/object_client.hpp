// ObjectClient: buckets and objects over the mesh. What the S3 gateway, other gateways and the SDK
// call. It encrypts, codes and places data; it does not know S3.
//
// All calls belong to one Runtime. Errors keep the codes of the meta layer (Errc::no_such_bucket,
// Errc::precondition_failed, ...). Memory per running transfer is bounded (kStreamMemoryBytes).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.hpp"
#include "client/notice.hpp"
#include "client/object.hpp"
#include "crypto/keys.hpp"
#include "meta/bucket_config.hpp"
#include "runtime/runtime.hpp"

namespace stratos::client {

constexpr std::size_t kStreamMemoryBytes = 8 << 20;
constexpr std::size_t kMaxInlineBytes = 4096;

// Who asks, whatever the credential was. Authorisation of the action is the caller's work.
struct Principal {
  AccountId account;
  std::shared_ptr<const Cause> cause = nullptr;  // where somebody may be told of what is changed
};

// A body on its way in. finish() is called once, after next() gave an empty Buffer, and returns
// what is stored with the object; an error there (a digest that does not match) abandons the write.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // At least one byte and at most `max_bytes`; empty at the end.
  virtual Task<Result<Buffer>> next(std::size_t max_bytes) = 0;
  // The size when it is known beforehand.
  virtual std::optional<std::uint64_t> size() const = 0;
  virtual Result<Attributes> finish() = 0;
  // The client's own key, for bodies that are stored under one; its check is in the attributes.
  virtual const crypto::SecretKey* customer_key() const { return nullptr; }
};

// A part of an object's bytes: [first, last], open ends and suffixes as in RFC 9110 §14.1.2.
struct ByteRange {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;  // with `first` absent: the number of bytes from the end
};

// A body on its way out: every byte has been authenticated. Nothing is fetched before next().
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual const ObjectInfo& info() const = 0;
  // Delivers only this range; before the first next(). Errc::range_not_satisfiable.
  virtual Result<void> select(ByteRange range) = 0;
  // The client's own key, for what was stored under one; before the first next(), which is
  // Errc::bad_key without it.
  virtual void unlock(const crypto::SecretKey& customer_key) = 0;
  // The range that will be delivered.
  virtual std::uint64_t offset() const = 0;
  virtual std::uint64_t length() const = 0;
  // The next bytes, empty at the end. Errc::object_unreadable when too many fragments are missing.
  virtual Task<Result<Buffer>> next() = 0;
};

struct BucketInfo {
  std::string name;
  AccountId owner;
  WallTime created;
  std::string region;
  std::string profile;
  Versioning versioning = Versioning::never;
  bool object_lock = false;
  DefaultRetention default_retention;
  bool renews = false;  // its owner's ozone pays further terms
};

// What a bucket's owner set about it, one document of each kind, in the gateway's own encodings.
using meta::ConfigKind;
constexpr std::size_t kMaxConfigBytes = 96 << 10;
using BucketConfigs = std::map<ConfigKind, Bytes>;
struct BucketSettings {
  BucketInfo info;
  BucketConfigs configs;
};
// What a bucket begins with.
struct BucketOptions {
  BucketConfigs configs;
  bool object_lock = false;
};

struct ListRequest {
  std::string prefix;
  std::string delimiter;
  std::string start_after;  // exclusive; a common prefix here skips all keys below it
  std::uint32_t max_keys = 1000;
};
struct ListPage {
  struct Entry {
    std::string key;
    std::uint64_t size = 0;
    ETag etag;
    WallTime modified;
    std::vector<std::string> checksum_algorithms;
    AccountId owner;  // zero: the bucket's owner
  };
  std::vector<Entry> entries;                // in key order
  std::vector<std::string> common_prefixes;  // in key order
  bool truncated = false;
  std::string next_start_after;  // continues the listing
};

struct VersionsRequest {
  std::string prefix;
  std::string delimiter;
  std::string key_marker;                   // exclusive; a common prefix skips all keys below it
  std::optional<VersionId> version_marker;  // among the versions of key_marker; zero: null
  std::uint32_t limit = 1000;
};
struct VersionsPage {
  struct Entry {
    std::string key;
    VersionId version;
    bool versioned = false;
    bool marker = false;
    bool latest = false;
    std::uint64_t size = 0;
    WallTime modified;
    ETag etag;
    std::vector<std::string> checksum_algorithms;
    AccountId owner;  // zero: the bucket's owner
  };
  std::vector<Entry> entries;  // by key, the newest version first
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key_marker;
  std::optional<VersionId> next_version_marker;
};

struct UploadInfo {
  std::string key;
  UploadId id;
  WallTime created;
  std::string checksum_algorithm;  // chosen at creation; may be empty
  std::string checksum_type;       // "COMPOSITE", "FULL_OBJECT" or empty
  AccountId initiator;
  AccountId owner;  // of the object to be; zero: the bucket's owner
  Bytes key_check;  // of its attributes
};
struct PartInfo {
  std::uint32_t number = 0;  // 1..10000
  std::uint64_t size = 0;
  WallTime modified;
  ETag etag;
  std::vector<Checksum> checksums;
};
struct CreateUploadRequest {
  Attributes attributes;  // headers and metadata of the object to be; its etag is not used
  std::string checksum_algorithm;
  std::string checksum_type;
};
// The whole object's attributes from the chosen parts, computed by the caller (etag, checksums).
struct CompletedPart {
  std::uint32_t number = 0;
  ETag etag;  // must be the stored part's
};

class ObjectClient {
 public:
  virtual ~ObjectClient() = default;

  // With object lock comes versioning.
  virtual Task<Result<BucketInfo>> create_bucket(Principal who, std::string name,
                                                 std::string region, BucketOptions options) = 0;
  Task<Result<BucketInfo>> create_bucket(Principal who, std::string name, std::string region) {
    return create_bucket(who, std::move(name), std::move(region), {});
  }
  virtual Task<Result<BucketInfo>> head_bucket(std::string name) = 0;
  // The bucket with its configuration.
  virtual Task<Result<BucketSettings>> bucket_settings(std::string name) = 0;
  // Without a document: removes it. Errc::too_large above kMaxConfigBytes.
  virtual Task<Result<void>> set_bucket_config(std::string bucket, ConfigKind kind,
                                               std::optional<Bytes> document) = 0;
  // Buckets of all owners that have a document of this kind, page by page; a page may be empty and
  // yet not the last.
  struct ConfiguredPage {
    std::vector<std::string> buckets;
    std::string next;  // goes on after this one; empty at the end
  };
  virtual Task<Result<ConfiguredPage>> configured_buckets(ConfigKind kind, std::string after) = 0;
  // Errc::no_such_account.
  virtual Task<Result<std::string>> account_name(AccountId account) = 0;
  virtual Task<Result<void>> delete_bucket(std::string name) = 0;
  virtual Task<Result<std::vector<BucketInfo>>> list_buckets(Principal who) = 0;

  virtual Task<Result<ObjectInfo>> put(Principal who, std::string bucket, std::string key,
                                       BodySource& body, Condition condition) = 0;
  // Reads: Errc::no_such_object, Errc::object_deleted where a delete marker is current,
  // Errc::no_such_version, Errc::delete_marker where the version is one.
  virtual Task<Result<ObjectInfo>> head(std::string bucket, std::string key,
                                        VersionChoice version) = 0;
  Task<Result<ObjectInfo>> head(std::string bucket, std::string key) {
    return head(std::move(bucket), std::move(key), std::nullopt);
  }
  // One look-up; the reader refers to this client and dies before it.
  virtual Task<Result<std::unique_ptr<ObjectReader>>> get(std::string bucket, std::string key,
                                                          VersionChoice version) = 0;
  Task<Result<std::unique_ptr<ObjectReader>>> get(std::string bucket, std::string key) {
    return get(std::move(bucket), std::move(key), std::nullopt);
  }
  // Deleting what is absent succeeds, on whatever condition. Errc::object_locked.
  virtual Task<Result<Removed>> remove(std::string bucket, std::string key, Removal removal) = 0;
  // One result per item, in order. Conditions on entity tags are not for these.
  virtual Task<Result<std::vector<Result<Removed>>>> remove_many(
      std::string bucket, std::vector<RemovalItem> items) = 0;
  // Shares the source's segments. Errc::precondition_failed when its version goes meanwhile,
  // Errc::bad_key for what was stored under a client's key.
  virtual Task<Result<ObjectInfo>> copy(Principal who, std::string source_bucket,
                                        std::string source_key, std::string bucket, std::string key,
                                        CopyOptions options) = 0;
  // Replaces all attributes of a version that stays as it is otherwise.
  // Errc::precondition_failed when there is no such version any more.
  virtual Task<Result<void>> set_attributes(std::string bucket, std::string key, VersionId version,
                                            Attributes attributes) = 0;
  virtual Task<Result<VersionsPage>> list_versions(std::string bucket, VersionsRequest request) = 0;

  // Errc::invalid_bucket_state where object lock forbids it, or needs versioning first.
  virtual Task<Result<void>> set_versioning(std::string bucket, Versioning versioning) = 0;
  virtual Task<Result<void>> set_object_lock(std::string bucket, DefaultRetention retention) = 0;
  // Of a version that exists; errors as in reads. Empty tags remove them.
  virtual Task<Result<ChangedVersion>> put_tags(Principal who, std::string bucket, std::string key,
                                                VersionChoice version, Tags tags) = 0;
  // Mode and date of the lock count. Errc::object_locked, Errc::no_object_lock.
  virtual Task<Result<ChangedVersion>> put_retention(std::string bucket, std::string key,
                                                     VersionChoice version, ObjectLock lock,
                                                     bool bypass_governance) = 0;
  virtual Task<Result<ChangedVersion>> put_hold(std::string bucket, std::string key,
                                                VersionChoice version, bool hold) = 0;

  // Errors as in reads.
  virtual Task<Result<PaymentInfo>> payment(std::string bucket, std::string key,
                                            VersionChoice version) = 0;
  // Errc::invalid_bucket_state where objects are kept without an end, Errc::ozone_exhausted,
  // Errc::invalid_argument.
  virtual Task<Result<ExtendedPayment>> extend_payment(std::string bucket, std::string key,
                                                       VersionChoice version,
                                                       PaymentExtension extension) = 0;
  virtual Task<Result<void>> set_renewal(std::string bucket, bool renews) = 0;

  virtual Task<Result<ListPage>> list(std::string bucket, ListRequest request) = 0;

  virtual Task<Result<UploadId>> create_upload(Principal who, std::string bucket, std::string key,
                                               CreateUploadRequest request) = 0;
  virtual Task<Result<UploadInfo>> head_upload(std::string bucket, std::string key,
                                               UploadId upload) = 0;
  virtual Task<Result<PartInfo>> put_part(Principal who, std::string bucket, std::string key,
                                          UploadId upload, std::uint32_t number,
                                          BodySource& body) = 0;
  // Any range is shared, not copied. The bytes are read once, for `etag` and the checksum that the
  // upload chose; CRC64NVME where it chose none.
  virtual Task<Result<PartInfo>> copy_part(Principal who, std::string source_bucket,
                                           std::string source_key, VersionChoice source_version,
                                           std::optional<ByteRange> range, std::string bucket,
                                           std::string key, UploadId upload,
                                           std::uint32_t number) = 0;
  // Parts with a number > `after`, at most `limit`, in order.
  virtual Task<Result<std::vector<PartInfo>>> list_parts(std::string bucket, std::string key,
                                                         UploadId upload, std::uint32_t after,
                                                         std::uint32_t limit) = 0;
  struct UploadPage {
    std::vector<UploadInfo> uploads;
    std::vector<std::string> common_prefixes;
    bool truncated = false;
    std::string next_key_marker;
    UploadId next_upload_marker;
  };
  virtual Task<Result<UploadPage>> list_uploads(std::string bucket, std::string prefix,
                                                std::string delimiter, std::string key_marker,
                                                UploadId upload_marker, std::uint32_t limit) = 0;
  // Errc::no_such_part, Errc::invalid_part_order, Errc::part_too_small (all but the last need 5
  // MiB). Completing again with the same parts returns the same object.
  virtual Task<Result<ObjectInfo>> complete_upload(Principal who, std::string bucket,
                                                   std::string key, UploadId upload,
                                                   std::vector<CompletedPart> parts, ETag etag,
                                                   std::vector<Checksum> checksums,
                                                   Condition condition) = 0;
  virtual Task<Result<void>> abort_upload(std::string bucket, std::string key, UploadId upload) = 0;

  // Who is told of changes of a bucket, from the next change on.
  virtual Task<Result<void>> set_notifications(std::string bucket, NotificationConfig config) = 0;
  // Notices for a target that come after `after`, at most `limit`.
  virtual Task<Result<NoticePage>> list_notices(std::string target, NoticePlace after,
                                                std::uint32_t limit) = 0;
  // That were delivered; at most 1000. What is gone already is fine.
  virtual Task<Result<void>> take_off_notices(std::string target,
                                              std::vector<NoticePlace> places) = 0;

  // The account that an access key belongs to, and the secret derived for it.
  struct Credential {
    AccountId account;
    std::string secret;
  };
  // Errc::no_such_access_key.
  virtual Task<Result<Credential>> credential(std::string access_key) = 0;
};

}  // namespace stratos::client
