#include "runtime/host_port.hpp"

#include <charconv>

namespace stratos {
namespace {

std::unexpected<Error> bad(std::string_view text) {
  return fail(Errc::invalid_argument, "not a host:port address: " + std::string(text));
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 300) return bad(text.substr(0, 300));
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return bad(text);
  } else if (host.find_first_of("[]:") != std::string_view::npos) {
    return bad(text);
  }
  HostPort out;
  out.host = host;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return bad(text);
  return out;
}

std::string to_string(const HostPort& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  const std::string host = brackets ? "[" + address.host + "]" : address.host;
  return host + ":" + std::to_string(address.port);
}

}  // namespace stratos
