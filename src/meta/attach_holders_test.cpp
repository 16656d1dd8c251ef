#include "meta/features.hpp"
#include "meta/test_index.hpp"
#include "meta/verbs_settle.hpp"

namespace stratos::meta {
namespace {

class AttachHoldersVerb : public testing::Test {
 protected:
  AttachHoldersVerb() {
    EnableFeatures features;
    features.names = all_features();
    EXPECT_TRUE(index_.run(features));
    index_.make_bucket();
    id_ = index_.put("key");  // one fragment, three copies
    others_ = index_.ranked(id_);
    const SegmentRecord segment = record();
    for (const Holder& holder : segment.holders) std::erase(others_, holder.node);
  }
  SegmentRecord record() const { return *index_.segment(id_); }
  NodeId holder(std::size_t i) const { return record().holders.at(i).node; }
  Receipt receipt(std::uint8_t index, NodeId node) {
    return index_.receipt(id_, index, node, record().fragment_length);
  }
  AttachHolders command(std::vector<Receipt> receipts, Bytes absent = {}) {
    AttachHolders command;
    command.segment = id_;
    command.generation = record().generation;
    command.receipts = std::move(receipts);
    command.absent = std::move(absent);
    return command;
  }
  void lose(std::uint8_t index) {
    LoseHolder command;
    command.fragment = {id_, index};
    command.node = holder(0);
    for (const Holder& one : record().holders) {
      if (one.index == index) command.node = one.node;
    }
    ASSERT_TRUE(index_.run(command));
  }
  void restore() {
    BeginGeneration begin;
    begin.scan = true;
    ASSERT_TRUE(index_.run(begin));
  }
  FeedEntry last_word(NodeId node) const { return index_.feed(node).back(); }

  TestIndex index_;
  SegmentId id_;
  std::vector<NodeId> others_;
};

TEST_F(AttachHoldersVerb, PutsAHolderIntoThePlaceOfAnother) {
  const NodeId before = holder(1);
  const Generation generation = record().generation;
  ASSERT_TRUE(index_.run(command({receipt(1, others_[0])})));
  EXPECT_EQ(holder(1), others_[0]);
  EXPECT_EQ(record().generation.value, generation.value + 1);
  EXPECT_EQ(last_word(before).kind, FeedKind::drop);
  EXPECT_EQ(last_word(others_[0]).kind, FeedKind::keep);
  EXPECT_EQ(index_.ledger(others_[0]).fragments, 1U);
  EXPECT_EQ(index_.ledger(before).fragments, 0U);
}

TEST_F(AttachHoldersVerb, FillsWhatIsMissing) {
  lose(0);
  lose(2);
  EXPECT_EQ(index_.count(keys::Family::degraded), 1U);
  ASSERT_TRUE(index_.run(command({receipt(2, others_[1]), receipt(0, others_[0])})));
  EXPECT_EQ(holder(0), others_[0]);
  EXPECT_EQ(holder(2), others_[1]);
  EXPECT_EQ(index_.count(keys::Family::degraded), 0U);
}

TEST_F(AttachHoldersVerb, LetsHoldersChangePlaces) {
  const NodeId first = holder(0);
  const NodeId second = holder(1);
  EXPECT_EQ(index_.code(command({receipt(1, first)})), Errc::bad_placement);
  ASSERT_TRUE(index_.run(command({receipt(1, first), receipt(0, second)})));
  EXPECT_EQ(holder(0), second);
  EXPECT_EQ(holder(1), first);
  ASSERT_TRUE(index_.run(command({receipt(0, first)}, {1})));
  EXPECT_EQ(record().holders.size(), 2U);
  EXPECT_EQ(holder(0), first);
}

TEST_F(AttachHoldersVerb, ChecksRootShapeLeaseAndGeneration) {
  Receipt other_root = receipt(1, others_[0]);
  other_root.root = crypto::blake3(text("other"));
  sign_receipts({&other_root, 1}, index_.signer_of(others_[0]));
  EXPECT_EQ(index_.code(command({other_root})), Errc::hash_mismatch);
  Receipt short_lease = receipt(1, others_[0]);
  short_lease.lease_until = index_.now() + std::chrono::minutes(1);
  sign_receipts({&short_lease, 1}, index_.signer_of(others_[0]));
  EXPECT_EQ(index_.code(command({short_lease})), Errc::lease_expired);
  const Receipt good = receipt(1, others_[0]);
  EXPECT_EQ(index_.code(command({receipt(3, others_[0])})), Errc::invalid_argument);
  EXPECT_EQ(index_.code(command({good, receipt(1, others_[1])})), Errc::invalid_argument);
  EXPECT_EQ(index_.code(command({})), Errc::invalid_argument);
  AttachHolders stale = command({good});
  ++stale.generation.value;
  EXPECT_EQ(index_.code(stale), Errc::stale_generation);
  AttachHolders unknown = command({good});
  unknown.segment = index_.next_segment_id();
  EXPECT_EQ(index_.code(unknown), Errc::no_such_segment);
}

TEST_F(AttachHoldersVerb, AsksForNoRankWhileDropsPause) {
  // Far more nodes than a segment of three may be on.
  std::vector<NodeId> added;
  for (int i = 0; i < 12; ++i) added.push_back(index_.add_node());
  const NodeId unranked = index_.ranked(id_).back();
  EXPECT_EQ(index_.code(command({receipt(1, unranked)})), Errc::bad_placement);
  restore();
  ASSERT_TRUE(index_.run(command({receipt(1, unranked)})));
  EXPECT_EQ(holder(1), unranked);
  EXPECT_EQ(index_.code(command({receipt(2, unranked)})), Errc::bad_placement)
      << "never two in one domain";
}

TEST_F(AttachHoldersVerb, IsWantedUntilDropsResume) {
  EXPECT_FALSE(zone_state(index_.state()).scan_wanted);
  ASSERT_TRUE(index_.run(BeginGeneration{}));
  EXPECT_FALSE(zone_state(index_.state()).scan_wanted);
  restore();
  EXPECT_TRUE(zone_state(index_.state()).scan_wanted);
  ASSERT_TRUE(index_.run(ResumeDrops{}));
  EXPECT_FALSE(zone_state(index_.state()).scan_wanted);
}

TEST(AttachHoldersFeature, IsOffUntilItIsEnabled) {
  TestIndex index;
  EXPECT_EQ(index.code(AttachHolders{}), Errc::feature_off);
  BeginGeneration begin;
  begin.scan = true;
  ASSERT_TRUE(index.run(begin));
  EXPECT_FALSE(zone_state(index.state()).scan_wanted);
}

TEST_F(AttachHoldersVerb, IsOfMetaNodes) { EXPECT_TRUE(is_of_meta_nodes(Verb::attach_holders)); }

}  // namespace
}  // namespace stratos::meta
