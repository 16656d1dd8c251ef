// Uploads by forms, and the policy documents that they carry.
#include "crypto/hmac_sha1.hpp"
#include "gateway/s3/post_policy.hpp"
#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Result<void> check(const std::string& conditions, const Fields& fields, std::int64_t now_s = 0) {
  STRATOS_TRY(const PostPolicy policy,
              PostPolicy::parse(R"({"expiration":"2026-11-21T00:00:00Z","conditions":[)" +
                                conditions + "]}"));
  Form form;
  form.fields = fields;
  return policy.check(form, "box", {now_s * 1000});
}
Errc code_of(const Result<void>& result) { return result ? Errc{} : result.error().code(); }
const std::string kBucket = R"({"bucket":"box"},)";

TEST(PostPolicies, HoldEveryFieldToACondition) {
  EXPECT_TRUE(check(kBucket + R"(["starts-with","$key","a/"])", {{"key", "a/b"}}));
  EXPECT_TRUE(check(kBucket + R"(["StArTs-WiTh","$KeY",""])", {{"kEy", "x"}}));
  EXPECT_TRUE(check(kBucket + R"(["eq","$key","a"])", {{"key", "a"}, {"x-ignore-this", "1"}}));
  for (const auto& [conditions, fields] : std::vector<std::pair<std::string, Fields>>{
           {kBucket + R"(["starts-with","$key","a/"])", {{"key", "b"}}},
           {kBucket + R"(["eq","$key","a"])", {{"key", "ab"}}},
           {kBucket + R"({"key":"a"})", {{"key", "a"}, {"acl", "private"}}},
           {kBucket + R"({"key":"a"},{"acl":"private"})", {{"key", "a"}}},
           {R"({"key":"a"})", {{"key", "a"}}},
           {R"({"bucket":"other"},{"key":"a"})", {{"key", "a"}}}}) {
    EXPECT_EQ(code_of(check(conditions, fields)), Errc::access_denied) << conditions;
  }
}

