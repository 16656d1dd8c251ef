// Proves one leaf of 1 KiB of a fragment by its way to the fragment's BLAKE3 root.
#pragma once
#include <span>
#include <vector>

#include "crypto/hash.hpp"

namespace stratos::crypto {

constexpr std::size_t kLeafBytes = 1024;

// Leaves of an input of `length` bytes: leaf i begins at byte kLeafBytes * i, the last may be
// short. An empty input has one empty leaf.
std::uint64_t leaf_count(std::uint64_t length);
// Bytes of one leaf. Requires leaf < leaf_count(length), as everything below does.
std::size_t leaf_bytes(std::uint64_t length, std::uint64_t leaf);
// Steps from the leaf to the root.
std::size_t leaf_path_length(std::uint64_t length, std::uint64_t leaf);

// The siblings from the leaf up. `group` holds the bytes of the leaf's 16 KiB group, `groups` the
// chaining values of all groups; none for an input of a single group.
std::vector<ChainingValue> leaf_path(ByteView group, std::span<const ChainingValue> groups,
                                     std::uint64_t length, std::uint64_t leaf);

// The root to which they lead; the caller compares it. For foreign leaves and paths:
// Errc::hash_mismatch when either has another size than at this place.
Result<Hash> root_of_leaf(ByteView bytes, std::span<const ChainingValue> path, std::uint64_t length,
                          std::uint64_t leaf);

}  // namespace stratos::crypto
