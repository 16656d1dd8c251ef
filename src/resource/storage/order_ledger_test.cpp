#include "resource/storage/order_ledger.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace stratos::resource {
namespace {

constexpr std::uint64_t kStep = meta::kOrderStepBytes;

class OrderLedgerTest : public ::testing::Test {
 protected:
  OrderLedgerTest() {
    ledger_.set_identity(NodeId(3), meta_.public_key(), Generation(2));
    ledger_.set_epoch(Epoch(10));
    limit_.serial = 5;
    limit_.grant = GrantId(2);
    limit_.epoch = Epoch(10);
    limit_.session = session_.public_key();
    limit_.node = NodeId(3);
    limit_.action = meta::Action::put;
    limit_.bytes = 10 * kStep;
    limit_.expires = now_ + 10min;
    limit_.generation = Generation(2);
  }

  meta::SignedLimit signed_limit() {
    meta::SignedLimit out;
    out.limit = codec::encode(limit_);
    out.signer = meta_.public_key();
    out.signature = meta_.sign(meta::Limit::kDomain, out.limit);
    return out;
  }
  meta::Order order(std::uint64_t bytes, bool with_limit = true) {
    meta::Order out;
    out.grant = limit_.grant;
    out.serial = limit_.serial;
    out.bytes = bytes;
    out.signature =
        session_.sign(meta::Order::kDomain, meta::order_message(out.grant, out.serial, bytes));
    if (with_limit) out.limit = signed_limit();
    return out;
  }
  Errc refusal(const meta::Order& order, std::uint64_t bytes,
               Direction direction = Direction::store) {
    const auto result = ledger_.admit(order, direction, bytes, now_);
    return result ? Errc{} : result.error().code();
  }

  SeededRandom random_{1};
  crypto::MachineSigner meta_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner session_ = crypto::MachineSigner::draw(random_);
  meta::Limit limit_;
  WallTime now_{1'000'000};
  OrderLedger ledger_;
};

TEST_F(OrderLedgerTest, GivesCreditOfOneStep) {
  EXPECT_EQ(refusal(order(0), kStep), Errc{});
  EXPECT_EQ(refusal(order(0), 1), Errc::limit_refused);
  EXPECT_EQ(refusal(order(kStep), kStep), Errc{});
  EXPECT_EQ(refusal(order(kStep), 1), Errc::limit_refused);
}

TEST_F(OrderLedgerTest, ChecksSignaturesOnlyWhenAnOrderHasToGrow) {
  std::uint64_t used = 0;
  for (int i = 0; i < 256; ++i, used += 16'384) {
    ASSERT_EQ(refusal(order(used + 16'384, i == 0), 16'384), Errc{});
  }
  // The limit, and one order per step.
  EXPECT_LE(ledger_.signatures_checked(), 1 + used / kStep);
  EXPECT_GE(ledger_.signatures_checked(), 3U);
  // What was not needed for credit is checked once, aside.
  const auto changed = ledger_.take_changed(100);
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0].second.bytes, used);
  EXPECT_TRUE(ledger_.take_changed(100).empty());
}

TEST_F(OrderLedgerTest, AsksForAnUnknownLimit) {
  const auto result = ledger_.admit(order(0, false), Direction::store, 10, now_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::limit_refused);
  EXPECT_NE(result.error().message().find("unknown limit"), std::string::npos);
  EXPECT_EQ(refusal(order(0), 10), Errc{});
  EXPECT_EQ(refusal(order(0, false), 10), Errc{});
}

TEST_F(OrderLedgerTest, RefusesLimitsThatAreNotForThisNodeNowOrThis) {
  const meta::Limit good = limit_;
  limit_.node = NodeId(4);
  EXPECT_EQ(refusal(order(0), 10), Errc::limit_refused);
  limit_ = good;
  limit_.epoch = Epoch(12);
  EXPECT_EQ(refusal(order(0), 10), Errc::limit_refused);
  limit_.epoch = Epoch(8);
  EXPECT_EQ(refusal(order(0), 10), Errc::limit_refused);
  limit_ = good;
  limit_.generation = Generation(1);
  EXPECT_EQ(refusal(order(0), 10), Errc::limit_refused);
  limit_ = good;
  limit_.expires = now_ + -1h;
  EXPECT_EQ(refusal(order(0), 10), Errc::limit_refused);
  limit_ = good;
  limit_.serial = 6;
  EXPECT_EQ(refusal(order(0), 10, Direction::fetch), Errc::limit_refused);
  limit_.serial = 7;
  limit_.action = meta::Action::get;
  EXPECT_EQ(refusal(order(0), 10, Direction::store), Errc::limit_refused);
  EXPECT_EQ(refusal(order(0), 10, Direction::fetch), Errc{});
  limit_.serial = 8;
  limit_.action = meta::Action::repair;
  EXPECT_EQ(refusal(order(0), 10, Direction::store), Errc{});
  EXPECT_EQ(refusal(order(0), 10, Direction::fetch), Errc{});
}

TEST_F(OrderLedgerTest, RefusesForgedSignatures) {
  meta::Order forged = order(0);
  forged.limit->signature.value[3] ^= 1;
  EXPECT_EQ(refusal(forged, 10), Errc::limit_refused);
  forged = order(0);
  const crypto::MachineSigner stranger = crypto::MachineSigner::draw(random_);
  forged.limit->signer = stranger.public_key();
  forged.limit->signature = stranger.sign(meta::Limit::kDomain, forged.limit->limit);
  EXPECT_EQ(refusal(forged, 10), Errc::limit_refused);
  forged = order(0);
  forged.serial = 99;
  EXPECT_EQ(refusal(forged, 10), Errc::limit_refused);
  forged = order(0);
  forged.limit->limit = Bytes{1, 2, 3};
  EXPECT_EQ(refusal(forged, 10), Errc::limit_refused);

  EXPECT_EQ(refusal(order(0), kStep), Errc{});
  forged = order(2 * kStep);
  forged.signature.value[0] ^= 1;
  EXPECT_EQ(refusal(forged, 10), Errc::limit_refused);
}

