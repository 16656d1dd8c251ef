#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

class Objects : public ::testing::Test {
 protected:
  Objects() { index_.make_bucket(); }

  DeleteObject drop(const std::string& key) {
    DeleteObject command;
    command.bucket = "bucket";
    command.key = key;
    return command;
  }
  CopyObject copy(const std::string& from, const std::string& to) {
    CopyObject command;
    command.source_bucket = command.bucket = "bucket";
    command.source_key = from;
    command.version = index_.version_of(from);
    command.key = to;
    command.sealed_summary = text("copied");
    return command;
  }
  std::size_t drops(NodeId node) const {
    const auto entries = index_.feed(node);
    return static_cast<std::size_t>(std::ranges::count(entries, FeedKind::drop, &FeedEntry::kind));
  }
  std::uint64_t fragments_everywhere() const {
    std::uint64_t sum = 0;
    for (std::uint32_t n = 1; n <= TestIndex::kNodes; ++n) {
      sum += index_.ledger(NodeId(n)).fragments;
    }
    return sum;
  }

  TestIndex index_;
};

TEST_F(Objects, InlineBodiesComeBack) {
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key", "hello")));
  const auto found = index_.get("key");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->inline_body, text("hello"));
  EXPECT_EQ(found->version.size, 5U);
  EXPECT_TRUE(found->version.is_inline);
  EXPECT_EQ(found->version.modified, index_.now());
}

TEST_F(Objects, OfNoBytesAreObjects) {
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key", "")));
  EXPECT_EQ(index_.get("key")->inline_body, Bytes{});
  PutObject command = TestIndex::put_of("other", {});
  command.page_macs.clear();
  ASSERT_TRUE(index_.run(command));
  EXPECT_EQ(index_.get("other")->version.size, 0U);
}

TEST_F(Objects, OfSegmentsNameThem) {
  const SegmentId id = index_.put("key");
  const auto found = index_.get("key");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->segments.size(), 1U);
  EXPECT_EQ(found->segments[0].id, id);
  EXPECT_EQ(found->segments[0].references, 1U);
  EXPECT_EQ(found->version.page->slices[0].segment, id);
}

TEST_F(Objects, AreMissingWithTheRightCode) {
  EXPECT_EQ(index_.get("key").error().code(), Errc::no_such_object);
  EXPECT_EQ(index_.get("key", "other").error().code(), Errc::no_such_bucket);
  PutObject command = TestIndex::inline_put("key");
  command.bucket = "other";
  EXPECT_EQ(index_.code(command), Errc::no_such_bucket);
  DeleteObject remove = drop("key");
  remove.bucket = "other";
  EXPECT_EQ(index_.code(remove), Errc::no_such_bucket);
}

TEST_F(Objects, VersionsSortByOrderAlsoWithinABlock) {
  const auto results = index_.apply_items({TestIndex::item(TestIndex::inline_put("a")),
                                           TestIndex::item(TestIndex::inline_put("a")),
                                           TestIndex::item(TestIndex::inline_put("a"))});
  std::vector<VersionId> versions;
  for (const ItemResult& result : results) {
    versions.push_back(codec::decode<PutObject::Reply>(result.value)->version);
  }
  EXPECT_LT(versions[0], versions[1]);
  EXPECT_LT(versions[1], versions[2]);
  EXPECT_EQ(index_.version_of("a"), versions[2]);
  ASSERT_TRUE(index_.run(TestIndex::inline_put("a")));
  EXPECT_LT(versions[2], index_.version_of("a"));
}

TEST_F(Objects, AConditionOnExistenceIsKept) {
  PutObject command = TestIndex::inline_put("key", "one");
  command.condition.exists = true;
  EXPECT_EQ(index_.code(command), Errc::no_such_object);
  command.condition.exists = false;
  EXPECT_TRUE(index_.run(command));
  EXPECT_EQ(index_.code(command), Errc::precondition_failed);
  command.condition.exists = true;
  EXPECT_TRUE(index_.run(command));
}

