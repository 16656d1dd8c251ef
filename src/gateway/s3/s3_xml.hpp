// The XML documents of the S3 protocol: requests read, answers written.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "gateway/s3/body_digests.hpp"

namespace stratos::gateway::s3 {

// --- requests; every fault is Errc::malformed_xml unless named -----------------------------------

constexpr std::size_t kMaxDeleteKeys = 1000;
constexpr std::size_t kMaxParts = 10'000;

struct DeleteItem {
  std::string key;
  std::string version_id;  // empty: none
  std::string etag;        // empty: unconditional; without quotes
  std::optional<std::uint64_t> size_bytes;
  std::optional<WallTime> modified;
};
struct DeleteRequest {
  bool quiet = false;
  std::vector<DeleteItem> items;  // 1 to 1,000
};
Result<DeleteRequest> parse_delete(ByteView text);

struct CompletedPart {
  std::uint32_t number = 0;  // 1 to 10,000
  std::string etag;          // without quotes
  std::optional<Checksum> checksum;
};
// In ascending order of part number (Errc::invalid_part_order), at least one.
Result<std::vector<CompletedPart>> parse_complete_upload(ByteView text);

// The LocationConstraint of CreateBucket; empty for none and for an empty body.
Result<std::string> parse_create_bucket(ByteView text);

// --- answers -------------------------------------------------------------------------------------

struct Owner {
  std::string id;
  std::string display_name;
};

class XmlWriter;
void write_owner(XmlWriter& xml, std::string_view name, const Owner& owner);

// By account; the zero account stands for the bucket's owner.
using Owners = std::map<AccountId, Owner>;

struct BucketItem {
  std::string name;
  WallTime created;
  std::string region;
};
struct BucketListing {
  Owner owner;
  std::vector<BucketItem> buckets;
  std::string prefix;
  std::string continuation_token;  // empty: there are no more
};
std::string list_buckets_document(const BucketListing& listing);

struct ObjectItem {
  std::string key;
  WallTime modified;
  std::string etag;
  std::uint64_t size_bytes = 0;
  std::string_view storage_class = "STANDARD";
  std::optional<ChecksumAlgorithm> checksum_algorithm;
  std::optional<ChecksumType> checksum_type;
  AccountId owner;
};

// What both forms of listing share.
struct ObjectListing {
  std::string bucket;
  std::string prefix;
  std::string delimiter;
  std::uint64_t max_keys = 1000;
  bool truncated = false;
  bool url_encoding = false;  // encoding-type=url: keys and prefixes percent-encoded
  std::vector<ObjectItem> objects;
  std::vector<std::string> common_prefixes;
};
struct ListV1 {
  std::string marker;
  std::string next_marker;  // only when truncated
};
struct ListV2 {
  std::string start_after;
  std::string continuation_token;
  std::string next_continuation_token;  // only when truncated
};
// `owners` null: no Owner elements; else it holds those of all objects.
std::string list_objects_document(const ObjectListing& listing, const ListV1& page,
                                  const Owners* owners);
std::string list_objects_v2_document(const ObjectListing& listing, const ListV2& page,
                                     const Owners* owners);
struct DeletedItem {
  std::string key;
  std::string version_id;         // as asked for
  bool marker = false;            // a delete marker was removed or made
  std::string marker_version_id;  // of it
  std::optional<Error> error;
};
std::string delete_result_document(const std::vector<DeletedItem>& items, bool quiet);

struct CopyResult {
  std::string etag;
  WallTime modified;
  std::optional<Checksum> checksum;
  std::optional<ChecksumType> checksum_type;
};
std::string copy_object_document(const CopyResult& result);
std::string copy_part_document(const CopyResult& result);

struct UploadName {
  std::string bucket;
  std::string key;
  std::string upload_id;
};
std::string initiate_upload_document(const UploadName& name);

struct CompleteResult {
  std::string location;
  std::string bucket;
  std::string key;
  std::string etag;
  std::optional<Checksum> checksum;
  std::optional<ChecksumType> checksum_type;
};
std::string complete_upload_document(const CompleteResult& result);

struct PartItem {
  std::uint32_t number = 0;
  WallTime modified;
  std::string etag;
  std::uint64_t size_bytes = 0;
  std::optional<Checksum> checksum;
};
struct PartListing {
  UploadName name;
  Owner initiator;
  Owner owner;
  std::uint32_t part_number_marker = 0;
  std::uint32_t next_part_number_marker = 0;
  std::uint64_t max_parts = 1000;
  bool truncated = false;
  bool url_encoding = false;
  std::string_view storage_class = "STANDARD";
  std::optional<ChecksumAlgorithm> checksum_algorithm;
  std::optional<ChecksumType> checksum_type;
  std::vector<PartItem> parts;
};
std::string list_parts_document(const PartListing& listing);

struct UploadItem {
  std::string key;
  std::string upload_id;
  Owner initiator;
  Owner owner;
  WallTime initiated;
  std::string_view storage_class = "STANDARD";
  std::optional<ChecksumAlgorithm> checksum_algorithm;
  std::optional<ChecksumType> checksum_type;
};
struct UploadListing {
  std::string bucket;
  std::string prefix;
  std::string delimiter;
  std::string key_marker;
  std::string upload_id_marker;
  std::string next_key_marker;
  std::string next_upload_id_marker;
  std::uint64_t max_uploads = 1000;
  bool truncated = false;
  bool url_encoding = false;
  std::vector<UploadItem> uploads;
  std::vector<std::string> common_prefixes;
};
std::string list_uploads_document(const UploadListing& listing);

// Empty for us-east-1, as S3 has it.
std::string location_document(std::string_view region);
struct PartsPage {
  std::uint64_t count = 0;  // of all parts
  std::uint32_t marker = 0;
  std::uint32_t next_marker = 0;
  std::uint64_t max_parts = 1000;
  bool truncated = false;
  std::vector<PartItem> parts;
};
struct ObjectAttributes {
  std::optional<std::string> etag;
  std::optional<Checksum> checksum;
  std::optional<ChecksumType> checksum_type;
  std::optional<std::uint64_t> size_bytes;
  std::optional<std::string> storage_class;
  std::optional<PartsPage> parts;
};
std::string object_attributes_document(const ObjectAttributes& attributes);

}  // namespace stratos::gateway::s3
