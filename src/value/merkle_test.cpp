#include "value/merkle.hpp"

#include <gtest/gtest.h>

#include "crypto/hash.hpp"

namespace stratos::value {
namespace {

std::vector<Hash> some_leaves(std::size_t count) {
  std::vector<Hash> leaves;
  for (std::size_t i = 0; i < count; ++i) {
    leaves.push_back(merkle_leaf(Bytes{static_cast<std::uint8_t>(i), 7}));
  }
  return leaves;
}

TEST(MerkleTree, OfNothingHasAZeroRoot) { EXPECT_TRUE(MerkleTree({}).root().is_zero()); }

TEST(MerkleTree, OfOneLeafIsTheLeaf) {
  const std::vector<Hash> leaves = some_leaves(1);
  const MerkleTree tree(leaves);
  EXPECT_EQ(tree.root(), leaves[0]);
  EXPECT_TRUE(tree.path(0).empty());
  EXPECT_TRUE(check_path(tree.root(), leaves[0], {}));
}

TEST(MerkleTree, HashesChildrenInAscendingOrder) {
  const std::vector<Hash> leaves = some_leaves(2);
  Bytes both;
  append(both, std::min(leaves[0], leaves[1]).view());
  append(both, std::max(leaves[0], leaves[1]).view());
  EXPECT_EQ(MerkleTree(leaves).root(), crypto::keccak256(both));
}

TEST(MerkleTree, ProvesEachOfItsLeavesAndNothingElse) {
  for (const std::size_t count : {2UL, 3UL, 4UL, 5UL, 7UL, 8UL, 13UL, 64UL, 100UL}) {
    const std::vector<Hash> leaves = some_leaves(count);
    const MerkleTree tree(leaves);
    for (std::size_t i = 0; i < count; ++i) {
      const std::vector<Hash> path = tree.path(i);
      EXPECT_TRUE(check_path(tree.root(), leaves[i], path)) << i << " of " << count;
      const Hash& other = leaves[(i + 1) % count];
      EXPECT_FALSE(check_path(tree.root(), other, path)) << i << " of " << count;
    }
  }
}

TEST(MerkleTree, RefusesPathsThatAreCutLengthenedOrChanged) {
  const std::vector<Hash> leaves = some_leaves(9);
  const MerkleTree tree(leaves);
  const std::vector<Hash> path = tree.path(3);
  std::vector<Hash> shorter(path.begin(), path.end() - 1);
  std::vector<Hash> longer = path;
  longer.push_back(leaves[0]);
  EXPECT_EQ(check_path(tree.root(), leaves[3], shorter).error().code(), Errc::bad_report);
  EXPECT_EQ(check_path(tree.root(), leaves[3], longer).error().code(), Errc::bad_report);
  for (std::size_t i = 0; i < path.size(); ++i) {
    for (std::size_t byte = 0; byte < Hash::kSize; ++byte) {
      std::vector<Hash> changed = path;
      changed[i].value[byte] ^= 1;
      EXPECT_FALSE(check_path(tree.root(), leaves[3], changed));
    }
  }
}

TEST(MerkleTree, LooksAtNoEndlessPath) {
  const std::vector<Hash> path(kMaxPathHashes + 1);
  EXPECT_EQ(check_path(Hash{}, Hash{}, path).error().code(), Errc::bad_report);
}

TEST(MerkleTree, AnInnerNodeIsNoLeaf) {
  const std::vector<Hash> leaves = some_leaves(4);
  Bytes both;
  append(both, std::min(leaves[0], leaves[1]).view());
  append(both, std::max(leaves[0], leaves[1]).view());
  // Hashed as a leaf it gives something else than the inner node.
  EXPECT_NE(merkle_leaf(both), crypto::keccak256(both));
}

}  // namespace
}  // namespace stratos::value
