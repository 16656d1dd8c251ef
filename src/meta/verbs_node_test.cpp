#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

class Nodes : public ::testing::Test {
 protected:
  RegisterNode registration(NodeId node) {
    RegisterNode command;
    command.key = index_.signer_of(node).public_key();
    command.endpoint = "host:1";
    command.capabilities = kStorageCapability;
    command.capacity_bytes = 1 << 30;
    command.free_class = 20;
    return command;
  }
  SetNodeState to(NodeId node, NodeState state, std::uint32_t free_class = 20) {
    return SetNodeState{node, state, free_class};
  }
  NodeRecord record(NodeId node) {
    return index_.state().load<NodeRecord>(keys::node(node)).value();
  }
  bool is_candidate(NodeId node) {
    const NodeTable table = index_.table();
    return std::ranges::find(table.candidates, node, &Candidate::node) != table.candidates.end();
  }
  std::size_t state_events(NodeId node) {
    std::size_t count = 0;
    for (const Event& event : index_.ask(GetEvents{})->events) {
      count += event.kind == EventKind::node_state && event.node == node ? 1U : 0U;
    }
    return count;
  }

  TestIndex index_;
};

TEST_F(Nodes, GetNumbersInOrderAndKeepThem) {
  EXPECT_EQ(index_.add_node(), NodeId(TestIndex::kNodes + 1));
  EXPECT_EQ(index_.run(registration(NodeId(3)))->node, NodeId(3));
  EXPECT_EQ(record(NodeId(3)).endpoint, "host:1");
  const auto all = index_.ask(GetNodes{}).value();
  EXPECT_EQ(all.nodes.size(), TestIndex::kNodes + 1);
  EXPECT_EQ(all.ledgers.size(), all.nodes.size());
}

TEST_F(Nodes, KeepTheirLabelsInOrder) {
  EXPECT_TRUE(record(NodeId(1)).labels.empty());
  const NodeId node = index_.add_node({{"zone", "b"}, {"operator", "acme"}});
  const std::vector<Label> sorted = {{"operator", "acme"}, {"zone", "b"}};
  EXPECT_EQ(record(node).labels, sorted);
}

TEST_F(Nodes, AreRefusedWithoutALabelThatTheNetworkSpreadsBy) {
  Params params = test_params();
  params.spread = {"operator", "subnet"};
  TestIndex index(params);
  RegisterNode command = registration(NodeId(1));
  command.key = index_.meta().public_key();
  EXPECT_EQ(index.code(command), Errc::missing_label);
  command.labels = {{"operator", "acme"}};
  EXPECT_EQ(index.code(command), Errc::missing_label);
  EXPECT_EQ(index.count(keys::Family::node), TestIndex::kNodes);
  command.labels.push_back({"subnet", "10.0.0.0/8"});
  EXPECT_EQ(index.code(command), Errc{});
}

TEST_F(Nodes, KeepTheirPlaceWithAnotherKey) {
  SeededRandom random(77);
  const crypto::MachineSigner next = crypto::MachineSigner::draw(random);
  const auto on_first = [this] {
    while (true) {
      SegmentCommit commit = index_.commit_of_new();
      if (std::ranges::find(commit.receipts, NodeId(1), &Receipt::node) != commit.receipts.end()) {
        return commit;
      }
    }
  };
  const SegmentCommit under_way = on_first();
  const crypto::MachineSigner& old = index_.signer_of(NodeId(1));
  RegisterNode command = registration(NodeId(1));
  command.key = next.public_key();
  command.succession = make_succession(old, next.public_key());
  // The second time it has happened already.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(index_.run(command)->node, NodeId(1));
    EXPECT_EQ(record(NodeId(1)).key, next.public_key());
    ASSERT_EQ(record(NodeId(1)).past_keys.size(), 1U);
    EXPECT_EQ(record(NodeId(1)).past_keys[0].key, old.public_key());
  }
  EXPECT_EQ(index_.count(keys::Family::node), TestIndex::kNodes);
  EXPECT_FALSE(index_.state().has(keys::node_key(old.public_key().view())));
  // What it signed before counts for as long as an upload may take.
  CommitSegments commit;
  commit.segments = {under_way};
  EXPECT_EQ(index_.code(commit), Errc{});
  index_.pass_ms(test_params().orphan_ms + 1);
  commit.segments = {on_first()};
  EXPECT_EQ(index_.code(commit), Errc::bad_signature) << "signed with the old key still";
}

