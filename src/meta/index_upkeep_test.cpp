// A stopped meta node takes another key.
#include "meta/index_upkeep.hpp"

#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "meta/features.hpp"
#include "meta/service.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::meta {
namespace {

class IndexUpkeep : public ::testing::Test {
 protected:
  ~IndexUpkeep() override { runtime_.stop(); }

  // Starts a meta node and stops it.
  Result<void> serve(const crypto::MachineSigner& key, MetaKeyChain chain) {
    ServiceOptions options;
    options.folder = "/meta";
    options.params.network = "test";
    options.params.features = all_features();
    options.params.profiles = {{"dev", 4, 2, 3}};
    options.params.meta_keys = {key.public_key()};
    options.key_chain = std::move(chain);
    STRATOS_TRY(
        const auto service,
        block_on(runtime_, MetaService::start(runtime_, fs_, key, metrics_, std::move(options))));
    block_on(runtime_, service->stop());
    return {};
  }
  Result<void> take(const crypto::MachineSigner& key, const MetaKeyChain& chain) {
    return block_on(runtime_, take_seat_in(runtime_, fs_, "/meta", "test", key, chain));
  }

  io::FaultyFileSystem fs_{3};
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "index_upkeep_test"};
  SeededRandom random_{5};
  metrics::Registry metrics_;
  crypto::MachineSigner first_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner second_ = crypto::MachineSigner::draw(random_);
  MetaKeyChain chain_{{make_link(first_, second_.public_key())}, {}};
};

TEST_F(IndexUpkeep, LetsTheNextKeyTakeTheSeat) {
  ASSERT_TRUE(serve(first_, {}));
  ASSERT_TRUE(take(second_, chain_));
  EXPECT_TRUE(take(second_, chain_)) << "a rotation that was broken off is given again";
  EXPECT_EQ(serve(first_, {}).error().code(), Errc::peer_not_trusted);
  EXPECT_TRUE(serve(second_, {}));
}

TEST_F(IndexUpkeep, LetsNobodyElseTakeIt) {
  ASSERT_TRUE(serve(first_, {}));
  EXPECT_EQ(take(second_, {}).error().code(), Errc::peer_not_trusted);
  const auto stranger = crypto::MachineSigner::draw(random_);
  const MetaKeyChain other{{make_link(stranger, second_.public_key())}, {}};
  EXPECT_EQ(take(second_, other).error().code(), Errc::peer_not_trusted);
  EXPECT_TRUE(serve(first_, {}));
}

TEST_F(IndexUpkeep, AStartTakesTheSeatToo) {
  ASSERT_TRUE(serve(first_, {}));
  ASSERT_TRUE(serve(second_, chain_));
  EXPECT_TRUE(serve(second_, {}));
}

}  // namespace
}  // namespace stratos::meta
