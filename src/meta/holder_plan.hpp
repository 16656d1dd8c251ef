// Who is to be the holders of a segment, when nodes said what they really hold. Pure.
#pragma once
#include <functional>
#include <vector>

#include "meta/records.hpp"

namespace stratos::meta {

// A fragment of the segment that stands on a node's disk.
struct HeldCopy {
  std::uint8_t index = 0;
  NodeId node;
  Hash root;
  std::uint64_t length = 0;
};

struct HolderPlan {
  std::vector<HeldCopy> attach;      // onto the record
  std::vector<std::uint8_t> absent;  // whose holders said they have them not, in the way of others
  std::uint64_t spare = 0;           // copies that nobody needs
};

// A fragment keeps a holder that has it. One without, or whose holder did not answer, goes to a
// node that has it, as long as no two holders of the result stand in one failure domain; when only
// that is in the way, holders make room for each other where they can.
//   answers  whether the node said what it holds
//   apart    whether two nodes are in different failure domains; not for a node and itself
HolderPlan plan_holders(const SegmentRecord& segment, const std::vector<HeldCopy>& held,
                        const std::function<bool(NodeId)>& answers,
                        const std::function<bool(NodeId, NodeId)>& apart);

}  // namespace stratos::meta
