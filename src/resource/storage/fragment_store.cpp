#include "resource/storage/fragment_store.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "resource/storage/fragment_store_internal.hpp"
#include "resource/storage/recovery.hpp"
#include "resource/storage/wire.hpp"

namespace stratos::resource {
namespace {

constexpr std::uint64_t kMinReserveBytes = 256ULL << 20;

std::string index_folder(const std::string& folder) { return folder + "/index"; }
std::string volume_folder(const std::string& folder) { return folder + "/volumes"; }

std::unexpected<Error> out_of_order(std::uint64_t expected) {
  return fail(Errc::extent_out_of_order, "expected offset " + std::to_string(expected));
}

Result<void> check_size(const Append& request) {
  if (request.data.size() > kMaxExtentBytes ||
      request.offset > kMaxFragmentBytes - request.data.size()) {
    return fail(Errc::too_large, "extent or fragment too large");
  }
  if (request.data.empty() && !request.seal) {
    return fail(Errc::invalid_argument, "an extent without bytes");
  }
  return {};
}

meta::Receipt receipt_for(NodeId node, const FragmentId& id, const StoredFragment& stored) {
  meta::Receipt receipt;
  receipt.node = node;
  receipt.fragment = id;
  receipt.root = stored.root;
  receipt.length = stored.length;
  receipt.lease_until = stored.lease_until;
  return receipt;
}

}  // namespace

FragmentStore::FragmentStore(io::FileSystem& fs, std::string folder, StoreOptions options,
                             const crypto::MachineSigner& signer)
    : fs_(fs), folder_(std::move(folder)), options_(options), signer_(signer) {}
FragmentStore::~FragmentStore() = default;

// --- opening
// ---------------------------------------------------------------------------------------

Result<std::set<std::uint8_t>> FragmentStore::stored_formats(io::FileSystem& fs,
                                                             const std::string& folder) {
  return VolumeSet::stored_formats(fs, volume_folder(folder));
}

Result<std::unique_ptr<FragmentStore>> FragmentStore::open(io::FileSystem& fs, std::string folder,
                                                           StoreOptions options,
                                                           const crypto::MachineSigner& signer,
                                                           std::uint64_t salt_seed) {
  std::unique_ptr<FragmentStore> store(new FragmentStore(fs, std::move(folder), options, signer));
  STRATOS_CHECK(store->load(salt_seed));
  return store;
}

Result<void> FragmentStore::load(std::uint64_t salt_seed) {
  STRATOS_CHECK(fs_.make_dirs(folder_));
  STRATOS_TRY(volumes_, VolumeSet::open(fs_, volume_folder(folder_), salt_seed));
  STRATOS_TRY(index_, open_index());
  STRATOS_TRY(const Recovered recovered, recover(*volumes_, *index_));
  log_ = std::make_unique<VolumeLog>(*volumes_, options_.volume_bytes, recovered.end);
  STRATOS_TRY(const auto cursor, index_->get_meta(kCursorNote));
  if (cursor && cursor->size() == 8) {
    cursor_ = durable_cursor_ = get_be<std::uint64_t>(*cursor);
  }
  log::info("storage.opened", {{"folder", folder_},
                               {"records_read", recovered.records},
                               {"fragments_found", recovered.fragments},
                               {"fragments_torn", recovered.torn}});
  return measure();
}

// The volumes are the truth: a damaged index is built anew.
Result<std::unique_ptr<FragmentIndex>> FragmentStore::open_index() {
  const std::string folder = index_folder(folder_);
  auto store = kv::open_rocks(fs_, folder, options_.rocks);
  if (!store && store.error().code() == Errc::store_corrupt) {
    log::error("storage.index_damaged", {{"folder", folder}, {"error", store.error().to_string()}});
    STRATOS_TRY(const auto names, fs_.list(folder));
    for (const std::string& name : names) STRATOS_CHECK(fs_.remove(folder + "/" + name));
    store = kv::open_rocks(fs_, folder, options_.rocks);
  }
  if (!store) return fail(std::move(store).error());
  return FragmentIndex::open(std::move(*store));
}

// --- appending
// -------------------------------------------------------------------------------------

Result<Appended> FragmentStore::append(const Append& request, WallTime now) {
  STRATOS_CHECK(check_size(request));
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return fail(Errc::unavailable, "the store has to be opened again", *stopped_);
    if (const auto found = open_.find(request.fragment); found != open_.end()) {
      Open& open = *found->second;
      if (open.busy) return out_of_order(open.next);
      if (open.sealed || request.offset != open.next) return repeat_in_open(request, open);
    }
  }
  STRATOS_TRY(Open* const open, enter(request, now));
  if (open == nullptr) {
    STRATOS_TRY(const auto stored, index_->find(request.fragment));
    STRATOS_ASSERT(stored.has_value(), "a stored fragment");
    return append_again(request, *stored, now);
  }
  Result<Appended> appended = append_to(*open, request, now);
  if (!appended) STRATOS_CHECK(abandon(request.fragment));
  return appended;
}

