#include "crypto/leaf_path.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "stratos_native.h"

namespace stratos::crypto {

std::uint64_t leaf_count(std::uint64_t length) {
  return length == 0 ? 1 : (length - 1) / kLeafBytes + 1;
}

std::size_t leaf_bytes(std::uint64_t length, std::uint64_t leaf) {
  STRATOS_ASSERT(leaf < leaf_count(length), "a leaf of the input");
  return std::min<std::uint64_t>(kLeafBytes, length - leaf * kLeafBytes);
}

// The left child of a node over n leaves covers the largest power of two below n.
std::size_t leaf_path_length(std::uint64_t length, std::uint64_t leaf) {
  STRATOS_ASSERT(leaf < leaf_count(length), "a leaf of the input");
  std::size_t steps = 0;
  for (std::uint64_t count = leaf_count(length); count > 1; ++steps) {
    const std::uint64_t left = std::bit_ceil(count) / 2;
    const bool goes_left = leaf < left;
    leaf -= goes_left ? 0 : left;
    count = goes_left ? left : count - left;
  }
  return steps;
}

std::vector<ChainingValue> leaf_path(ByteView group, std::span<const ChainingValue> groups,
                                     std::uint64_t length, std::uint64_t leaf) {
  std::vector<ChainingValue> path(leaf_path_length(length, leaf));
  const std::uint8_t* const values = groups.empty() ? nullptr : groups.front().data();
  std::uint8_t* const out = path.empty() ? nullptr : path.front().data();
  stratos_blake3_leaf_path(group.data(), group.size(), values, groups.size(), length, leaf, out);
  return path;
}

Result<Hash> root_of_leaf(ByteView bytes, std::span<const ChainingValue> path, std::uint64_t length,
                          std::uint64_t leaf) {
  if (bytes.size() != leaf_bytes(length, leaf)) return fail(Errc::hash_mismatch, "size of a leaf");
  if (path.size() != leaf_path_length(length, leaf)) {
    return fail(Errc::hash_mismatch, "length of a leaf's path");
  }
  Hash root;
  const std::uint8_t* const steps = path.empty() ? nullptr : path.front().data();
  stratos_blake3_leaf_root(bytes.data(), bytes.size(), steps, path.size(), length, leaf,
                           root.value.data());
  return root;
}

}  // namespace stratos::crypto
