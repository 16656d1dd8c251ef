// The XML documents of versioning, object lock and tags; see s3_xml.hpp.
#pragma once
#include "client/object_client.hpp"
#include "gateway/s3/s3_xml.hpp"

namespace stratos::gateway::s3 {

// --- requests; every fault is Errc::malformed_xml unless named -----------------------------------

// Errc::not_implemented for MFA delete.
Result<client::Versioning> parse_versioning(ByteView text);
// Errc::invalid_retention_period.
Result<client::DefaultRetention> parse_object_lock(ByteView text);
// Mode and date; an empty Retention ends it.
Result<client::ObjectLock> parse_retention(ByteView text);
Result<bool> parse_legal_hold(ByteView text);

constexpr std::size_t kMaxTags = 10;  // of an object
constexpr std::size_t kMaxBucketTags = 50;
// Errc::invalid_tag; see check_tags().
Result<client::Tags> parse_tagging(ByteView text, std::size_t most = kMaxTags);
// Keys of 1 to 128 and values of up to 256 characters, none beginning with "aws:".
// Errc::invalid_tag.
Result<void> check_tags(const client::Tags& tags, std::size_t most = kMaxTags);
// "GOVERNANCE" or "COMPLIANCE"; nullopt for anything else.
std::optional<client::LockMode> parse_lock_mode(std::string_view name);
std::string_view name_of(client::LockMode mode);

// --- answers -------------------------------------------------------------------------------------

std::string versioning_document(client::Versioning versioning);
std::string object_lock_document(const client::DefaultRetention& retention);
std::string retention_document(const client::ObjectLock& lock);
std::string legal_hold_document(bool hold);
std::string tagging_document(const client::Tags& tags);

struct VersionItem {
  ObjectItem object;  // of a delete marker: key and time
  std::string version_id;
  bool latest = false;
  bool marker = false;
};
struct VersionListing {
  std::string bucket;
  std::string prefix;
  std::string delimiter;
  std::uint64_t max_keys = 1000;
  bool truncated = false;
  bool url_encoding = false;
  std::string key_marker;
  std::string version_id_marker;
  std::string next_key_marker;         // only when truncated
  std::string next_version_id_marker;  // empty after a common prefix
  std::vector<VersionItem> versions;
  std::vector<std::string> common_prefixes;
};
// `owners` holds those of all versions.
std::string list_versions_document(const VersionListing& listing, const Owners& owners);

}  // namespace stratos::gateway::s3
