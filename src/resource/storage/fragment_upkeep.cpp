// What keeps a store in order: feed, leases, trash, holes, compaction.
#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "resource/storage/fragment_store_internal.hpp"
#include "resource/storage/recovery.hpp"

namespace stratos::resource {
namespace {

// Work of one upkeep().
constexpr std::size_t kPurgeAtOnce = 1024;
constexpr std::size_t kPunchAtOnce = 4096;
constexpr std::uint64_t kMoveAtOnce = 64ULL << 20;
// A volume is emptied when less than this part of it is live.
constexpr std::uint64_t kSparse = 4;

void set_state(FragmentIndex::Change& change, const FragmentId& id, const StoredFragment& before,
               FragmentState state, WallTime until) {
  StoredFragment after = before;
  after.state = state;
  if (state == FragmentState::leased) after.lease_until = until;
  if (state == FragmentState::trashed) after.purge_at = until;
  change.put(id, before, after);
}

// The fragments that have a record in this volume, as its headers tell.
Result<std::vector<FragmentId>> fragments_in(const Volume& volume) {
  std::vector<FragmentId> ids;
  STRATOS_TRY(const std::uint64_t size, volume.file->size());
  Bytes head(kRecordHeaderBytes);
  for (std::uint64_t at = kBlockBytes; at < size;) {
    STRATOS_TRY(const std::size_t got, volume.file->read(at, head));
    const auto header = decode_record_header(ByteView(head).first(got), volume.salt, at);
    if (header) ids.push_back(header->fragment);
    at += header ? header->layout.record_bytes : kBlockBytes;
  }
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

}  // namespace

// --- what meta says
// --------------------------------------------------------------------------------

Result<FeedOutcome> FragmentStore::apply_feed(const std::vector<meta::FeedEntry>& entries,
                                              std::uint64_t cursor, WallTime now) {
  FeedOutcome outcome;
  FragmentIndex::Change change = index_->begin();
  for (const meta::FeedEntry& entry : entries) {
    STRATOS_TRY(const auto stored, change.find(entry.fragment));
    if (entry.kind == meta::FeedKind::keep) {
      if (!stored || stored->corrupt) {
        ++outcome.missing;
        log::error("storage.fragment_missing", {{"fragment", to_string(entry.fragment)}});
        note_damaged(entry.fragment, Damage::missing);
      } else if (stored->state != FragmentState::kept) {
        set_state(change, entry.fragment, *stored, FragmentState::kept, now);
      }
    } else if (stored && stored->state != FragmentState::trashed) {
      set_state(change, entry.fragment, *stored, FragmentState::trashed, now + options_.trash);
    }
  }
  Bytes value;
  put_be(value, cursor);
  change.set_meta(kCursorNote, value);
  STRATOS_CHECK(change.write());
  cursor_ = cursor;
  return outcome;
}

Result<std::vector<FragmentId>> FragmentStore::expired(WallTime time, std::size_t limit) const {
  return index_->expired(time, limit);
}

Result<void> FragmentStore::settle_expired(const std::vector<FragmentId>& asked,
                                           const std::vector<FragmentId>& referenced, WallTime time,
                                           WallTime now) {
  std::vector<FragmentId> kept = referenced;
  std::ranges::sort(kept);
  FragmentIndex::Change change = index_->begin();
  for (const FragmentId& id : asked) {
    STRATOS_TRY(const auto stored, change.find(id));
    if (!stored || stored->state != FragmentState::leased) continue;
    if (std::ranges::binary_search(kept, id)) {
      set_state(change, id, *stored, FragmentState::kept, now);
    } else if (stored->lease_until < time) {
      set_state(change, id, *stored, FragmentState::trashed, now + options_.trash);
    }
  }
  return change.write();
}

Result<std::vector<FragmentIndex::Item>> FragmentStore::list(std::optional<FragmentId> after,
                                                             std::size_t limit) const {
  return index_->list(after, limit);
}

Result<std::uint64_t> FragmentStore::reconcile(const std::vector<FragmentId>& wanted,
                                               const std::vector<FragmentId>& unwanted,
                                               WallTime now) {
  std::uint64_t missing = 0;
  FragmentIndex::Change change = index_->begin();
  for (const FragmentId& id : wanted) {
    STRATOS_TRY(const auto stored, change.find(id));
    if (!stored || stored->corrupt) {
      ++missing;
      log::error("storage.fragment_missing", {{"fragment", to_string(id)}});
      note_damaged(id, Damage::missing);
    } else if (stored->state != FragmentState::kept) {
      set_state(change, id, *stored, FragmentState::kept, now);
    }
  }
  for (const FragmentId& id : unwanted) {
    STRATOS_TRY(const auto stored, change.find(id));
    if (!stored || stored->state != FragmentState::kept) continue;
    set_state(change, id, *stored, FragmentState::leased, now + options_.lease);
  }
  STRATOS_CHECK(change.write());
  return missing;
}

Result<void> FragmentStore::set_cursor(std::uint64_t cursor) {
  FragmentIndex::Change change = index_->begin();
  Bytes value;
  put_be(value, cursor);
  change.set_meta(kCursorNote, value);
  STRATOS_CHECK(change.write());
  cursor_ = cursor;
  return {};
}

// --- upkeep
// ----------------------------------------------------------------------------------------

Result<UpkeepOutcome> FragmentStore::upkeep(WallTime now) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return fail(Errc::unavailable, "the store has to be opened again", *stopped_);
  }
  UpkeepOutcome outcome;
  STRATOS_CHECK(close_idle(now));
  STRATOS_CHECK(purge(now, outcome));
  STRATOS_CHECK(punch_dead(outcome));
  STRATOS_CHECK(compact(outcome));
  STRATOS_CHECK(remove_empty_volumes());
  if (index_->unflushed_bytes() > options_.flush_index_after) STRATOS_CHECK(flush_index());
  STRATOS_CHECK(measure());
  return outcome;
}