TEST_F(Nodes, MakeANewTableWhenPlacementChanges) {
  const std::uint64_t version = index_.table().version;
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::down)));
  EXPECT_EQ(index_.table().version, version + 1);
  EXPECT_FALSE(is_candidate(NodeId(1)));
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::down)));
  EXPECT_EQ(index_.table().version, version + 1) << "nothing changed";
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::draining)));
  EXPECT_EQ(index_.table().version, version + 1) << "no weight before and after";
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::up)));
  EXPECT_TRUE(is_candidate(NodeId(1)));
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::up, 0)));
  EXPECT_FALSE(is_candidate(NodeId(1))) << "full";
}

TEST_F(Nodes, MakeANewTableWhenDomainsOrCapabilitiesChange) {
  const std::uint64_t version = index_.table().version;
  RegisterNode command = registration(NodeId(1));
  ASSERT_TRUE(index_.run(command));
  EXPECT_EQ(index_.table().version, version);
  command.labels = {{"zone", "b"}};
  ASSERT_TRUE(index_.run(command));
  EXPECT_EQ(index_.table().version, version) << "the network does not spread by zone";
  command.capabilities = 3;
  ASSERT_TRUE(index_.run(command));
  EXPECT_EQ(index_.table().version, version + 1);

  Params params = test_params();
  params.spread = {"node", "zone"};
  TestIndex spread(params);
  const NodeTable table = spread.table();
  EXPECT_EQ(table.levels, params.spread);
  command.key = spread.signer_of(NodeId(1)).public_key();
  command.capabilities = kStorageCapability;
  ASSERT_TRUE(spread.run(command));
  EXPECT_EQ(spread.table().version, table.version + 1);
  EXPECT_EQ(spread.table().candidates[0].domains, (std::vector<std::string>{"n1", "b"}));
}

TEST_F(Nodes, OldTablesStayReadableForTheirTime) {
  const std::uint64_t version = index_.table().version;
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::down)));
  EXPECT_TRUE(index_.ask(GetNodeTable{version}));
  index_.pass_ms(test_params().node_table_ms + 1);
  index_.idle();
  EXPECT_EQ(index_.ask(GetNodeTable{version}).error().code(), Errc::not_found);
  EXPECT_TRUE(index_.ask(GetNodeTable{}));
}

TEST_F(Nodes, ComeBackUpWhenTheyRegister) {
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::down)));
  ASSERT_TRUE(index_.run(registration(NodeId(1))));
  EXPECT_EQ(record(NodeId(1)).state, NodeState::up);
  for (const auto state : {NodeState::draining, NodeState::suspended, NodeState::left}) {
    ASSERT_TRUE(index_.run(to(NodeId(1), state)));
    ASSERT_TRUE(index_.run(registration(NodeId(1))));
    EXPECT_EQ(record(NodeId(1)).state, state) << "not by registering";
  }
}

TEST_F(Nodes, TellOfChangesOfStateOnly) {
  EXPECT_EQ(state_events(NodeId(1)), 1U);
  ASSERT_TRUE(index_.run(registration(NodeId(1))));
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::up, 5)));
  EXPECT_EQ(state_events(NodeId(1)), 1U);
  ASSERT_TRUE(index_.run(to(NodeId(1), NodeState::down)));
  ASSERT_TRUE(index_.run(registration(NodeId(1))));
  EXPECT_EQ(state_events(NodeId(1)), 3U);
}

