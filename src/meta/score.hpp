// How good a node is, in integers: audits, uptime and what readers measured, over a sliding window.
// Every replica computes the same. Pure. Formula: docs/formats/score.md.
#pragma once
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "codec/record.hpp"
#include "meta/records.hpp"

namespace stratos::meta {

constexpr std::uint64_t kScoreWindowDays = 30;
constexpr std::uint64_t kSpeedWindowDays = 7;
constexpr std::uint32_t kFullScore = 1000;
constexpr std::uint32_t kLeastScore = 10;  // whoever may get work gets some
constexpr std::uint64_t kDayMs = 86'400'000;

// What happened to a node on one day.
struct NodeDay {
  std::uint64_t day = 0;  // since 1970
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::uint64_t contained = 0;  // challenges that it did not answer in time
  std::uint64_t up_ms = 0;
  std::uint64_t down_ms = 0;
  std::uint64_t reads = 0;     // small reads that readers timed
  std::uint64_t read_us = 0;   // their times together
  std::uint64_t bulk_kib = 0;  // of large reads
  std::uint64_t bulk_us = 0;   // their times together
  friend bool operator==(const NodeDay&, const NodeDay&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.day);
    field(2, self.passed);
    field(3, self.failed);
    field(4, self.contained);
    field(5, self.up_ms);
    field(6, self.down_ms);
    field(7, self.reads);
    field(8, self.read_us);
    field(9, self.bulk_kib);
    field(10, self.bulk_us);
  }
};

enum class SuspensionCause : std::uint8_t {
  none = 0,
  failed_audits = 1,
  absence = 2,
  operation = 3
};
std::string_view name_of(SuspensionCause cause);

// A row of the index: what a node's score is made of.
struct NodeHistory {
  static constexpr std::uint8_t kFormat = 1;
  std::vector<NodeDay> days;       // by day, at most kScoreWindowDays
  WallTime accounted;              // up to here the time is counted as up or down
  WallTime down_since;             // 0: it is not down
  WallTime unanswered_since;       // 0: it answered its last challenge
  std::vector<WallTime> failures;  // the last ones since it was reinstated, at most kFailuresKept
  SuspensionCause suspended_for = SuspensionCause::none;
  std::uint64_t passed_since = 0;  // audits passed in a row while suspended
  std::uint64_t draws = 0;         // challenges recorded in all; numbers the next draw
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.days);
    field(2, self.accounted);
    field(3, self.down_since);
    field(4, self.unanswered_since);
    field(5, self.failures);
    field(6, self.suspended_for);
    field(7, self.passed_since);
    field(8, self.draws);
  }
};
constexpr std::size_t kFailuresKept = 64;

// The parts of a score, each of 1,000, and the sums that they come from.
struct Score {
  std::uint32_t value = kFullScore;
  std::uint32_t audits = kFullScore;
  std::uint32_t answers = kFullScore;
  std::uint32_t uptime = kFullScore;
  std::uint32_t speed = kFullScore;
  NodeDay sums;  // of the window; `day` is its first
  friend bool operator==(const Score&, const Score&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.value);
    field(2, self.audits);
    field(3, self.answers);
    field(4, self.uptime);
    field(5, self.speed);
    field(6, self.sums);
  }
};

Score score_of(const NodeHistory& history, WallTime now);

std::uint64_t day_of(WallTime time);
// The day of `now`, made when it is new; days that left the window go.
NodeDay& today(NodeHistory& history, WallTime now);
// Counts the time since it was counted last by the state that the node was in all along.
void account_presence(NodeHistory& history, NodeState state, WallTime now);

// Why a node in this state should be suspended now; none when it should not.
SuspensionCause why_suspend(const NodeHistory& history, NodeState state, WallTime now);
// Whether it has passed enough audits to come back.
bool may_return(const NodeHistory& history);

constexpr std::uint64_t kFailuresToSuspend = 3;     // of the window, and ...
constexpr std::uint64_t kFailedPartToSuspend = 50;  // ... one of so many audits
constexpr std::uint64_t kAbsenceMs = 7 * kDayMs;    // down, or without an answer, for so long
constexpr std::uint64_t kPassesToReturn = 20;       // in a row

}  // namespace stratos::meta
