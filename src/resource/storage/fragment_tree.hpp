// FragmentTree: the tree of a fragment as its node tells it, believed only when it leads to the
// root that the index knows.
#pragma once
#include <vector>

#include "crypto/hash.hpp"

namespace stratos::resource {

class FragmentTree {
 public:
  // `groups`: the chaining values of the fragment's 16 KiB groups, 32 bytes each, ignored for a
  // fragment of one group. Errc::hash_mismatch when they do not lead to `root`.
  static Result<FragmentTree> open(ByteView groups, std::uint64_t length, const Hash& root);

  // Whether `data` is what stands at `offset`, a multiple of the group's size; it ends with a group
  // or with the fragment.
  bool holds(ByteView data, std::uint64_t offset) const;

 private:
  FragmentTree(std::uint64_t length, const Hash& root) : length_(length), root_(root) {}
  std::uint64_t length_;
  Hash root_;
  std::vector<crypto::ChainingValue> groups_;
};

}  // namespace stratos::resource