// The state of a fragment that is being written, marked busy; null when it is stored already.
Result<FragmentStore::Open*> FragmentStore::enter(const Append& request, WallTime now) {
  const auto claim = [&](Open& open) {
    open.busy = true;
    open.touched = now;
    return &open;
  };
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(request.fragment); found != open_.end()) {
      if (found->second->busy || found->second->next != request.offset) {
        return out_of_order(found->second->next);
      }
      return claim(*found->second);
    }
  }
  STRATOS_TRY(const auto stored, index_->find(request.fragment));
  if (stored && !stored->corrupt) return static_cast<Open*>(nullptr);
  if (request.offset != 0) return out_of_order(0);
  const std::lock_guard lock(mutex_);
  if (open_.contains(request.fragment)) return out_of_order(0);
  if (open_.size() >= options_.max_open_fragments) {
    return fail(Errc::overloaded, "too many fragments are being written");
  }
  auto& open = open_[request.fragment] = std::make_unique<Open>();
  open->zone = request.zone;
  open->k = request.k;
  open->m = request.m;
  return claim(*open);
}

// Called under the lock.
Result<Appended> FragmentStore::repeat_in_open(const Append& request, const Open& open) {
  if (request.offset + request.data.size() > open.next) return out_of_order(open.next);
  if (!request.seal) return Appended{false, true};
  if (!open.sealed) return out_of_order(open.next);
  if (request.root != open.root) return fail(Errc::fragment_sealed, "sealed with another root");
  again_.push_back(request.fragment);
  return Appended{true, true};
}

Result<Appended> FragmentStore::append_again(const Append& request, const StoredFragment& stored,
                                             WallTime now) {
  if (request.offset + request.data.size() > stored.length) {
    return fail(Errc::fragment_sealed, "the fragment is shorter");
  }
  if (!request.seal) return Appended{false, true};
  if (request.root != stored.root) return fail(Errc::fragment_sealed, "sealed with another root");
  const bool stale =
      stored.state == FragmentState::trashed ||
      (stored.state == FragmentState::leased && stored.lease_until < now + options_.lease / 2);
  if (stale) {
    FragmentIndex::Change change = index_->begin();
    STRATOS_TRY(const auto before, change.find(request.fragment));
    if (!before) return fail(Errc::unavailable, "the fragment was purged just now");
    StoredFragment after = *before;
    after.state = FragmentState::leased;
    after.lease_until = now + options_.lease;
    change.put(request.fragment, before, after);
    STRATOS_CHECK(change.write());
  }
  const std::lock_guard lock(mutex_);
  again_.push_back(request.fragment);
  return Appended{true, true};
}

Result<Appended> FragmentStore::append_to(Open& open, const Append& request, WallTime now) {
  open.hasher.update(request.data.view());
  std::optional<Seal> seal;
  if (request.seal) {
    crypto::TreeHasher::Tree tree = open.hasher.finish();
    if (tree.root != request.root) {
      return fail(Errc::hash_mismatch, "the fragment's root is " + tree.root.hex());
    }
    seal = Seal{open.next + request.data.size(), tree.root, now + options_.lease,
                std::move(tree.groups)};
  }
  STRATOS_CHECK(write_record(open, request, seal ? &*seal : nullptr));

  const std::lock_guard lock(mutex_);
  open.next += request.data.size();
  open.busy = false;
  if (!seal) return Appended{};
  open.sealed = true;
  open.root = seal->root;
  sealed_.push_back(Sealed{request.fragment, open.stored(*seal)});
  return Appended{true, false};
}

