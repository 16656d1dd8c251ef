#include "meta/replacement.hpp"

#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

bool anyone(const NodeView&) { return true; }

class Replacement : public testing::Test {
 protected:
  Replacement() : index_(two_levels()) {
    index_.make_bucket();
    segment_ = *index_.segment(index_.put("key"));
    for (const NodeRecord& record : index_.ask(GetNodes{}).value().nodes) add(record);
  }
  static Params two_levels() {
    Params params = test_params();
    params.spread = {std::string(kNodeLevel), "site"};
    return params;
  }
  void add(const NodeRecord& record) {
    NodeView node;
    node.record = record;
    node.serves = node.takes = true;
    nodes_[record.id] = std::move(node);
  }
  std::optional<NodeId> find(std::optional<NodeId> leaving,
                             const std::function<bool(const NodeView&)>& accepts = anyone) const {
    return find_replacement(segment_, leaving, nodes_, index_.table(), accepts);
  }
  NodeId holder(std::size_t i) const { return segment_.holders.at(i).node; }

  TestIndex index_;
  SegmentRecord segment_;
  NodeViews nodes_;
};

TEST_F(Replacement, IsTheFirstInRankThatHoldsNothingYet) {
  std::vector<NodeId> ranked = index_.ranked(segment_.id);
  std::erase_if(ranked, [this](NodeId id) {
    return std::ranges::find(segment_.holders, id, &Holder::node) != segment_.holders.end();
  });
  EXPECT_EQ(find(holder(0)), ranked.at(0));
  EXPECT_EQ(find(std::nullopt), ranked.at(0));
  nodes_[ranked[0]].takes = false;
  EXPECT_EQ(find(holder(0)), ranked.at(1));
  const auto not_the_second = [&](const NodeView& node) { return node.record.id != ranked[1]; };
  EXPECT_NE(find(holder(0), not_the_second), ranked[1]);
}

TEST_F(Replacement, KeepsItsDistanceFromTheHoldersThatStayAtEveryLevel) {
  // The only other node that takes stands where one of the holders does.
  const NodeId neighbour = index_.add_node(nodes_[holder(1)].record.labels);
  for (auto& [id, node] : nodes_) node.takes = false;
  add(*index_.state().load<NodeRecord>(keys::node(neighbour)));
  EXPECT_EQ(find(holder(0)), std::nullopt);
  EXPECT_EQ(find(std::nullopt), std::nullopt);
}

TEST_F(Replacement, MayStandWhereTheLeavingOneDoes) {
  for (auto& [id, node] : nodes_) node.takes = false;
  EXPECT_EQ(find(holder(1)), std::nullopt);
  for (auto& [id, node] : nodes_) {
    if (id == holder(0) || id == holder(1) || id == holder(2)) continue;
    node.takes = true;
    node.record.labels = nodes_[holder(1)].record.labels;
  }
  EXPECT_NE(find(holder(1)), std::nullopt);
  EXPECT_EQ(find(holder(0)), std::nullopt);
}

}  // namespace
}  // namespace stratos::meta
