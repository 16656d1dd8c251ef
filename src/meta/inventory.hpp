// The inventory of a node: a Merkle sum tree over the fragments that the index believes it holds.
// Pure; whoever checks audits mirrors it. Format: docs/formats/inventory.md.
#pragma once
#include <span>
#include <vector>

#include "base/ids.hpp"

namespace stratos::meta {

struct InventoryLeaf {
  FragmentId fragment;
  Hash root;                 // BLAKE3 of the fragment
  std::uint64_t length = 0;  // bytes of the fragment
  friend bool operator==(const InventoryLeaf&, const InventoryLeaf&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.fragment);
    field(2, self.root);
    field(3, self.length);
  }
};

// A node of the tree: what it hashes to and how many bytes the fragments below it have.
struct InventoryNode {
  Hash hash;
  std::uint64_t sum = 0;
  friend bool operator==(const InventoryNode&, const InventoryNode&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.hash);
    field(2, self.sum);
  }
};

// The sibling that a path joins to what it has come to.
struct InventoryStep {
  InventoryNode sibling;
  bool left = false;  // the sibling stands on the left
  static void fields(auto& self, auto&& field) {
    field(1, self.sibling.hash);
    field(2, self.sibling.sum);
    field(3, self.left);
  }
};
constexpr std::size_t kMaxInventoryPath = 32;

InventoryNode inventory_leaf(const InventoryLeaf& leaf);
// The sums add up to less than 2^64.
InventoryNode inventory_parent(const InventoryNode& left, const InventoryNode& right);
// The node over a whole run of neighbours; a zero hash and sum over none.
InventoryNode inventory_over(std::vector<InventoryNode> run);
// Adds the steps that lead from one of the run to the node over it.
void add_inventory_steps(std::vector<InventoryNode> run, std::size_t index,
                         std::vector<InventoryStep>& path);
// Which of the run holds byte `position`, with what stands before it taken off the position.
// Requires a position below the sum of the run.
std::size_t find_in_inventory(std::span<const InventoryNode> run, std::uint64_t& position);

// The offset in the leaf's fragment of byte `position` of the inventory with this root.
// Errc::invalid_argument for a position beyond the inventory, Errc::hash_mismatch when the path
// does not prove that the leaf holds it.
Result<std::uint64_t> verify_inventory_path(const InventoryNode& root, std::uint64_t position,
                                            const InventoryLeaf& leaf,
                                            std::span<const InventoryStep> path);

}  // namespace stratos::meta
