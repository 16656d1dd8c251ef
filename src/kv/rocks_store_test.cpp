// What RocksDB must do on disks that lose power, fill up, fail and rot.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/log.hpp"
#include "base/random.hpp"
#include "io/faulty_file_system.hpp"
#include "kv/store.hpp"

namespace stratos::kv {
namespace {

using Model = std::map<std::string, std::string>;

constexpr const char* kFolder = "/node/index";

class QuietLogs : public testing::Environment {
 public:
  void SetUp() override {
    log::set_sink([](std::string_view) {});
  }
};
const auto* const kQuietLogs = testing::AddGlobalTestEnvironment(new QuietLogs);

RocksOptions small_options(bool deterministic, std::uint64_t write_buffer_bytes = 1 << 20) {
  return {.write_buffer_bytes = write_buffer_bytes,
          .block_cache_bytes = 1 << 20,
          .deterministic = deterministic};
}

std::unique_ptr<Store> open(io::FileSystem& fs, const RocksOptions& options = small_options(true)) {
  auto store = open_rocks(fs, kFolder, options);
  EXPECT_TRUE(store) << store.error().to_string();
  return store ? std::move(*store) : nullptr;
}

Result<void> put(Store& store, std::string_view key, std::string_view value) {
  Batch batch;
  batch.put(as_bytes(key), as_bytes(value));
  return store.write(batch);
}

std::string get(const Store& store, std::string_view key) {
  const auto value = store.get(as_bytes(key));
  if (!value) return "error: " + std::string(name_of(value.error().code()));
  return *value ? std::string(as_text(**value)) : "absent";
}

Result<Model> content(const Store& store) {
  Model model;
  const auto at = store.iterate({}, {});
  for (; at->valid(); at->next()) model.emplace(as_text(at->key()), as_text(at->value()));
  STRATOS_CHECK(at->status());
  return model;
}

// Random batches and flushes over some lives of one machine, each ended by a power cut. Batch
// number n (from 1) also writes n under kCounter, so a state tells which prefix of the batches it
// is.
class PowerLossRun {
 public:
  PowerLossRun(std::uint64_t seed, const std::string& ignored_syncs)
      : fs_(seed), random_(seed), deterministic_(seed % 2 == 0) {
    fs_.ignore_syncs(ignored_syncs);
  }

  // Empty, or what was lost or damaged.
  std::string run() {
    for (int life = 0; life < 3 && damage_.empty(); ++life) {
      fs_.cut_power_after(random_.below(random_.below(2) == 0 ? 40 : 250));
      live();
      fs_.power_off();
      store_.reset();
      fs_.recover(random_.next_u64());
    }
    if (damage_.empty()) reopen();
    return damage_;
  }

 private:
  static constexpr const char* kCounter = "number";

  void live() {
    if (!reopen()) return;
    for (int step = 0; step < 60; ++step) {
      batches_.push_back(draw_batch());
      if (!store_->write(batches_.back())) return;
      if (random_.below(3) == 0) {
        if (!store_->flush()) return;
        flushed_ = batches_.size();
      }
    }
  }

  // False when the power went or damage was found.
  bool reopen() {
    const RocksOptions options = small_options(deterministic_, 16ULL << (10 + random_.below(4)));
    auto store = open_rocks(fs_, kFolder, options);
    if (!store) return excuse("open: " + store.error().to_string());
    store_ = std::move(*store);
    const auto state = content(*store_);
    if (!state) return excuse("read: " + state.error().to_string());
    const auto counter = state->find(kCounter);
    const std::size_t number = counter == state->end() ? 0 : std::stoull(counter->second);
    if (number < flushed_) return blame("flushed batches are gone");
    if (number > batches_.size()) return blame("a batch that was never written");
    batches_.resize(number);
    flushed_ = number;
    if (*state != replay()) return blame("the state is no prefix of the batches");
    return true;
  }

  bool excuse(const std::string& what) {
    if (fs_.has_power()) damage_ = what;
    return false;
  }
  bool blame(const std::string& what) {
    damage_ = what;
    return false;
  }

