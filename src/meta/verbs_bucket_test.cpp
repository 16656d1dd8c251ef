#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

class Buckets : public ::testing::Test {
 protected:
  CreateBucket named(const std::string& name, std::uint8_t who = 1) {
    CreateBucket command;
    command.name = name;
    command.owner = account_id(who);
    return command;
  }
  DeleteBucket drop(const std::string& name) { return DeleteBucket{name}; }
  void add_account(std::uint8_t n) {
    CreateAccount command;
    command.account = account_id(n);
    ASSERT_TRUE(index_.run(command));
  }
  std::vector<std::string> names_of(std::uint8_t who) {
    ListBuckets query;
    query.owner = account_id(who);
    std::vector<std::string> names;
    for (const BucketRecord& bucket : index_.ask(query).value().buckets)
      names.push_back(bucket.name);
    return names;
  }

  TestIndex index_;
};

TEST_F(Buckets, FollowTheNamingRules) {
  const std::vector<std::pair<std::string, bool>> names = {
      {"abc", true},
      {"a-b.c1", true},
      {"192.168.5", true},
      {std::string(63, 'a'), true},
      {"1.2.3.4.5", true},
      {"", false},
      {"ab", false},
      {std::string(64, 'a'), false},
      {"Abc", false},
      {"a_b", false},
      {"a b", false},
      {"-abc", false},
      {"abc-", false},
      {".abc", false},
      {"abc.", false},
      {"a..b", false},
      {"192.168.5.4", false},
      {"xn--abc", false},
      {std::string("a\0b", 3), false},
      {"abc\xc3\xa9", false},
  };
  for (const auto& [name, good] : names) {
    EXPECT_EQ(index_.code(named(name)), good ? Errc{} : Errc::bad_bucket_name) << name;
  }
}

TEST_F(Buckets, AreRecordedWithProfileAndTime) {
  CreateBucket command = named("bucket");
  command.region = "eu";
  const auto made = index_.run(command);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->profile, "dev");
  EXPECT_EQ(made->region, "eu");
  EXPECT_EQ(made->created, index_.now());
  const auto found = index_.ask(GetBucket{"bucket"});
  ASSERT_TRUE(found);
  EXPECT_EQ(codec::encode(*found), codec::encode(*made));
  EXPECT_EQ(index_.ask(GetBucket{"other"}).error().code(), Errc::no_such_bucket);
}

TEST_F(Buckets, TakeAProfileOfTheNetworkOnly) {
  CreateBucket command = named("bucket");
  command.profile = "wide";
  EXPECT_EQ(index_.run(command)->profile, "wide");
  command = named("other");
  command.profile = "none";
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
}

TEST_F(Buckets, AreUniqueInTheNetwork) {
  add_account(2);
  ASSERT_TRUE(index_.run(named("bucket")));
  EXPECT_EQ(index_.code(named("bucket")), Errc::bucket_owned_by_you);
  EXPECT_EQ(index_.code(named("bucket", 2)), Errc::bucket_exists);
  EXPECT_EQ(names_of(2), std::vector<std::string>{});
}

TEST_F(Buckets, NeedAnAccount) {
  EXPECT_EQ(index_.code(named("bucket", 9)), Errc::no_such_account);
}

TEST_F(Buckets, AreCountedUpToTheLimit) {
  Params params = test_params();
  params.max_buckets = 3;
  TestIndex index(params);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(index.run(named("bucket" + std::to_string(i))));
  EXPECT_EQ(index.code(named("bucket3")), Errc::too_many_buckets);
  ASSERT_TRUE(index.run(drop("bucket1")));
  EXPECT_TRUE(index.run(named("bucket3")));
  EXPECT_EQ(index.code(named("bucket4")), Errc::too_many_buckets);
}

TEST_F(Buckets, TheDefaultLimitIsAThousand) {
  std::vector<Item> items;
  for (int i = 0; i < 1001; ++i)
    items.push_back(TestIndex::item(named("b" + std::to_string(1000 + i))));
  const auto results = index_.apply_items(items);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].code, 0);
  EXPECT_EQ(results[1000].code, static_cast<std::uint16_t>(Errc::too_many_buckets));
  EXPECT_EQ(names_of(1).size(), 1000U);
}

TEST_F(Buckets, ListByNamePerOwner) {
  add_account(2);
  for (const char* name : {"zeta", "alpha", "mid"}) ASSERT_TRUE(index_.run(named(name)));
  ASSERT_TRUE(index_.run(named("beta", 2)));
  EXPECT_EQ(names_of(1), (std::vector<std::string>{"alpha", "mid", "zeta"}));
  EXPECT_EQ(names_of(2), std::vector<std::string>{"beta"});
}

