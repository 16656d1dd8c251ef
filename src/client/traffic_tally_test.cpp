#include "client/traffic_tally.hpp"

#include <gtest/gtest.h>

namespace stratos::client {
namespace {

using meta::Action;

class Tally : public ::testing::Test {
 protected:
  meta::Split split() const { return codec::decode<meta::Split>(tally_.split()->split).value(); }
  static std::uint64_t sum_of(const meta::Split& split, NodeId node, Action action) {
    std::uint64_t sum = 0;
    for (const meta::Split::Row& row : split.rows) {
      if (row.node == node && row.action == action) sum += row.bytes;
    }
    return sum;
  }

  SeededRandom random_{2};
  crypto::MachineSigner signer_ = crypto::MachineSigner::draw(random_);
  AccountId payer_ = random_.draw_id<AccountId>();
  TrafficTally tally_{Epoch(4), signer_, payer_};
};

TEST_F(Tally, SplitsWhatWasDeliveredOverBuckets) {
  tally_.add_delivered(NodeId(2), Action::get, BucketId(8), 10);
  tally_.add_delivered(NodeId(1), Action::put, BucketId(9), 100);
  tally_.add_delivered(NodeId(2), Action::get, BucketId(7), 5);
  tally_.add_delivered(NodeId(2), Action::get, BucketId(8), 1);
  tally_.add_signed(NodeId(2), Action::get, 16);
  tally_.add_signed(NodeId(1), Action::put, 100);
  const meta::Split made = split();
  EXPECT_EQ(made.epoch, Epoch(4));
  EXPECT_EQ(made.payer, payer_);
  EXPECT_EQ(made.session, signer_.public_key());
  ASSERT_EQ(made.rows.size(), 3U);
  EXPECT_EQ(made.rows[0].node, NodeId(1));
  EXPECT_EQ(made.rows[1].bucket, BucketId(7));
  EXPECT_EQ(made.rows[2].bucket, BucketId(8));
  EXPECT_EQ(made.rows[2].bytes, 11U);
  const auto command = tally_.split().value();
  EXPECT_TRUE(
      crypto::verify(signer_.public_key(), meta::Split::kDomain, command.split, command.signature));
}

TEST_F(Tally, PutsWhatWasSignedForAndNeverCameUnderNoBucket) {
  tally_.add_delivered(NodeId(1), Action::get, BucketId(3), 40);
  tally_.add_signed(NodeId(1), Action::get, 30);
  tally_.add_signed(NodeId(1), Action::get, 25);
  tally_.add_signed(NodeId(2), Action::put, 9);
  const meta::Split made = split();
  ASSERT_EQ(made.rows.size(), 3U);
  EXPECT_EQ(made.rows[0].bucket, BucketId());
  EXPECT_EQ(made.rows[0].bytes, 15U);
  EXPECT_EQ(sum_of(made, NodeId(1), Action::get), 55U);
  EXPECT_EQ(sum_of(made, NodeId(2), Action::put), 9U);
}

TEST_F(Tally, LeavesOutWhatCannotBeSplit) {
  EXPECT_FALSE(tally_.split());
  tally_.add_delivered(NodeId(1), Action::get, BucketId(3), 40);
  tally_.add_delivered(NodeId(2), Action::get, BucketId(3), 7);
  tally_.leave_out(NodeId(1), Action::get);
  tally_.leave_out(NodeId(9), Action::get);
  const meta::Split made = split();
  ASSERT_EQ(made.rows.size(), 1U);
  EXPECT_EQ(made.rows[0].node, NodeId(2));
  tally_.leave_out(NodeId(2), Action::get);
  EXPECT_FALSE(tally_.split());
}

TEST_F(Tally, StaysBoundedWhateverTheBuckets) {
  tally_.add_delivered(NodeId(1), Action::put, BucketId(1), 5);
  for (std::uint64_t i = 1; i <= 2 * meta::kMaxSplitRows; ++i) {
    tally_.add_delivered(NodeId(2), Action::get, BucketId(i), 1);
  }
  const meta::Split made = split();
  EXPECT_LE(made.rows.size(), meta::kMaxSplitRows);
  EXPECT_EQ(sum_of(made, NodeId(1), Action::put), 5U);
  EXPECT_EQ(sum_of(made, NodeId(2), Action::get), 0U) << "partly known is not known";
}

}  // namespace
}  // namespace stratos::client
