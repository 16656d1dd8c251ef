#include "crypto/leaf_path.hpp"

#include <gtest/gtest.h>

namespace stratos::crypto {
namespace {

Bytes input_of(std::size_t length) {
  Bytes bytes(length);
  for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::uint8_t>(i % 251);
  return bytes;
}

ByteView part(const Bytes& data, std::uint64_t begin, std::size_t size) {
  return ByteView(data).subspan(begin, std::min<std::size_t>(size, data.size() - begin));
}
ByteView leaf_in(const Bytes& data, std::uint64_t leaf) {
  return part(data, leaf * kLeafBytes, kLeafBytes);
}
std::vector<ChainingValue> path_in(const Bytes& data, std::uint64_t leaf) {
  std::vector<ChainingValue> groups;
  if (data.size() > kGroupBytes) groups = group_chaining_values(data, 0);
  const std::uint64_t begin = leaf * kLeafBytes / kGroupBytes * kGroupBytes;
  return leaf_path(part(data, begin, kGroupBytes), groups, data.size(), leaf);
}

TEST(LeafPath, LeadsFromEveryLeafToTheHashOfTheWhole) {
  for (const std::size_t length :
       {0U, 1U, 1024U, 1025U, 3000U, 16384U, 16385U, 40'000U, 65'536U, 150'001U}) {
    const Bytes data = input_of(length);
    const Hash root = blake3(data);
    for (std::uint64_t leaf = 0; leaf < leaf_count(length); ++leaf) {
      const auto path = path_in(data, leaf);
      EXPECT_EQ(root_of_leaf(leaf_in(data, leaf), path, length, leaf).value(), root)
          << leaf << " of " << length;
    }
  }
}

TEST(LeafPath, OfAFragmentOfASegmentFitsIntoAnAnswer) {
  const std::uint64_t largest = 64ULL << 20;
  EXPECT_EQ(leaf_path_length(largest, 4711), 16U);
  EXPECT_LT(leaf_path_length(largest, 0) * 32 + kLeafBytes, 2560U);
}

TEST(LeafPath, KnowsLeavesAndTheirSizes) {
  EXPECT_EQ(leaf_count(0), 1U);
  EXPECT_EQ(leaf_count(1024), 1U);
  EXPECT_EQ(leaf_count(1025), 2U);
  EXPECT_EQ(leaf_bytes(0, 0), 0U);
  EXPECT_EQ(leaf_bytes(1025, 0), 1024U);
  EXPECT_EQ(leaf_bytes(1025, 1), 1U);
  EXPECT_EQ(leaf_path_length(1024, 0), 0U);
  EXPECT_EQ(leaf_path_length(3 * 1024, 0), 2U);
  EXPECT_EQ(leaf_path_length(3 * 1024, 2), 1U);
}

TEST(LeafPath, LeadsElsewhereForAnotherLeafPathOrPlace) {
  const Bytes data = input_of(50'000);
  const Hash root = blake3(data);
  const auto path = path_in(data, 20);
  Bytes leaf = to_bytes(leaf_in(data, 20));
  for (std::size_t at = 0; at < leaf.size(); at += 37) {
    leaf[at] ^= 4;
    EXPECT_NE(root_of_leaf(leaf, path, data.size(), 20).value(), root) << at;
    leaf[at] ^= 4;
  }
  for (std::size_t step = 0; step < path.size(); ++step) {
    auto bad = path;
    bad[step][step] ^= 1;
    EXPECT_NE(root_of_leaf(leaf, bad, data.size(), 20).value(), root) << step;
  }
  EXPECT_NE(root_of_leaf(leaf, path, data.size(), 21).value(), root);
  EXPECT_EQ(root_of_leaf(leaf, path, data.size(), 20).value(), root);
}

TEST(LeafPath, RefusesForeignSizes) {
  const Bytes data = input_of(50'000);
  auto path = path_in(data, 3);
  const ByteView leaf = leaf_in(data, 3);
  EXPECT_EQ(root_of_leaf(leaf.first(1000), path, data.size(), 3).error().code(),
            Errc::hash_mismatch);
  EXPECT_EQ(root_of_leaf(leaf, {}, data.size(), 3).error().code(), Errc::hash_mismatch);
  path.push_back({});
  EXPECT_EQ(root_of_leaf(leaf, path, data.size(), 3).error().code(), Errc::hash_mismatch);
}

}  // namespace
}  // namespace stratos::crypto
