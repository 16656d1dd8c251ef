// The folder of a mesh that does not run, for tests.
#pragma once
#include <gtest/gtest.h>

#include "cli/meta_identity.hpp"
#include "io/faulty_file_system.hpp"
#include "meta/features.hpp"
#include "meta/service.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::cli {

// Its meta node has served once.
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
  io::FaultyFileSystem fs_{1};
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "meta_identity_test"};
  SeededRandom random_{1};
  metrics::Registry metrics_;
  MeshFolder folder_{fs_, "/mesh"};
};

}  // namespace stratos::cli
