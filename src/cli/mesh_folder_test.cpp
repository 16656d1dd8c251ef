#include "cli/mesh_folder.hpp"

#include <gtest/gtest.h>

#include "cli/key_ring_files.hpp"
#include "io/faulty_file_system.hpp"

namespace stratos::cli {
namespace {

class MeshFolderTest : public testing::Test {
 protected:
  MeshFolderTest() { EXPECT_TRUE(fs_.make_dirs("/mesh")); }
  io::FaultyFileSystem fs_{1};
  SeededRandom random_{1};
  MeshFolder folder_{fs_, "/mesh"};
};

TEST_F(MeshFolderTest, GrowsButNeverForgets) {
  MeshSettings settings;
  settings.nodes = 8;
  ASSERT_TRUE(folder_.settings(settings));
  settings.nodes = 6;
  settings.accounts = 3;
  const MeshSettings kept = folder_.settings(settings).value();
  EXPECT_EQ(kept.nodes, 8U);
  EXPECT_EQ(kept.accounts, 3U);
}

TEST_F(MeshFolderTest, RefusesAnotherProfile) {
  ASSERT_TRUE(folder_.settings(MeshSettings{}));
  MeshSettings other;
  other.k = 8;
  EXPECT_EQ(folder_.settings(other).error().code(), Errc::bad_config);
}

TEST_F(MeshFolderTest, RefusesDamagedAndForeignSettings) {
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/mesh.json", as_bytes("{\"format\": 9}")));
  EXPECT_EQ(folder_.settings(MeshSettings{}).error().code(), Errc::unknown_format);
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/mesh.json", as_bytes("{\"format\": 1}")));
  EXPECT_EQ(folder_.stored_settings().error().code(), Errc::bad_config);
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/mesh.json", as_bytes("nonsense")));
  EXPECT_EQ(folder_.stored_settings().error().code(), Errc::bad_config);
}

TEST_F(MeshFolderTest, SaysThatNoMeshRuns) {
  EXPECT_EQ(folder_.run().error().code(), Errc::not_found);
  MeshRun run;
  run.pid = 7;
  run.s3_endpoint = "http://127.0.0.1:1";
  ASSERT_TRUE(folder_.store_run(run));
  EXPECT_EQ(folder_.run()->s3_endpoint, "http://127.0.0.1:1");
  folder_.clear_run();
  EXPECT_EQ(folder_.run().error().code(), Errc::not_found);
}

TEST_F(MeshFolderTest, KeepsAccountsAndMachineKeys) {
  MeshAccount account;
  account.name = "dev";
  account.secret_key = "s";
  ASSERT_TRUE(folder_.store_accounts({account}));
  EXPECT_EQ(folder_.accounts()->at(0).secret_key, "s");
  const auto key = folder_.machine_key("meta", random_).value();
  EXPECT_EQ(folder_.machine_key("meta", random_)->public_key(), key.public_key());
  EXPECT_NE(folder_.machine_key("gateway", random_)->public_key(), key.public_key());
}

TEST_F(MeshFolderTest, RefusesADamagedMachineKey) {
  ASSERT_TRUE(folder_.machine_key("meta", random_));
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/keys/meta", as_bytes("zz")));
  EXPECT_EQ(folder_.machine_key("meta", random_).error().code(), Errc::bad_encoding);
}

TEST_F(MeshFolderTest, KeyRingIsKeptAndItsExportRemembered) {
  KeyRingFiles files(fs_, "/mesh/gateway");
  EXPECT_EQ(files.open().error().code(), Errc::file_not_found);
  client::KeyRing ring = files.create(random_).value();
  EXPECT_EQ(files.open()->fingerprint(), ring.fingerprint());
  EXPECT_FALSE(files.has_verified_export(ring));
  ASSERT_TRUE(files.note_export(ring));
  EXPECT_TRUE(files.has_verified_export(ring));
  ring.rotate(random_);
  EXPECT_FALSE(files.has_verified_export(ring));
}

}  // namespace
}  // namespace stratos::cli