Result<void> FragmentStore::close_idle(WallTime now) {
  std::vector<FragmentId> idle;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, open] : open_) {
      if (open->busy || open->sealed || now < open->touched + options_.open_idle) continue;
      open->busy = true;
      idle.push_back(id);
    }
  }
  for (const FragmentId& id : idle) STRATOS_CHECK(abandon(id));
  return {};
}

Result<void> FragmentStore::purge(WallTime now, UpkeepOutcome& outcome) {
  STRATOS_TRY(const auto due, index_->to_purge(now, kPurgeAtOnce));
  if (due.empty()) return {};
  FragmentIndex::Change change = index_->begin();
  for (const FragmentId& id : due) {
    STRATOS_TRY(const auto stored, change.find(id));
    if (!stored || stored->state != FragmentState::trashed) continue;
    change.remove(id, *stored);
    ++outcome.purged;
  }
  outcome.more = outcome.more || due.size() == kPurgeAtOnce;
  return change.write();
}

// The index must have forgotten a record durably before its bytes go, and the bytes must be gone
// durably before the index forgets that they had to go.
Result<void> FragmentStore::punch_dead(UpkeepOutcome& outcome) {
  STRATOS_TRY(const auto dead, index_->dead(kPunchAtOnce));
  if (dead.empty()) return {};
  STRATOS_CHECK(flush_index());
  punches_.fetch_add(1);
  std::map<std::uint32_t, std::shared_ptr<Volume>> touched;
  for (const DeadRecord& record : dead) {
    auto& volume = touched[record.place.volume];
    if (volume == nullptr) {
      STRATOS_TRY(volume, volumes_->get(record.place.volume));
    }
    STRATOS_CHECK(volume->file->punch_hole(record.place.position, record.bytes));
    outcome.punched_bytes += record.bytes;
  }
  for (const auto& [number, volume] : touched) {
    if (Result<void> synced = volume->file->sync(); !synced) {
      return fail(stop(std::move(synced).error()));
    }
  }
  FragmentIndex::Change change = index_->begin();
  for (const DeadRecord& record : dead) change.forget_dead(record);
  outcome.more = outcome.more || dead.size() == kPunchAtOnce;
  return change.write();
}

Result<void> FragmentStore::remove_empty_volumes() {
  const std::uint32_t first_needed = log_->mark().volume;
  const auto uses = index_->uses();
  for (const std::uint32_t number : volumes_->numbers()) {
    if (number >= first_needed) break;
    const auto found = uses.find(number);
    const bool empty =
        found == uses.end() ||
        found->second.live_bytes + found->second.trash_bytes + found->second.dead_bytes == 0;
    if (!empty) continue;
    // What emptied it must not come back.
    STRATOS_CHECK(flush_index());
    punches_.fetch_add(1);
    STRATOS_CHECK(volumes_->remove(number));
    FragmentIndex::Change change = index_->begin();
    change.forget_volume(number);
    STRATOS_CHECK(change.write());
    log::info("storage.volume_removed", {{"folder", folder_}, {"volume", number}});
  }
  return {};
}

