// Time as the program sees it. Nobody asks the operating system: the Runtime hands time out, so
// that the simulator can.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace stratos {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

// Time since an arbitrary start; for deadlines and intervals.
struct MonotonicTime {
  Duration since_start{0};
  friend constexpr auto operator<=>(MonotonicTime, MonotonicTime) = default;
  friend constexpr MonotonicTime operator+(MonotonicTime t, Duration d) {
    return {t.since_start + d};
  }
  friend constexpr Duration operator-(MonotonicTime a, MonotonicTime b) {
    return a.since_start - b.since_start;
  }
};

// Milliseconds since 1970-01-01 UTC, without leap seconds.
struct WallTime {
  std::int64_t ms = 0;
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
  friend constexpr WallTime operator+(WallTime t, std::chrono::milliseconds d) {
    return {t.ms + d.count()};
  }
};

// 2026-11-21T15:04:05.123Z
std::string to_iso8601(WallTime time);
// Sat, 21 Nov 2026 15:04:05 GMT (RFC 9110 §5.6.7)
std::string to_http_date(WallTime time);

}  // namespace stratos
