// Documents of a bucket's configuration, asked as clients do.
#include "gateway/s3/access_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

class S3Config : public S3Access {};

TEST_F(S3Config, PublicAccessCanBeBlocked) {
  make_box();
  put("key", "abc", {{"x-amz-acl", "public-read"}});
  ASSERT_EQ(ask("PUT", "/box?publicAccessBlock", {},
                "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"
                "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true"
                "</BlockPublicPolicy></PublicAccessBlockConfiguration>")
                .status,
            200);
  EXPECT_EQ(anonymous("GET", "/box/key").error(), "AccessDenied");
  EXPECT_EQ(put("new", "x", {{"x-amz-acl", "public-read"}}).error(), "AccessDenied");
  EXPECT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "public-read"}}).error(), "AccessDenied");
  EXPECT_EQ(ask("PUT", "/box?policy", {},
                R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*",)"
                R"("Resource":"*"}})")
                .error(),
            "AccessDenied");
  EXPECT_EQ(put("new", "x", {{"x-amz-acl", "private"}}).status, 200);
  EXPECT_EQ(ask("GET", "/box?publicAccessBlock").at("RestrictPublicBuckets"), "false");
  ASSERT_EQ(ask("DELETE", "/box?publicAccessBlock").status, 204);
  EXPECT_EQ(ask("GET", "/box?publicAccessBlock").error(), "NoSuchPublicAccessBlockConfiguration");
}

TEST_F(S3Config, EnforcedOwnershipRefusesLists) {
  ASSERT_EQ(ask("PUT", "/box", {{"x-amz-object-ownership", "BucketOwnerEnforced"}}).status, 200);
  EXPECT_EQ(put("k", "x", {{"x-amz-acl", "private"}}).error(), "AccessControlListNotSupported");
  EXPECT_EQ(put("k", "x", {{"x-amz-grant-read", "id=" + id(1)}}).error(),
            "AccessControlListNotSupported");
  EXPECT_EQ(put("k", "x", {{"x-amz-acl", "bucket-owner-full-control"}}).status, 200);
  EXPECT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "private"}}).error(),
            "AccessControlListNotSupported");
  EXPECT_EQ(ask("GET", "/box?ownershipControls").at("Rule/ObjectOwnership"), "BucketOwnerEnforced");
  EXPECT_EQ(ask("PUT", "/two",
                {{"x-amz-object-ownership", "BucketOwnerEnforced"}, {"x-amz-acl", "public-read"}})
                .error(),
            "InvalidBucketAclWithObjectOwnership");
}

TEST_F(S3Config, PreferredOwnershipTakesWhatIsGivenUp) {
  ASSERT_EQ(
      ask("PUT", "/box",
          {{"x-amz-object-ownership", "BucketOwnerPreferred"}, {"x-amz-acl", "public-read-write"}})
          .status,
      200);
  ASSERT_EQ(as(1, "PUT", "/box/kept", {}, "x").status, 200);
  ASSERT_EQ(as(1, "PUT", "/box/given", {{"x-amz-acl", "bucket-owner-full-control"}}, "x").status,
            200);
  EXPECT_EQ(objects_.attributes_of("box", "kept").access.owner, account(1));
  EXPECT_TRUE(objects_.attributes_of("box", "given").access.owner.is_zero());
  EXPECT_EQ(ask("GET", "/box/given").status, 200);
}

