// What a client says about the bytes it sends, and holding them against it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crypto/hash.hpp"
#include "crypto/md5_lanes.hpp"
#include "gateway/s3/sigv4.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {

enum class ChecksumAlgorithm : std::uint8_t { crc32, crc32c, crc64nvme, sha1, sha256 };

struct ChecksumInfo {
  ChecksumAlgorithm algorithm;
  std::string_view name;     // CRC32C, as in x-amz-checksum-algorithm
  std::string_view header;   // x-amz-checksum-crc32c
  std::string_view element;  // ChecksumCRC32C, in XML
  crypto::DigestKind digest;
  std::size_t size_bytes;
  bool may_be_full_object;  // of a multipart upload
  bool may_be_composite;
};
std::span<const ChecksumInfo> all_checksums();
const ChecksumInfo& info_of(ChecksumAlgorithm algorithm);
// By its name, in any case; Errc::invalid_request.
Result<ChecksumAlgorithm> parse_checksum_algorithm(std::string_view name);

// How the checksum of a multipart object comes from its parts'.
enum class ChecksumType : std::uint8_t { composite, full_object };
std::string_view name_of(ChecksumType type);
// x-amz-checksum-type, or the algorithm's default without it. Errc::invalid_request for a pair that
// S3 does not have.
Result<ChecksumType> resolve_checksum_type(ChecksumAlgorithm algorithm,
                                           std::optional<std::string_view> header);

struct Checksum {
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::crc32;
  Bytes value;
  std::uint32_t parts = 0;  // of a composite checksum; 0 otherwise
  // Base64, with "-N" for a composite one.
  std::string text() const;
  friend bool operator==(const Checksum&, const Checksum&) = default;
};
// Errc::invalid_request unless base64 of the right length.
Result<Checksum> parse_checksum(ChecksumAlgorithm algorithm, std::string_view text);

struct PartChecksum {
  Bytes value;
  std::uint64_t length = 0;
};
// All values are of the algorithm's size. Full-object only for the CRCs.
Checksum composite_checksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts);
Checksum full_object_checksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts);

std::string etag_of(const crypto::Md5Digest& md5);
// MD5 of the parts' MD5s, "-N" appended.
std::string multipart_etag(std::span<const crypto::Md5Digest> parts);

// What the headers of an upload promise.
struct BodyPromise {
  std::optional<crypto::Md5Digest> md5;
  std::optional<crypto::Sha256Digest> sha256;
  std::optional<ChecksumAlgorithm> algorithm;
  std::optional<Checksum> checksum;  // in the headers; absent when it comes as a trailer
  bool checksum_in_trailer = false;
};
// Errc::invalid_digest (Content-MD5), Errc::invalid_request (checksums).
Result<BodyPromise> parse_body_promise(const http::Headers& headers, PayloadKind kind,
                                       std::string_view content_sha256);

// Digests of a body while it streams by. update() is pure computation and may run anywhere.
class BodyDigests {
 public:
  // Also computes `extra`, a checksum that the upload asked for at its creation.
  explicit BodyDigests(BodyPromise promise, std::optional<ChecksumAlgorithm> extra = std::nullopt);
  void update(ByteView data);
  // Its two halves, for those who hash several bodies at once.
  crypto::Md5Stream& md5() { return md5_; }
  void update_checksums(ByteView data);

  struct Outcome {
    crypto::Md5Digest md5{};
    std::optional<Checksum> checksum;
  };
  // Once. Errc::bad_digest, Errc::content_sha256_mismatch, Errc::malformed_trailer.
  Result<Outcome> finish(const http::Headers& trailers);

 private:
  Result<void> check_checksum(const http::Headers& trailers, const Checksum& computed) const;

  BodyPromise promise_;
  crypto::Md5Stream md5_;
  std::unique_ptr<crypto::Digest> sha256_;
  std::unique_ptr<crypto::Digest> checksum_;
  bool checksum_is_sha256_ = false;
};

}  // namespace stratos::gateway::s3
