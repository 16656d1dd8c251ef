#include "gateway/s3/policy_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "gateway/s3/policy.hpp"

namespace stratos::gateway::s3 {
namespace {

// Exactly `digits` digits off the front.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t digits) {
  unsigned value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || stop != text.data() + digits) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::sys_days> take_day(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

// "15:04:05", with a fraction that is not counted, and "Z".
std::optional<std::chrono::seconds> take_clock(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (take(text, '.')) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    if (end == 0) return std::nullopt;
    text.remove_prefix(end);
  }
  if (!take(text, 'Z')) return std::nullopt;
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

struct Address {
  std::array<std::uint8_t, 16> bytes{};
  unsigned bits = 0;  // 32 or 128
};

std::optional<Address> parse_ipv4(std::string_view text) {
  Address address;
  address.bits = 32;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0 && !take(text, '.')) return std::nullopt;
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto part = digits <= 3 ? take_digits(text, digits) : std::nullopt;
    if (digits == 0 || !part || *part > 255) return std::nullopt;
    address.bytes[i] = static_cast<std::uint8_t>(*part);
  }
  if (!text.empty()) return std::nullopt;
  return address;
}

// Groups of hexadecimal digits between colons; the last may be an IPv4 address.
std::optional<std::vector<std::uint8_t>> parse_groups(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    const bool last = end == text.size();
    text.remove_prefix(last ? end : end + 1);
    if (!last && text.empty()) return std::nullopt;
    if (last && group.contains('.')) {
      const auto tail = parse_ipv4(group);
      if (!tail) return std::nullopt;
      bytes.insert(bytes.end(), tail->bytes.begin(), tail->bytes.begin() + 4);
      continue;
    }
    unsigned value = 0;
    const char* stop_at = group.data() + group.size();
    const auto [stop, error] = std::from_chars(group.data(), stop_at, value, 16);
    if (group.empty() || group.size() > 4 || error != std::errc() || stop != stop_at) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value & 0xffU));
  }
  return bytes;
}

std::optional<Address> parse_ipv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  const auto front = parse_groups(text.substr(0, gap));
  const auto back =
      gap == text.npos ? std::vector<std::uint8_t>{} : parse_groups(text.substr(gap + 2));
  if (!front || !back) return std::nullopt;
  const std::size_t size = front->size() + back->size();
  if (gap == text.npos ? size != 16 : size > 14) return std::nullopt;
  Address address;
  address.bits = 128;
  std::ranges::copy(*front, address.bytes.begin());
  std::ranges::copy(*back, address.bytes.end() - static_cast<std::ptrdiff_t>(back->size()));
  return address;
}

// An IPv4 address that is written as an IPv6 one is the IPv4 address.
std::optional<Address> parse_address(std::string_view text) {
  if (!text.contains(':')) return parse_ipv4(text);
  auto address = parse_ipv6(text);
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!address || !std::equal(kMapped.begin(), kMapped.end(), address->bytes.begin())) {
    return address;
  }
  std::copy_n(address->bytes.begin() + kMapped.size(), 4, address->bytes.begin());
  address->bits = 32;
  return address;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

std::optional<double> parse_policy_number(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<WallTime> parse_policy_date(std::string_view text) {
  std::int64_t seconds = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seconds);
  constexpr std::int64_t kLatest = 253'402'300'799;  // the year 9999
  if (error == std::errc() && stop == end) {
    if (seconds < 0 || seconds > kLatest) return std::nullopt;
    return WallTime{seconds * 1000};
  }
  const auto day = take_day(text);
  if (!day) return std::nullopt;
  std::chrono::sys_seconds time = *day;
  if (take(text, 'T')) {
    const auto clock = take_clock(text);
    if (!clock) return std::nullopt;
    time += *clock;
  }
  if (!text.empty()) return std::nullopt;
  return WallTime{time.time_since_epoch().count() * 1000};
}

bool in_address_range(std::string_view range, std::string_view address) {
  const std::size_t slash = std::min(range.find('/'), range.size());
  const auto base = parse_address(range.substr(0, slash));
  const auto wanted = parse_address(address);
  if (!base || !wanted || base->bits != wanted->bits) return false;
  unsigned bits = base->bits;
  if (slash < range.size()) {
    const char* end = range.data() + range.size();
    const auto [stop, error] = std::from_chars(range.data() + slash + 1, end, bits);
    if (error != std::errc() || stop != end || bits > base->bits) return false;
  }
  for (unsigned i = 0; i < bits; ++i) {
    const unsigned mask = 0x80U >> (i % 8);
    if ((base->bytes[i / 8] & mask) != (wanted->bytes[i / 8] & mask)) return false;
  }
  return true;
}

}  // namespace stratos::gateway::s3
