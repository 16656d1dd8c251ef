// Access by lists and policies, asked as clients do.
#include "gateway/s3/access_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

TEST_F(S3Access, NobodyElseMayDoAnythingAtFirst) {
  make_box();
  put("key", "abc");
  for (const auto& [method, target] :
       std::vector<std::pair<std::string, std::string>>{{"GET", "/box"},
                                                        {"HEAD", "/box"},
                                                        {"DELETE", "/box"},
                                                        {"GET", "/box/key"},
                                                        {"HEAD", "/box/key"},
                                                        {"PUT", "/box/new"},
                                                        {"DELETE", "/box/key"},
                                                        {"GET", "/box?acl"},
                                                        {"GET", "/box/key?acl"},
                                                        {"GET", "/box/none"},
                                                        {"GET", "/box?policy"},
                                                        {"PUT", "/box?cors"},
                                                        {"GET", "/box?uploads"},
                                                        {"POST", "/box/k?uploads"},
                                                        {"GET", "/box?location"},
                                                        {"GET", "/box?versioning"},
                                                        {"GET", "/box?tagging"},
                                                        {"GET", "/box?logging"}}) {
    EXPECT_EQ(as(1, method, target).status, 403) << method << " " << target;
    EXPECT_EQ(anonymous(method, target).status, 403) << method << " " << target;
  }
  EXPECT_TRUE(objects_.has("box", "key"));
  EXPECT_EQ(anonymous("GET", "/").error(), "AccessDenied");
  EXPECT_EQ(anonymous("PUT", "/new-bucket").error(), "AccessDenied");
  EXPECT_EQ(anonymous("GET", "/nowhere").error(), "NoSuchBucket");
}

TEST_F(S3Access, PublicListsOpenBucketsAndObjects) {
  ASSERT_EQ(ask("PUT", "/box", {{"x-amz-acl", "public-read"}}).status, 200);
  put("open", "abc", {{"x-amz-acl", "public-read"}});
  put("shut", "def");
  EXPECT_EQ(anonymous("GET", "/box").status, 200);
  EXPECT_EQ(anonymous("GET", "/box/open").body, "abc");
  EXPECT_EQ(anonymous("HEAD", "/box/open").status, 200);
  EXPECT_EQ(anonymous("GET", "/box/shut").error(), "AccessDenied");
  EXPECT_EQ(anonymous("GET", "/box/none").error(), "NoSuchKey") << "it may be listed";
  EXPECT_EQ(anonymous("PUT", "/box/new", {}, "x").error(), "AccessDenied");
  EXPECT_EQ(as(1, "GET", "/box/open").body, "abc");
}

TEST_F(S3Access, WhatIsMissingIsHiddenFromThoseWhoMayNotList) {
  make_box();
  policy("s3:GetObject");
  EXPECT_EQ(anonymous("GET", "/box/none").error(), "AccessDenied");
  EXPECT_EQ(ask("GET", "/box/none").error(), "NoSuchKey");
  policy("s3:*");
  EXPECT_EQ(anonymous("GET", "/box/none").error(), "NoSuchKey");
}

TEST_F(S3Access, PublicWritesBelongToTheirWriters) {
  ASSERT_EQ(ask("PUT", "/box", {{"x-amz-acl", "public-read-write"}}).status, 200);
  ASSERT_EQ(as(1, "PUT", "/box/theirs", {}, "abc").status, 200);
  EXPECT_EQ(objects_.attributes_of("box", "theirs").access.owner, account(1));
  EXPECT_EQ(ask("GET", "/box/theirs").error(), "AccessDenied");
  EXPECT_EQ(as(1, "GET", "/box/theirs").body, "abc");
  EXPECT_EQ(as(1, "GET", "/box/theirs?acl").at("Owner/DisplayName"), "user1");
  const Answer listed = ask("GET", "/box");
  EXPECT_EQ(listed.at("Contents/Owner/ID"), id(1));
  ASSERT_EQ(anonymous("PUT", "/box/nobodys", {}, "x").status, 200);
  EXPECT_EQ(ask("GET", "/box/nobodys").body, "x") << "the bucket owner's";
  EXPECT_EQ(ask("DELETE", "/box/theirs").status, 204);
}

