#include "net/http.hpp"

namespace stratos::http {
namespace {

constexpr std::size_t kMaxQueryParameters = 1024;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (item.empty()) continue;
    if (query.size() == kMaxQueryParameters) {
      return fail(Errc::invalid_uri, "too many query parameters");
    }
    const std::size_t equals = std::min(item.find('='), item.size());
    STRATOS_TRY(std::string name, percent_decode(item.substr(0, equals), true));
    STRATOS_TRY(std::string value,
                percent_decode(item.substr(std::min(equals + 1, item.size())), true));
    query.emplace_back(std::move(name), std::move(value));
  }
  return query;
}

}  // namespace

std::string percent_encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c) || (keep_slash && c == '/')) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(Errc::invalid_uri, "bad percent escape");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

const std::string* Target::find(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

Result<Target> parse_target(std::string_view target) {
  if (target.empty() || target[0] != '/') {
    return fail(Errc::invalid_uri, "a target begins with a slash");
  }
  const std::size_t mark = std::min(target.find('?'), target.size());
  Target out;
  out.raw_path = target.substr(0, mark);
  STRATOS_TRY(out.path, percent_decode(out.raw_path, false));
  STRATOS_TRY(out.query, parse_query(target.substr(std::min(mark + 1, target.size()))));
  return out;
}

}  // namespace stratos::http
