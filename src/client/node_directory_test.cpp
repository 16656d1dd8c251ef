#include "client/node_directory.hpp"

#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

class Directory : public MeshTest {
 protected:
  Directory() : directory_(runtime_, mesh_->meta, dialer_) {}
  std::uint32_t dials() {
    std::uint32_t made = 0;
    there([&] { made = faults_->dials; });
    return made;
  }
  void move_to(std::string endpoint) { EXPECT_TRUE(run(nodes_[0]->join(std::move(endpoint), 5s))); }
  NodeDirectory directory_;
};

TEST_F(Directory, FindsRegisteredNodesAndNoOthers) {
  const auto found = run(directory_.find(nodes_[0]->id()));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ((*found)->record.key, nodes_[0]->key());
  EXPECT_EQ(directory_.known_nodes().size(), kNodes);
  EXPECT_EQ(run(directory_.find(NodeId(4000))).error().code(), Errc::no_such_node);
}

TEST_F(Directory, FindsANodeThatJoinsLater) {
  ASSERT_TRUE(run(directory_.find(nodes_[0]->id())));
  start_node("/late");
  EXPECT_TRUE(run(directory_.find(nodes_.back()->id())));
}

TEST_F(Directory, KeepsChannelsWhileEndpointsStay) {
  ASSERT_TRUE(run(directory_.refresh()));
  const auto before = dials();
  ASSERT_TRUE(run(directory_.refresh()));
  EXPECT_EQ(dials(), before);
}

TEST_F(Directory, TakesUpANewEndpointAfterAFailure) {
  NodeDirectory::Node* node = run(directory_.find(nodes_[0]->id())).value();
  const auto before = dials();
  move_to("elsewhere:1");
  runtime_.advance(2s);
  EXPECT_EQ(run(directory_.find(node->record.id)).value()->record.endpoint, "");
  directory_.note_failure(*node);
  EXPECT_EQ(run(directory_.find(node->record.id)).value()->record.endpoint, "elsewhere:1");
  EXPECT_EQ(dials(), before + 1);
}

TEST_F(Directory, LooksAFailingNodeUpOnlyNowAndThen) {
  NodeDirectory::Node* node = run(directory_.find(nodes_[0]->id())).value();
  runtime_.advance(2s);
  directory_.note_failure(*node);
  ASSERT_TRUE(run(directory_.find(node->record.id)));
  move_to("elsewhere:1");
  EXPECT_EQ(run(directory_.find(node->record.id)).value()->record.endpoint, "");
  runtime_.advance(2s);
  EXPECT_EQ(run(directory_.find(node->record.id)).value()->record.endpoint, "elsewhere:1");
}

TEST_F(Directory, AveragesHowLongAnswersTake) {
  NodeDirectory::Node* node = run(directory_.find(nodes_[0]->id())).value();
  const Duration before = node->latency;
  directory_.note_failure(*node);
  directory_.note_success(*node, before + 80ms);
  EXPECT_EQ(node->latency, before + 10ms);
  EXPECT_FALSE(node->failed_last);
}

}  // namespace
}  // namespace stratos::client
