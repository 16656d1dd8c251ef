#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

class Segments : public ::testing::Test {
 protected:
  Segments() { index_.make_bucket(); }

  Errc commit(const SegmentCommit& segment) {
    CommitSegments command;
    command.segments = {segment};
    return index_.code(command);
  }
  template <class Change>
  Errc commit_changed(Change change, std::uint8_t k = 1, std::uint8_t m = 2) {
    SegmentCommit segment = index_.commit_of(index_.next_segment_id(), 4096, k, m);
    change(segment);
    return commit(segment);
  }
  // Another receipt of the same place, signed again.
  void resign(Receipt& receipt) { sign_receipts({&receipt, 1}, index_.signer_of(receipt.node)); }

  TestIndex index_;
};

TEST_F(Segments, AreRecordedWithHoldersInOrder) {
  SegmentCommit segment = index_.commit_of(index_.next_segment_id(), 60'000, 4, 2);
  std::ranges::reverse(segment.receipts);
  ASSERT_EQ(commit(segment), Errc{});
  const auto record = index_.segment(segment.id);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->k, 4);
  EXPECT_EQ(record->length, 60'000U);
  EXPECT_EQ(record->fragment_length, segment.receipts[0].length);
  EXPECT_EQ(record->generation, Generation(1));
  EXPECT_EQ(record->references, 0U);
  ASSERT_EQ(record->holders.size(), 6U);
  for (std::uint8_t i = 0; i < 6; ++i) {
    EXPECT_EQ(record->holders[i].index, i);
    const NodeId node = record->holders[i].node;
    EXPECT_TRUE(index_.state().has(keys::fragment(node, {segment.id, i})));
    const FeedEntry entry = index_.feed(node).back();
    EXPECT_EQ(entry.kind, FeedKind::keep);
    EXPECT_EQ(entry.fragment, (FragmentId{segment.id, i}));
    EXPECT_EQ(index_.ledger(node).bytes, record->fragment_length);
  }
}

TEST_F(Segments, NeedAWriteQuorum) {
  EXPECT_EQ(commit(index_.commit_of(index_.next_segment_id(), 4096, 4, 2, 5)), Errc{});
  EXPECT_EQ(commit(index_.commit_of(index_.next_segment_id(), 4096, 4, 2, 4)), Errc::below_quorum);
  EXPECT_EQ(commit(index_.commit_of(index_.next_segment_id(), 4096, 1, 2, 2)), Errc{});
  EXPECT_EQ(commit(index_.commit_of(index_.next_segment_id(), 4096, 1, 2, 1)), Errc::below_quorum);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.receipts.clear(); }), Errc::below_quorum);
}

TEST_F(Segments, NeedAShapeOfAProfile) {
  for (const auto& [k, m] : {std::pair{1, 2}, std::pair{4, 2}, std::pair{1, 3}}) {
    EXPECT_EQ(commit(index_.commit_of(index_.next_segment_id(), 4096, static_cast<std::uint8_t>(k),
                                      static_cast<std::uint8_t>(m))),
              Errc{});
  }
  const auto shaped = [this](int k, int m) {
    return commit_changed([k, m](SegmentCommit& s) {
      s.k = static_cast<std::uint8_t>(k);
      s.m = static_cast<std::uint8_t>(m);
    });
  };
  EXPECT_EQ(shaped(0, 0), Errc::invalid_argument);
  EXPECT_EQ(shaped(1, 0), Errc::invalid_argument);
  EXPECT_EQ(shaped(4, 3), Errc::invalid_argument);
  EXPECT_EQ(shaped(255, 255), Errc::invalid_argument);
  EXPECT_EQ(shaped(1, 255), Errc::invalid_argument);
}

