#include "meta/settlement_times.hpp"

#include <gtest/gtest.h>

namespace stratos::meta {
namespace {

constexpr std::uint64_t kEpochMs = 600'000;
constexpr std::int64_t kEpochEnd = 600'000 * 8;

TEST(SettlementTimes, AreTheUsualOnesWhereNothingIsSet) {
  const Calendar calendar = Calendar::of(kEpochMs, {});
  EXPECT_EQ(calendar.opens(Epoch(7)).ms, kEpochEnd + 120'000);
  EXPECT_EQ(calendar.closes(Epoch(7)).ms, kEpochEnd + 86'400'000);
  EXPECT_EQ(calendar.keep_ms, 35ULL * 86'400'000);
}

TEST(SettlementTimes, EndLimitsBeforeHandInBegins) {
  for (const std::uint64_t epoch_ms : {2'000ULL, 10'000ULL, 600'000ULL, 3'600'000ULL}) {
    const Calendar calendar = Calendar::of(epoch_ms, {});
    EXPECT_LT(calendar.ends(Epoch(7)), calendar.limits_turn(Epoch(7)));
    EXPECT_LT(calendar.limits_turn(Epoch(7)), calendar.limits_expire(Epoch(7)));
    EXPECT_LT(calendar.limits_expire(Epoch(7)), calendar.opens(Epoch(7)));
    EXPECT_LT(calendar.opens(Epoch(7)), calendar.closes(Epoch(7)));
  }
}

TEST(SettlementTimes, NameTheOpenEpochsOfAnyMoment) {
  SettlementTimes times;
  times.open_ms = 1'000;
  times.close_ms = 25'000;
  const Calendar calendar = Calendar::of(10'000, times);
  for (std::int64_t now = 0; now < 200'000; now += 500) {
    const WallTime time{now};
    for (std::uint64_t number = 0; number < 25; ++number) {
      const Epoch epoch(number);
      const bool open = calendar.opens(epoch) <= time && time < calendar.closes(epoch);
      const bool named = calendar.first_open(time) <= epoch && epoch < calendar.end_open(time);
      EXPECT_EQ(named, open) << "epoch " << number << " at " << now;
    }
  }
}

TEST(SettlementTimes, CountEpochsFromTheirFirstMoment) {
  const Calendar calendar = Calendar::of(10'000, {});
  EXPECT_EQ(calendar.epoch_at({79'999}), Epoch(7));
  EXPECT_EQ(calendar.epoch_at({80'000}), Epoch(8));
  EXPECT_EQ(calendar.ends(Epoch(7)).ms, 80'000);
}

}  // namespace
}  // namespace stratos::meta
