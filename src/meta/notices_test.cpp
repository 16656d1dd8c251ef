// Notices of changes: which changes give one, in what order they are read, how they go.
#include "meta/notices.hpp"

#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint32_t kCreations =
    bit_of(NoticeKind::created_by_put) | bit_of(NoticeKind::created_by_form) |
    bit_of(NoticeKind::created_by_copy) | bit_of(NoticeKind::created_of_parts);

class Notices : public ::testing::Test {
 protected:
  explicit Notices(const Params& params = test_params()) : index_(params) { index_.make_bucket(); }

  static NoticeRule rule(std::uint32_t kinds = kAllNoticeKinds, std::string prefix = {},
                         std::string suffix = {}, std::string target = "hook") {
    NoticeRule rule;
    rule.id = "rule-of-" + target;
    rule.target = std::move(target);
    rule.kinds = kinds;
    rule.prefix = std::move(prefix);
    rule.suffix = std::move(suffix);
    return rule;
  }
  static SetBucketConfig config(std::vector<NoticeRule> rules, const std::string& bucket) {
    SetBucketConfig command;
    command.bucket = bucket;
    command.kind = ConfigKind::notification;
    command.document = text("document");
    command.rules = std::move(rules);
    return command;
  }
  void set(std::vector<NoticeRule> rules, const std::string& bucket = "bucket") {
    ASSERT_EQ(index_.code(config(std::move(rules), bucket)), Errc{});
  }
  void put(const std::string& key, Cause cause = {}, const std::string& bucket = "bucket") {
    PutObject command = TestIndex::inline_put(key);
    command.bucket = bucket;
    command.cause = std::move(cause);
    ASSERT_EQ(index_.code(command), Errc{});
  }
  void remove(const std::string& key, std::optional<VersionId> version = {}, Cause cause = {}) {
    DeleteObject command;
    command.bucket = "bucket";
    command.key = key;
    command.version = version;
    command.cause = std::move(cause);
    ASSERT_EQ(index_.code(command), Errc{});
  }
  ListNotices::Reply page(const std::string& target = "hook", NoticePlace after = {},
                          std::uint32_t limit = 500) {
    ListNotices query;
    query.target = target;
    query.after = after;
    query.limit = limit;
    return index_.ask(query).value();
  }
  std::vector<ListNotices::Entry> all(const std::string& target = "hook") {
    return page(target).entries;
  }
  std::vector<std::pair<NoticeKind, std::string>> told(const std::string& target = "hook") {
    std::vector<std::pair<NoticeKind, std::string>> found;
    for (const auto& entry : all(target)) found.emplace_back(entry.notice.kind, entry.notice.key);
    return found;
  }
  void take_off(std::vector<NoticePlace> places, const std::string& target = "hook") {
    TakeOffNotices command;
    command.target = target;
    command.places = std::move(places);
    ASSERT_EQ(index_.code(command), Errc{});
  }
  std::vector<NoticePlace> places() {
    std::vector<NoticePlace> found;
    for (const auto& entry : all()) found.push_back(entry.place);
    return found;
  }
  std::size_t due_expiries() {
    std::size_t found = 0;
    const Bytes prefix = keys::of(keys::Family::due);
    index_.state().scan(prefix, kv::prefix_end(prefix), [&found](ByteView key, ByteView) {
      found += keys::parse_due(key).kind == DueKind::expire_notices ? 1U : 0U;
      return true;
    });
    return found;
  }
  using Told = std::vector<std::pair<NoticeKind, std::string>>;

  TestIndex index_;
};

TEST_F(Notices, AreOnlyOfBucketsWithRules) {
  put("before");
  EXPECT_TRUE(told().empty());
  EXPECT_EQ(index_.count(keys::Family::notice), 0U);
  set({rule()});
  put("after");
  EXPECT_EQ(told(), (Told{{NoticeKind::created_by_put, "after"}}));
  EXPECT_TRUE(told("other").empty());
}

