#include "meta/inventory.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "crypto/hash.hpp"

namespace stratos::meta {
namespace {

// Fields one after the other in a block of known size.
template <std::size_t N>
class Fields {
 public:
  explicit Fields(std::uint8_t domain) { bytes_[0] = domain; }
  Fields& add(ByteView bytes) {
    STRATOS_ASSERT(bytes.size() <= N - size_, "the fields fit");
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
    return *this;
  }
  Fields& add(std::uint64_t value) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
    return add(ByteView(bytes));
  }
  Hash hash() const {
    STRATOS_ASSERT(size_ == N, "all fields are there");
    return crypto::keccak256(bytes_);
  }

 private:
  std::array<std::uint8_t, N> bytes_{};
  std::size_t size_ = 1;
};

constexpr std::uint8_t kLeafDomain = 0;
constexpr std::uint8_t kInnerDomain = 1;

// One level up; the run stays in place.
void rise(std::vector<InventoryNode>& run) {
  const std::size_t pairs = run.size() / 2;
  for (std::size_t i = 0; i < pairs; ++i) run[i] = inventory_parent(run[2 * i], run[2 * i + 1]);
  if (run.size() % 2 == 1) run[pairs] = run.back();
  run.resize((run.size() + 1) / 2);
}

bool add_sum(std::uint64_t& sum, std::uint64_t more) {
  return !__builtin_add_overflow(sum, more, &sum);
}

}  // namespace

InventoryNode inventory_leaf(const InventoryLeaf& leaf) {
  Fields<58> fields(kLeafDomain);
  fields.add(leaf.fragment.segment.view()).add({&leaf.fragment.index, 1});
  fields.add(leaf.root.view()).add(leaf.length);
  return {fields.hash(), leaf.length};
}

InventoryNode inventory_parent(const InventoryNode& left, const InventoryNode& right) {
  Fields<81> fields(kInnerDomain);
  fields.add(left.hash.view()).add(left.sum).add(right.hash.view()).add(right.sum);
  std::uint64_t sum = left.sum;
  STRATOS_ASSERT(add_sum(sum, right.sum), "an inventory has less than 2^64 bytes");
  return {fields.hash(), sum};
}

InventoryNode inventory_over(std::vector<InventoryNode> run) {
  while (run.size() > 1) rise(run);
  return run.empty() ? InventoryNode{} : run[0];
}

void add_inventory_steps(std::vector<InventoryNode> run, std::size_t index,
                         std::vector<InventoryStep>& path) {
  for (; run.size() > 1; index /= 2) {
    const std::size_t sibling = index ^ 1;
    if (sibling < run.size()) path.push_back({run[sibling], sibling < index});
    rise(run);
  }
}

std::size_t find_in_inventory(std::span<const InventoryNode> run, std::uint64_t& position) {
  std::size_t index = 0;
  while (index < run.size() && position >= run[index].sum) position -= run[index++].sum;
  STRATOS_ASSERT(index < run.size(), "the position is in the run");
  return index;
}

Result<std::uint64_t> verify_inventory_path(const InventoryNode& root, std::uint64_t position,
                                            const InventoryLeaf& leaf,
                                            std::span<const InventoryStep> path) {
  if (position >= root.sum) return fail(Errc::invalid_argument, "position beyond the inventory");
  if (path.size() > kMaxInventoryPath) return fail(Errc::hash_mismatch, "path too long");
  InventoryNode node = inventory_leaf(leaf);
  std::uint64_t before = 0;
  for (const InventoryStep& step : path) {
    std::uint64_t sum = node.sum;
    if (!add_sum(sum, step.sibling.sum)) return fail(Errc::hash_mismatch, "sum of the path");
    if (step.left) before += step.sibling.sum;
    node = step.left ? inventory_parent(step.sibling, node) : inventory_parent(node, step.sibling);
  }
  if (node != root) return fail(Errc::hash_mismatch, "path to another root");
  if (position < before || position - before >= leaf.length) {
    return fail(Errc::hash_mismatch, "another leaf holds the position");
  }
  return position - before;
}

}  // namespace stratos::meta
