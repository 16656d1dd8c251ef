#include "io/faulty_file_system.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/random.hpp"

namespace stratos::io {
namespace {

constexpr std::uint64_t kSector = 512;

std::string content(FileSystem& fs, const std::string& path) {
  const auto bytes = read_file(fs, path, 1 << 24);
  return bytes ? std::string(as_text(*bytes)) : "absent";
}

std::unique_ptr<File> create(FileSystem& fs, const std::string& path, std::string_view text = {}) {
  auto file = fs.open(path, OpenMode::create_or_open).value();
  EXPECT_TRUE(file->write(0, as_bytes(text)));
  return file;
}

std::unique_ptr<File> create_durable(FileSystem& fs, const std::string& path,
                                     std::string_view text = {}) {
  auto file = create(fs, path, text);
  EXPECT_TRUE(file->sync());
  EXPECT_TRUE(fs.sync_dir(parent_of(path)));
  return file;
}

// Every state that `seeds` power cuts at the end of `prepare` leave, as `describe` tells them.
template <class Prepare, class Describe>
std::set<std::string> outcomes(Prepare prepare, Describe describe, std::uint64_t seeds = 60) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    FaultyFileSystem fs;
    prepare(fs);
    fs.power_off();
    fs.recover(seed);
    seen.insert(describe(fs));
  }
  return seen;
}

using Set = std::set<std::string>;

TEST(PowerLoss, SyncedFilesInSyncedFoldersAlwaysSurvive) {
  const auto prepare = [](FaultyFileSystem& fs) { create_durable(fs, "/a", "text"); };
  EXPECT_EQ(outcomes(prepare, [](auto& fs) { return content(fs, "/a"); }), Set{"text"});
}

TEST(PowerLoss, AFileMayVanishWhenItsFolderWasNotSynced) {
  const auto prepare = [](FaultyFileSystem& fs) { EXPECT_TRUE(create(fs, "/a", "text")->sync()); };
  EXPECT_EQ(outcomes(prepare, [](auto& fs) { return content(fs, "/a"); }), (Set{"absent", "text"}));
}

TEST(PowerLoss, UnsyncedSectorsAreKeptOrLostEachByItself) {
  const std::string old(3 * kSector, 'o');
  const auto prepare = [&](FaultyFileSystem& fs) {
    const auto file = create_durable(fs, "/a", old);
    EXPECT_TRUE(file->write(0, as_bytes(std::string(3 * kSector, 'n'))));
  };
  const auto seen = outcomes(
      prepare,
      [](FaultyFileSystem& fs) {
        const std::string text = content(fs, "/a");
        std::string heads;
        for (std::size_t at = 0; at < text.size(); at += kSector) {
          EXPECT_EQ(text.substr(at, kSector), std::string(kSector, text[at]))
              << "torn inside a sector";
          heads += text[at];
        }
        return heads;
      },
      300);
  EXPECT_EQ(seen, (Set{"nnn", "nno", "non", "noo", "onn", "ono", "oon", "ooo"}));
}

TEST(PowerLoss, AnAppendMayLeaveAnySizeAndHoles) {
  const auto prepare = [](FaultyFileSystem& fs) {
    const auto file = create_durable(fs, "/a", std::string(kSector, 'o'));
    EXPECT_TRUE(file->write(kSector, as_bytes(std::string(2 * kSector, 'n'))));
  };
  bool old_size = false, new_size = false, between = false, hole = false;
  outcomes(prepare, [&](FaultyFileSystem& fs) {
    const std::string text = content(fs, "/a");
    EXPECT_EQ(text.substr(0, kSector), std::string(kSector, 'o')) << "synced data is gone";
    old_size |= text.size() == kSector;
    new_size |= text.size() == 3 * kSector;
    between |= text.size() > kSector && text.size() < 3 * kSector;
    hole |= text.find('\0') != std::string::npos;
    return text;
  });
  EXPECT_TRUE(old_size && new_size && between && hole);
}

