#include "gateway/routes.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace stratos::gateway {

std::string host_name(std::string_view host) {
  // An IPv6 address stands in brackets and may hold colons of its own.
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != host.npos && (bracket == host.npos || colon > bracket);
  std::string name(has_port ? host.substr(0, colon) : host);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return name;
}

namespace {

bool fits_host(const std::string& pattern, std::string_view name) {
  if (pattern.empty()) return true;
  if (pattern.front() != '.') return name == pattern;
  return name.size() > pattern.size() && name.ends_with(pattern);
}

bool fits_path(const std::string& prefix, std::string_view path) {
  if (prefix == "/") return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// The whole name, then longer suffixes, then every host; longer paths first.
bool is_more_specific(const Mount& a, const Mount& b) {
  const bool a_exact = !a.host.empty() && a.host.front() != '.';
  const bool b_exact = !b.host.empty() && b.host.front() != '.';
  if (a_exact != b_exact) return a_exact;
  if (a.host.size() != b.host.size()) return a.host.size() > b.host.size();
  return a.path.size() > b.path.size();
}

}  // namespace

void Routes::mount(Mount mount) {
  STRATOS_ASSERT(mount.handler != nullptr, "a mount needs a handler");
  STRATOS_ASSERT(mount.path.starts_with('/') && (mount.path == "/" || !mount.path.ends_with('/')),
                 "a mount's path begins with a slash and ends without one");
  const auto place = std::ranges::upper_bound(mounts_, mount, is_more_specific);
  mounts_.insert(place, std::move(mount));
}

http::Handler* Routes::find(std::string_view host, std::string_view target) const {
  const std::string name = host_name(host);
  const std::string_view path = target.substr(0, target.find('?'));
  const auto fits = [&](const Mount& m) {
    return fits_host(m.host, name) && fits_path(m.path, path);
  };
  const auto found = std::ranges::find_if(mounts_, fits);
  return found == mounts_.end() ? nullptr : found->handler;
}

Task<void> Routes::handle(http::Request& request, http::ResponseWriter& response) {
  http::Handler* handler = find(request.headers.get("host").value_or(""), request.target);
  if (handler != nullptr) co_return co_await handler->handle(request, response);
  http::Headers headers;
  headers.add("Content-Type", "text/plain");
  Buffer body = Buffer::copy_of(as_bytes("nothing is served here\n"));
  [[maybe_unused]] const auto sent =
      co_await response.send(404, std::move(headers), std::move(body));
}

}  // namespace stratos::gateway
