// What a multipart upload becomes when it is completed: pure functions over its parts.
#pragma once
#include <span>

#include "gateway/s3/s3_call.hpp"

namespace stratos::gateway::s3 {

// What a completion says about the whole object in its headers.
struct CompletionPromise {
  std::optional<std::uint64_t> size_bytes;     // x-amz-mp-object-size
  std::optional<ChecksumType> checksum_type;   // x-amz-checksum-type
  std::optional<ChecksumAlgorithm> algorithm;  // of the x-amz-checksum-* header
  std::string checksum;                        // its text, perhaps with "-N"
};
// Errc::invalid_request, Errc::invalid_argument.
Result<CompletionPromise> parse_completion_promise(const http::Headers& headers);

struct Completion {
  std::vector<client::CompletedPart> parts;
  client::ETag etag;
  std::vector<client::Checksum> checksums;  // one or none
};
// `stored` in ascending order. Errc::invalid_part for a part that is not there or is another one,
// Errc::bad_digest and Errc::invalid_request where the promise is not kept.
Result<Completion> plan_completion(const client::UploadInfo& upload,
                                   std::span<const CompletedPart> wanted,
                                   std::span<const client::PartInfo> stored,
                                   const CompletionPromise& promise);

// The tag of an object made of these parts; nullopt when one of the tags is none.
std::optional<client::ETag> etag_of_parts(std::span<const CompletedPart> wanted);

}  // namespace stratos::gateway::s3
