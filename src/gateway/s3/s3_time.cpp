#include "gateway/s3/s3_time.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace stratos::gateway::s3 {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

struct Fields {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

// Reads a text against a pattern: letters stand for fields, everything else for itself.
//   Y M D h m s: a digit of year, month, day, hour, minute, second; N: a month name;
//   W: a day name, short or long; _: a space or a digit of the day.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool match(std::string_view pattern) {
    for (char c : pattern) {
      if (!step(c)) return false;
    }
    return text_.empty();
  }
  const Fields& fields() const { return fields_; }

 private:
  bool step(char c) {
    switch (c) {
      case 'Y':
        return digit(fields_.year);
      case 'M':
        return digit(fields_.month);
      case 'D':
        return digit(fields_.day);
      case 'h':
        return digit(fields_.hour);
      case 'm':
        return digit(fields_.minute);
      case 's':
        return digit(fields_.second);
      case 'N':
        return month_name();
      case 'W':
        return day_name();
      case '_':
        return literal(' ') || digit(fields_.day);
      case '*':
        return literal('G') && literal('M') && literal('T');
      default:
        return literal(c);
    }
  }
  bool literal(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool digit(int& value) {
    if (text_.empty() || text_[0] < '0' || text_[0] > '9') return false;
    value = value * 10 + (text_[0] - '0');
    text_.remove_prefix(1);
    return true;
  }
  bool month_name() {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (!text_.starts_with(kMonths[i])) continue;
      fields_.month = static_cast<int>(i) + 1;
      text_.remove_prefix(3);
      return true;
    }
    return false;
  }
  bool day_name() {
    for (std::string_view name : kDays) {
      if (!text_.starts_with(name.substr(0, 3))) continue;
      text_.remove_prefix(text_.starts_with(name) ? name.size() : 3);
      return true;
    }
    return false;
  }

  std::string_view text_;
  Fields fields_;
};

// A leap second (60) counts as the second before it.
std::optional<WallTime> time_of(const Fields& f) {
  namespace chrono = std::chrono;
  const chrono::year_month_day date{chrono::year(f.year),
                                    chrono::month(static_cast<unsigned>(f.month)),
                                    chrono::day(static_cast<unsigned>(f.day))};
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  const std::int64_t days = chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds =
      days * 86'400 + f.hour * 3600 + f.minute * 60 + (f.second == 60 ? 59 : f.second);
  return WallTime{seconds * 1000};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes ".123" off the front; at most nine digits.
std::optional<std::int64_t> take_fraction_ms(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  std::int64_t ms = 0;
  std::size_t digits = 0;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
    if (digits < 3) ms = ms * 10 + (text.front() - '0');
  }
  if (digits == 0 || digits > 9) return std::nullopt;
  for (std::size_t i = digits; i < 3; ++i) ms *= 10;
  return ms;
}

std::optional<std::int64_t> parse_zone_ms(std::string_view text) {
  if (text == "Z") return 0;
  const bool well_formed = text.size() == 6 && (text[0] == '+' || text[0] == '-') &&
                           is_digit(text[1]) && is_digit(text[2]) && text[3] == ':' &&
                           is_digit(text[4]) && is_digit(text[5]);
  if (!well_formed) return std::nullopt;
  const int hours = (text[1] - '0') * 10 + (text[2] - '0');
  const int minutes = (text[4] - '0') * 10 + (text[5] - '0');
  if (hours > 23 || minutes > 59) return std::nullopt;
  const std::int64_t ms = (hours * 60 + minutes) * std::int64_t{60'000};
  return text[0] == '+' ? ms : -ms;
}

}  // namespace

std::optional<WallTime> parse_iso8601(std::string_view text) {
  constexpr std::size_t kToTheSecond = 19;
  if (text.size() <= kToTheSecond) return std::nullopt;
  Scanner scanner(text.substr(0, kToTheSecond));
  if (!scanner.match("YYYY-MM-DDThh:mm:ss")) return std::nullopt;
  const auto second = time_of(scanner.fields());
  std::string_view rest = text.substr(kToTheSecond);
  const auto fraction = take_fraction_ms(rest);
  const auto zone = parse_zone_ms(rest);
  if (!second || !fraction || !zone) return std::nullopt;
  return WallTime{second->ms + *fraction - *zone};
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  for (std::string_view pattern : {"W, DD N YYYY hh:mm:ss *", "W N _D hh:mm:ss YYYY"}) {
    Scanner scanner(text);
    if (scanner.match(pattern)) return time_of(scanner.fields());
  }
  Scanner scanner(text);
  if (!scanner.match("W, DD-N-YY hh:mm:ss *")) return std::nullopt;
  Fields fields = scanner.fields();
  fields.year += fields.year < 70 ? 2000 : 1900;
  return time_of(fields);
}

std::optional<WallTime> parse_amz_date(std::string_view text) {
  Scanner scanner(text);
  if (!scanner.match("YYYYMMDDThhmmssZ")) return std::nullopt;
  return time_of(scanner.fields());
}

std::string format_amz_date(WallTime time) {
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::milliseconds> instant{chrono::milliseconds(time.ms)};
  const auto day = chrono::floor<chrono::days>(instant);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss clock{chrono::floor<chrono::seconds>(instant - day)};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

}  // namespace stratos::gateway::s3
