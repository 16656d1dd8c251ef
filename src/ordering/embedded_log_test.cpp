#include "ordering/embedded_log.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "io/faulty_file_system.hpp"
#include "ordering/log_format.hpp"
#include "ordering/map_machine.hpp"
#include "runtime/real_runtime.hpp"
#include "runtime/task_group.hpp"

namespace stratos::ordering {
namespace {

Bytes entry(std::string_view text) { return to_bytes(as_bytes(text)); }

int power_loss_points() {
  const char* const set = std::getenv("STRATOS_POWER_LOSS_POINTS");
  return set == nullptr ? 300 : std::atoi(set);
}

// One machine's log and state on a disk that can fail.
class EmbeddedLogTest : public ::testing::Test {
 protected:
  EmbeddedLogTest() {
    options_.network = "test";
    options_.idle_block_interval = 1h;
    EXPECT_TRUE(fs_->make_dirs("/d"));
  }
  ~EmbeddedLogTest() override {
    if (log_) stop();
    runtime_.stop();
  }

  Result<void> open() {
    machine_ = std::make_unique<MapMachine>(*fs_, "/d/state");
    return open_log();
  }
  Result<void> open_log() {
    Genesis genesis{"test", {1000}, {}, entry("first")};
    STRATOS_TRY(log_, block_on(runtime_, EmbeddedLog::open(runtime_, *fs_, "/d/log", *machine_,
                                                           genesis, options_)));
    return {};
  }
  Result<Ordered> submit(std::string_view text) {
    return block_on(runtime_, log_->submit(entry(text)));
  }
  void stop() {
    block_on(runtime_, log_->stop());
    log_.reset();
  }
  // The process dies: nothing is flushed, what was not synced stays in the page cache.
  void kill() {
    machine_->fail_flushes();
    fs_->kill_process();
    stop();
  }
  void cut_power(std::uint64_t seed) {
    fs_->power_off();
    stop();
    fs_->recover(seed);
  }

  std::vector<std::string> log_files() {
    auto names = fs_->list("/d/log").value();
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("log-"); });
    return names;
  }
  std::string last_log_file() { return "/d/log/" + log_files().back(); }
  Bytes content(const std::string& path) { return io::read_file(*fs_, path, 1 << 28).value(); }
  void replace(const std::string& path, const Bytes& bytes) {
    const auto file = fs_->open(path, io::OpenMode::create_truncated).value();
    ASSERT_TRUE(file->write(0, bytes));
    ASSERT_TRUE(file->sync());
  }
  // Offsets of the records in a log file's bytes, and their end as the last element.
  static std::vector<std::size_t> records_of(ByteView bytes) {
    std::vector<std::size_t> offsets = {kFileHeaderBytes};
    while (true) {
      const auto header = decode_block_header(bytes.subspan(offsets.back()));
      if (!header) return offsets;
      offsets.push_back(offsets.back() + header->record_bytes());
    }
  }
  void forget_state() { (void)fs_->remove("/d/state"); }

  std::optional<io::FaultyFileSystem> fs_{std::in_place};
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "log"};
  LogOptions options_;
  std::unique_ptr<MapMachine> machine_;
  std::unique_ptr<EmbeddedLog> log_;
};

Task<void> submit_into(EmbeddedLog& log, std::string text, Result<Ordered>& out) {
  Bytes bytes = to_bytes(as_bytes(text));
  out = co_await log.submit(std::move(bytes));
}

Task<void> submit_each(Runtime& runtime, EmbeddedLog& log, std::vector<std::string> texts,
                       std::vector<Result<Ordered>>& out) {
  out.resize(texts.size(), fail(Errc::internal));
  TaskGroup tasks(runtime, "submitters");
  for (std::size_t i = 0; i < texts.size(); ++i) tasks.spawn(submit_into(log, texts[i], out[i]));
  co_await tasks.join();
}

TEST_F(EmbeddedLogTest, OrdersAppliesAndAnswers) {
  ASSERT_TRUE(open());
  const auto first = submit("a=1");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->height, Height(1));
  EXPECT_TRUE(first->result.ok());
  const auto second = submit("a=2");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->height, Height(2));
  EXPECT_EQ(as_text(second->result.value), "1");
  EXPECT_GE(second->time, first->time);
  const auto refused = submit("fail=1");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->result.code, Errc::precondition_failed);
  EXPECT_EQ(log_->committed_height(), Height(3));
}

