#include "gateway/s3/webhook.hpp"

#include <algorithm>

#include "meta/notice_records.hpp"
#include "net/http_url.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxTokenBytes = 4096;

auto bad(const std::string& name, const std::string& why) {
  return fail(Errc::bad_config, "webhook " + name + ": " + why);
}

bool is_visible(char c) { return c > ' ' && c <= '~'; }

}  // namespace

Result<Webhook> make_webhook(std::string name, std::string_view url) {
  if (!meta::is_target_name(name)) return bad(name, "a name is 1 to 64 of A-Z a-z 0-9 - _");
  const Result<http::Url> parsed = http::parse_url(url);
  if (!parsed) return bad(name, parsed.error().message());
  Webhook webhook;
  webhook.name = std::move(name);
  webhook.address = parsed->address;
  webhook.target = parsed->target;
  if (parsed->is_tls) webhook.ca_file = http::kSystemCertificates;
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
