// IndexMachine: the meta layer's state machine. Entries are signed batches of commands; the state
// is a key-value store; the root is chained over an incremental multiset hash of it.
#pragma once
#include <memory>
#include <optional>
#include <unordered_set>

#include "kv/store.hpp"
#include "meta/state.hpp"
#include "meta/upload_commands.hpp"
#include "ordering/state_machine.hpp"

namespace stratos::meta {

// Used from one executor, except flush() and query(), which any thread may call.
class IndexMachine final : public ordering::StateMachine {
 public:
  // `store` outlives the machine. Errc::store_corrupt.
  static Result<std::unique_ptr<IndexMachine>> open(kv::Store& store);

  // What a store says of itself, without opening it as a machine: Errc::unknown_format. A format of
  // 0 when nothing is stored yet.
  struct Stored {
    std::uint32_t format = 0;
    Params params;
  };
  static Result<Stored> examine(const kv::Reader& store);

  ordering::Info info() const override { return {head_.height, head_.root, kFormat}; }
  Result<Hash> init(const ordering::Genesis& genesis) override;
  Result<void> admit(ByteView entry) const override;
  std::vector<Bytes> build(std::vector<Bytes> candidates, std::size_t max_bytes) const override;
  bool check(const ordering::Block& block) const override;
  Result<ordering::Applied> apply(const ordering::Block& block) override;
  Result<void> commit() override;
  Result<void> flush() override { return store_.flush(); }
  std::uint64_t unflushed_bytes() const override { return store_.unflushed_bytes(); }
  Result<Bytes> query(std::string_view path, ByteView request) const override;
  std::unique_ptr<ordering::PinnedState> pin() const override;
  std::vector<ordering::Snapshot> list_snapshots() const override;
  Result<Bytes> load_chunk(const ordering::Snapshot& snapshot, std::uint32_t chunk) const override;
  ordering::Offer offer(const ordering::Snapshot& snapshot) override;
  Result<void> apply_chunk(std::uint32_t chunk, ByteView data) override;

  // Whether the signatures inside one item hold. An entry with an item that fails is refused whole.
  Result<void> admit_item(const Item& item) const;

  // Ordered time of the last commit.
  WallTime time() const { return head_.time; }
  const Params& params() const { return params_; }

 private:
  static constexpr std::uint32_t kFormat = 4;

  // The machine's own row: where it stands.
  struct Head {
    static constexpr std::uint8_t kFormat = 4;
    Height height;
    Hash root;
    WallTime time;
    Bytes hash_state;
    static void fields(auto& self, auto&& field) {
      field(1, self.height);
      field(2, self.root);
      field(3, self.time);
      field(4, self.hash_state);
    }
  };
  struct Pending {
    Head head;
    kv::Batch batch;
    crypto::LtHash hash;
    std::optional<Params> params;  // when a command changed them
  };
  struct PinnedSnapshot;
  struct Restore;

  explicit IndexMachine(kv::Store& store) : store_(store) {}
  Result<void> load_head();
  Result<void> load_params();
  ordering::EntryResult apply_entry(State& state, const ordering::Block& block, ByteView bytes,
                                    std::uint32_t& index, Bytes& remembered);
  ItemResult apply_item(State& state, const ordering::Block& block, const Item& item,
                        std::uint32_t index, Bytes& remembered);
  Pending make_pending(const State& state, Height height, WallTime time);
  Result<void> restore_rows(ByteView data);
  Result<void> finish_restore();
  Result<void> wipe();
  Result<void> verify_receipt_cached(const Receipt& receipt) const;

  kv::Store& store_;
  Head head_;
  crypto::LtHash hash_;
  Params params_;
  std::optional<Pending> pending_;
  mutable std::unordered_set<Hash> verified_groups_;
  mutable std::shared_ptr<const PinnedSnapshot> pinned_;
  std::shared_ptr<Restore> restore_;
};

// The params record as a genesis state.
Bytes encode_genesis(const Params& params);
// Signs a batch of items as an entry.
Bytes make_entry(const std::vector<Item>& items, const crypto::MachineSigner& signer);
Result<std::vector<ItemResult>> parse_results(ByteView value);

}  // namespace stratos::meta
