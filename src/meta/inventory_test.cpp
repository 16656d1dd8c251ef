#include "meta/inventory.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "crypto/hash.hpp"

namespace stratos::meta {
namespace {

InventoryLeaf leaf_number(std::size_t i) {
  InventoryLeaf leaf;
  Bytes id;
  put_be(id, std::uint64_t{1});
  put_be(id, std::uint64_t{i});
  leaf.fragment = {SegmentId::from(id).value(), static_cast<std::uint8_t>(i % 6)};
  leaf.root = crypto::blake3(id);
  leaf.length = 1 + i * i % 97;
  return leaf;
}
std::vector<InventoryLeaf> leaves_of(std::size_t count) {
  std::vector<InventoryLeaf> leaves;
  for (std::size_t i = 0; i < count; ++i) leaves.push_back(leaf_number(i));
  return leaves;
}
std::vector<InventoryNode> nodes_of(std::span<const InventoryLeaf> leaves) {
  std::vector<InventoryNode> nodes;
  for (const InventoryLeaf& leaf : leaves) nodes.push_back(inventory_leaf(leaf));
  return nodes;
}

// The definition from the top: the left child is the largest whole tree that leaves something over.
InventoryNode defined(std::span<const InventoryLeaf> leaves) {
  if (leaves.empty()) return {};
  if (leaves.size() == 1) {
    Bytes bytes = {0};
    append(bytes, leaves[0].fragment.segment.view());
    bytes.push_back(leaves[0].fragment.index);
    append(bytes, leaves[0].root.view());
    put_be(bytes, leaves[0].length);
    return {crypto::keccak256(bytes), leaves[0].length};
  }
  const std::size_t left_size = std::bit_floor(leaves.size() - 1);
  const InventoryNode left = defined(leaves.first(left_size));
  const InventoryNode right = defined(leaves.subspan(left_size));
  Bytes bytes = {1};
  append(bytes, left.hash.view());
  put_be(bytes, left.sum);
  append(bytes, right.hash.view());
  put_be(bytes, right.sum);
  return {crypto::keccak256(bytes), left.sum + right.sum};
}

struct Proof {
  InventoryNode root;
  std::uint64_t position = 0;
  InventoryLeaf leaf;
  std::vector<InventoryStep> path;
  Result<std::uint64_t> verify() const { return verify_inventory_path(root, position, leaf, path); }
  Errc code() const {
    const auto offset = verify();
    return offset ? Errc{} : offset.error().code();
  }
};
Proof proof_of(const std::vector<InventoryLeaf>& leaves, std::uint64_t position) {
  const std::vector<InventoryNode> nodes = nodes_of(leaves);
  Proof proof;
  proof.root = inventory_over(nodes);
  proof.position = position;
  const std::size_t index = find_in_inventory(nodes, position);
  proof.leaf = leaves[index];
  add_inventory_steps(nodes, index, proof.path);
  return proof;
}

TEST(InventoryTree, IsTheDefinedOneAtEverySize) {
  for (std::size_t count = 0; count <= 70; ++count) {
    const auto leaves = leaves_of(count);
    EXPECT_EQ(inventory_over(nodes_of(leaves)), defined(leaves)) << count;
  }
}

TEST(InventoryTree, ChangesWithEveryFieldOfALeaf) {
  const InventoryLeaf leaf = leaf_number(3);
  std::vector<InventoryLeaf> others(4, leaf);
  others[0].fragment.segment.value[15] ^= 1;
  others[1].fragment.index ^= 1;
  others[2].root.value[0] ^= 1;
  others[3].length ^= 1;
  for (const InventoryLeaf& other : others) {
    EXPECT_NE(inventory_leaf(other).hash, inventory_leaf(leaf).hash);
  }
}

TEST(InventoryPath, ProvesEveryByte) {
  for (const std::size_t count : {1U, 2U, 3U, 5U, 16U, 17U, 33U}) {
    const auto leaves = leaves_of(count);
    std::uint64_t position = 0;
    for (const InventoryLeaf& leaf : leaves) {
      for (std::uint64_t offset = 0; offset < leaf.length; ++offset, ++position) {
        const Proof proof = proof_of(leaves, position);
        EXPECT_EQ(proof.leaf, leaf);
        ASSERT_TRUE(proof.verify()) << count << " " << position;
        EXPECT_EQ(*proof.verify(), offset);
      }
    }
  }
}

TEST(InventoryPath, IsRefusedBeyondTheInventory) {
  Proof proof = proof_of(leaves_of(5), 0);
  proof.position = proof.root.sum;
  EXPECT_EQ(proof.code(), Errc::invalid_argument);
  proof.position = ~0ULL;
  EXPECT_EQ(proof.code(), Errc::invalid_argument);
  EXPECT_EQ(verify_inventory_path({}, 0, leaf_number(0), {}).error().code(),
            Errc::invalid_argument);
}

TEST(InventoryPath, DoesNotProveBytesOfOtherLeaves) {
  const auto leaves = leaves_of(17);
  for (std::uint64_t position = 0; position < inventory_over(nodes_of(leaves)).sum; ++position) {
    Proof proof = proof_of(leaves, position);
    const std::uint64_t begin = position - *proof.verify();
    if (begin > 0) {
      proof.position = begin - 1;
      EXPECT_EQ(proof.code(), Errc::hash_mismatch);
    }
    proof.position = begin + proof.leaf.length;
    if (proof.position < proof.root.sum) {
      EXPECT_EQ(proof.code(), Errc::hash_mismatch);
    }
  }
}

TEST(InventoryPath, IsRefusedWhenAnythingIsChanged) {
  const Proof good = proof_of(leaves_of(33), 700);
  ASSERT_EQ(good.code(), Errc{});
  std::vector<Proof> bad(9, good);
  bad[0].leaf.fragment.segment.value[3] ^= 1;
  bad[1].leaf.fragment.index ^= 1;
  bad[2].leaf.root.value[31] ^= 1;
  ++bad[3].leaf.length;
  bad[4].path.pop_back();
  bad[5].path.push_back(bad[5].path.back());
  bad[6].path.erase(bad[6].path.begin());
  bad[7].root.hash.value[0] ^= 1;
  ++bad[8].root.sum;
  for (std::size_t step = 0; step < good.path.size(); ++step) {
    std::vector<Proof> tampered(3, good);
    tampered[0].path[step].sibling.hash.value[7] ^= 1;
    ++tampered[1].path[step].sibling.sum;
    tampered[2].path[step].left = !good.path[step].left;
    bad.insert(bad.end(), tampered.begin(), tampered.end());
  }
  for (std::size_t i = 0; i < bad.size(); ++i) EXPECT_EQ(bad[i].code(), Errc::hash_mismatch) << i;
}

// Bytes moved from one child to the other would make another leaf hold a position.
TEST(InventoryPath, HoldsWhereTheBytesOfBothChildrenMeet) {
  Proof proof = proof_of(leaves_of(2), 0);
  proof.path[0].sibling.sum -= 1;
  proof.leaf.length += 1;
  EXPECT_EQ(proof.code(), Errc::hash_mismatch);
}

TEST(InventoryPath, IsRefusedWithSumsThatOverflow) {
  Proof proof = proof_of(leaves_of(3), 0);
  proof.path[0].sibling.sum = ~0ULL;
  EXPECT_EQ(proof.code(), Errc::hash_mismatch);
}

TEST(InventoryPath, IsRefusedWhenLonger) {
  Proof proof = proof_of(leaves_of(1), 0);
  proof.path.assign(kMaxInventoryPath + 1, {});
  EXPECT_EQ(proof.code(), Errc::hash_mismatch);
}

RC_GTEST_PROP(InventoryPath, HoldsForRandomTreesAndPositions, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(1, 300);
  std::vector<InventoryLeaf> leaves = leaves_of(count);
  for (InventoryLeaf& leaf : leaves) leaf.length = *rc::gen::inRange<std::uint64_t>(1, 1ULL << 27);
  const std::uint64_t sum = defined(leaves).sum;
  const Proof proof = proof_of(leaves, *rc::gen::inRange<std::uint64_t>(0, sum));
  RC_ASSERT(proof.root == defined(leaves));
  RC_ASSERT(proof.code() == Errc{});
}

nlohmann::json to_json(const Proof& proof) {
  nlohmann::json steps = nlohmann::json::array();
  for (const InventoryStep& step : proof.path) {
    steps.push_back(
        {{"hash", step.sibling.hash.hex()}, {"sum", step.sibling.sum}, {"left", step.left}});
  }
  return {{"position", proof.position},
          {"offset", proof.verify().value()},
          {"segment", proof.leaf.fragment.segment.hex()},
          {"index", proof.leaf.fragment.index},
          {"root", proof.leaf.root.hex()},
          {"length", proof.leaf.length},
          {"path", steps}};
}

// What contracts and clients check by. STRATOS_WRITE_GOLDEN=1 writes the vectors anew.
TEST(InventoryTree, MatchesTheGoldenVectors) {
  const std::string path = std::string(STRATOS_GOLDEN_DIR) + "/inventory.json";
  nlohmann::json vectors = nlohmann::json::array();
  for (const std::size_t count : {0U, 1U, 2U, 3U, 16U, 17U, 33U}) {
    const auto leaves = leaves_of(count);
    const InventoryNode root = inventory_over(nodes_of(leaves));
    nlohmann::json proofs = nlohmann::json::array();
    if (count > 0) {
      for (const std::uint64_t position : {std::uint64_t{0}, root.sum / 2, root.sum - 1}) {
        proofs.push_back(to_json(proof_of(leaves, position)));
      }
    }
    vectors.push_back(
        {{"leaves", count}, {"root", root.hash.hex()}, {"sum", root.sum}, {"proofs", proofs}});
  }
  if (std::getenv("STRATOS_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path) << vectors.dump(1) << "\n";
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  EXPECT_EQ(nlohmann::json::parse(file), vectors);
}

}  // namespace
}  // namespace stratos::meta