TEST_F(Segments, NeedALengthThatFits) {
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.length = 0; }), Errc::invalid_argument);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.length = kMaxSegmentLength + 1; }),
            Errc::invalid_argument);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.length = ~0ULL; }), Errc::invalid_argument);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.length = s.receipts[0].length + 1; }),
            Errc::invalid_argument);
  EXPECT_EQ(commit_changed([this](SegmentCommit& s) {
              for (Receipt& receipt : s.receipts) {
                receipt.length = ~0ULL / 2;
                resign(receipt);
              }
            }),
            Errc::invalid_argument);
  EXPECT_EQ(commit(index_.commit_of(index_.next_segment_id(), kMaxSegmentLength, 4, 2)), Errc{});
}

TEST_F(Segments, NeedReceiptsOfOneLength) {
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { ++s.receipts[1].length; }),
            Errc::invalid_argument);
}

TEST_F(Segments, NeedReceiptsOfTheirOwnFragments) {
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.receipts[1].fragment.segment = {}; }),
            Errc::invalid_argument);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.receipts[1].fragment.index = 3; }),
            Errc::invalid_argument);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.receipts[1].fragment.index = 255; }),
            Errc::invalid_argument);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.receipts[1].fragment.index = 0; }),
            Errc::bad_placement);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) {
              s.receipts.push_back(s.receipts[0]);
              s.receipts.back().fragment.index = 1;
              s.receipts.erase(s.receipts.begin() + 1);
            }),
            Errc::bad_placement)
      << "one node for two fragments";
}

TEST_F(Segments, NeedNodesThatPlacementNames) {
  TestIndex index(test_params(), 12);
  const SegmentId id = index.next_segment_id();
  SegmentCommit segment = index.commit_of(id);
  const auto ranked = index.ranked(id);
  // Spare ranks are open: a node next in rank takes the place of one that failed.
  segment.receipts[2] = index.receipt(id, 2, ranked[usable_ranks(3) - 1], 4112);
  CommitSegments command;
  command.segments = {segment};
  EXPECT_TRUE(index.run(command));
  const SegmentId other = index.next_segment_id();
  segment = index.commit_of(other);
  segment.receipts[2] = index.receipt(other, 2, index.ranked(other)[usable_ranks(3)], 4112);
  command.segments = {segment};
  EXPECT_EQ(index.code(command), Errc::bad_placement);
}

TEST_F(Segments, NeedAKnownTable) {
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.table_version = 0; }), Errc::bad_placement);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { ++s.table_version; }), Errc::bad_placement);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.table_version = ~0ULL; }), Errc::bad_placement);
}

TEST_F(Segments, AnOldTableCountsForATime) {
  SegmentCommit segment = index_.commit_of_new();
  index_.add_node();
  EXPECT_EQ(commit(segment), Errc{});
  segment = index_.commit_of_new();
  index_.add_node();
  index_.pass_ms(test_params().node_table_ms + 10);
  index_.idle(2);
  for (Receipt& receipt : segment.receipts) {
    receipt.lease_until = index_.now() + std::chrono::hours(24);
  }
  EXPECT_EQ(commit(segment), Errc::bad_placement);
}

TEST_F(Segments, NeedTheRegisteredKeyOfTheNode) {
  EXPECT_EQ(commit_changed([this](SegmentCommit& s) {
              const NodeId node = s.receipts[1].node;
              const NodeId other = node == NodeId(1) ? NodeId(2) : NodeId(1);
              sign_receipts({&s.receipts[1], 1}, index_.signer_of(other));
            }),
            Errc::bad_signature);
}

TEST_F(Segments, NeedNodesThatExist) {
  EXPECT_EQ(commit_changed([](SegmentCommit& s) { s.receipts[1].node = NodeId(99); }),
            Errc::bad_placement);
}

TEST_F(Segments, NeedAnHourOfTheirLeases) {
  const auto margin = static_cast<std::int64_t>(test_params().lease_margin_ms);
  const auto with_lease = [this](std::int64_t ms) {
    return commit_changed([this, ms](SegmentCommit& s) {
      // Ordered one millisecond from now.
      s.receipts[2].lease_until = {index_.now().ms + 1 + ms};
    });
  };
  EXPECT_EQ(with_lease(margin), Errc{});
  EXPECT_EQ(with_lease(margin - 1), Errc::lease_expired);
  EXPECT_EQ(with_lease(-1), Errc::lease_expired);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) {
              s.receipts[2].lease_until = {std::numeric_limits<std::int64_t>::min()};
            }),
            Errc::lease_expired);
  EXPECT_EQ(commit_changed([](SegmentCommit& s) {
              s.receipts[2].lease_until = {std::numeric_limits<std::int64_t>::max()};
            }),
            Errc{});
}

