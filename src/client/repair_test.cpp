// Repair end to end: a real index, real nodes, a client that reads what was made anew.
#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

class RepairTest : public MeshTest {
 protected:
  RepairTest() : MeshTest(true) {}

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
  bool becomes_full(const std::string& key, std::size_t holders = 6) {
    return eventually([&] { return holders_of(key).size() == holders; });
  }
  bool holds(const std::string& key, NodeId node) {
    const auto holders = holders_of(key);
    return std::ranges::find(holders, node, &meta::Holder::node) != holders.end();
  }
  void set_state(NodeId node, meta::NodeState state) {
    meta::SetNodeState command;
    command.node = node;
    command.state = state;
    command.free_class = 20;
    ASSERT_TRUE(run(mesh_->meta.execute(command)));
  }
  void cut(std::vector<NodeId> nodes) {
    there([this, nodes] { faults_->cut.insert(nodes.begin(), nodes.end()); });
  }
  // A copy of the object's record of every fragment, to see that it is served by those alone.
  bool readable_from(const std::string& key, std::vector<NodeId> others_cut, ByteView wanted) {
    cut(std::move(others_cut));
    const bool good = same(get(key), wanted);
    there([this] { faults_->cut.clear(); });
    return good;
  }
  std::uint64_t fragments_on(NodeId node) {
    const auto registry = run(mesh_->meta.query(meta::GetNodes{})).value();
    for (std::size_t i = 0; i < registry.nodes.size(); ++i) {
      if (registry.nodes[i].id == node) return registry.ledgers[i].fragments;
    }
    return ~0ULL;
  }
};

TEST_F(RepairTest, MakesAFragmentThatNeverArrived) {
  there([this] { faults_->cut_first_writer = true; });
  mesh_->options.patience = 10ms;
  const Buffer data = pattern(1, 3 << 20);
  // The node that was cut holds one of the first batch: the write goes on at the quorum.
  ASSERT_TRUE(put("key", data));
  settle();
  heal();
  ASSERT_TRUE(becomes_full("key"));
  const auto holders = holders_of("key");
  EXPECT_TRUE(readable_from("key", {holders[0].node, holders[1].node}, data.view()));
  EXPECT_TRUE(readable_from("key", {holders[4].node, holders[5].node}, data.view()));
}

TEST_F(RepairTest, ReplacesTheFragmentsOfASuspendedNode) {
  const Buffer coded = pattern(2, 2'500'000);
  const Buffer copied = pattern(3, 20'000);
  ASSERT_TRUE(put("coded", coded));
  ASSERT_TRUE(put("copied", copied));
  for (const std::string key : {"coded", "copied"}) {
    const auto before = holders_of(key);
    set_state(before[1].node, meta::NodeState::suspended);
    ASSERT_TRUE(eventually([&] { return !holds(key, before[1].node); })) << key;
    const auto after = holders_of(key);
    ASSERT_EQ(after.size(), before.size());
    EXPECT_EQ(after[1].root, before[1].root);
    EXPECT_EQ(fragments_on(before[1].node), holds("coded", before[1].node) ? 1U : 0U);
    set_state(before[1].node, meta::NodeState::up);
  }
  const auto holders = holders_of("coded");
  EXPECT_TRUE(readable_from("coded", {holders[0].node, holders[2].node}, coded.view()));
  const auto copies = holders_of("copied");
  EXPECT_TRUE(readable_from("copied", {copies[0].node, copies[2].node}, copied.view()));
}

TEST_F(RepairTest, EndsADrainWithAnEmptyNode) {
  std::vector<Buffer> bodies;
  for (std::uint64_t i = 0; i < 8; ++i) {
    bodies.push_back(pattern(i + 10, 10'000 + i * 200'000));
    ASSERT_TRUE(put("k" + std::to_string(i), bodies.back()));
  }
  const NodeId drained = holders_of("k7")[0].node;
  ASSERT_GT(fragments_on(drained), 0U);
  set_state(drained, meta::NodeState::draining);
  ASSERT_TRUE(eventually([&] { return fragments_on(drained) == 0; }));
  cut({drained});
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(same(get("k" + std::to_string(i)), bodies[i].view())) << i;
  }
}