TEST_F(EmbeddedLogTest, RefusesInadmissibleAndOversizedEntries) {
  ASSERT_TRUE(open());
  EXPECT_EQ(submit("!no").error().code(), Errc::entry_refused);
  EXPECT_EQ(submit("k=" + std::string(kMaxEntryBytes, 'x')).error().code(), Errc::too_large);
  EXPECT_EQ(log_->committed_height(), Height(0));
}

TEST_F(EmbeddedLogTest, GroupsWhatArrivesDuringASync) {
  ASSERT_TRUE(open());
  std::vector<std::string> texts;
  for (int i = 0; i < 100; ++i) texts.push_back("k" + std::to_string(i) + "=" + std::to_string(i));
  std::vector<Result<Ordered>> answers;
  block_on(runtime_, submit_each(runtime_, *log_, texts, answers));
  ASSERT_EQ(answers.size(), 100U);
  std::set<std::pair<Height, std::uint32_t>> places;
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer);
    places.emplace(answer->height, answer->index);
  }
  EXPECT_EQ(places.size(), 100U);
  EXPECT_LT(log_->committed_height().value, 10U);
  EXPECT_EQ(machine_->table().size(), 101U);
}

TEST_F(EmbeddedLogTest, BoundsWhatIsPending) {
  options_.max_pending_entries = 4;
  ASSERT_TRUE(open());
  std::vector<std::string> texts(50, "k=v");
  std::vector<Result<Ordered>> answers;
  block_on(runtime_, submit_each(runtime_, *log_, texts, answers));
  const auto overloaded = std::ranges::count_if(answers, [](const Result<Ordered>& answer) {
    return !answer && answer.error().code() == Errc::overloaded;
  });
  EXPECT_GT(overloaded, 0);
  EXPECT_LT(overloaded, 50);
}

TEST_F(EmbeddedLogTest, AnswersEntriesThatBuildLeavesOut) {
  ASSERT_TRUE(open());
  machine_->leave_out("skip=1");
  EXPECT_EQ(submit("skip=1").error().code(), Errc::entry_refused);
  EXPECT_TRUE(submit("keep=1"));
}

TEST_F(EmbeddedLogTest, WritesIdleBlocks) {
  options_.idle_block_interval = 1ms;
  ASSERT_TRUE(open());
  while (log_->committed_height() < Height(3)) block_on(runtime_, runtime_.sleep(1ms));
  stop();
  ASSERT_TRUE(open());
  EXPECT_GE(log_->committed_height(), Height(3));
}

TEST_F(EmbeddedLogTest, ReplaysAfterACrash) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(submit("k" + std::to_string(i) + "=v"));
  const auto before = machine_->table();
  kill();
  ASSERT_TRUE(open());
  EXPECT_EQ(machine_->table(), before);
  EXPECT_EQ(log_->committed_height(), Height(20));
  EXPECT_EQ(submit("more=1")->height, Height(21));
}

TEST_F(EmbeddedLogTest, TimeNeverGoesBackAcrossARestart) {
  ASSERT_TRUE(open());
  const WallTime before = submit("a=1")->time;
  stop();
  ASSERT_TRUE(open());
  EXPECT_GE(submit("b=1")->time, before);
}

TEST_F(EmbeddedLogTest, DropsFilesBelowTheFlushedState) {
  options_.segment_bytes = 512;
  options_.flush_after_bytes = 2048;
  ASSERT_TRUE(open());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(submit("k" + std::to_string(i) + "=v"));
  const auto before = machine_->table();
  stop();
  EXPECT_LE(log_files().size(), 2U);
  ASSERT_TRUE(open());
  EXPECT_EQ(machine_->table(), before);
  EXPECT_EQ(submit("x=y")->height, Height(101));
}

TEST_F(EmbeddedLogTest, RefusesAStateOlderThanItsLog) {
  options_.segment_bytes = 256;
  ASSERT_TRUE(open());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(submit("k=v"));
  stop();
  forget_state();
  EXPECT_EQ(open().error().code(), Errc::log_corrupt);
}

TEST_F(EmbeddedLogTest, RefusesAStateWithoutALogUnlessToldTo) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(submit("k=v"));
  stop();
  for (const std::string& name : log_files()) ASSERT_TRUE(fs_->remove("/d/log/" + name));
  ASSERT_TRUE(fs_->remove("/d/log/flushed"));
  EXPECT_EQ(open().error().code(), Errc::log_corrupt);
  options_.start_at_state = true;
  ASSERT_TRUE(open());
  EXPECT_EQ(submit("k=w")->height, Height(2));
}