  Batch draw_batch() {
    Batch batch;
    for (std::uint64_t left = random_.below(8); left > 0; --left) {
      const std::string key = "key" + std::to_string(random_.below(40));
      if (random_.below(4) == 0) {
        batch.remove(as_bytes(key));
      } else {
        Bytes value(random_.below(1500));
        random_.fill(value);
        batch.put(as_bytes(key), value);
      }
    }
    batch.put(as_bytes(kCounter), as_bytes(std::to_string(batches_.size() + 1)));
    return batch;
  }

  Model replay() const {
    Model model;
    for (const Batch& batch : batches_) {
      for (const auto& [key, value] : batch.changes()) {
        const std::string name(as_text(key));
        if (value) {
          model[name] = as_text(*value);
        } else {
          model.erase(name);
        }
      }
    }
    return model;
  }

  io::FaultyFileSystem fs_;
  SeededRandom random_;
  const bool deterministic_;
  std::unique_ptr<Store> store_;
  std::vector<Batch> batches_;
  std::size_t flushed_ = 0;
  std::string damage_;
};

std::uint64_t points() {
  const char* wanted = std::getenv("STRATOS_POWER_LOSS_POINTS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 300;
}

TEST(RocksPowerLoss, LeavesAPrefixOfTheBatchesWithAllThatWasFlushed) {
  const std::uint64_t runs = (points() + 2) / 3;  // three power cuts each
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    ASSERT_EQ(PowerLossRun(seed, "").run(), "") << "seed " << seed;
  }
}

class MissingSync : public testing::TestWithParam<const char*> {};

std::string letters_of(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::erase_if(name, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) == 0; });
  return name;
}

INSTANTIATE_TEST_SUITE_P(RocksPowerLoss, MissingSync,
                         testing::Values("*.sst", "*/MANIFEST-*", "*.dbtmp", kFolder), letters_of);

TEST_P(MissingSync, IsFoundByThePowerLossTest) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    if (!PowerLossRun(seed, GetParam()).run().empty()) return;
  }
  FAIL() << "no run noticed that syncs of " << GetParam() << " were missing";
}

TEST(RocksStore, LosesWhatWasNotFlushedEvenInAnOrderlyEnd) {
  io::FaultyFileSystem fs;
  auto store = open(fs);
  ASSERT_TRUE(put(*store, "a", "1"));
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(put(*store, "b", "2"));
  store.reset();
  store = open(fs);
  EXPECT_EQ(get(*store, "a"), "1");
  EXPECT_EQ(get(*store, "b"), "absent");
}

TEST(RocksStore, FlushesByItselfWhenTheBufferIsFull) {
  io::FaultyFileSystem fs;
  const auto store = open(fs, small_options(true, 64 << 10));
  const std::uint64_t before = fs.operations();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(put(*store, std::to_string(i), std::string(1000, 'x')));
  }
  EXPECT_GT(fs.operations(), before);
  EXPECT_LT(store->unflushed_bytes(), 64U << 10);
}

// Thirty rounds of writing and flushing, merges included, as a list of file operations.
std::vector<std::string> operations_of_a_run() {
  io::FaultyFileSystem fs;
  std::vector<std::string> seen;
  fs.observe([&](std::string_view operation, std::string_view path) {
    seen.push_back(std::string(operation) + " " + std::string(path));
  });
  for (int life = 0; life < 2; ++life) {
    const auto store = open(fs, small_options(true, 32 << 10));
    SeededRandom random(7);
    for (int i = 0; i < 400; ++i) {
      Bytes value(random.below(1000));
      random.fill(value);
      EXPECT_TRUE(put(*store, std::to_string(random.below(100)), as_text(value)));
      if (i % 13 == 0) EXPECT_TRUE(store->flush());
    }
  }
  return seen;
}

TEST(RocksStore, DeterministicStoresRepeatTheirFileOperations) {
  const auto first = operations_of_a_run();
  EXPECT_GT(first.size(), 200U);
  for (int i = 0; i < 3; ++i) {
    const auto again = operations_of_a_run();
    const auto [left, right] = std::ranges::mismatch(first, again);
    EXPECT_TRUE(left == first.end() && right == again.end())
        << "operation " << left - first.begin() << " differs";
  }
}

TEST(RocksStore, DeterministicStoresKeepTheNumberOfFilesSmall) {
  io::FaultyFileSystem fs;
  const auto store = open(fs);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(put(*store, std::to_string(i), "x"));
    ASSERT_TRUE(store->flush());
  }
  EXPECT_LT(fs.list(kFolder)->size(), 30U);
}

