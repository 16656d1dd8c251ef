#include "gateway/s3/xml_writer.hpp"

#include <array>
#include <charconv>

#include "gateway/s3/utf8.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Characters that may be copied as they are.
constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) plain[c] = true;
  for (char c : std::string_view("&<>\"")) plain[static_cast<unsigned char>(c)] = false;
  plain['\t'] = plain['\n'] = true;
  return plain;
}
constexpr auto kPlain = make_plain();

std::string_view escape_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\r':
      return "&#13;";  // a bare one would be read as a line feed
    case '\x7f':
      return "\x7f";
    default:
      return kReplacement;
  }
}

// U+FFFE and U+FFFF are UTF-8 but not XML.
bool is_noncharacter(std::string_view sequence) {
  return sequence == "\xef\xbf\xbe" || sequence == "\xef\xbf\xbf";
}

void put_digits(char* out, unsigned value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

XmlWriter::XmlWriter() : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {}

XmlWriter& XmlWriter::open(std::string_view name) {
  out_.append("<").append(name).append(">");
  return *this;
}

XmlWriter& XmlWriter::open_root(std::string_view name) {
  out_.append("<").append(name).append(" xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
  return *this;
}

XmlWriter& XmlWriter::close(std::string_view name) {
  out_.append("</").append(name).append(">");
  return *this;
}

XmlWriter& XmlWriter::element(std::string_view name, std::string_view value) {
  open(name);
  characters(value);
  return close(name);
}

XmlWriter& XmlWriter::element(std::string_view name, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  open(name);
  out_.append(digits.data(), end);
  return close(name);
}

XmlWriter& XmlWriter::element(std::string_view name, WallTime time) {
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::milliseconds> instant{chrono::milliseconds(time.ms)};
  const auto day = chrono::floor<chrono::days>(instant);
  const chrono::year_month_day date{day};
  const auto ms = static_cast<unsigned>((instant - day).count());
  char digits[] = "0000-00-00T00:00:00.000Z";
  put_digits(digits, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(digits + 5, static_cast<unsigned>(date.month()), 2);
  put_digits(digits + 8, static_cast<unsigned>(date.day()), 2);
  put_digits(digits + 11, ms / 3'600'000, 2);
  put_digits(digits + 14, ms / 60'000 % 60, 2);
  put_digits(digits + 17, ms / 1000 % 60, 2);
  put_digits(digits + 20, ms % 1000, 3);
  open(name);
  out_.append(digits, sizeof digits - 1);
  return close(name);
}

XmlWriter& XmlWriter::etag(std::string_view etag) {
  out_.append("<ETag>&quot;");
  characters(etag);
  out_.append("&quot;</ETag>");
  return *this;
}

void append_escaped(std::string& out, std::string_view rest) {
  while (!rest.empty()) {
    std::size_t run = 0;
    while (run < rest.size() && kPlain[static_cast<unsigned char>(rest[run])]) ++run;
    out.append(rest.substr(0, run));
    rest.remove_prefix(run);
    if (rest.empty()) break;
    const std::size_t length = utf8_sequence_length(rest);
    if (length > 1) {
      const std::string_view sequence = rest.substr(0, length);
      out.append(is_noncharacter(sequence) ? kReplacement : sequence);
    } else {
      out.append(length == 0 ? kReplacement : escape_of(rest[0]));
    }
    rest.remove_prefix(length == 0 ? 1 : length);
  }
}

XmlWriter& XmlWriter::key(std::string_view name, std::string_view key, bool url_encoding) {
  return url_encoding ? element(name, http::percent_encode(key, true)) : element(name, key);
}

}  // namespace stratos::gateway::s3
