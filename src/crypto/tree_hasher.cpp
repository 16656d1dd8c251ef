// The BLAKE3 tree above 16 KiB groups.
#include "base/assert.hpp"
#include "crypto/hash.hpp"
#include "stratos_native.h"

namespace stratos::crypto {
namespace {

static_assert(kGroupBytes == STRATOS_BLAKE3_GROUP_BYTES);

std::uint64_t group_count(std::uint64_t length) {
  return length / kGroupBytes + (length % kGroupBytes != 0 ? 1 : 0);
}

void append_groups(std::vector<ChainingValue>& groups, ByteView data, std::uint64_t offset) {
  const std::size_t before = groups.size();
  groups.resize(before + group_count(data.size()));
  if (data.empty()) return;
  stratos_blake3_groups(data.data(), data.size(), offset, groups[before].data());
}

}  // namespace

std::vector<ChainingValue> group_chaining_values(ByteView data, std::uint64_t offset) {
  STRATOS_ASSERT(offset % kGroupBytes == 0, "groups begin at multiples of their size");
  std::vector<ChainingValue> groups;
  append_groups(groups, data, offset);
  return groups;
}

Hash root_of_groups(std::span<const ChainingValue> groups, std::uint64_t length) {
  STRATOS_ASSERT(groups.size() >= 2, "a single group has only a root");
  STRATOS_ASSERT(groups.size() == group_count(length), "not the groups of this length");
  Hash root;
  stratos_blake3_root(groups.data()->data(), groups.size(), root.value.data());
  return root;
}

// Whole groups are hashed where they lie; only what is left over is copied. A first group waits in
// `pending`, even when full, until it is known not to be the only one.
struct TreeHasher::State {
  std::vector<ChainingValue> groups;
  std::array<std::uint8_t, kGroupBytes> pending;
  std::size_t pending_bytes = 0;

  void hash(ByteView data) { append_groups(groups, data, groups.size() * kGroupBytes); }
  void flush() {
    hash(ByteView(pending).first(pending_bytes));
    pending_bytes = 0;
  }
  // Returns what did not fit.
  ByteView keep(ByteView data) {
    const std::size_t taken = std::min(data.size(), kGroupBytes - pending_bytes);
    if (taken == 0) return data;
    std::memcpy(pending.data() + pending_bytes, data.data(), taken);
    pending_bytes += taken;
    return data.subspan(taken);
  }
  std::uint64_t length() const { return groups.size() * kGroupBytes + pending_bytes; }
};

TreeHasher::TreeHasher() : state_(std::make_unique<State>()) {}
TreeHasher::~TreeHasher() = default;
TreeHasher::TreeHasher(TreeHasher&&) noexcept = default;
TreeHasher& TreeHasher::operator=(TreeHasher&&) noexcept = default;

void TreeHasher::update(ByteView data) {
  STRATOS_ASSERT(state_ != nullptr, "tree hasher used after finish");
  State& state = *state_;
  if (state.pending_bytes > 0) {
    data = state.keep(data);
    const bool only_group_so_far = state.groups.empty() && data.empty();
    if (state.pending_bytes == kGroupBytes && !only_group_so_far) state.flush();
  }
  const bool may_be_only_group = state.groups.empty() && data.size() <= kGroupBytes;
  if (!may_be_only_group) {
    const std::size_t whole = data.size() - data.size() % kGroupBytes;
    state.hash(data.first(whole));
    data = data.subspan(whole);
  }
  state.keep(data);
}

TreeHasher::Tree TreeHasher::finish() {
  STRATOS_ASSERT(state_ != nullptr, "tree hasher used after finish");
  const std::unique_ptr<State> state = std::move(state_);
  if (state->groups.empty()) {
    return {.root = blake3(ByteView(state->pending).first(state->pending_bytes)), .groups = {}};
  }
  const std::uint64_t length = state->length();
  state->flush();
  const Hash root = root_of_groups(state->groups, length);
  return {.root = root, .groups = std::move(state->groups)};
}

}  // namespace stratos::crypto
