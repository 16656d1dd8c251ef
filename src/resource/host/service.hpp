// Service: what a resource node hosts. Storage is the first; databases, functions and edge caches
// are the next.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "meta/node_wire.hpp"
#include "net/rpc.hpp"
#include "runtime/runtime.hpp"

namespace stratos::resource {

// What the node is in the network, once the meta layer has said so.
struct Membership {
  NodeId node;
  crypto::MachineKey meta_key;  // whose limits count
  ZoneId zone;
  Generation generation;
};

// Lives on the node's runtime. A service counts its own metrics.
class Service {
 public:
  virtual ~Service() = default;
  virtual std::string_view name() const = 0;
  // The bit that placement looks for.
  virtual std::uint64_t capability() const = 0;
  // Once, before anything is served. Handlers refuse with Errc::unavailable until joined().
  virtual void add_routes(net::Router& router) = 0;
  // After each registration.
  virtual void joined(const Membership& membership) = 0;
  // Adds the service's figures to the next heartbeat.
  virtual void report(meta::HeartbeatRequest& heartbeat) const = 0;
  // After each answered heartbeat.
  virtual void heard(const meta::HeartbeatReply& reply) = 0;
  // Why the service cannot do its whole work now; empty when it can.
  virtual std::vector<std::string> unready() const = 0;
  // Takes no new data from now on, serves what it has.
  virtual void drain() = 0;
  virtual Task<void> stop() = 0;
};

}  // namespace stratos::resource
