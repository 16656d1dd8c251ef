#include <sys/stat.h>

#include <filesystem>

#include "resource/storage/store_fixture.hpp"

namespace stratos::resource {
namespace {

using meta::FeedKind;

class FragmentUpkeepTest : public StoreFixture {
 protected:
  FragmentUpkeepTest() { reopen(); }
  FragmentState state(const FragmentId& id) { return store_->stat(id).value().state; }
  void pass(std::chrono::milliseconds time) { now_ = now_ + time; }
};

TEST_F(FragmentUpkeepTest, KeepsDropsAndPurges) {
  const Buffer whole = random_bytes(1, 100'000);
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(store_fragment(fragment_id(i), whole));
  EXPECT_EQ(state(fragment_id(0)), FragmentState::leased);
  ASSERT_TRUE(feed(FeedKind::keep, {fragment_id(0), fragment_id(1), fragment_id(77)}));
  EXPECT_EQ(last_feed_.missing, 1U);
  EXPECT_EQ(state(fragment_id(0)), FragmentState::kept);
  const Usage before = store_->usage();
  ASSERT_TRUE(feed(FeedKind::drop, {fragment_id(0)}));
  EXPECT_EQ(state(fragment_id(0)), FragmentState::trashed);
  EXPECT_EQ(load(fragment_id(0)).error().code(), Errc::no_such_fragment);
  EXPECT_EQ(store_->usage().fragments, 2U);
  EXPECT_EQ(store_->usage().trash_bytes * 3, before.used_bytes);
  EXPECT_EQ(store_->usage().used_bytes + store_->usage().trash_bytes, before.used_bytes);

  settle();
  EXPECT_EQ(state(fragment_id(0)), FragmentState::trashed);
  const std::uint64_t on_disk = faulty_->used_bytes();
  pass(options_.trash + 1ms);
  settle();
  EXPECT_EQ(store_->stat(fragment_id(0)).error().code(), Errc::no_such_fragment);
  EXPECT_EQ(store_->usage().trash_bytes, 0U);
  EXPECT_LT(faulty_->used_bytes() + 90'000, on_disk);
  expect_stored(fragment_id(1), whole);
}

TEST_F(FragmentUpkeepTest, TakesFragmentsBackOutOfTheTrash) {
  const Buffer whole = random_bytes(1, 100'000);
  ASSERT_TRUE(store_fragment(fragment_id(1), whole));
  ASSERT_TRUE(feed(FeedKind::drop, {fragment_id(1)}));
  ASSERT_TRUE(feed(FeedKind::keep, {fragment_id(1)}));
  expect_stored(fragment_id(1), whole);
  pass(options_.trash + 1ms);
  settle();
  expect_stored(fragment_id(1), whole);
  // A writer that brings it again gets a new lease.
  ASSERT_TRUE(feed(FeedKind::drop, {fragment_id(1)}));
  const auto receipt = store_fragment(fragment_id(1), whole);
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->lease_until, now_ + options_.lease);
  expect_stored(fragment_id(1), whole);
}

TEST_F(FragmentUpkeepTest, RemembersTheFeedAcrossRestarts) {
  ASSERT_TRUE(store_fragment(fragment_id(1), random_bytes(1, 1000)));
  ASSERT_TRUE(feed(FeedKind::keep, {fragment_id(1)}));
  EXPECT_EQ(store_->feed_cursor(), 1U);
  EXPECT_EQ(store_->durable_feed_cursor(), 0U);
  ASSERT_TRUE(store_->flush_index());
  EXPECT_EQ(store_->durable_feed_cursor(), 1U);
  reopen();
  EXPECT_EQ(store_->feed_cursor(), 1U);
  EXPECT_EQ(state(fragment_id(1)), FragmentState::kept);
}

TEST_F(FragmentUpkeepTest, DropsExpiredFragmentsOnlyWhenNothingRefersToThem) {
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(store_fragment(fragment_id(i), random_bytes(i, 1000)));
  }
  ASSERT_TRUE(feed(FeedKind::keep, {fragment_id(0)}));
  EXPECT_TRUE(store_->expired(now_ + options_.lease, 10)->empty());
  const WallTime later = now_ + options_.lease + 1ms;
  const auto asked = store_->expired(later, 10);
  ASSERT_TRUE(asked);
  EXPECT_EQ(*asked, (std::vector{fragment_id(1), fragment_id(2), fragment_id(3)}));
  // Too early by meta's own time: nothing is dropped.
  ASSERT_TRUE(store_->settle_expired(*asked, {}, now_, later));
  EXPECT_EQ(state(fragment_id(2)), FragmentState::leased);
  ASSERT_TRUE(store_->settle_expired(*asked, {fragment_id(2)}, later, later));
  EXPECT_EQ(state(fragment_id(1)), FragmentState::trashed);
  EXPECT_EQ(state(fragment_id(2)), FragmentState::kept);
  EXPECT_EQ(state(fragment_id(3)), FragmentState::trashed);
  EXPECT_TRUE(store_->expired(later, 10)->empty());
}

TEST_F(FragmentUpkeepTest, ReconcilesWithTheInventory) {
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(store_fragment(fragment_id(i), random_bytes(i, 1000)));
  }
  ASSERT_TRUE(feed(FeedKind::keep, {fragment_id(0), fragment_id(1)}));
  ASSERT_TRUE(feed(FeedKind::drop, {fragment_id(2)}));
  pass(1h);
  const auto missing =
      store_->reconcile({fragment_id(0), fragment_id(2), fragment_id(9)}, {fragment_id(1)}, now_);
  ASSERT_TRUE(missing);
  EXPECT_EQ(*missing, 1U);
  EXPECT_EQ(state(fragment_id(0)), FragmentState::kept);
  EXPECT_EQ(state(fragment_id(1)), FragmentState::leased);
  EXPECT_EQ(state(fragment_id(2)), FragmentState::kept);
  EXPECT_EQ(state(fragment_id(3)), FragmentState::leased);
  EXPECT_EQ(store_->index().find(fragment_id(1)).value()->lease_until, now_ + options_.lease);
}

TEST_F(FragmentUpkeepTest, EmptiesMostlyDeadVolumesAndRemovesThem) {
  options_.volume_bytes = 2 << 20;
  start_on_new_disk(1);
  reopen();
  std::vector<FragmentId> doomed;
  for (std::uint64_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(store_fragment(fragment_id(i), random_bytes(i, 200'000)));
    if (i % 20 != 0) doomed.push_back(fragment_id(i));
  }
  ASSERT_TRUE(feed(FeedKind::keep, {fragment_id(0), fragment_id(20)}));
  const std::size_t before = fs().list(folder() + "/volumes")->size();
  EXPECT_GE(before, 4U);
  ASSERT_TRUE(feed(FeedKind::drop, doomed));
  pass(options_.trash + 1ms);
  settle();
  settle();
  EXPECT_LE(fs().list(folder() + "/volumes")->size(), 2U);
  for (int round = 0; round < 2; ++round) {
    for (const std::uint64_t i : {0U, 20U}) {
      expect_stored(fragment_id(i), random_bytes(i, 200'000));
      EXPECT_EQ(state(fragment_id(i)), FragmentState::kept);
    }
    EXPECT_EQ(store_->usage().fragments, 2U);
    reopen();
  }
}

TEST_F(FragmentUpkeepTest, GivesBackWhatAnAbandonedStreamTook) {
  ASSERT_TRUE(store_fragment(fragment_id(9), random_bytes(9, 1000)));
  const std::uint64_t before = faulty_->used_bytes();
  const Buffer whole = random_bytes(1, 900'000);
  ASSERT_TRUE(store_->append(extent(fragment_id(1), whole, 0, 400'000), now_));
  ASSERT_TRUE(store_->append(extent(fragment_id(1), whole, 400'000, 400'000), now_));
  EXPECT_GT(store_->usage().overhead_bytes, 800'000U);
  pass(options_.open_idle);
  settle();
  EXPECT_LT(faulty_->used_bytes(), before + 100'000);
  EXPECT_LT(store_->usage().overhead_bytes, 200'000U);
}

// The same on the machine's own disk.
class AccountingTest : public StoreFixture {
 protected:
  AccountingTest() {
    std::string name = std::filesystem::temp_directory_path() / "stratos-storage-XXXXXX";
    root_ = ::mkdtemp(name.data());
    options_.rocks.deterministic = false;
  }
  ~AccountingTest() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }
  io::FileSystem& fs() override { return io::real_file_system(); }
  std::string folder() override { return root_ + "/storage"; }

  static std::uint64_t blocks_below(const std::string& path) {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      struct stat info{};
      if (!entry.is_regular_file() || ::stat(entry.path().c_str(), &info) != 0) continue;
      bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
    return bytes;
  }
  // Compares what the store says with what the disk says, volumes by themselves too: what the store
  // cannot explain there may only be the file system's own blocks.
  void expect_exact(const std::string& when) {
    ASSERT_TRUE(store_->flush_index());
    settle();
    const Usage usage = store_->usage();
    EXPECT_EQ(usage.used_bytes + usage.trash_bytes + usage.overhead_bytes, blocks_below(folder()))
        << when;
    const std::uint64_t on_disk = blocks_below(folder() + "/volumes");
    const std::uint64_t known = volume_bytes();
    EXPECT_GE(on_disk, known) << when;
    EXPECT_LE(on_disk, known + volumes() * kBlockBytes) << when;
  }
  std::uint64_t volumes() { return fs().list(folder() + "/volumes")->size(); }
  std::uint64_t volume_bytes() {
    std::uint64_t bytes = volumes() * kBlockBytes;
    for (const auto& [volume, use] : store_->index().uses()) {
      bytes += use.live_bytes + use.trash_bytes + use.dead_bytes;
    }
    return bytes;
  }

  std::string root_;
};

TEST_F(AccountingTest, IsExactWhenIdle) {
  reopen();
  expect_exact("empty");
  SeededRandom random(3);
  for (std::uint64_t i = 0; i < 120; ++i) {
    const std::size_t size = random.below(i % 10 == 0 ? 2'500'000 : 60'000);
    ASSERT_TRUE(store_fragment(fragment_id(i), random_bytes(i, size), 700'000));
  }
  expect_exact("after writing");
  std::vector<FragmentId> doomed;
  for (std::uint64_t i = 0; i < 120; i += 3) doomed.push_back(fragment_id(i));
  ASSERT_TRUE(feed(meta::FeedKind::drop, doomed));
  expect_exact("with trash");
  now_ = now_ + options_.trash + 1ms;
  expect_exact("after purging");
  const Buffer whole = random_bytes(1, 900'000);
  ASSERT_TRUE(store_->append(extent(fragment_id(500), whole, 0, 400'000), now_));
  now_ = now_ + options_.open_idle;
  expect_exact("after an abandoned stream");
  ASSERT_TRUE(store_->append(extent(fragment_id(501), whole, 0, 400'000), now_));
  reopen();
  expect_exact("after a restart");
  for (std::uint64_t i = 1; i < 120; i += 3) doomed.push_back(fragment_id(i));
  for (std::uint64_t i = 2; i < 118; i += 3) doomed.push_back(fragment_id(i));
  ASSERT_TRUE(feed(meta::FeedKind::drop, doomed));
  now_ = now_ + options_.trash + 1ms;
  expect_exact("almost empty");
  EXPECT_EQ(store_->usage().fragments, 1U);
}

}  // namespace
}  // namespace stratos::resource
