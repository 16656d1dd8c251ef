// Placement: which nodes hold a unit, the same answer for everybody who has the unit's id and the
// node table. Weighted rendezvous hashing in integers.
#pragma once
#include <span>
#include <vector>

#include "meta/records.hpp"

namespace stratos::meta {

// A node as placement sees it, at one version of the table.
struct Candidate {
  NodeId node;
  std::uint64_t weight = 0;
  std::vector<std::string> domains;  // at the levels of the table
  std::uint64_t capabilities = 0;
  std::uint32_t free_class = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.weight);
    field(3, self.domains);
    field(4, self.capabilities);
    field(5, self.free_class);
  }
};
struct NodeTable {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t version = 0;
  std::vector<Candidate> candidates;  // by node id; only nodes that may get new work
  std::vector<std::string> levels;    // the network's spread
  static void fields(auto& self, auto&& field) {
    field(1, self.version);
    field(2, self.candidates);
    field(3, self.levels);
  }
};

// A unit of placement; a segment is the first kind. Views of what the caller keeps.
struct PlacementUnit {
  ByteView id;
  std::uint64_t size_bytes = 0;         // what each holder takes; 0: not known yet
  std::uint64_t capability = 0;         // bits a node must have
  std::span<const std::string> spread;  // levels at which its holders differ
};
// A segment spreads over the levels of the network.
PlacementUnit segment_unit(const SegmentId& id, const NodeTable& table);

// The candidates in order of preference for this unit. One that shares its domain at a level of the
// unit's spread with one before it is left out; a level that the table does not know leaves out
// all. The weight of a node is its chance: a node with twice the weight comes first twice as often.
std::vector<NodeId> rank(const PlacementUnit& unit, const NodeTable& table);

// Whether two nodes may fail together, at any of the levels.
bool share_domain(const NodeRecord& a, const NodeRecord& b, std::span<const std::string> levels);

// How many of the ranked nodes a unit of n holders may use: when a node fails during a write the
// next in rank takes its place.
constexpr std::size_t usable_ranks(std::size_t n) { return n + n / 2 + 2; }

// The weight of a node: free_class x score, 0 (no new work) unless it is up.
// free_class is ⌊log2(free MiB)⌋ + 1 and score is of 1,000.
std::uint64_t weight_of(const NodeRecord& node);
std::uint32_t free_class_of(std::uint64_t free_bytes);
// Bytes that a node of this class has free at least.
std::uint64_t least_free_bytes(std::uint32_t free_class);

// -log2(hash / 2^64) in fixed point with 32 fraction bits; the largest value for a hash of 0.
std::uint64_t negative_log2(std::uint64_t hash);

}  // namespace stratos::meta
