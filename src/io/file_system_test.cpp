// What every file system promises, held against the real one and its faulty twin.
#include "io/file_system.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "base/buffer.hpp"
#include "base/random.hpp"
#include "io/faulty_file_system.hpp"

namespace stratos::io {
namespace {

enum class Kind : std::uint8_t { real, faulty };

class FileSystemTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::real) {
      std::string pattern = testing::TempDir() + "stratos_io_XXXXXX";
      folder_ = ::mkdtemp(pattern.data());
    } else {
      folder_ = "/data";
      ASSERT_TRUE(faulty_.make_dirs(folder_));
    }
  }
  void TearDown() override {
    if (GetParam() == Kind::real) std::filesystem::remove_all(folder_);
  }

  FileSystem& fs() { return GetParam() == Kind::real ? real_file_system() : faulty_; }
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  std::unique_ptr<File> open(const std::string& name, OpenMode mode) {
    auto file = fs().open(at(name), mode);
    EXPECT_TRUE(file) << file.error().to_string();
    return std::move(*file);
  }
  void put(const std::string& name, std::string_view text) {
    ASSERT_TRUE(open(name, OpenMode::create_truncated)->write(0, as_bytes(text)));
  }
  std::string get(const std::string& name) {
    const auto content = read_file(fs(), at(name), 1 << 24);
    return content ? std::string(as_text(*content)) : "error: " + content.error().to_string();
  }

  FaultyFileSystem faulty_;
  std::string folder_;
};

INSTANTIATE_TEST_SUITE_P(Both, FileSystemTest, testing::Values(Kind::real, Kind::faulty),
                         [](const auto& info) {
                           return info.param == Kind::real ? "Real" : "Faulty";
                         });

TEST_P(FileSystemTest, MixesDirectWritesWithOthers) {
  const auto file = open("a", OpenMode::create_or_open);
  Buffer blocks = Buffer::allocate(4 * File::kDirectBytes);
  std::ranges::fill(blocks.mutable_view(), std::uint8_t{1});
  ASSERT_TRUE(file->write(0, Bytes(3 * File::kDirectBytes, 7)));
  ASSERT_TRUE(file->write_direct(File::kDirectBytes, blocks.view()));
  ASSERT_TRUE(file->write(2 * File::kDirectBytes, Bytes{2}));
  ASSERT_TRUE(fs().rename(at("a"), at("b")));
  ASSERT_TRUE(file->write_direct(3 * File::kDirectBytes, blocks.view().first(File::kDirectBytes)));
  ASSERT_TRUE(file->sync());
  Bytes expected(5 * File::kDirectBytes, 1);
  std::fill_n(expected.begin(), File::kDirectBytes, std::uint8_t{7});
  expected[2 * File::kDirectBytes] = 2;
  EXPECT_TRUE(get("b") == as_text(expected));
}

TEST_P(FileSystemTest, ReadsWhatWasWritten) {
  const auto file = open("a", OpenMode::create_or_open);
  ASSERT_TRUE(file->write(3, as_bytes("hello")));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->size().value(), 8U);
  Bytes out(20, 0xff);
  EXPECT_EQ(file->read(0, out).value(), 8U);
  EXPECT_EQ(as_text(ByteView(out).first(8)), std::string_view("\0\0\0hello", 8));
  EXPECT_EQ(file->read(6, out).value(), 2U);
  EXPECT_EQ(file->read(8, out).value(), 0U);
  EXPECT_EQ(file->read(1'000'000, out).value(), 0U);
}