TEST_F(Objects, AConditionOnTheVersionIsKept) {
  PutObject command = TestIndex::inline_put("key", "one");
  command.condition.version = VersionId{};
  EXPECT_EQ(index_.code(command), Errc::precondition_failed);
  command.condition.version.reset();
  const VersionId first = index_.run(command)->version;
  command.condition.version = first;
  const VersionId second = index_.run(command)->version;
  EXPECT_EQ(index_.code(command), Errc::precondition_failed);
  DeleteObject remove = drop("key");
  remove.condition.version = first;
  EXPECT_EQ(index_.code(remove), Errc::precondition_failed);
  remove.condition.version = second;
  EXPECT_TRUE(index_.run(remove));
  EXPECT_EQ(index_.code(remove), Errc{});
}

TEST_F(Objects, OfTwoConditionalWritesInOneBlockOneWins) {
  PutObject command = TestIndex::inline_put("key");
  command.condition.exists = false;
  const auto results = index_.apply_items({TestIndex::item(command), TestIndex::item(command)});
  EXPECT_EQ(results[0].code, 0);
  EXPECT_EQ(results[1].code, static_cast<std::uint16_t>(Errc::precondition_failed));
}

TEST_F(Objects, AWriteThatFailsLeavesNothing) {
  const auto before = index_.dump();
  const SegmentCommit segment = index_.commit_of_new();
  PutObject command = TestIndex::put_of("key", {segment});
  command.page_macs.clear();
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  EXPECT_EQ(index_.dump(), before);
  EXPECT_TRUE(index_.run(TestIndex::put_of("key", {segment}))) << "the id is still unused";
}

TEST_F(Objects, DeletingFreesEverything) {
  const auto before = index_.count(keys::Family::fragment);
  const SegmentId id = index_.put("key");
  EXPECT_EQ(index_.count(keys::Family::fragment), before + 3);
  const auto holders = index_.segment(id)->holders;
  ASSERT_TRUE(index_.run(drop("key")));
  EXPECT_FALSE(index_.segment(id));
  EXPECT_EQ(index_.get("key").error().code(), Errc::no_such_object);
  EXPECT_EQ(index_.count(keys::Family::fragment), before);
  for (const Holder& holder : holders) {
    const FeedEntry last = index_.feed(holder.node).back();
    EXPECT_EQ(last.kind, FeedKind::drop);
    EXPECT_EQ(last.fragment, (FragmentId{id, holder.index}));
    EXPECT_EQ(last.sequence, index_.ledger(holder.node).feed_end);
    EXPECT_EQ(index_.ledger(holder.node).fragments, 0U);
    EXPECT_EQ(index_.ledger(holder.node).bytes, 0U);
  }
  using enum keys::Family;
  EXPECT_EQ(index_.count(version) + index_.count(list_row) + index_.count(segment), 0U);
  EXPECT_TRUE(index_.run(drop("key"))) << "deleting what is not there succeeds";
}

TEST_F(Objects, OverwritingFreesTheOldSegment) {
  const SegmentId first = index_.put("key");
  const auto holders = index_.segment(first)->holders;
  const SegmentId second = index_.put("key");
  EXPECT_FALSE(index_.segment(first));
  EXPECT_EQ(index_.references(second), 1U);
  for (const Holder& holder : holders) EXPECT_EQ(drops(holder.node), 1U);
  EXPECT_EQ(index_.count(keys::Family::version), 1U);
}

TEST_F(Objects, OverwritingInlineBySegmentsAndBackLeavesOneForm) {
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key")));
  EXPECT_EQ(index_.count(keys::Family::inline_body), 1U);
  index_.put("key");
  EXPECT_EQ(index_.count(keys::Family::inline_body), 0U);
  EXPECT_FALSE(index_.get("key")->inline_body);
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key")));
  EXPECT_EQ(index_.count(keys::Family::segment), 0U);
}

