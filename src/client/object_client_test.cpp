#include "client/object_client.hpp"

#include <gtest/gtest.h>

namespace stratos::client {
namespace {

TEST(Parts, AreKeptAsRuns) {
  Parts parts;
  for (std::uint32_t number = 1; number <= 4; ++number) parts.add(number, 5);
  parts.add(5, 2);
  parts.add(9, 2);
  EXPECT_EQ(parts.runs.size(), 3U);
  EXPECT_EQ(parts.count(), 6U);
  EXPECT_EQ(parts.find(4)->offset, 15U);
  EXPECT_EQ(parts.find(5)->size, 2U);
  EXPECT_EQ(parts.find(9)->offset, 22U);
  for (const std::uint32_t missing : {0U, 6U, 8U, 10U}) EXPECT_FALSE(parts.find(missing));
}

TEST(Parts, AreListedInPages) {
  Parts parts;
  for (std::uint32_t number = 2; number <= 9; ++number) parts.add(number, number);
  const auto page = parts.list(4, 2);
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].number, 5U);
  EXPECT_EQ(page[1].number, 6U);
  EXPECT_TRUE(parts.list(9, 5).empty());
  EXPECT_TRUE(parts.list(0, 0).empty());
  EXPECT_TRUE(Parts().list(0, 10).empty());
}

TEST(Parts, HaveTheirChecksums) {
  Parts parts;
  parts.add(1, 5);
  parts.add(2, 5);
  EXPECT_TRUE(parts.find(2)->checksum.empty());
  parts.checksums = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(parts.find(2)->checksum, (Bytes{5, 6, 7, 8}));
}

}  // namespace
}  // namespace stratos::client
