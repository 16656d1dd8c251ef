#include "meta/placement.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <set>

#include "crypto/hash.hpp"
#include "meta/node_wire.hpp"

namespace stratos::meta {
namespace {

struct Ranked {
  const Candidate* candidate = nullptr;
  std::uint64_t distance = 0;  // to be divided by the weight
};

std::uint64_t hash_of(ByteView unit, NodeId node) {
  Bytes input = to_bytes(unit);
  put_be(input, node.value);
  return get_be<std::uint64_t>(crypto::blake3(input).view());
}

// a.distance / a.weight < b.distance / b.weight, without dividing; ties go to the smaller id.
bool comes_before(const Ranked& a, const Ranked& b) {
  using Wide = unsigned __int128;
  const Wide left = Wide{a.distance} * b.candidate->weight;
  const Wide right = Wide{b.distance} * a.candidate->weight;
  if (left != right) return left < right;
  return a.candidate->node < b.candidate->node;
}

bool fits(const PlacementUnit& unit, const Candidate& candidate) {
  return candidate.weight != 0 && (candidate.capabilities & unit.capability) == unit.capability &&
         unit.size_bytes <= least_free_bytes(candidate.free_class);
}

// Which domains of a candidate count for the unit; the node level needs no looking, because each
// node is a candidate once. Nothing when the table lacks a level.
using Spread = std::vector<std::size_t>;
std::optional<Spread> make_spread(const PlacementUnit& unit, const NodeTable& table) {
  Spread spread;
  for (const std::string& level : unit.spread) {
    if (level == kNodeLevel) continue;
    const auto found = std::ranges::find(table.levels, level);
    if (found == table.levels.end()) return std::nullopt;
    spread.push_back(static_cast<std::size_t>(found - table.levels.begin()));
  }
  return spread;
}

// Takes the candidate's domains unless one of them is taken.
bool take_domains(const Candidate& candidate, const Spread& spread,
                  std::vector<std::set<std::string_view>>& taken) {
  for (std::size_t i = 0; i < spread.size(); ++i) {
    if (spread[i] >= candidate.domains.size()) return false;
    if (taken[i].contains(candidate.domains[spread[i]])) return false;
  }
  for (std::size_t i = 0; i < spread.size(); ++i) taken[i].insert(candidate.domains[spread[i]]);
  return true;
}

}  // namespace

std::uint64_t negative_log2(std::uint64_t hash) {
  if (hash == 0) return 64ULL << 32;
  const int zeros = std::countl_zero(hash);
  // The mantissa in [1, 2) with 63 fraction bits; each squaring yields one bit of its logarithm.
  std::uint64_t mantissa = hash << zeros;
  std::uint64_t fraction = 0;
  for (int bit = 0; bit < 32; ++bit) {
    using Wide = unsigned __int128;
    const Wide square = Wide{mantissa} * mantissa;  // 126 fraction bits
    const bool two_or_more = (square >> 127) != 0;
    fraction = fraction << 1 | (two_or_more ? 1U : 0U);
    mantissa = static_cast<std::uint64_t>(square >> (two_or_more ? 64 : 63));
  }
  // log2(hash) = 63 - zeros + fraction / 2^32
  return (64ULL << 32) - ((static_cast<std::uint64_t>(63 - zeros) << 32) + fraction);
}

PlacementUnit segment_unit(const SegmentId& id, const NodeTable& table) {
  return {id.view(), 0, kStorageCapability, table.levels};
}

std::vector<NodeId> rank(const PlacementUnit& unit, const NodeTable& table) {
  const auto spread = make_spread(unit, table);
  if (!spread) return {};
  std::vector<Ranked> order;
  for (const Candidate& candidate : table.candidates) {
    if (!fits(unit, candidate)) continue;
    order.push_back({&candidate, negative_log2(hash_of(unit.id, candidate.node))});
  }
  std::ranges::sort(order, comes_before);
  std::vector<NodeId> nodes;
  std::vector<std::set<std::string_view>> taken(spread->size());
  for (const Ranked& ranked : order) {
    if (take_domains(*ranked.candidate, *spread, taken)) nodes.push_back(ranked.candidate->node);
  }
  return nodes;
}

bool share_domain(const NodeRecord& a, const NodeRecord& b, std::span<const std::string> levels) {
  return std::ranges::any_of(levels, [&a, &b](const std::string& level) {
    return domain_at(a.id, a.labels, level) == domain_at(b.id, b.labels, level);
  });
}

std::uint64_t weight_of(const NodeRecord& node) {
  return node.state == NodeState::up ? std::uint64_t{node.free_class} * node.score : 0;
}

std::uint32_t free_class_of(std::uint64_t free_bytes) {
  return static_cast<std::uint32_t>(std::bit_width(free_bytes >> 20));
}

std::uint64_t least_free_bytes(std::uint32_t free_class) {
  constexpr std::uint32_t kLargest = 44;  // 2^63 bytes
  if (free_class == 0) return 0;
  return 1ULL << (20 + std::min(free_class, kLargest) - 1);
}

}  // namespace stratos::meta
