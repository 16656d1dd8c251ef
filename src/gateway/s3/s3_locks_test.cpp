#include "gateway/s3/s3_xml_versions.hpp"
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kUntil = "2140-01-01T00:00:00.000Z";

std::string retention(std::string_view mode, std::string_view until = kUntil) {
  return "<Retention><Mode>" + std::string(mode) + "</Mode><RetainUntilDate>" + std::string(until) +
         "</RetainUntilDate></Retention>";
}

class S3Locks : public ServiceFixture {
 protected:
  void SetUp() override {
    EXPECT_EQ(ask("PUT", "/box", {{"x-amz-bucket-object-lock-enabled", "true"}}).status, 200);
  }
};

TEST_F(S3Locks, OfABucketHaveADefault) {
  EXPECT_EQ(ask("GET", "/box?versioning").at("Status"), "Enabled");
  EXPECT_EQ(ask("GET", "/box?object-lock").at("ObjectLockEnabled"), "Enabled");
  EXPECT_EQ(ask("GET", "/box?object-lock").at("Rule/DefaultRetention/Mode"), "(none)");
  const auto code = [this](const std::string& rule) {
    return ask("PUT", "/box?object-lock", {},
               "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
               "<Rule><DefaultRetention>" +
                   rule + "</DefaultRetention></Rule></ObjectLockConfiguration>")
        .error();
  };
  EXPECT_EQ(code("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>"), "MalformedXML");
  EXPECT_EQ(code("<Mode>governance</Mode><Days>1</Days>"), "MalformedXML");
  EXPECT_EQ(code("<Mode>GOVERNANCE</Mode><Days>0</Days>"), "InvalidRetentionPeriod");
  EXPECT_EQ(code("<Mode>GOVERNANCE</Mode><Years>-1</Years>"), "InvalidRetentionPeriod");
  EXPECT_EQ(code("<Mode>COMPLIANCE</Mode><Years>2</Years>"), "(none)");
  EXPECT_EQ(ask("GET", "/box?object-lock").at("Rule/DefaultRetention/Years"), "2");
  EXPECT_EQ(ask("PUT", "/box?versioning", {},
                "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>")
                .error(),
            "InvalidBucketState");
}

TEST_F(S3Locks, AreMissedWhereTheBucketHasNone) {
  ASSERT_EQ(ask("PUT", "/plain").status, 200);
  ASSERT_EQ(ask("PUT", "/plain/key", {}, "x").status, 200);
  EXPECT_EQ(ask("GET", "/plain?object-lock").error(), "ObjectLockConfigurationNotFoundError");
  EXPECT_EQ(ask("GET", "/plain/key?retention").error(), "InvalidRequest");
  EXPECT_EQ(ask("GET", "/plain/key?legal-hold").error(), "InvalidRequest");
  put("key", "x");
  EXPECT_EQ(ask("GET", "/box/key?retention").error(), "NoSuchObjectLockConfiguration");
}

TEST_F(S3Locks, KeepVersions) {
  const std::string version = put("key", "x").header("x-amz-version-id");
  EXPECT_EQ(ask("PUT", "/box/key?retention", {}, retention("GOVERNANCE")).status, 200);
  const Answer told = ask("GET", "/box/key?retention");
  EXPECT_EQ(told.at("Mode"), "GOVERNANCE");
  EXPECT_EQ(told.at("RetainUntilDate"), kUntil);
  const Answer head = ask("HEAD", "/box/key");
  EXPECT_EQ(head.header("x-amz-object-lock-mode"), "GOVERNANCE");
  EXPECT_EQ(head.header("x-amz-object-lock-retain-until-date"), kUntil);
  EXPECT_EQ(
      ask("PUT", "/box/key?retention", {}, retention("GOVERNANCE", "2130-01-01T00:00:00Z")).error(),
      "AccessDenied");
  const Answer refused = ask("DELETE", "/box/key?versionId=" + version);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.error(), "AccessDenied");
  EXPECT_EQ(ask("DELETE", "/box/key?versionId=" + version,
                {{"x-amz-bypass-governance-retention", "true"}})
                .status,
            204);
  put("key", "y");
  EXPECT_EQ(ask("PUT", "/box/key?retention", {}, retention("abc")).error(), "MalformedXML");
}

TEST_F(S3Locks, OfHoldsComeAndGo) {
  const std::string version =
      put("key", "x", {{"x-amz-object-lock-legal-hold", "ON"}}).header("x-amz-version-id");
  EXPECT_EQ(ask("GET", "/box/key?legal-hold").at("Status"), "ON");
  EXPECT_EQ(ask("HEAD", "/box/key").header("x-amz-object-lock-legal-hold"), "ON");
  EXPECT_EQ(ask("DELETE", "/box/key?versionId=" + version).error(), "AccessDenied");
  EXPECT_EQ(
      ask("PUT", "/box/key?legal-hold", {}, "<LegalHold><Status>abc</Status></LegalHold>").error(),
      "MalformedXML");
  EXPECT_EQ(
      ask("PUT", "/box/key?legal-hold", {}, "<LegalHold><Status>OFF</Status></LegalHold>").status,
      200);
  EXPECT_EQ(ask("GET", "/box/key?legal-hold").at("Status"), "OFF");
  EXPECT_EQ(ask("DELETE", "/box/key?versionId=" + version).status, 204);
}

TEST_F(S3Locks, ComeWithTheUpload) {
  put("key", "x",
      {{"x-amz-object-lock-mode", "COMPLIANCE"},
       {"x-amz-object-lock-retain-until-date", std::string(kUntil)}});
  EXPECT_EQ(ask("GET", "/box/key?retention").at("Mode"), "COMPLIANCE");
  EXPECT_EQ(put("key", "x", {{"x-amz-object-lock-mode", "COMPLIANCE"}}).error(), "InvalidArgument");
}

}  // namespace
}  // namespace stratos::gateway::s3
