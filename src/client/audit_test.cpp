// Audits end to end: a real index, real nodes, faults between them.
#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

class AuditTest : public MeshTest {
 protected:
  AuditTest() : MeshTest(true, true) {}

  template <class Check>
  bool eventually(Check check) {
    const auto pause = [](Runtime* runtime) -> Task<void> { (void)co_await runtime->sleep(5ms); };
    const MonotonicTime give_up = loop_.now() + 20s;
    while (!check()) {
      if (loop_.now() > give_up) return false;
      run(pause(&loop_));
    }
    return true;
  }
  std::uint64_t passed() { return metrics_.counter("stratos_audit_passed_total").value(); }
  std::uint64_t failed() { return metrics_.counter("stratos_audit_failed_total").value(); }
  std::uint64_t contained() { return metrics_.counter("stratos_audit_contained_total").value(); }
  meta::NodeState state_of(NodeId id) {
    const auto nodes = run(mesh_->meta.query(meta::GetNodes{})).value().nodes;
    return std::ranges::find(nodes, id, &meta::NodeRecord::id)->state;
  }
  meta::GetScores::Node scored(NodeId id) {
    const auto nodes = run(mesh_->meta.query(meta::GetScores{})).value().nodes;
    return *std::ranges::find(nodes, id, &meta::GetScores::Node::node);
  }
  bool holds(const std::string& key, NodeId node) {
    const auto holders = holders_of(key);
    return std::ranges::find(holders, node, &meta::Holder::node) != holders.end();
  }
};

TEST_F(AuditTest, HonestNodesPassWhateverTheyHold) {
  for (std::size_t i = 0; i < 6; ++i) {
    // Fragments of one leaf, of one group, of several groups with a short last leaf.
    const std::size_t size = std::array<std::size_t, 3>{9'000, 60'000, 1'500'001}[i % 3];
    ASSERT_TRUE(put("k" + std::to_string(i), pattern(i, size)));
  }
  EXPECT_TRUE(eventually([&] { return passed() >= 200; }));
  EXPECT_EQ(failed(), 0U);
  EXPECT_EQ(contained(), 0U);
  EXPECT_TRUE(eventually([&] { return scored(holders_of("k0")[0].node).score.sums.passed > 0; }));
}

TEST_F(AuditTest, ANodeWithWrongBytesIsSuspendedAndReplaced) {
  const Buffer data = pattern(1, 2'000'000);
  for (const std::string key : {"a", "b", "c", "d"}) ASSERT_TRUE(put(key, data));
  const NodeId liar = holders_of("a")[2].node;
  there([&] { faults_->lying.insert(liar); });
  ASSERT_TRUE(eventually([&] { return state_of(liar) == meta::NodeState::suspended; }));
  EXPECT_EQ(scored(liar).suspended_for, meta::SuspensionCause::failed_audits);
  EXPECT_GE(failed(), meta::kFailuresToSuspend);
  for (const std::string key : {"a", "b", "c", "d"}) {
    EXPECT_TRUE(eventually([&] { return !holds(key, liar) && holders_of(key).size() == 6; }))
        << key;
    EXPECT_TRUE(same(get(key), data.view()));
  }
}

TEST_F(AuditTest, ASilentNodeIsAskedAgainAndNotBlamed) {
  const Buffer data = pattern(2, 2'000'000);
  ASSERT_TRUE(put("key", data));
  const NodeId silent = holders_of("key")[1].node;
  there([&] { faults_->held.insert(silent); });
  ASSERT_TRUE(eventually([&] { return contained() >= 3; }));
  EXPECT_TRUE(eventually([&] { return scored(silent).contained > 0; }));
  EXPECT_EQ(state_of(silent), meta::NodeState::up);
  there([this] { heal(); });
  EXPECT_TRUE(eventually([&] { return scored(silent).contained == 0; }));
  EXPECT_EQ(failed(), 0U);
  EXPECT_TRUE(holds("key", silent));
}

TEST_F(AuditTest, ReadersReportsReachTheScore) {
  mesh_->options.report_every = 0ms;
  ASSERT_TRUE(put("key", pattern(3, 400'000)));
  const NodeId node = holders_of("key")[0].node;
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(get("key"));
    const meta::NodeDay sums = scored(node).score.sums;
    return sums.reads + sums.bulk_kib > 0 && sums.read_us + sums.bulk_us > 0;
  }));
}

}  // namespace
}  // namespace stratos::client