TEST_F(Notices, SayWhatHappenedToWhich) {
  set({rule()});
  Cause cause;
  cause.origin = 77;
  cause.sealed = text("who");
  put("key", cause);
  const ListNotices::Entry entry = all().at(0);
  EXPECT_EQ(entry.notice.bucket, "bucket");
  EXPECT_EQ(entry.notice.owner, TestIndex::owner());
  EXPECT_EQ(entry.notice.rule, "rule-of-hook");
  EXPECT_EQ(entry.notice.size, 4U);
  EXPECT_EQ(entry.notice.version, index_.version_of("key"));
  EXPECT_EQ(entry.place.order, index_.version_of("key"));
  EXPECT_FALSE(entry.notice.versioned);
  EXPECT_EQ(as_text(entry.notice.sealed_summary), "etag");
  EXPECT_EQ(entry.notice.origin, 77U);
  EXPECT_EQ(as_text(entry.notice.sealed_cause), "who");
  EXPECT_EQ(entry.notice.time.ms, index_.now().ms);
}

TEST_F(Notices, TellTheWaysOfCreation) {
  set({rule()});
  put("put");
  put("form", {ChangeWay::form, 0, {}});
  put("reread", {ChangeWay::copy, 0, {}});
  CopyObject copy;
  copy.source_bucket = copy.bucket = "bucket";
  copy.source_key = "put";
  copy.version = index_.version_of("put");
  copy.key = "copy";
  ASSERT_EQ(index_.code(copy), Errc{});
  EXPECT_EQ(told(), (Told{{NoticeKind::created_by_put, "put"},
                          {NoticeKind::created_by_form, "form"},
                          {NoticeKind::created_by_copy, "reread"},
                          {NoticeKind::created_by_copy, "copy"}}));
}

TEST_F(Notices, TellOfUploadsWhenTheyAreComplete) {
  set({rule()});
  CreateUpload create;
  create.bucket = "bucket";
  create.key = "parts";
  create.upload = upload_id(1);
  create.data_key = wrapped_key();
  ASSERT_EQ(index_.code(create), Errc{});
  const SegmentCommit segment = index_.commit_of_new();
  PutPart part;
  part.bucket = "bucket";
  part.key = "parts";
  part.upload = upload_id(1);
  part.number = 1;
  part.slices = TestIndex::slices_of({segment});
  part.size = segment.length;
  part.segments = {segment};
  const auto stored = index_.run(part).value();
  EXPECT_TRUE(told().empty());
  CompleteUpload complete;
  complete.bucket = "bucket";
  complete.key = "parts";
  complete.upload = upload_id(1);
  complete.parts = {{1, stored.version}};
  complete.page_macs = {text("mac")};
  ASSERT_EQ(index_.code(complete), Errc{});
  EXPECT_EQ(told(), (Told{{NoticeKind::created_of_parts, "parts"}}));
  EXPECT_EQ(all().at(0).notice.size, segment.length);
}

TEST_F(Notices, TellRemovalsMarkersAndExpiriesApart) {
  set({rule(kAllNoticeKinds & ~kCreations)});
  put("a");
  remove("a");
  remove("absent");
  put("b");
  remove("b", {}, {ChangeWay::lifecycle, 0, {}});
  index_.set_versioning(Versioning::enabled);
  put("c");
  const VersionId version = index_.version_of("c");
  remove("c");
  remove("c", version);
  put("d");
  remove("d", {}, {ChangeWay::lifecycle, 0, {}});
  EXPECT_EQ(told(), (Told{{NoticeKind::removed, "a"},
                          {NoticeKind::expired, "b"},
                          {NoticeKind::marker_created, "c"},
                          {NoticeKind::removed, "c"},
                          {NoticeKind::marker_by_expiry, "d"}}));
  EXPECT_EQ(all().at(3).notice.version, version);
  EXPECT_TRUE(all().at(3).notice.versioned);
}

TEST_F(Notices, TellOfTags) {
  put("key");
  set({rule()});
  PutTags tags;
  tags.bucket = "bucket";
  tags.key = "key";
  tags.sealed_tags = text("tags");
  ASSERT_EQ(index_.code(tags), Errc{});
  tags.sealed_tags.clear();
  ASSERT_EQ(index_.code(tags), Errc{});
  EXPECT_EQ(told(), (Told{{NoticeKind::tags_put, "key"}, {NoticeKind::tags_removed, "key"}}));
  EXPECT_EQ(as_text(all().at(0).notice.sealed_summary), "etag") << "of the list row";
}

