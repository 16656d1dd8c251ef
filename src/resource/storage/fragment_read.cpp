// Reading fragments and checking them.
#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "resource/storage/fragment_store_internal.hpp"

namespace stratos::resource {
namespace {

// How often a read looks again because records moved or were punched meanwhile.
constexpr int kAttempts = 4;
constexpr std::uint64_t kVerifyStep = 1 << 20;

std::unexpected<Error> corrupt(std::string what) {
  return fail(Errc::fragment_corrupt, std::move(what));
}

// The extents of a fragment that overlap [from, to).
std::span<const StoredRecord> overlapping(const StoredFragment& stored, std::uint64_t from,
                                          std::uint64_t to) {
  const auto ends_before = [&](const StoredRecord& record) {
    return record.offset + record.data_bytes <= from;
  };
  const auto starts_before = [&](const StoredRecord& record) { return record.offset < to; };
  const auto first = std::ranges::partition_point(stored.records, ends_before);
  const auto last = std::ranges::partition_point(stored.records, starts_before);
  return first < last ? std::span(first, last) : std::span<const StoredRecord>();
}

// Compares the groups that begin at `from` with the tree.
Result<void> check_groups(const Seal& seal, ByteView data, std::uint64_t from) {
  if (seal.groups.empty()) {
    if (data.size() != seal.length || crypto::blake3(data) == seal.root) return {};
    return corrupt("the bytes differ from the root");
  }
  const auto actual = crypto::group_chaining_values(data, from);
  const std::size_t first = from / crypto::kGroupBytes;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (actual[i] != seal.groups[first + i]) {
      return corrupt("group " + std::to_string(first + i) + " differs from the tree");
    }
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const StoredFragment>> FragmentStore::find_live(const FragmentId& id) const {
  STRATOS_TRY(std::shared_ptr<const StoredFragment> stored, index_->find_again(id));
  if (!stored || stored->state == FragmentState::trashed) {
    return fail(Errc::no_such_fragment, to_string(id));
  }
  if (stored->corrupt) return corrupt(to_string(id) + " is damaged on disk");
  return stored;
}

Result<FragmentInfo> FragmentStore::stat(const FragmentId& id) const {
  STRATOS_TRY(const std::optional<StoredFragment> stored, index_->find(id));
  if (!stored) return fail(Errc::no_such_fragment, to_string(id));
  if (stored->corrupt) return corrupt(to_string(id) + " is damaged on disk");
  return FragmentInfo{stored->length, stored->root, stored->state};
}

Result<ReadResult> FragmentStore::read(const FragmentId& id, std::uint64_t offset,
                                       std::uint32_t length, bool with_tree, bool verify) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint64_t punches = punches_.load();
    STRATOS_TRY(const auto stored, find_live(id));
    const std::uint64_t from = std::min(offset, stored->length);
    const std::uint64_t count = std::min<std::uint64_t>(length, stored->length - from);
    Result<ReadResult> result = read_stored(*stored, from, count, with_tree, verify || with_tree);
    if (punches != punches_.load()) {
      const auto now = find_live(id);
      if (!now || !(*now)->is_where(*stored)) continue;
    }
    if (!result && result.error().code() == Errc::fragment_corrupt) mark_corrupt(id, *stored);
    return result;
  }
  return fail(Errc::unavailable, "the fragment is being moved");
}

Result<ReadResult> FragmentStore::read_stored(const StoredFragment& stored, std::uint64_t offset,
                                              std::uint64_t length, bool with_tree, bool verify) {
  ReadResult out;
  out.fragment_length = stored.length;
  if (!verify) {
    STRATOS_TRY(out.data, read_bytes(stored, offset, offset + length));
    return out;
  }
  STRATOS_TRY(const Seal seal, read_seal(stored));
  if (with_tree) {
    out.groups.reserve(seal.groups.size() * 32);
    for (const auto& group : seal.groups) stratos::append(out.groups, group);
  }
  // Whole groups are read so that they can be checked.
  const std::uint64_t from = offset / crypto::kGroupBytes * crypto::kGroupBytes;
  const std::uint64_t to = std::min(round_up(offset + length, crypto::kGroupBytes), stored.length);
  STRATOS_TRY(const Buffer whole, read_bytes(stored, from, std::max(from, to)));
  STRATOS_CHECK(check_groups(seal, whole.view(), from));
  out.data = whole.slice(offset - from, length);
  return out;
}

Result<Buffer> FragmentStore::read_bytes(const StoredFragment& stored, std::uint64_t from,
                                         std::uint64_t to) {
  Buffer buffer = Buffer::allocate(to - from);
  const MutableByteView out = buffer.mutable_view();
  std::uint64_t filled = 0;
  for (const StoredRecord& record : overlapping(stored, from, to)) {
    const std::uint64_t begin = std::max(from, record.offset);
    const std::uint64_t end = std::min(to, record.offset + record.data_bytes);
    const auto volume = volumes_->get(record.volume);
    if (!volume) return corrupt("volume " + std::to_string(record.volume) + " cannot be read");
    const std::uint64_t at = record.position + record.data_at + (begin - record.offset);
    const MutableByteView part = out.subspan(begin - from, end - begin);
    const auto got = (*volume)->file->read(at, part);
    if (!got || *got != part.size()) return corrupt("the volume is shorter than its records");
    filled += part.size();
  }
  if (filled != to - from) return corrupt("extents are missing");
  return buffer;
}

Result<Seal> FragmentStore::read_seal(const StoredFragment& stored) {
  const StoredRecord& last = stored.records.back();
  const auto volume = volumes_->get(last.volume);
  if (!volume) return corrupt("volume " + std::to_string(last.volume) + " cannot be read");
  Bytes bytes(seal_size(stored.length));
  const auto got = (*volume)->file->read(last.position + stored.seal_at, bytes);
  if (!got || *got != bytes.size()) return corrupt("the seal is cut off");
  auto seal = decode_seal(bytes, (*volume)->salt);
  if (!seal) return corrupt(seal.error().message());
  if (seal->length != stored.length || seal->root != stored.root) {
    return corrupt("the seal is another fragment's");
  }
  return seal;
}

Result<void> FragmentStore::verify(const FragmentId& id) {
  std::uint64_t offset = 0;
  while (true) {
    STRATOS_TRY(const ReadResult part, read(id, offset, kVerifyStep, false, true));
    offset += part.data.size();
    if (part.data.empty() || offset >= part.fragment_length) return {};
  }
}

void FragmentStore::note_damaged(const FragmentId& id, Damage damage) {
  constexpr std::size_t kMaxDamaged = 100'000;  // the rest is found by the next scrub
  const std::lock_guard lock(mutex_);
  if (damaged_.size() < kMaxDamaged) damaged_[id] = damage;
}

std::map<FragmentId, FragmentStore::Damage> FragmentStore::take_damaged() {
  const std::lock_guard lock(mutex_);
  return std::exchange(damaged_, {});
}

// From now on the fragment answers fragment_corrupt and may be written again.
void FragmentStore::mark_corrupt(const FragmentId& id, const StoredFragment& stored) {
  log::error("storage.fragment_corrupt", {{"fragment", to_string(id)}});
  corrupt_found_.fetch_add(1);
  note_damaged(id, Damage::rotten);
  FragmentIndex::Change change = index_->begin();
  const auto before = change.find(id);
  if (!before || !*before || !(*before)->is_where(stored)) return;
  StoredFragment after = **before;
  after.corrupt = true;
  change.put(id, *before, after);
  (void)change.write();  // found again at the next read
}

}  // namespace stratos::resource
