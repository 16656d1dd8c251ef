// How a process reaches storage nodes: through memory, TLS or the simulator's network.
#pragma once
#include <memory>

#include "meta/records.hpp"
#include "net/rpc.hpp"

namespace stratos::meta {

// Belongs to one runtime, as the channels it makes do.
class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual std::unique_ptr<net::Channel> dial(const NodeRecord& node) = 0;
};

}  // namespace stratos::meta
