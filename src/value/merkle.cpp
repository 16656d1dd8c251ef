#include "value/merkle.hpp"

#include "base/assert.hpp"
#include "crypto/hash.hpp"

namespace stratos::value {
namespace {

Hash parent_of(const Hash& one, const Hash& other) {
  Bytes both;
  append(both, std::min(one, other).view());
  append(both, std::max(one, other).view());
  return crypto::keccak256(both);
}

}  // namespace

Hash merkle_leaf(ByteView words) { return crypto::keccak256(crypto::keccak256(words).view()); }

MerkleTree::MerkleTree(std::vector<Hash> leaves) {
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const std::vector<Hash>& below = levels_.back();
    std::vector<Hash> level;
    level.reserve((below.size() + 1) / 2);
    for (std::size_t i = 0; i < below.size(); i += 2) {
      level.push_back(i + 1 < below.size() ? parent_of(below[i], below[i + 1]) : below[i]);
    }
    levels_.push_back(std::move(level));
  }
}

Hash MerkleTree::root() const { return levels_.back().empty() ? Hash{} : levels_.back()[0]; }

std::vector<Hash> MerkleTree::path(std::size_t leaf) const {
  STRATOS_ASSERT(leaf < levels_.front().size(), "a leaf of the tree");
  std::vector<Hash> path;
  for (const std::vector<Hash>& level : levels_) {
    if (const std::size_t sibling = leaf ^ 1; sibling < level.size()) {
      path.push_back(level[sibling]);
    }
    leaf /= 2;
  }
  return path;
}

Result<void> check_path(const Hash& root, const Hash& leaf, std::span<const Hash> path) {
  if (path.size() > kMaxPathHashes) return fail(Errc::bad_report, "path too long");
  Hash node = leaf;
  for (const Hash& sibling : path) node = parent_of(node, sibling);
  if (node != root) return fail(Errc::bad_report, "the path leads to another root");
  return {};
}

}  // namespace stratos::value