TEST_P(FileSystemTest, MatchesAByteVectorUnderRandomChanges) {
  SeededRandom random(42);
  const auto file = open("a", OpenMode::create_or_open);
  Bytes model;
  for (int step = 0; step < 400; ++step) {
    const std::uint64_t offset = random.below(40'000);
    Bytes data(random.below(9'000));
    switch (random.below(6)) {
      case 0:
        ASSERT_TRUE(file->truncate(offset));
        model.resize(offset);
        break;
      case 1: {
        ASSERT_TRUE(file->punch_hole(offset, data.size()));
        const std::size_t begin = std::min(offset, model.size());
        const std::size_t end = std::min(offset + data.size(), model.size());
        std::fill(model.begin() + static_cast<std::ptrdiff_t>(begin),
                  model.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0});
        break;
      }
      case 2:
        ASSERT_TRUE(file->sync());
        break;
      default:
        random.fill(data);
        ASSERT_TRUE(file->write(offset, data));
        if (!data.empty()) model.resize(std::max(model.size(), offset + data.size()));
        std::ranges::copy(data,
                          model.begin() + static_cast<std::ptrdiff_t>(offset * !data.empty()));
    }
    Bytes content(50'000);
    content.resize(file->read(0, content).value());
    ASSERT_EQ(content, model) << "step " << step;
    ASSERT_EQ(file->size().value(), model.size());
  }
}

TEST_P(FileSystemTest, OpensByMode) {
  EXPECT_EQ(fs().open(at("a"), OpenMode::read).error().code(), Errc::file_not_found);
  EXPECT_EQ(fs().open(at("a"), OpenMode::read_write).error().code(), Errc::file_not_found);
  EXPECT_EQ(fs().open(at("no/a"), OpenMode::create_or_open).error().code(), Errc::file_not_found);
  put("a", "text");
  EXPECT_EQ(open("a", OpenMode::create_or_open)->size().value(), 4U);
  EXPECT_EQ(open("a", OpenMode::read)->write(0, as_bytes("x")).error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(open("a", OpenMode::create_truncated)->size().value(), 0U);
  EXPECT_EQ(fs().open(folder_, OpenMode::read_write).error().code(), Errc::invalid_argument);
}

TEST_P(FileSystemTest, RenamesOverTheTargetAndKeepsOpenHandles) {
  put("a", "new");
  put("b", "old");
  const auto old = open("b", OpenMode::read);
  ASSERT_TRUE(fs().rename(at("a"), at("b")));
  EXPECT_EQ(get("b"), "new");
  EXPECT_FALSE(fs().exists(at("a")));
  EXPECT_EQ(old->size().value(), 3U);
  EXPECT_EQ(fs().rename(at("a"), at("c")).error().code(), Errc::file_not_found);
}

TEST_P(FileSystemTest, RenamesFoldersWithTheirContent) {
  ASSERT_TRUE(fs().make_dirs(at("one/two")));
  put("one/two/a", "text");
  ASSERT_TRUE(fs().rename(at("one"), at("three")));
  EXPECT_EQ(get("three/two/a"), "text");
  EXPECT_EQ(fs().rename(at("three"), at("three/two/four")).error().code(), Errc::invalid_argument);
}

TEST_P(FileSystemTest, LinksShareContentUntilTheLastIsRemoved) {
  put("a", "text");
  ASSERT_TRUE(fs().link(at("a"), at("b")));
  EXPECT_EQ(fs().link(at("a"), at("b")).error().code(), Errc::already_exists);
  ASSERT_TRUE(open("b", OpenMode::read_write)->write(0, as_bytes("TE")));
  ASSERT_TRUE(fs().remove(at("a")));
  EXPECT_EQ(get("b"), "TExt");
  EXPECT_EQ(fs().remove(at("a")).error().code(), Errc::file_not_found);
}

TEST_P(FileSystemTest, MakesListsAndRemovesFolders) {
  ASSERT_TRUE(fs().make_dirs(at("x/y/z")));
  ASSERT_TRUE(fs().make_dirs(at("x/y")));
  put("x/file", "");
  EXPECT_EQ(fs().list(at("x")).value(), (std::vector<std::string>{"file", "y"}));
  EXPECT_EQ(fs().list(at("none")).error().code(), Errc::file_not_found);
  EXPECT_TRUE(fs().is_dir(at("x/y/z")));
  EXPECT_FALSE(fs().is_dir(at("x/file")));
  EXPECT_FALSE(fs().make_dirs(at("x/file")));
  EXPECT_EQ(fs().remove_dir(at("x/y")).error().code(), Errc::invalid_argument);
  ASSERT_TRUE(fs().remove_dir(at("x/y/z")));
  ASSERT_TRUE(fs().remove_dir(at("x/y")));
  EXPECT_TRUE(fs().sync_dir(at("x")));
  EXPECT_EQ(fs().sync_dir(at("none")).error().code(), Errc::file_not_found);
  EXPECT_EQ(fs().list(at("x")).value(), (std::vector<std::string>{"file"}));
}

TEST_P(FileSystemTest, PunchingHolesFreesBlocksAndKeepsTheSize) {
  const auto file = open("a", OpenMode::create_or_open);
  ASSERT_TRUE(file->write(0, Bytes(1 << 20, 0xab)));
  ASSERT_TRUE(file->sync());
  EXPECT_GE(file->allocated_bytes().value(), 1U << 20);
  ASSERT_TRUE(file->punch_hole(100'000, 800'000));
  ASSERT_TRUE(file->sync());
  EXPECT_LE(file->allocated_bytes().value(), (1U << 20) - 780'000);
  EXPECT_EQ(file->size().value(), 1U << 20);
  Bytes out(3);
  ASSERT_TRUE(file->read(99'999, out));
  EXPECT_EQ(out, (Bytes{0xab, 0, 0}));
  ASSERT_TRUE(file->read(899'999, out));
  EXPECT_EQ(out, (Bytes{0, 0xab, 0xab}));
  EXPECT_TRUE(file->punch_hole(0, 0));
}

TEST_P(FileSystemTest, LocksAFolderForOneHolder) {
  auto lock = fs().lock(folder_);
  ASSERT_TRUE(lock);
  EXPECT_EQ(fs().lock(folder_).error().code(), Errc::folder_locked);
  lock->reset();
  EXPECT_TRUE(fs().lock(folder_));
  EXPECT_EQ(fs().lock(at("none")).error().code(), Errc::file_not_found);
}

TEST_P(FileSystemTest, TellsFreeBytesAndTimes) {
  put("a", "text");
  EXPECT_GT(fs().free_bytes(folder_).value(), 0U);
  EXPECT_GT(fs().modified_time_s(at("a")).value(), 0U);
  EXPECT_EQ(fs().free_bytes(at("none")).error().code(), Errc::file_not_found);
  EXPECT_EQ(fs().modified_time_s(at("none")).error().code(), Errc::file_not_found);
}

TEST_P(FileSystemTest, ReplacesWholeFilesWithoutLeftovers) {
  ASSERT_TRUE(write_file_atomic(fs(), at("a"), as_bytes("first, longer")));
  ASSERT_TRUE(write_file_atomic(fs(), at("a"), as_bytes("second")));
  EXPECT_EQ(get("a"), "second");
  EXPECT_EQ(fs().list(folder_).value(), (std::vector<std::string>{"a"}));
  EXPECT_EQ(read_file(fs(), at("a"), 5).error().code(), Errc::too_large);
  EXPECT_EQ(write_file_atomic(fs(), at("no/a"), {}).error().code(), Errc::file_not_found);
}

TEST_P(FileSystemTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      const std::string name = std::to_string(i);
      for (int round = 0; round < 50; ++round) {
        put(name, name);
        EXPECT_TRUE(open(name, OpenMode::read)->sync());
        EXPECT_TRUE(fs().sync_dir(folder_));
        EXPECT_EQ(get(name), name);
        EXPECT_TRUE(fs().remove(at(name)));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(fs().list(folder_)->empty());
}

class RealFileSystemTest : public FileSystemTest {};
INSTANTIATE_TEST_SUITE_P(Files, RealFileSystemTest, testing::Values(Kind::real));

TEST_P(RealFileSystemTest, SecretsAreForTheOwnerAlone) {
  put("key.tmp", "left behind by a crash, readable by all");
  ASSERT_TRUE(write_secret_file(fs(), at("key"), as_bytes("secret")));
  struct stat status;
  ASSERT_EQ(::stat(at("key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(get("key"), "secret");
}

TEST_P(RealFileSystemTest, DescriptorsDoNotLeakIntoChildren) {
  const auto file = open("a", OpenMode::create_or_open);
  const auto lock = fs().lock(folder_);
  std::size_t ours = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (!target.starts_with(folder_)) continue;
    ++ours;
    const auto info = "/proc/self/fdinfo/" + entry.path().filename().string();
    Bytes text(200);
    text.resize(fs().open(info, OpenMode::read).value()->read(0, text).value());
    const std::string line(as_text(text));
    const auto flags = std::stoul(line.substr(line.find("flags:") + 6), nullptr, 8);
    EXPECT_NE(flags & 02000000U, 0U) << target;  // O_CLOEXEC
  }
  EXPECT_EQ(ours, 2U);
}

TEST(RealFileSystem, AFullDiskIsItsOwnError) {
  const auto full = real_file_system().open("/dev/full", OpenMode::read_write);
  ASSERT_TRUE(full);
  EXPECT_EQ((*full)->write(0, as_bytes("x")).error().code(), Errc::disk_full);
}

TEST(ParentOf, NamesTheFolder) {
  const std::pair<const char*, const char*> cases[] = {
      {"a", "."},     {"a/b", "a"},       {"/a", "/"}, {"/", "/"},
      {"a//b/", "a"}, {"/a/b/c", "/a/b"}, {"", "."}};
  for (const auto& [path, parent] : cases) EXPECT_EQ(parent_of(path), parent) << path;
}

}  // namespace
}  // namespace stratos::io
