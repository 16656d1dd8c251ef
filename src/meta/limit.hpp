// Limits and orders: who may move how many bytes to or from which node, and what the payer has
// signed for. Formats and rules: docs/formats/orders.md.
#pragma once
#include "base/ids.hpp"
#include "codec/record.hpp"
#include "crypto/keys.hpp"

namespace stratos::meta {

// Pays for repair, audit and balance; grants to it are not taken from a balance.
constexpr AccountId kNetworkAccount{};

enum class Action : std::uint8_t { put = 1, get = 2, audit = 3, repair = 4 };

// Permission for one payer to use one node for one action, in bytes, in one epoch. Signed by the
// meta node that holds the grant, which never signs more than the grant.
struct Limit {
  static constexpr std::uint8_t kFormat = 1;
  static constexpr std::string_view kDomain = "stratos.limit.v1";
  std::uint64_t serial = 0;  // unique within the grant
  GrantId grant;
  ZoneId zone;
  Epoch epoch;
  AccountId payer;
  crypto::MachineKey session;  // one-time public key whose orders count under this limit
  NodeId node;
  Action action = Action::get;
  std::uint64_t bytes = 0;
  WallTime expires;
  Generation generation{1};  // of the zone's index; nodes refuse limits of an older one
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.serial);
    field(2, self.grant);
    field(3, self.zone);
    field(4, self.epoch);
    field(5, self.payer);
    field(6, self.session);
    field(7, self.node);
    field(8, self.action);
    field(9, self.bytes);
    field(10, self.expires);
    field(11, self.generation);
  }
};

// A limit as it travels: the exact bytes that were signed.
struct SignedLimit {
  Bytes limit;  // encoded Limit
  crypto::MachineKey signer;
  crypto::MachineSignature signature;
  static void fields(auto& self, auto&& field) {
    field(1, self.limit);
    field(2, self.signer);
    field(3, self.signature);
  }
};

// The payer's word for the bytes moved so far under one limit; only grows. What is signed, with the
// limit's session key in domain kDomain: grant (8 bytes big-endian), serial (8), bytes (8).
struct Order {
  static constexpr std::string_view kDomain = "stratos.order.v1";
  GrantId grant;
  std::uint64_t serial = 0;
  std::uint64_t bytes = 0;
  crypto::MachineSignature signature;
  // Sent until the node has answered once under this limit.
  std::optional<SignedLimit> limit;
  static void fields(auto& self, auto&& field) {
    field(1, self.grant);
    field(2, self.serial);
    field(3, self.bytes);
    field(4, self.signature);
    field(5, self.limit);
  }
};
Bytes order_message(GrantId grant, std::uint64_t serial, std::uint64_t bytes);

// A node gives credit of one step beyond the last signed order.
constexpr std::uint64_t kOrderStepBytes = 1 << 20;

}  // namespace stratos::meta
