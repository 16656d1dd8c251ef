#include "resource/storage/fragment_tree.hpp"

#include <algorithm>
#include <cstring>

namespace stratos::resource {

Result<FragmentTree> FragmentTree::open(ByteView groups, std::uint64_t length, const Hash& root) {
  FragmentTree tree(length, root);
  if (length <= crypto::kGroupBytes) return tree;
  const std::size_t count = (length + crypto::kGroupBytes - 1) / crypto::kGroupBytes;
  if (groups.size() != count * sizeof(crypto::ChainingValue)) {
    return fail(Errc::hash_mismatch, "tree of another length");
  }
  tree.groups_.resize(count);
  std::memcpy(tree.groups_.data(), groups.data(), groups.size());
  if (crypto::root_of_groups(tree.groups_, length) != root) {
    return fail(Errc::hash_mismatch, "tree of another root");
  }
  return tree;
}

bool FragmentTree::holds(ByteView data, std::uint64_t offset) const {
  if (groups_.empty())
    return offset == 0 && data.size() == length_ && crypto::blake3(data) == root_;
  if (offset % crypto::kGroupBytes != 0 || data.size() > length_ - std::min(length_, offset)) {
    return false;
  }
  const bool whole = data.size() % crypto::kGroupBytes == 0 || offset + data.size() == length_;
  if (!whole) return false;
  const auto own = crypto::group_chaining_values(data, offset);
  const std::size_t first = offset / crypto::kGroupBytes;
  return std::equal(own.begin(), own.end(), groups_.begin() + static_cast<std::ptrdiff_t>(first));
}

}  // namespace stratos::resource