TEST_F(Buckets, GoOnlyWhenEmpty) {
  index_.make_bucket();
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key")));
  EXPECT_EQ(index_.code(drop("bucket")), Errc::bucket_not_empty);
  DeleteObject remove;
  remove.bucket = "bucket";
  remove.key = "key";
  ASSERT_TRUE(index_.run(remove));
  EXPECT_TRUE(index_.run(drop("bucket")));
  EXPECT_EQ(index_.code(drop("bucket")), Errc::no_such_bucket);
  EXPECT_TRUE(names_of(1).empty());
}

TEST_F(Buckets, AnotherBucketsObjectsDoNotKeepOne) {
  index_.make_bucket();
  index_.make_bucket("other");
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key")));
  EXPECT_TRUE(index_.run(drop("other")));
}

TEST_F(Buckets, MadeAgainHaveAnotherId) {
  const BucketId first = index_.make_bucket().id;
  ASSERT_TRUE(index_.run(drop("bucket")));
  EXPECT_NE(index_.make_bucket().id, first);
}

TEST_F(Buckets, FreeTheirUploadsOverBlocks) {
  index_.make_bucket();
  const std::size_t rows_before = index_.dump().size();
  std::vector<SegmentId> segments;
  for (std::uint8_t i = 1; i <= 5; ++i) {
    CreateUpload create;
    create.bucket = "bucket";
    create.key = "key";
    create.upload = upload_id(i);
    ASSERT_TRUE(index_.run(create));
    const SegmentCommit segment = index_.commit_of_new();
    PutPart part;
    part.bucket = "bucket";
    part.key = "key";
    part.upload = upload_id(i);
    part.number = 1;
    part.slices = TestIndex::slices_of({segment});
    part.size = segment.length;
    part.segments = {segment};
    ASSERT_TRUE(index_.run(part));
    segments.push_back(segment.id);
  }
  ASSERT_TRUE(index_.run(drop("bucket")));
  index_.idle(4);
  for (const SegmentId& id : segments) EXPECT_FALSE(index_.segment(id));
  using enum keys::Family;
  EXPECT_EQ(index_.count(upload) + index_.count(part) + index_.count(upload_id), 0U);
  EXPECT_GT(rows_before, 0U);
}

TEST_F(Buckets, AccountsAndAccessKeysAreUnique) {
  CreateAccount account;
  account.account = TestIndex::owner();
  EXPECT_EQ(index_.code(account), Errc::already_exists);
  CreateAccessKey key;
  key.access_key = "AK1";
  key.account = account_id(9);
  EXPECT_EQ(index_.code(key), Errc::no_such_account);
  key.account = TestIndex::owner();
  EXPECT_TRUE(index_.run(key));
  EXPECT_EQ(index_.code(key), Errc::already_exists);
  EXPECT_EQ(index_.ask(GetAccessKey{"AK1"})->account, TestIndex::owner());
  EXPECT_EQ(index_.ask(GetAccessKey{"AK2"}).error().code(), Errc::no_such_access_key);
  const auto keys_of = [this](AccountId account, std::string after = {}) {
    return index_.ask(ListAccessKeys{account, std::move(after)})->access_keys;
  };
  EXPECT_EQ(keys_of(TestIndex::owner()), std::vector<std::string>{"AK1"});
  EXPECT_TRUE(keys_of(TestIndex::owner(), "AK1").empty());
  EXPECT_TRUE(keys_of(account_id(9)).empty());
  DeleteAccessKey end;
  end.access_key = "AK1";
  end.account = account_id(9);
  EXPECT_EQ(index_.code(end), Errc::no_such_access_key) << "of another account";
  end.account = TestIndex::owner();
  EXPECT_EQ(index_.code(end), Errc{});
  EXPECT_EQ(index_.code(end), Errc::no_such_access_key);
  EXPECT_EQ(index_.ask(GetAccessKey{"AK1"}).error().code(), Errc::no_such_access_key);
  key.access_key = "";
  EXPECT_EQ(index_.code(key), Errc::invalid_argument);
  key.access_key = std::string(129, 'a');
  EXPECT_EQ(index_.code(key), Errc::invalid_argument);
}

TEST_F(Buckets, LongTextsAreRefused) {
  CreateAccount account;
  account.account = account_id(7);
  account.name = std::string(257, 'a');
  EXPECT_EQ(index_.code(account), Errc::too_large);
  CreateBucket bucket = named("bucket");
  bucket.region = std::string(257, 'a');
  EXPECT_EQ(index_.code(bucket), Errc::too_large);
}

TEST_F(Buckets, ComeAndGoAsEvents) {
  index_.make_bucket();
  ASSERT_TRUE(index_.run(drop("bucket")));
  GetEvents query;
  std::vector<EventKind> kinds;
  for (const Event& event : index_.ask(query)->events) {
    if (event.kind != EventKind::node_state) kinds.push_back(event.kind);
  }
  EXPECT_EQ(kinds, (std::vector<EventKind>{EventKind::bucket_created, EventKind::bucket_removed}));
}

}  // namespace
}  // namespace stratos::meta