TEST_F(Segments, TakeIdsFromOpenGrantsInsideTheirWindow) {
  const GrantId small = index_.reserve(0, 5).value().id;
  EXPECT_EQ(commit(index_.commit_of(keys::segment_id(small, 4))), Errc{});
  EXPECT_EQ(commit(index_.commit_of(keys::segment_id(small, 5))), Errc::grant_exhausted);
  EXPECT_EQ(commit(index_.commit_of(keys::segment_id(small, ~0ULL))), Errc::grant_exhausted);
  EXPECT_EQ(commit(index_.commit_of(keys::segment_id(GrantId(99), 0))), Errc::no_such_grant);
  EXPECT_EQ(commit(index_.commit_of(keys::segment_id(GrantId(0), 0))), Errc::no_such_grant);
}

TEST_F(Segments, NeverUseAnIdTwice) {
  const SegmentCommit segment = index_.commit_of_new();
  ASSERT_EQ(commit(segment), Errc{});
  EXPECT_EQ(commit(segment), Errc::already_exists);
  // Freed, the id stays spent.
  PutObject command = TestIndex::put_of("key", {index_.commit_of_new()});
  const SegmentCommit freed = command.segments[0];
  ASSERT_TRUE(index_.run(command));
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key")));
  EXPECT_FALSE(index_.segment(freed.id));
  EXPECT_EQ(commit(freed), Errc::already_exists);
}

TEST_F(Segments, AreFreedWhenNothingRefersToThemInTime) {
  const SegmentCommit orphan = index_.commit_of_new();
  const SegmentCommit used = index_.commit_of_new();
  CommitSegments command;
  command.segments = {orphan, used};
  ASSERT_TRUE(index_.run(command));
  PutObject put = TestIndex::put_of("key", {used});
  put.segments.clear();
  ASSERT_TRUE(index_.run(put));
  index_.pass_ms(test_params().orphan_ms - 10);
  index_.idle();
  EXPECT_TRUE(index_.segment(orphan.id));
  index_.pass_ms(10);
  index_.idle();
  EXPECT_FALSE(index_.segment(orphan.id));
  EXPECT_EQ(index_.references(used.id), 1U);
  EXPECT_EQ(index_.feed(orphan.receipts[0].node).back().kind, FeedKind::drop);
}

TEST_F(Segments, OneBadOneFailsTheWholeCommand) {
  CommitSegments command;
  command.segments = {index_.commit_of_new(), index_.commit_of_new()};
  command.segments[1].receipts.clear();
  EXPECT_EQ(index_.code(command), Errc::below_quorum);
  EXPECT_FALSE(index_.segment(command.segments[0].id));
}

class Holders : public Segments {
 protected:
  Holders() {
    late_ = index_.commit_of(index_.next_segment_id(), 4096, 4, 2, 5);
    EXPECT_EQ(commit(late_), Errc{});
  }
  AddHolder sixth() {
    AddHolder command;
    command.generation = Generation(1);
    command.receipt =
        index_.receipt(late_.id, 5, index_.ranked(late_.id)[5], late_.receipts[0].length);
    return command;
  }
  SegmentCommit late_;
};

TEST_F(Holders, ComeLateByCompareAndSet) {
  ASSERT_TRUE(index_.run(sixth()));
  const auto record = index_.segment(late_.id);
  EXPECT_EQ(record->holders.size(), 6U);
  EXPECT_EQ(record->generation, Generation(2));
  const NodeId node = sixth().receipt.node;
  EXPECT_TRUE(index_.state().has(keys::fragment(node, {late_.id, 5})));
  EXPECT_EQ(index_.ledger(node).fragments, 1U);
  EXPECT_EQ(index_.code(sixth()), Errc::stale_generation);
}

