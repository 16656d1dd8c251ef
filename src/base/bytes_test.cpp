#include "base/bytes.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>
#include <unordered_set>

#include "base/buffer.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"

namespace stratos {
namespace {

TEST(Hex, ComesBackForAnyBytesAndHasOneTextOfLowerCase) {
  EXPECT_TRUE(rc::check([](const Bytes& bytes) {
    const std::string text = to_hex(bytes);
    RC_ASSERT(text.size() == bytes.size() * 2);
    RC_ASSERT(text.find_first_not_of("0123456789abcdef") == text.npos);
    RC_ASSERT(from_hex(text).value() == bytes);
  }));
}

TEST(Hex, TakesExactlyTheHexadecimalDigits) {
  for (int c = 0; c < 256; ++c) {
    const bool digit = c < 128 && std::isxdigit(c) != 0;
    const std::string character(1, static_cast<char>(c));
    EXPECT_EQ(from_hex(character + "0").has_value(), digit) << c;
    EXPECT_EQ(from_hex("0" + character).has_value(), digit) << c;
  }
  EXPECT_TRUE(from_hex("")->empty());
}

TEST(Base64, ComesBackForAnyBytes) {
  EXPECT_TRUE(rc::check([](const Bytes& bytes) {
    const std::string text = to_base64(bytes);
    RC_ASSERT(text.size() == (bytes.size() + 2) / 3 * 4);
    RC_ASSERT(from_base64(text).value() == bytes);
  }));
}

// Signatures and digests are compared as bytes: no two texts may mean the same.
TEST(Base64, HasOneTextForEachValue) {
  const std::string alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \n";
  std::size_t accepted = 0;
  for (const char a : alphabet) {
    for (const char b : alphabet) {
      for (const char c : alphabet) {
        for (const char d : {'A', 'E', '/', '='}) {
          const std::string text = {a, b, c, d};
          const auto bytes = from_base64(text);
          if (!bytes) continue;
          ++accepted;
          EXPECT_EQ(to_base64(*bytes), text);
        }
      }
    }
  }
  // Three ends without padding, one with one sign (16 third digits), one with two (4 second
  // digits).
  EXPECT_EQ(accepted, 3U * 64 * 64 * 64 + 64 * 64 * 16 + 64 * 4);
}

template <class Int>
void expect_both_ways(Int value) {
  Bytes big;
  put_be(big, value);
  EXPECT_EQ(big.size(), sizeof(Int));
  EXPECT_EQ(get_be<Int>(big), value);
  std::uint8_t little[sizeof(Int)];
  store_le(little, value);
  EXPECT_EQ(load_le<Int>(little), value);
  EXPECT_TRUE(std::equal(big.rbegin(), big.rend(), little));
}

TEST(Integers, ComeBackAtTheirEdges) {
  expect_both_ways(std::uint8_t{255});
  expect_both_ways(std::uint16_t{0x0102});
  expect_both_ways(std::numeric_limits<std::uint32_t>::max());
  expect_both_ways(std::numeric_limits<std::uint64_t>::max());
  expect_both_ways(std::uint64_t{0x0102030405060708});
  expect_both_ways(std::uint64_t{0});
}

TEST(Integers, AreReadFromTheFrontOfLongerBytes) {
  const Bytes bytes = {1, 2, 3, 4, 5};
  EXPECT_EQ(get_be<std::uint16_t>(bytes), 0x0102);
  EXPECT_EQ(get_be<std::uint32_t>(ByteView(bytes).subspan(1)), 0x02030405U);
}

TEST(Buffer, MayBeEmpty) {
  for (const Buffer& buffer :
       {Buffer(), Buffer::allocate(0), Buffer::zeroed(0), Buffer::copy_of({}), Buffer::from({}),
        Buffer::allocate(5).slice(5), Buffer::allocate(5).slice(2, 0)}) {
    EXPECT_TRUE(buffer.empty());
    EXPECT_TRUE(buffer.view().empty());
    EXPECT_TRUE(buffer.slice(0, 0).empty());
  }
}

TEST(Buffer, TakesAVectorOverWithoutCopying) {
  Bytes bytes(1000, 7);
  const std::uint8_t* memory = bytes.data();
  const Buffer buffer = Buffer::from(std::move(bytes));
  EXPECT_EQ(buffer.data(), memory);
  EXPECT_EQ(buffer.size(), 1000U);
}

TEST(Buffer, IsZeroedAndAlignedAroundAPage) {
  for (const std::size_t size : {1UL, 4095UL, 4096UL, 4097UL, 1UL << 20}) {
    Buffer dirty = Buffer::allocate(size);
    std::ranges::fill(dirty.mutable_view(), std::uint8_t{0xaa});
    dirty = Buffer();
    const Buffer buffer = Buffer::zeroed(size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_TRUE(std::ranges::all_of(buffer.view(), [](std::uint8_t b) { return b == 0; }));
    if (size >= Buffer::kAlignment) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % Buffer::kAlignment, 0U);
    }
  }
}

TEST(BufferDeathTest, RefusesSlicesWhoseEndOverflows) {
  const Buffer buffer = Buffer::allocate(4);
  EXPECT_DEATH(buffer.slice(2, SIZE_MAX), "slice outside");
  EXPECT_DEATH(buffer.slice(5), "slice outside");
}

TEST(Ids, SortAsTheirBytesAndHashApart) {
  SeededRandom random(3);
  std::unordered_set<SegmentId> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.draw_id<SegmentId>());
  EXPECT_EQ(seen.size(), 1000U);
  SegmentId low, high;
  low.value[0] = 0x7f;
  high.value[0] = 0x80;
  EXPECT_LT(low, high) << "bytes are unsigned";
  EXPECT_TRUE(SegmentId().is_zero());
  EXPECT_FALSE(low.is_zero());
}