TEST_F(Objects, SlicesOfOneSegmentCountOneByOne) {
  const SegmentCommit segment = index_.commit_of_new();
  PutObject command = TestIndex::put_of("key", {segment});
  command.slices.slices = {{segment.id, 0, 10, 0}, {segment.id, 5, 20, 0}, {segment.id, 0, 1, 0}};
  command.size = 31;
  ASSERT_TRUE(index_.run(command));
  EXPECT_EQ(index_.references(segment.id), 3U);
  ASSERT_TRUE(index_.run(drop("key")));
  EXPECT_FALSE(index_.segment(segment.id));
}

TEST_F(Objects, ManySegmentsGoInOneCommand) {
  std::vector<SegmentCommit> segments;
  for (int i = 0; i < 20; ++i) segments.push_back(index_.commit_of_new());
  ASSERT_TRUE(index_.run(TestIndex::put_of("key", segments)));
  EXPECT_EQ(fragments_everywhere(), 60U);
  EXPECT_EQ(index_.get("key")->segments.size(), GetObject::kSegmentsIncluded);
  GetSegments query;
  for (const auto& segment : segments) query.ids.push_back(segment.id);
  query.ids.push_back({});
  EXPECT_EQ(index_.ask(query)->segments.size(), 20U);
  query.ids.resize(101);
  EXPECT_EQ(index_.ask(query).error().code(), Errc::too_large);
}

TEST_F(Objects, CopiesShareSegmentsAndTheLastOneFreesThem) {
  const SegmentId id = index_.put("a");
  ASSERT_TRUE(index_.run(copy("a", "b")));
  ASSERT_TRUE(index_.run(copy("b", "c")));
  EXPECT_EQ(index_.references(id), 3U);
  EXPECT_EQ(index_.get("c")->version.page->slices[0].segment, id);
  ASSERT_TRUE(index_.run(drop("a")));
  ASSERT_TRUE(index_.run(drop("c")));
  EXPECT_EQ(index_.references(id), 1U);
  EXPECT_EQ(fragments_everywhere(), 3U);
  ASSERT_TRUE(index_.run(drop("b")));
  EXPECT_FALSE(index_.segment(id));
  EXPECT_EQ(fragments_everywhere(), 0U);
}

TEST_F(Objects, CopiedOntoThemselvesKeepTheirData) {
  const SegmentId id = index_.put("a");
  const VersionId before = index_.version_of("a");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(index_.run(copy("a", "a")));
  EXPECT_EQ(index_.references(id), 1U);
  EXPECT_LT(before, index_.version_of("a"));
  EXPECT_EQ(index_.count(keys::Family::version), 1U);
  ASSERT_TRUE(index_.run(TestIndex::inline_put("i", "inline")));
  ASSERT_TRUE(index_.run(copy("i", "i")));
  EXPECT_EQ(index_.get("i")->inline_body, text("inline"));
  EXPECT_EQ(index_.count(keys::Family::inline_body), 1U);
}

TEST_F(Objects, CopiesOfInlineBodiesAreTheirOwn) {
  ASSERT_TRUE(index_.run(TestIndex::inline_put("a", "inline")));
  ASSERT_TRUE(index_.run(copy("a", "b")));
  ASSERT_TRUE(index_.run(drop("a")));
  EXPECT_EQ(index_.get("b")->inline_body, text("inline"));
}

TEST_F(Objects, ACopyKeepsKeyAndContextAndTakesNewAttributes) {
  PutObject command = TestIndex::inline_put("a");
  command.context = text("context");
  command.sealed_attributes = text("old");
  ASSERT_TRUE(index_.run(command));
  CopyObject duplicate = copy("a", "b");
  duplicate.sealed_attributes = text("new");
  ASSERT_TRUE(index_.run(duplicate));
  const VersionRecord version = index_.get("b")->version;
  EXPECT_EQ(version.context, text("context"));
  EXPECT_EQ(version.key, wrapped_key());
  EXPECT_EQ(version.sealed_attributes, text("new"));
}

