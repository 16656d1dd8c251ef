#include "gateway/s3/s3_metrics.hpp"

namespace stratos::gateway::s3 {

ServiceMetrics::ServiceMetrics(metrics::Registry& registry)
    : bytes_in_(registry.counter("stratos_s3_received_bytes_total")),
      bytes_out_(registry.counter("stratos_s3_sent_bytes_total")),
      running_(registry.gauge("stratos_s3_running_requests")) {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::string op = "op=\"" + std::string(name_of(static_cast<Operation>(i))) + "\"";
    Row& row = rows_[i];
    row.requests = &registry.counter("stratos_s3_requests_total", op);
    row.client_errors = &registry.counter("stratos_s3_errors_total", op + ",by=\"client\"");
    row.server_errors = &registry.counter("stratos_s3_errors_total", op + ",by=\"server\"");
    row.duration = &registry.histogram("stratos_s3_request_seconds", op);
  }
}

void ServiceMetrics::record(const Outcome& outcome) {
  Row& row = rows_[static_cast<std::size_t>(outcome.operation)];
  row.requests->add();
  if (outcome.status >= 400 && outcome.status < 500) row.client_errors->add();
  if (outcome.status >= 500 || outcome.status == 0) row.server_errors->add();
  row.duration->observe_ns(outcome.duration.count());
  bytes_in_.add(outcome.bytes_in);
  bytes_out_.add(outcome.bytes_out);
}

}  // namespace stratos::gateway::s3
