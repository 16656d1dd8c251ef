#include "net/http_url.hpp"

#include <algorithm>

#include "runtime/host_port.hpp"

namespace stratos::http {
namespace {

constexpr std::size_t kMaxUrlBytes = 2048;

auto bad(std::string why) { return fail(Errc::bad_config, std::move(why)); }

bool is_visible(char c) { return c > ' ' && c <= '~'; }

// Takes the scheme off.
bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool has_port(std::string_view authority) {
  return authority.rfind(':') != authority.npos && !authority.ends_with(']');
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const bool fits = text.size() <= kMaxUrlBytes && std::ranges::all_of(text, is_visible) &&
                    text.find('#') == text.npos;
  if (!fits) return bad("not a URL");
  Url url;
  url.is_tls = take_prefix(text, "https://");
  if (!url.is_tls && !take_prefix(text, "http://")) {
    return bad("the URL begins with http:// or https://");
  }
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  url.authority = text.substr(0, end);
  if (url.authority.find('@') != url.authority.npos) {
    return bad("no user and password in the URL");
  }
  const std::string port = url.is_tls ? ":443" : ":80";
  const auto address =
      parse_host_port(has_port(url.authority) ? url.authority : url.authority + port);
  if (!address || address->host.empty() || address->port == 0) return bad("no host and port");
  url.address = to_string(*address);
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

}  // namespace stratos::http
