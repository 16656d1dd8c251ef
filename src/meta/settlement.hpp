// Settlement: what nodes handed in of an epoch, how clients split it over their buckets, and the
// reports made of it. Rules and formats: docs/formats/settlement.md.
#pragma once
#include <vector>

#include "meta/commands.hpp"
#include "meta/limit.hpp"
#include "meta/settlement_times.hpp"
#include "value/volume_report.hpp"

namespace stratos::meta {

inline Calendar calendar_of(const Params& params) {
  return Calendar::of(params.epoch_ms, params.settlement);
}

// --- what nodes and clients sign
// -----------------------------------------------------------------

// The orders of one hand-in, in ascending order of (grant, serial).
struct OrderSum {
  GrantId grant;
  std::uint64_t serial = 0;
  std::uint64_t bytes = 0;
};
// BLAKE3 over grant, serial and bytes of each order, 8 bytes big-endian each.
class HandInDigest {
 public:
  void add(const OrderSum& order);
  Hash finish() const;

 private:
  Bytes bytes_;
};
constexpr std::string_view kHandInDomain = "stratos.hand-in.v1";
Bytes hand_in_message(NodeId node, Epoch epoch, const Hash& digest);

// How the bytes that one session signed for in an epoch spread over buckets.
struct Split {
  static constexpr std::uint8_t kFormat = 1;
  static constexpr std::string_view kDomain = "stratos.split.v1";
  struct Row {
    NodeId node;
    Action action = Action::get;
    BucketId bucket;  // zero: signed for, and never delivered
    std::uint64_t bytes = 0;
    static void fields(auto& self, auto&& field) {
      field(1, self.node);
      field(2, self.action);
      field(3, self.bucket);
      field(4, self.bytes);
    }
  };
  Epoch epoch;
  crypto::MachineKey session;
  AccountId payer;
  std::vector<Row> rows;  // in ascending order of (node, action, bucket)
  static void fields(auto& self, auto&& field) {
    field(1, self.epoch);
    field(2, self.session);
    field(3, self.payer);
    field(4, self.rows);
  }
};
constexpr std::size_t kMaxSplitRows = 8192;

// --- commands
// ------------------------------------------------------------------------------------

// Marks what a node handed in as settled. Only meta nodes order it, after they have checked all
// limits and orders; `digest` and `signature` are the node's. A second hand-in of one epoch changes
// nothing; a different one is kept as evidence. Errc::settlement_not_open, settlement_closed,
// no_such_grant, above_grant, bad_hand_in.
struct SettleOrders {
  static constexpr Verb kVerb = Verb::settle_orders;
  // All orders of one session and action under one grant.
  struct Share {
    GrantId grant;
    crypto::MachineKey session;
    Action action = Action::get;
    std::uint64_t limit_bytes = 0;
    std::uint64_t bytes = 0;
    static void fields(auto& self, auto&& field) {
      field(1, self.grant);
      field(2, self.session);
      field(3, self.action);
      field(4, self.limit_bytes);
      field(5, self.bytes);
    }
  };
  struct Reply {
    bool conflict = false;  // settled before, with another digest
    static void fields(auto& self, auto&& field) { field(1, self.conflict); }
  };
  NodeId node;
  Epoch epoch;
  Hash digest;
  crypto::MachineSignature signature;
  std::uint32_t orders = 0;
  std::vector<Share> shares;  // in ascending order of (grant, session, action)
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.epoch);
    field(3, self.digest);
    field(4, self.signature);
    field(5, self.orders);
    field(6, self.shares);
  }
};

// Files a split; once for each epoch and session. Its rows for a node must sum to what the node
// settled, when it has. Errc::split_mismatch, settled_differently, settlement_closed.
struct HandInSplit {
  static constexpr Verb kVerb = Verb::hand_in_split;
  using Reply = Nothing;
  Bytes split;  // encoded Split
  crypto::MachineSignature signature;
  static void fields(auto& self, auto&& field) {
    field(1, self.split);
    field(2, self.signature);
  }
};

// Adds a meta node's signature to a report. Errc::no_such_report, peer_not_trusted.
struct SignReport {
  static constexpr Verb kVerb = Verb::sign_report;
  using Reply = Nothing;
  Epoch epoch;
  value::ReportSignature signature;
  static void fields(auto& self, auto&& field) {
    field(1, self.epoch);
    field(2, self.signature);
  }
};