TEST_F(EmbeddedLogTest, RefusesAnotherNetworksLog) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(submit("k=v"));
  stop();
  options_.network = "other";
  EXPECT_EQ(open().error().code(), Errc::bad_config);
}

TEST_F(EmbeddedLogTest, IsHeldByOneProcess) {
  ASSERT_TRUE(open());
  auto first = std::move(log_);
  EXPECT_EQ(open_log().error().code(), Errc::folder_locked);
  log_ = std::move(first);
}

TEST_F(EmbeddedLogTest, DetectsAStateThatDiffersFromTheRecordedRoots) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(submit("k=" + std::to_string(i)));
  kill();
  machine_ = std::make_unique<MapMachine>(*fs_, "/d/state");
  machine_->corrupt();
  EXPECT_EQ(open_log().error().code(), Errc::root_mismatch);
}

TEST_F(EmbeddedLogTest, CutsATailTornAtAnyByte) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(submit("a=1"));
  ASSERT_TRUE(submit("b=" + std::string(40, 'x')));
  kill();
  const std::string path = last_log_file();
  const Bytes whole = content(path);
  const auto records = records_of(whole);
  ASSERT_EQ(records.size(), 3U);
  for (std::size_t cut = records[1]; cut + 1 < records[2]; ++cut) {
    const bool padding = cut >= records[1] + kBlockHeaderBytes + 4 + 42;
    for (const bool cut_off : {false, true}) {
      Bytes torn = whole;
      if (cut_off) {
        torn.resize(cut);
      } else {
        std::fill(torn.begin() + static_cast<std::ptrdiff_t>(cut), torn.end(), 0);
      }
      replace(path, torn);
      forget_state();
      ASSERT_TRUE(open()) << cut;
      ASSERT_EQ(log_->committed_height(), Height(padding ? 2 : 1)) << cut;
      if (cut % 16 == 0) ASSERT_TRUE(submit("c=1"));
      kill();
    }
  }
}

TEST_F(EmbeddedLogTest, GoesOnBehindACutTail) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(submit("a=1"));
  ASSERT_TRUE(submit("b=" + std::string(5000, 'x')));
  kill();
  Bytes torn = content(last_log_file());
  torn[records_of(torn)[1] + 4000] ^= 1;
  replace(last_log_file(), torn);
  ASSERT_TRUE(open());
  EXPECT_EQ(submit("c=1")->height, Height(2));
  kill();
  ASSERT_TRUE(open());
  EXPECT_TRUE(machine_->table().contains("c"));
  EXPECT_FALSE(machine_->table().contains("b"));
}

TEST_F(EmbeddedLogTest, RefusesFlippedBitsBeforeTheLastBlock) {
  options_.segment_bytes = 700;
  ASSERT_TRUE(open());
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(submit("key" + std::to_string(i) + "=v"));
  kill();
  const auto names = log_files();
  ASSERT_GE(names.size(), 2U);
  for (const std::string& name : names) {
    const std::string path = "/d/log/" + name;
    const Bytes whole = content(path);
    const auto records = records_of(whole);
    const bool last = name == names.back();
    const std::size_t end = records[records.size() - (last ? 2 : 1)];
    for (std::size_t at = 0; at < end; at += 3) {
      Bytes flipped = whole;
      flipped[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
      replace(path, flipped);
      forget_state();
      const auto opened = open();
      if (opened) {
        // Only padding and reserved bytes may change unnoticed; then nothing may be missing.
        ASSERT_EQ(log_->committed_height(), Height(9)) << name << " byte " << at;
        kill();
        continue;
      }
      ASSERT_TRUE(opened.error().code() == Errc::log_corrupt ||
                  opened.error().code() == Errc::unknown_format)
          << opened.error().to_string();
    }
    replace(path, whole);
  }
  forget_state();
  ASSERT_TRUE(open());
}

TEST_F(EmbeddedLogTest, RefusesAMissingFile) {
  options_.segment_bytes = 256;
  ASSERT_TRUE(open());
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(submit("k=v"));
  kill();
  forget_state();
  const auto names = log_files();
  ASSERT_GE(names.size(), 3U);
  ASSERT_TRUE(fs_->remove("/d/log/" + names[1]));
  EXPECT_EQ(open().error().code(), Errc::log_corrupt);
}

TEST_F(EmbeddedLogTest, StopsAcknowledgingAfterAFailedSync) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(submit("a=1"));
  fs_->fail_syncs("/d/log/log-*", 1);
  EXPECT_EQ(submit("b=1").error().code(), Errc::log_stopped);
  EXPECT_EQ(submit("c=1").error().code(), Errc::log_stopped);
  kill();
  ASSERT_TRUE(open());
  EXPECT_TRUE(machine_->table().contains("a"));
  EXPECT_FALSE(machine_->table().contains("c"));
  EXPECT_TRUE(submit("d=1"));
}

