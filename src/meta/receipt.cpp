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
  above.reserve((level.size() + 1) / 2);
  for (std::size_t i = 0; i < level.size(); i += 2) {
    above.push_back(i + 1 < level.size() ? parent_of(level[i], level[i + 1]) : level[i]);
  }
  return above;
}

using Levels = std::vector<std::vector<Hash>>;  // from the leaves up to the root

Levels levels_of(std::vector<Hash> leaves) {
  Levels levels;
  levels.push_back(std::move(leaves));
  while (levels.back().size() > 1) levels.push_back(level_above(levels.back()));
  return levels;
}

std::vector<Hash> path_in(const Levels& levels, std::uint32_t index) {
  std::vector<Hash> path;
  std::size_t at = index;
  for (const std::vector<Hash>& level : levels) {
    if (const std::size_t sibling = at ^ 1; sibling < level.size()) path.push_back(level[sibling]);
    at /= 2;
  }
  return path;
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
  return leaves.empty() ? Hash{} : levels_of({leaves.begin(), leaves.end()}).back()[0];
}

std::vector<Hash> merkle_path(std::span<const Hash> leaves, std::uint32_t index) {
  return path_in(levels_of({leaves.begin(), leaves.end()}), index);
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
  const Levels levels = levels_of(std::move(leaves));
  const crypto::MachineSignature signature =
      signer.sign(Receipt::kDomain, receipt_message(group[0].node, levels.back()[0]));
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i].leaf = static_cast<std::uint32_t>(i);
    group[i].leaves = static_cast<std::uint32_t>(group.size());
    group[i].path = path_in(levels, group[i].leaf);
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