TEST(RocksStore, RefusesWritesAfterAFailedSyncUntilReopened) {
  io::FaultyFileSystem fs;
  auto store = open(fs);
  ASSERT_TRUE(put(*store, "a", "1"));
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(put(*store, "a", "2"));
  fs.fail_syncs("*.sst");
  EXPECT_EQ(store->flush().error().code(), Errc::sync_failed);
  EXPECT_EQ(put(*store, "a", "3").error().code(), Errc::sync_failed);
  EXPECT_EQ(store->flush().error().code(), Errc::sync_failed);
  store.reset();
  store = open(fs);
  EXPECT_EQ(get(*store, "a"), "1");
  ASSERT_TRUE(put(*store, "a", "2"));
  ASSERT_TRUE(store->flush());
}

TEST(RocksStore, AFullDiskLosesNothingFlushedAndIsOverAfterReopening) {
  io::FaultyFileSystem fs;
  auto store = open(fs);
  ASSERT_TRUE(put(*store, "a", "1"));
  ASSERT_TRUE(store->flush());
  SeededRandom random(1);
  Bytes noise(100'000);
  random.fill(noise);
  ASSERT_TRUE(put(*store, "b", as_text(noise)));
  fs.set_capacity(fs.used_bytes() + 4096);
  EXPECT_EQ(store->flush().error().code(), Errc::disk_full);
  EXPECT_EQ(get(*store, "b"), as_text(noise));
  fs.set_capacity(1 << 30);
  EXPECT_EQ(put(*store, "c", "3").error().code(), Errc::disk_full);
  EXPECT_EQ(store->flush().error().code(), Errc::disk_full);
  store.reset();
  store = open(fs);
  EXPECT_EQ(get(*store, "a"), "1");
  EXPECT_EQ(get(*store, "b"), "absent");
  ASSERT_TRUE(put(*store, "b", "2"));
  ASSERT_TRUE(store->flush());
}

TEST(RocksStore, IsHeldByOneAtATime) {
  io::FaultyFileSystem fs;
  auto store = open(fs);
  EXPECT_EQ(open_rocks(fs, kFolder, small_options(true)).error().code(), Errc::folder_locked);
  store.reset();
  EXPECT_TRUE(open_rocks(fs, kFolder, small_options(true)));
}

// A flushed store with one file changed by `harm`, then what a read of every key says.
template <class Harm>
Errc after(Harm harm) {
  io::FaultyFileSystem fs(5);
  auto store = open(fs);
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(put(*store, "key" + std::to_string(i), std::string(200, static_cast<char>(i))));
  }
  EXPECT_TRUE(store->flush());
  store.reset();
  harm(fs);
  auto reopened = open_rocks(fs, kFolder, small_options(true));
  if (!reopened) return reopened.error().code();
  const auto state = content(**reopened);
  EXPECT_FALSE(state) << "damage went unseen";
  return state ? Errc::internal : state.error().code();
}

std::string file_ending(io::FileSystem& fs, std::string_view part) {
  const auto names = fs.list(kFolder).value();
  const auto found =
      std::ranges::find_if(names, [&](const std::string& name) { return name.contains(part); });
  EXPECT_NE(found, names.end());
  return std::string(kFolder) + "/" + *found;
}

TEST(RocksStore, NoticesDamagedAndMissingFiles) {
  EXPECT_EQ(after([](auto& fs) { (void)fs.flip_bits(file_ending(fs, ".sst"), 200); }),
            Errc::store_corrupt);
  EXPECT_EQ(after([](auto& fs) { (void)fs.flip_bits(file_ending(fs, "MANIFEST"), 20); }),
            Errc::store_corrupt);
  EXPECT_EQ(after([](auto& fs) { (void)fs.remove(file_ending(fs, ".sst")); }), Errc::store_corrupt);
  EXPECT_EQ(after([](auto& fs) { (void)fs.remove(file_ending(fs, "MANIFEST")); }),
            Errc::store_corrupt);
  EXPECT_EQ(after([](auto& fs) { (void)fs.remove(file_ending(fs, "CURRENT")); }),
            Errc::store_corrupt);
}

}  // namespace
}  // namespace stratos::kv