TEST_F(S3Access, ListingsNameWhoBeganAnUpload) {
  ASSERT_EQ(ask("PUT", "/box", {{"x-amz-acl", "public-read-write"}}).status, 200);
  ask("POST", "/box/mine?uploads");
  as(1, "POST", "/box/theirs?uploads");
  const Answer listed = ask("GET", "/box?uploads");
  EXPECT_EQ(listed.all("Upload/Initiator/ID"), (std::vector<std::string>{id(0), id(1)}));
  EXPECT_EQ(listed.all("Upload/Owner/DisplayName"), (std::vector<std::string>{"user0", "user1"}));
}

TEST_F(S3Access, EnforcedOwnershipShowsInListings) {
  ASSERT_EQ(ask("PUT", "/box", {{"x-amz-acl", "public-read-write"}}).status, 200);
  ASSERT_EQ(as(1, "PUT", "/box/theirs", {}, "abc").status, 200);
  ASSERT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "private"}}).status, 200);
  const std::string enforced =
      "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"
      "</OwnershipControls>";
  ASSERT_EQ(ask("PUT", "/box?ownershipControls", {}, enforced).status, 200);
  EXPECT_EQ(ask("GET", "/box").at("Contents/Owner/ID"), id(0));
  EXPECT_EQ(ask("GET", "/box?versions").at("Version/Owner/ID"), id(0));
}

TEST_F(S3Access, ListsAreReadAndReplaced) {
  make_box();
  put("key", "abc");
  Answer acl = ask("GET", "/box/key?acl");
  EXPECT_EQ(acl.at("Owner/ID"), id(0));
  EXPECT_EQ(acl.all("AccessControlList/Grant/Permission"),
            (std::vector<std::string>{"FULL_CONTROL"}));
  const std::string document = "<AccessControlPolicy><Owner><ID>" + id(0) +
                               "</ID></Owner><AccessControlList><Grant><Grantee><ID>" + id(1) +
                               "</ID></Grantee><Permission>READ_ACP</Permission></Grant>"
                               "</AccessControlList></AccessControlPolicy>";
  ASSERT_EQ(ask("PUT", "/box/key?acl", {}, document).status, 200);
  EXPECT_EQ(as(1, "GET", "/box/key?acl").at("AccessControlList/Grant/Grantee/DisplayName"),
            "user1");
  EXPECT_EQ(as(1, "GET", "/box/key").error(), "AccessDenied");
  EXPECT_EQ(as(1, "PUT", "/box/key?acl", {{"x-amz-acl", "public-read"}}).error(), "AccessDenied");
  ASSERT_EQ(ask("PUT", "/box?acl", {}, document).status, 200);
  EXPECT_EQ(as(1, "GET", "/box?acl").status, 200);
  EXPECT_EQ(as(1, "GET", "/box").error(), "AccessDenied");
  ASSERT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "private"}}).status, 200);
  EXPECT_TRUE(objects_.configs_of("box").empty());
}

TEST_F(S3Access, ListsNameOnlyAccountsThatExist) {
  make_box();
  EXPECT_EQ(ask("PUT", "/box?acl", {{"x-amz-grant-read", "id=" + id(7)}}).error(),
            "InvalidArgument");
  EXPECT_EQ(put("key", "x", {{"x-amz-grant-read", "id=" + id(7)}}).error(), "InvalidArgument");
  EXPECT_FALSE(objects_.has("box", "key"));
  EXPECT_EQ(ask("PUT", "/box?acl").error(), "InvalidRequest") << "no list at all";
  objects_.fails["account_name"] = Errc::unavailable;
  EXPECT_EQ(ask("PUT", "/box?acl", {{"x-amz-grant-read", "id=" + id(6)}}).error(),
            "ServiceUnavailable");
}