TEST_F(Nodes, RefuseHostileNumbers) {
  EXPECT_EQ(index_.code(to(NodeId(99), NodeState::up)), Errc::no_such_node);
  EXPECT_EQ(index_.code(to(NodeId(1), static_cast<NodeState>(0))), Errc::invalid_argument);
  EXPECT_EQ(index_.code(to(NodeId(1), static_cast<NodeState>(6))), Errc::invalid_argument);
  EXPECT_EQ(index_.code(to(NodeId(1), NodeState::up, 65)), Errc::invalid_argument);
  RegisterNode command = registration(NodeId(1));
  command.free_class = ~0U;
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
  command = registration(NodeId(1));
  command.endpoint = std::string(300, 'h');
  EXPECT_EQ(index_.code(command), Errc::too_large);
  command = registration(NodeId(1));
  command.labels = {{"zone", std::string(300, 'd')}};
  EXPECT_EQ(index_.code(command), Errc::invalid_argument);
}

class Grants : public Nodes {};

TEST_F(Grants, TakeOzoneFromTheAccountAndReturnIt) {
  const std::uint64_t before = index_.ozone(TestIndex::owner());
  const auto grant = index_.reserve(1000, 10);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->noz, 1000U);
  EXPECT_EQ(grant->epoch.value,
            static_cast<std::uint64_t>(index_.now().ms) / test_params().epoch_ms);
  EXPECT_EQ(index_.ozone(TestIndex::owner()), before - 1000);
  const auto open_ms = test_params().epoch_ms + 2 * test_params().orphan_ms;
  EXPECT_EQ(grant->closes, index_.now() + std::chrono::milliseconds(open_ms));
  index_.pass_ms(open_ms);
  index_.idle();
  EXPECT_EQ(index_.ozone(TestIndex::owner()), before);
  EXPECT_FALSE(index_.state().has(keys::grant(grant->id)));
}

TEST_F(Grants, NeverExceedTheAccount) {
  const std::uint64_t all = index_.ozone(TestIndex::owner());
  EXPECT_EQ(index_.reserve(all + 1, 1).error().code(), Errc::grant_exhausted);
  EXPECT_EQ(index_.reserve(~0ULL, 1).error().code(), Errc::grant_exhausted);
  ASSERT_TRUE(index_.reserve(all, 1));
  EXPECT_EQ(index_.reserve(1, 1).error().code(), Errc::grant_exhausted);
  EXPECT_TRUE(index_.reserve(0, 1));
  ReserveGrant command;
  command.payer = account_id(9);
  EXPECT_EQ(index_.code(command), Errc::no_such_account);
}

TEST_F(Grants, AreDisjoint) {
  const auto a = index_.reserve(1, 1).value();
  const auto b = index_.reserve(1, 1).value();
  EXPECT_NE(a.id, b.id);
}

