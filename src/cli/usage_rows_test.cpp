#include "cli/usage_rows.hpp"

#include <gtest/gtest.h>

namespace stratos::cli {
namespace {

using meta::Action;

class Usage : public ::testing::Test {
 protected:
  Usage() {
    payer_.value[0] = 1;
    session_.split.emplace();
    session_.split->payer = payer_;
  }
  void share(std::uint32_t node, value::Volume volume) {
    session_.shares.push_back({payer_, NodeId(node), volume});
  }
  void split(std::uint32_t node, Action action, std::uint64_t bucket, std::uint64_t bytes) {
    session_.split->rows.push_back({NodeId(node), action, BucketId(bucket), bytes});
  }
  std::vector<UsageRow> rows() {
    table_.add(Epoch(5), session_);
    return table_.rows();
  }

  AccountId payer_;
  meta::GetUsage::Session session_;
  UsageTable table_;
};

TEST_F(Usage, IsExactWhereASplitSums) {
  share(1, {30, 12, 0, 0});
  split(1, Action::put, 7, 30);
  split(1, Action::get, 7, 10);
  split(1, Action::get, 8, 2);
  const auto found = rows();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].bucket, BucketId(7));
  EXPECT_EQ(found[0].total().delivered, 40U);
  EXPECT_EQ(found[0].total().settled, 40U);
  EXPECT_EQ(found[0].by_action.at(Action::put).settled, 30U);
  EXPECT_EQ(found[1].bucket, BucketId(8));
  EXPECT_EQ(found[1].total().settled, 2U);
  EXPECT_EQ(found[1].account, payer_);
  EXPECT_EQ(found[1].epoch, Epoch(5));
}

TEST_F(Usage, GuessesNothingWithoutASplit) {
  session_.split.reset();
  share(1, {30, 0, 0, 0});
  const auto found = rows();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, UsageKind::unsplit);
  EXPECT_EQ(found[0].total().settled, 30U);
  EXPECT_EQ(found[0].total().delivered, 0U);
}

TEST_F(Usage, GuessesNothingWhereASplitDoesNotSum) {
  share(1, {30, 5, 0, 0});
  split(1, Action::put, 7, 31);
  split(1, Action::get, 7, 5);
  const auto found = rows();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].kind, UsageKind::bucket);
  EXPECT_EQ(found[0].total().delivered, 36U);
  EXPECT_EQ(found[0].total().settled, 5U);
  EXPECT_EQ(found[1].kind, UsageKind::unsplit);
  EXPECT_EQ(found[1].total().settled, 30U);
}

TEST_F(Usage, ShowsWhatWasSignedForAndNeverDelivered) {
  share(1, {30, 0, 0, 0});
  split(1, Action::put, 0, 10);
  split(1, Action::put, 7, 20);
  const auto found = rows();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].total().settled, 20U);
  EXPECT_EQ(found[1].kind, UsageKind::undelivered);
  EXPECT_EQ(found[1].total().settled, 10U);
  EXPECT_EQ(found[1].total().delivered, 0U);
}

TEST_F(Usage, ShowsWhatIsNotSettledYet) {
  split(1, Action::put, 7, 20);
  const auto found = rows();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].total().delivered, 20U);
  EXPECT_EQ(found[0].total().settled, 0U);
}

TEST_F(Usage, BelievesNoSplitForAnotherAccount) {
  share(1, {30, 0, 0, 0});
  split(1, Action::put, 7, 30);
  session_.split->payer.value[0] = 9;
  const auto found = rows();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, UsageKind::unsplit);
  EXPECT_EQ(found[0].account, payer_);
}

TEST_F(Usage, AddsSessionsUp) {
  share(1, {30, 0, 0, 0});
  split(1, Action::put, 7, 30);
  table_.add(Epoch(5), session_);
  const auto found = rows();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].total().settled, 60U);
}

}  // namespace
}  // namespace stratos::cli
