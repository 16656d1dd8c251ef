// What a storage node answers: methods and messages. Bodies are fragment bytes.
#pragma once
#include "codec/record.hpp"
#include "meta/limit.hpp"
#include "meta/receipt.hpp"

namespace stratos::resource {

constexpr std::size_t kMaxExtentBytes = 1 << 20;

enum class NodeMethod : std::uint16_t {
  write = 0x0100,
  read = 0x0101,
  stat = 0x0102,
  status = 0x0103,
  sign_off = 0x0118,
};

// Appends one extent (the body, at most kMaxExtentBytes) to a fragment. Extents of one fragment
// come in order of offset. The call with `seal` ends the fragment: its answer comes when all of it
// is durable and carries the receipt. Repeating a call that was answered gives the same answer.
// Errors: Errc::limit_refused, Errc::store_full, Errc::extent_out_of_order, Errc::fragment_sealed,
// Errc::hash_mismatch when `root` is not the root of what arrived.
struct WriteRequest {
  FragmentId fragment;
  ZoneId zone;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::uint64_t offset = 0;
  bool seal = false;
  Hash root;  // BLAKE3 of the whole fragment; with `seal`
  meta::Order order;
  static void fields(auto& self, auto&& field) {
    field(1, self.fragment);
    field(2, self.zone);
    field(3, self.k);
    field(4, self.m);
    field(5, self.offset);
    field(6, self.seal);
    field(7, self.root);
    field(8, self.order);
  }
};
struct WriteReply {
  std::optional<meta::Receipt> receipt;
  static void fields(auto& self, auto&& field) { field(1, self.receipt); }
};

// Reads [offset, offset + length) of a sealed fragment, at most kMaxExtentBytes, cut at its end.
// `with_tree` also returns the chaining values of all 16 KiB groups, so that the reader can check
// the bytes against the fragment's root. Errors: Errc::no_such_fragment, Errc::fragment_corrupt,
// Errc::limit_refused.
struct ReadRequest {
  FragmentId fragment;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  bool with_tree = false;
  meta::Order order;
  static void fields(auto& self, auto&& field) {
    field(1, self.fragment);
    field(2, self.offset);
    field(3, self.length);
    field(4, self.with_tree);
    field(5, self.order);
  }
};
struct ReadReply {
  std::uint64_t fragment_length = 0;
  Bytes groups;  // 32 bytes each
  static void fields(auto& self, auto&& field) {
    field(1, self.fragment_length);
    field(2, self.groups);
  }
};

// Whether the node holds a sealed fragment. Errc::no_such_fragment.
struct StatRequest {
  FragmentId fragment;
  static void fields(auto& self, auto&& field) { field(1, self.fragment); }
};
struct StatReply {
  std::uint64_t length = 0;
  Hash root;
  bool in_trash = false;
  static void fields(auto& self, auto&& field) {
    field(1, self.length);
    field(2, self.root);
    field(3, self.in_trash);
  }
};

// Orders for bytes that were moved before, so that the node is paid for the last of them too. What
// was taken survives the process.
constexpr std::size_t kMaxSignOff = 64;
struct SignOffRequest {
  std::vector<meta::Order> orders;  // each with its limit; at most kMaxSignOff
  static void fields(auto& self, auto&& field) { field(1, self.orders); }
};
struct SignOffReply {
  Bytes taken;  // 1 or 0, in the order of the request
  static void fields(auto& self, auto&& field) { field(1, self.taken); }
};

struct StatusRequest {
  static void fields(auto&, auto&&) {}
};
struct StatusReply {
  NodeId node;
  std::uint64_t used_bytes = 0;  // live fragments
  std::uint64_t trash_bytes = 0;
  std::uint64_t overhead_bytes = 0;
  std::uint64_t free_bytes = 0;  // what may still be stored, reserve taken off
  std::uint64_t fragments = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.used_bytes);
    field(3, self.trash_bytes);
    field(4, self.overhead_bytes);
    field(5, self.free_bytes);
    field(6, self.fragments);
  }
};

}  // namespace stratos::resource
