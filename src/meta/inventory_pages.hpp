// How the index keeps the inventories of its nodes: pages of leaves that commands change, and pages
// above them that are brought up to date once per block. Format: docs/formats/inventory.md.
#pragma once
#include "meta/inventory.hpp"
#include "meta/records.hpp"
#include "meta/state.hpp"

namespace stratos::meta {

constexpr std::uint64_t kMaxInventory = 1ULL << 32;  // fragments of one node

// Both change the fragment's row and pages of leaves, not the ledger, which says how many there
// are before. What does not fit together is noted as Errc::store_corrupt.
// Requires that the index does not know the node to hold the fragment.
void add_to_inventory(State& state, NodeId node, const NodeLedger& ledger,
                      const InventoryLeaf& leaf);
void remove_from_inventory(State& state, NodeId node, const NodeLedger& ledger,
                           const FragmentId& fragment);

// Once, after all commands of a block: brings pages above the leaves, roots and sums up to date.
void settle_inventories(State& state);

// The leaf that holds byte `position`, how far into it that is, and the path to the ledger's root.
struct InventoryPlace {
  InventoryLeaf leaf;
  std::uint64_t offset = 0;
  std::vector<InventoryStep> path;
};
// Of a settled state. Errc::invalid_argument for a position beyond the inventory,
// Errc::store_corrupt.
Result<InventoryPlace> find_in_inventory(const State& state, NodeId node, const NodeLedger& ledger,
                                         std::uint64_t position);

}  // namespace stratos::meta
