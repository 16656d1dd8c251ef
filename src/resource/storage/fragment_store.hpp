// FragmentStore: fragments on disk. Extents are appended to volumes, sealed fragments become
// durable in groups under one signature, deleted ones wait in the trash and are punched out. All
// calls block: services reach them through Runtime::offload. Files: docs/formats/volume.md.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/buffer.hpp"
#include "crypto/keys.hpp"
#include "meta/node_wire.hpp"
#include "meta/receipt.hpp"
#include "resource/storage/fragment_index.hpp"
#include "resource/storage/volume_set.hpp"

namespace stratos::resource {

struct StoreOptions {
  std::uint64_t volume_bytes = 1ULL << 30;
  // Bytes that the folder may take, everything included; 0: what the disk has.
  std::uint64_t capacity_bytes = 0;
  // Kept for deletes, compaction and the index; by default 1 % of the capacity, at least 256 MiB.
  std::optional<std::uint64_t> reserve_bytes;
  // Bytes of the same capacity that others use; outlives the store.
  const std::atomic<std::uint64_t>* beside_bytes = nullptr;
  std::size_t max_open_fragments = 1024;  // more: Errc::overloaded
  std::chrono::milliseconds open_idle = 5min;
  std::chrono::milliseconds lease = 24h;
  std::chrono::milliseconds trash = 24h;
  // The index is flushed when a restart would otherwise read more again.
  std::uint64_t flush_index_after = 6ULL << 20;
  kv::RocksOptions rocks{.write_buffer_bytes = 8ULL << 20, .block_cache_bytes = 8ULL << 20};
};

struct Append {
  FragmentId fragment;
  ZoneId zone;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::uint64_t offset = 0;
  Buffer data;
  bool seal = false;
  Hash root;
};
struct Appended {
  bool sealed = false;    // the next commit() returns its receipt
  bool repeated = false;  // was done before; nothing was written
};

struct ReadResult {
  Buffer data;
  std::uint64_t fragment_length = 0;
  Bytes groups;
};
struct FragmentInfo {
  std::uint64_t length = 0;
  Hash root;
  FragmentState state = FragmentState::leased;
};

// Bytes of disk by what they are for: used + trash + overhead = blocks of the folder when idle.
struct Usage {
  std::uint64_t used_bytes = 0;      // records of live fragments
  std::uint64_t trash_bytes = 0;     // records of trashed fragments
  std::uint64_t overhead_bytes = 0;  // volume headers, unsealed and dead records, index
  std::uint64_t free_bytes = 0;      // may still be stored, the reserve taken off
  std::uint64_t fragments = 0;       // live ones
};

struct FeedOutcome {
  std::uint64_t missing = 0;  // to be kept, but not here
};
struct UpkeepOutcome {
  std::uint64_t purged = 0;
  std::uint64_t punched_bytes = 0;
  std::uint64_t moved = 0;
  bool more = false;  // call again soon
};

class FragmentStore {
 public:
  // Opens or creates the store in `folder`, reading again what a crash left behind.
  // `salt_seed` is unpredictable to writers. `signer` outlives the store.
  static Result<std::unique_ptr<FragmentStore>> open(io::FileSystem& fs, std::string folder,
                                                     StoreOptions options,
                                                     const crypto::MachineSigner& signer,
                                                     std::uint64_t salt_seed);
  // VolumeSet::stored_formats() of the store in a folder.
  static Result<std::set<std::uint8_t>> stored_formats(io::FileSystem& fs,
                                                       const std::string& folder);
  ~FragmentStore();

  // Receipts name this node.
  void set_node(NodeId node) { node_ = node.value; }

  // Any thread; of one fragment one call at a time. Errc::store_full, Errc::extent_out_of_order,
  // Errc::fragment_sealed, Errc::hash_mismatch, Errc::overloaded, Errc::too_large.
  Result<Appended> append(const Append& request, WallTime now);
  // Makes what was sealed before the call durable and signs it: one sync, one signature. After
  // Errc::sync_failed the store refuses all writes: destroy it and open it again.
  // One thread at a time.
  Result<std::vector<meta::Receipt>> commit();

  // Any thread. [offset, offset + length) cut at the end of the fragment; with `verify` or
  // `with_tree` the bytes are checked against the tree: Errc::fragment_corrupt.
  Result<ReadResult> read(const FragmentId& id, std::uint64_t offset, std::uint32_t length,
                          bool with_tree, bool verify);
  // Reads a fragment, trashed ones too, and vouches for it: it is leased anew unless it is kept.
  // Errc::no_such_fragment, Errc::fragment_corrupt.
  Result<meta::Receipt> attest(const FragmentId& id, WallTime now);
  // Trashed fragments too. Errc::no_such_fragment.
  Result<FragmentInfo> stat(const FragmentId& id) const;
  // Reads all of a fragment; Errc::fragment_corrupt, and the fragment is marked.
  Result<void> verify(const FragmentId& id);

  // --- upkeep: any thread, one call at a time ---

