#include "gateway/s3/webhook.hpp"

#include <algorithm>

#include "meta/notice_records.hpp"
#include "runtime/host_port.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxUrlBytes = 2048;
constexpr std::size_t kMaxTokenBytes = 4096;

auto bad(const std::string& name, const std::string& why) {
  return fail(Errc::bad_config, "webhook " + name + ": " + why);
}

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

Result<Webhook> make_webhook(std::string name, std::string_view url) {
  if (!meta::is_target_name(name)) return bad(name, "a name is 1 to 64 of A-Z a-z 0-9 - _");
  const bool fits = url.size() <= kMaxUrlBytes && std::ranges::all_of(url, is_visible) &&
                    url.find('#') == url.npos;
  if (!fits) return bad(name, "not a URL");
  Webhook webhook;
  webhook.name = std::move(name);
  const bool tls = take_prefix(url, "https://");
  if (!tls && !take_prefix(url, "http://")) {
    return bad(webhook.name, "the URL begins with http:// or https://");
  }
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  std::string authority(url.substr(0, end));
  if (authority.find('@') != authority.npos) {
    return bad(webhook.name, "no user and password in the URL; a token comes from a file");
  }
  if (!has_port(authority)) authority += tls ? ":443" : ":80";
  const auto address = parse_host_port(authority);
  if (!address || address->host.empty() || address->port == 0) {
    return bad(webhook.name, "no host and port");
  }
  webhook.address = to_string(*address);
  webhook.target = url.substr(end);
  if (!webhook.target.starts_with('/')) webhook.target.insert(0, "/");
  if (tls) webhook.ca_file = kSystemCertificates;
  return webhook;
}

Result<std::string> parse_token(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const bool fits =
      !text.empty() && text.size() <= kMaxTokenBytes && std::ranges::all_of(text, is_visible);
  if (!fits) return fail(Errc::bad_config, "a token is one line of visible characters");
  return std::string(text);
}

}  // namespace stratos::gateway::s3
