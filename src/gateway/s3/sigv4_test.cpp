// Vectors: the examples of the Amazon S3 API reference, "Authenticating Requests".
#include "gateway/s3/sigv4.hpp"

#include <gtest/gtest.h>

#include "gateway/s3/s3_time.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kHost = "examplebucket.s3.amazonaws.com";

Credentials example_credentials() {
  return {"AKIAIOSFODNN7EXAMPLE", std::string(kSecret), "us-east-1"};
}
WallTime example_time() { return parse_amz_date("20130524T000000Z").value(); }

// A request as it arrives.
struct Wire {
  std::string method = "GET";
  std::string target = "/";
  http::Headers headers;

  Result<Claim> claim() const {
    STRATOS_TRY(const http::Target parsed, http::parse_target(target));
    STRATOS_TRY(std::optional<Claim> claim, parse_claim({method, parsed, headers}));
    if (!claim) return fail(Errc::access_denied, "anonymous");
    return std::move(*claim);
  }
  Result<void> verify(WallTime now = example_time(), std::string_view secret = kSecret,
                      std::string_view region = "us-east-1") const {
    STRATOS_TRY(const http::Target parsed, http::parse_target(target));
    STRATOS_TRY(const Claim claimed, claim());
    STRATOS_CHECK(check_claim(claimed, {region, now}));
    SigningKeys keys;
    STRATOS_CHECK(verify_claim(claimed, {method, parsed, headers}, secret, keys));
    return {};
  }
};

Errc code_of(const Result<void>& result) { return result ? Errc::internal : result.error().code(); }

Wire example(std::string method, std::string target, std::string_view extra_name,
             std::string_view extra_value, std::string_view hash, std::string_view signed_headers,
             std::string_view signature) {
  Wire wire{std::move(method), std::move(target), {}};
  wire.headers.add("Host", std::string(kHost));
  if (!extra_name.empty()) wire.headers.add(std::string(extra_name), std::string(extra_value));
  wire.headers.add("x-amz-content-sha256", std::string(hash));
  wire.headers.add("x-amz-date", "20130524T000000Z");
  std::string value =
      "AWS4-HMAC-SHA256 "
      "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=";
  value.append(signed_headers).append(",Signature=").append(signature);
  wire.headers.add("Authorization", value);
  return wire;
}

