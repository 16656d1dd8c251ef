// What servers count. Labels are few and fixed: the server's name, the class of a status.
#pragma once
#include <array>

#include "base/metrics.hpp"

namespace stratos::net {

// Refers to metrics of a registry that outlives it.
struct ConnectionMetrics {
  // Metrics are called PREFIX_... and bear the server's name. Without a registry all count into one
  // of their own.
  ConnectionMetrics(metrics::Registry* registry, const std::string& prefix,
                    const std::string& server);

 private:
  std::unique_ptr<metrics::Registry> own_;

 public:
  metrics::Registry& registry;
  metrics::Gauge& open;
  metrics::Counter& accepted;
  metrics::Counter& refused;  // because of the limit
  metrics::Counter& failed_handshakes;
  metrics::Counter& received;  // bytes, before TLS
  metrics::Counter& sent;
};

struct HttpMetrics : ConnectionMetrics {
  HttpMetrics(metrics::Registry* registry, const std::string& server);

  // 0: none was sent.
  void count_status(int status) {
    const auto row = static_cast<std::size_t>(status / 100);
    statuses[row < statuses.size() ? row : 0]->add();
  }
  std::array<metrics::Counter*, 6> statuses{};
  metrics::Counter& displaced;  // connections that made room for others
};

// Counts one open connection.
class OpenConnection {
 public:
  explicit OpenConnection(metrics::Gauge& open) : open_(open) { open_.add(1); }
  ~OpenConnection() { open_.add(-1); }
  OpenConnection(const OpenConnection&) = delete;
  OpenConnection& operator=(const OpenConnection&) = delete;

 private:
  metrics::Gauge& open_;
};

}  // namespace stratos::net
