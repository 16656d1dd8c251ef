#include "gateway/s3/brief_cache.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

constexpr MonotonicTime kStart{100s};

TEST(BriefCache, ForgetsWithTime) {
  BriefCache<int> cache(1s, 10);
  cache.store("a", 1, kStart);
  ASSERT_NE(cache.find("a", kStart + 999ms), nullptr);
  EXPECT_EQ(*cache.find("a", kStart + 999ms), 1);
  EXPECT_EQ(cache.find("a", kStart + 1s), nullptr);
  cache.store("a", 2, kStart + 1s);
  EXPECT_EQ(*cache.find("a", kStart + 1s), 2);
}

TEST(BriefCache, ForgetsWhenTold) {
  BriefCache<int> cache(1s, 10);
  cache.store("a", 1, kStart);
  cache.store("b", 2, kStart);
  cache.forget("a");
  cache.forget("never there");
  EXPECT_EQ(cache.find("a", kStart), nullptr);
  EXPECT_NE(cache.find("b", kStart), nullptr);
}

TEST(BriefCache, IsBounded) {
  BriefCache<int> cache(1s, 10);
  for (int i = 0; i < 1000; ++i) {
    cache.store(std::to_string(i), i, kStart);
    EXPECT_LE(cache.size(), 10U);
  }
  EXPECT_EQ(*cache.find("999", kStart), 999);
}

}  // namespace
}  // namespace stratos::gateway::s3
