#include "meta/score.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace stratos::meta {
namespace {

constexpr std::int64_t kNoon = 20'000 * static_cast<std::int64_t>(kDayMs) + 43'200'000;

WallTime at(double days) {
  return {kNoon + static_cast<std::int64_t>(days * static_cast<double>(kDayMs))};
}
NodeHistory history_with(NodeDay day) {
  NodeHistory history;
  day.day = day_of(at(0));
  history.days.push_back(day);
  return history;
}
Score score_with(const NodeDay& day) { return score_of(history_with(day), at(0)); }

TEST(NodeScore, IsFullForANodeOfWhichNothingIsKnown) {
  EXPECT_EQ(score_of({}, at(0)).value, kFullScore);
}

TEST(NodeScore, FollowsItsFormula) {
  NodeDay day;
  day.passed = 30;
  day.failed = 1;
  day.contained = 9;
  day.up_ms = 2 * kDayMs;
  day.down_ms = kDayMs;
  day.reads = 100;
  day.read_us = 100 * 40'000;
  day.bulk_kib = 8192;
  day.bulk_us = 4'000'000;
  const Score score = score_with(day);
  EXPECT_EQ(score.audits, 666U);              // 40 / 60
  EXPECT_EQ(score.answers, 820U);             // 41 / 50
  EXPECT_EQ(score.uptime, 750U);              // 3 / 4
  EXPECT_EQ(score.speed, (500U + 250U) / 2);  // 20 ms / 40 ms; 2 MiB/s / 8 MiB/s
  EXPECT_EQ(score.value, 153U);               // 666 · 820 / 1000 = 546, 409, 153
}

TEST(NodeScore, NeverFallsToNothing) {
  NodeDay day;
  day.failed = 1000;
  day.contained = 100'000;
  day.down_ms = 30 * kDayMs;
  day.reads = 1000;
  day.read_us = 1000ULL * 10'000'000;
  EXPECT_EQ(score_with(day).value, kLeastScore);
}

TEST(NodeScore, BelievesNoFewReads) {
  NodeDay day;
  day.reads = 31;
  day.read_us = 31 * 1'000'000;
  day.bulk_kib = 8191;
  day.bulk_us = 1'000'000'000;
  EXPECT_EQ(score_with(day).speed, kFullScore);
  day.reads = 32;
  EXPECT_LT(score_with(day).speed, kFullScore);
}

TEST(NodeScore, StaysInBoundsForTheLargestCounts) {
  NodeDay day;
  day.passed = day.failed = day.contained = 1ULL << 40;
  day.up_ms = day.down_ms = kScoreWindowDays * kDayMs;
  day.reads = day.read_us = day.bulk_kib = day.bulk_us = 168ULL * 1'000'000'000'000;
  const Score score = score_with(day);
  for (const std::uint32_t part : {score.audits, score.answers, score.uptime, score.speed}) {
    EXPECT_LE(part, kFullScore);
  }
  EXPECT_EQ(score.uptime, 508U);
}

TEST(NodeScore, ForgetsWhatLeftTheWindow) {
  NodeDay day;
  day.failed = 5;
  day.reads = 1000;
  day.read_us = 1000 * 100'000;
  const NodeHistory history = history_with(day);
  EXPECT_EQ(score_of(history, at(6)).speed, 600U);
  EXPECT_EQ(score_of(history, at(7)).speed, kFullScore);
  EXPECT_LT(score_of(history, at(29)).audits, kFullScore);
  EXPECT_EQ(score_of(history, at(30)), score_of({}, at(30)));
}

TEST(NodeHistoryDays, SplitTimeAtMidnightByState) {
  NodeHistory history;
  history.accounted = at(0);
  account_presence(history, NodeState::up, at(0.75));
  account_presence(history, NodeState::down, at(1));
  account_presence(history, NodeState::suspended, at(2));
  account_presence(history, NodeState::draining, at(2.25));
  ASSERT_EQ(history.days.size(), 3U);
  EXPECT_EQ(history.days[0].up_ms, kDayMs / 2);
  EXPECT_EQ(history.days[1].up_ms, kDayMs / 4);
  EXPECT_EQ(history.days[1].down_ms, kDayMs / 4);
  EXPECT_EQ(history.days[2].up_ms, kDayMs / 4);
  EXPECT_EQ(history.accounted, at(2.25));
}

TEST(NodeHistoryDays, AreNoMoreThanTheWindow) {
  NodeHistory history;
  history.accounted = at(0);
  account_presence(history, NodeState::up, at(400));
  EXPECT_LE(history.days.size(), kScoreWindowDays);
  EXPECT_EQ(score_of(history, at(400)).uptime, kFullScore);
  for (int day = 401; day < 500; ++day) {
    account_presence(history, NodeState::down, at(day));
    today(history, at(day)).failed += 1;
    ASSERT_LE(history.days.size(), kScoreWindowDays);
  }
  EXPECT_TRUE(std::ranges::is_sorted(history.days, {}, &NodeDay::day));
}

NodeHistory with_audits(std::uint64_t passed, std::size_t failed) {
  NodeDay day;
  day.passed = passed;
  day.failed = failed;
  NodeHistory history = history_with(day);
  history.failures.assign(failed, at(0));
  return history;
}

TEST(Suspension, NeedsSeveralFailedAudits) {
  EXPECT_EQ(why_suspend(with_audits(0, 2), NodeState::up, at(0)), SuspensionCause::none);
  EXPECT_EQ(why_suspend(with_audits(0, 3), NodeState::up, at(0)), SuspensionCause::failed_audits);
  EXPECT_EQ(why_suspend(with_audits(147, 3), NodeState::up, at(0)), SuspensionCause::failed_audits);
  EXPECT_EQ(why_suspend(with_audits(148, 3), NodeState::up, at(0)), SuspensionCause::none);
  EXPECT_EQ(why_suspend(with_audits(0, 3), NodeState::up, at(30)), SuspensionCause::none);
  EXPECT_EQ(why_suspend(with_audits(0, 3), NodeState::left, at(0)), SuspensionCause::none);
}

TEST(Suspension, NeedsALongAbsence) {
  NodeHistory history;
  history.down_since = at(0);
  EXPECT_EQ(why_suspend(history, NodeState::down, at(6.99)), SuspensionCause::none);
  EXPECT_EQ(why_suspend(history, NodeState::down, at(7)), SuspensionCause::absence);
  history.down_since = {};
  history.unanswered_since = at(0);
  EXPECT_EQ(why_suspend(history, NodeState::up, at(7)), SuspensionCause::absence);
}

TEST(Suspension, EndsByPassingAuditsUnlessAnOperatorOrderedIt) {
  NodeHistory history;
  history.passed_since = kPassesToReturn;
  history.suspended_for = SuspensionCause::operation;
  EXPECT_FALSE(may_return(history));
  history.suspended_for = SuspensionCause::failed_audits;
  EXPECT_TRUE(may_return(history));
  history.passed_since -= 1;
  EXPECT_FALSE(may_return(history));
}

}  // namespace
}  // namespace stratos::meta
