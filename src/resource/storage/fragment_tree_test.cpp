#include "resource/storage/fragment_tree.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace stratos::resource {
namespace {

struct Whole {
  explicit Whole(std::size_t length) : data(length) {
    SeededRandom(length).fill(data);
    crypto::TreeHasher hasher;
    hasher.update(data);
    tree = hasher.finish();
    for (const auto& group : tree.groups) append(groups, group);
  }
  Result<FragmentTree> open() const { return FragmentTree::open(groups, data.size(), tree.root); }
  ByteView part(std::size_t offset, std::size_t length) const {
    return ByteView(data).subspan(offset, length);
  }
  Bytes data;
  crypto::TreeHasher::Tree tree;
  Bytes groups;
};

constexpr std::size_t kGroup = crypto::kGroupBytes;

TEST(FragmentTree, KnowsItsOwnBytes) {
  for (const std::size_t length :
       {std::size_t{1}, kGroup, kGroup + 1, 3 * kGroup, 5 * kGroup + 7}) {
    const Whole whole(length);
    const auto tree = whole.open();
    ASSERT_TRUE(tree) << length;
    EXPECT_TRUE(tree->holds(whole.data, 0)) << length;
    Bytes other = whole.data;
    other.back() ^= 1;
    EXPECT_FALSE(tree->holds(other, 0)) << length;
  }
}

TEST(FragmentTree, KnowsPartsByTheirPlace) {
  const Whole whole(5 * kGroup + 7);
  const auto tree = whole.open();
  ASSERT_TRUE(tree);
  EXPECT_TRUE(tree->holds(whole.part(kGroup, 2 * kGroup), kGroup));
  EXPECT_TRUE(tree->holds(whole.part(5 * kGroup, 7), 5 * kGroup));
  EXPECT_FALSE(tree->holds(whole.part(kGroup, 2 * kGroup), 2 * kGroup));
  EXPECT_FALSE(tree->holds(whole.part(kGroup, kGroup + 1), kGroup));
  EXPECT_FALSE(tree->holds(whole.part(kGroup, kGroup), kGroup + 1));
  EXPECT_FALSE(tree->holds(whole.data, kGroup));
  EXPECT_FALSE(tree->holds(whole.part(0, kGroup), 100 * kGroup));
}

TEST(FragmentTree, RefusesAnotherTree) {
  const Whole whole(3 * kGroup);
  Bytes groups = whole.groups;
  groups[40] ^= 1;
  EXPECT_EQ(FragmentTree::open(groups, whole.data.size(), whole.tree.root).error().code(),
            Errc::hash_mismatch);
  groups = whole.groups;
  groups.pop_back();
  EXPECT_EQ(FragmentTree::open(groups, whole.data.size(), whole.tree.root).error().code(),
            Errc::hash_mismatch);
  EXPECT_FALSE(FragmentTree::open({}, whole.data.size(), whole.tree.root));
}

}  // namespace
}  // namespace stratos::resource
