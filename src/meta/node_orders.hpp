// What the meta layer orders of storage nodes.
#pragma once
#include "meta/limit.hpp"
#include "meta/receipt.hpp"
#include "meta/records.hpp"

namespace stratos::meta {

// Numbered among the methods of storage nodes.
enum class NodeOrder : std::uint16_t {
  rebuild = 0x0104,
  audit = 0x0105,
  list_held = 0x0218,
  attest = 0x0219,
};

// Makes a fragment of a segment from the other fragments, or copies it when its own is among the
// sources, and stores it here. Only the meta layer may ask. The sources are asked in their order
// under the limits that come along, whose orders this node signs; every byte is checked against the
// fragment's root. Errors: Errc::permission_denied, Errc::store_full, Errc::hash_mismatch when what
// came out is not `root`, Errc::object_unreadable when too few sources answer.
struct RebuildRequest {
  struct Source {
    std::uint8_t index = 0;
    NodeRecord node;
    Hash root;
    SignedLimit limit;  // Action::repair, session: the rebuilding node's key
    static void fields(auto& self, auto&& field) {
      field(1, self.index);
      field(2, self.node);
      field(3, self.root);
      field(4, self.limit);
    }
  };
  FragmentId fragment;
  ZoneId zone;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::uint64_t length = 0;     // of every fragment of the segment
  std::optional<Hash> root;     // when it is known from the fragment that was lost
  std::vector<Source> sources;  // at least k, at most 255
  static void fields(auto& self, auto&& field) {
    field(1, self.fragment);
    field(2, self.zone);
    field(3, self.k);
    field(4, self.m);
    field(5, self.length);
    field(6, self.root);
    field(7, self.sources);
  }
};
struct RebuildReply {
  Receipt receipt;
  static void fields(auto& self, auto&& field) { field(1, self.receipt); }
};

// Proves that the node has one leaf of 1 KiB of a fragment: the answer's body is the leaf. Only the
// meta layer may ask. Errors: Errc::permission_denied, Errc::no_such_fragment,
// Errc::fragment_corrupt, Errc::invalid_argument for a leaf beyond the fragment.
struct AuditRequest {
  FragmentId fragment;
  std::uint64_t leaf = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.fragment);
    field(2, self.leaf);
  }
};
constexpr std::size_t kMaxAuditPath = 40;
struct AuditReply {
  Bytes path;  // 32 bytes a step, from the leaf up
  static void fields(auto& self, auto&& field) { field(1, self.path); }
};

// One page of the fragments that stand on the node's disk, in order of fragment id: what the index
// refers to, what it does not, and what waits in the trash. Damaged ones are left out. Only the
// meta layer may ask.
struct HeldRequest {
  std::optional<FragmentId> after;
  std::uint32_t limit = 0;  // at most kMaxHeldPage
  static void fields(auto& self, auto&& field) {
    field(1, self.after);
    field(2, self.limit);
  }
};
constexpr std::uint32_t kMaxHeldPage = 4096;
struct HeldReply {
  struct Item {
    FragmentId fragment;
    Hash root;
    std::uint64_t length = 0;
    static void fields(auto& self, auto&& field) {
      field(1, self.fragment);
      field(2, self.root);
      field(3, self.length);
    }
  };
  std::vector<Item> items;
  bool more = false;
  std::optional<FragmentId> last;  // that was looked at; where the next page begins
  static void fields(auto& self, auto&& field) {
    field(1, self.items);
    field(2, self.more);
    field(3, self.last);
  }
};

// Has the node read a fragment and vouch for it with a receipt and a new lease; one in the trash
// comes out of it. Only the meta layer may ask. Errors: Errc::no_such_fragment,
// Errc::fragment_corrupt.
struct AttestRequest {
  FragmentId fragment;
  static void fields(auto& self, auto&& field) { field(1, self.fragment); }
};
struct AttestReply {
  Receipt receipt;
  static void fields(auto& self, auto&& field) { field(1, self.receipt); }
};

}  // namespace stratos::meta
