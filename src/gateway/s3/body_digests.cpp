#include "gateway/s3/body_digests.hpp"

#include <algorithm>

namespace stratos::gateway::s3 {
namespace {

using crypto::DigestKind;

constexpr std::array kChecksums = {
    ChecksumInfo{ChecksumAlgorithm::crc32, "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32",
                 DigestKind::crc32, 4, true, true},
    ChecksumInfo{ChecksumAlgorithm::crc32c, "CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C",
                 DigestKind::crc32c, 4, true, true},
    ChecksumInfo{ChecksumAlgorithm::crc64nvme, "CRC64NVME", "x-amz-checksum-crc64nvme",
                 "ChecksumCRC64NVME", DigestKind::crc64nvme, 8, true, false},
    ChecksumInfo{ChecksumAlgorithm::sha1, "SHA1", "x-amz-checksum-sha1", "ChecksumSHA1",
                 DigestKind::sha1, 20, false, true},
    ChecksumInfo{ChecksumAlgorithm::sha256, "SHA256", "x-amz-checksum-sha256", "ChecksumSHA256",
                 DigestKind::sha256, 32, false, true},
};

auto invalid(std::string why) { return fail(Errc::invalid_request, std::move(why)); }

template <std::size_t N>
std::array<std::uint8_t, N> to_array(ByteView bytes) {
  STRATOS_ASSERT(bytes.size() == N, "digest of the wrong size");
  std::array<std::uint8_t, N> out;
  std::ranges::copy(bytes, out.begin());
  return out;
}

std::uint64_t crc_value(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

Bytes crc_bytes(std::uint64_t value, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<std::uint8_t>(value);
  return bytes;
}

Result<crypto::Md5Digest> parse_content_md5(std::string_view text) {
  const Result<Bytes> bytes = from_base64(text);
  if (!bytes || bytes->size() != 16) return fail(Errc::invalid_digest);
  return to_array<16>(*bytes);
}

// At most one checksum, whether in the headers or announced as a trailer.
Result<void> claim_algorithm(BodyPromise& promise, ChecksumAlgorithm algorithm) {
  if (promise.algorithm) {
    return invalid(
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
  }
  promise.algorithm = algorithm;
  return {};
}

Result<void> parse_checksum_headers(const http::Headers& headers, BodyPromise& promise) {
  for (const ChecksumInfo& info : kChecksums) {
    const auto value = headers.get(info.header);
    if (!value) continue;
    STRATOS_CHECK(claim_algorithm(promise, info.algorithm));
    STRATOS_TRY(promise.checksum, parse_checksum(info.algorithm, *value));
  }
  return {};
}

Result<void> parse_announced_checksum(std::string_view announced, BodyPromise& promise) {
  while (!announced.empty()) {
    const std::size_t end = std::min(announced.find(','), announced.size());
    std::string_view name = announced.substr(0, end);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    announced.remove_prefix(std::min(end + 1, announced.size()));
    for (const ChecksumInfo& info : kChecksums) {
      if (!http::equal_ignoring_case(name, info.header)) continue;
      STRATOS_CHECK(claim_algorithm(promise, info.algorithm));
      promise.checksum_in_trailer = true;
    }
  }
  return {};
}

Result<void> check_sdk_algorithm(const http::Headers& headers, const BodyPromise& promise) {
  const auto name = headers.get("x-amz-sdk-checksum-algorithm");
  if (!name) return {};
  STRATOS_TRY(const ChecksumAlgorithm algorithm, parse_checksum_algorithm(*name));
  if (!promise.algorithm) {
    return invalid(
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* "
        "or x-amz-trailer headers were found.");
  }
  if (*promise.algorithm != algorithm) {
    return invalid("Value for x-amz-sdk-checksum-algorithm header is invalid.");
  }
  return {};
}

bool equal(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

}  // namespace

std::span<const ChecksumInfo> all_checksums() { return kChecksums; }

const ChecksumInfo& info_of(ChecksumAlgorithm algorithm) {
  return kChecksums[static_cast<std::size_t>(algorithm)];
}

Result<ChecksumAlgorithm> parse_checksum_algorithm(std::string_view name) {
  for (const ChecksumInfo& info : kChecksums) {
    if (http::equal_ignoring_case(info.name, name)) return info.algorithm;
  }
  return invalid(
      "Checksum algorithm provided is unsupported. Please try again with any of the "
      "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
}

std::string_view name_of(ChecksumType type) {
  return type == ChecksumType::composite ? "COMPOSITE" : "FULL_OBJECT";
}

Result<ChecksumType> resolve_checksum_type(ChecksumAlgorithm algorithm,
                                           std::optional<std::string_view> header) {
  const ChecksumInfo& info = info_of(algorithm);
  if (!header) return info.may_be_composite ? ChecksumType::composite : ChecksumType::full_object;
  if (*header == "COMPOSITE" && info.may_be_composite) return ChecksumType::composite;
  if (*header == "FULL_OBJECT" && info.may_be_full_object) return ChecksumType::full_object;
  if (*header != "COMPOSITE" && *header != "FULL_OBJECT") {
    return invalid("Value for x-amz-checksum-type header is invalid.");
  }
  return invalid("The " + std::string(*header) + " checksum type cannot be used with the " +
                 std::string(info.name) + " checksum algorithm.");
}

std::string Checksum::text() const {
  std::string out = to_base64(value);
  if (parts != 0) out += "-" + std::to_string(parts);
  return out;
}

Result<Checksum> parse_checksum(ChecksumAlgorithm algorithm, std::string_view text) {
  Result<Bytes> value = from_base64(text);
  if (!value || value->size() != info_of(algorithm).size_bytes) {
    return invalid("Value for " + std::string(info_of(algorithm).header) + " header is invalid.");
  }
  return Checksum{.algorithm = algorithm, .value = std::move(*value)};
}

Checksum composite_checksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts) {
  const auto digest = crypto::make_digest(info_of(algorithm).digest);
  for (const PartChecksum& part : parts) digest->update(part.value);
  return {.algorithm = algorithm,
          .value = digest->finish(),
          .parts = static_cast<std::uint32_t>(parts.size())};
}

Checksum full_object_checksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts) {
  const ChecksumInfo& info = info_of(algorithm);
  STRATOS_ASSERT(info.may_be_full_object && !parts.empty(), "no full-object checksum of these");
  std::uint64_t crc = crc_value(parts.front().value);
  for (const PartChecksum& part : parts.subspan(1)) {
    crc = crypto::combine_crc(info.digest, crc, crc_value(part.value), part.length);
  }
  return {.algorithm = algorithm, .value = crc_bytes(crc, info.size_bytes)};
}

std::string etag_of(const crypto::Md5Digest& md5) { return to_hex(md5); }

std::string multipart_etag(std::span<const crypto::Md5Digest> parts) {
  Bytes all;
  all.reserve(parts.size() * 16);
  for (const crypto::Md5Digest& part : parts) append(all, part);
  return to_hex(crypto::md5(all)) + "-" + std::to_string(parts.size());
}

Result<BodyPromise> parse_body_promise(const http::Headers& headers, PayloadKind kind,
                                       std::string_view content_sha256) {
  BodyPromise promise;
  if (const auto md5 = headers.get("content-md5")) {
    STRATOS_TRY(promise.md5, parse_content_md5(*md5));
  }
  if (kind == PayloadKind::literal) {
    STRATOS_TRY(const Bytes sha256, from_hex(content_sha256));
    promise.sha256 = to_array<32>(sha256);
  }
  STRATOS_CHECK(parse_checksum_headers(headers, promise));
  STRATOS_CHECK(parse_announced_checksum(headers.get("x-amz-trailer").value_or(""), promise));
  STRATOS_CHECK(check_sdk_algorithm(headers, promise));
  return promise;
}

BodyDigests::BodyDigests(BodyPromise promise, std::optional<ChecksumAlgorithm> extra)
    : promise_(std::move(promise)) {
  if (!promise_.algorithm) promise_.algorithm = extra;
  checksum_is_sha256_ = promise_.algorithm == ChecksumAlgorithm::sha256;
  if (promise_.sha256 || checksum_is_sha256_) sha256_ = crypto::make_digest(DigestKind::sha256);
  if (promise_.algorithm && !checksum_is_sha256_) {
    checksum_ = crypto::make_digest(info_of(*promise_.algorithm).digest);
  }
}

void BodyDigests::update(ByteView data) {
  md5_.update(data);
  update_checksums(data);
}

void BodyDigests::update_checksums(ByteView data) {
  if (sha256_) sha256_->update(data);
  if (checksum_) checksum_->update(data);
}

Result<BodyDigests::Outcome> BodyDigests::finish(const http::Headers& trailers) {
  Outcome outcome;
  outcome.md5 = md5_.finish();
  if (promise_.md5 && *promise_.md5 != outcome.md5) {
    return fail(Errc::bad_digest, "The Content-MD5 you specified did not match what we received.");
  }
  const Bytes sha256 = sha256_ ? sha256_->finish() : Bytes();
  if (promise_.sha256 && !equal(*promise_.sha256, sha256)) {
    return fail(Errc::content_sha256_mismatch);
  }
  if (!promise_.algorithm) return outcome;
  outcome.checksum = Checksum{.algorithm = *promise_.algorithm,
                              .value = checksum_is_sha256_ ? sha256 : checksum_->finish()};
  STRATOS_CHECK(check_checksum(trailers, *outcome.checksum));
  return outcome;
}

Result<void> BodyDigests::check_checksum(const http::Headers& trailers,
                                         const Checksum& computed) const {
  const ChecksumInfo& info = info_of(computed.algorithm);
  std::optional<Checksum> promised = promise_.checksum;
  if (promise_.checksum_in_trailer) {
    const auto text = trailers.get(info.header);
    if (!text) return fail(Errc::malformed_trailer, "the announced checksum did not come");
    STRATOS_TRY(promised, parse_checksum(computed.algorithm, *text));
  }
  if (!promised || equal(promised->value, computed.value)) return {};
  return fail(Errc::bad_digest, "The " + std::string(info.name) +
                                    " you specified did not match the calculated checksum.");
}

}  // namespace stratos::gateway::s3
