// What every store promises, held against RocksDB on two file systems and the twin in memory.
#include "kv/store.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include "base/log.hpp"
#include "base/random.hpp"
#include "io/faulty_file_system.hpp"

namespace stratos::kv {
namespace {

using Model = std::map<std::string, std::string>;

enum class Kind : std::uint8_t { rocks_real, rocks_faulty, memory };

class StoreTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    log::set_sink([](std::string_view) {});
    if (GetParam() == Kind::memory) {
      store_ = make_memory_store();
      return;
    }
    RocksOptions options;
    options.write_buffer_bytes = 64 << 10;
    options.block_cache_bytes = 1 << 20;
    if (GetParam() == Kind::rocks_real) {
      std::string pattern = testing::TempDir() + "stratos_kv_XXXXXX";
      folder_ = ::mkdtemp(pattern.data());
    } else {
      folder_ = "/data";
      options.deterministic = true;
    }
    io::FileSystem& fs = GetParam() == Kind::rocks_real ? io::real_file_system() : faulty_;
    auto store = open_rocks(fs, folder_ + "/index", options);
    ASSERT_TRUE(store) << store.error().to_string();
    store_ = std::move(*store);
  }
  void TearDown() override {
    store_.reset();
    if (GetParam() == Kind::rocks_real) std::filesystem::remove_all(folder_);
    log::set_sink({});
  }

  void put(std::string_view key, std::string_view value) {
    Batch batch;
    batch.put(as_bytes(key), as_bytes(value));
    ASSERT_TRUE(store_->write(batch));
  }
  void remove(std::string_view key) {
    Batch batch;
    batch.remove(as_bytes(key));
    ASSERT_TRUE(store_->write(batch));
  }

  io::FaultyFileSystem faulty_;
  std::string folder_;
  std::unique_ptr<Store> store_;
};

std::string name_of_kind(const testing::TestParamInfo<Kind>& info) {
  if (info.param == Kind::memory) return "Memory";
  return info.param == Kind::rocks_real ? "RocksReal" : "RocksFaulty";
}

INSTANTIATE_TEST_SUITE_P(All, StoreTest,
                         testing::Values(Kind::rocks_real, Kind::rocks_faulty, Kind::memory),
                         name_of_kind);

std::string get(const Reader& reader, std::string_view key) {
  const auto value = reader.get(as_bytes(key)).value();
  return value ? std::string(as_text(*value)) : "absent";
}

// "a=1 b=2 ..." of the walk from where the iterator stands.
std::string walk(Iterator& at) {
  std::string text;
  for (; at.valid(); at.next()) {
    text += std::string(as_text(at.key())) + "=" + std::string(as_text(at.value())) + " ";
  }
  EXPECT_TRUE(at.status());
  return text;
}

std::string range(const Reader& reader, std::string_view lower, std::string_view upper) {
  return walk(*reader.iterate(as_bytes(lower), as_bytes(upper)));
}

TEST_P(StoreTest, ReadsTheLatestValue) {
  EXPECT_EQ(get(*store_, "a"), "absent");
  put("a", "1");
  put("a", "2");
  put("empty", "");
  EXPECT_EQ(get(*store_, "a"), "2");
  EXPECT_EQ(get(*store_, "empty"), "");
  remove("a");
  EXPECT_EQ(get(*store_, "a"), "absent");
}

TEST_P(StoreTest, AppliesTheChangesOfABatchInOrder) {
  Batch batch;
  batch.put(as_bytes("a"), as_bytes("1"));
  batch.remove(as_bytes("a"));
  batch.put(as_bytes("b"), as_bytes("1"));
  batch.put(as_bytes("b"), as_bytes("2"));
  ASSERT_TRUE(store_->write(batch));
  EXPECT_EQ(range(*store_, "", ""), "b=2 ");
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(store_->write(batch));
}

TEST_P(StoreTest, WalksInTheOrderOfUnsignedBytes) {
  put(std::string_view("\0", 1), "0");
  put("\x7f", "127");
  put("\x80", "128");
  put("\xff", "255");
  put("\xff\x01", "511");
  const auto at = store_->iterate({}, {});
  std::string values;
  for (; at->valid(); at->next()) values += std::string(as_text(at->value())) + " ";
  EXPECT_EQ(values, "0 127 128 255 511 ");
}

