// Receipts: a node's signed word that a fragment is durable. One signature covers everything that
// one group commit made durable: the Merkle root over its fragments. Format:
// docs/formats/receipts.md.
#pragma once
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "codec/record.hpp"
#include "crypto/keys.hpp"

namespace stratos::meta {

struct Receipt {
  static constexpr std::uint8_t kFormat = 1;
  static constexpr std::string_view kDomain = "stratos.receipt.v1";
  NodeId node;
  FragmentId fragment;
  Hash root;                 // BLAKE3 of the fragment
  std::uint64_t length = 0;  // bytes of the fragment
  WallTime lease_until;      // the node keeps it until then without a committed segment
  std::uint32_t leaf = 0;    // place among the group's leaves
  std::uint32_t leaves = 0;
  std::vector<Hash> path;  // siblings from the leaf up
  crypto::MachineKey signer;
  crypto::MachineSignature signature;  // over node (4 bytes big-endian) and the Merkle root
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.fragment);
    field(3, self.root);
    field(4, self.length);
    field(5, self.lease_until);
    field(6, self.leaf);
    field(7, self.leaves);
    field(8, self.path);
    field(9, self.signer);
    field(10, self.signature);
  }
};

// BLAKE3 over domain, fragment, root, length and lease.
Hash receipt_leaf(const Receipt& receipt);
// Inner nodes are BLAKE3 over a domain byte and both children; a node without a sibling moves up.
Hash merkle_root(std::span<const Hash> leaves);
std::vector<Hash> merkle_path(std::span<const Hash> leaves, std::uint32_t index);
// The root that a leaf and its path lead to; Errc::bad_encoding when the path does not fit the
// tree.
Result<Hash> root_from_path(const Hash& leaf, std::uint32_t index, std::uint32_t leaves,
                            std::span<const Hash> path);
Bytes receipt_message(NodeId node, const Hash& merkle_root);
// Fills leaf, leaves, path, signer and signature of the receipts of one group commit: one
// signature.
void sign_receipts(std::span<Receipt> group, const crypto::MachineSigner& signer);
// Errc::bad_signature unless `signer` of the receipt signed it. The caller knows whether that key
// is the node's.
Result<void> verify_receipt(const Receipt& receipt);

}  // namespace stratos::meta