TEST_F(Holders, AreRefusedForAnotherGenerationOrSegment) {
  AddHolder command = sixth();
  command.generation = Generation(2);
  EXPECT_EQ(index_.code(command), Errc::stale_generation);
  command = sixth();
  command.receipt.fragment.segment = index_.next_segment_id();
  EXPECT_EQ(index_.code(command), Errc::no_such_segment);
}

TEST_F(Holders, AreKnownToBeMissing) {
  EXPECT_TRUE(index_.state().has(keys::degraded(late_.id)));
  ASSERT_TRUE(index_.run(sixth()));
  EXPECT_FALSE(index_.state().has(keys::degraded(late_.id)));
}

TEST_F(Holders, TakeThePlaceOfOthers) {
  ASSERT_TRUE(index_.run(sixth()));
  const NodeId old = late_.receipts[2].node;
  const NodeId next = index_.ranked(late_.id)[6];
  AddHolder command;
  command.generation = Generation(2);
  command.receipt = index_.receipt(late_.id, 2, next, late_.receipts[0].length);
  EXPECT_EQ(index_.code(command), Errc::bad_placement);
  command.replaces = late_.receipts[3].node;
  EXPECT_EQ(index_.code(command), Errc::bad_placement);
  command.replaces = old;
  ASSERT_TRUE(index_.run(command));
  const auto record = index_.segment(late_.id);
  ASSERT_EQ(record->holders.size(), 6U);
  EXPECT_EQ(record->holders[2].node, next);
  EXPECT_EQ(record->generation, Generation(3));
  EXPECT_FALSE(index_.state().has(keys::fragment(old, {late_.id, 2})));
  EXPECT_EQ(index_.feed(old).back().kind, FeedKind::drop);
  EXPECT_EQ(index_.ledger(old).fragments, 0U);
  EXPECT_EQ(index_.ledger(next).fragments, 1U);
  EXPECT_FALSE(index_.state().has(keys::degraded(late_.id)));
}

TEST_F(Holders, MayBeLost) {
  ASSERT_TRUE(index_.run(sixth()));
  LoseHolder command;
  command.fragment = {late_.id, 4};
  command.node = late_.receipts[3].node;
  EXPECT_EQ(index_.code(command), Errc::not_found);
  command.node = late_.receipts[4].node;
  ASSERT_TRUE(index_.run(command));
  EXPECT_EQ(index_.segment(late_.id)->holders.size(), 5U);
  EXPECT_EQ(index_.segment(late_.id)->generation, Generation(3));
  EXPECT_TRUE(index_.state().has(keys::degraded(late_.id)));
  EXPECT_EQ(index_.feed(command.node).back().kind, FeedKind::drop);
  EXPECT_EQ(index_.code(command), Errc::not_found);
  command.fragment.segment = index_.next_segment_id();
  EXPECT_EQ(index_.code(command), Errc::no_such_segment);
}

TEST_F(Holders, StayWhenDamagedWhileTheOthersDoNotSuffice) {
  LoseHolder command;
  command.damaged = true;
  const auto lose = [&](std::uint8_t index) {
    command.fragment = {late_.id, index};
    command.node = late_.receipts[index].node;
    return index_.code(command);
  };
  EXPECT_EQ(lose(0), Errc{});
  EXPECT_EQ(lose(1), Errc::below_quorum);
  EXPECT_EQ(index_.segment(late_.id)->holders.size(), 4U);
  command.damaged = false;
  EXPECT_EQ(lose(1), Errc{});
}

TEST_F(Holders, AreRefusedInATakenPlace) {
  AddHolder command = sixth();
  command.receipt.fragment.index = 0;
  EXPECT_EQ(index_.code(command), Errc::bad_placement);
  command = sixth();
  command.receipt = index_.receipt(late_.id, 5, late_.receipts[0].node, late_.receipts[0].length);
  EXPECT_EQ(index_.code(command), Errc::bad_placement);
}

