#include "gateway/load_limit.hpp"

#include <algorithm>
#include <cmath>

namespace stratos::gateway {
namespace {

// The first window of a moment of quiet still sees what ran before it.
constexpr std::uint32_t kQuietWindows = 2;
constexpr double kSlowdown = 0.5;   // the limit falls at most to this share in a window
constexpr double kSmoothing = 0.2;  // weight of the new limit
constexpr double kIdleShare = 0.125;

}  // namespace

LoadLimit::LoadLimit(LoadLimitOptions options, std::size_t kinds)
    : options_(options),
      kinds_(kinds),
      limit_(std::clamp(options.initial, options.min, options.max)) {}

void LoadLimit::learn(std::size_t kind, Duration took, MonotonicTime now) {
  advance(now);
  kinds_[kind].sum_s += std::chrono::duration<double>(took).count();
  kinds_[kind].count += 1;
}

void LoadLimit::note_pressure(MonotonicTime now) {
  advance(now);
  pressed_ = true;
}

void LoadLimit::advance(MonotonicTime now) {
  if (begun_ && now < window_end_) return;
  if (begun_) {
    end_window(now);
  } else {
    begun_ = true;
    next_quiet_ = now + options_.quiet_every;
  }
  window_end_ = now + options_.window;
}

void LoadLimit::end_window(MonotonicTime now) {
  if (quiet_windows_ > 0) {
    if (--quiet_windows_ == 0) take_as_alone(1);
  } else if (!pressed_) {
    take_as_alone(kIdleShare);
    next_quiet_ = now + options_.quiet_every;
  } else {
    adapt();
    if (now >= next_quiet_) {
      quiet_windows_ = kQuietWindows;
      next_quiet_ = now + options_.quiet_every;
    }
  }
  pressed_ = false;
  for (Kind& kind : kinds_) kind.sum_s = kind.count = 0;
}

void LoadLimit::take_as_alone(double share) {
  for (Kind& kind : kinds_) {
    if (kind.count == 0) continue;
    const double mean = kind.sum_s / kind.count;
    kind.alone_s = kind.alone_s == 0 ? mean : kind.alone_s + share * (mean - kind.alone_s);
  }
}

// Of present times to those alone, over all requests of the window.
double LoadLimit::ratio() const {
  double sum = 0;
  double count = 0;
  for (const Kind& kind : kinds_) {
    if (kind.count == 0 || kind.alone_s <= 0) continue;
    sum += kind.sum_s / kind.alone_s;
    count += kind.count;
  }
  return count == 0 ? 1 : sum / count;
}

void LoadLimit::adapt() {
  const auto limit = static_cast<double>(limit_);
  const double gradient = std::clamp(options_.tolerance / ratio(), kSlowdown, 1.0);
  const double wanted = limit * gradient + std::sqrt(limit);
  const double next = limit + kSmoothing * (wanted - limit);
  limit_ = std::clamp(static_cast<std::size_t>(std::lround(next)), options_.min, options_.max);
}

}  // namespace stratos::gateway