TEST(Ids, AreReadFromHexOfTheirLengthOnly) {
  for (std::size_t digits = 0; digits <= 66; ++digits) {
    EXPECT_EQ(AccountId::from_hex_text(std::string(digits, 'a')).has_value(), digits == 40);
  }
  EXPECT_FALSE(AccountId::from_hex_text("0x" + std::string(38, 'a')));
}

TEST(Ids, PrintInOneWay) {
  EXPECT_EQ(to_string(NodeId(7)), "n7");
  FragmentId fragment;
  fragment.index = 255;
  EXPECT_EQ(to_string(fragment), std::string(32, '0') + "/255");
}

TEST(Random, DrawsEveryNumberBelowABound) {
  SeededRandom seeded(1);
  SystemRandom system;
  for (Random* random : std::initializer_list<Random*>{&seeded, &system}) {
    std::array<int, 7> counts{};
    for (int i = 0; i < 7000; ++i) ++counts[random->below(7)];
    for (const int count : counts) {
      EXPECT_GT(count, 700);
      EXPECT_LT(count, 1300);
    }
    for (int i = 0; i < 100; ++i) EXPECT_EQ(random->below(1), 0U);
    bool large = false;
    for (int i = 0; i < 100; ++i) large |= random->below(UINT64_MAX) > (1ULL << 63);
    EXPECT_TRUE(large);
  }
  EXPECT_DEATH(seeded.below(0), "a bound of zero");
}

TEST(Random, FillsTheWholeOfWhatItIsGiven) {
  SeededRandom seeded(1);
  SystemRandom system;
  for (Random* random : std::initializer_list<Random*>{&seeded, &system}) {
    for (const std::size_t size : {0UL, 1UL, 7UL, 8UL, 9UL, 1000UL, 100'000UL}) {
      // Each byte becomes other than zero in one of many rounds.
      Bytes seen(size);
      for (int round = 0; round < 40; ++round) {
        Bytes drawn(size);
        random->fill(drawn);
        for (std::size_t i = 0; i < size; ++i) seen[i] |= drawn[i];
      }
      EXPECT_TRUE(std::ranges::all_of(seen, [](std::uint8_t b) { return b != 0; })) << size;
    }
  }
}

// What the simulator replays hangs on these numbers.
TEST(SeededRandom, KeepsItsSequence) {
  SeededRandom random(42);
  EXPECT_EQ(random.next_u64(), 1546998764402558742U);
  EXPECT_EQ(random.next_u64(), 6990951692964543102U);
}

}  // namespace
}  // namespace stratos
