#include "gateway/s3/sse.hpp"

#include "client/customer_key.hpp"
#include "crypto/hash.hpp"
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

std::string key_text(char fill) { return to_base64(as_bytes(std::string(32, fill))); }
std::string key_md5(char fill) { return to_base64(crypto::md5(as_bytes(std::string(32, fill)))); }
HeaderList with_key(char fill, const std::string& prefix = std::string(kSsePrefix)) {
  return {{prefix + "-customer-algorithm", "AES256"},
          {prefix + "-customer-key", key_text(fill)},
          {prefix + "-customer-key-MD5", key_md5(fill)}};
}
HeaderList joined(HeaderList a, const HeaderList& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Errc write_error(const HeaderList& fields) {
  http::Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  const auto key = parse_write_encryption(headers);
  return key ? Errc{} : key.error().code();
}

TEST(SseHeaders, NeedAlgorithmKeyAndMd5Together) {
  EXPECT_EQ(write_error(with_key('a')), Errc{});
  for (std::size_t missing = 0; missing < 3; ++missing) {
    HeaderList fields = with_key('a');
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_EQ(write_error(fields), Errc::invalid_argument) << missing;
  }
  HeaderList fields = with_key('a');
  fields[0].second = "AES192";
  EXPECT_EQ(write_error(fields), Errc::invalid_argument);
  fields = with_key('a');
  fields[1].second = key_text('b');
  EXPECT_EQ(write_error(fields), Errc::invalid_argument) << "another key's MD5";
  fields = with_key('a');
  fields[1].second = to_base64(as_bytes("short"));
  EXPECT_EQ(write_error(fields), Errc::invalid_argument);
}

TEST(SseHeaders, NameOneAlgorithmThatExists) {
  const std::string name(kSsePrefix);
  EXPECT_EQ(write_error({{name, "AES256"}}), Errc{});
  EXPECT_EQ(write_error({{name, "AES192"}}), Errc::invalid_argument);
  EXPECT_EQ(write_error({{name, "aws:kms"}}), Errc::not_implemented);
  EXPECT_EQ(write_error({{name + "-aws-kms-key-id", "k"}}), Errc::not_implemented);
  EXPECT_EQ(write_error({{name, "AES256"}, {name + "-aws-kms-key-id", "k"}}),
            Errc::invalid_argument);
  EXPECT_EQ(write_error(joined(with_key('a'), {{name, "AES256"}})), Errc::invalid_argument);
  EXPECT_EQ(write_error(joined(with_key('a'), {{name, "aws:kms"}})), Errc::invalid_argument);
}

TEST(SseHeaders, OpenOnlyWhatTheirKeyClosed) {
  SeededRandom random(1);
  http::Headers headers;
  for (const auto& [name, value] : with_key('a')) headers.add(name, value);
  const auto key = parse_read_encryption(headers).value();
  const Bytes check = client::make_key_check(key->key, random);
  EXPECT_TRUE(check_customer_key(key, check));
  EXPECT_TRUE(check_customer_key(std::nullopt, {}));
  EXPECT_EQ(check_customer_key(std::nullopt, check).error().code(), Errc::invalid_request);
  EXPECT_EQ(check_customer_key(key, {}).error().code(), Errc::invalid_request);
  const Bytes other = client::make_key_check(crypto::SecretKey(), random);
  EXPECT_EQ(check_customer_key(key, other).error().code(), Errc::invalid_request);
  headers.add(std::string(kSsePrefix), "AES256");
  EXPECT_EQ(parse_read_encryption(headers).error().code(), Errc::invalid_argument);
}

class CustomerKeyRequests : public ServiceFixture {
 protected:
  ~CustomerKeyRequests() override {
    EXPECT_EQ(log_.find(key_text('a')), log_.npos) << "a key in the log";
  }
  static HeaderList from(const std::string& source, char fill) {
    return joined(with_key(fill, std::string(kSourceSsePrefix)), {{"x-amz-copy-source", source}});
  }
};

TEST_F(CustomerKeyRequests, StoreAndReadUnderTheKeyAlone) {
  make_box();
  const Answer stored = put("key", "secret", with_key('a'));
  ASSERT_EQ(stored.status, 200) << stored.body;
  EXPECT_EQ(stored.header("x-amz-server-side-encryption-customer-key-md5"), key_md5('a'));
  EXPECT_FALSE(stored.has("x-amz-server-side-encryption"));
  const Answer got = ask("GET", "/box/key", with_key('a'));
  EXPECT_EQ(got.body, "secret");
  EXPECT_EQ(got.header("x-amz-server-side-encryption-customer-algorithm"), "AES256");
  for (const std::string method : {"GET", "HEAD"}) {
    EXPECT_EQ(ask(method, "/box/key").status, 400);
    EXPECT_EQ(ask(method, "/box/key", with_key('b')).status, 400);
  }
  put("plain", "x");
  EXPECT_EQ(ask("GET", "/box/plain", with_key('a')).error(), "InvalidRequest");
}

TEST_F(CustomerKeyRequests, CopyFromOneKeyToAnotherAndToNone) {
  make_box();
  put("key", "secret", with_key('a'));
  EXPECT_EQ(ask("PUT", "/box/c", {{"x-amz-copy-source", "/box/key"}}).error(), "InvalidRequest");
  EXPECT_EQ(ask("PUT", "/box/c", from("/box/key", 'b')).error(), "InvalidRequest");
  ASSERT_EQ(ask("PUT", "/box/plain", from("/box/key", 'a')).status, 200);
  EXPECT_EQ(ask("GET", "/box/plain").body, "secret");
  ASSERT_EQ(ask("PUT", "/box/other", joined(from("/box/key", 'a'), with_key('b'))).status, 200);
  EXPECT_EQ(ask("GET", "/box/other", with_key('b')).body, "secret");
  ASSERT_EQ(ask("PUT", "/box/closed", joined(with_key('b'), {{"x-amz-copy-source", "/box/plain"}}))
                .status,
            200);
  EXPECT_EQ(ask("GET", "/box/closed", with_key('b')).body, "secret");
}

TEST_F(CustomerKeyRequests, PartsHaveTheKeyOfTheirUpload) {
  make_box();
  put("source", "0123456789", with_key('b'));
  const Answer begun = ask("POST", "/box/key?uploads", with_key('a'));
  const std::string upload = "/box/key?uploadId=" + begun.at("UploadId");
  EXPECT_EQ(ask("PUT", upload + "&partNumber=1", {}, "x").error(), "InvalidRequest");
  EXPECT_EQ(ask("PUT", upload + "&partNumber=1", with_key('b'), "x").error(), "InvalidRequest");
  const Answer one = ask("PUT", upload + "&partNumber=1", with_key('a'), "first part");
  ASSERT_EQ(one.status, 200) << one.body;
  const Answer two = ask("PUT", upload + "&partNumber=2",
                         joined(joined(from("/box/source", 'b'), with_key('a')),
                                {{"x-amz-copy-source-range", "bytes=2-4"}}));
  ASSERT_EQ(two.status, 200) << two.body;
  const std::string document = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                               one.header("etag") +
                               "</ETag></Part><Part><PartNumber>2</PartNumber><ETag>" +
                               two.at("ETag") + "</ETag></Part></CompleteMultipartUpload>";
  ASSERT_EQ(ask("POST", upload, {}, document).status, 200) << "completing needs no key";
  EXPECT_EQ(ask("GET", "/box/key", with_key('a')).body, "first part234");
  EXPECT_EQ(ask("GET", "/box/key").error(), "InvalidRequest");
}

}  // namespace
}  // namespace stratos::gateway::s3