Result<void> FragmentStore::compact(UpkeepOutcome& outcome) {
  const std::uint32_t first_needed = log_->mark().volume;
  for (const auto& [number, use] : index_->uses()) {
    if (number >= first_needed) break;
    if (use.live_bytes == 0 || use.live_bytes + use.trash_bytes > options_.volume_bytes / kSparse) {
      continue;
    }
    STRATOS_TRY(const auto volume, volumes_->get(number));
    STRATOS_TRY(const auto ids, fragments_in(*volume));
    std::uint64_t moved_bytes = 0;
    for (const FragmentId& id : ids) {
      const Result<std::uint64_t> bytes = move(id, number);
      // Later, when there is room.
      if (!bytes && bytes.error().kind() == ErrorKind::exhausted) return {};
      if (!bytes) return fail(bytes.error());
      if (*bytes != 0) ++outcome.moved;
      moved_bytes += *bytes;
      if (moved_bytes > kMoveAtOnce) break;
    }
    outcome.more = outcome.more || moved_bytes != 0;
    return {};
  }
  return {};
}

// Writes a fragment again if it has a record in `volume`; returns the bytes written.
Result<std::uint64_t> FragmentStore::move(const FragmentId& id, std::uint32_t volume) {
  const std::uint64_t nothing = 0;
  STRATOS_TRY(const auto stored, index_->find(id));
  const auto inside = [&](const StoredRecord& record) { return record.volume == volume; };
  if (!stored || stored->corrupt || stored->state == FragmentState::trashed ||
      std::ranges::none_of(stored->records, inside)) {
    return nothing;
  }
  if (const auto whole = verify(id); !whole) return nothing;
  STRATOS_TRY(const Seal seal, read_seal(*stored));
  StoredFragment copy = *stored;
  Result<void> written = copy_records(id, *stored, seal, copy);
  if (written) written = log_->sync();
  if (!written && written.error().code() == Errc::sync_failed) {
    return fail(stop(std::move(written).error()));
  }
  STRATOS_CHECK(replace_moved(id, *stored, copy, written.has_value()));
  if (!written) return fail(std::move(written).error());
  return copy.record_bytes();
}

Result<void> FragmentStore::copy_records(const FragmentId& id, const StoredFragment& stored,
                                         const Seal& seal, StoredFragment& copy) {
  copy.records.clear();
  for (std::size_t i = 0; i < stored.records.size(); ++i) {
    const StoredRecord& old = stored.records[i];
    const Seal* const closing = i + 1 == stored.records.size() ? &seal : nullptr;
    STRATOS_TRY(const Buffer data, read_bytes(stored, old.offset, old.offset + old.data_bytes));
    const RecordLayout layout =
        plan_record(old.data_bytes, closing == nullptr ? 0 : seal_size(seal.length));
    STRATOS_TRY(const VolumeLog::Slot slot,
                log_->reserve(layout.record_bytes, copy.records.empty()));
    copy.records.push_back({slot.volume->number, slot.position, layout.record_bytes, old.offset,
                            layout.data_at, old.data_bytes});
    copy.seal_at = layout.seal_at;
    {
      const std::lock_guard lock(mutex_);
      open_bytes_ += layout.record_bytes;
    }
    RecordHeader header;
    header.fragment = id;
    header.zone = stored.zone;
    header.k = stored.k;
    header.m = stored.m;
    header.offset = old.offset;
    STRATOS_CHECK(log_->write(slot, header, closing, data.view()));
  }
  return {};
}

// The copy takes the fragment's place, unless that changed meanwhile or the copy failed.
Result<void> FragmentStore::replace_moved(const FragmentId& id, const StoredFragment& stored,
                                          const StoredFragment& copy, bool whole) {
  if (copy.records.empty()) return {};
  FragmentIndex::Change change = index_->begin();
  STRATOS_TRY(const auto now, change.find(id));
  if (whole && now && now->is_where(stored)) {
    StoredFragment after = *now;
    after.records = copy.records;
    after.seal_at = copy.seal_at;
    change.remove(id, *now);
    change.put(id, std::nullopt, after);
  } else {
    for (const StoredRecord& record : copy.records) {
      change.add_dead({record.place(), record.record_bytes});
    }
  }
  log_->unpin(copy.records.front().place());
  change.set_meta(kMarkNote, encode_place(log_->mark()));
  {
    const std::lock_guard lock(mutex_);
    open_bytes_ -= copy.record_bytes();
  }
  return change.write();
}

}  // namespace stratos::resource
