// Balance: which fragments to move so that no node is much fuller than the others. Knows neither
// clock nor network; the repairer carries the moves out. Formula: docs/formats/balance.md.
#pragma once
#include <vector>

#include "meta/replacement.hpp"
#include "meta/state.hpp"

namespace stratos::meta {

constexpr std::uint32_t kFull = 1000;  // fullness counts in thousandths of the capacity

// How full a node is, and how full it counts when it is to take more: one with half the score is
// full with half the bytes, one without free space with what it holds.
std::uint32_t fullness_of(const NodeView& node);
std::uint32_t level_of(const NodeView& node, std::uint64_t more_bytes = 0);

// How balance stands. Nodes that are gone, drain, or did not say yet what they have do not count.
struct BalanceStatus {
  std::uint32_t above = 0;  // moves begin when `most` - `least` is more; they end at half of it
  bool moving = false;
  NodeId fullest;
  std::uint32_t most = 0;  // fullness
  NodeId emptiest;
  std::uint32_t least = 0;         // level
  std::uint32_t mean = 0;          // level of all together
  std::uint64_t queued_bytes = 0;  // while moving: what nodes hold above the mean
  std::uint64_t moved_fragments = 0;
  std::uint64_t moved_bytes = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.above);
    field(2, self.moving);
    field(3, self.fullest);
    field(4, self.most);
    field(5, self.emptiest);
    field(6, self.least);
    field(7, self.mean);
    field(8, self.queued_bytes);
    field(9, self.moved_fragments);
    field(10, self.moved_bytes);
  }
};

struct Move {
  SegmentRecord segment;
  std::uint8_t index = 0;
  NodeId from;
  NodeId to;
};

class Balancer {
 public:
  // kFull: nothing ever moves.
  explicit Balancer(std::uint32_t above) { status_.above = above; }

  // Decides by these nodes whether anything is to be moved.
  void measure(const NodeViews& nodes);
  // Up to `limit` moves, from nodes above the mean, the fullest first, to nodes that stay below it,
  // of segments whose fragments are all served. Looks at a bounded number of fragments and goes on
  // there the next time; so no moves now does not mean none later.
  std::vector<Move> plan(const State& state, const NodeViews& nodes, const NodeTable& table,
                         std::size_t limit);
  void count_move(std::uint64_t bytes);
  const BalanceStatus& status() const { return status_; }

 private:
  struct Plan;
  std::vector<NodeId> find_donors(const NodeViews& nodes) const;
  void take_from(NodeId donor, Plan& plan);

  BalanceStatus status_;
  NodeId donor_;  // whose fragments were looked at last, and how far
  std::optional<FragmentId> looked_;
};

}  // namespace stratos::meta
