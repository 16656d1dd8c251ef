#include "meta/score.hpp"

#include <algorithm>
#include <array>

namespace stratos::meta {
namespace {

constexpr std::uint64_t kPrior = 10;          // audits that a node begins with as passed
constexpr std::uint64_t kFailureWeight = 20;  // one failed audit counts as so many
constexpr std::uint64_t kPriorUpMs = kDayMs;
constexpr std::uint64_t kLeastReads = 32;  // fewer say nothing
constexpr std::uint64_t kLeastBulkKib = 8 * 1024;
constexpr std::uint64_t kGoodReadUs = 20'000;
constexpr std::uint64_t kGoodKibPerSecond = 8 * 1024;
constexpr std::uint64_t kLeastSpeed = 100;

std::uint32_t per_mille(std::uint64_t part, std::uint64_t whole) {
  return static_cast<std::uint32_t>(part * kFullScore / whole);
}

void add(NodeDay& sum, const NodeDay& day, bool is_recent) {
  sum.passed += day.passed;
  sum.failed += day.failed;
  sum.contained += day.contained;
  sum.up_ms += day.up_ms;
  sum.down_ms += day.down_ms;
  if (!is_recent) return;
  sum.reads += day.reads;
  sum.read_us += day.read_us;
  sum.bulk_kib += day.bulk_kib;
  sum.bulk_us += day.bulk_us;
}

std::uint32_t latency_part(const NodeDay& sums) {
  if (sums.reads < kLeastReads) return kFullScore;
  const std::uint64_t mean_us = std::max(sums.read_us / sums.reads, kGoodReadUs);
  return per_mille(kGoodReadUs, mean_us);
}

std::uint32_t throughput_part(const NodeDay& sums) {
  if (sums.bulk_kib < kLeastBulkKib) return kFullScore;
  const std::uint64_t ms = std::max<std::uint64_t>(sums.bulk_us / 1000, 1);
  const std::uint64_t rate = sums.bulk_kib * 1000 / ms;
  return per_mille(std::min(rate, kGoodKibPerSecond), kGoodKibPerSecond);
}

}  // namespace

std::string_view name_of(SuspensionCause cause) {
  constexpr std::array<std::string_view, 4> kNames = {"none", "failed audits", "absence",
                                                      "operator"};
  const auto number = static_cast<std::size_t>(cause);
  return number < kNames.size() ? kNames[number] : "unknown";
}

std::uint64_t day_of(WallTime time) { return static_cast<std::uint64_t>(time.ms) / kDayMs; }

Score score_of(const NodeHistory& history, WallTime now) {
  Score score;
  const std::uint64_t last = day_of(now);
  score.sums.day = last + 1 - std::min(last + 1, kScoreWindowDays);
  for (const NodeDay& day : history.days) {
    if (day.day < score.sums.day || day.day > last) continue;
    add(score.sums, day, day.day + kSpeedWindowDays > last);
  }
  const NodeDay& sums = score.sums;
  const std::uint64_t passed = sums.passed + kPrior;
  score.audits = per_mille(passed, passed + sums.failed * kFailureWeight);
  const std::uint64_t answered = sums.passed + sums.failed + kPrior;
  score.answers = per_mille(answered, answered + sums.contained);
  const std::uint64_t up = sums.up_ms + kPriorUpMs;
  score.uptime = per_mille(up, up + sums.down_ms);
  const std::uint32_t speed = (latency_part(sums) + throughput_part(sums)) / 2;
  score.speed = std::max<std::uint32_t>(speed, kLeastSpeed);
  const std::uint64_t product = std::uint64_t{score.audits} * score.answers / kFullScore *
                                score.uptime / kFullScore * score.speed / kFullScore;
  score.value = std::max(static_cast<std::uint32_t>(product), kLeastScore);
  return score;
}

NodeDay& today(NodeHistory& history, WallTime now) {
  const std::uint64_t day = day_of(now);
  std::erase_if(history.days,
                [day](const NodeDay& old) { return old.day + kScoreWindowDays <= day; });
  if (history.days.empty() || history.days.back().day < day) {
    history.days.push_back({});
    history.days.back().day = day;
  }
  return history.days.back();
}

void account_presence(NodeHistory& history, NodeState state, WallTime now) {
  const bool is_up = state == NodeState::up || state == NodeState::draining;
  const bool is_down = state == NodeState::down;
  const auto window = static_cast<std::int64_t>(kScoreWindowDays * kDayMs);
  WallTime from{std::max(history.accounted.ms, now.ms - window)};
  history.accounted = now;
  while ((is_up || is_down) && from < now) {
    const auto midnight = static_cast<std::int64_t>((day_of(from) + 1) * kDayMs);
    const WallTime to{std::min(midnight, now.ms)};
    NodeDay& day = today(history, from);
    (is_up ? day.up_ms : day.down_ms) += static_cast<std::uint64_t>(to.ms - from.ms);
    from = to;
  }
}

SuspensionCause why_suspend(const NodeHistory& history, NodeState state, WallTime now) {
  if (state != NodeState::up && state != NodeState::down && state != NodeState::draining) {
    return SuspensionCause::none;
  }
  const Score score = score_of(history, now);
  const auto window = static_cast<std::int64_t>(kScoreWindowDays * kDayMs);
  const auto failures = static_cast<std::uint64_t>(std::ranges::count_if(
      history.failures, [&](WallTime time) { return time.ms + window > now.ms; }));
  const std::uint64_t audits = score.sums.passed + score.sums.failed;
  if (failures >= kFailuresToSuspend && score.sums.failed * kFailedPartToSuspend >= audits) {
    return SuspensionCause::failed_audits;
  }
  const auto is_long = [now](WallTime since) {
    return since.ms != 0 && now.ms - since.ms >= static_cast<std::int64_t>(kAbsenceMs);
  };
  if (is_long(history.down_since) || is_long(history.unanswered_since)) {
    return SuspensionCause::absence;
  }
  return SuspensionCause::none;
}

bool may_return(const NodeHistory& history) {
  const bool by_itself = history.suspended_for == SuspensionCause::failed_audits ||
                         history.suspended_for == SuspensionCause::absence;
  return by_itself && history.passed_since >= kPassesToReturn;
}

}  // namespace stratos::meta
