#include "cli/meta_identity.hpp"

#include <gtest/gtest.h>

#include "cli/stored_formats.hpp"
#include "io/faulty_file_system.hpp"
#include "meta/features.hpp"
#include "meta/service.hpp"
#include "ordering/log_format.hpp"
#include "resource/storage/volume_format.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::cli {
namespace {

// The folder of a mesh whose meta node has served once.
class StoppedMesh : public testing::Test {
 protected:
  StoppedMesh() {
    EXPECT_TRUE(fs_.make_dirs("/mesh"));
    EXPECT_TRUE(folder_.settings(MeshSettings{}));
    EXPECT_TRUE(serve());
  }
  ~StoppedMesh() override { runtime_.stop(); }

  Result<void> serve() {
    STRATOS_TRY(meta::MetaIdentity identity, meta_identity(fs_, folder_, random_));
    meta::ServiceOptions options;
    options.folder = folder_.meta_path();
    options.params.network = kNetwork;
    options.params.features = meta::all_features();
    options.params.profiles = {{"dev", 4, 2, 3}};
    options.params.meta_keys = {identity.signer.public_key()};
    options.key_chain = identity.chain;
    STRATOS_TRY(const auto service,
                block_on(runtime_, meta::MetaService::start(runtime_, fs_, identity.signer,
                                                            metrics_, std::move(options))));
    block_on(runtime_, service->stop());
    return {};
  }
  meta::MetaIdentity identity() { return meta_identity(fs_, folder_, random_).value(); }
  void write(const std::string& path, ByteView bytes) {
    ASSERT_TRUE(fs_.make_dirs(io::parent_of(path)));
    ASSERT_TRUE(io::write_file_atomic(fs_, path, bytes));
  }
  // What is said of a part; empty when there is none of this name.
  std::string format_of(const std::string& name) {
    for (const StoredPart& part : stored_parts(fs_, folder_)) {
      if (part.name != name) continue;
      return part.format ? *part.format : std::string(name_of(part.format.error().code()));
    }
    return "";
  }

  io::FaultyFileSystem fs_{1};
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "meta_identity_test"};
  SeededRandom random_{1};
  metrics::Registry metrics_;
  MeshFolder folder_{fs_, "/mesh"};
};

using MetaKeyRotation = StoppedMesh;
using StoredFormats = StoppedMesh;

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

TEST_F(StoredFormats, OfThisReleaseAreRead) {
  EXPECT_EQ(format_of("settings"), "1");
  EXPECT_EQ(format_of("ordering log"), "1");
  EXPECT_EQ(format_of("index"), "4");
  EXPECT_EQ(format_of("key ring"), "") << "there is none yet";
  const auto running = fs_.lock("/mesh");
  EXPECT_EQ(format_of("index"), "4");
}

TEST_F(StoredFormats, OfOthersAreNamed) {
  write("/mesh/mesh.json", as_bytes(R"({"format":2})"));
  EXPECT_EQ(format_of("settings"), "unknown_format");
  write("/mesh/meta/log/log-00000000000000ff", Bytes(ordering::kFileHeaderBytes, 7));
  EXPECT_EQ(format_of("ordering log"), "log_corrupt");
  write("/mesh/gateway/keyring", Bytes{9, 9, 9});
  EXPECT_EQ(format_of("key ring"), "unknown_format");
  write("/mesh/nodes/n1/FORMAT", as_bytes("stratos node 2\n"));
  EXPECT_EQ(format_of("node n1"), "unknown_format");
}

TEST_F(StoredFormats, OfVolumesAreThoseOfTheirHeaders) {
  write("/mesh/nodes/n1/FORMAT", as_bytes("stratos node 1\n"));
  ASSERT_TRUE(fs_.make_dirs("/mesh/nodes/n1/storage/volumes"));
  EXPECT_EQ(format_of("node n1"), "none yet");
  Bytes header = resource::encode_volume_header({1, 2});
  write("/mesh/nodes/n1/storage/volumes/00000001", header);
  write("/mesh/nodes/n1/storage/volumes/00000002", Bytes(4096, 0));
  EXPECT_EQ(format_of("node n1"), "1");
  header[0] ^= 1;
  write("/mesh/nodes/n1/storage/volumes/00000003", header);
  EXPECT_EQ(format_of("node n1"), "corrupt_file");
}

}  // namespace
}  // namespace stratos::cli
