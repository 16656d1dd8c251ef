#include "meta/placement.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/random.hpp"
#include "crypto/hash.hpp"

namespace stratos::meta {
namespace {

Candidate candidate(std::uint32_t node, std::uint64_t weight, std::vector<std::string> domains = {},
                    std::uint64_t capabilities = 1) {
  Candidate out;
  out.node = NodeId(node);
  out.weight = weight;
  out.domains = std::move(domains);
  out.capabilities = capabilities;
  out.free_class = 20;
  return out;
}

NodeTable table_of(const std::vector<std::uint64_t>& weights) {
  NodeTable table;
  table.version = 1;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    table.candidates.push_back(candidate(static_cast<std::uint32_t>(i + 1), weights[i]));
  }
  return table;
}

struct Unit {
  std::uint64_t id = 1;
  std::uint64_t size_bytes = 0;
  std::uint64_t capability = 1;
  std::vector<std::string> spread;
};
std::vector<NodeId> rank_unit(const Unit& unit, const NodeTable& table) {
  Bytes bytes;
  put_be(bytes, std::uint64_t{1});
  put_be(bytes, unit.id);
  return rank({bytes, unit.size_bytes, unit.capability, unit.spread}, table);
}
std::vector<NodeId> rank_id(std::uint64_t id, const NodeTable& table,
                            std::uint64_t capability = 1) {
  return rank_unit({id, 0, capability, {}}, table);
}

std::map<std::uint32_t, double> first_shares(const NodeTable& table, std::uint64_t ids) {
  std::map<std::uint32_t, double> shares;
  for (std::uint64_t id = 0; id < ids; ++id) {
    shares[rank_id(id, table).at(0).value] += 1.0 / static_cast<double>(ids);
  }
  return shares;
}

TEST(NegativeLog2, IsExactAtPowersOfTwo) {
  for (int bit = 0; bit < 64; ++bit) {
    const auto expected = static_cast<std::uint64_t>(64 - bit) << 32;
    EXPECT_EQ(negative_log2(1ULL << bit), expected) << bit;
  }
}

TEST(NegativeLog2, OfZeroIsTheLargestValue) {
  EXPECT_EQ(negative_log2(0), 64ULL << 32);
  EXPECT_EQ(negative_log2(0), negative_log2(1));
}

TEST(NegativeLog2, OfTheLargestHashIsAboveZero) { EXPECT_GT(negative_log2(~0ULL), 0U); }

RC_GTEST_PROP(NegativeLog2Property, AgreesWithFloatingPoint, ()) {
  const auto hash = *rc::gen::arbitrary<std::uint64_t>();
  const auto shift = *rc::gen::inRange(0, 64);
  const std::uint64_t value = std::max<std::uint64_t>(hash >> shift, 1);
  const long double expected = 64.0L - std::log2(static_cast<long double>(value));
  const long double got = static_cast<long double>(negative_log2(value)) / 4294967296.0L;
  // Truncated to 32 fraction bits, from above.
  RC_ASSERT(got >= expected - 1e-12L);
  RC_ASSERT(got <= expected + 3.0e-10L);
}

RC_GTEST_PROP(NegativeLog2Property, FallsAsTheHashGrows, (std::uint64_t a, std::uint64_t b)) {
  if (a > b) std::swap(a, b);
  RC_ASSERT(negative_log2(a) >= negative_log2(b));
}

TEST(Rank, EqualWeightsGetEqualShares) {
  const auto shares = first_shares(table_of({10, 10, 10, 10, 10}), 20'000);
  ASSERT_EQ(shares.size(), 5U);
  // Five standard deviations of a share of 1/5 in 20,000 draws are 0.0141.
  for (const auto& [node, share] : shares) EXPECT_NEAR(share, 0.2, 0.0142) << node;
}

TEST(Rank, SharesFollowWeights) {
  const std::vector<std::uint64_t> weights = {1000, 2000, 3000, 14'000};
  const auto shares = first_shares(table_of(weights), 20'000);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double p = static_cast<double>(weights[i]) / 20'000;
    const double bound = 5 * std::sqrt(p * (1 - p) / 20'000);
    EXPECT_NEAR(shares.at(static_cast<std::uint32_t>(i + 1)), p, bound) << i;
  }
}

TEST(Rank, SecondPlacesFollowWeightsToo) {
  const NodeTable table = table_of({1000, 1000, 2000});
  std::map<std::uint32_t, int> second;
  for (std::uint64_t id = 0; id < 20'000; ++id) ++second[rank_id(id, table).at(1).value];
  // P(node 3 second) = 2 * 1/4 * 2/3 = 1/3.
  EXPECT_NEAR(second[3] / 20'000.0, 1.0 / 3, 0.0167);
}

TEST(Rank, OnlyWhatANodeHeldMovesWhenItLeaves) {
  const NodeTable before = table_of({10, 20, 30, 40, 50, 60});
  NodeTable after = before;
  after.candidates.erase(after.candidates.begin() + 2);
  for (std::uint64_t id = 0; id < 2000; ++id) {
    std::vector<NodeId> expected = rank_id(id, before);
    std::erase(expected, NodeId(3));
    EXPECT_EQ(rank_id(id, after), expected);
  }
}

TEST(Rank, ANodeThatJoinsOnlyPushesOthersBack) {
  const NodeTable before = table_of({10, 20, 30});
  NodeTable after = before;
  after.candidates.push_back(candidate(9, 25));
  for (std::uint64_t id = 0; id < 2000; ++id) {
    std::vector<NodeId> others = rank_id(id, after);
    EXPECT_EQ(std::erase(others, NodeId(9)), 1U);
    EXPECT_EQ(others, rank_id(id, before));
  }
}

TEST(Rank, AHeavierNodeNeverFallsBack) {
  const NodeTable before = table_of({10, 20, 30});
  const NodeTable after = table_of({10, 40, 30});
  const auto place = [](const std::vector<NodeId>& ranked) {
    return std::ranges::find(ranked, NodeId(2)) - ranked.begin();
  };
  for (std::uint64_t id = 0; id < 2000; ++id) {
    EXPECT_LE(place(rank_id(id, after)), place(rank_id(id, before)));
  }
}

// Twelve nodes of four operators in three subnets, each pair once.
NodeTable table_of_two_levels() {
  NodeTable table;
  table.levels = {"operator", "subnet"};
  for (std::uint32_t i = 0; i < 12; ++i) {
    table.candidates.push_back(
        candidate(i + 1, 10, {"o" + std::to_string(i % 4), "s" + std::to_string(i % 3)}));
  }
  return table;
}

TEST(Rank, NamesOneNodeOfEachDomain) {
  const NodeTable table = table_of_two_levels();
  for (std::uint64_t id = 0; id < 500; ++id) {
    std::set<std::string> operators;
    const auto ranked = rank_unit({id, 0, 1, {"operator"}}, table);
    for (const NodeId node : ranked) operators.insert(table.candidates[node.value - 1].domains[0]);
    EXPECT_EQ(ranked.size(), 4U);
    EXPECT_EQ(operators.size(), 4U);
  }
}

TEST(Rank, PassesOverANodeThatSharesOneOfItsDomains) {
  const NodeTable table = table_of_two_levels();
  for (std::uint64_t id = 0; id < 500; ++id) {
    const std::vector<NodeId> all = rank_unit({id, 0, 1, {}}, table);
    std::set<std::string> taken;
    std::vector<NodeId> expected;
    for (const NodeId node : all) {
      const auto& domains = table.candidates[node.value - 1].domains;
      if (taken.contains(domains[0]) || taken.contains(domains[1])) continue;
      taken.insert(domains.begin(), domains.end());
      expected.push_back(node);
    }
    EXPECT_EQ(rank_unit({id, 0, 1, {"operator", "subnet"}}, table), expected);
    EXPECT_EQ(rank_unit({id, 0, 1, {"subnet", "operator"}}, table), expected);
    EXPECT_LE(expected.size(), 3U);
  }
}

TEST(Rank, NamesEveryNodeWhereOnlyNodesMustDiffer) {
  NodeTable table = table_of({10, 20, 30});
  table.levels = {"node"};
  EXPECT_EQ(rank_unit({1, 0, 1, {"node"}}, table), rank_id(1, table));
  EXPECT_EQ(rank_unit({1, 0, 1, {"node"}}, table).size(), 3U);
}

TEST(Rank, PlacesNothingByALevelThatTheTableLacks) {
  EXPECT_TRUE(rank_unit({1, 0, 1, {"zone"}}, table_of_two_levels()).empty());
  NodeTable torn = table_of_two_levels();
  for (Candidate& candidate : torn.candidates) candidate.domains.resize(1);
  EXPECT_TRUE(rank_unit({1, 0, 1, {"subnet"}}, torn).empty());
}

TEST(Rank, LeavesOutNodesWithoutRoomForTheUnit) {
  NodeTable table = table_of({10, 10, 10});
  table.candidates[0].free_class = 1;  // at least 1 MiB
  table.candidates[1].free_class = 4;  // at least 8 MiB
  table.candidates[2].free_class = 64;
  EXPECT_EQ(rank_unit({1, 1 << 20}, table).size(), 3U);
  EXPECT_EQ(rank_unit({1, (1 << 20) + 1}, table).size(), 2U);
  EXPECT_EQ(rank_unit({1, 8 << 20}, table).size(), 2U);
  EXPECT_EQ(rank_unit({1, (8 << 20) + 1}, table), std::vector<NodeId>{NodeId(3)});
}

TEST(FreeClass, PromisesNoMoreThanIsFree) {
  for (const std::uint64_t free : {0ULL, 1ULL << 20, 3ULL << 20, 8ULL << 20, 1ULL << 50}) {
    EXPECT_LE(least_free_bytes(free_class_of(free)), free);
    EXPECT_GE(2 * least_free_bytes(free_class_of(free)), free);
  }
  EXPECT_EQ(least_free_bytes(~0U), 1ULL << 63);
}

TEST(Rank, LeavesOutNodesWithoutWeightOrCapability) {
  NodeTable table = table_of({10, 0, 10});
  table.candidates.push_back(candidate(4, 10, {}, 2));
  table.candidates.push_back(candidate(5, 10, {}, 3));
  const auto ranked = rank_id(1, table);
  EXPECT_EQ(std::set<NodeId>(ranked.begin(), ranked.end()),
            (std::set<NodeId>{NodeId(1), NodeId(3), NodeId(5)}));
  EXPECT_EQ(rank_id(1, table, 3), std::vector<NodeId>{NodeId(5)});
  EXPECT_EQ(rank_id(1, table, 0).size(), 4U);
}

TEST(Rank, OfAnEmptyTableIsEmpty) { EXPECT_TRUE(rank_id(1, {}).empty()); }

TEST(Rank, DoesNotDependOnTheOrderOfTheTable) {
  const NodeTable table = table_of({5, 10, 15, 20, 25, 30});
  NodeTable reversed = table;
  std::ranges::reverse(reversed.candidates);
  for (std::uint64_t id = 0; id < 500; ++id) EXPECT_EQ(rank_id(id, table), rank_id(id, reversed));
}

TEST(Rank, TheLargestWeightsDoNotOverflow) {
  const NodeTable table = table_of({~0ULL, ~0ULL, 1});
  int light_first = 0;
  for (std::uint64_t id = 0; id < 1000; ++id) {
    light_first += rank_id(id, table).at(0) == NodeId(3) ? 1 : 0;
  }
  EXPECT_EQ(light_first, 0);
}

// The order by real numbers: -log2(u) / weight, with u from the hash.
TEST(Rank, IsTheOrderOfTheRealFormula) {
  const NodeTable table = table_of({7, 11, 13, 17, 19});
  for (std::uint64_t id = 0; id < 500; ++id) {
    Bytes unit;
    put_be(unit, std::uint64_t{1});
    put_be(unit, id);
    std::vector<std::pair<long double, NodeId>> expected;
    for (const Candidate& c : table.candidates) {
      Bytes input = unit;
      put_be(input, c.node.value);
      const auto hash = get_be<std::uint64_t>(crypto::blake3(input).view());
      const long double u = static_cast<long double>(hash) / 18446744073709551616.0L;
      expected.emplace_back(-std::log2(u) / static_cast<long double>(c.weight), c.node);
    }
    std::ranges::sort(expected);
    const auto ranked = rank_id(id, table);
    for (std::size_t i = 0; i < ranked.size(); ++i) EXPECT_EQ(ranked[i], expected[i].second);
  }
}

TEST(Rank, GoldenVector) {
  const NodeTable table = table_of({1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000});
  std::string all;
  for (std::uint64_t id = 0; id < 4; ++id) {
    for (const NodeId node : rank_id(id, table)) all += std::to_string(node.value);
    all += ' ';
  }
  EXPECT_EQ(all, "67548231 43175862 57348621 62317584 ");
  EXPECT_EQ(negative_log2(0x123456789abcdef0), 16380065491ULL);
}

TEST(Weight, OnlyOfNodesThatAreUp) {
  NodeRecord node;
  node.free_class = 20;
  node.score = 900;
  for (const auto state :
       {NodeState::down, NodeState::draining, NodeState::suspended, NodeState::left}) {
    node.state = state;
    EXPECT_EQ(weight_of(node), 0U) << name_of(state);
  }
  node.state = NodeState::up;
  EXPECT_EQ(weight_of(node), 18'000U);
  node.free_class = 0;
  EXPECT_EQ(weight_of(node), 0U);
}

TEST(FreeClass, GrowsByOneWithEachDoubling) {
  EXPECT_EQ(free_class_of(0), 0U);
  EXPECT_EQ(free_class_of((1 << 20) - 1), 0U);
  EXPECT_EQ(free_class_of(1 << 20), 1U);
  EXPECT_EQ(free_class_of((2 << 20) - 1), 1U);
  EXPECT_EQ(free_class_of(2 << 20), 2U);
  EXPECT_EQ(free_class_of(1ULL << 40), 21U);
  EXPECT_EQ(free_class_of(~0ULL), 44U);
}

}  // namespace
}  // namespace stratos::meta