TEST_F(OrderLedgerTest, NeverExceedsTheLimit) {
  limit_.bytes = 2 * kStep;
  EXPECT_EQ(refusal(order(kStep), kStep), Errc{});
  // An order above its limit is worth nothing.
  EXPECT_EQ(refusal(order(3 * kStep), kStep), Errc::limit_refused);
  EXPECT_EQ(refusal(order(2 * kStep), kStep), Errc{});
  EXPECT_EQ(refusal(order(3 * kStep), 1), Errc::limit_refused);
  for (const auto& [key, kept] : ledger_.take_changed(10)) EXPECT_LE(kept.bytes, limit_.bytes);
}

TEST_F(OrderLedgerTest, TakesBackWhatWasNotUsed) {
  EXPECT_EQ(refusal(order(0), kStep), Errc{});
  ledger_.refund(order(0), kStep / 2);
  EXPECT_EQ(refusal(order(0), kStep / 2), Errc{});
  EXPECT_EQ(refusal(order(0), 1), Errc::limit_refused);
}

TEST_F(OrderLedgerTest, GoesOnFromWhatWasKept) {
  EXPECT_EQ(refusal(order(0), kStep), Errc{});
  EXPECT_EQ(refusal(order(kStep), kStep / 2), Errc{});
  const auto kept = ledger_.take_changed(10);
  ASSERT_EQ(kept.size(), 1U);
  const auto copy = codec::decode<KeptOrder>(codec::encode(kept[0].second));
  ASSERT_TRUE(copy);
  OrderLedger later;
  later.set_identity(NodeId(3), meta_.public_key(), Generation(2));
  later.set_epoch(Epoch(10));
  later.restore(*copy);
  EXPECT_TRUE(later.admit(order(kStep, false), Direction::store, kStep, now_));
  EXPECT_FALSE(later.admit(order(kStep, false), Direction::store, 1, now_));
}

TEST_F(OrderLedgerTest, ForgetsWhatIsOverAndHasNoOrder) {
  EXPECT_EQ(refusal(order(0), 10), Errc{});
  EXPECT_TRUE(ledger_.forget_unused(now_).empty());
  EXPECT_EQ(ledger_.forget_unused(limit_.expires + 1ms).size(), 1U);
  EXPECT_EQ(ledger_.size(), 0U);
  ASSERT_TRUE(ledger_.take(order(10), now_));
  EXPECT_TRUE(ledger_.forget_unused(limit_.expires + 1ms).empty());
}

TEST_F(OrderLedgerTest, TakesOrdersForWhatWasMovedBefore) {
  ASSERT_EQ(refusal(order(0), 1000), Errc{});
  EXPECT_TRUE(ledger_.take(order(1000, false), now_));
  ASSERT_EQ(ledger_.orders_of(Epoch(10), Epoch(11)).size(), 1U);
  EXPECT_EQ(ledger_.orders_of(Epoch(10), Epoch(11))[0].second.bytes, 1000U);
  EXPECT_TRUE(ledger_.take(order(900, false), now_)) << "smaller than one before: nothing to do";
  EXPECT_EQ(ledger_.orders_of(Epoch(10), Epoch(11))[0].second.bytes, 1000U);
  meta::Order forged = order(2000, false);
  forged.signature.value[0] ^= 1;
  EXPECT_FALSE(ledger_.take(forged, now_));
  EXPECT_FALSE(ledger_.take(order(limit_.bytes + 1, false), now_));
}

TEST_F(OrderLedgerTest, FreezesEpochsForTheirSettlement) {
  ASSERT_EQ(refusal(order(500), 1000), Errc{});
  ASSERT_TRUE(ledger_.take(order(1000), now_));
  EXPECT_EQ(ledger_.oldest_epoch(), Epoch(10));
  ledger_.freeze_before(Epoch(11));
  EXPECT_EQ(refusal(order(2000), 10), Errc::limit_refused);
  EXPECT_FALSE(ledger_.take(order(2000), now_));
  EXPECT_EQ(ledger_.orders_of(Epoch(10), Epoch(11)).at(0).second.bytes, 1000U);
  EXPECT_EQ(ledger_.forget_epoch(Epoch(10)).size(), 1U);
  EXPECT_FALSE(ledger_.oldest_epoch());
  // Unknown by now, and still refused.
  EXPECT_FALSE(ledger_.take(order(2000), now_));
  ledger_.freeze_before(Epoch(3));
  EXPECT_EQ(ledger_.frozen_before(), Epoch(11));
}

TEST_F(OrderLedgerTest, KeepsUnsettledOrdersWhenLimitsRunOut) {
  ASSERT_TRUE(ledger_.take(order(1000), now_));
  const LimitKey kept{limit_.grant, limit_.serial};
  for (std::uint64_t i = 0; i < OrderLedger::kMaxLimits; ++i) {
    limit_.serial = 100 + i;
    (void)ledger_.admit(order(0), Direction::store, 1, now_);
  }
  limit_.expires = limit_.expires + 1h;
  limit_.serial = 99;
  EXPECT_TRUE(ledger_.admit(order(0), Direction::store, 1, now_ + 20min)) << "unused ones give way";
  EXPECT_EQ(ledger_.orders_of(Epoch(10), Epoch(11)).at(0).first, kept);
}

}  // namespace
}  // namespace stratos::resource
