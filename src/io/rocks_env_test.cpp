#include "io/rocks_env.hpp"

#include <gtest/gtest.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include "base/log.hpp"
#include "io/faulty_file_system.hpp"

namespace stratos::io {
namespace {

class RocksEnvTest : public testing::Test {
 protected:
  RocksEnvTest() { EXPECT_TRUE(fs_.make_dirs("/db")); }

  std::unique_ptr<rocksdb::WritableFile> create(const std::string& path) {
    std::unique_ptr<rocksdb::WritableFile> file;
    EXPECT_TRUE(env_->NewWritableFile(path, &file, rocksdb::EnvOptions()).ok());
    return file;
  }

  FaultyFileSystem fs_;
  std::unique_ptr<rocksdb::Env> env_ = make_rocks_env(fs_);
};

TEST_F(RocksEnvTest, WritesAndReadsThroughTheFileSystem) {
  const auto file = create("/db/a");
  ASSERT_TRUE(file->Append("hello ").ok());
  ASSERT_TRUE(file->Append("world").ok());
  EXPECT_EQ(as_text(read_file(fs_, "/db/a", 100).value()), "hello world");

  char scratch[16];
  rocksdb::Slice got;
  std::unique_ptr<rocksdb::RandomAccessFile> random_access;
  ASSERT_TRUE(env_->NewRandomAccessFile("/db/a", &random_access, rocksdb::EnvOptions()).ok());
  ASSERT_TRUE(random_access->Read(6, 16, &got, scratch).ok());
  EXPECT_EQ(got.ToString(), "world");

  std::unique_ptr<rocksdb::SequentialFile> sequential;
  ASSERT_TRUE(env_->NewSequentialFile("/db/a", &sequential, rocksdb::EnvOptions()).ok());
  ASSERT_TRUE(sequential->Skip(3).ok());
  ASSERT_TRUE(sequential->Read(2, &got, scratch).ok());
  EXPECT_EQ(got.ToString(), "lo");
  ASSERT_TRUE(sequential->Read(16, &got, scratch).ok());
  EXPECT_EQ(got.ToString(), " world");

  std::uint64_t size = 0;
  ASSERT_TRUE(env_->GetFileSize("/db/a", &size).ok());
  EXPECT_EQ(size, 11U);
}

TEST_F(RocksEnvTest, ReopensAtTheEndAndTruncates) {
  ASSERT_TRUE(create("/db/a")->Append("hello").ok());
  std::unique_ptr<rocksdb::WritableFile> file;
  ASSERT_TRUE(env_->ReopenWritableFile("/db/a", &file, rocksdb::EnvOptions()).ok());
  ASSERT_TRUE(file->Append(" world").ok());
  ASSERT_TRUE(file->Truncate(7).ok());
  EXPECT_EQ(as_text(read_file(fs_, "/db/a", 100).value()), "hello w");
}

TEST_F(RocksEnvTest, FoldersAreSyncedBeforeARename) {
  std::vector<std::string> seen;
  (void)create("/db/a");
  fs_.observe([&](std::string_view operation, std::string_view path) {
    seen.push_back(std::string(operation) + " " + std::string(path));
  });
  ASSERT_TRUE(env_->RenameFile("/db/a", "/db/b").ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"sync_dir /db", "rename /db/b"}));
}

TEST_F(RocksEnvTest, ListsChecksAndDeletes) {
  (void)create("/db/b");
  (void)create("/db/a");
  std::vector<std::string> names;
  ASSERT_TRUE(env_->GetChildren("/db", &names).ok());
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(env_->GetChildren("/none", &names).IsNotFound());
  EXPECT_TRUE(env_->FileExists("/db/a").ok());
  ASSERT_TRUE(env_->DeleteFile("/db/a").ok());
  EXPECT_TRUE(env_->FileExists("/db/a").IsNotFound());
  bool is_folder = false;
  ASSERT_TRUE(env_->IsDirectory("/db", &is_folder).ok());
  EXPECT_TRUE(is_folder);
  EXPECT_FALSE(env_->CreateDir("/db").ok());
  EXPECT_TRUE(env_->CreateDirIfMissing("/db/sub").ok());
  EXPECT_TRUE(env_->DeleteDir("/db/sub").ok());
}

TEST_F(RocksEnvTest, KeepsTheMeaningOfErrors) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  EXPECT_TRUE(env_->NewSequentialFile("/db/none", &file, rocksdb::EnvOptions()).IsPathNotFound());
  const auto written = create("/db/a");
  fs_.fail_syncs("/db/a");
  EXPECT_EQ(written->Sync().subcode(), rocksdb::Status::kIOFenced);
  fs_.set_capacity(0);
  EXPECT_TRUE(written->Append("text").IsNoSpace());

  rocksdb::FileLock* lock = nullptr;
  ASSERT_TRUE(env_->LockFile("/db/LOCK", &lock).ok());
  rocksdb::FileLock* second = nullptr;
  EXPECT_TRUE(env_->LockFile("/db/LOCK", &second).IsBusy());
  ASSERT_TRUE(env_->UnlockFile(lock).ok());
  ASSERT_TRUE(env_->LockFile("/db/LOCK", &second).ok());
  EXPECT_TRUE(env_->UnlockFile(second).ok());
}

TEST_F(RocksEnvTest, CutsLongPausesShort) {
  const auto before = env_->NowMicros();
  env_->GetSystemClock()->SleepForMicroseconds(60'000'000);
  EXPECT_LT(env_->NowMicros() - before, 30'000'000U);
}

TEST(RocksLogger, PassesOnWarningsOnly) {
  std::vector<std::string> lines;
  log::set_sink([&](std::string_view line) { lines.emplace_back(line); });
  const auto logger = make_rocks_logger();
  rocksdb::Info(logger, "chatter %d", 1);
  rocksdb::Warn(logger, "trouble %d", 2);
  log::set_sink({});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("trouble 2"), std::string::npos);
  EXPECT_NE(lines[0].find("\"warn\""), std::string::npos);
}

}  // namespace
}  // namespace stratos::io