TEST(PostPolicies, Expire) {
  const std::string conditions = kBucket + R"({"key":"a"})";
  EXPECT_TRUE(check(conditions, {{"key", "a"}}, 1'795'219'200));
  EXPECT_EQ(code_of(check(conditions, {{"key", "a"}}, 1'795'219'201)), Errc::access_denied);
}

TEST(PostPolicies, ReadSizes) {
  const std::string head = R"({"expiration":"2026-11-21T00:00:00Z","conditions":[)";
  const auto policy = PostPolicy::parse(head + R"(["content-length-range",1,"20"]]})").value();
  EXPECT_EQ(policy.min_bytes(), 1U);
  EXPECT_EQ(policy.max_bytes(), 20U);
}

TEST(PostPolicies, RefuseWhatTheyCannotRead) {
  const std::string until = R"({"expiration":"2026-11-21T00:00:00Z",)";
  for (const std::string& bad :
       {std::string(""), std::string("{}"), std::string("[]"), until + R"("conditions":[]})",
        until + R"("conditions":[{}]})", until + R"("conditions":[{"key":1}]})",
        until + R"("conditions":[["eq","key","a"]]})", until + R"("conditions":[["eq","$key"]]})",
        until + R"("conditions":[["is","$key","a"]]})",
        until + R"("conditions":[["content-length-range",0]]})",
        until + R"("conditions":[["content-length-range",-1,5]]})",
        until + R"("CONDITIONS":[{"key":"a"}]})",
        std::string(R"({"expiration":"tomorrow","conditions":[{"key":"a"}]})"),
        std::string(R"({"conditions":[{"key":"a"}]})")}) {
    const auto policy = PostPolicy::parse(bad);
    ASSERT_FALSE(policy) << bad;
    EXPECT_EQ(policy.error().code(), Errc::invalid_policy_document) << bad;
  }
}

class S3Forms : public ServiceFixture {
 protected:
  Answer post(const Fields& fields, const std::string& content = "file content",
              const std::string& file_name = "a.txt") {
    Ask form;
    form.method = "POST";
    form.target = "/box";
    form.sign = false;
    form.headers = {{"Content-Type", "multipart/form-data; boundary=XyZ"}};
    for (const auto& [name, value] : fields) {
      form.body +=
          "--XyZ\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
    }
    form.body += "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + file_name +
                 "\"\r\n\r\n" + content + "\r\n--XyZ--\r\n";
    return ask(form);
  }
  static std::string policy(const std::string& more) {
    return to_base64(as_bytes(R"({"expiration":"2099-01-01T00:00:00Z","conditions":[)"
                              R"({"bucket":"box"},["starts-with","$key",""])" +
                              more + "]}"));
  }
  Fields signed_fields(Fields fields, const std::string& more = "") {
    const std::string date = format_amz_date(runtime_.wall_now());
    const Scope scope{date.substr(0, 8), "us-east-1", "s3"};
    const std::string id = credentials(0).access_key_id + "/" + scope.text();
    const std::string text =
        policy(R"(,["eq","$x-amz-algorithm","AWS4-HMAC-SHA256"],{"x-amz-date":")" + date +
               R"("},{"x-amz-credential":")" + id + "\"}" + more);
    const crypto::SecretKey key = derive_signing_key(credentials(0).secret, scope);
    fields.emplace_back("policy", text);
    fields.emplace_back("x-amz-algorithm", "AWS4-HMAC-SHA256");
    fields.emplace_back("x-amz-credential", id);
    fields.emplace_back("x-amz-date", date);
    fields.emplace_back("x-amz-signature", to_hex(crypto::hmac_sha256(key.view(), as_bytes(text))));
    return fields;
  }
};

TEST_F(S3Forms, SignedOnesStoreTheirFile) {
  make_box();
  const Answer answer =
      post(signed_fields(
               {{"key", "dir/${filename}"}, {"Content-Type", "text/x-mine"}, {"x-amz-meta-a", "b"}},
               R"(,{"content-type":"text/x-mine"},{"x-amz-meta-a":"b"})"),
           noise(300'000), "C:\\path\\photo.jpg");
  ASSERT_EQ(answer.status, 204) << answer.body;
  EXPECT_EQ(objects_.body_of("box", "dir/photo.jpg"), noise(300'000));
  const Answer got = ask("GET", "/box/dir/photo.jpg");
  EXPECT_EQ(got.header("content-type"), "text/x-mine");
  EXPECT_EQ(got.header("x-amz-meta-a"), "b");
  EXPECT_EQ(got.header("etag"), answer.header("etag"));
}

TEST_F(S3Forms, TheOlderSignatureCountsForPolicies) {
  make_box();
  const std::string text = policy("");
  const std::string signature =
      to_base64(crypto::hmac_sha1(as_bytes(credentials(0).secret), as_bytes(text)));
  const Fields fields = {{"key", "k"},
                         {"AWSAccessKeyId", credentials(0).access_key_id},
                         {"policy", text},
                         {"signature", signature}};
  EXPECT_EQ(post(fields).status, 204);
  Fields wrong = fields;
  wrong[3].second[3] ^= 1;
  EXPECT_EQ(post(wrong).error(), "SignatureDoesNotMatch");
  wrong = fields;
  wrong[1].second = "AKIANOBODY";
  EXPECT_EQ(post(wrong).error(), "InvalidAccessKeyId");
  wrong = fields;
  wrong.pop_back();
  EXPECT_EQ(post(wrong).error(), "InvalidArgument");
}

TEST_F(S3Forms, FalseSignaturesAndBrokenPoliciesStoreNothing) {
  make_box();
  Fields fields = signed_fields({{"key", "k"}});
  fields.back().second[0] = fields.back().second[0] == '0' ? '1' : '0';
  EXPECT_EQ(post(fields).error(), "SignatureDoesNotMatch");
  EXPECT_EQ(post(signed_fields({{"key", "k"}, {"acl", "private"}})).error(), "AccessDenied");
  EXPECT_EQ(post(signed_fields({{"key", "k"}}, R"(,["content-length-range",0,3])")).error(),
            "EntityTooLarge");
  EXPECT_EQ(post(signed_fields({{"key", "k"}}, R"(,["content-length-range",50,90])")).error(),
            "EntityTooSmall");
  EXPECT_EQ(post(signed_fields({})).error(), "InvalidArgument") << "no key";
  EXPECT_FALSE(objects_.has("box", "k"));
}

TEST_F(S3Forms, WithoutAPolicyTheSenderIsNobody) {
  make_box();
  EXPECT_EQ(post({{"key", "k"}}).error(), "AccessDenied");
  ASSERT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "public-read-write"}}).status, 200);
  EXPECT_EQ(post({{"key", "k"}}).status, 204);
  EXPECT_EQ(ask("GET", "/box/k").body, "file content");
}

TEST_F(S3Forms, AnswerAsTheFieldsAsk) {
  ASSERT_EQ(ask("PUT", "/box", {{"x-amz-acl", "public-read-write"}}).status, 200);
  const Answer created = post({{"key", "k"}, {"success_action_status", "201"}});
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.at("Key"), "k");
  EXPECT_EQ(created.at("Bucket"), "box");
  EXPECT_EQ(post({{"key", "k"}, {"success_action_status", "404"}}).status, 204);
  EXPECT_EQ(post({{"key", "k"}, {"success_action_status", "200"}}).status, 200);
  const Answer moved = post({{"key", "a b"}, {"success_action_redirect", "http://x/y"}});
  EXPECT_EQ(moved.status, 303);
  EXPECT_TRUE(moved.header("location").starts_with("http://x/y?bucket=box&key=a%20b&etag=%22"));
  EXPECT_EQ(post({{"key", "k"}, {"success_action_redirect", "javascript:x"}}).status, 204);
}

TEST_F(S3Forms, OtherBodiesAreRefused) {
  make_box();
  Ask plain;
  plain.method = "POST";
  plain.target = "/box";
  plain.sign = false;
  plain.body = "x";
  EXPECT_EQ(ask(plain).error(), "BadRequest");
  plain.headers = {{"Content-Type", "multipart/form-data; boundary=a"}};
  EXPECT_EQ(ask(plain).error(), "MalformedPOSTRequest");
  plain.sign = true;
  EXPECT_EQ(ask(plain).error(), "InvalidArgument");
}

}  // namespace
}  // namespace stratos::gateway::s3