TEST_F(RepairTest, ReplacesWhatANodeReportsLost) {
  const Buffer data = pattern(4, 1 << 20);
  ASSERT_TRUE(put("key", data));
  const auto segment = record_of("key").segments.at(0);
  const meta::Holder lost = segment.holders[2];
  meta::LostRequest request;
  request.node = lost.node;
  request.damaged.push_back({segment.id, lost.index});
  const auto registry = run(mesh_->meta.query(meta::GetNodes{})).value();
  const auto record = std::ranges::find(registry.nodes, lost.node, &meta::NodeRecord::id);
  const auto report = [&](const crypto::MachineKey& as) {
    const auto channel = net::make_loopback_channel(loop_, loop_, service_->router(), as);
    return run(net::call<meta::LostReply>(*channel,
                                          static_cast<std::uint16_t>(meta::MetaMethod::report_lost),
                                          request, Buffer(), 5s))
        .has_value();
  };
  EXPECT_FALSE(report(gateway_key_.public_key()));
  EXPECT_TRUE(report(record->key));
  ASSERT_TRUE(becomes_full("key"));
  EXPECT_GT(record_of("key").segments.at(0).generation.value, segment.generation.value + 1);
  const auto holders = holders_of("key");
  EXPECT_EQ(holders[2].root, lost.root);
  // The node may hold it in its trash for as long as it takes to hear of both changes.
  EXPECT_TRUE(eventually(
      [&] { return readable_from("key", {holders[0].node, holders[5].node}, data.view()); }));
}

TEST_F(RepairTest, DoesNotBelieveASourceThatLies) {
  const Buffer data = pattern(5, 1 << 20);
  ASSERT_TRUE(put("key", data));
  const auto before = holders_of("key");
  there([&] { faults_->lying.insert(before[0].node); });
  set_state(before[3].node, meta::NodeState::suspended);
  ASSERT_TRUE(eventually([&] { return !holds("key", before[3].node); }));
  EXPECT_EQ(holders_of("key")[3].root, before[3].root);
}

TEST_F(RepairTest, LeavesWhatCannotBePlacedAndTakesItUpLater) {
  const Buffer data = pattern(6, 1 << 20);
  ASSERT_TRUE(put("key", data));
  const auto before = holders_of("key");
  std::vector<NodeId> spare;
  for (const auto& node : run(mesh_->meta.query(meta::GetNodes{}))->nodes) {
    if (!holds("key", node.id)) spare.push_back(node.id);
  }
  for (NodeId node : spare) set_state(node, meta::NodeState::suspended);
  set_state(before[0].node, meta::NodeState::suspended);
  const auto health = run(mesh_->meta.query(meta::GetHealth{})).value();
  EXPECT_EQ(health.unrepairable, 1U);
  EXPECT_EQ(health.missing_bytes, record_of("key").segments.at(0).fragment_length);
  EXPECT_TRUE(holds("key", before[0].node));
  set_state(spare[0], meta::NodeState::up);
  EXPECT_TRUE(eventually([&] { return holds("key", spare[0]); }));
  EXPECT_FALSE(holds("key", before[0].node));
}

TEST_F(RepairTest, ClientsMayNotSpendTheNetworksShare) {
  meta::LimitsRequest request;
  request.payer = meta::kNetworkAccount;
  request.session = gateway_key_.public_key();
  request.nodes.push_back(NodeId(1));
  request.bytes = 1000;
  EXPECT_EQ(run(mesh_->meta.limits(request)).error().code(), Errc::permission_denied);
}

}  // namespace
}  // namespace stratos::client