TEST(PowerLoss, ASectorMayHoldAnInBetweenState) {
  const auto prepare = [](FaultyFileSystem& fs) {
    const auto file = create_durable(fs, "/a", "1");
    EXPECT_TRUE(file->write(0, as_bytes("2")));
    EXPECT_TRUE(file->write(0, as_bytes("3")));
  };
  EXPECT_EQ(outcomes(prepare, [](auto& fs) { return content(fs, "/a"); }), (Set{"1", "2", "3"}));
}

TEST(PowerLoss, AnUnsyncedHoleMayComeBack) {
  const auto prepare = [](FaultyFileSystem& fs) {
    const auto file = create_durable(fs, "/a", std::string(8192, 'x'));
    EXPECT_TRUE(file->punch_hole(0, 4096));
  };
  const auto seen = outcomes(prepare, [](auto& fs) { return content(fs, "/a"); });
  EXPECT_TRUE(seen.contains(std::string(8192, 'x')));
  EXPECT_TRUE(seen.contains(std::string(4096, '\0') + std::string(4096, 'x')));
}

TEST(PowerLoss, AnUnsyncedTruncationMayBeUndone) {
  const auto prepare = [](FaultyFileSystem& fs) {
    const auto file = create_durable(fs, "/a", "long text");
    EXPECT_TRUE(file->truncate(4));
  };
  const auto seen = outcomes(prepare, [](auto& fs) { return content(fs, "/a"); });
  EXPECT_TRUE(seen.contains("long text"));
  EXPECT_TRUE(seen.contains("long"));
}

TEST(PowerLoss, ARenameSurvivesAsAWholeOrNotAtAll) {
  const auto prepare = [](FaultyFileSystem& fs) {
    create_durable(fs, "/target", "old");
    EXPECT_TRUE(create(fs, "/temporary", "new")->sync());
    EXPECT_TRUE(fs.rename("/temporary", "/target"));
  };
  const auto describe = [](FaultyFileSystem& fs) {
    return content(fs, "/target") + "," + content(fs, "/temporary");
  };
  EXPECT_EQ(outcomes(prepare, describe), (Set{"old,absent", "old,new", "new,absent"}));
}

TEST(PowerLoss, ChangesOfDifferentNamesSurviveIndependently) {
  const auto prepare = [](FaultyFileSystem& fs) {
    create_durable(fs, "/kept", "k");
    EXPECT_TRUE(fs.remove("/kept"));
    EXPECT_TRUE(create(fs, "/made", "m")->sync());
  };
  const auto describe = [](FaultyFileSystem& fs) {
    return content(fs, "/kept") + "," + content(fs, "/made");
  };
  EXPECT_EQ(outcomes(prepare, describe), (Set{"k,m", "k,absent", "absent,m", "absent,absent"}));
}

TEST(PowerLoss, LaterChangesOfANameNeverSurviveWithoutEarlierOnes) {
  const auto prepare = [](FaultyFileSystem& fs) {
    EXPECT_TRUE(create(fs, "/a", "1")->sync());
    EXPECT_TRUE(fs.remove("/a"));
    EXPECT_TRUE(create(fs, "/a", "2")->sync());
    EXPECT_TRUE(fs.rename("/a", "/b"));
  };
  const auto describe = [](FaultyFileSystem& fs) { return content(fs, "/a") + content(fs, "/b"); };
  EXPECT_EQ(outcomes(prepare, describe, 200),
            (Set{"absentabsent", "1absent", "2absent", "absent2"}));
}

TEST(PowerLoss, SyncingTheTargetFolderSettlesARenameAcrossFolders) {
  const auto prepare = [](FaultyFileSystem& fs) {
    EXPECT_TRUE(fs.make_dirs("/x"));
    EXPECT_TRUE(fs.make_dirs("/y"));
    EXPECT_TRUE(create(fs, "/x/a", "text")->sync());
    EXPECT_TRUE(fs.rename("/x/a", "/y/b"));
    EXPECT_TRUE(fs.sync_dir("/y"));
  };
  const auto describe = [](FaultyFileSystem& fs) {
    return content(fs, "/x/a") + "," + content(fs, "/y/b");
  };
  EXPECT_EQ(outcomes(prepare, describe), Set{"absent,text"});
}