TEST_P(StoreTest, BoundsAreLowerInclusiveUpperExclusive) {
  for (const char* key : {"a", "b", "c", "d"}) put(key, key);
  EXPECT_EQ(range(*store_, "b", "d"), "b=b c=c ");
  EXPECT_EQ(range(*store_, "b", ""), "b=b c=c d=d ");
  EXPECT_EQ(range(*store_, "", "b"), "a=a ");
  EXPECT_EQ(range(*store_, "bb", "bc"), "");
  EXPECT_EQ(range(*store_, "d", "b"), "");
}

TEST_P(StoreTest, SeeksForwardAndBackwardInsideTheBounds) {
  for (const char* key : {"a", "c", "e", "g"}) put(key, key);
  const auto at = store_->iterate(as_bytes("b"), as_bytes("f"));
  const auto key = [&] { return at->valid() ? std::string(as_text(at->key())) : "none"; };
  EXPECT_EQ(key(), "c");
  at->seek(as_bytes("d"));
  EXPECT_EQ(key(), "e");
  at->next();
  EXPECT_EQ(key(), "none");
  at->seek(as_bytes("a"));
  EXPECT_EQ(key(), "c");
  at->seek(as_bytes("f"));
  EXPECT_EQ(key(), "none");
  at->seek_before(as_bytes("e"));
  EXPECT_EQ(key(), "c");
  at->seek_before(as_bytes("z"));
  EXPECT_EQ(key(), "e");
  at->previous();
  EXPECT_EQ(key(), "c");
  at->previous();
  EXPECT_EQ(key(), "none");
  at->seek_before(as_bytes("c"));
  EXPECT_EQ(key(), "none");
  at->seek_before(as_bytes("a"));
  EXPECT_EQ(key(), "none");
  EXPECT_TRUE(at->status());
}

TEST_P(StoreTest, ReadersKeepTheirStateAndMayOutliveTheStore) {
  put("a", "1");
  put("b", "1");
  auto snapshot = store_->snapshot();
  auto iterator = store_->iterate({}, {});
  put("a", "2");
  remove("b");
  put("c", "2");
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(get(*snapshot, "a"), "1");
  EXPECT_EQ(get(*snapshot, "c"), "absent");
  EXPECT_EQ(range(*snapshot, "", ""), "a=1 b=1 ");
  EXPECT_EQ(range(*store_, "", ""), "a=2 c=2 ");
  store_.reset();
  EXPECT_EQ(walk(*iterator), "a=1 b=1 ");
  EXPECT_EQ(range(*snapshot, "", ""), "a=1 b=1 ");
}

TEST_P(StoreTest, CountsUnflushedBytes) {
  EXPECT_EQ(store_->unflushed_bytes(), 0U);
  put("key", "value");
  EXPECT_EQ(store_->unflushed_bytes(), 8U);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(store_->unflushed_bytes(), 0U);
  EXPECT_TRUE(store_->flush()) << "nothing to flush";
}

// Deterministic stores want one thread.
class ConcurrentStoreTest : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(Concurrent, ConcurrentStoreTest,
                         testing::Values(Kind::rocks_real, Kind::memory), name_of_kind);

TEST_P(ConcurrentStoreTest, ServesReadersWhileOneThreadWrites) {
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 1; i <= 2000; ++i) {
      Batch batch;  // both keys always hold the same number
      batch.put(as_bytes("x"), as_bytes(std::to_string(i)));
      batch.put(as_bytes("y"), as_bytes(std::to_string(i)));
      EXPECT_TRUE(store_->write(batch));
      if (i % 500 == 0) EXPECT_TRUE(store_->flush());
    }
    done = true;
  });
  while (!done) {
    const auto snapshot = store_->snapshot();
    EXPECT_EQ(get(*snapshot, "x"), get(*snapshot, "y"));
    const auto at = store_->iterate({}, {});
    if (!at->valid()) continue;
    const std::string x(as_text(at->value()));
    at->next();
    EXPECT_EQ(as_text(at->value()), x);
  }
  writer.join();
}

// Random changes and questions, each answer compared with std::map's.
class ModelRun {
 public:
  ModelRun(Store& store, std::uint64_t seed) : store_(store), random_(seed) {}

  void step() {
    switch (random_.below(8)) {
      case 0:
        snapshot_ = store_.snapshot();
        snapshot_model_ = model_;
        break;
      case 1:
        ASSERT_TRUE(random_.below(4) != 0 || store_.flush());
        break;
      case 2:
      case 3:
      case 4:
        return change();
      default:
        if (snapshot_ && random_.below(2) == 0) return ask(*snapshot_, snapshot_model_);
        return ask(store_, model_);
    }
  }