Result<void> FragmentStore::write_record(Open& open, const Append& request, const Seal* seal) {
  const auto data_bytes = static_cast<std::uint32_t>(request.data.size());
  const RecordLayout layout =
      plan_record(data_bytes, seal == nullptr ? 0 : seal_size(seal->length));
  STRATOS_CHECK(take_room(layout.record_bytes));
  Result<VolumeLog::Slot> reserved = log_->reserve(layout.record_bytes, open.records.empty());
  if (!reserved) return fail(write_error(std::move(reserved).error()));
  const VolumeLog::Slot& slot = *reserved;
  {
    const std::lock_guard lock(mutex_);
    open_bytes_ += layout.record_bytes;
  }
  open.records.push_back({slot.volume->number, slot.position, layout.record_bytes, request.offset,
                          layout.data_at, data_bytes});
  open.seal_at = layout.seal_at;
  RecordHeader header;
  header.fragment = request.fragment;
  header.zone = request.zone;
  header.k = request.k;
  header.m = request.m;
  header.offset = request.offset;
  Result<void> written = log_->write(slot, header, seal, request.data.view());
  if (!written) return fail(write_error(std::move(written).error()));
  return {};
}

// A full disk refuses new data; anything else ends the store.
Error FragmentStore::write_error(Error error) {
  if (error.code() != Errc::disk_full) return stop(std::move(error));
  return Error(Errc::store_full, "the disk is full", std::move(error));
}

Result<void> FragmentStore::take_room(std::uint32_t record_bytes) {
  const std::lock_guard lock(mutex_);
  if (room_ < record_bytes) return fail(Errc::store_full, "no room left on this node");
  room_ -= record_bytes;
  return {};
}

// Gives up a fragment that is not sealed; the caller owns it (busy).
Result<void> FragmentStore::abandon(const FragmentId& id) {
  std::unique_ptr<Open> open;
  {
    const std::lock_guard lock(mutex_);
    open = std::move(open_.extract(id).mapped());
    open_bytes_ -= open->record_bytes();
  }
  if (open->records.empty()) return {};
  FragmentIndex::Change change = index_->begin();
  for (const StoredRecord& record : open->records) {
    change.add_dead({record.place(), record.record_bytes});
  }
  log_->unpin(open->records.front().place());
  change.set_meta(kMarkNote, encode_place(log_->mark()));
  if (Result<void> written = change.write(); !written) {
    return fail(stop(std::move(written).error()));
  }
  return {};
}

Error FragmentStore::stop(Error error) {
  log::error("storage.stopped", {{"folder", folder_}, {"error", error.to_string()}});
  const std::lock_guard lock(mutex_);
  if (!stopped_) stopped_ = error;
  return error;
}

// --- committing
// ------------------------------------------------------------------------------------

Result<std::vector<meta::Receipt>> FragmentStore::commit() {
  std::vector<Sealed> sealed;
  std::vector<FragmentId> again;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return fail(*stopped_);
    sealed.swap(sealed_);
    again.swap(again_);
  }
  if (!sealed.empty()) {
    if (Result<void> synced = log_->sync(); !synced) return fail(stop(std::move(synced).error()));
    if (Result<void> written = index_sealed(sealed); !written) {
      return fail(stop(std::move(written).error()));
    }
  }
  return sign(sealed, again);
}

Result<void> FragmentStore::index_sealed(const std::vector<Sealed>& sealed) {
  FragmentIndex::Change change = index_->begin();
  for (const Sealed& item : sealed) {
    STRATOS_TRY(const auto before, change.find(item.id));
    if (before) change.remove(item.id, *before);  // it was corrupt
    change.put(item.id, std::nullopt, item.stored);
    log_->unpin(item.stored.records.front().place());
  }
  change.set_meta(kMarkNote, encode_place(log_->mark()));
  change.set_meta(kDurableNote, encode_place(log_->durable()));
  STRATOS_CHECK(change.write());
  const std::lock_guard lock(mutex_);
  for (const Sealed& item : sealed) {
    const auto found = open_.find(item.id);
    open_bytes_ -= found->second->record_bytes();
    open_.erase(found);
  }
  return {};
}

Result<std::vector<meta::Receipt>> FragmentStore::sign(const std::vector<Sealed>& sealed,
                                                       const std::vector<FragmentId>& again) {
  const NodeId node(node_.load());
  std::vector<meta::Receipt> receipts;
  receipts.reserve(sealed.size() + again.size());
  for (const Sealed& item : sealed) receipts.push_back(receipt_for(node, item.id, item.stored));
  for (const FragmentId& id : again) {
    STRATOS_TRY(const auto stored, index_->find(id));
    if (stored) receipts.push_back(receipt_for(node, id, *stored));
  }
  meta::sign_receipts(receipts, signer_);
  return receipts;
}