TEST_F(Grants, ClosedTakeNoSegmentsAndForgetSpentIds) {
  index_.make_bucket();
  index_.put("key");
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key")));
  EXPECT_EQ(index_.count(keys::Family::spent_segment), 1U);
  index_.pass_ms(test_params().epoch_ms + 2 * test_params().orphan_ms + 10'000);
  index_.idle(2);
  EXPECT_EQ(index_.count(keys::Family::spent_segment), 0U);
  CommitSegments command;
  command.segments = {index_.commit_of_new()};
  EXPECT_EQ(index_.code(command), Errc::no_such_grant);
}

TEST_F(Grants, ManySpentIdsAreForgottenOverBlocks) {
  index_.make_bucket();
  std::vector<Item> items;
  for (int i = 0; i < 2500; ++i) {
    SegmentCommit segment;
    segment = index_.commit_of_new();
    items.push_back(TestIndex::item(TestIndex::put_of("key", {segment})));
    if (items.size() == 500) {
      for (const ItemResult& result : index_.apply_items(items)) ASSERT_EQ(result.code, 0);
      items.clear();
    }
  }
  EXPECT_EQ(index_.count(keys::Family::spent_segment), 2499U);
  index_.pass_ms(test_params().epoch_ms + 2 * test_params().orphan_ms + 10'000);
  index_.idle();
  EXPECT_EQ(index_.count(keys::Family::grant), 0U) << "closed at once";
  EXPECT_EQ(index_.count(keys::Family::spent_segment), 1475U);
  index_.idle(2);
  EXPECT_EQ(index_.count(keys::Family::spent_segment), 0U);
}

class Feeds : public Nodes {
 protected:
  Feeds() {
    index_.make_bucket();
    for (int i = 0; i < 10; ++i) index_.put("key");
    for (std::uint32_t n = 1; n <= TestIndex::kNodes; ++n) {
      if (index_.feed(NodeId(n)).size() >= 4) node_ = NodeId(n);
    }
  }
  NodeId node_;
};

TEST_F(Feeds, AreNumberedWithoutGaps) {
  const auto entries = index_.feed(node_);
  for (std::size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i].sequence, i + 1);
  EXPECT_EQ(index_.ledger(node_).feed_end, entries.size());
  EXPECT_EQ(index_.ledger(node_).feed_begin, 1U);
}

TEST_F(Feeds, AreTrimmedUpToTheCursor) {
  const std::size_t all = index_.feed(node_).size();
  ASSERT_TRUE(index_.run(TrimFeed{node_, 2}));
  EXPECT_EQ(index_.feed(node_).size(), all - 2);
  EXPECT_EQ(index_.ledger(node_).feed_begin, 3U);
  const auto before = index_.dump();
  ASSERT_TRUE(index_.run(TrimFeed{node_, 2}));
  ASSERT_TRUE(index_.run(TrimFeed{node_, 0}));
  EXPECT_EQ(index_.dump(), before);
}

TEST_F(Feeds, AreNeverTrimmedBeyondTheirEnd) {
  const std::uint64_t end = index_.ledger(node_).feed_end;
  ASSERT_TRUE(index_.run(TrimFeed{node_, ~0ULL}));
  EXPECT_TRUE(index_.feed(node_).empty());
  EXPECT_EQ(index_.ledger(node_).feed_begin, end + 1);
  EXPECT_EQ(index_.ledger(node_).feed_end, end);
  EXPECT_EQ(index_.code(TrimFeed{NodeId(99), 1}), Errc::no_such_node);
}

class Health : public Nodes {
 protected:
  Health() {
    index_.make_bucket();
    std::vector<SegmentCommit> segments = {
        index_.commit_of(index_.next_segment_id(), 4096, 4, 2),
        index_.commit_of(index_.next_segment_id(), 4096, 4, 2, 5)};
    EXPECT_TRUE(index_.run(TestIndex::put_of("key", segments)));
    for (const Receipt& receipt : segments[0].receipts) full_.push_back(receipt.node);
  }
  GetHealth::Reply health() { return index_.ask(GetHealth{}).value(); }
  void set(NodeId node, NodeState state) { ASSERT_TRUE(index_.run(to(node, state))); }
  std::vector<NodeId> full_;
};

TEST_F(Health, CountsByMargin) {
  const auto reply = health();
  EXPECT_EQ(reply.segments, 2U);
  EXPECT_EQ(reply.at_full, 1U);
  EXPECT_EQ(reply.below_full, 1U);
  EXPECT_EQ(reply.unrepairable, 0U);
  EXPECT_EQ(reply.lost + reply.unreadable, 0U);
  EXPECT_EQ(reply.domains_up, 7U);
  ASSERT_EQ(reply.by_margin.size(), 2U);
  EXPECT_EQ(reply.by_margin[0].margin, 1);
  EXPECT_EQ(reply.by_margin[1].margin, 2);
}

TEST_F(Health, ADownNodeCostsMarginOfItsSegments) {
  set(full_[0], NodeState::down);
  EXPECT_EQ(health().at_full, 0U);
  EXPECT_EQ(health().unreadable, 0U);
  EXPECT_EQ(health().domains_up, 6U);
  set(full_[1], NodeState::down);
  set(full_[2], NodeState::down);
  EXPECT_GE(health().unreadable, 1U);
  EXPECT_EQ(health().lost, 0U) << "they may come back";
  EXPECT_EQ(health().unrepairable, 2U) << "four domains are up";
}

TEST_F(Health, ADrainingNodeServesButTakesNothingNew) {
  set(full_[0], NodeState::draining);
  EXPECT_EQ(health().at_full, 1U);
  EXPECT_EQ(health().domains_up, 6U);
}

TEST_F(Health, ADrainingHolderDoesNotMakeASegmentUnrepairable) {
  // One holder drains, one is down: the seventh node takes the missing fragment.
  set(full_[0], NodeState::draining);
  set(full_[1], NodeState::down);
  const auto reply = health();
  EXPECT_EQ(reply.domains_up, 5U);
  EXPECT_LE(reply.unrepairable, 1U);
}

TEST_F(Health, SaysHowManyDomainsEachLevelHasAndEachProfileNeeds) {
  Params params = test_params();
  params.spread = {"operator", "node", "zone"};
  TestIndex index(params, 0);
  for (int i = 0; i < 6; ++i) {
    const std::string zone = i % 2 == 0 ? "even" : "odd";
    index.add_node({{"operator", "o" + std::to_string(i / 2)}, {"zone", zone}});
  }
  ASSERT_TRUE(index.run(to(NodeId(6), NodeState::draining)));
  const auto reply = index.ask(GetHealth{}).value();
  ASSERT_EQ(reply.levels.size(), 3U);
  EXPECT_EQ(reply.levels[0].level, "operator");
  EXPECT_EQ(reply.levels[0].domains_up, 3U);
  EXPECT_EQ(reply.levels[1].domains_up, 5U);
  EXPECT_EQ(reply.levels[2].domains_up, 2U);
  EXPECT_EQ(reply.domains_up, 2U);
  ASSERT_EQ(reply.needs.size(), 2U);
  EXPECT_EQ(reply.needs[0].profile, "dev");
  EXPECT_EQ(reply.needs[0].domains, 6U);
  EXPECT_EQ(reply.needs[1].domains, 12U);
}

TEST_F(Health, IsUnrepairableForWantOfDomainsAtOneLevel) {
  Params params = test_params();
  params.spread = {"node", "zone"};
  TestIndex index(params, 4);
  const SegmentId id = index.next_segment_id();
  CommitSegments command;
  command.segments = {index.commit_of(id, 4096, 1, 2, 2)};
  ASSERT_TRUE(index.run(command));
  EXPECT_EQ(index.ask(GetHealth{})->unrepairable, 0U);
  // The two nodes without a fragment move into the zone of one that has one.
  for (const NodeId node : index.ranked(id)) {
    const auto& receipts = command.segments[0].receipts;
    if (std::ranges::find(receipts, node, &Receipt::node) != receipts.end()) continue;
    RegisterNode move = registration(NodeId(1));
    move.key = index.signer_of(node).public_key();
    move.labels = {{"zone", "zone" + std::to_string(receipts[0].node.value)}};
    ASSERT_TRUE(index.run(move));
  }
  EXPECT_EQ(index.ask(GetHealth{})->domains_up, 2U);
  EXPECT_EQ(index.ask(GetHealth{})->unrepairable, 1U);
}

TEST_F(Health, WhatLeftForGoodIsLost) {
  for (int i = 0; i < 3; ++i) set(full_[static_cast<std::size_t>(i)], NodeState::left);
  EXPECT_GE(health().lost, 1U);
  EXPECT_GE(health().unreadable, 1U);
}

}  // namespace
}  // namespace stratos::meta
