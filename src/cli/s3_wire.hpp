// What the CLI's own clients ask an S3 service and read of its answers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace stratos::cli {

// s3://bucket/key
struct S3Path {
  std::string bucket;
  std::string key;
};
// nullopt when the text is no s3:// path.
std::optional<S3Path> parse_s3_path(std::string_view text);

struct S3Object {
  std::string key;
  std::uint64_t size = 0;
  std::string modified;
  std::string etag;
};
struct S3Listing {
  std::vector<S3Object> objects;
  std::vector<std::string> prefixes;
  std::string next;  // empty at the end
};

// Request targets, the bucket in the path.
std::string object_target(const S3Path& path);
// Of a page of the keys that begin with the path's, behind `token`; a recursive one has no
// prefixes.
std::string listing_target(const S3Path& path, bool recursive, const std::string& token);

// Errc::bad_encoding.
Result<S3Listing> parse_listing(ByteView body);
// Of an answer of 300 and above: the code of its kind, the service's code and message as text.
Error error_of_answer(int status, ByteView body);

}  // namespace stratos::cli