TEST_F(Objects, ACopyNeedsTheCurrentVersion) {
  index_.put("a");
  CopyObject command = copy("a", "b");
  index_.put("a");
  EXPECT_EQ(index_.code(command), Errc::precondition_failed);
  ASSERT_TRUE(index_.run(drop("a")));
  EXPECT_EQ(index_.code(command), Errc::no_such_object);
  command.source_bucket = "other";
  EXPECT_EQ(index_.code(command), Errc::no_such_bucket);
}

TEST_F(Objects, ACopyIntoAnotherBucketStaysWhenTheFirstGoes) {
  index_.make_bucket("other");
  const SegmentId id = index_.put("a");
  CopyObject command = copy("a", "a");
  command.bucket = "other";
  ASSERT_TRUE(index_.run(command));
  ASSERT_TRUE(index_.run(drop("a")));
  EXPECT_EQ(index_.references(id), 1U);
  EXPECT_TRUE(index_.get("a", "other"));
}

TEST_F(Objects, RefuseWhatIsTooLong) {
  EXPECT_EQ(index_.code(TestIndex::inline_put("")), Errc::invalid_argument);
  EXPECT_TRUE(index_.run(TestIndex::inline_put(std::string(1024, 'k'))));
  EXPECT_EQ(index_.code(TestIndex::inline_put(std::string(1025, 'k'))), Errc::too_large);
  const auto refused = [this](auto change) {
    PutObject command = TestIndex::inline_put("key");
    change(command);
    return index_.code(command) == Errc::too_large;
  };
  EXPECT_TRUE(refused([](PutObject& c) { c.inline_body = Bytes(kMaxInlineBytes + 1); }));
  EXPECT_TRUE(refused([](PutObject& c) { c.sealed_summary = Bytes(kMaxSummaryBytes + 1); }));
  EXPECT_TRUE(refused([](PutObject& c) { c.sealed_attributes = Bytes(kMaxAttributesBytes + 1); }));
  EXPECT_TRUE(refused([](PutObject& c) { c.context = Bytes(kMaxContextBytes + 1); }));
  EXPECT_TRUE(refused([](PutObject& c) { c.data_key.sealed = Bytes(kMaxWrappedKeyBytes + 1); }));
  EXPECT_TRUE(refused([](PutObject& c) { c.data_key.ring = std::string(300, 'r'); }));
  EXPECT_TRUE(refused([](PutObject& c) { c.page_macs = {Bytes(kMaxMacBytes + 1)}; }));
  index_.put("a");
  CopyObject long_copy = copy("a", std::string(1025, 'k'));
  EXPECT_EQ(index_.code(long_copy), Errc::too_large);
}

TEST_F(Objects, RefuseHostileBodies) {
  const SegmentCommit segment = index_.commit_of_new();
  const auto code = [&](auto change) {
    PutObject command = TestIndex::put_of("key", {segment});
    change(command);
    return index_.code(command);
  };
  EXPECT_EQ(code([](PutObject& c) { c.inline_body = text("both"); }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) {
              c.inline_body = text("both");
              c.segments.clear();
              c.slices.slices[0].key = 7;
            }),
            Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) { c.slices.slices[0].key = 1; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) { c.slices.slices[0].key = ~0U; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) { c.slices.slices[0].length = 0; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) { ++c.size; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) { c.page_macs.push_back(text("x")); }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) {
              c.slices.slices = {{c.segments[0].id, 1, ~0ULL, 0}, {c.segments[0].id, 0, 1, 0}};
              c.size = 0;
            }),
            Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) { c.slices.slices[0].offset = 1; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) { c.slices.slices[0].offset = ~0ULL; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutObject& c) { c.slices.slices[0].segment.value[0] ^= 1; }),
            Errc::no_such_segment);
  EXPECT_EQ(index_.count(keys::Family::segment), 0U);
  PutObject longer = TestIndex::inline_put("key", "body");
  longer.size = 5;
  EXPECT_EQ(index_.code(longer), Errc::invalid_argument);
}