 private:
  // Few and short keys over an alphabet with the extremes, so that changes meet.
  std::string draw_key() {
    constexpr char kAlphabet[] = {'\0', 'a', 'b', '\x7f', '\x80', '\xff'};
    std::string key;
    for (std::uint64_t left = random_.below(4); left > 0; --left) {
      key += kAlphabet[random_.below(std::size(kAlphabet))];
    }
    return key;
  }

  void change() {
    Batch batch;
    for (std::uint64_t left = random_.below(6); left > 0; --left) {
      const std::string key = draw_key();
      if (random_.below(3) == 0) {
        batch.remove(as_bytes(key));
        model_.erase(key);
      } else {
        const std::string value(random_.below(2000), static_cast<char>(random_.below(256)));
        batch.put(as_bytes(key), as_bytes(value));
        model_[key] = value;
      }
    }
    ASSERT_TRUE(store_.write(batch));
  }

  void ask(const Reader& reader, const Model& model) {
    const std::string key = draw_key();
    const auto value = reader.get(as_bytes(key)).value();
    const auto expected = model.find(key);
    ASSERT_EQ(value.has_value(), expected != model.end());
    if (value) ASSERT_EQ(as_text(*value), expected->second);
    walk_randomly(reader, model);
  }

  void walk_randomly(const Reader& reader, const Model& model) {
    const std::string lower = draw_key(), upper = draw_key();
    const auto begin = model.lower_bound(lower);
    auto end = upper.empty() ? model.end() : model.lower_bound(upper);
    if (!upper.empty() && upper <= lower) end = begin;
    const Model part(begin, end);

    const auto walk = reader.iterate(as_bytes(lower), as_bytes(upper));
    auto at = part.begin();
    for (int moves = 0; moves < 12; ++moves) {
      ASSERT_EQ(walk->valid(), at != part.end()) << "after " << moves << " moves";
      if (walk->valid()) {
        ASSERT_EQ(as_text(walk->key()), at->first);
        ASSERT_EQ(as_text(walk->value()), at->second);
      }
      move(*walk, part, at);
    }
    ASSERT_TRUE(walk->status());
  }

  void move(Iterator& walk, const Model& part, Model::const_iterator& at) {
    const std::string target = draw_key();
    const auto before = [&](Model::const_iterator place) {
      return place == part.begin() ? part.end() : std::prev(place);
    };
    switch (walk.valid() ? random_.below(4) : random_.below(2)) {
      case 0:
        walk.seek(as_bytes(target));
        at = part.lower_bound(target);
        break;
      case 1:
        walk.seek_before(as_bytes(target));
        at = before(part.lower_bound(target));
        break;
      case 2:
        walk.next();
        ++at;
        break;
      default:
        walk.previous();
        at = before(at);
    }
  }

  Store& store_;
  SeededRandom random_;
  Model model_;
  std::unique_ptr<Reader> snapshot_;
  Model snapshot_model_;
};

TEST_P(StoreTest, MatchesAnOrderedMapUnderRandomUse) {
  const char* wanted = std::getenv("STRATOS_SEED");
  const std::uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 20240611;
  ModelRun run(*store_, seed);
  for (int i = 0; i < 2500 && !HasFatalFailure(); ++i) run.step();
  EXPECT_FALSE(HasFatalFailure()) << "STRATOS_SEED=" << seed;
}

TEST(PrefixEnd, IsTheSmallestKeyBeyondThePrefix) {
  EXPECT_EQ(prefix_end(as_bytes("ab")), to_bytes(as_bytes("ac")));
  EXPECT_EQ(prefix_end(as_bytes("a\xff\xff")), to_bytes(as_bytes("b")));
  EXPECT_EQ(prefix_end(as_bytes("\xff\xff")), Bytes());
  EXPECT_EQ(prefix_end({}), Bytes());
}

TEST(IteratorDeathTest, RefusesToReadWhereItStandsOnNoKey) {
  const auto store = make_memory_store();
  EXPECT_DEATH((void)store->iterate({}, {})->key(), "stands on no key");
  EXPECT_DEATH(store->iterate({}, {})->next(), "stands on no key");
}

}  // namespace
}  // namespace stratos::kv
