// Who may do what with versions, tags and locks.
#include "gateway/s3/access_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

class S3VersionAccess : public S3Access {
 protected:
  S3VersionAccess() {
    EXPECT_EQ(ask("PUT", "/box", {{"x-amz-bucket-object-lock-enabled", "true"}}).status, 200);
    version_ = put("key", "old").header("x-amz-version-id");
    put("key", "new");
  }
  std::string named() const { return "/box/key?versionId=" + version_; }

  std::string version_;
};

constexpr const char* kTagging =
    "<Tagging><TagSet><Tag><Key>team</Key><Value>red</Value></Tag></TagSet></Tagging>";

TEST_F(S3VersionAccess, ReadsOfVersionsAreAnActionOfTheirOwn) {
  policy("s3:GetObject");
  EXPECT_EQ(as(1, "GET", "/box/key").body, "new");
  EXPECT_EQ(as(1, "GET", named()).error(), "AccessDenied");
  policy("s3:GetObjectVersion");
  EXPECT_EQ(as(1, "GET", "/box/key").error(), "AccessDenied");
  EXPECT_EQ(as(1, "GET", named()).body, "old");
}

TEST_F(S3VersionAccess, RemovalsOfVersionsAreAnActionOfTheirOwn) {
  const std::string both =
      "<Delete><Object><Key>key</Key></Object><Object><Key>key</Key><VersionId>" + version_ +
      "</VersionId></Object></Delete>";
  policy("s3:DeleteObject");
  EXPECT_EQ(as(1, "DELETE", named()).error(), "AccessDenied");
  const Answer sorted = as(1, "POST", "/box?delete", {}, both);
  EXPECT_EQ(sorted.at("Deleted/DeleteMarker"), "true");
  EXPECT_EQ(sorted.at("Error/VersionId"), version_);
  EXPECT_EQ(sorted.at("Error/Code"), "AccessDenied");
  policy("s3:DeleteObjectVersion");
  EXPECT_EQ(as(1, "DELETE", named()).status, 204);
}

TEST_F(S3VersionAccess, ListsThatAllowWritingRemoveNoVersions) {
  ASSERT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "public-read-write"}}).status, 200);
  EXPECT_EQ(as(1, "DELETE", named()).error(), "AccessDenied");
  EXPECT_EQ(as(1, "DELETE", "/box/key").status, 204);
  EXPECT_EQ(ask("GET", named()).body, "old");
}

TEST_F(S3VersionAccess, GovernanceYieldsOnlyToThoseWhoMayBypassIt) {
  const HeaderList lock{{"x-amz-object-lock-mode", "GOVERNANCE"},
                        {"x-amz-object-lock-retain-until-date", "2131-01-01T00:00:00Z"}};
  const HeaderList bypass{{"x-amz-bypass-governance-retention", "true"}};
  const std::string locked = put("key", "kept", lock).header("x-amz-version-id");
  const std::string target = "/box/key?versionId=" + locked;
  policy("s3:DeleteObjectVersion");
  EXPECT_EQ(as(1, "DELETE", target, bypass).error(), "AccessDenied");
  EXPECT_EQ(ask("DELETE", target).error(), "AccessDenied");
  EXPECT_EQ(ask("DELETE", target, bypass).status, 204);
}

TEST_F(S3VersionAccess, WritersLockOnlyWhenTheyMay) {
  const HeaderList hold{{"x-amz-object-lock-legal-hold", "ON"}};
  policy("s3:PutObject");
  EXPECT_EQ(as(1, "PUT", "/box/other", {}, "x").status, 200);
  EXPECT_EQ(as(1, "PUT", "/box/other", hold, "x").error(), "AccessDenied");
}

TEST_F(S3VersionAccess, TagsDecide) {
  ASSERT_EQ(ask("PUT", "/box/key?tagging", {}, kTagging).status, 200);
  policy("s3:GetObject", "Allow",
         R"(,"Condition":{"StringEquals":{"s3:ExistingObjectTag/team":"red"}})");
  EXPECT_EQ(as(1, "GET", "/box/key").body, "new");
  put("plain", "x");
  EXPECT_EQ(as(1, "GET", "/box/plain").error(), "AccessDenied");
  EXPECT_EQ(as(1, "GET", "/box/key?tagging").error(), "AccessDenied");
}

TEST_F(S3VersionAccess, TagsThatAreAskedForDecide) {
  policy("s3:PutObject*", "Allow",
         R"(,"Condition":{"StringEquals":{"s3:RequestObjectTag/team":"red"}})");
  EXPECT_EQ(as(1, "PUT", "/box/a", {{"x-amz-tagging", "team=red"}}, "x").status, 200);
  EXPECT_EQ(as(1, "PUT", "/box/a", {{"x-amz-tagging", "team=blue"}}, "x").error(), "AccessDenied");
  EXPECT_EQ(as(1, "PUT", "/box/a", {}, "x").error(), "AccessDenied");
  EXPECT_EQ(as(1, "PUT", "/box/key?tagging", {}, kTagging).status, 200);
}

TEST_F(S3VersionAccess, CopiesOfAVersionAskForThatVersion) {
  ASSERT_EQ(as(1, "PUT", "/mine").status, 200);
  const HeaderList source{{"x-amz-copy-source", named()}};
  policy("s3:GetObject");
  EXPECT_EQ(as(1, "PUT", "/mine/copy", source).error(), "AccessDenied");
  policy("s3:GetObjectVersion");
  EXPECT_EQ(as(1, "PUT", "/mine/copy", source).status, 200);
  EXPECT_EQ(as(1, "GET", "/mine/copy").body, "old");
}

}  // namespace
}  // namespace stratos::gateway::s3
