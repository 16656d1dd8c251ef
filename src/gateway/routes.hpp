// Routes: the gateway's one table of what is mounted where. S3 is the first mount.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace stratos::gateway {

// The name in a Host header: lower case, without its port.
std::string host_name(std::string_view host);

// A handler and the requests that are its own.
struct Mount {
  // "" for every host, "api.example.org" for this one, ".example.org" for all names below it.
  // Lower case, without port.
  std::string host;
  // "/console" for this path and everything below it; "/" for all.
  std::string path = "/";
  http::Handler* handler = nullptr;  // outlives the table
};

// The most specific mount answers: by host first (the name, the longest suffix, every host), then
// by the longest path. A request that nothing is mounted for is answered 404.
class Routes final : public http::Handler {
 public:
  // Before the first request.
  void mount(Mount mount);
  Task<void> handle(http::Request& request, http::ResponseWriter& response) override;

  // Null when nothing fits. `host` may have a port; `target` may have a query.
  http::Handler* find(std::string_view host, std::string_view target) const;

 private:
  std::vector<Mount> mounts_;  // the most specific first
};

}  // namespace stratos::gateway
