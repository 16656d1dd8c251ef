// Cross-origin rules of a bucket, and what they answer a browser.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace stratos::gateway::s3 {

constexpr std::size_t kMaxCorsRules = 100;

struct CorsRule {
  std::string id;
  std::vector<std::string> origins;  // with at most one * each
  std::vector<std::string> methods;
  std::vector<std::string> headers;  // lower case, with at most one * each
  std::vector<std::string> exposed;
  std::optional<std::uint32_t> max_age_s;
};

struct CorsQuestion {
  std::string_view origin;
  std::string_view method;   // that is, or will be, used
  std::string_view headers;  // that will be sent, comma separated
};

// The first rule that lets the question pass; nullptr for none.
const CorsRule* find_cors_rule(const std::vector<CorsRule>& rules, const CorsQuestion& question);
// Access-Control-* and Vary.
http::Headers cors_headers(const CorsRule& rule, const CorsQuestion& question, bool preflight);

// Errc::malformed_xml, Errc::invalid_request for methods and wildcards that S3 does not have.
Result<std::vector<CorsRule>> parse_cors(ByteView text);
std::string cors_document(const std::vector<CorsRule>& rules);

}  // namespace stratos::gateway::s3
