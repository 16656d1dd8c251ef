// What storage nodes say to the meta layer and hear from it.
#pragma once
#include "codec/record.hpp"
#include "crypto/keys.hpp"
#include "meta/labels.hpp"
#include "meta/node_key.hpp"

namespace stratos::meta {

enum class MetaMethod : std::uint16_t {
  submit = 0x0200,
  query = 0x0201,
  allocate = 0x0202,
  register_node = 0x0203,
  heartbeat = 0x0204,
  feed = 0x0205,
  confirm = 0x0206,
  inventory = 0x0207,
  limits = 0x0208,
  node_status = 0x0209,
  report_lost = 0x020a,
  repair_status = 0x020b,
  report_service = 0x020c,
  backup = 0x020d,
  scan = 0x0214,
};

constexpr std::uint64_t kStorageCapability = 1;

// Announces a machine; the answer names its place in the registry. Repeating it with the same key
// updates endpoint and attributes. Errc::duplicate_node_key when another live process uses the key,
// Errc::missing_label when the network spreads by a level that the machine does not name.
struct RegisterRequest {
  crypto::MachineKey key;
  std::string endpoint;       // "host:port" of its RPC server; empty inside one process
  std::vector<Label> labels;  // at least at the levels of the network's spread
  std::uint64_t capabilities = kStorageCapability;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t incarnation = 0;            // drawn at each start
  std::optional<KeySuccession> succession;  // when `key` takes another's place
  static void fields(auto& self, auto&& field) {
    field(1, self.key);
    field(2, self.endpoint);
    field(3, self.labels);
    field(4, self.capabilities);
    field(5, self.capacity_bytes);
    field(6, self.incarnation);
    field(7, self.succession);
  }
};
struct RegisterReply {
  NodeId node;
  crypto::MachineKey meta_key;  // whose limits the node accepts
  ZoneId zone;
  Generation generation;  // of the zone's index; a smaller one than before is refused
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.meta_key);
    field(3, self.zone);
    field(4, self.generation);
  }
};

// Sent every second or so. Not ordered.
struct HeartbeatRequest {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t trash_bytes = 0;
  std::uint64_t fragments = 0;
  std::string release;  // of the program, at most kMaxReleaseBytes
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.incarnation);
    field(3, self.used_bytes);
    field(4, self.free_bytes);
    field(5, self.trash_bytes);
    field(6, self.fragments);
    field(7, self.release);
  }
};
constexpr std::size_t kMaxReleaseBytes = 32;
struct HeartbeatReply {
  WallTime time;  // ordered time
  Epoch epoch;
  std::uint64_t feed_end = 0;  // last sequence number of the node's feed
  Generation generation;
  static void fields(auto& self, auto&& field) {
    field(1, self.time);
    field(2, self.epoch);
    field(3, self.feed_end);
    field(4, self.generation);
  }
};

// The node's feed: what to keep (a committed segment refers to it now) and what to drop.
enum class FeedKind : std::uint8_t { keep = 1, drop = 2 };
struct FeedEntry {
  std::uint64_t sequence = 0;
  FeedKind kind = FeedKind::keep;
  FragmentId fragment;
  static void fields(auto& self, auto&& field) {
    field(1, self.sequence);
    field(2, self.kind);
    field(3, self.fragment);
  }
};
struct FeedRequest {
  NodeId node;
  std::uint64_t after = 0;  // the last sequence number that the node has made durable
  std::uint32_t limit = 1000;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.after);
    field(3, self.limit);
  }
};
struct FeedReply {
  std::vector<FeedEntry> entries;
  std::uint64_t end = 0;
  bool cursor_too_old = false;  // entries were trimmed: reconcile the whole inventory
  static void fields(auto& self, auto&& field) {
    field(1, self.entries);
    field(2, self.end);
    field(3, self.cursor_too_old);
  }
};

// Asks, for fragments whose lease and grace are over, which of them the index refers to. The answer
// holds at ordered time `time`; what is not referenced may be dropped when `time` is past the lease
// plus grace. While drops pause, time is 0.
struct ConfirmRequest {
  NodeId node;
  std::vector<FragmentId> fragments;  // at most 10,000
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.fragments);
  }
};
struct ConfirmReply {
  WallTime time;
  std::vector<FragmentId> referenced;
  static void fields(auto& self, auto&& field) {
    field(1, self.time);
    field(2, self.referenced);
  }
};

// One page of what the index believes the node holds, in order of fragment id; for reconciliation.
struct InventoryRequest {
  NodeId node;
  std::optional<FragmentId> after;
  std::uint32_t limit = 10000;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.after);
    field(3, self.limit);
  }
};
struct InventoryReply {
  std::vector<FragmentId> fragments;
  bool more = false;
  std::uint64_t feed_end = 0;  // the page is at least as new as this point of the feed
  static void fields(auto& self, auto&& field) {
    field(1, self.fragments);
    field(2, self.more);
    field(3, self.feed_end);
  }
};

// Fragments that the node should hold and finds missing or damaged: repair replaces them.
struct LostRequest {
  NodeId node;
  std::vector<FragmentId> missing;
  std::vector<FragmentId> damaged;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.missing);
    field(3, self.damaged);
  }
};
struct LostReply {
  static void fields(auto&, auto&&) {}
};

}  // namespace stratos::meta
