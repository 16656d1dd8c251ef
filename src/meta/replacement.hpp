// What repair and balance know of storage nodes, and where a fragment goes that cannot stay. Pure.
#pragma once
#include <functional>
#include <map>
#include <optional>

#include "meta/placement.hpp"

namespace stratos::meta {

// A node at one moment, by the index and by its last heartbeat.
struct NodeView {
  NodeRecord record;
  bool serves = false;               // answers reads
  bool takes = false;                // new fragments too
  bool gone = false;                 // what it holds must be made anew
  std::uint64_t held_bytes = 0;      // of fragments, by the index
  std::uint64_t capacity_bytes = 0;  // what it stores, its trash and free space; 0: not known
  std::uint64_t free_bytes = 0;
};
using NodeViews = std::map<NodeId, NodeView>;

// The first in rank for the segment that takes new fragments, is accepted, and shares no failure
// domain with the holders other than `leaving`.
std::optional<NodeId> find_replacement(const SegmentRecord& segment, std::optional<NodeId> leaving,
                                       const NodeViews& nodes, const NodeTable& table,
                                       const std::function<bool(const NodeView&)>& accepts);

}  // namespace stratos::meta