TEST(PowerLoss, NewFoldersSurvive) {
  const auto prepare = [](FaultyFileSystem& fs) { EXPECT_TRUE(fs.make_dirs("/x/y/z")); };
  EXPECT_EQ(outcomes(prepare, [](auto& fs) { return std::to_string(fs.is_dir("/x/y/z")); }),
            Set{"1"});
}

TEST(PowerLoss, ALostFolderTakesItsContentAlong) {
  const auto prepare = [](FaultyFileSystem& fs) {
    EXPECT_TRUE(fs.make_dirs("/x"));
    create_durable(fs, "/x/a", "text");
    EXPECT_TRUE(fs.rename("/x", "/y"));
  };
  const auto describe = [](FaultyFileSystem& fs) {
    return content(fs, "/x/a") + "," + content(fs, "/y/a");
  };
  EXPECT_EQ(outcomes(prepare, describe), (Set{"text,absent", "absent,text"}));
}

TEST(PowerLoss, AtomicReplacementLeavesOldOrNew) {
  for (std::uint64_t point = 0; point <= 6; ++point) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      FaultyFileSystem fs;
      ASSERT_TRUE(write_file_atomic(fs, "/a", as_bytes("old")));
      fs.cut_power_after(point);
      const bool done = write_file_atomic(fs, "/a", as_bytes("new")).has_value();
      fs.recover(seed);
      const std::string text = content(fs, "/a");
      EXPECT_TRUE(text == "new" || (!done && text == "old")) << text << " at " << point;
      EXPECT_EQ(done, point >= 5);
    }
  }
}

TEST(PowerLoss, HandlesAndLocksDieWithThePower) {
  FaultyFileSystem fs;
  ASSERT_TRUE(fs.make_dirs("/x"));
  const auto file = create_durable(fs, "/x/a", "text");
  auto lock = fs.lock("/x").value();
  fs.power_off();
  Bytes out(4);
  EXPECT_EQ(file->read(0, out).error().code(), Errc::io_error);
  EXPECT_EQ(file->sync().error().code(), Errc::io_error);
  EXPECT_EQ(fs.open("/x/a", OpenMode::read).error().code(), Errc::io_error);
  EXPECT_FALSE(fs.exists("/x/a"));
  fs.recover(1);
  EXPECT_EQ(file->write(0, as_bytes("x")).error().code(), Errc::io_error);
  const auto new_lock = fs.lock("/x");
  ASSERT_TRUE(new_lock);
  lock.reset();
  EXPECT_EQ(fs.lock("/x").error().code(), Errc::folder_locked) << "an old lock freed the new one";
  EXPECT_EQ(content(fs, "/x/a"), "text");
}