TEST_F(EmbeddedLogTest, StopsWhenABlockCannotBeApplied) {
  ASSERT_TRUE(open());
  machine_->fail_applies();
  EXPECT_EQ(submit("a=1").error().code(), Errc::log_stopped);
  EXPECT_EQ(submit("b=1").error().code(), Errc::log_stopped);
}

TEST_F(EmbeddedLogTest, RefusesEntriesAfterStop) {
  ASSERT_TRUE(open());
  block_on(runtime_, log_->stop());
  EXPECT_EQ(submit("a=1").error().code(), Errc::log_stopped);
}

class EmbeddedLogPowerLoss : public EmbeddedLogTest {
 protected:
  EmbeddedLogPowerLoss() {
    options_.segment_bytes = 2048;
    options_.flush_after_bytes = 4096;
  }
  // Works until `operations` of the disk are over, loses power, reopens; false when an acknowledged
  // entry is missing or the log does not open.
  bool survives(std::uint64_t seed) {
    SeededRandom random(seed);
    std::set<std::string> acknowledged;
    for (int life = 0; life < 3; ++life) {
      fs_->cut_power_after(1 + random.below(120));
      if (open()) {
        if (!holds(acknowledged)) return false;
        work(random, acknowledged);
        fs_->power_off();
        stop();
      }
      fs_->recover(random.next_u64());
    }
    if (const auto opened = open(); !opened) {
      problem_ = opened.error().to_string();
      return false;
    }
    const bool whole = holds(acknowledged);
    stop();
    return whole;
  }
  void work(Random& random, std::set<std::string>& acknowledged) {
    for (int i = 0; i < 1000 && fs_->has_power(); ++i) {
      std::vector<std::string> texts;
      for (std::uint64_t k = 0; k <= random.below(4); ++k) {
        texts.push_back(std::to_string(random.next_u64()) + "=" +
                        std::string(random.below(300), 'v'));
      }
      std::vector<Result<Ordered>> answers;
      block_on(runtime_, submit_each(runtime_, *log_, texts, answers));
      for (std::size_t k = 0; k < texts.size(); ++k) {
        if (answers[k]) acknowledged.insert(texts[k].substr(0, texts[k].find('=')));
      }
    }
  }
  bool holds(const std::set<std::string>& acknowledged) {
    const auto table = machine_->table();
    return std::ranges::all_of(acknowledged, [&](const auto& key) { return table.contains(key); });
  }
  void start_on_new_disk(std::uint64_t seed) {
    if (log_) stop();
    fs_.emplace(seed);
    ASSERT_TRUE(fs_->make_dirs("/d"));
  }
  // How many of some runs lose something when syncs of `pattern` do nothing.
  int losses_without_syncs_of(const std::string& pattern) {
    int lost = 0;
    for (std::uint64_t seed = 0; seed < 60 && lost == 0; ++seed) {
      start_on_new_disk(seed);
      fs_->ignore_syncs(pattern);
      if (!survives(seed)) ++lost;
    }
    return lost;
  }

  std::string problem_;
};

TEST_F(EmbeddedLogPowerLoss, KeepsEveryAcknowledgedEntry) {
  // Each run has three power cuts.
  for (int seed = 0; seed * 3 < power_loss_points(); ++seed) {
    start_on_new_disk(static_cast<std::uint64_t>(seed));
    ASSERT_TRUE(survives(static_cast<std::uint64_t>(seed))) << "seed " << seed << ": " << problem_;
  }
}

TEST_F(EmbeddedLogPowerLoss, NoticesAMissingSyncOfTheLog) {
  EXPECT_GT(losses_without_syncs_of("/d/log/log-*"), 0);
}

TEST_F(EmbeddedLogPowerLoss, NoticesAMissingSyncOfTheFolder) {
  EXPECT_GT(losses_without_syncs_of("/d/log"), 0);
}

}  // namespace
}  // namespace stratos::ordering
