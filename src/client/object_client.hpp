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
#include "base/ids.hpp"
#include "base/time.hpp"
#include "codec/record.hpp"
#include "meta/bucket_config.hpp"
#include "runtime/runtime.hpp"

namespace stratos::client {

constexpr std::size_t kStreamMemoryBytes = 8 << 20;
constexpr std::size_t kMaxInlineBytes = 4096;

// Who asks, whatever the credential was. Authorisation of the action is the caller's work.
struct Principal {
  AccountId account;
};

// An entity tag: MD5 of the body, or of the parts' MD5s with their number (0 means a single body).
struct ETag {
  std::array<std::uint8_t, 16> md5{};
  std::uint32_t parts = 0;
  std::string to_string() const;  // without quotes: 32 hex digits, "-N" for parts
  static std::optional<ETag> parse(std::string_view text);  // with or without quotes
  friend bool operator==(const ETag&, const ETag&) = default;
};

// One checksum of S3's kinds; `composite` is the form over the parts' checksums.
struct Checksum {
  std::string algorithm;  // "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"
  Bytes value;
  std::uint32_t parts = 0;  // of a composite checksum
  bool composite = false;
  static void fields(auto& self, auto&& field) {
    field(1, self.algorithm);
    field(2, self.value);
    field(3, self.parts);
    field(4, self.composite);
  }
};

// Whose an object is and who else may use it. The gateway alone reads the list; empty: nobody.
struct ObjectAccess {
  AccountId owner;  // zero: the bucket's owner
  Bytes acl;
};

// What the owner says about an object besides its bytes. Sealed: the mesh sees none of it.
struct Attributes {
  ETag etag;
  std::vector<Checksum> checksums;
  std::map<std::string, std::string> headers;   // content-type, cache-control, ... lower-case names
  std::map<std::string, std::string> metadata;  // x-amz-meta-*, without the prefix
  ObjectAccess access;
};

struct ObjectInfo {
  std::string key;
  VersionId version;
  std::uint64_t size = 0;
  WallTime modified;
  Attributes attributes;
};

// Conditions on the current version, decided at the point of ordering. `exists` false:
// If-None-Match: *
struct Condition {
  std::optional<bool> exists;
  std::optional<ETag> if_match;
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
};

// What a bucket's owner set about it, one document of each kind, in the gateway's own encodings.
using meta::ConfigKind;
constexpr std::size_t kMaxConfigBytes = 96 << 10;
using BucketConfigs = std::map<ConfigKind, Bytes>;
struct BucketSettings {
  BucketInfo info;
  BucketConfigs configs;
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

struct UploadInfo {
  std::string key;
  UploadId id;
  WallTime created;
  std::string checksum_algorithm;  // chosen at creation; may be empty
  std::string checksum_type;       // "COMPOSITE", "FULL_OBJECT" or empty
  AccountId initiator;
  AccountId owner;  // of the object to be; zero: the bucket's owner
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

  virtual Task<Result<BucketInfo>> create_bucket(Principal who, std::string name,
                                                 std::string region, BucketConfigs configs) = 0;
  virtual Task<Result<BucketInfo>> head_bucket(std::string name) = 0;
  // The bucket with its configuration.
  virtual Task<Result<BucketSettings>> bucket_settings(std::string name) = 0;
  // Without a document: removes it. Errc::too_large above kMaxConfigBytes.
  virtual Task<Result<void>> set_bucket_config(std::string bucket, ConfigKind kind,
                                               std::optional<Bytes> document) = 0;
  // Errc::no_such_account.
  virtual Task<Result<std::string>> account_name(AccountId account) = 0;
  virtual Task<Result<void>> delete_bucket(std::string name) = 0;
  virtual Task<Result<std::vector<BucketInfo>>> list_buckets(Principal who) = 0;

  virtual Task<Result<ObjectInfo>> put(Principal who, std::string bucket, std::string key,
                                       BodySource& body, Condition condition) = 0;
  virtual Task<Result<ObjectInfo>> head(std::string bucket, std::string key) = 0;
  // One look-up; the reader refers to this client and dies before it.
  virtual Task<Result<std::unique_ptr<ObjectReader>>> get(std::string bucket, std::string key) = 0;
  // Deleting what is absent succeeds.
  virtual Task<Result<void>> remove(std::string bucket, std::string key, Condition condition) = 0;
  // One result per key, in order.
  virtual Task<Result<std::vector<Result<void>>>> remove_many(std::string bucket,
                                                              std::vector<std::string> keys) = 0;
  // Replaces all attributes of a version that stays as it is otherwise.
  // Errc::precondition_failed when it is not the current one any more.
  virtual Task<Result<void>> set_attributes(std::string bucket, std::string key, VersionId version,
                                            Attributes attributes) = 0;
  // Shares the source's segments. `attributes` replaces headers and metadata (etag and checksums
  // stay the source's); `access` is the copy's own. `source_version`, when set, must be the
  // source's current version.
  virtual Task<Result<ObjectInfo>> copy(Principal who, std::string source_bucket,
                                        std::string source_key,
                                        std::optional<VersionId> source_version, std::string bucket,
                                        std::string key, std::optional<Attributes> attributes,
                                        ObjectAccess access) = 0;
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
                                           std::string source_key, std::optional<ByteRange> range,
                                           std::string bucket, std::string key, UploadId upload,
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

  // The account that an access key belongs to, and the secret derived for it.
  struct Credential {
    AccountId account;
    std::string secret;
  };
  // Errc::no_such_access_key.
  virtual Task<Result<Credential>> credential(std::string access_key) = 0;
};

}  // namespace stratos::client
