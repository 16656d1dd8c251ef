// Merkle trees that a contract can check cheaply: Keccak-256, children in ascending order, so that
// a proof is a list of siblings without places. Format: docs/formats/volume-report.md.
#pragma once
#include <span>
#include <vector>

#include "base/ids.hpp"

namespace stratos::value {

// Longest path that is looked at: trees of up to 2^32 leaves.
constexpr std::size_t kMaxPathHashes = 32;

// The leaf of some words of 32 bytes: hashed twice, so that no inner node can pass for one.
Hash merkle_leaf(ByteView words);

class MerkleTree {
 public:
  explicit MerkleTree(std::vector<Hash> leaves);
  // Zero of a tree without leaves.
  Hash root() const;
  // Siblings from the leaf up; a node without a sibling moves up and adds none.
  std::vector<Hash> path(std::size_t leaf) const;

 private:
  std::vector<std::vector<Hash>> levels_;  // from the leaves up
};

// Errc::bad_report unless the path leads from the leaf to the root.
Result<void> check_path(const Hash& root, const Hash& leaf, std::span<const Hash> path);

}  // namespace stratos::value
