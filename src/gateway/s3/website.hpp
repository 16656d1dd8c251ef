// A bucket as a static website: its configuration, and where a request is led by it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace stratos::gateway::s3 {

constexpr std::size_t kMaxRoutingRules = 50;

struct WebsiteRedirect {
  std::string protocol;  // empty: the request's
  std::string host;      // empty: the request's
  std::optional<std::string> replace_prefix;
  std::optional<std::string> replace_key;
  int status = 301;
};
struct RoutingRule {
  std::string key_prefix;    // empty: any key
  std::optional<int> error;  // only when the answer would be this
  WebsiteRedirect redirect;
};
struct WebsiteRules {
  std::string index_suffix;
  std::string error_key;  // empty: none
  std::optional<WebsiteRedirect> redirect_all;
  std::vector<RoutingRule> routes;
};

// Errc::malformed_xml, Errc::invalid_argument, Errc::invalid_request.
Result<WebsiteRules> parse_website(ByteView text);
std::string website_document(const WebsiteRules& rules);

// The object that stands for a path: the index document of a folder.
std::string key_of_path(const WebsiteRules& rules, std::string_view path);

struct WebsiteTarget {
  std::string location;
  int status = 301;
};
// Where a rule leads a key before it is read (`error` 0), or after it failed with a status.
std::optional<WebsiteTarget> find_route(const WebsiteRules& rules, std::string_view key, int error,
                                        std::string_view host);
std::optional<WebsiteTarget> redirect_of_all(const WebsiteRules& rules, std::string_view key);

// The page of an error that has none of its own.
std::string error_page(int status, std::string_view code, std::string_view message);

}  // namespace stratos::gateway::s3
