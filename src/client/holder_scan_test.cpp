// The comparison of the index with what nodes hold, end to end: a real index that forgot holders,
// real nodes that have the fragments.
#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

// Repair would make anew what the scan is to find.
void without_repair(meta::ServiceOptions& options) {
  options.repair.interval = 1h;
  options.scan.interval = 10ms;
}

class HolderScanTest : public MeshTest {
 protected:
  HolderScanTest() : MeshTest(true, false, 0, without_repair) {}

  // The index forgets that the node holds it; the node has it in its trash then.
  void forget(const meta::SegmentRecord& segment, const meta::Holder& holder) {
    const auto registry = run(mesh_->meta.query(meta::GetNodes{})).value();
    const auto record = std::ranges::find(registry.nodes, holder.node, &meta::NodeRecord::id);
    meta::LostRequest request;
    request.node = holder.node;
    request.missing.push_back({segment.id, holder.index});
    const auto as_node = net::make_loopback_channel(loop_, loop_, service_->router(), record->key);
    ASSERT_TRUE(run(net::call<meta::LostReply>(
        *as_node, static_cast<std::uint16_t>(meta::MetaMethod::report_lost), request, Buffer(),
        5s)));
  }
  void forget_all_but(const std::string& key, std::size_t left) {
    const auto segment = record_of(key).segments.at(0);
    for (std::size_t i = left; i < segment.holders.size(); ++i) {
      forget(segment, segment.holders[i]);
    }
    ASSERT_EQ(holders_of(key).size(), left);
  }
  meta::ScanStatus scan() {
    const auto pause = [](Runtime* runtime) -> Task<void> { (void)co_await runtime->sleep(5ms); };
    meta::ScanStatus status = run(mesh_->meta.scan(true)).value();
    const MonotonicTime give_up = loop_.now() + 20s;
    while (status.is_running && loop_.now() < give_up) {
      run(pause(&loop_));
      status = run(mesh_->meta.scan(false)).value();
    }
    EXPECT_FALSE(status.is_running);
    return status;
  }
};

