#include "net/net_metrics.hpp"

namespace stratos::net {
namespace {

std::string label_of(const std::string& server) { return "server=\"" + server + "\""; }

}  // namespace

ConnectionMetrics::ConnectionMetrics(metrics::Registry* given, const std::string& prefix,
                                     const std::string& server)
    : own_(given == nullptr ? std::make_unique<metrics::Registry>() : nullptr),
      registry(given == nullptr ? *own_ : *given),
      open(registry.gauge(prefix + "_open_connections", label_of(server))),
      accepted(registry.counter(prefix + "_accepted_connections_total", label_of(server))),
      refused(registry.counter(prefix + "_refused_connections_total", label_of(server))),
      failed_handshakes(registry.counter(prefix + "_failed_handshakes_total", label_of(server))),
      received(registry.counter(prefix + "_received_bytes_total", label_of(server))),
      sent(registry.counter(prefix + "_sent_bytes_total", label_of(server))) {}

HttpMetrics::HttpMetrics(metrics::Registry* given, const std::string& server)
    : ConnectionMetrics(given, "stratos_net_http", server),
      displaced(
          registry.counter("stratos_net_http_displaced_connections_total", label_of(server))) {
  constexpr std::array kClasses = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  static_assert(kClasses.size() == std::tuple_size_v<decltype(statuses)>);
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    statuses[i] = &registry.counter("stratos_net_http_requests_total",
                                    label_of(server) + ",status=\"" + kClasses[i] + "\"");
  }
}

}  // namespace stratos::net
