#include "gateway/s3/body_digests.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kBody = "hello world";
constexpr std::string_view kSha256 =
    "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
constexpr std::string_view kMd5 = "XrY7u+Ae7tCTyyK7j1rNww==";

struct Vector {
  std::string_view header;
  std::string_view value;
};
// Of "hello world".
constexpr Vector kVectors[] = {
    {"x-amz-checksum-crc32", "DUoRhQ=="},
    {"x-amz-checksum-crc32c", "yZRlqg=="},
    {"x-amz-checksum-crc64nvme", "jSnVw/bqjr4="},
    {"x-amz-checksum-sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="},
    {"x-amz-checksum-sha256", "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="},
};

http::Headers headers_of(std::initializer_list<Vector> items) {
  http::Headers headers;
  for (const Vector& item : items) headers.add(std::string(item.header), std::string(item.value));
  return headers;
}

Result<BodyDigests::Outcome> run(const http::Headers& headers, std::string_view body = kBody,
                                 const http::Headers& trailers = {},
                                 PayloadKind kind = PayloadKind::unsigned_body,
                                 std::string_view sha256 = {}) {
  STRATOS_TRY(BodyPromise promise, parse_body_promise(headers, kind, sha256));
  BodyDigests digests(std::move(promise));
  // In two pieces, because bodies come so.
  digests.update(as_bytes(body.substr(0, body.size() / 2)));
  digests.update(as_bytes(body.substr(body.size() / 2)));
  return digests.finish(trailers);
}

Errc code_of(const Result<BodyDigests::Outcome>& result) {
  return result ? Errc::internal : result.error().code();
}

TEST(BodyDigests, AlwaysComputeTheMd5) {
  const auto outcome = run({});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(etag_of(outcome->md5), "5eb63bbbe01eeed093cb22bb8f5acdc3");
  EXPECT_FALSE(outcome->checksum);
}

TEST(BodyDigests, HoldEveryChecksumAgainstItsHeader) {
  for (const Vector& vector : kVectors) {
    const auto outcome = run(headers_of({vector}));
    ASSERT_TRUE(outcome) << vector.header << ": " << outcome.error().to_string();
    EXPECT_EQ(outcome->checksum->text(), vector.value);
    EXPECT_EQ(info_of(outcome->checksum->algorithm).header, vector.header);
    EXPECT_EQ(code_of(run(headers_of({vector}), "hello worle")), Errc::bad_digest);
  }
}

TEST(BodyDigests, HoldEveryChecksumAgainstItsTrailer) {
  for (const Vector& vector : kVectors) {
    const auto headers = headers_of({{"X-Amz-Trailer", vector.header}});
    EXPECT_EQ(run(headers, kBody, headers_of({vector}))->checksum->text(), vector.value);
    EXPECT_EQ(code_of(run(headers, "hello worle", headers_of({vector}))), Errc::bad_digest);
    EXPECT_EQ(code_of(run(headers)), Errc::malformed_trailer);
    EXPECT_EQ(code_of(run(headers, kBody, headers_of({{vector.header, "!"}}))),
              Errc::invalid_request);
  }
}

TEST(BodyDigests, HoldTheMd5AgainstContentMd5) {
  EXPECT_TRUE(run(headers_of({{"Content-MD5", kMd5}})));
  EXPECT_EQ(code_of(run(headers_of({{"Content-MD5", kMd5}}), "other")), Errc::bad_digest);
  for (std::string_view bad :
       {"", "XrY7u+Ae7tCTyyK7j1rNw", "aGVsbG8=", "5eb63bbbe01eeed093cb22bb"}) {
    const auto result = run(headers_of({{"Content-MD5", bad}}));
    EXPECT_EQ(code_of(result), Errc::invalid_digest) << bad;
  }
}

TEST(BodyDigests, HoldTheSha256AgainstTheSignedOne) {
  EXPECT_TRUE(run({}, kBody, {}, PayloadKind::literal, kSha256));
  EXPECT_EQ(code_of(run({}, "other", {}, PayloadKind::literal, kSha256)),
            Errc::content_sha256_mismatch);
  EXPECT_EQ(code_of(run(headers_of({kVectors[4]}), "other", {}, PayloadKind::literal, kSha256)),
            Errc::content_sha256_mismatch);
  EXPECT_TRUE(run(headers_of({kVectors[4]}), kBody, {}, PayloadKind::literal, kSha256)->checksum);
}

TEST(BodyDigests, ComputeAChecksumTheUploadAskedFor) {
  BodyDigests digests({}, ChecksumAlgorithm::crc32c);
  digests.update(as_bytes(kBody));
  EXPECT_EQ(digests.finish({})->checksum->text(), "yZRlqg==");
}

TEST(BodyPromise, RefusesMoreThanOneChecksum) {
  EXPECT_EQ(code_of(run(headers_of({kVectors[0], kVectors[1]}))), Errc::invalid_request);
  EXPECT_EQ(code_of(run(headers_of({kVectors[0], {"x-amz-trailer", "x-amz-checksum-crc32c"}}))),
            Errc::invalid_request);
  EXPECT_EQ(
      code_of(run(headers_of({{"x-amz-trailer", "x-amz-checksum-crc32, x-amz-checksum-sha1"}}))),
      Errc::invalid_request);
}

