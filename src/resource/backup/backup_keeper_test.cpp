#include "resource/backup/backup_keeper.hpp"

#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "meta/mesh_place.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::resource {
namespace {

constexpr std::uint64_t kRoom = 8 << 20;

class Keeper : public testing::Test {
 protected:
  Keeper() { open(); }
  ~Keeper() override {
    block_on(runtime_, keeper_->stop());
    runtime_.stop();
  }
  void open() {
    keeper_ =
        block_on(runtime_, BackupKeeper::open(runtime_, fs_, "/backup", kRoom, metrics_)).value();
    router_ = std::make_unique<net::Router>();
    keeper_->add_routes(*router_);
  }
  void join(const crypto::MachineSigner& meta) {
    Membership membership;
    membership.meta_key = meta.public_key();
    keeper_->joined(membership);
  }
  meta::NodePlace place_of(const crypto::MachineSigner& caller) {
    return {"n1", net::make_loopback_channel(runtime_, runtime_, *router_, caller.public_key())};
  }
  Result<void> write(const std::string& name, const Bytes& file) {
    meta::NodePlace place = place_of(meta_);
    return block_on(runtime_, place.write(name, file));
  }
  Result<Bytes> read(const std::string& name) {
    meta::NodePlace place = place_of(meta_);
    Bytes file;
    const auto done = block_on(runtime_, place.read(name, [&file](ByteView bytes) {
      file = to_bytes(bytes);
      return Result<void>();
    }));
    if (!done) return fail(done.error());
    return file;
  }
  std::vector<std::string> list() {
    meta::NodePlace place = place_of(meta_);
    return block_on(runtime_, place.list()).value();
  }
  Bytes bytes(std::size_t size) {
    Bytes file(size);
    random_.fill(file);
    return file;
  }

  io::FaultyFileSystem fs_{1};
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "keeper_test"};
  SeededRandom random_{3};
  metrics::Registry metrics_;
  crypto::MachineSigner meta_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner other_ = crypto::MachineSigner::draw(random_);
  std::unique_ptr<net::Router> router_;
  std::unique_ptr<BackupKeeper> keeper_;
};

TEST_F(Keeper, GivesBackWhatItWasGiven) {
  join(meta_);
  const Bytes small = bytes(10);
  const Bytes large = bytes((3 << 20) + 5);
  ASSERT_TRUE(write("a-1", small));
  ASSERT_TRUE(write("a-2", large));
  EXPECT_EQ(list(), (std::vector<std::string>{"a-1", "a-2"}));
  EXPECT_EQ(read("a-1").value(), small);
  EXPECT_EQ(read("a-2").value(), large);
  EXPECT_EQ(read("a-3").error().code(), Errc::file_not_found);
  EXPECT_EQ(keeper_->bytes().load(), small.size() + large.size());
}

TEST_F(Keeper, IsTheMetaLayersAlone) {
  EXPECT_EQ(write("a-1", bytes(10)).error().code(), Errc::permission_denied) << "nobody's yet";
  join(meta_);
  ASSERT_TRUE(write("a-1", bytes(10)));
  meta::NodePlace others = place_of(other_);
  EXPECT_EQ(block_on(runtime_, others.list()).error().code(), Errc::permission_denied);
  EXPECT_EQ(block_on(runtime_, others.write("a-2", bytes(10))).error().code(),
            Errc::permission_denied);
  ASSERT_TRUE(block_on(runtime_, others.remove("a-1")));
  EXPECT_EQ(block_on(runtime_, others.tidy()).error().code(), Errc::permission_denied);
  EXPECT_EQ(list().size(), 1U);
}

TEST_F(Keeper, KnowsItsMetaLayerAfterARestartWithoutIt) {
  join(meta_);
  const Bytes file = bytes(100);
  ASSERT_TRUE(write("a-1", file));
  block_on(runtime_, keeper_->stop());
  open();
  EXPECT_EQ(read("a-1").value(), file);
  EXPECT_EQ(list(), (std::vector<std::string>{"a-1"}));
}

TEST_F(Keeper, KeepsNoMoreThanItsRoom) {
  join(meta_);
  ASSERT_TRUE(write("a-1", bytes(5 << 20)));
  EXPECT_EQ(write("a-2", bytes(4 << 20)).error().code(), Errc::store_full);
  ASSERT_TRUE(write("a-1", bytes(6 << 20))) << "in the place of itself";
  meta::NodePlace place = place_of(meta_);
  ASSERT_TRUE(block_on(runtime_, place.remove("a-1")));
  ASSERT_TRUE(block_on(runtime_, place.tidy()));
  ASSERT_TRUE(write("a-2", bytes(4 << 20)));
  EXPECT_EQ(keeper_->bytes().load(), std::uint64_t{4 << 20});
}

TEST_F(Keeper, TakesNoNamesThatLeadElsewhere) {
  join(meta_);
  for (const char* const name : {"", "owner", "part", "../a-1", "a-/b", "A-1", "a-1.tmp"}) {
    EXPECT_EQ(write(name, bytes(10)).error().code(), Errc::invalid_argument) << name;
  }
  EXPECT_EQ(write(std::string(100, 'a') + "-", bytes(10)).error().code(), Errc::invalid_argument);
}

TEST_F(Keeper, ForgetsAFileThatNeverCameWhole) {
  join(meta_);
  meta::PutBackup request;
  request.name = "a-1";
  request.size = 100;
  const auto put = [&] {
    const auto channel =
        net::make_loopback_channel(runtime_, runtime_, *router_, meta_.public_key());
    return block_on(runtime_, net::call<meta::PutBackupReply>(
                                  *channel, static_cast<std::uint16_t>(meta::BackupMethod::put),
                                  request, Buffer::copy_of(bytes(10)), 5s));
  };
  ASSERT_TRUE(put());
  request.offset = 20;
  EXPECT_EQ(put().error().code(), Errc::extent_out_of_order);
  EXPECT_TRUE(list().empty());
  block_on(runtime_, keeper_->stop());
  open();
  join(meta_);
  EXPECT_TRUE(list().empty());
  EXPECT_EQ(keeper_->bytes().load(), 0U);
  request.offset = 10;
  EXPECT_EQ(put().error().code(), Errc::extent_out_of_order);
}

TEST_F(Keeper, HoldsWhatItPromisedOverPowerLoss) {
  for (std::uint64_t point = 1; point < 60; ++point) {
    join(meta_);
    std::map<std::string, Bytes> promised;
    fs_.cut_power_after(point);
    for (int i = 0; i < 4; ++i) {
      const std::string name = "a-" + std::to_string(i);
      Bytes file = bytes(1000);
      if (!write(name, file)) break;
      promised[name] = std::move(file);
    }
    block_on(runtime_, keeper_->stop());
    if (fs_.has_power()) fs_.power_off();
    fs_.recover();
    open();
    join(meta_);
    for (const auto& [name, file] : promised) ASSERT_EQ(read(name).value(), file) << point;
  }
}

}  // namespace
}  // namespace stratos::resource
