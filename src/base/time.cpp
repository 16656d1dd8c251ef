#include "base/time.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace stratos {
namespace {

// Rounded down, also before 1970.
std::int64_t seconds_of(WallTime time) { return time.ms / 1000 - (time.ms % 1000 < 0 ? 1 : 0); }

std::tm utc_of(WallTime time) {
  const std::time_t seconds = static_cast<std::time_t>(seconds_of(time));
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return utc;
}

constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string to_iso8601(WallTime time) {
  const std::tm utc = utc_of(time);
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>((time.ms % 1000 + 1000) % 1000));
  return text.data();
}

std::string to_http_date(WallTime time) {
  const std::tm utc = utc_of(time);
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                utc.tm_min, utc.tm_sec);
  return text.data();
}

}  // namespace stratos