// --- rows
// ----------------------------------------------------------------------------------------

// How much of a grant limits were handed in for.
struct GrantUse {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t limit_bytes = 0;
  std::uint64_t bytes = 0;
  bool returned = false;  // the rest went back to the account
  static void fields(auto& self, auto&& field) {
    field(1, self.limit_bytes);
    field(2, self.bytes);
    field(3, self.returned);
  }
};
struct SettledNode {
  static constexpr std::uint8_t kFormat = 1;
  NodeId node;
  crypto::MachineKey key;
  Hash digest;
  crypto::MachineSignature signature;
  WallTime settled;
  std::uint32_t orders = 0;
  value::Volume volume;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.key);
    field(3, self.digest);
    field(4, self.signature);
    field(5, self.settled);
    field(6, self.orders);
    field(7, self.volume);
  }
};
// What one session has at one node.
struct SessionShare {
  static constexpr std::uint8_t kFormat = 1;
  AccountId payer;
  NodeId node;
  value::Volume volume;
  static void fields(auto& self, auto&& field) {
    field(1, self.payer);
    field(2, self.node);
    field(3, self.volume);
  }
};
struct SettledPayer {
  static constexpr std::uint8_t kFormat = 1;
  AccountId payer;
  value::Volume volume;
  static void fields(auto& self, auto&& field) {
    field(1, self.payer);
    field(2, self.volume);
  }
};
struct StoredSplit {
  static constexpr std::uint8_t kFormat = 1;
  Bytes split;  // encoded Split
  crypto::MachineSignature signature;
  static void fields(auto& self, auto&& field) {
    field(1, self.split);
    field(2, self.signature);
  }
};
// Two signatures of one node under different hand-ins of one epoch.
struct HandInConflict {
  static constexpr std::uint8_t kFormat = 1;
  NodeId node;
  crypto::MachineKey key;
  Hash first_digest;
  crypto::MachineSignature first_signature;
  Hash second_digest;
  crypto::MachineSignature second_signature;
  WallTime time;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.key);
    field(3, self.first_digest);
    field(4, self.first_signature);
    field(5, self.second_digest);
    field(6, self.second_signature);
    field(7, self.time);
  }
};
// All that an account's settled grants have cost it.
struct ConsumedOzone {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t noz = 0;
  static void fields(auto& self, auto&& field) { field(1, self.noz); }
};

// The counter of `volume` for an action that may stand in a limit; nullptr for another.
std::uint64_t* counter_of(value::Volume& volume, Action action);
std::uint64_t bytes_of(const value::Volume& volume, Action action);

}  // namespace stratos::meta

namespace stratos::meta::keys {

// Rows of settlement: the family, one of these, then what sorts.
enum class Settled : std::uint8_t {
  open_grant = 'g',  // epoch, grant: empty, until the epoch closes
  grant_use = 'u',   // grant
  node = 'n',        // epoch, node
  share = 'h',       // epoch, session, node
  payer = 'a',       // epoch, payer
  split = 'p',       // epoch, session
  conflict = 'x',    // epoch, node
  report = 'r',      // epoch
  consumed = 'c',    // account
};
Bytes settled(Settled kind);
Bytes settled(Settled kind, Epoch epoch);
Bytes open_grant(Epoch epoch, GrantId grant);
Bytes grant_use(GrantId grant);
Bytes settled_node(Epoch epoch, NodeId node);
Bytes session_share(Epoch epoch, const crypto::MachineKey& session, NodeId node);
Bytes shares_of(Epoch epoch, const crypto::MachineKey& session);
Bytes settled_payer(Epoch epoch, const AccountId& payer);
Bytes split(Epoch epoch, const crypto::MachineKey& session);
Bytes conflict(Epoch epoch, NodeId node);
Bytes report(Epoch epoch);
Bytes consumed(const AccountId& account);
// Of a key of one of the kinds that begin with it.
Epoch epoch_of(ByteView key);
// Of a share or a split.
crypto::MachineKey session_of(ByteView key);

}  // namespace stratos::meta::keys
