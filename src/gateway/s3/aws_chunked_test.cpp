// Vectors: the chunked upload examples of the Amazon S3 API reference.
#include "gateway/s3/aws_chunked.hpp"

#include <gtest/gtest.h>

#include "runtime/real_runtime.hpp"

namespace stratos::gateway::s3 {
namespace {

const Scope kScope{"20130524", "us-east-1"};
constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kPlainSeed =
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
constexpr std::string_view kTrailerSeed =
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";

ChunkSigner signer_from(std::string_view seed) {
  return ChunkSigner(derive_signing_key(kSecret, kScope), "20130524T000000Z", kScope,
                     std::string(seed));
}

std::string chunk(std::string_view size, std::string_view signature, std::size_t count) {
  return std::string(size) + ";chunk-signature=" + std::string(signature) + "\r\n" +
         std::string(count, 'a') + (count == 0 ? "" : "\r\n");
}

std::string plain_example() {
  return chunk("10000", "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", 65536) +
         chunk("400", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", 1024) +
         chunk("0", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", 0) + "\r\n";
}
std::string trailer_chunks() {
  return chunk("10000", "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2", 65536) +
         chunk("400", "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7", 1024) +
         chunk("0", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992", 0);
}
constexpr std::string_view kChecksumLine = "x-amz-checksum-crc32c:sOO8/Q==";
constexpr std::string_view kSignatureLine =
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";

std::string trailer_example() {
  return trailer_chunks() + std::string(kChecksumLine) + "\r\n" + std::string(kSignatureLine) +
         "\r\n\r\n";
}

AwsChunkedOptions plain_options() {
  return {PayloadKind::streaming_signed, 66'560, {}, signer_from(kPlainSeed)};
}
AwsChunkedOptions trailer_options() {
  return {PayloadKind::streaming_signed_trailer,
          66'560,
          {"x-amz-checksum-crc32c"},
          signer_from(kTrailerSeed)};
}
AwsChunkedOptions unsigned_options(std::uint64_t length, std::vector<std::string> trailers) {
  return {PayloadKind::streaming_unsigned_trailer, length, std::move(trailers), std::nullopt};
}

struct Decoded {
  std::string payload;
  http::Headers trailers;
};

// Feeds the body in pieces of the given sizes, repeated.
Result<Decoded> decode(AwsChunkedOptions options, std::string_view body,
                       std::vector<std::size_t> pieces = {1 << 20}) {
  AwsChunkedDecoder decoder(std::move(options));
  std::vector<Buffer> out;
  for (std::size_t i = 0; !body.empty(); ++i) {
    const std::string_view piece = body.substr(0, pieces[i % pieces.size()]);
    STRATOS_CHECK(decoder.feed(Buffer::copy_of(as_bytes(piece)), out));
    body.remove_prefix(piece.size());
  }
  STRATOS_CHECK(decoder.finish());
  Decoded decoded{.payload = {}, .trailers = decoder.trailers()};
  for (const Buffer& part : out) decoded.payload += as_text(part.view());
  return decoded;
}

Errc code_of(const Result<Decoded>& result) {
  return result ? Errc::internal : result.error().code();
}

TEST(ChunkSigner, StartsFromTheDocumentedSeed) {
  http::Headers headers;
  headers.add("Host", "s3.amazonaws.com");
  headers.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  headers.add("Content-Encoding", "aws-chunked");
  headers.add("x-amz-decoded-content-length", "66560");
  headers.add("Content-Length", "66824");
  headers.add("x-amz-date", "20130524T000000Z");
  headers.add("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  headers.add("Authorization",
              "AWS4-HMAC-SHA256 "
              "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
              "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
              "x-amz-decoded-content-length;x-amz-storage-class,Signature=" +
                  std::string(kPlainSeed));
  const http::Target target = http::parse_target("/examplebucket/chunkObject.txt").value();
  const SignedRequest request{"PUT", target, headers};
  const Claim claim = parse_claim(request).value().value();
  SigningKeys keys;
  auto signer = verify_claim(claim, request, kSecret, keys);
  ASSERT_TRUE(signer);
  auto options = aws_chunked_options(headers, claim.payload, std::move(*signer));
  ASSERT_TRUE(options);
  EXPECT_EQ(decode(std::move(*options), plain_example()).value().payload.size(), 66'560U);
}

TEST(AwsChunked, DecodesTheDocumentedExamples) {
  EXPECT_EQ(decode(plain_options(), plain_example()).value().payload, std::string(66'560, 'a'));
  const Decoded decoded = decode(trailer_options(), trailer_example()).value();
  EXPECT_EQ(decoded.payload, std::string(66'560, 'a'));
  EXPECT_EQ(decoded.trailers.get("x-amz-checksum-crc32c"), "sOO8/Q==");
  EXPECT_EQ(decoded.trailers.items().size(), 1U);
}

TEST(AwsChunked, AcceptsTheTrailerLayoutsOfRealClients) {
  const std::string checksum(kChecksumLine);
  const std::string signature(kSignatureLine);
  for (const std::string& tail :
       {checksum + "\n\r\n" + signature + "\r\n\r\n", checksum + "\r\n" + signature + "\r\n",
        "\r\n" + checksum + "\r\n" + signature + "\r\n\r\n\r\n", checksum + "\r\n" + signature}) {
    EXPECT_TRUE(decode(trailer_options(), trailer_chunks() + tail)) << tail;
  }
}

TEST(AwsChunked, WorksAtEverySplitPoint) {
  const std::string body =
      "5\r\nhello\r\n6;ignored=1\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
  const auto options = unsigned_options(11, {"x-amz-checksum-crc32"});
  for (std::size_t split = 0; split <= body.size(); ++split) {
    const auto decoded = decode(options, body, {std::max<std::size_t>(split, 1), body.size()});
    ASSERT_TRUE(decoded) << split;
    EXPECT_EQ(decoded->payload, "hello world");
    EXPECT_EQ(decoded->trailers.get("X-Amz-Checksum-Crc32"), "DUoRhQ==");
  }
  for (std::size_t size = 1; size < 20; ++size) {
    EXPECT_EQ(decode(options, body, {size, 1, 3}).value().payload, "hello world");
  }
}

TEST(AwsChunked, VerifiesSignaturesAtOddSplits) {
  for (const std::size_t size : {1U, 7U, 85U, 1000U, 65'535U, 65'536U, 65'537U}) {
    EXPECT_TRUE(decode(trailer_options(), trailer_example(), {size})) << size;
  }
}

TEST(AwsChunked, HandsOutSlicesOfItsInput) {
  const Buffer input = Buffer::copy_of(as_bytes("5\r\nhello\r\n0\r\n\r\n"));
  AwsChunkedDecoder decoder(unsigned_options(5, {}));
  std::vector<Buffer> out;
  ASSERT_TRUE(decoder.feed(input, out));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].data(), input.data() + 3);
}

TEST(AwsChunked, SeesEveryChangedByteOfASignedBody) {
  const std::string body = trailer_example();
  // Heads, the edges of the data, trailers.
  for (const std::size_t at :
       {5U, 30U, 90U, 65'000U, 65'640U, 66'700U, 66'800U, 66'870U, 66'940U}) {
    std::string changed = body;
    changed[at] = changed[at] == 'b' ? 'c' : 'b';
    EXPECT_FALSE(decode(trailer_options(), changed)) << at;
  }
  std::string changed = body;
  changed[100] = 'b';
  EXPECT_EQ(code_of(decode(trailer_options(), changed)), Errc::signature_mismatch);
}

TEST(AwsChunked, SeesAChangedTrailer) {
  std::string body = trailer_example();
  body.replace(body.find("sOO8"), 4, "sOO9");
  EXPECT_EQ(code_of(decode(trailer_options(), body)), Errc::signature_mismatch);
}

TEST(AwsChunked, RefusesChunksInAnotherOrder) {
  const std::string body =
      chunk("400", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", 1024) +
      chunk("0", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", 0);
  AwsChunkedOptions options = plain_options();
  options.decoded_length = 1024;
  EXPECT_EQ(code_of(decode(std::move(options), body)), Errc::signature_mismatch);
}

TEST(AwsChunked, RefusesUnsignedChunksInASignedBody) {
  EXPECT_EQ(code_of(decode(plain_options(), "10000\r\n")), Errc::malformed_chunk);
}

TEST(AwsChunked, RefusesEveryCutBody) {
  const std::string body = plain_example();
  for (const std::size_t keep : {0U, 1U, 50U, 100U, 65'623U, 65'700U, 66'700U, 66'740U}) {
    EXPECT_EQ(code_of(decode(plain_options(), body.substr(0, keep))), Errc::incomplete_body)
        << keep;
  }
}

TEST(AwsChunked, HoldsTheBodyAgainstItsAnnouncedLength) {
  const std::string body = "5\r\nhello\r\n0\r\n\r\n";
  EXPECT_EQ(code_of(decode(unsigned_options(4, {}), body)), Errc::incomplete_body);
  EXPECT_EQ(code_of(decode(unsigned_options(6, {}), body)), Errc::incomplete_body);
  EXPECT_TRUE(decode(unsigned_options(0, {}), "0\r\n\r\n"));
}

TEST(AwsChunked, RefusesMalformedChunks) {
  for (std::string_view body :
       {"x\r\nhello\r\n", "\r\n", "-5\r\nhello\r\n", "0x5\r\nhello\r\n", "5 \r\nhello\r\n",
        "5\r\nhello!\r\n0\r\n\r\n", "00000000000000005\r\nhello\r\n0\r\n\r\n"}) {
    EXPECT_EQ(code_of(decode(unsigned_options(5, {}), body)), Errc::malformed_chunk) << body;
  }
  EXPECT_EQ(code_of(decode(unsigned_options(5, {}), "ffffffffffffffff\r\nhello\r\n")),
            Errc::incomplete_body);
}

TEST(AwsChunked, BoundsItsLines) {
  EXPECT_EQ(code_of(decode(unsigned_options(5, {}), "5;" + std::string(2000, 'x'), {10})),
            Errc::malformed_chunk);
  EXPECT_EQ(code_of(decode(unsigned_options(0, {"a"}), "0\r\na:" + std::string(2000, 'x'), {10})),
            Errc::malformed_chunk);
}

TEST(AwsChunked, RefusesTrailersThatWereNotAnnounced) {
  EXPECT_EQ(code_of(decode(unsigned_options(0, {}), "0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n")),
            Errc::malformed_trailer);
  EXPECT_EQ(code_of(decode(unsigned_options(0, {"a"}), "0\r\na:1\r\na:2\r\n\r\n")),
            Errc::malformed_trailer);
  EXPECT_EQ(code_of(decode(unsigned_options(0, {"a"}), "0\r\nno colon\r\n\r\n")),
            Errc::malformed_trailer);
}

TEST(AwsChunked, MissesAnnouncedTrailers) {
  EXPECT_EQ(code_of(decode(unsigned_options(0, {"a"}), "0\r\n\r\n")), Errc::malformed_trailer);
  EXPECT_EQ(code_of(decode(trailer_options(),
                           trailer_chunks() + std::string(kChecksumLine) + "\r\n\r\n")),
            Errc::malformed_trailer);
}

TEST(AwsChunked, RefusesBytesAfterTheEnd) {
  EXPECT_EQ(code_of(decode(unsigned_options(0, {}), "0\r\n\r\n5\r\nhello\r\n")),
            Errc::malformed_chunk);
}

TEST(AwsChunkedOptions, ComeFromTheHeaders) {
  http::Headers headers;
  headers.add("x-amz-decoded-content-length", "17");
  headers.add("x-amz-trailer", "X-Amz-Checksum-CRC32 , x-other");
  const auto options =
      aws_chunked_options(headers, PayloadKind::streaming_unsigned_trailer, std::nullopt);
  EXPECT_EQ(options->decoded_length, 17U);
  EXPECT_EQ(options->announced_trailers,
            (std::vector<std::string>{"x-amz-checksum-crc32", "x-other"}));
  EXPECT_FALSE(options->signer);
}

TEST(AwsChunkedOptions, RefuseWhatDoesNotFit) {
  const auto code = [](const http::Headers& headers, PayloadKind kind) {
    return aws_chunked_options(headers, kind, signer_from(kPlainSeed)).error().code();
  };
  http::Headers headers;
  EXPECT_EQ(code(headers, PayloadKind::streaming_signed), Errc::missing_length);
  headers.add("x-amz-decoded-content-length", "-1");
  EXPECT_EQ(code(headers, PayloadKind::streaming_signed), Errc::invalid_argument);
  headers.set("x-amz-decoded-content-length", "1");
  headers.add("x-amz-trailer", "x-amz-checksum-crc32");
  EXPECT_EQ(code(headers, PayloadKind::streaming_signed), Errc::malformed_trailer);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "h" + std::to_string(i) + ",";
  headers.set("x-amz-trailer", many);
  EXPECT_EQ(code(headers, PayloadKind::streaming_signed_trailer), Errc::malformed_trailer);
}

// Hands out a body in pieces of a fixed size, whatever is asked for.
class PieceBody final : public http::BodyReader {
 public:
  PieceBody(std::string body, std::size_t piece) : body_(std::move(body)), piece_(piece) {}
  Task<Result<Buffer>> read(std::size_t max_bytes) override {
    const std::string_view rest = std::string_view(body_).substr(at_);
    const std::string_view piece = rest.substr(0, std::min(max_bytes, piece_));
    at_ += piece.size();
    co_return Buffer::copy_of(as_bytes(piece));
  }
  std::optional<std::uint64_t> length() const override { return body_.size(); }

 private:
  std::string body_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

class AwsChunkedBodyTest : public testing::Test {
 protected:
  Result<Bytes> read(std::string raw, std::size_t piece, AwsChunkedOptions options) {
    PieceBody source(std::move(raw), piece);
    AwsChunkedBody body(runtime_, source, std::move(options));
    EXPECT_EQ(body.length(), body.length().value());
    auto bytes = block_on(runtime_, read_slowly(body));
    trailers_ = body.trailers();
    return bytes;
  }

  static Task<Result<Bytes>> read_slowly(http::BodyReader& body) {
    Bytes all;
    while (true) {
      STRATOS_CO_TRY(const Buffer part, co_await body.read(700));
      EXPECT_LE(part.size(), 700U);
      if (part.empty()) co_return all;
      append(all, part.view());
    }
  }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "test"};
  http::Headers trailers_;
};

TEST_F(AwsChunkedBodyTest, GivesThePayloadInPiecesOfAnySize) {
  for (const std::size_t piece : {100U, 4096U, 1U << 20}) {
    const auto bytes = read(trailer_example(), piece, trailer_options());
    ASSERT_TRUE(bytes) << piece;
    EXPECT_EQ(as_text(*bytes), std::string(66'560, 'a'));
    EXPECT_EQ(trailers_.get("x-amz-checksum-crc32c"), "sOO8/Q==");
  }
}

TEST_F(AwsChunkedBodyTest, DoesNotReportTheEndOfABodyThatFailed) {
  std::string cut = trailer_example();
  cut.resize(66'700);
  EXPECT_EQ(read(cut, 4096, trailer_options()).error().code(), Errc::incomplete_body);
  std::string changed = trailer_example();
  changed[70'000 - 4'000] = 'b';
  EXPECT_EQ(read(changed, 4096, trailer_options()).error().code(), Errc::signature_mismatch);
}

}  // namespace
}  // namespace stratos::gateway::s3