  // Follows meta's feed and remembers `cursor` with it.
  Result<FeedOutcome> apply_feed(const std::vector<meta::FeedEntry>& entries, std::uint64_t cursor,
                                 WallTime now);
  // The end of the feed as far as it was applied, and as far as that is durable.
  std::uint64_t feed_cursor() const { return cursor_; }
  std::uint64_t durable_feed_cursor() const { return durable_cursor_; }
  // Leased fragments whose lease ended before `time`.
  Result<std::vector<FragmentId>> expired(WallTime time, std::size_t limit) const;
  // What meta said about expired fragments: `referenced` ones are kept, the others trashed when
  // their lease ended before `time`.
  Result<void> settle_expired(const std::vector<FragmentId>& asked,
                              const std::vector<FragmentId>& referenced, WallTime time,
                              WallTime now);
  Result<std::vector<FragmentIndex::Item>> list(std::optional<FragmentId> after,
                                                std::size_t limit) const;
  // Reconciliation: keeps those of `wanted` that are here and leases again those of
  // `unwanted` that were kept. Returns how many of `wanted` are missing.
  Result<std::uint64_t> reconcile(const std::vector<FragmentId>& wanted,
                                  const std::vector<FragmentId>& unwanted, WallTime now);
  // Closes idle open fragments, purges trash that is due, punches dead records, removes empty
  // volumes, empties mostly dead ones, flushes the index when due. A bounded amount of work.
  Result<UpkeepOutcome> upkeep(WallTime now);
  // The feed is followed from here on: after a reconciliation.
  Result<void> set_cursor(std::uint64_t cursor);
  Result<void> flush_index();

  Usage usage() const;
  // Asks the disk for what usage() cannot know: index files and the file system's own blocks.
  Result<void> measure();

  // A small value of the node's own beside the index, as durable as the index.
  Result<std::optional<Bytes>> get_note(std::string_view name) const;
  Result<void> set_note(std::string_view name, ByteView value);
  // Orders of the traffic ledger by key, beside the index and as durable as it.
  Result<std::vector<Bytes>> list_orders(std::size_t limit) const;
  Result<void> keep_orders(const std::vector<std::pair<Bytes, Bytes>>& puts,
                           const std::vector<Bytes>& removals);
  FragmentIndex& index() { return *index_; }
  // After a failed sync, write or index: the store acknowledges nothing any more.
  bool stopped() const;
  // Damaged fragments found since opening.
  std::uint64_t corrupt_found() const { return corrupt_found_; }
  enum class Damage : std::uint8_t { missing, rotten };
  // Fragments found so since the last call.
  std::map<FragmentId, Damage> take_damaged();
  // To be told again: nobody took notice.
  void note_damaged(const FragmentId& id, Damage damage);

 private:
  struct Open;    // a fragment that is being written
  struct Sealed;  // waits for commit()
  FragmentStore(io::FileSystem& fs, std::string folder, StoreOptions options,
                const crypto::MachineSigner& signer);

  // fragment_store.cpp
  Result<void> load(std::uint64_t salt_seed);
  Result<std::unique_ptr<FragmentIndex>> open_index();
  Result<Appended> append_again(const Append& request, const StoredFragment& stored, WallTime now);
  Result<Appended> repeat_in_open(const Append& request, const Open& open);
  Result<Open*> enter(const Append& request, WallTime now);
  Result<Appended> append_to(Open& open, const Append& request, WallTime now);
  Result<void> write_record(Open& open, const Append& request, const Seal* seal);
  Result<void> abandon(const FragmentId& id);
  Result<void> take_room(std::uint32_t record_bytes);
  Result<void> index_sealed(const std::vector<Sealed>& sealed);
  Result<std::vector<meta::Receipt>> sign(const std::vector<Sealed>& sealed,
                                          const std::vector<FragmentId>& again);
  Error write_error(Error error);
  Error stop(Error error);

  // fragment_read.cpp
  Result<std::shared_ptr<const StoredFragment>> find_live(const FragmentId& id) const;
  Result<ReadResult> read_stored(const StoredFragment& stored, std::uint64_t offset,
                                 std::uint64_t length, bool with_tree, bool verify);
  Result<Buffer> read_bytes(const StoredFragment& stored, std::uint64_t from, std::uint64_t to);
  Result<Seal> read_seal(const StoredFragment& stored);
  void mark_corrupt(const FragmentId& id, const StoredFragment& stored);

  // fragment_upkeep.cpp
  Result<void> close_idle(WallTime now);
  Result<void> purge(WallTime now, UpkeepOutcome& outcome);
  Result<void> punch_dead(UpkeepOutcome& outcome);
  Result<void> remove_empty_volumes();
  Result<void> compact(UpkeepOutcome& outcome);
  Result<std::uint64_t> move(const FragmentId& id, std::uint32_t volume);
  Result<void> copy_records(const FragmentId& id, const StoredFragment& stored, const Seal& seal,
                            StoredFragment& copy);
  Result<void> replace_moved(const FragmentId& id, const StoredFragment& stored,
                             const StoredFragment& copy, bool whole);

  io::FileSystem& fs_;
  std::string folder_;
  StoreOptions options_;
  const crypto::MachineSigner& signer_;
  std::atomic<std::uint32_t> node_{0};
  std::unique_ptr<VolumeSet> volumes_;
  std::unique_ptr<FragmentIndex> index_;
  std::unique_ptr<VolumeLog> log_;

  mutable std::mutex mutex_;  // the fields below; never held during I/O
  std::unordered_map<FragmentId, std::unique_ptr<Open>> open_;
  std::vector<Sealed> sealed_;
  std::vector<FragmentId> again_;     // sealed before, asked for another receipt
  std::uint64_t open_bytes_ = 0;      // records of fragments that no commit has covered
  std::uint64_t room_ = 0;            // bytes of new records until the next measure()
  std::uint64_t measured_bytes_ = 0;  // disk in use that the index does not count
  std::optional<Error> stopped_;
  std::map<FragmentId, Damage> damaged_;

  std::atomic<std::uint64_t> cursor_{0};
  std::atomic<std::uint64_t> durable_cursor_{0};
  // Moves on before records are punched or volumes removed: a read that overlaps looks again.
  std::atomic<std::uint64_t> punches_{0};
  std::atomic<std::uint64_t> corrupt_found_{0};
};

}  // namespace stratos::resource