TEST_F(Notices, GoToTheRuleThatFits) {
  set({rule(kCreations, "img/", ".jpg", "images"), rule(kCreations, "log/", "", "logs"),
       rule(bit_of(NoticeKind::removed), "", "", "images")});
  for (const char* key : {"img/1.jpg", "img/1.png", "log/x", "other", "img/.jpg"}) put(key);
  remove("other");
  EXPECT_EQ(told("images"), (Told{{NoticeKind::created_by_put, "img/1.jpg"},
                                  {NoticeKind::created_by_put, "img/.jpg"},
                                  {NoticeKind::removed, "other"}}));
  EXPECT_EQ(told("logs"), (Told{{NoticeKind::created_by_put, "log/x"}}));
}

TEST_F(Notices, AreNotOfWhatFailed) {
  set({rule()});
  PutObject command = TestIndex::inline_put("key");
  command.condition.exists = true;
  EXPECT_EQ(index_.code(command), Errc::no_such_object);
  EXPECT_TRUE(told().empty());
  EXPECT_EQ(page().totals.pending, 0U);
}

TEST_F(Notices, AreOneForACommandThatIsRepeated) {
  set({rule()});
  const PutObject command = TestIndex::inline_put("key");
  ASSERT_EQ(index_.code(command, idempotency_id(1)), Errc{});
  ASSERT_EQ(index_.code(command, idempotency_id(1)), Errc{});
  EXPECT_EQ(all().size(), 1U);
}

TEST_F(Notices, AreInOrderOfTheirChanges) {
  set({rule()});
  std::vector<Item> items;
  for (int i = 0; i < 20; ++i) items.push_back(TestIndex::item(TestIndex::inline_put("same")));
  index_.apply_items(items);
  put("same");
  const auto entries = all();
  ASSERT_EQ(entries.size(), 21U);
  for (std::size_t i = 1; i < entries.size(); ++i) {
    EXPECT_LT(entries[i - 1].place.order, entries[i].place.order);
  }
}

TEST_F(Notices, ArePagedOverBuckets) {
  index_.make_bucket("second");
  set({rule()});
  set({rule()}, "second");
  for (int i = 0; i < 3; ++i) put("a" + std::to_string(i));
  for (int i = 0; i < 2; ++i) put("b" + std::to_string(i), {}, "second");
  std::vector<std::string> found;
  NoticePlace after;
  bool more = true;
  int pages = 0;
  while (more) {
    const ListNotices::Reply reply = page("hook", after, 2);
    for (const auto& entry : reply.entries) found.push_back(entry.notice.key);
    ASSERT_FALSE(reply.entries.empty());
    after = reply.entries.back().place;
    more = reply.more;
    ++pages;
  }
  EXPECT_EQ(found, (std::vector<std::string>{"a0", "a1", "a2", "b0", "b1"}));
  EXPECT_EQ(pages, 3);
}

TEST_F(Notices, GoWhenTheyWereDelivered) {
  set({rule()});
  for (int i = 0; i < 4; ++i) put(std::to_string(i));
  const auto all_places = places();
  take_off({all_places[2], all_places[0]});
  EXPECT_EQ(told(), (Told{{NoticeKind::created_by_put, "1"}, {NoticeKind::created_by_put, "3"}}));
  take_off({all_places[2], all_places[1], all_places[3]});
  EXPECT_TRUE(told().empty());
  EXPECT_EQ(page().totals.pending, 0U);
  EXPECT_EQ(page().totals.delivered, 4U) << "what was gone already does not count";
  put("again");
  EXPECT_EQ(told(), (Told{{NoticeKind::created_by_put, "again"}}));
}

TEST_F(Notices, TakingOffIsBoundedAndNamesATarget) {
  TakeOffNotices command;
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  command.target = "hook";
  command.places.resize(TakeOffNotices::kMaxPlaces + 1);
  EXPECT_EQ(index_.code(command), Errc::too_large);
  ListNotices query;
  query.target = "no/target";
  EXPECT_EQ(index_.ask(query).error().code(), Errc::invalid_argument);
}

