// The operator's HTTP endpoints of a process: /livez, /readyz, /metrics.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "net/http.hpp"

namespace stratos::cli {

class OpsHandler final : public http::Handler {
 public:
  // Why the process is not ready; empty when it is. Warnings are shown but do not matter.
  struct Readiness {
    std::vector<std::string> reasons;
    std::vector<std::string> warnings;
  };
  OpsHandler(const metrics::Registry& metrics, std::function<Readiness()> readiness)
      : metrics_(metrics), readiness_(std::move(readiness)) {}

  Task<void> handle(http::Request& request, http::ResponseWriter& response) override;

 private:
  const metrics::Registry& metrics_;
  std::function<Readiness()> readiness_;
};

}  // namespace stratos::cli
