#include "crypto/md5_lanes.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.hpp"

namespace stratos::crypto {
namespace {

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

TEST(Md5Stream, HasTheDigestsOfTheStandard) {
  const auto of = [](std::string_view text) {
    Md5Stream stream;
    stream.update(as_bytes(text));
    return to_hex(stream.finish());
  };
  EXPECT_EQ(of(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(of("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(of("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(Md5Stream, OfEveryLengthAroundABlockIsOpenssls) {
  SeededRandom random(1);
  for (std::size_t size = 0; size <= 200; ++size) {
    const Bytes data = random_bytes(random, size);
    Md5Stream stream;
    stream.update(data);
    EXPECT_EQ(stream.finish(), md5(data)) << size;
  }
}

TEST(Md5Stream, DoesNotDependOnHowItIsCut) {
  SeededRandom random(2);
  const Bytes data = random_bytes(random, 5000);
  for (int round = 0; round < 200; ++round) {
    Md5Stream stream;
    for (ByteView rest = data; !rest.empty();) {
      const std::size_t cut = std::min<std::size_t>(rest.size(), random.below(150));
      stream.update(rest.first(cut));
      rest = rest.subspan(cut);
    }
    EXPECT_EQ(stream.finish(), md5(data));
  }
}

// Streams of every number, each cut elsewhere and of another length.
TEST(Md5Lanes, GiveWhatEachStreamGivesAlone) {
  SeededRandom random(3);
  for (int round = 0; round < 300; ++round) {
    const std::size_t count = 1 + random.below(kMd5Lanes);
    std::vector<Bytes> data;
    std::vector<std::size_t> done(count);
    std::vector<Md5Stream> streams(count);
    for (std::size_t i = 0; i < count; ++i) {
      data.push_back(random_bytes(random, random.below(3) == 0 ? 0 : random.below(4000)));
    }
    for (int part = 0; part < 5; ++part) {
      std::vector<Md5Update> updates;
      for (std::size_t i = 0; i < count; ++i) {
        const ByteView rest = ByteView(data[i]).subspan(done[i]);
        const std::size_t size = part == 4 ? rest.size() : random.below(rest.size() + 1);
        updates.push_back({streams[i], rest.first(size)});
        done[i] += size;
      }
      update_together(updates);
    }
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(streams[i].finish(), md5(data[i]));
  }
}

}  // namespace
}  // namespace stratos::crypto