TEST_F(Notices, AreLetGoOfAfterADay) {
  set({rule()});
  put("old");
  index_.pass_ms(kNoticesKeptMs / 2);
  put("young");
  EXPECT_EQ(due_expiries(), 1U);
  index_.pass_ms(kNoticesKeptMs / 2);
  index_.idle(2);
  EXPECT_EQ(told(), (Told{{NoticeKind::created_by_put, "young"}}));
  EXPECT_EQ(page().totals.expired, 1U);
  EXPECT_EQ(due_expiries(), 1U);
  index_.pass_ms(kNoticesKeptMs / 2);
  index_.idle(2);
  EXPECT_TRUE(told().empty());
  EXPECT_EQ(page().totals.expired, 2U);
  EXPECT_EQ(page().totals.pending, 0U);
  EXPECT_EQ(due_expiries(), 0U);
  EXPECT_EQ(index_.count(keys::notice_queues_of("hook")), 0U) << "nothing is left of the queue";
}

TEST_F(Notices, HaveOneTimeSetHoweverOftenTheyComeAndGo) {
  set({rule()});
  for (int i = 0; i < 5; ++i) {
    put("key");
    take_off(places());
  }
  EXPECT_EQ(due_expiries(), 1U);
  index_.pass_ms(kNoticesKeptMs);
  index_.idle(2);
  EXPECT_EQ(due_expiries(), 0U);
  put("key");
  EXPECT_EQ(due_expiries(), 1U);
}

class FewNotices : public Notices {
 protected:
  FewNotices() : Notices(few()) { index_.make_bucket("second"); }
  static Params few() {
    Params params = test_params();
    params.notices = {5, 8};
    return params;
  }
  std::string first_key() { return all().at(0).notice.key; }
};

TEST_F(FewNotices, MakeRoomByLettingGoOfTheOldest) {
  set({rule()});
  for (int i = 0; i < 7; ++i) put(std::to_string(i));
  EXPECT_EQ(page().totals.pending, 5U);
  EXPECT_EQ(page().totals.dropped, 2U);
  EXPECT_EQ(first_key(), "2");
  EXPECT_EQ(index_.count(keys::Family::notice), 5U);
  take_off({places().at(0), places().at(1)});
  for (int i = 7; i < 10; ++i) put(std::to_string(i));
  EXPECT_EQ(page().totals.dropped, 3U);
  EXPECT_EQ(first_key(), "5");
}

TEST_F(FewNotices, OfOneBucketLeaveRoomForAnother) {
  set({rule()});
  set({rule()}, "second");
  for (int i = 0; i < 9; ++i) put(std::to_string(i));
  for (int i = 0; i < 4; ++i) put("s" + std::to_string(i), {}, "second");
  EXPECT_EQ(page().totals.pending, 8U) << "the bound of all";
  EXPECT_EQ(page().totals.dropped, 5U);
  EXPECT_EQ(all().back().notice.key, "s3");
  EXPECT_EQ(first_key(), "4") << "the other bucket's are kept";
}

TEST_F(FewNotices, AreNotTakenWhereAllRoomIsOthers) {
  set({rule(kAllNoticeKinds, "", "", "a")});
  for (int i = 0; i < 5; ++i) put(std::to_string(i));
  set({rule(kAllNoticeKinds, "", "", "b")});
  for (int i = 0; i < 3; ++i) put(std::to_string(i));
  set({rule(kAllNoticeKinds, "", "", "c")});
  put("late");
  EXPECT_TRUE(told("c").empty());
  EXPECT_EQ(index_.count(keys::notice_queues_of("c")), 0U);
  const NoticeTotals totals = page("c").totals;
  EXPECT_EQ(totals.dropped, 1U);
  EXPECT_EQ(totals.pending, 8U);
  take_off({page("a").entries.at(0).place}, "a");
  put("later");
  EXPECT_EQ(told("c"), (Told{{NoticeKind::created_by_put, "later"}}));
}

TEST_F(Notices, OfABucketThatIsGoneAreStillDelivered) {
  set({rule()});
  put("key");
  remove("key");
  ASSERT_EQ(index_.code(DeleteBucket{"bucket"}), Errc{});
  EXPECT_EQ(index_.count(keys::Family::notice_rules), 0U);
  EXPECT_EQ(told(), (Told{{NoticeKind::created_by_put, "key"}, {NoticeKind::removed, "key"}}));
  EXPECT_EQ(all().at(0).notice.bucket, "bucket");
}

