#include "meta/replacement.hpp"

#include <algorithm>

namespace stratos::meta {

std::optional<NodeId> find_replacement(const SegmentRecord& segment, std::optional<NodeId> leaving,
                                       const NodeViews& nodes, const NodeTable& table,
                                       const std::function<bool(const NodeView&)>& accepts) {
  std::vector<const NodeRecord*> others;
  for (const Holder& holder : segment.holders) {
    const auto node = nodes.find(holder.node);
    if (node != nodes.end() && holder.node != leaving) others.push_back(&node->second.record);
  }
  const auto stands_apart = [&others, &table](const NodeRecord& node) {
    return std::ranges::none_of(others, [&node, &table](const NodeRecord* other) {
      return other->id == node.id || share_domain(node, *other, table.levels);
    });
  };
  std::vector<NodeId> ranked = rank(segment_unit(segment.id, table), table);
  const std::size_t usable = usable_ranks(std::size_t{segment.k} + segment.m);
  ranked.resize(std::min(ranked.size(), usable));
  for (NodeId id : ranked) {
    const auto node = nodes.find(id);
    if (node == nodes.end() || !node->second.takes || !accepts(node->second)) continue;
    if (id != leaving && stands_apart(node->second.record)) return id;
  }
  return std::nullopt;
}

}  // namespace stratos::meta