TEST(PowerLoss, TheSameSeedGivesTheSameState) {
  const auto run = [](std::uint64_t seed) {
    FaultyFileSystem fs(seed);
    SeededRandom random(seed);
    for (int i = 0; i < 50; ++i) {
      Bytes data(random.below(5000));
      random.fill(data);
      const auto file = create(fs, "/" + std::to_string(i % 7), as_text(data));
      if (random.below(4) == 0) (void)file->sync();
      if (random.below(4) == 0) (void)fs.sync_dir("/");
    }
    fs.recover();
    std::string state;
    for (const auto& name : fs.list("/").value()) state += name + content(fs, "/" + name);
    return state;
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(PowerCut, HappensAfterTheGivenOperation) {
  FaultyFileSystem fs;
  std::vector<std::string> seen;
  fs.observe([&](std::string_view operation, std::string_view path) {
    seen.push_back(std::string(operation) + " " + std::string(path));
  });
  fs.cut_power_after(3);
  auto file = fs.open("/a", OpenMode::create_or_open).value();
  ASSERT_TRUE(file->write(0, as_bytes("x")));
  ASSERT_TRUE(file->size());
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(fs.sync_dir("/").error().code(), Errc::io_error);
  EXPECT_FALSE(fs.has_power());
  EXPECT_EQ(fs.operations(), 3U);
  EXPECT_EQ(seen, (std::vector<std::string>{"create /a", "write /a", "sync /a"}));
}

TEST(ProcessKill, LosesNoWriteAndFreesLocksAndSpace) {
  FaultyFileSystem fs;
  const auto kept = create(fs, "/a", std::string(5000, 'x'));
  const auto removed = create(fs, "/b", std::string(5000, 'x'));
  ASSERT_TRUE(fs.remove("/b"));
  const auto lock = fs.lock("/");
  EXPECT_EQ(fs.used_bytes(), 16'384U);
  fs.kill_process();
  EXPECT_EQ(kept->size().error().code(), Errc::io_error);
  EXPECT_EQ(content(fs, "/a"), std::string(5000, 'x'));
  EXPECT_TRUE(fs.lock("/"));
  EXPECT_EQ(fs.used_bytes(), 8192U);
}

TEST(FailingSync, LosesTheUnsyncedDataOnceAndForGood) {
  FaultyFileSystem fs;
  const auto file = create_durable(fs, "/a", "old");
  fs.fail_syncs("/a");
  ASSERT_TRUE(file->write(0, as_bytes("newer")));
  EXPECT_EQ(file->sync().error().code(), Errc::sync_failed);
  EXPECT_EQ(content(fs, "/a"), "old");
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(content(fs, "/a"), "old");
}

TEST(FailingSync, OfAFolderLeavesItsNamesUncertain) {
  const auto prepare = [](FaultyFileSystem& fs) {
    EXPECT_TRUE(create(fs, "/a", "text")->sync());
    fs.fail_syncs("/");
    EXPECT_EQ(fs.sync_dir("/").error().code(), Errc::sync_failed);
  };
  EXPECT_EQ(outcomes(prepare, [](auto& fs) { return content(fs, "/a"); }), (Set{"text", "absent"}));
}

TEST(IgnoredSync, IsNoticedAsALoss) {
  const auto prepare = [](FaultyFileSystem& fs) {
    fs.ignore_syncs("*.log");
    create_durable(fs, "/a.log", "text");
    create_durable(fs, "/a.other", "text");
  };
  EXPECT_GT(outcomes(prepare, [](auto& fs) { return content(fs, "/a.log"); }).size(), 1U);
  EXPECT_EQ(outcomes(prepare, [](auto& fs) { return content(fs, "/a.other"); }), Set{"text"});
}

TEST(FullDisk, RefusesWhatDoesNotFitAndRecoversWhenSpaceIsFreed) {
  FaultyFileSystem fs;
  fs.set_capacity(5 * 4096);
  auto file = create(fs, "/a", std::string(3 * 4096, 'x'));
  EXPECT_EQ(fs.free_bytes("/").value(), 2U * 4096);
  EXPECT_EQ(file->write(3 * 4096, Bytes(3 * 4096, 'y')).error().code(), Errc::disk_full);
  EXPECT_EQ(file->size().value(), 5U * 4096) << "what fits is written";
  EXPECT_TRUE(file->write(0, Bytes(4096, 'z'))) << "no new space needed";
  EXPECT_EQ(fs.free_bytes("/").value(), 0U);
  ASSERT_TRUE(file->punch_hole(0, 8192));
  EXPECT_EQ(fs.free_bytes("/").value(), 8192U);
  ASSERT_TRUE(fs.remove("/a"));
  EXPECT_EQ(fs.free_bytes("/").value(), 8192U) << "an open handle keeps the space";
  file.reset();
  EXPECT_EQ(fs.free_bytes("/").value(), 5U * 4096);
}

TEST(BitRot, ChangesStoredBytesOnly) {
  FaultyFileSystem fs(3);
  const std::string text(10'000, 'x');
  create_durable(fs, "/a", text);
  ASSERT_TRUE(fs.flip_bits("/a", 1));
  const std::string rotten = content(fs, "/a");
  ASSERT_EQ(rotten.size(), text.size());
  std::size_t changed = 0;
  for (std::size_t i = 0; i < text.size(); ++i) changed += rotten[i] != text[i] ? 1 : 0;
  EXPECT_EQ(changed, 1U);
  EXPECT_EQ(fs.flip_bits("/none").error().code(), Errc::file_not_found);
}

}  // namespace
}  // namespace stratos::io
