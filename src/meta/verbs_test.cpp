// What all verbs share: results remembered, work that falls due, events, unknown verbs.
#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

class Verbs : public ::testing::Test {
 protected:
  Verbs() { index_.make_bucket(); }
  TestIndex index_;
};

using Idempotency = Verbs;

TEST_F(Idempotency, ARetryGetsTheFirstResult) {
  const auto first = index_.run(TestIndex::inline_put("key", "one"), idempotency_id(1));
  const auto again = index_.run(TestIndex::inline_put("key", "one"), idempotency_id(1));
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->version, again->version);
  EXPECT_EQ(index_.version_of("key"), first->version);
}

TEST_F(Idempotency, ARetryDoesNotUndoALaterWrite) {
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key", "one"), idempotency_id(1)));
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key", "two"), idempotency_id(2)));
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key", "one"), idempotency_id(1)));
  EXPECT_EQ(index_.get("key")->inline_body, text("two"));
}

TEST_F(Idempotency, ErrorsAreRememberedToo) {
  PutObject command = TestIndex::inline_put("key");
  command.condition.exists = true;
  EXPECT_EQ(index_.code(command, idempotency_id(1)), Errc::no_such_object);
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key")));
  EXPECT_EQ(index_.code(command, idempotency_id(1)), Errc::no_such_object);
  EXPECT_EQ(index_.code(command, idempotency_id(2)), Errc{});
}

TEST_F(Idempotency, HoldsWithinOneBatch) {
  const Item item = TestIndex::item(TestIndex::inline_put("key"), idempotency_id(1));
  const auto results = index_.apply_items({item, item});
  EXPECT_EQ(results[0].value, results[1].value);
}

TEST_F(Idempotency, HoldsOverARestart) {
  const auto first = index_.run(TestIndex::inline_put("key", "one"), idempotency_id(1));
  index_.reopen();
  const auto again = index_.run(TestIndex::inline_put("key", "one"), idempotency_id(1));
  EXPECT_EQ(first->version, again->version);
}

TEST_F(Idempotency, EndsAfterItsTime) {
  const auto first = index_.run(TestIndex::inline_put("key", "one"), idempotency_id(1));
  index_.pass_ms(test_params().idempotency_ms - 10);
  index_.idle();
  EXPECT_EQ(index_.count(keys::Family::result), 1U);
  index_.pass_ms(10);
  index_.idle();
  EXPECT_EQ(index_.count(keys::Family::result), 0U);
  EXPECT_EQ(index_.count(keys::Family::results_of), 0U);
  const auto again = index_.run(TestIndex::inline_put("key", "one"), idempotency_id(1));
  EXPECT_NE(first->version, again->version);
}

TEST_F(Idempotency, AZeroIdIsNotRemembered) {
  const auto first = index_.run(TestIndex::inline_put("key"));
  const auto again = index_.run(TestIndex::inline_put("key"));
  EXPECT_NE(first->version, again->version);
  EXPECT_EQ(index_.count(keys::Family::result), 0U);
}

using Sweeps = Verbs;

TEST_F(Sweeps, AreBoundedPerBlock) {
  std::vector<Item> items;
  const SegmentCommit base = index_.commit_of_new();
  for (int i = 0; i < 3000; ++i) {
    SegmentCommit segment = base;
    segment.id = index_.next_segment_id();
    const auto nodes = index_.ranked(segment.id);
    for (std::size_t n = 0; n < segment.receipts.size(); ++n) {
      segment.receipts[n].fragment.segment = segment.id;
      segment.receipts[n].node = nodes[n];
      segment.receipts[n].signer = index_.signer_of(nodes[n]).public_key();
    }
    CommitSegments command;
    command.segments = {segment};
    items.push_back(TestIndex::item(command));
    if (items.size() == 1000) {
      for (const ItemResult& result : index_.apply_items(items)) ASSERT_EQ(result.code, 0);
      items.clear();
    }
  }
  ASSERT_EQ(index_.count(keys::Family::segment), 3000U);
  index_.pass_ms(test_params().orphan_ms);
  index_.idle();
  EXPECT_GE(index_.count(keys::Family::segment), 952U);
  EXPECT_LT(index_.count(keys::Family::segment), 1000U);
  index_.idle(2);
  EXPECT_EQ(index_.count(keys::Family::segment), 0U);
  EXPECT_EQ(index_.count(keys::Family::fragment), 0U);
}

TEST_F(Sweeps, DoTheOldestFirstAndNothingEarly) {
  const auto state_before = index_.dump();
  index_.idle(3);
  EXPECT_EQ(index_.dump(), state_before);
}

TEST_F(Sweeps, OfABudgetOfOneDoOneThing) {
  State state(index_.store());
  Context context{state, index_.machine().params(), Height(99), 0, index_.now()};
  for (const std::uint64_t version : {101UL, 102UL, 103UL}) {
    state.put(keys::node_table(version), {});
    Bytes subject;
    put_be(subject, version);
    const WallTime due = {static_cast<std::int64_t>(1000 + version)};
    state.put(keys::due(due, DueKind::drop_table, subject), {});
  }
  sweep(context, 1);
  EXPECT_FALSE(state.has(keys::node_table(101)));
  EXPECT_TRUE(state.has(keys::node_table(102)));
  sweep(context, 5);
  EXPECT_FALSE(state.has(keys::node_table(102)));
  EXPECT_FALSE(state.has(keys::node_table(103)));
}

TEST_F(Verbs, UnknownOnesAreRefusedOneByOne) {
  Item unknown;
  unknown.verb = static_cast<Verb>(999);
  Item malformed;
  malformed.verb = Verb::create_bucket;
  malformed.command = {0xff, 0xff};
  const auto results =
      index_.apply_items({unknown, malformed, TestIndex::item(TestIndex::inline_put("key"))});
  EXPECT_EQ(results[0].code, static_cast<std::uint16_t>(Errc::not_implemented));
  EXPECT_EQ(results[1].code, static_cast<std::uint16_t>(Errc::bad_encoding));
  EXPECT_EQ(results[2].code, 0);
}

TEST_F(Verbs, VersionIdsAreHeightThenIndex) {
  State state(index_.store());
  Context context{state, index_.machine().params(), Height(0x0102), 3, {0}};
  EXPECT_EQ(context.version_id().hex(), "00000000000001020000000000000003");
}

TEST_F(Verbs, EventsAreTrimmed) {
  State state(index_.store());
  Context context{state, index_.machine().params(), Height(99), 0, index_.now()};
  Bytes almost;
  put_be(almost, kEventsKept + 5);
  state.put(keys::named(keys::Family::counter, "event"), almost);
  state.put(keys::event(6), codec::encode(Event{}));
  emit(context, Event{});
  EXPECT_FALSE(state.has(keys::event(6)));
  EXPECT_TRUE(state.has(keys::event(kEventsKept + 6)));
  kv::Batch batch;
  for (const auto& [key, value] : state.changes()) {
    if (value) batch.put(key, *value);
  }
  ASSERT_TRUE(index_.store().write(batch));
  GetEvents query;
  query.after = 3;
  EXPECT_TRUE(index_.ask(query)->too_old);
  query.after = kEventsKept + 5;
  EXPECT_FALSE(index_.ask(query)->too_old);
  EXPECT_EQ(index_.ask(query)->events.size(), 1U);
}

}  // namespace
}  // namespace stratos::meta
