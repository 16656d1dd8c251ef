#include "meta/placement.hpp"

#include <algorithm>
#include <bit>
#include <set>

#include "crypto/hash.hpp"

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

std::vector<NodeId> rank(const PlacementUnit& unit, const NodeTable& table) {
  std::vector<Ranked> order;
  for (const Candidate& candidate : table.candidates) {
    if (candidate.weight == 0) continue;
    if ((candidate.capabilities & unit.capability) != unit.capability) continue;
    order.push_back({&candidate, negative_log2(hash_of(unit.id, candidate.node))});
  }
  std::ranges::sort(order, comes_before);
  std::vector<NodeId> nodes;
  std::set<std::string_view> domains;
  for (const Ranked& ranked : order) {
    if (domains.insert(ranked.candidate->domain).second) nodes.push_back(ranked.candidate->node);
  }
  return nodes;
}

std::uint64_t weight_of(const NodeRecord& node) {
  return node.state == NodeState::up ? std::uint64_t{node.free_class} * node.score : 0;
}

std::uint32_t free_class_of(std::uint64_t free_bytes) {
  return static_cast<std::uint32_t>(std::bit_width(free_bytes >> 20));
}

}  // namespace stratos::meta
