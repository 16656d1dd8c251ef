#include "ordering/log_files.hpp"

#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"

namespace stratos::ordering {
namespace {

class LogFilesTest : public ::testing::Test {
 protected:
  LogFilesTest() {
    options_.network = "test";
    options_.segment_bytes = 1024;
  }
  Result<void> open() {
    log_.reset();
    STRATOS_TRY(log_, LogFiles::open(fs_, "/log", options_));
    return {};
  }
  // The heights that the log holds, read in small steps.
  std::vector<std::uint64_t> read_all() {
    std::vector<std::uint64_t> heights;
    while (true) {
      const auto blocks = log_->read_next(100);
      EXPECT_TRUE(blocks);
      if (!blocks || blocks->empty()) return heights;
      for (const DecodedBlock& block : *blocks) heights.push_back(block.block.block.height.value);
    }
  }
  Result<std::uint64_t> append(std::size_t entry_bytes = 50) {
    LoggedBlock block;
    block.block.height = Height(log_->last_height().value + 1);
    block.block.time = {77};
    block.block.entries = {Bytes(entry_bytes, 1), Bytes(3, 2)};
    block.root.value.fill(9);
    return log_->append(block);
  }

  io::FaultyFileSystem fs_;
  LogFilesOptions options_;
  std::unique_ptr<LogFiles> log_;
};

TEST_F(LogFilesTest, ReadsBackWhatWasAppendedOverSeveralFiles) {
  ASSERT_TRUE(open());
  EXPECT_TRUE(read_all().empty());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append());
  EXPECT_GT(log_->file_count(), 3U);
  ASSERT_TRUE(open());
  EXPECT_EQ(read_all().size(), 20U);
  EXPECT_EQ(log_->last_height(), Height(20));
  ASSERT_TRUE(append());
  ASSERT_TRUE(open());
  EXPECT_EQ(read_all().back(), 21U);
}

TEST_F(LogFilesTest, KeepsEveryFieldOfABlock) {
  ASSERT_TRUE(open());
  (void)read_all();
  ASSERT_TRUE(append());
  ASSERT_TRUE(open());
  const auto blocks = log_->read_next(1000);
  ASSERT_TRUE(blocks && blocks->size() == 1);
  const LoggedBlock& block = blocks->front().block;
  EXPECT_EQ(block.block.time.ms, 77);
  EXPECT_EQ(block.block.entries, (std::vector<Bytes>{Bytes(50, 1), Bytes(3, 2)}));
  EXPECT_EQ(block.root.value[31], 9);
  EXPECT_EQ(blocks->front().previous, network_hash("test"));
}

TEST_F(LogFilesTest, RemovesFilesThatTheFlushedHeightCovers) {
  ASSERT_TRUE(open());
  (void)read_all();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append());
  const std::size_t before = log_->file_count();
  ASSERT_TRUE(log_->record_flushed(Height(10)));
  EXPECT_LT(log_->file_count(), before);
  options_.state_height = Height(10);
  ASSERT_TRUE(open());
  EXPECT_EQ(log_->flushed(), Height(10));
  const auto heights = read_all();
  EXPECT_LE(heights.front(), 11U);
  EXPECT_EQ(heights.back(), 20U);
}

TEST_F(LogFilesTest, WritesIntoSpaceThatIsAllocatedAlready) {
  options_.segment_bytes = 1 << 20;
  ASSERT_TRUE(open());
  (void)read_all();
  ASSERT_TRUE(append());
  const std::uint64_t before = fs_.used_bytes();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append());
  EXPECT_EQ(fs_.used_bytes(), before);
}

TEST_F(LogFilesTest, RefusesAStateAheadOfItsLog) {
  ASSERT_TRUE(open());
  (void)read_all();
  ASSERT_TRUE(append());
  options_.state_height = Height(2);
  ASSERT_TRUE(open());
  EXPECT_EQ(log_->read_next(1000).error().code(), Errc::log_corrupt);
}

TEST_F(LogFilesTest, RefusesADamagedFlushedFile) {
  ASSERT_TRUE(open());
  (void)read_all();
  ASSERT_TRUE(append());
  ASSERT_TRUE(log_->record_flushed(Height(1)));
  log_.reset();
  ASSERT_TRUE(fs_.flip_bits("/log/flushed", 1));
  EXPECT_EQ(open().error().code(), Errc::log_corrupt);
}

}  // namespace
}  // namespace stratos::ordering
