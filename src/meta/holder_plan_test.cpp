#include "meta/holder_plan.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace stratos::meta {
namespace {

// Fragments 0 to 3 of a segment. Node 10·d + i stands in domain d.
class Plan : public testing::Test {
 protected:
  Plan() {
    segment_.k = 2;
    segment_.m = 2;
    segment_.fragment_length = 100;
  }
  static Hash root(std::uint8_t index) {
    Hash hash;
    hash.value[0] = index;
    return hash;
  }
  void list(std::uint8_t index, std::uint32_t node) {
    segment_.holders.push_back({index, NodeId(node), root(index)});
  }
  void hold(std::uint8_t index, std::uint32_t node) {
    held_.push_back({index, NodeId(node), root(index), 100});
  }
  HolderPlan make() {
    const auto answers = [this](NodeId node) { return !silent_.contains(node.value); };
    const auto apart = [](NodeId a, NodeId b) { return a.value / 10 != b.value / 10; };
    plan_ = plan_holders(segment_, held_, answers, apart);
    return plan_;
  }
  // Where each fragment is by the plan: the record with the plan carried out.
  std::map<int, std::uint32_t> result() {
    std::map<int, std::uint32_t> holders;
    for (const Holder& holder : segment_.holders) holders[holder.index] = holder.node.value;
    for (const std::uint8_t index : plan_.absent) holders.erase(index);
    for (const HeldCopy& copy : plan_.attach) holders[copy.index] = copy.node.value;
    std::set<std::uint32_t> domains;
    for (const auto& [index, node] : holders) domains.insert(node / 10);
    EXPECT_EQ(domains.size(), holders.size()) << "two in one domain";
    return holders;
  }
  using Holders = std::map<int, std::uint32_t>;

  SegmentRecord segment_;
  std::vector<HeldCopy> held_;
  std::set<std::uint32_t> silent_;
  HolderPlan plan_;
};

TEST_F(Plan, ChangesNothingWhereEveryHolderHasItsFragment) {
  for (std::uint8_t i = 0; i < 4; ++i) list(i, 10U * i);
  for (std::uint8_t i = 0; i < 4; ++i) hold(i, 10U * i);
  hold(1, 90);
  const HolderPlan plan = make();
  EXPECT_TRUE(plan.attach.empty());
  EXPECT_TRUE(plan.absent.empty());
  EXPECT_EQ(plan.spare, 1U);
}

TEST_F(Plan, TakesWhatIsMissingAndWhatItsHolderDoesNotHave) {
  list(0, 10);
  list(1, 20);
  list(2, 30);
  hold(0, 10);
  hold(1, 20);
  hold(2, 40);  // moved there
  hold(3, 50);  // made anew
  EXPECT_EQ(make().spare, 0U);
  EXPECT_EQ(result(), (Holders{{0, 10}, {1, 20}, {2, 40}, {3, 50}}));
}

TEST_F(Plan, KeepsASilentHolderUnlessAnotherHasItsFragment) {
  list(0, 10);
  list(1, 20);
  list(2, 30);
  silent_ = {10, 20};
  hold(0, 40);
  hold(2, 30);
  make();
  EXPECT_EQ(result(), (Holders{{0, 40}, {1, 20}, {2, 30}}));
}

TEST_F(Plan, DoesNotDropASilentHolderForAnotherFragment) {
  list(1, 20);
  silent_ = {20};
  hold(0, 21);
  EXPECT_TRUE(make().attach.empty());
  EXPECT_EQ(result(), (Holders{{1, 20}}));
}

TEST_F(Plan, FollowsFragmentsThatChangedPlaces) {
  list(0, 10);
  list(1, 20);
  hold(1, 10);
  hold(0, 20);
  make();
  EXPECT_EQ(result(), (Holders{{0, 20}, {1, 10}}));
}

TEST_F(Plan, TakesOffAHolderThatLacksItsFragmentAndHasAnother) {
  list(0, 10);
  list(1, 20);
  hold(1, 10);
  make();
  EXPECT_EQ(plan_.absent, (std::vector<std::uint8_t>{0}));
  EXPECT_EQ(result(), (Holders{{1, 10}}));
}

TEST_F(Plan, MakesRoomInAFailureDomain) {
  // Fragment 1 is only where fragment 0 stands; fragment 0 is elsewhere too.
  list(0, 10);
  hold(0, 10);
  hold(0, 30);
  hold(1, 11);
  make();
  EXPECT_EQ(result(), (Holders{{0, 30}, {1, 11}}));
}

TEST_F(Plan, LeavesWhatWouldStandInATakenDomain) {
  list(0, 10);
  hold(0, 10);
  hold(1, 11);
  EXPECT_TRUE(make().attach.empty());
  EXPECT_EQ(plan_.spare, 1U);
}

TEST_F(Plan, TakesNothingThatIsNotTheFragment) {
  list(0, 10);
  held_.push_back({0, NodeId(20), root(7), 100});
  held_.push_back({1, NodeId(30), root(1), 99});
  held_.push_back({4, NodeId(40), root(4), 100});
  EXPECT_TRUE(make().attach.empty());
  EXPECT_EQ(plan_.spare, 3U);
}

}  // namespace
}  // namespace stratos::meta
