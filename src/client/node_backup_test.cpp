// The index's backup on the storage nodes: a real meta node, real nodes that are away or lie.
#include "client/mesh_fixture.hpp"
#include "meta/index_backup.hpp"

namespace stratos::client {
namespace {

crypto::SecretKey backup_key() { return crypto::SecretKey(std::array<std::uint8_t, 32>{5}); }

void on_nodes(meta::ServiceOptions& options) {
  options.repair.interval = 1h;
  options.backup = meta::BackupTarget{"", true, backup_key(), 1h};
}

class NodeBackupTest : public MeshTest {
 protected:
  NodeBackupTest() : MeshTest(true, false, 0, on_nodes) {}

  meta::BackupReply::Place back_up() {
    auto reply = run(mesh_->meta.back_up());
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply ? reply->places.at(0) : meta::BackupReply::Place();
  }
  // What a meta node finds that knows the nodes and the keys alone.
  Result<meta::RestoredIndex> restore(const std::string& folder, std::size_t max_silent = 1) {
    const auto registry = run(mesh_->meta.query(meta::GetNodes{})).value();
    std::vector<meta::MeshPlace::Member> members;
    for (const auto& node : registry.nodes) {
      auto place = std::make_shared<meta::NodePlace>(to_string(node.id), meta_dialer_.dial(node));
      members.push_back({node.id, std::move(place)});
    }
    meta::RestoreOptions options;
    options.max_silent = max_silent;
    const meta::MetaIdentity identity(meta_key_);
    return run(meta::restore_index_from_nodes(
        loop_, fs_, [members](std::string_view) { return members; }, backup_key(), "test", folder,
        identity, options));
  }
  std::size_t copies(const std::string& part_of_name) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < kNodes; ++i) {
      for (const std::string& name : fs_.list("/node" + std::to_string(i) + "/backup").value()) {
        count += name.find(part_of_name) != name.npos ? 1 : 0;
      }
    }
    return count;
  }
};

TEST_F(NodeBackupTest, BringsTheIndexBack) {
  ASSERT_TRUE(put("a", pattern(1, 100'000)));
  settle();
  const auto first = back_up();
  EXPECT_EQ(first.where, "the storage nodes");
  EXPECT_EQ(first.failures, 0U) << first.last_error;
  EXPECT_EQ(copies("-done"), meta::kBackupCopies);
  ASSERT_TRUE(put("b", pattern(2, 1000)));
  const auto second = back_up();
  EXPECT_GT(second.height, first.height);
  EXPECT_EQ(copies("-blocks-"), meta::kBackupCopies);
  const auto restored = restore("/restored");
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_GE(restored->state.info.height, second.height);
  EXPECT_EQ(restored->generation, Generation(2));
  EXPECT_TRUE(fs_.exists("/restored"));
  EXPECT_EQ(restore("/restored").error().code(), Errc::already_exists);
}

TEST_F(NodeBackupTest, WritesNothingWhenNothingWasCommitted) {
  settle();
  back_up();
  const std::size_t before = copies("-");
  back_up();
  back_up();
  EXPECT_EQ(copies("-"), before);
}

TEST_F(NodeBackupTest, BearsANodeThatIsAwayAndOneThatLies) {
  ASSERT_TRUE(put("a", pattern(3, 100'000)));
  settle();
  const auto kept = back_up();
  there([this] {
    faults_->cut.insert(NodeId(2));
    faults_->lying.insert(NodeId(5));
  });
  const auto restored = restore("/restored");
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_GE(restored->state.info.height, kept.height);
  there([this] { faults_->cut.insert(NodeId(3)); });
  EXPECT_EQ(restore("/other").error().code(), Errc::unavailable);
  EXPECT_FALSE(fs_.exists("/other"));
}

TEST_F(NodeBackupTest, SaysWhenTooFewNodesTakeIt) {
  settle();
  there([this] {
    for (std::uint32_t i = 1; i < kNodes; ++i) faults_->cut.insert(NodeId(i));
  });
  ASSERT_TRUE(put("inline", pattern(4, 100)));
  EXPECT_FALSE(run(mesh_->meta.back_up()));
  const auto status = run(mesh_->meta.backup_status()).value();
  EXPECT_GT(status.places.at(0).failures, 0U);
  EXPECT_NE(status.places.at(0).last_error, "");
  heal();
  EXPECT_EQ(back_up().failures, 0U);
}

}  // namespace
}  // namespace stratos::client