Result<meta::Receipt> FragmentStore::attest(const FragmentId& id, WallTime now) {
  {
    FragmentIndex::Change change = index_->begin();
    STRATOS_TRY(const auto before, change.find(id));
    if (!before) return fail(Errc::no_such_fragment, to_string(id));
    StoredFragment after = *before;
    if (after.state == FragmentState::trashed) after.state = FragmentState::leased;
    after.lease_until = now + options_.lease;
    change.put(id, before, after);
    STRATOS_CHECK(change.write());
  }
  STRATOS_CHECK(verify(id));
  STRATOS_TRY(const auto stored, find_live(id));
  meta::Receipt receipt = receipt_for(NodeId(node_.load()), id, *stored);
  meta::sign_receipts({&receipt, 1}, signer_);
  return receipt;
}

// --- space
// -----------------------------------------------------------------------------------------

Usage FragmentStore::usage() const {
  Usage usage;
  std::uint64_t dead = 0;
  for (const auto& [volume, use] : index_->uses()) {
    usage.used_bytes += use.live_bytes;
    usage.trash_bytes += use.trash_bytes;
    usage.fragments += use.live_fragments;
    dead += use.dead_bytes;
  }
  const std::lock_guard lock(mutex_);
  usage.overhead_bytes =
      volumes_->numbers().size() * kBlockBytes + dead + open_bytes_ + measured_bytes_;
  usage.free_bytes = room_;
  return usage;
}

Result<void> FragmentStore::measure() {
  std::uint64_t on_disk = 0;
  for (const std::uint32_t number : volumes_->numbers()) {
    STRATOS_TRY(const auto volume, volumes_->get(number));
    STRATOS_TRY(const std::uint64_t bytes, volume->file->allocated_bytes());
    on_disk += bytes;
  }
  const std::string folder = index_folder(folder_);
  STRATOS_TRY(const auto names, fs_.list(folder));
  for (const std::string& name : names) {
    const auto file = fs_.open(folder + "/" + name, io::OpenMode::read);
    if (!file) continue;  // RocksDB removes files at any time
    STRATOS_TRY(const std::uint64_t bytes, (*file)->allocated_bytes());
    on_disk += bytes;
  }
  STRATOS_TRY(const std::uint64_t disk_free, volumes_->free_bytes());

  Usage now = usage();
  const std::lock_guard lock(mutex_);
  const std::uint64_t counted =
      now.used_bytes + now.trash_bytes + now.overhead_bytes - measured_bytes_;
  measured_bytes_ = on_disk > counted ? on_disk - counted : 0;
  const std::uint64_t beside = options_.beside_bytes == nullptr ? 0 : options_.beside_bytes->load();
  const std::uint64_t taken = std::max(on_disk, counted) + beside;
  // A disk without a limit says so with the greatest number.
  const std::uint64_t most = disk_free + std::min(taken, ~disk_free);
  const std::uint64_t capacity = options_.capacity_bytes == 0 ? most : options_.capacity_bytes;
  const std::uint64_t reserve =
      options_.reserve_bytes.value_or(std::max(capacity / 100, kMinReserveBytes));
  const std::uint64_t left = std::min(capacity - std::min(capacity, taken), disk_free);
  room_ = left - std::min(left, reserve);
  return {};
}

// --- notes
// -----------------------------------------------------------------------------------------

Result<void> FragmentStore::flush_index() {
  const std::uint64_t cursor = cursor_;
  STRATOS_CHECK(index_->flush());
  durable_cursor_ = cursor;
  return {};
}

Result<std::optional<Bytes>> FragmentStore::get_note(std::string_view name) const {
  return index_->get_meta("note." + std::string(name));
}

Result<void> FragmentStore::set_note(std::string_view name, ByteView value) {
  FragmentIndex::Change change = index_->begin();
  change.set_meta("note." + std::string(name), value);
  return change.write();
}

bool FragmentStore::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_.has_value() || index_->failed();
}

Result<std::vector<Bytes>> FragmentStore::list_orders(std::size_t limit) const {
  return index_->list_orders(limit);
}

Result<void> FragmentStore::keep_orders(const std::vector<std::pair<Bytes, Bytes>>& puts,
                                        const std::vector<Bytes>& removals) {
  FragmentIndex::Change change = index_->begin();
  for (const auto& [key, value] : puts) change.put_order(key, value);
  for (const Bytes& key : removals) change.remove_order(key);
  return change.write();
}

}  // namespace stratos::resource