TEST(BodyPromise, RefusesValuesOfAnotherLength) {
  for (std::string_view value : {"", "DUoRhQ", "AAAA", "DUoRhQ==DUoR", "yes!"}) {
    EXPECT_EQ(code_of(run(headers_of({{"x-amz-checksum-crc32", value}}))), Errc::invalid_request);
  }
}

TEST(BodyPromise, HoldsTheSdkAlgorithmAgainstTheRest) {
  const auto with = [](std::string_view name, std::initializer_list<Vector> others) {
    http::Headers headers = headers_of(others);
    headers.add("x-amz-sdk-checksum-algorithm", std::string(name));
    return code_of(run(headers, kBody, headers_of({kVectors[0]})));
  };
  EXPECT_EQ(with("crc32", {kVectors[0]}), Errc::internal);
  EXPECT_EQ(with("CRC32", {{"x-amz-trailer", "x-amz-checksum-crc32"}}), Errc::internal);
  EXPECT_EQ(with("SHA1", {kVectors[0]}), Errc::invalid_request);
  EXPECT_EQ(with("CRC32", {}), Errc::invalid_request);
  EXPECT_EQ(with("CRC16", {kVectors[0]}), Errc::invalid_request);
}

TEST(ChecksumTable, RowsStandAtTheirOwnIndex) {
  for (const ChecksumInfo& info : all_checksums()) {
    EXPECT_EQ(info_of(info.algorithm).name, info.name);
    EXPECT_EQ(parse_checksum_algorithm(info.name), info.algorithm);
    EXPECT_EQ(crypto::make_digest(info.digest)->finish().size(), info.size_bytes);
  }
}

TEST(ChecksumType, FollowsS3sTable) {
  using enum ChecksumAlgorithm;
  const auto type = [](ChecksumAlgorithm algorithm, std::optional<std::string_view> header) {
    const auto result = resolve_checksum_type(algorithm, header);
    return result ? name_of(*result) : std::string_view("refused");
  };
  EXPECT_EQ(type(crc32, std::nullopt), "COMPOSITE");
  EXPECT_EQ(type(crc32c, "FULL_OBJECT"), "FULL_OBJECT");
  EXPECT_EQ(type(crc64nvme, std::nullopt), "FULL_OBJECT");
  EXPECT_EQ(type(crc64nvme, "COMPOSITE"), "refused");
  EXPECT_EQ(type(sha1, "COMPOSITE"), "COMPOSITE");
  EXPECT_EQ(type(sha256, "FULL_OBJECT"), "refused");
  EXPECT_EQ(type(crc32, "composite"), "refused");
}

Bytes digest_of(ChecksumAlgorithm algorithm, std::string_view text) {
  const auto digest = crypto::make_digest(info_of(algorithm).digest);
  digest->update(as_bytes(text));
  return digest->finish();
}

TEST(MultipartChecksum, OfTheFullObjectIsThatOfItsBytes) {
  for (const ChecksumInfo& info : all_checksums()) {
    if (!info.may_be_full_object) continue;
    const std::vector<PartChecksum> parts = {{digest_of(info.algorithm, "hello"), 5},
                                             {digest_of(info.algorithm, ""), 0},
                                             {digest_of(info.algorithm, " world"), 6}};
    const Checksum whole = full_object_checksum(info.algorithm, parts);
    EXPECT_EQ(whole.value, digest_of(info.algorithm, kBody)) << info.name;
    EXPECT_EQ(whole.parts, 0U);
  }
}

TEST(MultipartChecksum, CompositeIsTheDigestOfTheDigests) {
  for (const ChecksumInfo& info : all_checksums()) {
    const Bytes first = digest_of(info.algorithm, "hello");
    const Bytes second = digest_of(info.algorithm, " world");
    Bytes both = first;
    append(both, second);
    const std::vector<PartChecksum> parts = {{first, 5}, {second, 6}};
    const Checksum composite = composite_checksum(info.algorithm, parts);
    EXPECT_EQ(composite.value, digest_of(info.algorithm, as_text(both)));
    EXPECT_TRUE(composite.text().ends_with("-2"));
  }
}

TEST(MultipartEtag, IsTheMd5OfTheMd5s) {
  const crypto::Md5Digest part = crypto::md5(as_bytes(kBody));
  Bytes both;
  append(both, part);
  append(both, part);
  const std::vector<crypto::Md5Digest> parts = {part, part};
  EXPECT_EQ(multipart_etag(parts), to_hex(crypto::md5(both)) + "-2");
  // One part too: the tag of a multipart object always has its count.
  EXPECT_TRUE(multipart_etag(std::vector{part}).ends_with("-1"));
}

}  // namespace
}  // namespace stratos::gateway::s3
