// Input: a target, a line feed, then header lines "name:value".
#include <algorithm>

#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/sigv4.hpp"

namespace {

using namespace stratos;
using namespace stratos::gateway::s3;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

http::Headers take_headers(std::string_view text) {
  http::Headers headers;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    headers.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
  return headers;
}

void parse_foreign(const http::Target& target, const http::Headers& headers, WallTime now) {
  const SignedRequest request{"GET", target, headers};
  const auto claim = parse_claim(request);
  if (!claim || !*claim) return;
  static_cast<void>(check_claim(**claim, {"us-east-1", now}));
  SigningKeys keys(4);
  const auto verified = verify_claim(**claim, request, "a secret nobody has signed with", keys);
  STRATOS_ASSERT(!verified, "a signature out of nothing");
}

// What the client half signs, the server half accepts.
void sign_and_verify(std::string_view text, const http::Target& target, http::Headers headers,
                     WallTime now) {
  if (target.find("X-Amz-Algorithm") || target.find("X-Amz-Signature")) return;
  headers.set("Host", "localhost");
  const Credentials credentials{"id", "secret", "us-east-1"};
  if (!sign_request("PUT", text, headers, "UNSIGNED-PAYLOAD", credentials, now)) return;
  const SignedRequest request{"PUT", target, headers};
  const auto claim = parse_claim(request);
  // Too many headers to sign, or names no server would let in.
  if (!claim || !*claim) return;
  SigningKeys keys(4);
  STRATOS_ASSERT(check_claim(**claim, {"us-east-1", now}), "own claim refused");
  STRATOS_ASSERT(verify_claim(**claim, request, "secret", keys), "own signature refused");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = as_text({data, size});
  const std::string_view line = take_line(text);
  const auto target = http::parse_target(line);
  if (!target) return 0;
  const http::Headers headers = take_headers(text);
  const WallTime now = *parse_amz_date("20130524T000000Z");
  parse_foreign(*target, headers, now);
  sign_and_verify(line, *target, headers, now);
  return 0;
}