TEST_F(S3Config, CrossOriginRulesAnswerBrowsers) {
  ASSERT_EQ(ask("PUT", "/box", {{"x-amz-acl", "public-read"}}).status, 200);
  const HeaderList preflight = {{"Origin", "http://a"}, {"Access-Control-Request-Method", "GET"}};
  EXPECT_EQ(anonymous("OPTIONS", "/box/key", preflight).error(), "AccessForbidden");
  EXPECT_EQ(anonymous("OPTIONS", "/box/key").error(), "BadRequest");
  ASSERT_EQ(ask("PUT", "/box?cors", {},
                "<CORSConfiguration><CORSRule><AllowedOrigin>http://a</AllowedOrigin>"
                "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>")
                .status,
            200);
  const Answer allowed = anonymous("OPTIONS", "/box/key", preflight);
  EXPECT_EQ(allowed.status, 200);
  EXPECT_EQ(allowed.header("access-control-allow-origin"), "http://a");
  EXPECT_EQ(anonymous("OPTIONS", "/box/key",
                      {{"Origin", "http://b"}, {"Access-Control-Request-Method", "GET"}})
                .status,
            403);
  EXPECT_EQ(
      anonymous("GET", "/box", {{"Origin", "http://a"}}).header("access-control-allow-origin"),
      "http://a");
  const Answer missing = anonymous("GET", "/box/none", {{"Origin", "http://a"}});
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("access-control-allow-origin"), "http://a");
  EXPECT_FALSE(
      anonymous("GET", "/box", {{"Origin", "http://b"}}).has("access-control-allow-origin"));
}

TEST_F(S3Config, DocumentsAreKeptAndRemoved) {
  make_box();
  const std::string tags =
      "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
  EXPECT_EQ(ask("GET", "/box?tagging").error(), "NoSuchTagSet");
  ASSERT_EQ(ask("PUT", "/box?tagging", {}, tags).status, 200);
  EXPECT_EQ(ask("GET", "/box?tagging").at("TagSet/Tag/Value"), "b");
  ASSERT_EQ(ask("DELETE", "/box?tagging").status, 204);
  EXPECT_EQ(ask("GET", "/box?tagging").error(), "NoSuchTagSet");
  EXPECT_EQ(ask("PUT", "/box?tagging", {}, "<Tagging/>").error(), "MalformedXML");
  EXPECT_EQ(ask("GET", "/box?encryption").error(),
            "ServerSideEncryptionConfigurationNotFoundError");
  EXPECT_EQ(ask("GET", "/box?cors").error(), "NoSuchCORSConfiguration");
  EXPECT_EQ(ask("GET", "/box?lifecycle").error(), "NoSuchLifecycleConfiguration");
  EXPECT_EQ(ask("GET", "/box?requestPayment").at("Payer"), "BucketOwner");
  EXPECT_EQ(ask("GET", "/box?logging").status, 200);
  EXPECT_EQ(ask("PUT", "/box?logging", {}, "<BucketLoggingStatus/>").error(), "NotImplemented");
  EXPECT_EQ(ask("PUT", "/box?notification", {}, "<NotificationConfiguration/>").status, 200);
  EXPECT_EQ(ask("PUT", "/box?tagging", {}, std::string(200'000, 'x')).error(),
            "MaxMessageLengthExceeded");
}

TEST_F(S3Config, TellsWhetherABucketIsPublic) {
  make_box();
  EXPECT_EQ(ask("GET", "/box?policyStatus").at("IsPublic"), "false");
  ASSERT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "authenticated-read"}}).status, 200);
  EXPECT_EQ(ask("GET", "/box?policyStatus").at("IsPublic"), "true");
  ASSERT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "private"}}).status, 200);
  policy("s3:ListBucket");
  EXPECT_EQ(ask("GET", "/box?policyStatus").at("IsPublic"), "true");
}

TEST_F(S3Config, TheExpectedOwnerIsTheBuckets) {
  ASSERT_EQ(ask("PUT", "/box", {{"x-amz-acl", "public-read"}}).status, 200);
  EXPECT_EQ(as(1, "GET", "/box", {{"x-amz-expected-bucket-owner", id(0)}}).status, 200);
  EXPECT_EQ(as(1, "GET", "/box", {{"x-amz-expected-bucket-owner", id(1)}}).status, 403);
}

}  // namespace
}  // namespace stratos::gateway::s3
