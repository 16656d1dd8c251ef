// A webhook that the operator named: where events go.
#pragma once
#include <optional>
#include <string>

#include "base/result.hpp"

namespace stratos::gateway::s3 {

struct Webhook {
  std::string name;
  std::string address;  // host:port
  std::string target;   // path and query
  // PEM file of who may vouch for the server's certificate; without one no TLS.
  std::optional<std::string> ca_file;
  std::string token;  // sent as a bearer token; empty: none. Never logged.
};

// `url` is http:// or https://, without user and password: secrets do not belong there.
// Errc::bad_config.
Result<Webhook> make_webhook(std::string name, std::string_view url);
// The text of a token's file: one line of visible characters. Errc::bad_config.
Result<std::string> parse_token(std::string_view text);

}  // namespace stratos::gateway::s3
