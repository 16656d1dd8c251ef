#include "meta/holder_plan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace stratos::meta {
namespace {

// Gives every fragment one of its options, the first it can have.
class Matching {
 public:
  struct Option {
    NodeId node;
    const HeldCopy* copy = nullptr;  // none: the record's holder, which did not answer
    bool is_listed = false;
  };

  explicit Matching(const std::function<bool(NodeId, NodeId)>& apart) : apart_(apart) {}

  void add(std::uint8_t index, Option option) { options_[index].push_back(option); }
  // Fragments that can keep their holder come first: those are apart already.
  void run() {
    for (const auto& [index, options] : options_) {
      if (std::ranges::any_of(options, &Option::is_listed)) try_place(index);
    }
    for (const auto& [index, options] : options_) {
      if (!chosen_.contains(index)) try_place(index);
    }
  }
  const std::map<std::uint8_t, Option>& chosen() const { return chosen_; }

 private:
  void try_place(std::uint8_t index) {
    tried_.clear();
    place(index);
  }

  // Every option is tried once, so this ends.
  bool place(std::uint8_t index) {
    for (const Option& option : options_[index]) {
      if (!tried_.insert({index, option.node}).second) continue;
      const std::vector<std::uint8_t> in_the_way = conflicts(index, option.node);
      if (in_the_way.size() > 1) continue;
      chosen_[index] = option;
      if (in_the_way.empty()) return true;
      const auto moved = chosen_.extract(in_the_way.front());
      if (place(moved.key())) return true;
      chosen_[moved.key()] = moved.mapped();
      chosen_.erase(index);
    }
    return false;
  }

  std::vector<std::uint8_t> conflicts(std::uint8_t index, NodeId node) const {
    std::vector<std::uint8_t> found;
    for (const auto& [other, option] : chosen_) {
      const bool stands_apart = option.node != node && apart_(option.node, node);
      if (other != index && !stands_apart) found.push_back(other);
    }
    return found;
  }

  const std::function<bool(NodeId, NodeId)>& apart_;
  std::map<std::uint8_t, std::vector<Option>> options_;
  std::map<std::uint8_t, Option> chosen_;
  std::set<std::pair<std::uint8_t, NodeId>> tried_;
};

// Of a fragment of the segment, and not of something else that has its name.
bool is_sound(const SegmentRecord& segment, const HeldCopy& copy, const Holder* listed) {
  return copy.index < segment.k + segment.m && copy.length == segment.fragment_length &&
         (listed == nullptr || listed->root == copy.root);
}

const Holder* find_holder(const SegmentRecord& segment, std::uint8_t index) {
  const auto found = std::ranges::find(segment.holders, index, &Holder::index);
  return found == segment.holders.end() ? nullptr : &*found;
}

}  // namespace

HolderPlan plan_holders(const SegmentRecord& segment, const std::vector<HeldCopy>& held,
                        const std::function<bool(NodeId)>& answers,
                        const std::function<bool(NodeId, NodeId)>& apart) {
  Matching matching(apart);
  std::set<std::uint8_t> proven;  // held by the node that the record names
  HolderPlan plan;
  const auto is_listed = [&segment](const HeldCopy& copy) {
    const Holder* const listed = find_holder(segment, copy.index);
    return listed != nullptr && listed->node == copy.node && listed->root == copy.root;
  };
  for (const HeldCopy& copy : held) {
    if (!is_listed(copy)) continue;
    matching.add(copy.index, {copy.node, &copy, true});
    proven.insert(copy.index);
  }
  for (const HeldCopy& copy : held) {
    if (is_listed(copy)) continue;
    ++plan.spare;
    if (!is_sound(segment, copy, find_holder(segment, copy.index))) continue;
    matching.add(copy.index, {copy.node, &copy, false});
  }
  for (const Holder& holder : segment.holders) {
    if (!answers(holder.node)) matching.add(holder.index, {holder.node, nullptr, true});
  }
  if (proven.size() == std::size_t{segment.k} + segment.m) return plan;
  matching.run();
  for (const auto& [index, option] : matching.chosen()) {
    if (option.is_listed) continue;
    plan.attach.push_back(*option.copy);
    --plan.spare;
  }
  for (const Holder& holder : segment.holders) {
    const bool stays = matching.chosen().contains(holder.index) || !answers(holder.node);
    const auto is_in_the_way = [&](const HeldCopy& copy) {
      return copy.node == holder.node || !apart(copy.node, holder.node);
    };
    if (!stays && std::ranges::any_of(plan.attach, is_in_the_way)) {
      plan.absent.push_back(holder.index);
    }
  }
  return plan;
}

}  // namespace stratos::meta
