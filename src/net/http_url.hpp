// What an operator names a server by.
#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace stratos::http {

struct Url {
  bool is_tls = false;
  std::string authority;  // as it stands there, for Host
  std::string address;    // host:port
  std::string target;     // path and query, "/" at least
};
// Of at most 2,048 visible characters, http:// or https://, without a fragment, and without user
// and password: secrets do not belong there. Errc::bad_config.
Result<Url> parse_url(std::string_view text);

// What Debian and its kin trust.
constexpr std::string_view kSystemCertificates = "/etc/ssl/certs/ca-certificates.crt";

}  // namespace stratos::http
