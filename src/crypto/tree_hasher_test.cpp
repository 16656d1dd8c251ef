#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/hash.hpp"
#include "crypto/test_input.hpp"

namespace stratos::crypto {
namespace {

constexpr std::size_t kLengths[] = {0,     1,     1023,  1024,    1025,   16383,
                                    16384, 16385, 32767, 32768,   32769,  49152,
                                    49153, 65536, 81920, 100'000, 131072, (1 << 20) + 1};

TreeHasher::Tree tree_of(ByteView data) {
  TreeHasher hasher;
  hasher.update(data);
  return hasher.finish();
}

TEST(TreeHasher, RootIsTheHashOfTheWhole) {
  for (std::size_t length : kLengths) {
    const Bytes data = counting(length);
    EXPECT_EQ(tree_of(data).root, blake3(data)) << length;
  }
}

TEST(TreeHasher, KeepsOneValueForEachGroupAboveOne) {
  for (std::size_t length : kLengths) {
    const std::size_t groups = (length + kGroupBytes - 1) / kGroupBytes;
    EXPECT_EQ(tree_of(counting(length)).groups.size(), groups > 1 ? groups : 0) << length;
  }
}

TEST(TreeHasher, GroupsAreTheOnesOfTheWholeRun) {
  for (std::size_t length : kLengths) {
    if (length <= kGroupBytes) continue;
    const Bytes data = counting(length);
    EXPECT_EQ(tree_of(data).groups, group_chaining_values(data, 0)) << length;
  }
}

TEST(TreeHasher, TakesPiecesOfEverySizeAroundAGroup) {
  const Bytes data = counting(5 * kGroupBytes + 1234);
  const TreeHasher::Tree expected = tree_of(data);
  for (std::size_t piece : {std::size_t{1000}, std::size_t{4096}, kGroupBytes - 1, kGroupBytes,
                            kGroupBytes + 1, 2 * kGroupBytes, 3 * kGroupBytes - 7}) {
    TreeHasher hasher;
    for (std::size_t at = 0; at < data.size(); at += piece) {
      hasher.update(ByteView(data).subspan(at, std::min(piece, data.size() - at)));
      hasher.update({});
    }
    const TreeHasher::Tree tree = hasher.finish();
    EXPECT_EQ(tree.root, expected.root) << piece;
    EXPECT_EQ(tree.groups, expected.groups) << piece;
  }
}

// A full first group must wait: whether it is the only one shows with the next byte.
TEST(TreeHasher, DecidesLateWhetherTheFirstGroupIsTheOnlyOne) {
  const Bytes data = counting(kGroupBytes + 1);
  TreeHasher exact;
  exact.update(ByteView(data).first(kGroupBytes));
  exact.update({});
  const TreeHasher::Tree single = exact.finish();
  EXPECT_EQ(single.root, blake3(ByteView(data).first(kGroupBytes)));
  EXPECT_TRUE(single.groups.empty());

  TreeHasher more;
  more.update(ByteView(data).first(100));
  more.update(ByteView(data).subspan(100, kGroupBytes - 100));
  more.update(ByteView(data).last(1));
  const TreeHasher::Tree two = more.finish();
  EXPECT_EQ(two.root, blake3(data));
  EXPECT_EQ(two.groups.size(), 2u);
}

RC_GTEST_PROP(TreeHasher, FedInRandomPiecesEqualsBlake3, ()) {
  const auto length = *rc::gen::inRange<std::size_t>(0, 6 * kGroupBytes);
  const Bytes data = counting(length);
  TreeHasher hasher;
  for (std::size_t at = 0; at < length;) {
    const auto piece = *rc::gen::inRange<std::size_t>(0, 2 * kGroupBytes) + 1;
    hasher.update(ByteView(data).subspan(at, std::min(piece, length - at)));
    at += piece;
  }
  RC_ASSERT(hasher.finish().root == blake3(data));
}

TEST(TreeHasher, MovesWithItsState) {
  const Bytes data = counting(40'000);
  TreeHasher first;
  first.update(ByteView(data).first(20'000));
  TreeHasher second = std::move(first);
  second.update(ByteView(data).subspan(20'000));
  EXPECT_EQ(second.finish().root, blake3(data));
}

TEST(GroupChainingValues, OfAPartAreThoseOfTheWhole) {
  const Bytes data = counting(9 * kGroupBytes + 5);
  const std::vector<ChainingValue> whole = group_chaining_values(data, 0);
  for (std::size_t first = 0; first <= 9; ++first) {
    const ByteView part = ByteView(data).subspan(first * kGroupBytes);
    const std::vector<ChainingValue> values = group_chaining_values(part, first * kGroupBytes);
    EXPECT_TRUE(std::ranges::equal(values, std::span(whole).subspan(first))) << first;
  }
  EXPECT_TRUE(group_chaining_values({}, kGroupBytes).empty());
}

TEST(GroupChainingValues, DependOnTheOffset) {
  const Bytes same = repeated(1, kGroupBytes);
  EXPECT_NE(group_chaining_values(same, 0), group_chaining_values(same, kGroupBytes));
  // Far beyond 2^32 chunks the position still counts.
  EXPECT_NE(group_chaining_values(same, std::uint64_t{1} << 50), group_chaining_values(same, 0));
}

TEST(RootOfGroups, HoldsForEveryNumberOfGroups) {
  for (std::size_t groups = 2; groups <= 33; ++groups) {
    for (std::size_t last : {std::size_t{1}, kGroupBytes}) {
      const Bytes data = counting((groups - 1) * kGroupBytes + last);
      EXPECT_EQ(root_of_groups(group_chaining_values(data, 0), data.size()), blake3(data))
          << groups;
    }
  }
}

TEST(RootOfGroups, ChangesWithEveryGroup) {
  const Bytes data = counting(7 * kGroupBytes);
  std::vector<ChainingValue> groups = group_chaining_values(data, 0);
  const Hash root = root_of_groups(groups, data.size());
  for (ChainingValue& group : groups) {
    group[31] ^= 1;
    EXPECT_NE(root_of_groups(groups, data.size()), root);
    group[31] ^= 1;
  }
  std::swap(groups[0], groups[1]);
  EXPECT_NE(root_of_groups(groups, data.size()), root);
}

TEST(TreeHasherDeathTest, RefusesWhatItsContractExcludes) {
  const std::vector<ChainingValue> groups(2);
  EXPECT_DEATH((void)root_of_groups(std::span(groups).first(1), 1), "only a root");
  EXPECT_DEATH((void)root_of_groups(groups, kGroupBytes), "not the groups of this length");
  EXPECT_DEATH((void)root_of_groups(groups, 2 * kGroupBytes + 1), "not the groups of this length");
  EXPECT_DEATH((void)group_chaining_values({}, 1024), "multiples of their size");
  TreeHasher hasher;
  (void)hasher.finish();
  EXPECT_DEATH(hasher.update({}), "after finish");
  EXPECT_DEATH((void)hasher.finish(), "after finish");
}

}  // namespace
}  // namespace stratos::crypto
