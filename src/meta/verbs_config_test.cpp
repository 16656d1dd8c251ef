// Documents that a bucket's owner sets, and attributes that change without a new version.
#include "meta/test_index.hpp"
#include "meta/version_queries.hpp"

namespace stratos::meta {
namespace {

class BucketConfigs : public ::testing::Test {
 protected:
  BucketConfigs() {
    CreateBucket command;
    command.name = "bucket";
    command.owner = TestIndex::owner();
    command.configs.push_back({ConfigKind::acl, text("first acl")});
    bucket_ = index_.run(command).value().id;
  }
  SetBucketConfig set(ConfigKind kind, std::optional<std::string> document) {
    SetBucketConfig command;
    command.bucket = "bucket";
    command.kind = kind;
    if (document) command.document = text(*document);
    return command;
  }
  std::vector<std::pair<ConfigKind, std::string>> all(const std::string& name = "bucket") {
    std::vector<std::pair<ConfigKind, std::string>> found;
    GetBucketConfigs query;
    query.name = name;
    for (const BucketConfig& config : index_.ask(query).value().configs) {
      found.emplace_back(config.kind, as_text(config.document));
    }
    return found;
  }
  using Found = std::vector<std::pair<ConfigKind, std::string>>;

  TestIndex index_;
  BucketId bucket_;
};

TEST_F(BucketConfigs, BeginWithWhatTheCreationSaid) {
  EXPECT_EQ(all(), (Found{{ConfigKind::acl, "first acl"}}));
}

TEST_F(BucketConfigs, AreReplacedAndRemovedOneByOne) {
  ASSERT_EQ(index_.code(set(ConfigKind::policy, "p1")), Errc{});
  ASSERT_EQ(index_.code(set(ConfigKind::acl, "second acl")), Errc{});
  EXPECT_EQ(all(), (Found{{ConfigKind::policy, "p1"}, {ConfigKind::acl, "second acl"}}));
  ASSERT_EQ(index_.code(set(ConfigKind::policy, std::nullopt)), Errc{});
  ASSERT_EQ(index_.code(set(ConfigKind::cors, std::nullopt)), Errc{}) << "nothing there is fine";
  EXPECT_EQ(all(), (Found{{ConfigKind::acl, "second acl"}}));
}

TEST_F(BucketConfigs, AreBoundedAndOfKnownKinds) {
  EXPECT_EQ(index_.code(set(ConfigKind::policy, std::string(kMaxConfigBytes, 'x'))), Errc{});
  EXPECT_EQ(index_.code(set(ConfigKind::policy, std::string(kMaxConfigBytes + 1, 'x'))),
            Errc::too_large);
  EXPECT_EQ(index_.code(set(static_cast<ConfigKind>(0), "x")), Errc::invalid_argument);
  EXPECT_EQ(index_.code(set(static_cast<ConfigKind>(99), "x")), Errc::invalid_argument);
  CreateBucket other;
  other.name = "other";
  other.owner = TestIndex::owner();
  other.configs.push_back({static_cast<ConfigKind>(77), text("x")});
  EXPECT_EQ(index_.code(other), Errc::invalid_argument);
  SetBucketConfig nowhere = set(ConfigKind::policy, "x");
  nowhere.bucket = "nowhere";
  EXPECT_EQ(index_.code(nowhere), Errc::no_such_bucket);
}

TEST_F(BucketConfigs, GoWithTheirBucket) {
  ASSERT_EQ(index_.code(set(ConfigKind::policy, "p1")), Errc{});
  ASSERT_EQ(index_.code(DeleteBucket{"bucket"}), Errc{});
  EXPECT_EQ(index_.count(keys::of(keys::Family::bucket_config)), 0U);
  CreateBucket again;
  again.name = "bucket";
  again.owner = TestIndex::owner();
  ASSERT_EQ(index_.code(again), Errc{});
  EXPECT_TRUE(all().empty());
}

TEST_F(BucketConfigs, AccountsAreFoundByTheirId) {
  GetAccount query;
  query.account = TestIndex::owner();
  EXPECT_EQ(index_.ask(query).value().id, TestIndex::owner());
  query.account = account_id(99);
  EXPECT_EQ(index_.ask(query).error().code(), Errc::no_such_account);
}

TEST_F(BucketConfigs, TellWhichBucketsHaveThem) {
  ListConfigured query;
  query.kind = ConfigKind::lifecycle;
  EXPECT_TRUE(index_.ask(query).value().buckets.empty());
  ASSERT_EQ(index_.code(set(ConfigKind::lifecycle, "x")), Errc{});
  const ListConfigured::Reply reply = index_.ask(query).value();
  EXPECT_EQ(reply.buckets, std::vector<std::string>{"bucket"});
  EXPECT_EQ(reply.next, "");
  query.after = "bucket";
  EXPECT_TRUE(index_.ask(query).value().buckets.empty());
  query.after.clear();
  query.kind = ConfigKind::cors;
  EXPECT_TRUE(index_.ask(query).value().buckets.empty());
}

class SetAttributesVerb : public BucketConfigs {
 protected:
  PutObject::Reply put() {
    PutObject command;
    command.bucket = "bucket";
    command.key = "key";
    command.size = 3;
    command.sealed_attributes = text("old");
    command.sealed_summary = text("old summary");
    command.data_key = wrapped_key();
    command.inline_body = text("abc");
    return index_.run(command).value();
  }
  SetAttributes change(VersionId version) {
    SetAttributes command;
    command.bucket = "bucket";
    command.key = "key";
    command.version = version;
    command.sealed_attributes = text("new");
    command.sealed_summary = text("new summary");
    return command;
  }
  GetObject::Reply get() {
    GetObject query;
    query.bucket = "bucket";
    query.key = "key";
    query.with_data = true;
    return index_.ask(query).value();
  }
};

TEST_F(SetAttributesVerb, LeavesVersionTimeAndBodyAsTheyAre) {
  const PutObject::Reply stored = put();
  index_.pass_ms(5000);
  ASSERT_EQ(index_.code(change(stored.version)), Errc{});
  const GetObject::Reply found = get();
  EXPECT_EQ(as_text(found.version.sealed_attributes), "new");
  EXPECT_EQ(found.version.id, stored.version);
  EXPECT_EQ(found.version.modified.ms, stored.modified.ms);
  EXPECT_EQ(as_text(*found.inline_body), "abc");
  ListObjects query;
  query.bucket = "bucket";
  EXPECT_EQ(as_text(index_.ask(query).value().rows.at(0).row.sealed_summary), "new summary");
}

TEST_F(SetAttributesVerb, ChangesTheVersionThatItNames) {
  SetVersioning enable;
  enable.bucket = "bucket";
  ASSERT_EQ(index_.code(enable), Errc{});
  const VersionId first = put().version;
  put();
  ASSERT_EQ(index_.code(change(first)), Errc{});
  EXPECT_EQ(as_text(get().version.sealed_attributes), "old");
  ListVersions query;
  query.bucket = "bucket";
  const ListVersions::Reply listed = index_.ask(query).value();
  ASSERT_EQ(listed.rows.size(), 2U);
  EXPECT_EQ(as_text(listed.rows[0].sealed_summary), "old summary");
  EXPECT_EQ(as_text(listed.rows[1].sealed_summary), "new summary");
}

TEST_F(SetAttributesVerb, RefusesAVersionThatWasReplaced) {
  const VersionId first = put().version;
  put();
  EXPECT_EQ(index_.code(change(first)), Errc::precondition_failed);
  EXPECT_EQ(as_text(get().version.sealed_attributes), "old");
  SetAttributes absent = change(first);
  absent.key = "other";
  EXPECT_EQ(index_.code(absent), Errc::no_such_object);
  SetAttributes large = change(get().version.id);
  large.sealed_attributes.resize(kMaxAttributesBytes + 1);
  EXPECT_EQ(index_.code(large), Errc::too_large);
}

}  // namespace
}  // namespace stratos::meta