TEST_F(S3Access, CopiesNeedTheSourceAndGetAListOfTheirOwn) {
  make_box();
  put("open", "abc", {{"x-amz-acl", "public-read"}});
  put("shut", "def");
  ASSERT_EQ(as(1, "PUT", "/other").status, 200);
  ASSERT_EQ(as(1, "PUT", "/other/copy", {{"x-amz-copy-source", "/box/open"}}).status, 200);
  EXPECT_TRUE(objects_.attributes_of("other", "copy").access.acl.empty());
  EXPECT_EQ(anonymous("GET", "/other/copy").error(), "AccessDenied");
  EXPECT_EQ(as(1, "PUT", "/other/copy", {{"x-amz-copy-source", "/box/shut"}}).error(),
            "AccessDenied");
  EXPECT_EQ(as(1, "PUT", "/other/copy", {{"x-amz-copy-source", "/box/none"}}).error(),
            "AccessDenied");
  const Answer upload = as(1, "POST", "/other/parts?uploads");
  const std::string part = "/other/parts?partNumber=1&uploadId=" + upload.at("UploadId");
  EXPECT_EQ(as(1, "PUT", part, {{"x-amz-copy-source", "/box/shut"}}).error(), "AccessDenied");
  EXPECT_EQ(as(1, "PUT", part, {{"x-amz-copy-source", "/box/open"}}).status, 200);
}

TEST_F(S3Access, PoliciesAllowAndDeny) {
  make_box();
  put("key", "abc");
  policy("s3:GetObject");
  EXPECT_EQ(anonymous("GET", "/box/key").body, "abc");
  EXPECT_EQ(anonymous("GET", "/box").error(), "AccessDenied");
  policy("s3:GetObject", "Deny");
  EXPECT_EQ(ask("GET", "/box/key").error(), "AccessDenied");
  ASSERT_EQ(ask("DELETE", "/box?policy").status, 204);
  EXPECT_EQ(ask("GET", "/box/key").status, 200);
  EXPECT_EQ(ask("GET", "/box?policy").error(), "NoSuchBucketPolicy");
  EXPECT_EQ(ask("PUT", "/box?policy", {}, "{}").error(), "MalformedPolicy");
}

TEST_F(S3Access, PoliciesLookAtTheRequest) {
  make_box();
  policy("s3:ListBucket", "Allow", R"(,"Condition":{"StringLike":{"s3:prefix":"a/*"}})");
  EXPECT_EQ(anonymous("GET", "/box?prefix=a/b").status, 200);
  EXPECT_EQ(anonymous("GET", "/box?prefix=b").status, 403);
  EXPECT_EQ(anonymous("GET", "/box").status, 403);
  policy("s3:PutObject", "Allow", R"(,"Condition":{"StringEquals":{"s3:x-amz-acl":"private"}})");
  EXPECT_EQ(as(1, "PUT", "/box/k", {{"x-amz-acl", "private"}}, "x").status, 200);
  EXPECT_EQ(as(1, "PUT", "/box/k", {{"x-amz-acl", "public-read"}}, "x").status, 403);
  policy("s3:ListBucket", "Allow", R"(,"Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}})");
  EXPECT_EQ(anonymous("GET", "/box").status, 200);
  policy("s3:ListBucket", "Allow", R"(,"Condition":{"Bool":{"aws:SecureTransport":"true"}})");
  EXPECT_EQ(anonymous("GET", "/box").status, 403);
}

TEST_F(S3Access, DeletionsInBulkAreDecidedOneByOne) {
  make_box();
  put("a/1", "x");
  put("b/1", "x");
  ASSERT_EQ(ask("PUT", "/box?policy", {},
                R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject",)"
                R"("Resource":"arn:aws:s3:::box/a/*"}})")
                .status,
            204);
  const std::string document =
      "<Delete><Object><Key>a/1</Key></Object><Object><Key>b/1</Key></Object></Delete>";
  const Answer answer = as(1, "POST", "/box?delete", {}, document);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.at("Deleted/Key"), "a/1");
  EXPECT_EQ(answer.at("Error/Key"), "b/1");
  EXPECT_EQ(answer.at("Error/Code"), "AccessDenied");
  EXPECT_FALSE(objects_.has("box", "a/1"));
  EXPECT_TRUE(objects_.has("box", "b/1"));
}

}  // namespace
}  // namespace stratos::gateway::s3