TEST_F(Notices, SurviveARestart) {
  set({rule()});
  put("key");
  index_.reopen();
  EXPECT_EQ(told(), (Told{{NoticeKind::created_by_put, "key"}}));
  take_off(places());
  EXPECT_TRUE(told().empty());
}

TEST_F(Notices, AreCountedInTheHealth) {
  set({rule()});
  put("1");
  put("2");
  take_off({places().at(0)});
  const NoticeTotals totals = index_.ask(GetHealth{}).value().notices;
  EXPECT_EQ(totals.pending, 1U);
  EXPECT_EQ(totals.delivered, 1U);
}

using NoticeRuleSets = Notices;

TEST_F(NoticeRuleSets, AreReplacedAndRemoved) {
  set({rule()});
  EXPECT_TRUE(index_.ask(GetBucket{"bucket"}).value().notifies);
  set({rule(kCreations, "a")});
  put("b");
  EXPECT_TRUE(told().empty());
  index_.set_versioning(Versioning::enabled);
  put("a1");
  EXPECT_EQ(all().size(), 1U) << "other changes of the bucket leave the rules alone";
  SetBucketConfig none;
  none.bucket = "bucket";
  none.kind = ConfigKind::notification;
  ASSERT_EQ(index_.code(none), Errc{});
  put("a2");
  EXPECT_EQ(all().size(), 1U);
  EXPECT_FALSE(index_.ask(GetBucket{"bucket"}).value().notifies);
  EXPECT_EQ(index_.count(keys::Family::notice_rules), 0U);
}

TEST_F(NoticeRuleSets, TellEveryTargetOnceWhenAsked) {
  SetBucketConfig command = config(
      {rule(kCreations, "a"), rule(kCreations, "b"), rule(kCreations, "c", "", "other")}, "bucket");
  command.test.emplace();
  command.test->origin = 5;
  ASSERT_EQ(index_.code(command), Errc{});
  EXPECT_EQ(told(), (Told{{NoticeKind::test, ""}}));
  EXPECT_EQ(told("other"), (Told{{NoticeKind::test, ""}}));
  EXPECT_EQ(all().at(0).notice.origin, 5U);
}

TEST_F(NoticeRuleSets, AreChecked) {
  const auto refused = [this](NoticeRule rule) {
    return index_.code(config({std::move(rule)}, "bucket"));
  };
  EXPECT_EQ(refused(rule(0)), Errc::invalid_argument);
  EXPECT_EQ(refused(rule(bit_of(NoticeKind::test))), Errc::invalid_argument);
  EXPECT_EQ(refused(rule(1)), Errc::invalid_argument);
  EXPECT_EQ(refused(rule(kCreations, "", "", "")), Errc::invalid_argument);
  EXPECT_EQ(refused(rule(kCreations, "", "", "a b")), Errc::invalid_argument);
  EXPECT_EQ(refused(rule(kCreations, "", "", std::string(65, 'a'))), Errc::invalid_argument);
  EXPECT_EQ(refused(rule(kCreations, std::string(1025, 'a'))), Errc::too_large);
  EXPECT_EQ(refused(rule(kCreations, "", std::string(1025, 'a'))), Errc::too_large);
  SetBucketConfig many = config({}, "bucket");
  many.rules.assign(kMaxNoticeRules + 1, rule());
  EXPECT_EQ(index_.code(many), Errc::invalid_argument);
  SetBucketConfig elsewhere = config({rule()}, "bucket");
  elsewhere.kind = ConfigKind::cors;
  EXPECT_EQ(index_.code(elsewhere), Errc::invalid_argument);
  SetBucketConfig without = config({rule()}, "bucket");
  without.document.reset();
  EXPECT_EQ(index_.code(without), Errc::invalid_argument);
  PutObject cause = TestIndex::inline_put("key");
  cause.cause.sealed.resize(kMaxCauseBytes + 1);
  EXPECT_EQ(index_.code(cause), Errc::too_large);
  EXPECT_EQ(index_.count(keys::Family::notice_rules), 0U);
}

}  // namespace
}  // namespace stratos::meta
