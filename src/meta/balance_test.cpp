#include "meta/balance.hpp"

#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint32_t kThreshold = 100;
constexpr std::uint64_t kCapacity = 300'000;

class Balance : public testing::Test {
 protected:
  void fill(int objects = 100) {
    index_.make_bucket();
    for (int i = 0; i < objects; ++i) index_.put("k" + std::to_string(i));
  }
  NodeViews nodes() const {
    NodeViews all;
    const auto known = index_.ask(GetNodes{}).value();
    for (std::size_t i = 0; i < known.nodes.size(); ++i) {
      NodeView node;
      node.record = known.nodes[i];
      node.capacity_bytes = kCapacity;
      node.held_bytes = known.ledgers[i].bytes;
      node.free_bytes = kCapacity - node.held_bytes;
      node.serves = node.record.state == NodeState::up || node.record.state == NodeState::draining;
      node.takes = node.record.state == NodeState::up;
      all[node.record.id] = std::move(node);
    }
    return all;
  }
  std::vector<Move> plan(const NodeViews& all, std::size_t limit = 16) {
    balancer_.measure(all);
    return balancer_.plan(index_.state(), all, index_.table(), limit);
  }
  std::vector<Move> plan() { return plan(nodes()); }
  Result<Nothing> carry_out(const Move& move) {
    AddHolder command;
    command.generation = move.segment.generation;
    command.receipt =
        index_.receipt(move.segment.id, move.index, move.to, move.segment.fragment_length);
    command.replaces = move.from;
    return index_.run(command);
  }
  // Until nothing is to be moved; how many moves that took.
  std::size_t rounds_to_rest() {
    std::size_t moved = 0;
    for (int idle = 0; idle < 3;) {
      const auto moves = plan();
      for (const Move& move : moves) EXPECT_TRUE(carry_out(move));
      moved += moves.size();
      idle = moves.empty() ? idle + 1 : 0;
    }
    return moved;
  }
  std::uint32_t spread() {
    balancer_.measure(nodes());
    return balancer_.status().most - balancer_.status().least;
  }
  static std::size_t moves_to(NodeId node, const std::vector<Move>& moves) {
    return static_cast<std::size_t>(std::ranges::count(moves, node, &Move::to));
  }
  // Nodes as full as told, in thousandths.
  static NodeViews made_up(const std::vector<std::uint64_t>& fullness) {
    NodeViews all;
    for (std::size_t i = 0; i < fullness.size(); ++i) {
      NodeView node;
      node.record.id = NodeId(static_cast<std::uint32_t>(i + 1));
      node.record.free_class = 20;
      node.capacity_bytes = kCapacity;
      node.held_bytes = kCapacity / kFull * fullness[i];
      node.serves = node.takes = true;
      all[node.record.id] = node;
    }
    return all;
  }
  bool moves_with(const std::vector<std::uint64_t>& fullness) {
    balancer_.measure(made_up(fullness));
    return balancer_.status().moving;
  }

  TestIndex index_;
  Balancer balancer_{kThreshold};
};