Wire get_object_example() {
  return example("GET", "/test.txt", "Range", "bytes=0-9", kEmptyHash,
                 "host;range;x-amz-content-sha256;x-amz-date",
                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

Wire presigned_example() {
  Wire wire;
  wire.target =
      "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
      "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
      "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
      "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
  wire.headers.add("Host", std::string(kHost));
  return wire;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, text.npos) << what;
  return text.replace(at, what.size(), with);
}

Wire with_authorization(std::string_view what, std::string_view with) {
  Wire wire = get_object_example();
  wire.headers.set("Authorization",
                   replaced(std::string(*wire.headers.get("Authorization")), what, with));
  return wire;
}

Wire with_query(std::string_view what, std::string_view with) {
  Wire wire = presigned_example();
  wire.target = replaced(wire.target, what, with);
  return wire;
}

TEST(SigV4, AcceptsTheDocumentedHeaderExamples) {
  EXPECT_TRUE(get_object_example().verify());
  Wire put = example("PUT", "/test%24file.text", "x-amz-storage-class", "REDUCED_REDUNDANCY",
                     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
                     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  put.headers.add("Date", "Fri, 24 May 2013 00:00:00 GMT");
  EXPECT_TRUE(put.verify());
  EXPECT_TRUE(example("GET", "/?lifecycle", "", "", kEmptyHash,
                      "host;x-amz-content-sha256;x-amz-date",
                      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
                  .verify());
  EXPECT_TRUE(example("GET", "/?prefix=J&max-keys=2", "", "", kEmptyHash,
                      "host;x-amz-content-sha256;x-amz-date",
                      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
                  .verify());
}

TEST(SigV4, AcceptsTheDocumentedPresignedExample) {
  EXPECT_TRUE(presigned_example().verify());
  EXPECT_TRUE(presigned_example().verify(example_time() + 24h));
}

TEST(SigV4, BuildsTheDocumentedCanonicalRequest) {
  const Wire wire = get_object_example();
  const http::Target target = http::parse_target(wire.target).value();
  const Claim claim = wire.claim().value();
  EXPECT_EQ(canonical_request({wire.method, target, wire.headers}, claim.signed_headers,
                              claim.content_sha256),
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
            "x-amz-content-sha256:" +
                std::string(kEmptyHash) +
                "\nx-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n" +
                std::string(kEmptyHash));
}

TEST(SigV4, ReadsEveryPartOfTheHeader) {
  const Claim claim = get_object_example().claim().value();
  EXPECT_EQ(claim.access_key_id, "AKIAIOSFODNN7EXAMPLE");
  EXPECT_EQ(claim.scope.text(), "20130524/us-east-1/s3/aws4_request");
  EXPECT_EQ(claim.signed_headers.size(), 4U);
  EXPECT_EQ(claim.timestamp, "20130524T000000Z");
  EXPECT_EQ(claim.payload, PayloadKind::literal);
  EXPECT_FALSE(claim.expires_s);
}

TEST(SigV4, SeesEveryChangeOfTheRequest) {
  Wire wire = get_object_example();
  wire.method = "PUT";
  EXPECT_EQ(code_of(wire.verify()), Errc::signature_mismatch);
  wire = get_object_example();
  wire.target = "/test.txu";
  EXPECT_EQ(code_of(wire.verify()), Errc::signature_mismatch);
  wire = get_object_example();
  wire.target = "/test.txt?acl";
  EXPECT_EQ(code_of(wire.verify()), Errc::signature_mismatch);
  wire = get_object_example();
  wire.headers.set("Range", "bytes=0-8");
  EXPECT_EQ(code_of(wire.verify()), Errc::signature_mismatch);
  wire = get_object_example();
  wire.headers.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  EXPECT_EQ(code_of(wire.verify()), Errc::signature_mismatch);
  EXPECT_EQ(code_of(get_object_example().verify(example_time(), "another secret")),
            Errc::signature_mismatch);
}

TEST(SigV4, FoldsSpacesAndJoinsRepeatedHeaders) {
  Wire wire = get_object_example();
  wire.headers.add("x-amz-meta-a", "  one   two \t three ");
  wire.headers.add("X-Amz-Meta-A", "four");
  const http::Target target = http::parse_target(wire.target).value();
  EXPECT_EQ(canonical_request({"GET", target, wire.headers}, {"x-amz-meta-a"}, "h"),
            "GET\n/test.txt\n\nx-amz-meta-a:one two three,four\n\nx-amz-meta-a\nh");
}

std::string canonical_lines(std::string_view target) {
  const http::Target parsed = http::parse_target(target).value();
  const std::string whole = canonical_request({"GET", parsed, {}}, {}, "h");
  return whole.substr(4, whole.size() - 4 - 3);
}

TEST(SigV4, KeepsPathsAsTheyAreAndSpellsEscapesInOneWay) {
  EXPECT_EQ(canonical_lines("/b/../a//c/./d"), "/b/../a//c/./d\n\n");
  EXPECT_EQ(canonical_lines("/b/caf%c3%a9 (1)+"), "/b/caf%C3%A9%20%281%29%2B\n\n");
  EXPECT_EQ(canonical_lines("/b/%7euser"), "/b/~user\n\n");
  EXPECT_EQ(canonical_lines("/b/a%2Fb"), "/b/a%2Fb\n\n");
}

TEST(SigV4, SortsTheQueryByItsEncodedBytes) {
  EXPECT_EQ(canonical_lines("/?b=2&a=1&acl&a=0"), "/\na=0&a=1&acl=&b=2\n");
  EXPECT_EQ(canonical_lines("/?prefix=a/b+c&x=%2f"), "/\nprefix=a%2Fb%20c&x=%2F\n");
  EXPECT_EQ(canonical_lines("/?a-b=1&a=2&A=3"), "/\nA=3&a=2&a-b=1\n");
  EXPECT_EQ(canonical_lines("/?X-Amz-Signature=f&a=1"), "/\na=1\n");
}

TEST(SigV4, NamesWhatIsWrongWithTheHeader) {
  for (const auto& [what, with, code] :
       std::initializer_list<std::tuple<std::string_view, std::string_view, Errc>>{
           {"AWS4-HMAC-SHA256 ", "AWS ", Errc::invalid_request},
           {"AWS4-HMAC-SHA256 ", "Bearer ", Errc::invalid_request},
           {"AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", Errc::invalid_request},
           {"/20130524/", "/20130525/", Errc::malformed_authorization},
           {"/us-east-1/", "/eu-west-1/", Errc::malformed_authorization},
           {"/s3/", "/ec2/", Errc::malformed_authorization},
           {"aws4_request", "aws5_request", Errc::malformed_authorization},
           {"AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/", "", Errc::malformed_authorization},
           {"Credential=", "Credential", Errc::malformed_authorization},
           {"Signature=f0", "Signature=F0", Errc::malformed_authorization},
           {"Signature=f0", "Signature=", Errc::malformed_authorization},
           {"SignedHeaders=", "Headers=", Errc::malformed_authorization},
           {"SignedHeaders=host;", "SignedHeaders=", Errc::access_denied},
           {"x-amz-content-sha256;x-amz-date", "x-amz-date", Errc::access_denied},
       }) {
    EXPECT_EQ(code_of(with_authorization(what, with).verify()), code) << what << " -> " << with;
  }
}

TEST(SigV4, AcceptsAccessKeyIdsWithSlashes) {
  const Wire wire = with_authorization("AKIAIOSFODNN7EXAMPLE", "team/user");
  EXPECT_EQ(wire.claim().value().access_key_id, "team/user");
}

TEST(SigV4, InsistsOnSignedAmzHeaders) {
  Wire wire = get_object_example();
  wire.headers.add("X-AMZ-Meta-Extra", "not signed");
  EXPECT_EQ(code_of(wire.verify()), Errc::access_denied);
  wire = presigned_example();
  wire.headers.add("x-amz-copy-source", "/other/key");
  EXPECT_EQ(code_of(wire.verify()), Errc::access_denied);
}

TEST(SigV4, InsistsOnDateAndContentHash) {
  Wire wire = get_object_example();
  wire.headers = {};
  wire.headers.add("Host", std::string(kHost));
  wire.headers.add("Authorization",
                   std::string(*get_object_example().headers.get("Authorization")));
  EXPECT_EQ(wire.claim().error().code(), Errc::access_denied);
  wire.headers.add("Date", "Fri, 24 May 2013 00:00:00 GMT");
  EXPECT_EQ(wire.claim().error().code(), Errc::invalid_request);
  wire.headers.add("x-amz-content-sha256", "nonsense");
  EXPECT_EQ(wire.claim().error().code(), Errc::invalid_argument);
  wire.headers.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  EXPECT_EQ(wire.claim().value().timestamp, "20130524T000000Z");
}

TEST(SigV4, AllowsAQuarterOfAnHourOfSkew) {
  const Wire wire = get_object_example();
  EXPECT_TRUE(wire.verify(example_time() + 15min));
  EXPECT_TRUE(wire.verify(example_time() + -15min));
  EXPECT_EQ(code_of(wire.verify(example_time() + 901s)), Errc::clock_skewed);
  EXPECT_EQ(code_of(wire.verify(example_time() + -901s)), Errc::clock_skewed);
}

TEST(SigV4, EndsPresignedRequestsOnTime) {
  const Wire wire = presigned_example();
  EXPECT_EQ(code_of(wire.verify(example_time() + 86'401s)), Errc::request_expired);
  EXPECT_TRUE(wire.verify(example_time() + -15min));
  EXPECT_EQ(code_of(wire.verify(example_time() + -901s)), Errc::access_denied);
}

TEST(SigV4, NamesWhatIsWrongWithThePresignedQuery) {
  for (const auto& [what, with] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"Expires=86400", "Expires=604801"},
           {"Expires=86400", "Expires=0"},
           {"Expires=86400", "Expires=-1"},
           {"Expires=86400", "Expires=1d"},
           {"Expires=86400", "Expires=99999999999999999999"},
           {"&X-Amz-Date=20130524T000000Z", ""},
           {"Date=20130524T000000Z", "Date=2013"},
           {"X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""},
           {"AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"},
           {"us-east-1", "us-east-2"},
           {"%2Faws4_request", ""},
           {"&X-Amz-SignedHeaders=host", ""},
       }) {
    EXPECT_EQ(code_of(with_query(what, with).verify()), Errc::malformed_presign) << with;
  }
  EXPECT_EQ(code_of(with_query("Expires=86400", "Expires=86401").verify()),
            Errc::signature_mismatch);
}

TEST(SigV4, RefusesTwoKindsOfAuthentication) {
  Wire wire = presigned_example();
  wire.headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=x");
  EXPECT_EQ(wire.claim().error().code(), Errc::invalid_argument);
}

TEST(SigV4, RefusesVersionTwoInTheQuery) {
  Wire wire;
  wire.target = "/key?AWSAccessKeyId=A&Signature=s&Expires=1";
  EXPECT_EQ(wire.claim().error().code(), Errc::invalid_request);
}

TEST(SigV4, TakesARequestWithoutAnyOfItAsAnonymous) {
  const http::Target target = http::parse_target("/bucket/key?versionId=1").value();
  EXPECT_EQ(parse_claim({"GET", target, {}}).value(), std::nullopt);
}

TEST(SigV4, SignsWhatItVerifies) {
  for (std::string_view target :
       {"/", "/b/a%20b%2Bc?list-type=2&prefix=x%2Fy", "/b/%E2%82%AC//.."}) {
    Wire wire{"PUT", std::string(target), {}};
    wire.headers.add("Host", "localhost:9000");
    wire.headers.add("x-amz-meta-Colour", "  deep   blue ");
    ASSERT_TRUE(sign_request(wire.method, wire.target, wire.headers, "UNSIGNED-PAYLOAD",
                             example_credentials(), example_time()));
    EXPECT_TRUE(wire.verify()) << target;
    wire.headers.set("x-amz-meta-colour", "deep red");
    EXPECT_EQ(code_of(wire.verify()), Errc::signature_mismatch);
  }
}

TEST(SigV4, SigningNeedsAHost) {
  http::Headers headers;
  const auto signer =
      sign_request("GET", "/", headers, "UNSIGNED-PAYLOAD", example_credentials(), example_time());
  EXPECT_EQ(signer.error().code(), Errc::invalid_argument);
}

TEST(SigV4, PresignsAsDocumented) {
  EXPECT_EQ(presign("GET", "/test.txt", kHost, example_credentials(), example_time(), 86'400s),
            presigned_example().target);
  Wire wire = presigned_example();
  wire.target =
      presign("GET", "/k?versionId=null", kHost, example_credentials(), example_time(), 604'800s)
          .value();
  EXPECT_TRUE(wire.verify(example_time() + 7 * 24h));
  for (const auto expires : {0s, 604'801s}) {
    EXPECT_EQ(
        presign("GET", "/", kHost, example_credentials(), example_time(), expires).error().code(),
        Errc::invalid_argument);
  }
}

TEST(PayloadKind, KnowsTheNamesAndHashes) {
  EXPECT_EQ(parse_payload_kind(kEmptyHash), PayloadKind::literal);
  EXPECT_EQ(parse_payload_kind("UNSIGNED-PAYLOAD"), PayloadKind::unsigned_body);
  EXPECT_EQ(parse_payload_kind("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            PayloadKind::streaming_signed);
  EXPECT_EQ(parse_payload_kind("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            PayloadKind::streaming_signed_trailer);
  EXPECT_EQ(parse_payload_kind("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            PayloadKind::streaming_unsigned_trailer);
  EXPECT_FALSE(parse_payload_kind("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"));
  EXPECT_FALSE(parse_payload_kind(kEmptyHash.substr(1)));
  EXPECT_FALSE(is_aws_chunked(PayloadKind::literal));
  EXPECT_FALSE(is_aws_chunked(PayloadKind::unsigned_body));
  EXPECT_TRUE(is_aws_chunked(PayloadKind::streaming_unsigned_trailer));
}

TEST(SigningKeys, AreThoseOfAFreshDerivation) {
  SigningKeys keys;
  const Scope scope{"20150830", "us-east-1", "iam"};
  const crypto::SecretKey fresh =
      derive_signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope);
  // From the AWS general reference.
  EXPECT_EQ(to_hex(fresh.view()),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
  for (int i = 0; i < 2; ++i) {
    const auto key = keys.get("id", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope);
    EXPECT_EQ(to_hex(key.view()), to_hex(fresh.view()));
  }
  EXPECT_EQ(keys.size(), 1U);
}

TEST(SigningKeys, FollowAChangedSecret) {
  SigningKeys keys;
  const Scope scope{"20150830", "r"};
  const auto before = keys.get("id", "old", scope);
  const auto after = keys.get("id", "new", scope);
  EXPECT_NE(to_hex(before.view()), to_hex(after.view()));
  EXPECT_EQ(to_hex(after.view()), to_hex(derive_signing_key("new", scope).view()));
  EXPECT_EQ(keys.size(), 1U);
}

TEST(SigningKeys, StayWithinTheirBound) {
  SigningKeys keys(8);
  for (int i = 0; i < 100; ++i) {
    keys.get("id" + std::to_string(i), "secret", {"20150830", "r"});
    EXPECT_LE(keys.size(), 8U);
  }
}

TEST(AmzDate, RoundTripsAndRefusesOtherForms) {
  for (std::string_view text : {"20130524T000000Z", "19700101T000000Z", "20240229T235959Z"}) {
    EXPECT_EQ(format_amz_date(parse_amz_date(text).value()), text);
  }
  for (std::string_view text : {"20130524T000000", "20130524T000000ZZ", "2013-05-24T00:00:00Z",
                                "20130229T000000Z", "20131324T000000Z", "20130524T250000Z", ""}) {
    EXPECT_EQ(parse_amz_date(text), std::nullopt) << text;
  }
}

TEST(HttpDate, ReadsTheThreeForms) {
  const WallTime expected{784'111'777'000};
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), expected);
  EXPECT_EQ(parse_http_date(to_http_date(expected)), expected);
  EXPECT_EQ(to_http_date(parse_http_date("Tuesday, 01-Jan-30 00:00:00 GMT").value()),
            "Tue, 01 Jan 2030 00:00:00 GMT");
}

TEST(HttpDate, RefusesEverythingElse) {
  for (std::string_view text :
       {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "1994-11-06T08:49:37Z"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace stratos::gateway::s3
