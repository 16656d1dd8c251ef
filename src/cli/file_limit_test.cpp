#include "cli/file_limit.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace stratos::cli {
namespace {

TEST(FileLimit, IsRaisedAsFarAsItMay) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit lowered = before;
  lowered.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
  const std::size_t limit = raise_file_limit();
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(limit, after.rlim_cur);
  EXPECT_GE(after.rlim_cur, std::min<rlim_t>(before.rlim_max, 1 << 20));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(FileLimit, LeavesHalfToOthers) {
  EXPECT_EQ(connections_within(1024, 4096), 512U);
  EXPECT_EQ(connections_within(1 << 20, 4096), 4096U);
  EXPECT_EQ(connections_within(1, 4096), 16U);
}

}  // namespace
}  // namespace stratos::cli