TEST_F(Balance, CountsFullnessInThousandths) {
  NodeView node;
  node.capacity_bytes = 1'000'000;
  node.held_bytes = 250'000;
  EXPECT_EQ(fullness_of(node), 250U);
  node.record.free_class = 20;
  node.record.score = 500;
  EXPECT_EQ(fullness_of(node), 250U);
  EXPECT_EQ(level_of(node), 500U);
  EXPECT_EQ(level_of(node, 100'000), 700U);
  node.held_bytes = ~0ULL;
  EXPECT_EQ(fullness_of(node), kFull);
  node.capacity_bytes = 0;
  node.held_bytes = 0;
  EXPECT_EQ(fullness_of(node), kFull);
}

TEST_F(Balance, BeginsAboveTheThresholdAndEndsAtHalfOfIt) {
  EXPECT_FALSE(moves_with({300, 400, 350}));
  EXPECT_TRUE(moves_with({300, 401, 350}));
  EXPECT_TRUE(moves_with({300, 380, 350}));
  EXPECT_FALSE(moves_with({320, 370, 350}));
  EXPECT_FALSE(moves_with({300, 380, 350}));
}

TEST_F(Balance, SaysWhatItWeighs) {
  ASSERT_TRUE(moves_with({800, 0, 700}));
  const BalanceStatus& status = balancer_.status();
  EXPECT_EQ(status.fullest, NodeId(1));
  EXPECT_EQ(status.emptiest, NodeId(2));
  EXPECT_EQ(status.most, 800U);
  EXPECT_EQ(status.least, 0U);
  EXPECT_EQ(status.mean, 500U);
  EXPECT_EQ(status.queued_bytes, kCapacity / kFull * (300 + 200));
  ASSERT_FALSE(moves_with({500, 500, 500}));
  EXPECT_EQ(status.queued_bytes, 0U);
}

TEST_F(Balance, LeavesNodesAsideThatAreGoneOrDrainOrAreNotKnownYet) {
  const auto moves_when = [this](auto change) {
    NodeViews all = made_up({800, 0, 780});
    change(all[NodeId(2)]);
    balancer_.measure(all);
    return balancer_.status().moving;
  };
  EXPECT_FALSE(moves_when([](NodeView& node) { node.gone = true; }));
  EXPECT_FALSE(moves_when([](NodeView& node) { node.record.state = NodeState::draining; }));
  EXPECT_FALSE(moves_when([](NodeView& node) { node.capacity_bytes = 0; }));
  EXPECT_TRUE(moves_when([](NodeView& node) { node.takes = node.serves = false; }));
}

TEST_F(Balance, GivesNothingToANodeThatTakesNothing) {
  fill();
  const NodeId fresh = index_.add_node();
  NodeViews all = nodes();
  all[fresh].takes = false;
  EXPECT_EQ(moves_to(fresh, plan(all, 1000)), 0U);
}

TEST_F(Balance, AnEmptyNodeWithALowScoreIsSoonFull) {
  NodeViews all = made_up({400, 100, 400});
  all[NodeId(2)].record.score = 300;
  balancer_.measure(all);
  EXPECT_EQ(balancer_.status().least, 333U);
  EXPECT_FALSE(balancer_.status().moving);
}

TEST_F(Balance, ANodeThatIsFullWithOtherThingsIsNotTheEmptiest) {
  NodeViews all = made_up({400, 100, 400});
  all[NodeId(2)].record.free_class = 0;
  balancer_.measure(all);
  EXPECT_EQ(level_of(all[NodeId(2)]), kFull);
  EXPECT_EQ(fullness_of(all[NodeId(2)]), 100U);
  EXPECT_EQ(balancer_.status().least, 400U);
  EXPECT_EQ(balancer_.status().mean, 1000U * 9 / 21);
  EXPECT_FALSE(balancer_.status().moving);
}

TEST_F(Balance, MovesToWhereTheFragmentMayStand) {
  fill();
  const NodeId fresh = index_.add_node();
  const NodeViews all = nodes();
  const auto moves = plan(all);
  ASSERT_EQ(moves.size(), 16U);
  EXPECT_GT(moves_to(fresh, moves), 0U);
  for (const Move& move : moves) {
    EXPECT_GT(fullness_of(all.at(move.from)), balancer_.status().mean);
    EXPECT_LT(fullness_of(all.at(move.to)), balancer_.status().mean);
    EXPECT_TRUE(carry_out(move));
    EXPECT_EQ(index_.segment(move.segment.id)->holders.size(), move.segment.holders.size());
  }
}

TEST_F(Balance, AMoveThatLostItsRaceChangesNothing) {
  fill();
  index_.add_node();
  const auto moves = plan(nodes(), 1);
  ASSERT_EQ(moves.size(), 1U);
  ASSERT_TRUE(carry_out(moves[0]));
  const auto now = index_.segment(moves[0].segment.id);
  EXPECT_EQ(carry_out(moves[0]).error().code(), Errc::stale_generation);
  EXPECT_EQ(index_.segment(moves[0].segment.id)->generation, now->generation);
}

TEST_F(Balance, EndsWithNodesThatAreAboutAsFullAndStaysAtRest) {
  fill();
  index_.add_node();
  ASSERT_GT(spread(), 400U);
  // No fragment moves twice: a node never falls below the mean and takes again, nor the reverse.
  const std::uint64_t queued = balancer_.status().queued_bytes;
  const std::uint64_t each = index_.segment(plan(nodes(), 1).at(0).segment.id)->fragment_length;
  EXPECT_LE(rounds_to_rest(), queued / each + nodes().size());
  EXPECT_LE(spread(), kThreshold / 2 + each * kFull / kCapacity);
  EXPECT_EQ(rounds_to_rest(), 0U);
}

TEST_F(Balance, GoesOnWhereItStopped) {
  fill();
  index_.add_node();
  const NodeViews all = nodes();
  const auto first = plan(all, 3);
  ASSERT_EQ(first.size(), 3U);
  const auto second = plan(all, 3);
  ASSERT_FALSE(second.empty());
  EXPECT_EQ(second[0].from, first[0].from);
  EXPECT_NE(second[0].segment.id, first[0].segment.id);
}

TEST_F(Balance, GoesOnToTheNextNodeWhenTheFullestCanGiveNothing) {
  fill();
  index_.add_node();
  NodeViews all = nodes();
  NodeView& stuck = all.begin()->second;
  stuck.held_bytes = kCapacity;
  stuck.serves = false;
  const auto moves = plan(all);
  ASSERT_FALSE(moves.empty());
  for (const Move& move : moves) EXPECT_NE(move.from, stuck.record.id);
}

TEST(BalanceSpread, KeepsTheFragmentsOfASegmentApartAtEveryLevel) {
  Params params = test_params();
  params.spread = {std::string(kNodeLevel), "site"};
  TestIndex index(params);
  index.make_bucket();
  for (int i = 0; i < 40; ++i) index.put("k" + std::to_string(i));
  const auto before = index.ask(GetNodes{}).value();
  // The empty node stands where the first one does.
  const NodeId fresh = index.add_node(before.nodes[0].labels);
  NodeViews all;
  const auto known = index.ask(GetNodes{}).value();
  for (std::size_t i = 0; i < known.nodes.size(); ++i) {
    NodeView node;
    node.record = known.nodes[i];
    node.held_bytes = known.ledgers[i].bytes;
    node.capacity_bytes = node.free_bytes = kCapacity / 3;
    node.serves = node.takes = true;
    all[node.record.id] = std::move(node);
  }
  Balancer balancer(kThreshold);
  balancer.measure(all);
  std::size_t to_fresh = 0;
  for (const Move& move : balancer.plan(index.state(), all, index.table(), 1000)) {
    if (move.to != fresh) continue;
    ++to_fresh;
    for (const Holder& holder : move.segment.holders) {
      EXPECT_TRUE(holder.node != before.nodes[0].id || move.from == holder.node);
    }
  }
  EXPECT_GT(to_fresh, 0U);
}

TEST_F(Balance, LeavesSegmentsAloneThatLackAHolder) {
  fill();
  index_.add_node();
  const NodeViews all = nodes();
  for (const Move& move : plan(all)) {
    NodeViews fewer = all;
    fewer[move.segment.holders[0].node].serves = false;
    balancer_ = Balancer(kThreshold);
    for (const Move& other : plan(fewer)) EXPECT_NE(other.segment.id, move.segment.id);
  }
}

TEST_F(Balance, FillsNobodyBeyondItsFreeSpace) {
  fill();
  const NodeId fresh = index_.add_node();
  NodeViews all = nodes();
  const std::uint64_t each = plan(all, 1).at(0).segment.fragment_length;
  all[fresh].free_bytes = 2 * each + 1;
  balancer_ = Balancer(kThreshold);
  EXPECT_EQ(moves_to(fresh, plan(all, 1000)), 2U);
  all[fresh].free_bytes = each - 1;
  balancer_ = Balancer(kThreshold);
  EXPECT_EQ(moves_to(fresh, plan(all, 1000)), 0U);
}

}  // namespace
}  // namespace stratos::meta
