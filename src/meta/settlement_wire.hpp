// What storage nodes say to a meta node to be paid, and what anyone may ask about reports.
#pragma once
#include <optional>

#include "meta/limit.hpp"
#include "meta/settlement.hpp"
#include "meta/state.hpp"

namespace stratos::meta {

enum class SettleMethod : std::uint16_t {
  window = 0x0210,
  hand_in = 0x0211,
  report = 0x0212,
  proof = 0x0213,
};

// Which epochs a node may hand in now.
struct WindowRequest {
  NodeId node;
  static void fields(auto& self, auto&& field) { field(1, self.node); }
};
struct WindowReply {
  Epoch first;                // older ones are closed: their orders are worth nothing any more
  Epoch end;                  // from here on: not yet
  std::uint64_t wait_ms = 0;  // until `end` moves on
  static void fields(auto& self, auto&& field) {
    field(1, self.first);
    field(2, self.end);
    field(3, self.wait_ms);
  }
};

// The largest order under one limit.
struct HandInOrder {
  SignedLimit limit;
  std::uint64_t bytes = 0;
  crypto::MachineSignature signature;
  static void fields(auto& self, auto&& field) {
    field(1, self.limit);
    field(2, self.bytes);
    field(3, self.signature);
  }
};
constexpr std::size_t kMaxHandInPage = 256;
constexpr std::uint32_t kMaxHandInPages = 64;

// One page of all orders that a node keeps of an epoch, in ascending order of (grant, serial).
// Pages come in order and name the same digest; page 0 begins anew. The last page is answered when
// the whole is settled. Errors: Errc::too_large, bad_hand_in (an order that cannot be settled, a
// page out of order, another digest than announced), settled_differently, settlement_not_open,
// settlement_closed.
struct HandInRequest {
  NodeId node;
  Epoch epoch;
  Hash digest;
  crypto::MachineSignature signature;  // of the node, over hand_in_message
  std::uint32_t page = 0;
  std::uint32_t pages = 0;
  std::vector<HandInOrder> orders;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.epoch);
    field(3, self.digest);
    field(4, self.signature);
    field(5, self.page);
    field(6, self.pages);
    field(7, self.orders);
  }
};
struct HandInReply {
  bool settled = false;
  static void fields(auto& self, auto&& field) { field(1, self.settled); }
};

// A stored report with the keys that may sign it. Errc::no_such_report.
struct ReportRequest {
  static constexpr std::string_view kPath = "volume_report";
  struct Reply {
    value::SignedReport report;
    std::vector<crypto::MachineKey> registry;
    static void fields(auto& self, auto&& field) {
      field(1, self.report);
      field(2, self.registry);
    }
  };
  Epoch epoch;
  static void fields(auto& self, auto&& field) { field(1, self.epoch); }
};
// The leaf of a payer or of a node with its path to the report's root. Errc::no_such_report,
// not_found, invalid_argument unless one of both is named.
struct ProofRequest {
  static constexpr std::string_view kPath = "volume_proof";
  struct Reply {
    std::optional<value::PayerLeaf> payer;
    std::optional<value::NodeLeaf> node;
    std::vector<Hash> path;
    static void fields(auto& self, auto&& field) {
      field(1, self.payer);
      field(2, self.node);
      field(3, self.path);
    }
  };
  Epoch epoch;
  std::optional<AccountId> payer;
  std::optional<NodeId> node;
  static void fields(auto& self, auto&& field) {
    field(1, self.epoch);
    field(2, self.payer);
    field(3, self.node);
  }
};

// The epochs of which something is settled or split, from `first` on.
struct ListSettledEpochs {
  static constexpr std::string_view kPath = "settled_epochs";
  struct Reply {
    std::vector<Epoch> epochs;
    bool more = false;
    static void fields(auto& self, auto&& field) {
      field(1, self.epochs);
      field(2, self.more);
    }
  };
  Epoch first;
  std::uint32_t limit = 1000;  // at most
  static void fields(auto& self, auto&& field) {
    field(1, self.first);
    field(2, self.limit);
  }
};

// What is known of the sessions of an epoch, in order of session.
struct GetUsage {
  static constexpr std::string_view kPath = "usage";
  struct Session {
    crypto::MachineKey session;
    std::vector<SessionShare> shares;  // by node
    std::optional<Split> split;
    static void fields(auto& self, auto&& field) {
      field(1, self.session);
      field(2, self.shares);
      field(3, self.split);
    }
  };
  struct Reply {
    std::vector<Session> sessions;
    bool more = false;
    static void fields(auto& self, auto&& field) {
      field(1, self.sessions);
      field(2, self.more);
    }
  };
  Epoch epoch;
  std::optional<crypto::MachineKey> after;
  std::uint32_t limit = 100;  // of sessions; at most
  std::optional<crypto::MachineKey> only;
  static void fields(auto& self, auto&& field) {
    field(1, self.epoch);
    field(2, self.after);
    field(3, self.limit);
    field(4, self.only);
  }
};

// The settled nodes of an epoch, its contradictions, and the payers.
struct GetSettlement {
  static constexpr std::string_view kPath = "settlement";
  struct Reply {
    WallTime opens;
    WallTime closes;
    std::vector<SettledNode> nodes;
    std::vector<SettledPayer> payers;
    std::vector<HandInConflict> conflicts;
    static void fields(auto& self, auto&& field) {
      field(1, self.opens);
      field(2, self.closes);
      field(3, self.nodes);
      field(4, self.payers);
      field(5, self.conflicts);
    }
  };
  Epoch epoch;
  static void fields(auto& self, auto&& field) { field(1, self.epoch); }
};

// A query of this file; nullopt for another path.
std::optional<Result<Bytes>> answer_settlement(const State& state, std::string_view path,
                                               ByteView request);

}  // namespace stratos::meta
