#include "io/volatile_content.hpp"

#include <gtest/gtest.h>

namespace stratos::io {
namespace {

Bytes all_of(const VolatileContent& content) {
  Bytes bytes(content.size());
  EXPECT_EQ(content.read(0, bytes), bytes.size());
  return bytes;
}

TEST(VolatileContent, CountsThePagesAWriteNeeds) {
  VolatileContent content;
  EXPECT_EQ(content.needed_bytes(0, 0), 0U);
  EXPECT_EQ(content.needed_bytes(4095, 2), 8192U);
  content.write(4096, Bytes(10, 1));
  EXPECT_EQ(content.allocated_bytes(), 4096U) << "the page before is a hole";
  EXPECT_EQ(content.needed_bytes(0, 8192), 4096U);
}

TEST(VolatileContent, AHoleToTheEndOfAllOffsetsStopsAtTheSize) {
  VolatileContent content;
  content.write(0, Bytes(6000, 1));
  content.punch_hole(1000, ~std::uint64_t{0});
  content.punch_hole(9000, 10);
  Bytes expected(6000, 0);
  std::fill_n(expected.begin(), 1000, std::uint8_t{1});
  EXPECT_EQ(all_of(content), expected);
  EXPECT_EQ(content.allocated_bytes(), 4096U);
}

TEST(VolatileContent, BytesBeyondATruncationAreZeroWhenTheFileGrowsAgain) {
  VolatileContent content;
  content.write(0, Bytes(3000, 1));
  content.truncate(10);
  content.truncate(3000);
  Bytes expected(3000, 0);
  std::fill_n(expected.begin(), 10, std::uint8_t{1});
  EXPECT_EQ(all_of(content), expected);
}

// Random changes, some of them synced; whatever the power leaves, sectors that did not change since
// the last sync are as they were then.
TEST(VolatileContent, ALossOfPowerTouchesUnsyncedSectorsOnly) {
  constexpr std::uint64_t kSector = VolatileContent::kSectorBytes;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SeededRandom random(seed);
    VolatileContent content;
    content.write(0, Bytes(20 * kSector, 7));
    content.sync();
    const Bytes synced = all_of(content);
    std::vector<bool> changed(20);
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t sector = random.below(20);
      content.write(sector * kSector + random.below(kSector), Bytes(1, 9));
      changed[sector] = true;
    }
    if (seed % 4 == 0) {
      content.drop_unsynced();
      changed.assign(20, false);
    } else {
      content.lose_power(random);
    }
    const Bytes left = all_of(content);
    ASSERT_EQ(left.size(), synced.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (!changed[i / kSector]) ASSERT_EQ(left[i], synced[i]) << "seed " << seed << " byte " << i;
    }
  }
}

TEST(VolatileContent, FlippingABitTwiceRestoresIt) {
  VolatileContent content;
  content.write(0, Bytes(100, 0));
  content.flip_bit(799);
  EXPECT_EQ(all_of(content)[99], 0x80);
  content.flip_bit(799);
  EXPECT_EQ(all_of(content), Bytes(100, 0));
}

}  // namespace
}  // namespace stratos::io