TEST_F(Objects, ASegmentThatNoSliceUsesIsRefused) {
  const SegmentCommit used = index_.commit_of_new();
  const SegmentCommit unused = index_.commit_of_new();
  PutObject command = TestIndex::put_of("key", {used});
  command.segments.push_back(unused);
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  EXPECT_EQ(index_.count(keys::Family::segment), 0U);
}

TEST_F(Objects, RefuseASegmentTwiceInOneCommand) {
  const SegmentCommit segment = index_.commit_of_new();
  PutObject command = TestIndex::put_of("key", {segment});
  command.segments.push_back(segment);
  EXPECT_EQ(index_.code(command), Errc::already_exists);
}

TEST_F(Objects, KeysOfOddBytesStayApart) {
  const std::vector<std::string> keys = {"a",     std::string("a\0", 2), std::string("a\0\0", 3),
                                         "a\xff", std::string("\0", 1),  "\xff\xff"};
  for (const std::string& key : keys) {
    ASSERT_TRUE(index_.run(TestIndex::inline_put(key, "body of " + key)));
  }
  for (const std::string& key : keys) {
    EXPECT_EQ(index_.get(key)->inline_body, text("body of " + key));
  }
  ASSERT_TRUE(index_.run(drop("a")));
  EXPECT_FALSE(index_.get("a"));
  EXPECT_TRUE(index_.get(std::string("a\0", 2)));
}

TEST_F(Objects, ComeAndGoAsEvents) {
  index_.put("a");
  const VersionId version = index_.version_of("a");
  ASSERT_TRUE(index_.run(drop("a")));
  const auto events = index_.ask(GetEvents{}).value().events;
  ASSERT_GE(events.size(), 2U);
  const Event& created = events[events.size() - 2];
  const Event& removed = events.back();
  EXPECT_EQ(created.kind, EventKind::object_created);
  EXPECT_EQ(created.version, version);
  EXPECT_EQ(removed.kind, EventKind::object_removed);
  EXPECT_EQ(removed.key, "a");
  EXPECT_EQ(removed.version, version);
  EXPECT_EQ(removed.sequence, created.sequence + 1);
}

// Random puts, copies and deletes against counting by hand: no segment is lost or kept too long.
RC_GTEST_PROP(ObjectsProperty, ReferencesAreExact, (const std::vector<std::uint8_t>& steps)) {
  TestIndex index;
  index.make_bucket();
  std::map<std::string, SegmentId> model;
  for (const std::uint8_t step : steps) {
    const std::string key(1, static_cast<char>('a' + step % 4));
    const std::string other(1, static_cast<char>('a' + step / 4 % 4));
    if (step % 3 == 0) {
      model[key] = index.put(key);
    } else if (step % 3 == 1 && model.contains(key)) {
      CopyObject command;
      command.source_bucket = command.bucket = "bucket";
      command.source_key = key;
      command.version = index.version_of(key);
      command.key = other;
      RC_ASSERT(index.run(command).has_value());
      model[other] = model[key];
    } else {
      DeleteObject command;
      command.bucket = "bucket";
      command.key = key;
      RC_ASSERT(index.run(command).has_value());
      model.erase(key);
    }
  }
  std::map<SegmentId, std::uint64_t> expected;
  for (const auto& [key, id] : model) ++expected[id];
  for (const auto& [id, references] : expected) RC_ASSERT(index.references(id) == references);
  RC_ASSERT(index.count(keys::Family::segment) == expected.size());
  RC_ASSERT(index.count(keys::Family::fragment) == 3 * expected.size());
}

}  // namespace
}  // namespace stratos::meta
