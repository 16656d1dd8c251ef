// NodeWatch: the storage nodes as a meta node knows them: which process has which key, who is
// heard, what each said last; and what the index has to tell them.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "meta/index_machine.hpp"
#include "meta/node_wire.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {

// Lives on the meta node's runtime.
class NodeWatch {
 public:
  // References outlive it.
  struct Parts {
    Runtime& runtime;
    const kv::Store& store;
    const IndexMachine& machine;
    std::function<Task<Result<Bytes>>(Verb verb, Bytes command)> order;
    Duration timeout;  // without a heartbeat a node counts as down
  };
  explicit NodeWatch(Parts parts) : parts_(std::move(parts)), tasks_(parts_.runtime, "nodes") {}

  // Gives every known node a full timeout to be heard; from then on the silent ones become down.
  void start();
  Task<void> stop();

  // 0 of a node that was never known here.
  Duration silence_of(NodeId node) const;
  bool is_heard(NodeId node) const;
  // Empty when it never said anything.
  HeartbeatRequest said_by(NodeId node) const;
  std::vector<HeartbeatRequest> all_said() const;
  std::optional<NodeRecord> record_of(NodeId node) const;

  // The caller has shown that it has the key. Errc::duplicate_node_key while another process with
  // it lives; what the order says.
  Task<Result<NodeId>> register_node(RegisterRequest request);
  // Without the generation. The caller is the node. Errc::duplicate_node_key when a newer process
  // has its key; Errc::too_large.
  Task<Result<HeartbeatReply>> heartbeat(HeartbeatRequest request);
  // Errc::no_such_node.
  Result<FeedReply> feed(const FeedRequest& request);
  // Errc::too_large.
  Result<ConfirmReply> confirm(const ConfirmRequest& request) const;
  Result<InventoryReply> inventory(const InventoryRequest& request) const;

 private:
  struct Live {
    HeartbeatRequest said;
    MonotonicTime heard;
    std::optional<MonotonicTime> class_changed;  // since the node registered
  };
  Task<void> watch();
  Task<void> set_state(NodeId node, NodeState from, NodeState next, std::uint32_t free_class);
  Task<void> trim(NodeId node, std::uint64_t up_to);

  Parts parts_;
  std::map<NodeId, Live> live_;
  std::set<NodeId> trimming_;
  TaskGroup tasks_;
};

}  // namespace stratos::meta