TEST_F(HolderScanTest, FindsNothingWhereTheIndexKnowsAll) {
  ASSERT_TRUE(put("key", pattern(1, 3 << 20)));
  ASSERT_TRUE(put("small", pattern(2, 20'000)));
  settle();
  const meta::ScanStatus status = scan();
  EXPECT_EQ(status.fragments, 6U + 3U);
  EXPECT_EQ(status.attached + status.spare + status.unknown_segments + status.failed, 0U);
  EXPECT_TRUE(status.silent.empty());
  EXPECT_TRUE(status.finished);
  EXPECT_EQ(status.scans, 1U);
}

TEST_F(HolderScanTest, FindsHoldersThatTheIndexForgot) {
  const Buffer coded = pattern(3, 3 << 20);
  const Buffer copied = pattern(4, 20'000);
  ASSERT_TRUE(put("coded", coded));
  ASSERT_TRUE(put("copied", copied));
  settle();
  forget_all_but("coded", 2);
  forget_all_but("copied", 0);
  EXPECT_FALSE(get("coded")) << "two of four fragments";
  const meta::ScanStatus status = scan();
  EXPECT_EQ(status.attached, 4U + 3U) << status.last_error;
  EXPECT_EQ(status.failed, 0U) << status.last_error;
  EXPECT_EQ(holders_of("coded").size(), 6U);
  EXPECT_EQ(holders_of("copied").size(), 3U);
  EXPECT_TRUE(same(get("coded"), coded.view()));
  EXPECT_TRUE(same(get("copied"), copied.view()));
  const meta::ScanStatus again = scan();
  EXPECT_EQ(again.attached, 0U);
  EXPECT_EQ(again.attached_in_all, 7U);
}

TEST_F(HolderScanTest, CountsWhatTheIndexDoesNotKnowAndLeavesIt) {
  const Buffer data = pattern(5, 1 << 20);
  ASSERT_TRUE(put("key", data));
  Condition absent;
  absent.exists = false;
  EXPECT_FALSE(put("key", pattern(6, 1 << 20), absent));
  settle();
  const meta::ScanStatus status = scan();
  EXPECT_EQ(status.unknown_segments, 1U);
  EXPECT_GE(status.unknown_fragments, 5U);
  EXPECT_GE(status.unknown_bytes, 5U << 18);
  EXPECT_EQ(status.attached + status.failed, 0U) << status.last_error;
  EXPECT_TRUE(same(get("key"), data.view()));
}

TEST_F(HolderScanTest, GoesOnWithoutNodesThatDoNotAnswer) {
  ASSERT_TRUE(put("key", pattern(7, 1 << 20)));
  settle();
  const auto segment = record_of("key").segments.at(0);
  forget(segment, segment.holders[1]);
  forget(segment, segment.holders[2]);
  there([&] { faults_->cut.insert(segment.holders[1].node); });
  const meta::ScanStatus without = scan();
  EXPECT_EQ(without.attached, 1U);
  EXPECT_EQ(without.failed, 1U);
  EXPECT_EQ(without.silent, (std::vector<NodeId>{segment.holders[1].node}));
  EXPECT_EQ(holders_of("key").size(), 5U) << "what the silent one holds by the index stays";
  heal();
  EXPECT_EQ(scan().attached, 1U);
  EXPECT_EQ(holders_of("key").size(), 6U);
}

TEST_F(HolderScanTest, TakesNoReceiptForRottenBytes) {
  ASSERT_TRUE(put("key", pattern(8, 1 << 20)));
  settle();
  const auto segment = record_of("key").segments.at(0);
  forget(segment, segment.holders[3]);
  for (std::size_t i = 0; i < kNodes; ++i) {
    if (nodes_[i]->id() != segment.holders[3].node) continue;
    const std::string folder = "/node" + std::to_string(i) + "/storage/volumes";
    for (const std::string& name : fs_.list(folder).value()) {
      // More than enough to hit the one fragment that the node has.
      ASSERT_TRUE(fs_.flip_bits(folder + "/" + name, 400));
    }
  }
  const meta::ScanStatus status = scan();
  EXPECT_EQ(status.attached, 0U);
  EXPECT_EQ(status.failed, 1U);
  EXPECT_EQ(holders_of("key").size(), 5U);
}

TEST_F(HolderScanTest, OnlyTheMetaLayerMayAskNodes) {
  ASSERT_TRUE(put("key", pattern(9, 1 << 20)));
  settle();
  const auto segment = record_of("key").segments.at(0);
  const auto as_gateway =
      net::make_loopback_channel(loop_, loop_, nodes_[0]->router(), gateway_key_.public_key());
  meta::HeldRequest list;
  list.limit = 10;
  const auto listed = run(net::call<meta::HeldReply>(
      *as_gateway, static_cast<std::uint16_t>(meta::NodeOrder::list_held), list, Buffer(), 5s));
  EXPECT_EQ(listed.error().code(), Errc::permission_denied);
  meta::AttestRequest attest;
  attest.fragment = {segment.id, 0};
  const auto attested = run(net::call<meta::AttestReply>(
      *as_gateway, static_cast<std::uint16_t>(meta::NodeOrder::attest), attest, Buffer(), 5s));
  EXPECT_EQ(attested.error().code(), Errc::permission_denied);
  const auto as_meta =
      net::make_loopback_channel(loop_, loop_, nodes_[0]->router(), meta_key_.public_key());
  list.limit = meta::kMaxHeldPage + 1;
  const auto too_much = run(net::call<meta::HeldReply>(
      *as_meta, static_cast<std::uint16_t>(meta::NodeOrder::list_held), list, Buffer(), 5s));
  EXPECT_EQ(too_much.error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace stratos::client