TEST_F(Holders, AreRefusedInATakenFailureDomainOfAnyLevel) {
  Params params = test_params();
  params.spread = {"operator", "zone"};
  for (const std::string& level : params.spread) {
    TestIndex index(params, 5);
    const NodeId twin = index.add_node({{level, level + "1"}});
    CommitSegments command;
    command.segments = {index.commit_of(index.next_segment_id(), 4096, 1, 2, 2)};
    while (command.segments[0].receipts[0].node != NodeId(1)) {
      command.segments = {index.commit_of(index.next_segment_id(), 4096, 1, 2, 2)};
    }
    ASSERT_TRUE(index.run(command));
    // Placement gives the twin now; the fragment is where it was.
    ASSERT_TRUE(index.run(SetNodeState{NodeId(1), NodeState::down, 20}));
    AddHolder late;
    late.generation = Generation(1);
    late.receipt = index.receipt(command.segments[0].id, 2, twin, 4112);
    EXPECT_EQ(index.code(late), Errc::bad_placement) << level;
    RegisterNode moved;
    moved.key = index.signer_of(twin).public_key();
    moved.capabilities = kStorageCapability;
    moved.free_class = 20;
    moved.labels = {{"operator", "other"}, {"zone", "other"}};
    ASSERT_TRUE(index.run(moved));
    EXPECT_EQ(index.code(late), Errc{}) << level;
  }
}

TEST_F(Holders, NeedADomainOfTheirOwnAtEachLevelOnly) {
  Params params = test_params();
  params.spread = {"operator", "zone"};
  TestIndex index(params, 2);
  const SegmentId id = index.next_segment_id();
  CommitSegments command;
  command.segments = {index.commit_of(id, 4096, 1, 2, 2)};
  ASSERT_TRUE(index.run(command));
  // The names of two levels have nothing to do with one another.
  const NodeId added = index.add_node({{"operator", "zone1"}, {"zone", "operator1"}});
  AddHolder late;
  late.generation = Generation(1);
  late.receipt = index.receipt(id, 2, added, 4112);
  EXPECT_EQ(index.code(late), Errc{});
}

TEST_F(Holders, AreRefusedWherePlacementDoesNotPutThem) {
  TestIndex index(test_params(), 16);
  const SegmentId id = index.next_segment_id();
  CommitSegments command;
  command.segments = {index.commit_of(id, 4096, 1, 2, 2)};
  ASSERT_TRUE(index.run(command));
  AddHolder late;
  late.generation = Generation(1);
  late.receipt = index.receipt(id, 2, index.ranked(id).at(usable_ranks(3)), 4112);
  EXPECT_EQ(index.code(late), Errc::bad_placement);
  late.receipt = index.receipt(id, 2, index.ranked(id).at(usable_ranks(3) - 1), 4112);
  EXPECT_TRUE(index.run(late));
}

TEST_F(Holders, MayStandWhereTheNewestTablePutsThem) {
  TestIndex index(test_params(), 5);
  const SegmentId id = index.next_segment_id();
  CommitSegments command;
  command.segments = {index.commit_of(id, 4096, 4, 2, 5)};
  ASSERT_TRUE(index.run(command));
  const NodeId added = index.add_node();
  AddHolder late;
  late.generation = Generation(1);
  late.receipt = index.receipt(id, 5, added, command.segments[0].receipts[0].length);
  EXPECT_TRUE(index.run(late));
}

TEST_F(Holders, AreRefusedWithReceiptsThatDoNotFit) {
  AddHolder command = sixth();
  command.receipt.fragment.index = 6;
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  command = sixth();
  ++command.receipt.length;
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  command = sixth();
  sign_receipts({&command.receipt, 1}, index_.signer_of(late_.receipts[0].node));
  EXPECT_EQ(index_.code(command), Errc::bad_signature);
  command = sixth();
  command.receipt.lease_until = index_.now();
  EXPECT_EQ(index_.code(command), Errc::lease_expired);
}

}  // namespace
}  // namespace stratos::meta
