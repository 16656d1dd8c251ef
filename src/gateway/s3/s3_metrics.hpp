// Counts of the S3 service, one of each kind for every operation.
#pragma once
#include <array>

#include "base/metrics.hpp"
#include "gateway/s3/s3_request.hpp"

namespace stratos::gateway::s3 {

class ServiceMetrics {
 public:
  explicit ServiceMetrics(metrics::Registry& registry);

  struct Outcome {
    Operation operation = Operation::unsupported;
    int status = 0;  // 0: none was sent
    Duration duration{};
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
  };
  void record(const Outcome& outcome);
  metrics::Gauge& running() { return running_; }

 private:
  struct Row {
    metrics::Counter* requests = nullptr;
    metrics::Counter* client_errors = nullptr;
    metrics::Counter* server_errors = nullptr;
    metrics::Histogram* duration = nullptr;
  };
  std::array<Row, static_cast<std::size_t>(Operation::unsupported) + 1> rows_;
  metrics::Counter& bytes_in_;
  metrics::Counter& bytes_out_;
  metrics::Gauge& running_;
};

}  // namespace stratos::gateway::s3
