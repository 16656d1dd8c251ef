// FragmentIndex: where fragments are and what becomes of them, in a key-value store. Rebuilt from
// the volumes when it is lost. Keys: docs/formats/volume.md.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "codec/record.hpp"
#include "kv/store.hpp"
#include "resource/storage/volume_format.hpp"

namespace stratos::resource {

enum class FragmentState : std::uint8_t {
  leased = 1,   // nothing committed refers to it as far as the node knows
  kept = 2,     // a committed segment refers to it
  trashed = 3,  // waits to be purged; not served
};

// One record of a fragment in a volume.
struct StoredRecord {
  std::uint32_t volume = 0;
  std::uint64_t position = 0;
  std::uint32_t record_bytes = 0;
  std::uint64_t offset = 0;
  std::uint32_t data_at = 0;
  std::uint32_t data_bytes = 0;
  Place place() const { return {volume, position}; }
  static void fields(auto& self, auto&& field) {
    field(1, self.volume);
    field(2, self.position);
    field(3, self.record_bytes);
    field(4, self.offset);
    field(5, self.data_at);
    field(6, self.data_bytes);
  }
};

struct StoredFragment {
  static constexpr std::uint8_t kFormat = 1;
  FragmentState state = FragmentState::leased;
  bool corrupt = false;
  WallTime lease_until;
  WallTime purge_at;  // when trashed
  std::uint64_t length = 0;
  Hash root;
  ZoneId zone;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::vector<StoredRecord> records;  // in order of offset; the last one holds the seal
  std::uint32_t seal_at = 0;
  Bytes unknown;

  std::uint64_t record_bytes() const {
    std::uint64_t bytes = 0;
    for (const StoredRecord& record : records) bytes += record.record_bytes;
    return bytes;
  }
  // The same records at the same places.
  bool is_where(const StoredFragment& other) const {
    return std::ranges::equal(records, other.records, {}, &StoredRecord::place,
                              &StoredRecord::place);
  }
  static void fields(auto& self, auto&& field) {
    field(1, self.state);
    field(2, self.corrupt);
    field(3, self.lease_until);
    field(4, self.purge_at);
    field(5, self.length);
    field(6, self.root);
    field(7, self.zone);
    field(8, self.k);
    field(9, self.m);
    field(10, self.records);
    field(11, self.seal_at);
  }
};

// Bytes of one volume by what they are for.
struct VolumeUse {
  std::uint64_t live_bytes = 0;
  std::uint64_t trash_bytes = 0;
  std::uint64_t dead_bytes = 0;      // freed in the index, not yet punched
  std::uint64_t live_fragments = 0;  // sealed in this volume
  std::uint64_t trash_fragments = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.live_bytes);
    field(2, self.trash_bytes);
    field(3, self.dead_bytes);
    field(4, self.live_fragments);
    field(5, self.trash_fragments);
  }
};

struct DeadRecord {
  Place place;
  std::uint32_t bytes = 0;
};

// Reads are safe from any thread. Changes go through Change, one at a time.
class FragmentIndex {
 public:
  // A group of changes that take effect at once. Holds the index's lock from begin() to its end, so
  // that what it read stays true; nothing slow happens in between.
  class Change {
   public:
    Result<std::optional<StoredFragment>> find(const FragmentId& id) const;
    // `before` is what find() said.
    void put(const FragmentId& id, const std::optional<StoredFragment>& before,
             const StoredFragment& after);
    // Its records become dead.
    void remove(const FragmentId& id, const StoredFragment& before);
    void add_dead(const DeadRecord& record);
    void forget_dead(const DeadRecord& record);
    void forget_volume(std::uint32_t volume);
    void set_meta(std::string_view name, ByteView value);
    void put_order(ByteView key, ByteView value);
    void remove_order(ByteView key);
    Result<void> write();

   private:
    friend class FragmentIndex;
    explicit Change(FragmentIndex& index) : index_(index), lock_(index.mutex_) {}
    void account(const StoredFragment& fragment, std::int64_t sign);
    VolumeUse& use(std::uint32_t volume);

    FragmentIndex& index_;
    std::unique_lock<std::mutex> lock_;
    kv::Batch batch_;
    std::map<std::uint32_t, VolumeUse> uses_;
    std::vector<std::uint32_t> forgotten_;
    // Changes of this batch, visible to its own find().
    std::map<FragmentId, std::optional<StoredFragment>> pending_;
  };

  static Result<std::unique_ptr<FragmentIndex>> open(std::unique_ptr<kv::Store> store);

  Change begin() { return Change(*this); }
  Result<std::optional<StoredFragment>> find(const FragmentId& id) const;
  // The same, null for none, and cheap when it was asked for lately.
  Result<std::shared_ptr<const StoredFragment>> find_again(const FragmentId& id) const;
  Result<std::optional<Bytes>> get_meta(std::string_view name) const;
  Result<std::vector<Bytes>> list_orders(std::size_t limit) const;
  std::map<std::uint32_t, VolumeUse> uses() const;
  Result<std::vector<DeadRecord>> dead(std::size_t limit) const;
  // Fragments in order of id, behind `after`.
  struct Item {
    FragmentId id;
    StoredFragment fragment;
  };
  Result<std::vector<Item>> list(std::optional<FragmentId> after, std::size_t limit) const;
  // Leased fragments whose lease ends before `time`, and trashed ones to be purged before it, the
  // oldest first.
  Result<std::vector<FragmentId>> expired(WallTime time, std::size_t limit) const;
  Result<std::vector<FragmentId>> to_purge(WallTime time, std::size_t limit) const;

  // Makes everything so far durable.
  Result<void> flush();
  // A failed write or flush is final: open the index again.
  bool failed() const { return failed_; }
  std::uint64_t unflushed_bytes() const { return store_->unflushed_bytes(); }
  const kv::Store& store() const { return *store_; }

 private:
  explicit FragmentIndex(std::unique_ptr<kv::Store> store) : store_(std::move(store)) {}
  Result<void> load_uses();
  Result<std::vector<FragmentId>> due(char family, WallTime time, std::size_t limit) const;

  std::unique_ptr<kv::Store> store_;
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;  // held by the one Change
  // What find_again() said, each id in the one slot that it hashes to.
  struct Recent {
    FragmentId id;
    std::shared_ptr<const StoredFragment> fragment;
  };
  Recent& slot_of(const FragmentId& id) const;
  mutable std::mutex recent_mutex_;
  mutable std::array<Recent, 64> recent_;
  std::uint64_t writes_ = 0;  // of changes
  mutable std::mutex uses_mutex_;
  std::map<std::uint32_t, VolumeUse> uses_;
};

Bytes key_of(const FragmentId& id);
Result<FragmentId> fragment_of(ByteView bytes);

}  // namespace stratos::resource
