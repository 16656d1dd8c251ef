#include "gateway/s3/bucket_rules.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace stratos::gateway::s3 {
namespace {

using client::ConfigKind;

AccountId account(std::uint8_t n) {
  AccountId id;
  id.value[19] = n;
  return id;
}
const AccountId kOwner = account(1);
const AccountId kWriter = account(2);
const AccountId kStranger = account(3);

class Decisions : public ::testing::Test {
 protected:
  void set(ConfigKind kind, std::string text) {
    settings_.configs[kind] = to_bytes(as_bytes(text));
  }
  void policy(std::string effect, std::string action, std::string condition = "{}") {
    std::string text = "{'Statement':{'Effect':'" + effect + "','Principal':'*','Action':'" +
                       action + "','Resource':['arn:aws:s3:::box','arn:aws:s3:::box/*']" +
                       (condition == "{}" ? "" : ",'Condition':" + condition) + "}}";
    std::ranges::replace(text, '\'', '"');
    set(ConfigKind::policy, text);
  }
  void block(std::string flag) {
    set(ConfigKind::public_access_block, "<PublicAccessBlockConfiguration><" + flag + ">true</" +
                                             flag + "></PublicAccessBlockConfiguration>");
  }
  void list(std::string canned) {
    settings_.configs[ConfigKind::acl] =
        encode_acl(canned_acl(canned, kOwner, kOwner).value(), kOwner);
  }
  bool may(std::optional<AccountId> who, std::string action, std::optional<Permission> permission,
           const client::ObjectAccess* object = nullptr) {
    settings_.info.name = "box";
    settings_.info.owner = kOwner;
    const BucketRules rules = read_bucket_rules(settings_).value();
    const ConditionValues values = [](std::string_view) { return std::vector<std::string>{}; };
    return decide(rules, {who, action, object ? "key" : "", permission, object, values})
        .has_value();
  }
  bool may_list(std::optional<AccountId> who) {
    return may(who, "s3:ListBucket", Permission::read);
  }
  bool may_get(std::optional<AccountId> who, const client::ObjectAccess& object) {
    return may(who, "s3:GetObject", Permission::read, &object);
  }
  static client::ObjectAccess by_writer(std::string canned) {
    return {kWriter, encode_acl(canned_acl(canned, kWriter, kOwner).value(), kWriter)};
  }

  client::BucketSettings settings_;
};

TEST_F(Decisions, WithoutRulesOnlyTheOwnerMay) {
  EXPECT_TRUE(may_list(kOwner));
  EXPECT_FALSE(may_list(kStranger));
  EXPECT_FALSE(may_list(std::nullopt));
  EXPECT_FALSE(may_list(AccountId())) << "the zero account is nobody";
  EXPECT_TRUE(may(kOwner, "s3:DeleteBucket", std::nullopt));
  EXPECT_TRUE(may_get(kOwner, {}));
  EXPECT_FALSE(may_get(kStranger, {}));
}

TEST_F(Decisions, TheBucketsListIsForTheBucketAlone) {
  list("public-read");
  EXPECT_TRUE(may_list(std::nullopt));
  EXPECT_FALSE(may(std::nullopt, "s3:PutObject", Permission::write));
  EXPECT_FALSE(may(kStranger, "s3:DeleteBucket", std::nullopt));
  EXPECT_FALSE(may_get(std::nullopt, {}));
  list("public-read-write");
  EXPECT_TRUE(may(std::nullopt, "s3:PutObject", Permission::write));
}

TEST_F(Decisions, AnObjectIsItsWriters) {
  EXPECT_TRUE(may_get(kWriter, by_writer("private")));
  EXPECT_FALSE(may_get(kOwner, by_writer("private")));
  EXPECT_TRUE(may_get(kOwner, by_writer("bucket-owner-read")));
  EXPECT_FALSE(may_get(kStranger, by_writer("bucket-owner-read")));
  EXPECT_TRUE(may_get(std::nullopt, by_writer("public-read")));
}

TEST_F(Decisions, EnforcedOwnershipSilencesLists) {
  set(ConfigKind::ownership_controls, ownership_document(ObjectOwnership::bucket_owner_enforced));
  list("public-read");
  EXPECT_FALSE(may_list(std::nullopt));
  EXPECT_FALSE(may_get(std::nullopt, by_writer("public-read")));
  EXPECT_FALSE(may_get(kWriter, by_writer("private")));
  EXPECT_TRUE(may_get(kOwner, by_writer("private")));
}

TEST_F(Decisions, APolicyAllowsTheOwnersObjectsOnly) {
  policy("Allow", "s3:GetObject");
  EXPECT_TRUE(may_get(std::nullopt, {}));
  EXPECT_TRUE(may_get(kStranger, {}));
  EXPECT_FALSE(may_get(kStranger, by_writer("private")));
  EXPECT_FALSE(may_list(kStranger));
}

TEST_F(Decisions, DenyOutranksOwnershipAndLists) {
  list("public-read");
  policy("Deny", "s3:*");
  EXPECT_FALSE(may_list(kOwner));
  EXPECT_FALSE(may_list(kStranger));
  EXPECT_FALSE(may_get(kWriter, by_writer("public-read")));
  EXPECT_TRUE(may(kOwner, "s3:PutBucketPolicy", std::nullopt)) << "or nobody could repair it";
  EXPECT_TRUE(may(kOwner, "s3:DeleteBucketPolicy", std::nullopt));
  EXPECT_FALSE(may(kStranger, "s3:DeleteBucketPolicy", std::nullopt));
}

TEST_F(Decisions, IgnoredPublicListsGrantNothing) {
  list("public-read");
  block("IgnorePublicAcls");
  EXPECT_FALSE(may_list(kStranger));
  EXPECT_FALSE(may_get(std::nullopt, by_writer("public-read")));
  EXPECT_TRUE(may_get(kOwner, by_writer("bucket-owner-read"))) << "not a group";
}

TEST_F(Decisions, RestrictedPublicPoliciesAllowNobodyElse) {
  policy("Allow", "s3:ListBucket");
  block("RestrictPublicBuckets");
  EXPECT_FALSE(may_list(std::nullopt));
  EXPECT_FALSE(may_list(kStranger));
  EXPECT_TRUE(may_list(kOwner));
}

TEST_F(Decisions, AnUnreadablePolicyAllowsNothingButItsReplacement) {
  set(ConfigKind::policy, "{\"Statement\":[]}");
  list("public-read");
  EXPECT_FALSE(may_list(kOwner));
  EXPECT_FALSE(may_list(kStranger));
  EXPECT_TRUE(may(kOwner, "s3:PutBucketPolicy", std::nullopt));
}

TEST_F(Decisions, AnUnreadableListOfAnObjectIsNoPermission) {
  EXPECT_FALSE(may_get(kStranger, {kWriter, to_bytes(as_bytes("rubbish"))}));
  EXPECT_TRUE(may_get(kWriter, {kWriter, to_bytes(as_bytes("rubbish"))}));
}

}  // namespace
}  // namespace stratos::gateway::s3
