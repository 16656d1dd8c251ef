#include "resource/storage/fragment_index.hpp"

#include "base/assert.hpp"

namespace stratos::resource {
namespace {

constexpr char kFragments = 'f';
constexpr char kLeases = 'l';
constexpr char kTrash = 't';
constexpr char kDead = 'd';
constexpr char kVolumes = 'v';
constexpr char kOrders = 'o';
constexpr char kMeta = 'm';
constexpr std::size_t kIdBytes = SegmentId::kSize + 1;

Bytes family(char name) { return {static_cast<std::uint8_t>(name)}; }

Bytes fragment_key(const FragmentId& id) {
  Bytes key = family(kFragments);
  append(key, key_of(id));
  return key;
}
// Times sort as unsigned numbers: nothing is due before 1970.
Bytes due_key(char name, WallTime time, const FragmentId& id) {
  Bytes key = family(name);
  put_be(key, static_cast<std::uint64_t>(std::max<std::int64_t>(time.ms, 0)));
  append(key, key_of(id));
  return key;
}
Bytes dead_key(const Place& place) {
  Bytes key = family(kDead);
  put_be(key, place.volume);
  put_be(key, place.position);
  return key;
}
Bytes volume_key(std::uint32_t volume) {
  Bytes key = family(kVolumes);
  put_be(key, volume);
  return key;
}
Bytes order_key(ByteView key) {
  Bytes whole = family(kOrders);
  append(whole, key);
  return whole;
}
Bytes meta_key(std::string_view name) {
  Bytes key = family(kMeta);
  append(key, as_bytes(name));
  return key;
}

void add(std::uint64_t& counter, std::uint64_t amount, std::int64_t sign) {
  STRATOS_ASSERT(sign > 0 || counter >= amount, "bytes of a volume below zero");
  counter = sign > 0 ? counter + amount : counter - amount;
}

// The key that makes a fragment come up when its time is over.
std::optional<Bytes> due_key_of(const FragmentId& id, const StoredFragment& fragment) {
  switch (fragment.state) {
    case FragmentState::leased:
      return due_key(kLeases, fragment.lease_until, id);
    case FragmentState::trashed:
      return due_key(kTrash, fragment.purge_at, id);
    case FragmentState::kept:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Bytes key_of(const FragmentId& id) {
  Bytes key = to_bytes(id.segment.view());
  key.push_back(id.index);
  return key;
}

Result<FragmentId> fragment_of(ByteView bytes) {
  if (bytes.size() != kIdBytes) return fail(Errc::bad_encoding, "fragment id");
  STRATOS_TRY(const SegmentId segment, SegmentId::from(bytes.first(SegmentId::kSize)));
  return FragmentId{segment, bytes[SegmentId::kSize]};
}

Result<std::unique_ptr<FragmentIndex>> FragmentIndex::open(std::unique_ptr<kv::Store> store) {
  std::unique_ptr<FragmentIndex> index(new FragmentIndex(std::move(store)));
  STRATOS_CHECK(index->load_uses());
  return index;
}

Result<void> FragmentIndex::load_uses() {
  const Bytes lower = family(kVolumes);
  const auto it = store_->iterate(lower, kv::prefix_end(lower));
  for (; it->valid(); it->next()) {
    STRATOS_TRY(const VolumeUse use, codec::decode<VolumeUse>(it->value()));
    uses_[get_be<std::uint32_t>(it->key().subspan(1))] = use;
  }
  return it->status();
}

Result<std::optional<StoredFragment>> FragmentIndex::find(const FragmentId& id) const {
  STRATOS_TRY(const std::optional<Bytes> value, store_->get(fragment_key(id)));
  std::optional<StoredFragment> found;
  if (!value) return found;
  STRATOS_TRY(found, codec::decode<StoredFragment>(*value));
  return found;
}

FragmentIndex::Recent& FragmentIndex::slot_of(const FragmentId& id) const {
  return recent_[std::hash<FragmentId>()(id) % recent_.size()];
}

Result<std::shared_ptr<const StoredFragment>> FragmentIndex::find_again(
    const FragmentId& id) const {
  std::unique_lock lock(recent_mutex_);
  Recent& slot = slot_of(id);
  if (slot.fragment && slot.id == id) return slot.fragment;
  const std::uint64_t writes = writes_;
  lock.unlock();
  STRATOS_TRY(std::optional<StoredFragment> found, find(id));
  if (!found) return nullptr;
  auto fragment = std::make_shared<const StoredFragment>(std::move(*found));
  lock.lock();
  // A change in between may have made it old.
  if (writes == writes_) slot = {id, fragment};
  return fragment;
}

Result<std::optional<Bytes>> FragmentIndex::get_meta(std::string_view name) const {
  return store_->get(meta_key(name));
}

Result<std::vector<Bytes>> FragmentIndex::list_orders(std::size_t limit) const {
  std::vector<Bytes> orders;
  const Bytes lower = family(kOrders);
  const auto it = store_->iterate(lower, kv::prefix_end(lower));
  for (; it->valid() && orders.size() < limit; it->next()) orders.push_back(to_bytes(it->value()));
  STRATOS_CHECK(it->status());
  return orders;
}

std::map<std::uint32_t, VolumeUse> FragmentIndex::uses() const {
  const std::lock_guard lock(uses_mutex_);
  return uses_;
}

Result<std::vector<DeadRecord>> FragmentIndex::dead(std::size_t limit) const {
  std::vector<DeadRecord> records;
  const Bytes lower = family(kDead);
  const auto it = store_->iterate(lower, kv::prefix_end(lower));
  for (; it->valid() && records.size() < limit; it->next()) {
    const ByteView key = it->key().subspan(1);
    STRATOS_ASSERT(key.size() == 12 && it->value().size() == 4, "shape of a dead record");
    records.push_back({{get_be<std::uint32_t>(key), get_be<std::uint64_t>(key.subspan(4))},
                       get_be<std::uint32_t>(it->value())});
  }
  STRATOS_CHECK(it->status());
  return records;
}

Result<std::vector<FragmentIndex::Item>> FragmentIndex::list(std::optional<FragmentId> after,
                                                             std::size_t limit) const {
  std::vector<Item> items;
  const Bytes prefix = family(kFragments);
  Bytes lower = prefix;
  if (after) {
    lower = fragment_key(*after);
    lower.push_back(0);
  }
  const auto it = store_->iterate(lower, kv::prefix_end(prefix));
  for (; it->valid() && items.size() < limit; it->next()) {
    STRATOS_TRY(const FragmentId id, fragment_of(it->key().subspan(1)));
    STRATOS_TRY(StoredFragment fragment, codec::decode<StoredFragment>(it->value()));
    items.push_back({id, std::move(fragment)});
  }
  STRATOS_CHECK(it->status());
  return items;
}

Result<std::vector<FragmentId>> FragmentIndex::due(char name, WallTime time,
                                                   std::size_t limit) const {
  std::vector<FragmentId> ids;
  Bytes upper = family(name);
  put_be(upper, static_cast<std::uint64_t>(std::max<std::int64_t>(time.ms, 0)));
  const auto it = store_->iterate(family(name), upper);
  for (; it->valid() && ids.size() < limit; it->next()) {
    STRATOS_TRY(const FragmentId id, fragment_of(it->key().subspan(9)));
    ids.push_back(id);
  }
  STRATOS_CHECK(it->status());
  return ids;
}

Result<std::vector<FragmentId>> FragmentIndex::expired(WallTime time, std::size_t limit) const {
  return due(kLeases, time, limit);
}
Result<std::vector<FragmentId>> FragmentIndex::to_purge(WallTime time, std::size_t limit) const {
  return due(kTrash, time, limit);
}

Result<void> FragmentIndex::flush() {
  Result<void> flushed = store_->flush();
  if (!flushed) failed_ = true;
  return flushed;
}

// --- changes
// ---------------------------------------------------------------------------------------

Result<std::optional<StoredFragment>> FragmentIndex::Change::find(const FragmentId& id) const {
  if (const auto found = pending_.find(id); found != pending_.end()) return found->second;
  return index_.find(id);
}

VolumeUse& FragmentIndex::Change::use(std::uint32_t volume) {
  if (const auto found = uses_.find(volume); found != uses_.end()) return found->second;
  const std::lock_guard lock(index_.uses_mutex_);
  return uses_[volume] = index_.uses_[volume];
}

void FragmentIndex::Change::account(const StoredFragment& fragment, std::int64_t sign) {
  const bool trashed = fragment.state == FragmentState::trashed;
  for (const StoredRecord& record : fragment.records) {
    VolumeUse& volume = use(record.volume);
    add(trashed ? volume.trash_bytes : volume.live_bytes, record.record_bytes, sign);
  }
  VolumeUse& last = use(fragment.records.back().volume);
  add(trashed ? last.trash_fragments : last.live_fragments, 1, sign);
}

void FragmentIndex::Change::put(const FragmentId& id, const std::optional<StoredFragment>& before,
                                const StoredFragment& after) {
  STRATOS_ASSERT(!after.records.empty(), "a fragment has a record");
  if (before) {
    account(*before, -1);
    if (const auto key = due_key_of(id, *before)) batch_.remove(*key);
  }
  account(after, 1);
  if (const auto key = due_key_of(id, after)) batch_.put(*key, {});
  batch_.put(fragment_key(id), codec::encode(after));
  pending_[id] = after;
}

void FragmentIndex::Change::remove(const FragmentId& id, const StoredFragment& before) {
  account(before, -1);
  if (const auto key = due_key_of(id, before)) batch_.remove(*key);
  batch_.remove(fragment_key(id));
  for (const StoredRecord& record : before.records) {
    add_dead({record.place(), record.record_bytes});
  }
  pending_[id] = std::nullopt;
}

void FragmentIndex::Change::add_dead(const DeadRecord& record) {
  Bytes length;
  put_be(length, record.bytes);
  batch_.put(dead_key(record.place), length);
  add(use(record.place.volume).dead_bytes, record.bytes, 1);
}

void FragmentIndex::Change::forget_dead(const DeadRecord& record) {
  batch_.remove(dead_key(record.place));
  add(use(record.place.volume).dead_bytes, record.bytes, -1);
}

void FragmentIndex::Change::forget_volume(std::uint32_t volume) {
  uses_.erase(volume);
  forgotten_.push_back(volume);
  batch_.remove(volume_key(volume));
}

void FragmentIndex::Change::put_order(ByteView key, ByteView value) {
  batch_.put(order_key(key), value);
}
void FragmentIndex::Change::remove_order(ByteView key) { batch_.remove(order_key(key)); }

void FragmentIndex::Change::set_meta(std::string_view name, ByteView value) {
  batch_.put(meta_key(name), value);
}

Result<void> FragmentIndex::Change::write() {
  for (const auto& [volume, use] : uses_) batch_.put(volume_key(volume), codec::encode(use));
  if (Result<void> written = index_.store_->write(batch_); !written) {
    index_.failed_ = true;
    return written;
  }
  {
    const std::lock_guard lock(index_.recent_mutex_);
    ++index_.writes_;
    for (const auto& [id, after] : pending_) {
      if (Recent& slot = index_.slot_of(id); slot.id == id) slot = {};
    }
  }
  const std::lock_guard lock(index_.uses_mutex_);
  for (const auto& [volume, use] : uses_) index_.uses_[volume] = use;
  for (const std::uint32_t volume : forgotten_) index_.uses_.erase(volume);
  return {};
}

}  // namespace stratos::resource
