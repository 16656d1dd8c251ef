// "host:port" as used for every address of the program.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace stratos {

struct HostPort {
  std::string host;  // without brackets; empty means every interface
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// "name:80", "127.0.0.1:0", "[::1]:80", ":80". An IPv6 address needs its brackets.
// Errc::invalid_argument otherwise.
Result<HostPort> parse_host_port(std::string_view text);
// The inverse: brackets around a host with colons.
std::string to_string(const HostPort& address);

}  // namespace stratos
