#include "meta/balance.hpp"

#include <algorithm>

#include "meta/keys.hpp"

namespace stratos::meta {
namespace {

constexpr std::size_t kRowsAtOnce = 256;
using Wide = unsigned __int128;

std::uint32_t part_of(Wide capacity, std::uint64_t bytes) {
  if (capacity == 0) return kFull;
  return static_cast<std::uint32_t>(std::min<Wide>(Wide{bytes} * kFull / capacity, Wide{kFull}));
}

// What it should hold at most. Placement gives a node without a free class nothing.
Wide room_of(const NodeView& node) {
  if (node.record.free_class == 0) return node.held_bytes;
  return Wide{node.capacity_bytes} * node.record.score / 1000;
}

// A short absence changes nothing: what is weighed would swing with it.
bool counts(const NodeView& node) {
  return !node.gone && node.record.state != NodeState::draining && node.capacity_bytes != 0;
}

bool all_serve(const SegmentRecord& segment, const NodeViews& nodes) {
  if (segment.holders.size() != std::size_t{segment.k} + segment.m) return false;
  return std::ranges::all_of(segment.holders, [&nodes](const Holder& holder) {
    const auto node = nodes.find(holder.node);
    return node != nodes.end() && node->second.serves;
  });
}

std::uint64_t bytes_above(const NodeView& node, std::uint32_t mean) {
  const auto wanted = static_cast<std::uint64_t>(Wide{node.capacity_bytes} * mean / kFull);
  return node.held_bytes - std::min(node.held_bytes, wanted);
}

}  // namespace

std::uint32_t fullness_of(const NodeView& node) {
  return part_of(node.capacity_bytes, node.held_bytes);
}

std::uint32_t level_of(const NodeView& node, std::uint64_t more_bytes) {
  return part_of(room_of(node), node.held_bytes + more_bytes);
}

void Balancer::measure(const NodeViews& nodes) {
  std::uint64_t bytes = 0;
  std::uint64_t above_mean = 0;
  Wide room = 0;
  status_.most = 0;
  status_.least = kFull;
  status_.fullest = status_.emptiest = NodeId();
  for (const auto& [id, node] : nodes) {
    if (!counts(node)) continue;
    bytes += node.held_bytes;
    room += room_of(node);
    if (status_.fullest == NodeId() || fullness_of(node) > status_.most) {
      status_.fullest = id;
      status_.most = fullness_of(node);
    }
    if (status_.emptiest == NodeId() || level_of(node) < status_.least) {
      status_.emptiest = id;
      status_.least = level_of(node);
    }
  }
  status_.mean = part_of(room, bytes);
  const std::uint32_t bound = status_.moving ? status_.above / 2 : status_.above;
  status_.moving = status_.most > status_.least + bound && status_.most > status_.mean;
  for (const auto& [id, node] : nodes) {
    if (counts(node)) above_mean += bytes_above(node, status_.mean);
  }
  status_.queued_bytes = status_.moving ? above_mean : 0;
}

// The fullest first.
std::vector<NodeId> Balancer::find_donors(const NodeViews& nodes) const {
  std::vector<NodeId> donors;
  for (const auto& [id, node] : nodes) {
    if (counts(node) && fullness_of(node) > status_.mean) donors.push_back(id);
  }
  std::ranges::sort(donors, std::greater(),
                    [&nodes](NodeId id) { return std::pair(fullness_of(nodes.at(id)), id); });
  return donors;
}

struct Balancer::Plan {
  const State& state;
  const NodeTable& table;
  NodeViews nodes;  // as they will be after the moves
  std::size_t limit;
  std::size_t rows = 0;
  std::vector<Move> moves;
  bool is_full() const { return moves.size() == limit || rows == kRowsAtOnce; }
  // A second move of a segment would lose the race against the first.
  bool moves_of(const SegmentId& id) const {
    return std::ranges::any_of(moves, [&id](const Move& move) { return move.segment.id == id; });
  }
};

std::vector<Move> Balancer::plan(const State& state, const NodeViews& nodes, const NodeTable& table,
                                 std::size_t limit) {
  if (!status_.moving) return {};
  Plan plan{state, table, nodes, limit, 0, {}};
  const std::vector<NodeId> donors = find_donors(nodes);
  auto donor = std::ranges::find(donors, donor_);
  if (donor == donors.end()) {
    donor = donors.begin();
    looked_.reset();
  }
  for (; donor != donors.end() && !plan.is_full(); ++donor) {
    if (*donor != donor_) looked_.reset();
    donor_ = *donor;
    take_from(*donor, plan);
  }
  if (!plan.is_full()) donor_ = NodeId();
  return std::move(plan.moves);
}

void Balancer::take_from(NodeId donor, Plan& plan) {
  const Bytes prefix = keys::fragments_of(donor);
  Bytes lower = looked_ ? keys::fragment(donor, *looked_) : prefix;
  if (looked_) lower.push_back(0);
  NodeView& from = plan.nodes.at(donor);
  plan.state.scan(lower, kv::prefix_end(prefix), [&](ByteView key, ByteView) {
    if (plan.is_full() || fullness_of(from) <= status_.mean) return false;
    ++plan.rows;
    looked_ = keys::parse_fragment(key);
    auto segment = plan.state.load<SegmentRecord>(keys::segment(looked_->segment));
    if (!segment || !all_serve(*segment, plan.nodes) || plan.moves_of(segment->id)) return true;
    const std::uint64_t bytes = segment->fragment_length;
    const auto stays_below = [this, bytes](const NodeView& node) {
      return counts(node) && node.free_bytes >= bytes && level_of(node, bytes) < status_.mean;
    };
    const auto to = find_replacement(*segment, donor, plan.nodes, plan.table, stays_below);
    if (!to) return true;
    NodeView& taker = plan.nodes.at(*to);
    from.held_bytes -= bytes;
    taker.held_bytes += bytes;
    taker.free_bytes -= bytes;
    plan.moves.push_back({std::move(*segment), looked_->index, donor, *to});
    return true;
  });
}

void Balancer::count_move(std::uint64_t bytes) {
  ++status_.moved_fragments;
  status_.moved_bytes += bytes;
}

}  // namespace stratos::meta
