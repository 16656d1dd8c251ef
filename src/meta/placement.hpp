// Placement: which nodes hold a unit, the same answer for everybody who has the unit's id and the
// node table. Weighted rendezvous hashing in integers.
#pragma once
#include <vector>

#include "meta/records.hpp"

namespace stratos::meta {

// A unit of placement; a segment is the first kind.
struct PlacementUnit {
  ByteView id;
  std::uint64_t capability = 0;  // bits a node must have
};

// The candidates in order of preference for this unit, at most one per failure domain. The weight
// of a node is its chance: a node with twice the weight comes first twice as often.
std::vector<NodeId> rank(const PlacementUnit& unit, const NodeTable& table);

// How many of the ranked nodes a unit of n holders may use: when a node fails during a write the
// next in rank takes its place.
constexpr std::size_t usable_ranks(std::size_t n) { return n + n / 2 + 2; }

// The weight of a node: free_class x score, 0 (no new work) unless it is up.
// free_class is ⌊log2(free MiB)⌋ + 1 and score is of 1,000.
std::uint64_t weight_of(const NodeRecord& node);
std::uint32_t free_class_of(std::uint64_t free_bytes);

// -log2(hash / 2^64) in fixed point with 32 fraction bits; the largest value for a hash of 0.
std::uint64_t negative_log2(std::uint64_t hash);

}  // namespace stratos::meta
