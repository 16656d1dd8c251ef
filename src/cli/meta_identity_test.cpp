#include "cli/meta_identity.hpp"

#include "cli/stopped_mesh_fixture.hpp"

namespace stratos::cli {
namespace {

using MetaKeyRotation = StoppedMesh;

TEST_F(MetaKeyRotation, LeadsFromKeyToKey) {
  const meta::MetaIdentity first = identity();
  EXPECT_TRUE(first.chain.links.empty());
  const crypto::MachineKey second = rotate_meta_key(fs_, folder_, random_).value();
  EXPECT_EQ(identity().signer.public_key(), second);
  EXPECT_EQ(identity().chain.links.size(), 1U);
  ASSERT_TRUE(rotate_meta_key(fs_, folder_, random_));
  EXPECT_EQ(identity().chain.links.size(), 2U);
  EXPECT_EQ(identity().chain.links[0].previous, first.signer.public_key());
  EXPECT_FALSE(fs_.exists("/mesh/keys/meta.next"));
  EXPECT_TRUE(serve());
}

TEST_F(MetaKeyRotation, GoesOnWhereItWasBrokenOff) {
  const auto next = folder_.machine_key("meta.next", random_).value();
  EXPECT_TRUE(serve()) << "before the index took it the old key counts";
  EXPECT_EQ(rotate_meta_key(fs_, folder_, random_).value(), next.public_key());
  // The index took the key, the file was not renamed.
  const auto third = folder_.machine_key("meta.next", random_).value();
  meta::MetaKeyChain chain = identity().chain;
  chain.links.push_back(meta::make_link(identity().signer, third.public_key()));
  write("/mesh/keys/meta.chain", codec::encode(chain));
  ASSERT_TRUE(fs_.rename("/mesh/keys/meta", "/mesh/kept"));
  ASSERT_TRUE(fs_.rename("/mesh/keys/meta.next", "/mesh/keys/meta"));
  ASSERT_TRUE(serve());
  ASSERT_TRUE(fs_.rename("/mesh/keys/meta", "/mesh/keys/meta.next"));
  ASSERT_TRUE(fs_.rename("/mesh/kept", "/mesh/keys/meta"));
  EXPECT_EQ(serve().error().code(), Errc::peer_not_trusted);
  EXPECT_EQ(rotate_meta_key(fs_, folder_, random_).value(), third.public_key());
  EXPECT_TRUE(serve());
}

TEST_F(MetaKeyRotation, NeedsAMeshThatDoesNotRun) {
  const auto lock = fs_.lock("/mesh");
  EXPECT_EQ(rotate_meta_key(fs_, folder_, random_).error().code(), Errc::folder_locked);
  MeshFolder other(fs_, "/nothing");
  EXPECT_EQ(rotate_meta_key(fs_, other, random_).error().code(), Errc::file_not_found);
}

}  // namespace
}  // namespace stratos::cli
