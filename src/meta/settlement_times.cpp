#include "meta/settlement_times.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint64_t kUsualCloseMs = 86'400'000;
constexpr std::uint64_t kUsualKeepMs = 35 * kUsualCloseMs;

std::uint64_t or_usual(std::uint64_t ms, std::uint64_t usual) { return ms == 0 ? usual : ms; }

}  // namespace

Calendar Calendar::of(std::uint64_t epoch_ms, const SettlementTimes& times) {
  Calendar calendar;
  calendar.epoch_ms = epoch_ms;
  calendar.open_ms = or_usual(times.open_ms, epoch_ms / 5);
  calendar.close_ms = or_usual(times.close_ms, kUsualCloseMs);
  calendar.keep_ms = or_usual(times.keep_ms, kUsualKeepMs);
  return calendar;
}

Epoch Calendar::epoch_at(WallTime time) const {
  return Epoch(static_cast<std::uint64_t>(time.ms) / epoch_ms);
}

WallTime Calendar::after_end(Epoch epoch, std::uint64_t ms) const {
  return {static_cast<std::int64_t>((epoch.value + 1) * epoch_ms + ms)};
}

WallTime Calendar::ends(Epoch epoch) const { return after_end(epoch, 0); }

Epoch Calendar::first_open(WallTime time) const {
  const auto now = static_cast<std::uint64_t>(time.ms);
  return Epoch(now < close_ms ? 0 : (now - close_ms) / epoch_ms);
}

Epoch Calendar::end_open(WallTime time) const {
  const auto now = static_cast<std::uint64_t>(time.ms);
  return Epoch(now < open_ms ? 0 : (now - open_ms) / epoch_ms);
}

}  // namespace stratos::meta
