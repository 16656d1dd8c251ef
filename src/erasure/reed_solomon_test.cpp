#include "erasure/reed_solomon.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <numeric>

#include "base/random.hpp"

namespace stratos::erasure {
namespace {

using Shards = std::vector<Bytes>;
using Indexes = std::vector<std::uint8_t>;

Bytes random_bytes(Random& random, std::size_t length) {
  Bytes out(length);
  random.fill(out);
  return out;
}

Indexes all_of(Shape shape) {
  Indexes out(shape.n());
  std::iota(out.begin(), out.end(), std::uint8_t{0});
  return out;
}

std::vector<const std::uint8_t*> readable(const Shards& shards, const Indexes& indexes) {
  std::vector<const std::uint8_t*> out;
  for (std::uint8_t index : indexes) out.push_back(shards[index].data());
  return out;
}

std::vector<std::uint8_t*> writable(Shards& shards) {
  std::vector<std::uint8_t*> out;
  for (Bytes& shard : shards) out.push_back(shard.data());
  return out;
}

ReedSolomon code_of(Shape shape) { return ReedSolomon::make(shape).value(); }

// All n shards over random data.
Shards encoded(const ReedSolomon& code, std::size_t length, std::uint64_t seed) {
  SeededRandom random(seed);
  const Shape shape = code.shape();
  Shards data;
  for (std::size_t i = 0; i < shape.k; ++i) data.push_back(random_bytes(random, length));
  Indexes all_data = all_of({shape.k, 0});
  Shards parity(shape.m, Bytes(length));
  code.encode(length, readable(data, all_data), writable(parity));
  for (Bytes& shard : parity) data.push_back(std::move(shard));
  return data;
}

Shards decoded(const ReedSolomon& code, const Shards& shards, const Indexes& present,
               const Indexes& wanted) {
  const std::size_t length = shards[0].size();
  const ReedSolomon::Plan plan = code.plan(present, wanted).value();
  Shards out(wanted.size(), Bytes(length, 0xee));
  plan.decode(length, readable(shards, present), writable(out));
  return out;
}

// Empty when all `wanted` come back from `present`.
std::string difference(const ReedSolomon& code, const Shards& shards, const Indexes& present,
                       const Indexes& wanted) {
  const Shards out = decoded(code, shards, present, wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (out[i] != shards[wanted[i]]) {
      return "shard " + std::to_string(wanted[i]) + " from " + to_hex(present);
    }
  }
  return {};
}

void split(std::uint32_t lost_mask, std::size_t n, Indexes& survivors, Indexes& lost) {
  survivors.clear();
  lost.clear();
  for (std::uint8_t i = 0; i < n; ++i) ((lost_mask >> i & 1) != 0 ? lost : survivors).push_back(i);
}

void expect_every_loss_decodes(Shape shape, int expected_patterns) {
  const ReedSolomon code = code_of(shape);
  const Shards shards = encoded(code, 100, shape.n());
  int patterns = 0;
  Indexes survivors, lost;
  for (std::uint32_t mask = 0; mask < 1u << shape.n(); ++mask) {
    if (std::popcount(mask) > shape.m) continue;
    split(mask, shape.n(), survivors, lost);
    ++patterns;
    const Indexes first(survivors.begin(), survivors.begin() + shape.k);
    const Indexes last(survivors.end() - shape.k, survivors.end());
    ASSERT_EQ(difference(code, shards, first, lost), "");
    ASSERT_EQ(difference(code, shards, last, lost), "");
  }
  EXPECT_EQ(patterns, expected_patterns);
}

void expect_every_choice_gives_all(Shape shape, int expected_choices) {
  const ReedSolomon code = code_of(shape);
  const Shards shards = encoded(code, 67, shape.n());
  int choices = 0;
  Indexes present, rest;
  for (std::uint32_t mask = 0; mask < 1u << shape.n(); ++mask) {
    if (std::popcount(mask) != shape.m) continue;
    split(mask, shape.n(), present, rest);
    ++choices;
    ASSERT_EQ(difference(code, shards, present, all_of(shape)), "");
  }
  EXPECT_EQ(choices, expected_choices);
}

TEST(ReedSolomon, EveryLossOfFourAndTwoDecodes) { expect_every_loss_decodes({4, 2}, 22); }
TEST(ReedSolomon, EveryLossOfEightAndFourDecodes) { expect_every_loss_decodes({8, 4}, 794); }

TEST(ReedSolomon, AnyKShardsGiveAllShards) {
  expect_every_choice_gives_all({4, 2}, 15);
  expect_every_choice_gives_all({8, 4}, 495);
  expect_every_choice_gives_all({2, 1}, 3);
  expect_every_choice_gives_all({1, 3}, 4);
  expect_every_choice_gives_all({5, 0}, 1);
}

// 20,000 patterns, or as many as STRATOS_RS_PATTERNS says, up to a million.
std::uint64_t pattern_count() {
  const char* text = std::getenv("STRATOS_RS_PATTERNS");
  const std::uint64_t asked = text == nullptr ? 20'000 : std::strtoull(text, nullptr, 10);
  return std::clamp<std::uint64_t>(asked, 1, 1'000'000);
}

void shuffle(Indexes& indexes, Random& random) {
  for (std::size_t i = indexes.size(); i > 1; --i) {
    std::swap(indexes[i - 1], indexes[random.below(i)]);
  }
}

TEST(ReedSolomon, RandomLossesOfTwelveAndTwentyDecode) {
  const ReedSolomon code = code_of({12, 20});
  const Shards shards = encoded(code, 40, 12);
  SeededRandom random(20);
  Indexes order = all_of(code.shape());
  const std::uint64_t patterns = pattern_count();
  for (std::uint64_t i = 0; i < patterns; ++i) {
    shuffle(order, random);
    const auto lost = static_cast<std::ptrdiff_t>(1 + random.below(20));
    const Indexes present(order.begin(), order.begin() + 12);
    const Indexes wanted(order.end() - lost, order.end());
    ASSERT_EQ(difference(code, shards, present, wanted), "") << "pattern " << i;
  }
}

TEST(ReedSolomon, TheLargestShapesDecode) {
  SeededRandom random(255);
  for (Shape shape :
       {Shape{127, 128}, Shape{200, 55}, Shape{254, 1}, Shape{255, 0}, Shape{1, 254}}) {
    const ReedSolomon code = code_of(shape);
    const Shards shards = encoded(code, 70, shape.k);
    Indexes order = all_of(shape);
    shuffle(order, random);
    const Indexes present(order.begin(), order.begin() + shape.k);
    EXPECT_EQ(difference(code, shards, present, all_of(shape)), "") << int{shape.k};
  }
}

TEST(ReedSolomon, CodesShardsOfEveryLength) {
  const ReedSolomon code = code_of({4, 2});
  for (std::size_t length : {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{31},
                             std::size_t{63}, std::size_t{64}, std::size_t{65}, std::size_t{1000},
                             std::size_t{1024}, std::size_t{65536}}) {
    const Shards shards = encoded(code, length, length);
    EXPECT_EQ(difference(code, shards, {1, 3, 4, 5}, {0, 2}), "") << length;
    EXPECT_EQ(difference(code, shards, {5, 0, 2, 1}, {4, 3}), "") << length;
  }
}

TEST(ReedSolomon, NothingIsWrittenForLengthZero) {
  const ReedSolomon code = code_of({2, 1});
  const Bytes data(1, 7);
  Bytes parity(1, 9);
  const std::uint8_t* const in[] = {data.data(), data.data()};
  std::uint8_t* const out[] = {parity.data()};
  code.encode(0, in, out);
  EXPECT_EQ(parity, Bytes(1, 9));
}

// Shards at odd addresses, with bytes around the outputs that must stay.
TEST(ReedSolomon, NeedsNoAlignmentAndWritesNothingElse) {
  const ReedSolomon code = code_of({4, 2});
  for (std::size_t length : {std::size_t{1}, std::size_t{17}, std::size_t{64}, std::size_t{200}}) {
    const Shards shards = encoded(code, length, 5);
    for (std::size_t shift = 0; shift < 33; ++shift) {
      Shards in(4, Bytes(shift));
      for (std::size_t i = 0; i < 4; ++i) append(in[i], shards[i]);
      Shards out(2, Bytes(shift + length + 64, 0xee));
      const std::uint8_t* const data[] = {&in[0][shift], &in[1][shift], &in[2][shift],
                                          &in[3][shift]};
      std::uint8_t* const parity[] = {&out[0][shift], &out[1][shift]};
      code.encode(length, data, parity);
      for (std::size_t i = 0; i < 2; ++i) {
        Bytes expected(shift, 0xee);
        append(expected, shards[4 + i]);
        append(expected, Bytes(64, 0xee));
        ASSERT_EQ(out[i], expected) << "length " << length << " at " << shift;
      }
    }
  }
}

TEST(ReedSolomon, OfOneDataShardMakesCopies) {
  const ReedSolomon code = code_of({1, 2});
  const Shards shards = encoded(code, 1000, 1);
  EXPECT_EQ(shards[1], shards[0]);
  EXPECT_EQ(shards[2], shards[0]);
  EXPECT_EQ(difference(code, shards, {2}, {0, 1}), "");
}

// Multiplication in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1, by the definition.
std::uint8_t slow_product(std::uint8_t a, std::uint8_t b) {
  unsigned product = 0;
  for (unsigned bit = 0; bit < 8; ++bit) {
    if ((b >> bit & 1) != 0) product ^= unsigned{a} << bit;
  }
  for (unsigned bit = 15; bit >= 8; --bit) {
    if ((product >> bit & 1) != 0) product ^= 0x11du << (bit - 8);
  }
  return static_cast<std::uint8_t>(product);
}

std::uint8_t slow_inverse(std::uint8_t a) {
  for (unsigned b = 1; b < 256; ++b) {
    if (slow_product(a, static_cast<std::uint8_t>(b)) == 1) return static_cast<std::uint8_t>(b);
  }
  return 0;
}

// The matrix of docs/formats/erasure.md, without ISA-L: stored fragments depend on it.
TEST(ReedSolomon, ParityFollowsTheDocumentedMatrix) {
  for (Shape shape : {Shape{2, 1}, Shape{4, 2}, Shape{8, 4}, Shape{12, 20}}) {
    const Shards shards = encoded(code_of(shape), 33, 99);
    for (std::size_t row = shape.k; row < shape.n(); ++row) {
      Bytes expected(33);
      for (std::size_t column = 0; column < shape.k; ++column) {
        const std::uint8_t factor = slow_inverse(static_cast<std::uint8_t>(row ^ column));
        for (std::size_t i = 0; i < expected.size(); ++i) {
          expected[i] ^= slow_product(factor, shards[column][i]);
        }
      }
      EXPECT_EQ(shards[row], expected) << "shard " << row;
    }
  }
}

TEST(ReedSolomon, ParityIsTheGoldenOne) {
  const ReedSolomon code = code_of({4, 2});
  const Bytes data[] = {{0x00, 0x01, 0x02}, {0x80, 0xff, 0x10}, {0x55, 0xaa, 0x20}, {1, 2, 3}};
  Bytes first(3), second(3);
  const std::uint8_t* const in[] = {data[0].data(), data[1].data(), data[2].data(), data[3].data()};
  std::uint8_t* const out[] = {first.data(), second.data()};
  code.encode(3, in, out);
  EXPECT_EQ(to_hex(first), "542e04");
  EXPECT_EQ(to_hex(second), "fcf407");
}

TEST(ReedSolomon, RefusesShapesThatAreNoCode) {
  for (Shape shape : {Shape{0, 0}, Shape{0, 3}, Shape{128, 128}, Shape{255, 1}, Shape{255, 255}}) {
    const Result<ReedSolomon> code = ReedSolomon::make(shape);
    ASSERT_FALSE(code) << int{shape.k} << "+" << int{shape.m};
    EXPECT_EQ(code.error().code(), Errc::invalid_argument);
  }
  EXPECT_EQ(code_of({3, 2}).shape(), (Shape{3, 2}));
}

TEST(Plan, RefusesIndexesThatAreNotKDistinctShards) {
  const ReedSolomon code = code_of({4, 2});
  const std::pair<Indexes, Indexes> bad[] = {
      {{0, 1, 2}, {3}},        // too few
      {{0, 1, 2, 3, 4}, {5}},  // too many
      {{}, {0}},               // none
      {{0, 1, 2, 2}, {3}},     // twice the same
      {{0, 1, 2, 6}, {3}},     // no such shard
      {{0, 1, 2, 255}, {3}},   //
      {{0, 1, 2, 3}, {6}},     //
      {{0, 1, 2, 3}, {4, 4}},  // wanted twice
      {{0, 1, 2, 3}, {4, 5, 255}},
  };
  for (const auto& [present, wanted] : bad) {
    const Result<ReedSolomon::Plan> plan = code.plan(present, wanted);
    ASSERT_FALSE(plan) << to_hex(present) << " to " << to_hex(wanted);
    EXPECT_EQ(plan.error().code(), Errc::invalid_argument);
  }
  EXPECT_EQ(code_of({1, 1}).plan(Indexes{2}, Indexes{0}).error().code(), Errc::invalid_argument);
}

TEST(Plan, MayWantNothingOrWhatIsPresent) {
  const ReedSolomon code = code_of({4, 2});
  const Shards shards = encoded(code, 50, 3);
  EXPECT_TRUE(decoded(code, shards, {5, 4, 3, 2}, {}).empty());
  EXPECT_EQ(difference(code, shards, {5, 4, 3, 2}, {3, 5, 0}), "");
}

TEST(Plan, OutlivesItsCode) {
  std::optional<ReedSolomon> code = code_of({4, 2});
  const Shards shards = encoded(*code, 50, 4);
  const ReedSolomon::Plan plan = code->plan(Indexes{2, 3, 4, 5}, Indexes{0, 1}).value();
  code.reset();
  Shards out(2, Bytes(50));
  plan.decode(50, readable(shards, {2, 3, 4, 5}), writable(out));
  EXPECT_EQ(out[0], shards[0]);
  EXPECT_EQ(out[1], shards[1]);
}

TEST(ReedSolomonDeathTest, RefusesPointersOfAnotherShape) {
  const ReedSolomon code = code_of({2, 1});
  Bytes bytes(1);
  const std::uint8_t* const in[] = {bytes.data(), bytes.data()};
  std::uint8_t* const out[] = {bytes.data()};
  EXPECT_DEATH(code.encode(1, std::span(in).first(1), out), "another shape");
  EXPECT_DEATH(code.encode(1, in, {}), "another shape");
  EXPECT_DEATH(code.encode(std::size_t{1} << 31, in, out), "2\\^31");
  const ReedSolomon::Plan plan = code.plan(Indexes{0, 2}, Indexes{1}).value();
  EXPECT_DEATH(plan.decode(1, std::span(in).first(1), out), "another plan");
  EXPECT_DEATH(plan.decode(1, in, {}), "another plan");
}

}  // namespace
}  // namespace stratos::erasure
