#include "meta/receipt.hpp"

#include "crypto/hash.hpp"

namespace stratos::meta {
namespace {

Hash parent_of(const Hash& left, const Hash& right) {
  Bytes both = {1};
  append(both, left.view());
  append(both, right.view());
  return crypto::blake3(both);
}

std::vector<Hash> level_above(std::span<const Hash> level) {
  std::vector<Hash> above;
  for (std::size_t i = 0; i < level.size(); i += 2) {
    above.push_back(i + 1 < level.size() ? parent_of(level[i], level[i + 1]) : level[i]);
  }
  return above;
}

}  // namespace

Hash receipt_leaf(const Receipt& receipt) {
  Bytes leaf = {0};
  append(leaf, receipt.fragment.segment.view());
  leaf.push_back(receipt.fragment.index);
  append(leaf, receipt.root.view());
  put_be(leaf, receipt.length);
  put_be(leaf, static_cast<std::uint64_t>(receipt.lease_until.ms));
  return crypto::blake3(leaf);
}

Hash merkle_root(std::span<const Hash> leaves) {
  std::vector<Hash> level(leaves.begin(), leaves.end());
  while (level.size() > 1) level = level_above(level);
  return level.empty() ? Hash{} : level[0];
}

std::vector<Hash> merkle_path(std::span<const Hash> leaves, std::uint32_t index) {
  std::vector<Hash> path;
  std::vector<Hash> level(leaves.begin(), leaves.end());
  for (std::size_t at = index; level.size() > 1; at /= 2) {
    const std::size_t sibling = at ^ 1;
    if (sibling < level.size()) path.push_back(level[sibling]);
    level = level_above(level);
  }
  return path;
}

Result<Hash> root_from_path(const Hash& leaf, std::uint32_t index, std::uint32_t leaves,
                            std::span<const Hash> path) {
  if (index >= leaves) return fail(Errc::bad_encoding, "leaf outside of its tree");
  Hash node = leaf;
  std::size_t used = 0;
  std::uint32_t at = index;
  for (std::uint32_t width = leaves; width > 1; width = (width + 1) / 2, at /= 2) {
    if ((at ^ 1) >= width) continue;
    if (used == path.size()) return fail(Errc::bad_encoding, "path too short");
    node = at % 2 == 0 ? parent_of(node, path[used]) : parent_of(path[used], node);
    ++used;
  }
  if (used != path.size()) return fail(Errc::bad_encoding, "path too long");
  return node;
}

Bytes receipt_message(NodeId node, const Hash& root) {
  Bytes message;
  put_be(message, node.value);
  append(message, root.view());
  return message;
}

void sign_receipts(std::span<Receipt> group, const crypto::MachineSigner& signer) {
  if (group.empty()) return;
  std::vector<Hash> leaves;
  for (const Receipt& receipt : group) leaves.push_back(receipt_leaf(receipt));
  const crypto::MachineSignature signature =
      signer.sign(Receipt::kDomain, receipt_message(group[0].node, merkle_root(leaves)));
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i].leaf = static_cast<std::uint32_t>(i);
    group[i].leaves = static_cast<std::uint32_t>(leaves.size());
    group[i].path = merkle_path(leaves, group[i].leaf);
    group[i].signer = signer.public_key();
    group[i].signature = signature;
  }
}

Result<void> verify_receipt(const Receipt& receipt) {
  const Hash leaf = receipt_leaf(receipt);
  STRATOS_TRY(const Hash root, root_from_path(leaf, receipt.leaf, receipt.leaves, receipt.path));
  return crypto::verify(receipt.signer, Receipt::kDomain, receipt_message(receipt.node, root),
                        receipt.signature);
}

}  // namespace stratos::meta
