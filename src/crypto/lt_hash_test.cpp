#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "crypto/hash.hpp"
#include "crypto/test_input.hpp"

namespace stratos::crypto {
namespace {

using Element = std::pair<Bytes, Bytes>;

LtHash hash_of(const std::vector<Element>& elements) {
  LtHash hash;
  for (const auto& [key, value] : elements) hash.add(key, value);
  return hash;
}

TEST(LtHash, OfNothingIsTheHashOfAZeroState) {
  const LtHash empty;
  EXPECT_EQ(to_bytes(empty.state()), Bytes(LtHash::kSizeBytes));
  EXPECT_EQ(empty.digest(), blake3(Bytes(LtHash::kSizeBytes)));
}

// The layout of docs/formats/crypto.md, written out lane by lane.
TEST(LtHash, StateIsTheSumOfExtendedOutputsOfLengthKeyValue) {
  const std::vector<Element> elements = {
      {counting(3), counting(7)}, {{}, counting(2000)}, {{}, {}}};
  std::vector<unsigned> sums(LtHash::kSizeBytes / 2);
  for (const auto& [key, value] : elements) {
    Bytes input(8);
    store_le(input.data(), std::uint64_t{key.size()});
    append(input, key);
    append(input, value);
    Bytes output(LtHash::kSizeBytes);
    blake3_xof(input, output);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] += output[2 * i] + 256u * output[2 * i + 1];
    }
  }
  const LtHash hash = hash_of(elements);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const unsigned lane = hash.state()[2 * i] + 256u * hash.state()[2 * i + 1];
    ASSERT_EQ(lane, sums[i] % 65536) << i;
  }
}

// A changed digest means that every stored state of every zone changes its meaning.
TEST(LtHash, DigestIsTheGoldenOne) {
  LtHash hash;
  hash.add(as_bytes("key"), as_bytes("value"));
  hash.add(as_bytes("another key"), as_bytes(""));
  EXPECT_EQ(hash.digest().hex(),
            "ab3541835182a72c04c05a6cd3ff3b5e89b1cd0ca5ca93527601a9101e2efb88");
}

RC_GTEST_PROP(LtHash, DoesNotDependOnOrder, (std::vector<Element> elements)) {
  const Hash in_order = hash_of(elements).digest();
  std::ranges::sort(elements);
  RC_ASSERT(hash_of(elements).digest() == in_order);
  std::ranges::reverse(elements);
  RC_ASSERT(hash_of(elements).digest() == in_order);
}

RC_GTEST_PROP(LtHash, RemovingUndoesAdding,
              (const std::vector<Element>& kept, const std::vector<Element>& gone)) {
  LtHash hash = hash_of(kept);
  for (const auto& [key, value] : gone) hash.add(key, value);
  for (const auto& [key, value] : gone) hash.remove(key, value);
  RC_ASSERT(hash.digest() == hash_of(kept).digest());
}

TEST(LtHash, CountsMultiplicity) {
  const std::vector<Element> once = {{counting(1), counting(2)}};
  const std::vector<Element> twice = {once[0], once[0]};
  EXPECT_NE(hash_of(once).digest(), hash_of(twice).digest());
  EXPECT_NE(hash_of(once).digest(), hash_of({}).digest());
}

TEST(LtHash, TellsWhereKeyEndsAndValueBegins) {
  const auto of = [](std::string_view key, std::string_view value) {
    LtHash hash;
    hash.add(as_bytes(key), as_bytes(value));
    return hash.digest();
  };
  EXPECT_NE(of("ab", "c"), of("a", "bc"));
  EXPECT_NE(of("abc", ""), of("", "abc"));
  EXPECT_NE(of("a", "b"), of("b", "a"));
}

TEST(LtHash, TakesElementsOfEverySizeAroundTheSmallOnes) {
  for (std::size_t size :
       {std::size_t{1015}, std::size_t{1016}, std::size_t{1017}, std::size_t{70'000}}) {
    LtHash hash;
    hash.add({}, counting(size));
    Bytes input(8);
    append(input, counting(size));
    Bytes expected(LtHash::kSizeBytes);
    blake3_xof(input, expected);
    EXPECT_EQ(to_bytes(hash.state()), expected) << size;
  }
}

TEST(LtHash, ComesBackFromItsState) {
  LtHash hash = hash_of({{counting(3), counting(4)}});
  LtHash again = LtHash::from_state(hash.state()).value();
  EXPECT_EQ(again.digest(), hash.digest());
  hash.add(counting(9), counting(9));
  again.add(counting(9), counting(9));
  EXPECT_EQ(again.digest(), hash.digest());
}

TEST(LtHash, RefusesStatesOfAnotherLength) {
  for (std::size_t size : {std::size_t{0}, LtHash::kSizeBytes - 1, LtHash::kSizeBytes + 1}) {
    EXPECT_EQ(LtHash::from_state(Bytes(size)).error().code(), Errc::bad_encoding);
  }
}

}  // namespace
}  // namespace stratos::crypto
