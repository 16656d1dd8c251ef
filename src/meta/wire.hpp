// What clients of the meta layer say to a meta node. Every reply names the zone and the height it
// holds at.
#pragma once
#include "meta/limit.hpp"
#include "meta/node_wire.hpp"
#include "meta/upload_commands.hpp"

namespace stratos::meta {

// Commands to be ordered; answered when they are durable and visible.
struct SubmitRequest {
  std::vector<Item> items;  // encoded, at most kMaxItemsBytes together
  static void fields(auto& self, auto&& field) { field(1, self.items); }
};
constexpr std::size_t kMaxItemsBytes = 1'000'000;
struct SubmitReply {
  ZoneId zone;
  Height height;
  std::vector<ItemResult> results;
  Generation generation;  // of the zone's index; clients refuse a smaller one than before
  static void fields(auto& self, auto&& field) {
    field(1, self.zone);
    field(2, self.height);
    field(3, self.results);
    field(4, self.generation);
  }
};

// A read of the committed state; linearizable at the node that orders.
struct QueryRequest {
  std::string path;
  Bytes query;
  Height min_height;  // Errc::unavailable when the replica has not come so far
  static void fields(auto& self, auto&& field) {
    field(1, self.path);
    field(2, self.query);
    field(3, self.min_height);
  }
};
struct QueryReply {
  ZoneId zone;
  Height height;
  Bytes reply;
  Generation generation;
  static void fields(auto& self, auto&& field) {
    field(1, self.zone);
    field(2, self.height);
    field(3, self.reply);
    field(4, self.generation);
  }
};

// Ids for new segments, each with the nodes that may hold it in order of preference.
struct AllocateRequest {
  AccountId payer;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::uint32_t segments = 1;  // at most 256
  static void fields(auto& self, auto&& field) {
    field(1, self.payer);
    field(2, self.k);
    field(3, self.m);
    field(4, self.segments);
  }
};
struct AllocateReply {
  struct Allocation {
    SegmentId segment;
    std::vector<NodeId> ranked;
    static void fields(auto& self, auto&& field) {
      field(1, self.segment);
      field(2, self.ranked);
    }
  };
  ZoneId zone;
  std::uint64_t table_version = 0;
  std::vector<Allocation> allocations;
  WallTime good_until;  // commit segments of these ids before
  static void fields(auto& self, auto&& field) {
    field(1, self.zone);
    field(2, self.table_version);
    field(3, self.allocations);
    field(4, self.good_until);
  }
};

// Limits for one action at several nodes.
struct LimitsRequest {
  AccountId payer;
  crypto::MachineKey session;
  Action action = Action::get;
  std::vector<NodeId> nodes;  // at most 256
  std::uint64_t bytes = 0;    // for each node, at most kMaxLimitBytes
  static void fields(auto& self, auto&& field) {
    field(1, self.payer);
    field(2, self.session);
    field(3, self.action);
    field(4, self.nodes);
    field(5, self.bytes);
  }
};
constexpr std::uint64_t kMaxLimitBytes = 1ULL << 34;
struct LimitsReply {
  std::vector<SignedLimit> limits;  // in the order of the nodes
  std::uint64_t good_for_ms = 0;    // then the client turns to the next epoch's limits
  static void fields(auto& self, auto&& field) {
    field(1, self.limits);
    field(2, self.good_for_ms);
  }
};

// What nodes said of themselves last; not ordered.
struct NodeStatusRequest {
  static void fields(auto&, auto&&) {}
};
struct NodeStatusReply {
  std::vector<HeartbeatRequest> nodes;
  static void fields(auto& self, auto&& field) { field(1, self.nodes); }
};

// Writes what is new to every copy of the index, now, and says how they stand. Errc::not_found when
// this meta node keeps none.
struct BackupRequest {
  bool only_status = false;  // writes nothing, and fails for no want of copies
  static void fields(auto& self, auto&& field) { field(1, self.only_status); }
};
struct BackupReply {
  struct Place {
    std::string where;
    Height height;  // up to which all is in it
    WallTime at;    // of the last step that succeeded; 0: none did since the meta node started
    std::uint64_t failures = 0;  // steps in a row that did not
    std::string last_error;
    static void fields(auto& self, auto&& field) {
      field(1, self.where);
      field(2, self.height);
      field(3, self.at);
      field(4, self.failures);
      field(5, self.last_error);
    }
  };
  std::vector<Place> places;
  WallTime now;
  Generation generation;
  bool drops_pause = false;  // since a restore, until the operator resumes them
  static void fields(auto& self, auto&& field) {
    field(1, self.places);
    field(2, self.now);
    field(3, self.generation);
    field(4, self.drops_pause);
  }
};

// How the comparison of the index with what nodes hold stands; the answer is a ScanStatus. Begins
// one when it is asked for and none runs. Errc::not_found when this meta node reaches no nodes.
struct ScanRequest {
  bool start = false;
  static void fields(auto& self, auto&& field) { field(1, self.start); }
};

// How repair stands; the answer is a RepairStatus. Not ordered.
struct RepairStatusRequest {
  static void fields(auto&, auto&&) {}
};

}  // namespace stratos::meta
