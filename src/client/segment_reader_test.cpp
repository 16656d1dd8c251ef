#include "client/segment_reader.hpp"

#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

class SegmentReading : public MeshTest {
 protected:
  void cut(const std::vector<NodeId>& nodes) {
    there([this, &nodes] {
      heal();
      faults_->cut.insert(nodes.begin(), nodes.end());
    });
  }
  void corrupt(const std::vector<NodeId>& nodes) {
    there([this, &nodes] {
      heal();
      faults_->lying.insert(nodes.begin(), nodes.end());
    });
  }
  Buffer coded_ = pattern(1, 1'400'000);  // six stripes, two batches
  Buffer copied_ = pattern(2, 100'000);
};

TEST_F(SegmentReading, AsksOnlyTheNodesThatHoldTheRange) {
  ASSERT_TRUE(put("coded", coded_));
  const auto holders = holders_of("coded");
  there([this] { faults_->calls.clear(); });
  EXPECT_TRUE(same(get("coded", ByteRange{0, 99}), coded_.view().first(100)));
  there([&] {
    EXPECT_EQ(faults_->calls.size(), 1U);
    EXPECT_TRUE(faults_->calls.contains(holders[0].node));
  });
  EXPECT_EQ(mesh_->decoded_reads.value(), 0U);
}

TEST_F(SegmentReading, DecodesWithAnyTwoHoldersCutOff) {
  ASSERT_TRUE(put("coded", coded_));
  const auto holders = holders_of("coded");
  ASSERT_EQ(holders.size(), kCoded.n());
  for (std::size_t a = 0; a < holders.size(); ++a) {
    for (std::size_t b = a + 1; b < holders.size(); ++b) {
      cut({holders[a].node, holders[b].node});
      const auto decoded = mesh_->decoded_reads.value();
      EXPECT_TRUE(same(get("coded"), coded_.view())) << a << ' ' << b;
      EXPECT_EQ(mesh_->decoded_reads.value() > decoded, a < kCoded.k) << a << ' ' << b;
      EXPECT_TRUE(
          same(get("coded", ByteRange{300'000, 300'010}), coded_.view().subspan(300'000, 11)));
    }
  }
}

TEST_F(SegmentReading, FailsAtOnceWhenTooFewFragmentsAnswer) {
  ASSERT_TRUE(put("coded", coded_));
  ASSERT_TRUE(put("copied", copied_));
  const auto holders = holders_of("coded");
  cut({holders[0].node, holders[2].node, holders[4].node});
  const MonotonicTime start = runtime_.now();
  EXPECT_EQ(get("coded").error().code(), Errc::object_unreadable);
  std::vector<NodeId> all;
  for (const meta::Holder& holder : holders_of("copied")) all.push_back(holder.node);
  cut(all);
  EXPECT_EQ(get("copied").error().code(), Errc::object_unreadable);
  EXPECT_LT(runtime_.now() - start, mesh_->options.node_timeout);
}

TEST_F(SegmentReading, IsBitExactWhenOneHolderLies) {
  ASSERT_TRUE(put("coded", coded_));
  for (const meta::Holder& holder : holders_of("coded")) {
    corrupt({holder.node});
    const auto corrupt_before = mesh_->corrupt_units.value();
    EXPECT_TRUE(same(get("coded"), coded_.view())) << int{holder.index};
    EXPECT_EQ(mesh_->corrupt_units.value() > corrupt_before, holder.index < kCoded.k);
  }
}

TEST_F(SegmentReading, IsBitExactWhenOneHolderLiesAndAnotherIsCutOff) {
  ASSERT_TRUE(put("coded", coded_));
  const auto holders = holders_of("coded");
  there([&] {
    faults_->cut = {holders[1].node};
    faults_->lying = {holders[4].node};  // needed for decoding
  });
  EXPECT_TRUE(same(get("coded"), coded_.view()));
  EXPECT_GT(mesh_->corrupt_units.value(), 0U);
}

TEST_F(SegmentReading, GivesNoByteWhenTooManyHoldersLie) {
  ASSERT_TRUE(put("coded", coded_));
  const auto holders = holders_of("coded");
  corrupt({holders[0].node, holders[1].node, holders[2].node});
  EXPECT_EQ(get("coded").error().code(), Errc::object_unreadable);
}

TEST_F(SegmentReading, ReadsTheLastCopyAndAvoidsLyingOnes) {
  ASSERT_TRUE(put("copied", copied_));
  const auto holders = holders_of("copied");
  ASSERT_EQ(holders.size(), 3U);
  for (std::size_t left = 0; left < 3; ++left) {
    const NodeId a = holders[(left + 1) % 3].node;
    const NodeId b = holders[(left + 2) % 3].node;
    cut({a, b});
    EXPECT_TRUE(same(get("copied"), copied_.view()));
    corrupt({a, b});
    EXPECT_TRUE(same(get("copied"), copied_.view()));
  }
  EXPECT_GT(mesh_->corrupt_units.value(), 0U);
  EXPECT_EQ(mesh_->decoded_reads.value(), 0U);
}

TEST_F(SegmentReading, HedgesWhenANodeIsSlow) {
  ASSERT_TRUE(put("coded", coded_));
  ASSERT_TRUE(put("copied", copied_));
  mesh_->options.hedge_after = 1ms;
  there([&, node = holders_of("coded")[1].node] { faults_->held = {node}; });
  EXPECT_TRUE(same(get("coded"), coded_.view()));
  EXPECT_GT(mesh_->hedged_reads.value(), 0U);
  EXPECT_GT(mesh_->decoded_reads.value(), 0U);
  const auto copies = holders_of("copied");
  there([&] { faults_->held = {copies[0].node, copies[1].node}; });
  EXPECT_TRUE(same(get("copied"), copied_.view()));
}

TEST_F(SegmentReading, RefusesARecordThatContradictsItself) {
  ASSERT_TRUE(put("coded", coded_));
  const meta::SegmentRecord good = record_of("coded").segments.at(0);
  const auto key = crypto::SecretKey::draw(random_);
  const auto code_of = [&](const meta::SegmentRecord& record) {
    const auto made = SegmentReader::make(*mesh_, BucketId(1), record, key);
    return made ? Errc{} : made.error().code();
  };
  EXPECT_EQ(code_of(good), Errc{});
  auto bad = good;
  bad.length += kCoded.k * kUnitPlainBytes;
  EXPECT_EQ(code_of(bad), Errc::invalid_argument);
  bad = good;
  bad.k = 0;
  EXPECT_EQ(code_of(bad), Errc::invalid_argument);
  bad = good;
  bad.length = 0;
  EXPECT_EQ(code_of(bad), Errc::invalid_argument);
}

}  // namespace
}  // namespace stratos::client
