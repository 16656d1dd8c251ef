// Verbs on storage nodes: the registry and the feeds. Format: docs/formats/index.md.
#pragma once
#include "meta/commands.hpp"

namespace stratos::meta {

// Errc::missing_label, Errc::invalid_argument, Errc::too_large, Errc::bad_signature.
struct RegisterNode {
  static constexpr Verb kVerb = Verb::register_node;
  struct Reply {
    NodeId node;
    static void fields(auto& self, auto&& field) { field(1, self.node); }
  };
  crypto::MachineKey key;
  std::string endpoint;
  std::vector<Label> labels;
  std::uint64_t capabilities = 0;
  std::uint64_t capacity_bytes = 0;
  std::uint32_t free_class = 0;
  // The node that has this key gets the new one. Of no effect when no node has it.
  std::optional<KeySuccession> succession;
  static void fields(auto& self, auto&& field) {
    field(1, self.key);
    field(2, self.endpoint);
    field(3, self.labels);
    field(4, self.capabilities);
    field(5, self.capacity_bytes);
    field(6, self.free_class);
    field(7, self.succession);
  }
};
struct SetNodeState {
  static constexpr Verb kVerb = Verb::set_node_state;
  using Reply = Nothing;
  NodeId node;
  NodeState state = NodeState::down;
  std::uint32_t free_class = 0;
  // The state changes only from this one: whoever watches may be behind.
  std::optional<NodeState> from;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.state);
    field(3, self.free_class);
    field(4, self.from);
  }
};
// Drops feed entries that the node has made durable.
struct TrimFeed {
  static constexpr Verb kVerb = Verb::trim_feed;
  using Reply = Nothing;
  NodeId node;
  std::uint64_t up_to = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.up_to);
  }
};

}  // namespace stratos::meta
