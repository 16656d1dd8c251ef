// Headers of object requests: metadata, ranges, conditions, copy sources.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {

// x-amz-meta-*: names without the prefix, in lower case, in order of arrival; repeated ones joined
// by commas. Names and values together may have 2 KiB: Errc::metadata_too_large.
constexpr std::size_t kMaxMetadataBytes = 2048;
using UserMetadata = std::vector<std::pair<std::string, std::string>>;
Result<UserMetadata> parse_user_metadata(const http::Headers& headers);

// Headers that are stored with an object and given back as they came. Content-Encoding is without
// aws-chunked. Names in lower case; empty ones left out.
using StoredHeaders = std::vector<std::pair<std::string, std::string>>;
StoredHeaders parse_stored_headers(const http::Headers& headers);
// The response-* query parameters of GetObject replace them.
StoredHeaders apply_response_overrides(StoredHeaders stored, const http::Target& target);

// STANDARD or REDUCED_REDUNDANCY, which both mean the bucket's profile.
// Errc::invalid_storage_class.
Result<std::string> parse_storage_class(const http::Headers& headers);

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// The range of an object of `size_bytes` that a Range header asks for. nullopt: the whole object,
// as also for malformed and multiple ranges, which are ignored. Errc::invalid_range when nothing of
// it lies inside.
Result<std::optional<ByteRange>> resolve_range(std::optional<std::string_view> header,
                                               std::uint64_t size_bytes);
// x-amz-copy-source-range: only "bytes=a-b" within the source. Errc::invalid_argument.
Result<ByteRange> parse_copy_range(std::string_view header, std::uint64_t size_bytes);

// "bytes 0-9/443"
std::string content_range(ByteRange range, std::uint64_t size_bytes);

struct Conditions {
  std::optional<std::string> if_match;
  std::optional<std::string> if_none_match;
  std::optional<WallTime> if_modified_since;
  std::optional<WallTime> if_unmodified_since;
};
// `prefix` is "" or "x-amz-copy-source-". Dates that cannot be read are ignored.
Conditions parse_conditions(const http::Headers& headers, std::string_view prefix);

// Reading an object with this entity tag (without quotes) and time. If-Match outranks
// If-Unmodified-Since, If-None-Match outranks If-Modified-Since. Errc::precondition_failed or
// not_modified.
Result<void> check_read(const Conditions& conditions, std::string_view etag, WallTime modified);
// The same for the source of a copy, where nothing is "not modified": Errc::precondition_failed.
Result<void> check_copy_source(const Conditions& conditions, std::string_view etag,
                               WallTime modified);
// Writing a key that now has `etag`, or nothing. Errc::precondition_failed; no_such_object for
// If-Match without an object; not_implemented for If-None-Match other than "*".
Result<void> check_write(const Conditions& conditions, std::optional<std::string_view> etag);

struct CopySource {
  std::string bucket;
  std::string key;
  std::string version_id;  // empty: none
};
// "/bucket/key?versionId=…", percent-encoded, with or without the first slash.
// Errc::invalid_argument, bad_bucket_name, key_too_long.
Result<CopySource> parse_copy_source(std::string_view header);

}  // namespace stratos::gateway::s3
