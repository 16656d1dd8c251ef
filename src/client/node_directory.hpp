// NodeDirectory: how to reach the storage nodes, and how quickly each has answered of late.
#pragma once
#include <map>
#include <memory>

#include "meta/dialer.hpp"
#include "meta/meta_client.hpp"
#include "net/rpc.hpp"
#include "runtime/sync.hpp"

namespace stratos::client {

using Dialer = meta::Dialer;

// Belongs to one runtime. References outlive it.
class NodeDirectory {
 public:
  NodeDirectory(Runtime& runtime, meta::MetaClient& meta, Dialer& dialer);

  // A node and what is known of it; stays valid as long as the directory.
  struct Node {
    meta::NodeRecord record;
    std::unique_ptr<net::Channel> channel;
    Duration latency{1ms};  // moving average of answers
    bool failed_last = false;
    std::size_t in_flight = 0;
  };
  // Errc::no_such_node; asks the index when the node is new here.
  Task<Result<Node*>> find(NodeId id);
  // Looks again at the registry: endpoints and keys may have changed.
  Task<Result<void>> refresh();
  std::vector<NodeId> known_nodes() const;
  void note_success(Node& node, Duration took);
  void note_failure(Node& node);

 private:
  Task<Result<void>> refresh_since(MonotonicTime asked);

  Runtime& runtime_;
  meta::MetaClient& meta_;
  Dialer& dialer_;
  std::map<NodeId, std::unique_ptr<Node>> nodes_;
  // Channels replaced while calls may still use them.
  std::vector<std::unique_ptr<net::Channel>> retired_;
  MonotonicTime refreshed_;
  Semaphore refreshing_;
};

}  // namespace stratos::client
