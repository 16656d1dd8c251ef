#include "meta/index_machine.hpp"

#include <algorithm>

#include "base/assert.hpp"

#include "meta/inventory_pages.hpp"
#include "meta/keys.hpp"
#include "meta/queries.hpp"
#include "meta/verbs_settle.hpp"

namespace stratos::meta {
namespace {

constexpr std::size_t kSweepBudget = 2048;
constexpr std::size_t kVerifiedGroupsKept = 65'536;

Bytes head_key() { return keys::named(keys::Family::machine, "head"); }

Hash chain_root(const Hash& before, Height height, const Hash& digest) {
  Bytes input = to_bytes(as_bytes("stratos.root.v1"));
  append(input, before.view());
  put_be(input, height.value);
  append(input, digest.view());
  return crypto::blake3(input);
}

// A key that takes the place of a meta node's says so itself, and nothing else yet.
bool takes_a_seat(const Entry& entry, const Params& params) {
  const auto list = codec::decode<ItemList>(entry.items);
  if (!list || list->items.size() != 1 || list->items[0].verb != Verb::rotate_meta_key) {
    return false;
  }
  const auto command = codec::decode<RotateMetaKey>(list->items[0].command);
  return command && check_chain(command->chain) &&
         command->chain.links.back().next == entry.submitter &&
         seat_of(command->chain, params.meta_keys) < params.meta_keys.size();
}

Result<Entry> open_entry(ByteView bytes, const Params& params) {
  if (bytes.size() > ordering::kMaxEntryBytes) return fail(Errc::too_large, "entry");
  STRATOS_TRY(Entry entry, codec::decode<Entry>(bytes));
  const bool listed =
      std::ranges::find(params.meta_keys, entry.submitter) != params.meta_keys.end();
  if (!listed && !takes_a_seat(entry, params)) {
    return fail(Errc::peer_not_trusted, "submitter is no meta node");
  }
  return entry;
}

}  // namespace

Bytes encode_genesis(const Params& params) { return codec::encode(params); }

Bytes make_entry(const std::vector<Item>& items, const crypto::MachineSigner& signer) {
  ItemList list;
  list.items = items;
  Entry entry;
  entry.submitter = signer.public_key();
  entry.items = codec::encode(list);
  entry.signature = signer.sign(Entry::kDomain, entry.items);
  return codec::encode(entry);
}

Result<std::vector<ItemResult>> parse_results(ByteView value) {
  STRATOS_TRY(ItemResults results, codec::decode<ItemResults>(value));
  return std::move(results.results);
}

Result<std::unique_ptr<IndexMachine>> IndexMachine::open(kv::Store& store) {
  std::unique_ptr<IndexMachine> machine(new IndexMachine(store));
  STRATOS_CHECK(machine->load_head());
  STRATOS_CHECK(machine->load_params());
  return machine;
}

Result<IndexMachine::Stored> IndexMachine::examine(const kv::Reader& store) {
  Stored stored;
  STRATOS_TRY(const std::optional<Bytes> head, store.get(head_key()));
  if (!head) return stored;
  STRATOS_CHECK(codec::decode<Head>(*head));
  stored.format = Head::kFormat;
  STRATOS_TRY(const std::optional<Bytes> params, store.get(keys::of(keys::Family::params)));
  if (!params) return fail(Errc::store_corrupt, "an index without parameters");
  STRATOS_TRY(stored.params, codec::decode<Params>(*params));
  return stored;
}

Result<void> IndexMachine::load_head() {
  STRATOS_TRY(const std::optional<Bytes> bytes, store_.get(head_key()));
  if (!bytes) return {};
  STRATOS_TRY(head_, codec::decode<Head>(*bytes));
  STRATOS_TRY(hash_, crypto::LtHash::from_state(head_.hash_state));
  return {};
}

Result<void> IndexMachine::load_params() {
  STRATOS_TRY(const std::optional<Bytes> bytes, store_.get(keys::of(keys::Family::params)));
  if (!bytes) return {};
  STRATOS_TRY(params_, codec::decode<Params>(*bytes));
  return {};
}

Result<Hash> IndexMachine::init(const ordering::Genesis& genesis) {
  // A first state that survived counts: a log that begins with its root may be there too.
  if (!head_.root.is_zero()) return head_.root;
  STRATOS_TRY(Params params, codec::decode<Params>(genesis.state));
  STRATOS_CHECK(check_params(params));
  STRATOS_CHECK(wipe());
  State state(store_);
  params.network = genesis.network;
  state.store(keys::of(keys::Family::params), params);
  Pending pending = make_pending(state, Height(0), genesis.time);
  STRATOS_CHECK(state.status());
  STRATOS_CHECK(store_.write(pending.batch));
  head_ = pending.head;
  hash_ = pending.hash;
  params_ = std::move(params);
  return head_.root;
}

Result<void> IndexMachine::admit(ByteView bytes) const {
  STRATOS_TRY(const Entry entry, open_entry(bytes, params_));
  STRATOS_CHECK(crypto::verify(entry.submitter, Entry::kDomain, entry.items, entry.signature));
  STRATOS_TRY(const ItemList list, codec::decode<ItemList>(entry.items));
  for (const Item& item : list.items) STRATOS_CHECK(admit_item(item));
  return {};
}

Result<void> IndexMachine::admit_item(const Item& item) const {
  const auto check_all = [this](const std::vector<SegmentCommit>& segments) -> Result<void> {
    for (const SegmentCommit& segment : segments) {
      for (const Receipt& receipt : segment.receipts) {
        STRATOS_CHECK(verify_receipt_cached(receipt));
      }
    }
    return {};
  };
  if (item.verb == Verb::put_object) {
    STRATOS_TRY(const PutObject command, codec::decode<PutObject>(item.command));
    return check_all(command.segments);
  }
  if (item.verb == Verb::put_part) {
    STRATOS_TRY(const PutPart command, codec::decode<PutPart>(item.command));
    return check_all(command.segments);
  }
  if (item.verb == Verb::commit_segments) {
    STRATOS_TRY(const CommitSegments command, codec::decode<CommitSegments>(item.command));
    return check_all(command.segments);
  }
  if (item.verb == Verb::register_node) {
    STRATOS_TRY(const RegisterNode command, codec::decode<RegisterNode>(item.command));
    if (!command.succession) return {};
    return verify_succession(*command.succession, command.key);
  }
  if (item.verb == Verb::add_holder) {
    STRATOS_TRY(const AddHolder command, codec::decode<AddHolder>(item.command));
    return verify_receipt_cached(command.receipt);
  }
  if (item.verb == Verb::rotate_meta_key) {
    STRATOS_TRY(const RotateMetaKey command, codec::decode<RotateMetaKey>(item.command));
    return verify_chain(command.chain);
  }
  if (item.verb == Verb::attach_holders) {
    STRATOS_TRY(const AttachHolders command, codec::decode<AttachHolders>(item.command));
    for (const Receipt& receipt : command.receipts) STRATOS_CHECK(verify_receipt_cached(receipt));
    return {};
  }
  return admit_settlement(State(store_), item);
}

// One signature covers a whole group commit of a node, so most receipts need only hashes.
Result<void> IndexMachine::verify_receipt_cached(const Receipt& receipt) const {
  STRATOS_TRY(const Hash root,
              root_from_path(receipt_leaf(receipt), receipt.leaf, receipt.leaves, receipt.path));
  Bytes group = receipt_message(receipt.node, root);
  append(group, receipt.signer.view());
  append(group, receipt.signature.view());
  const Hash id = crypto::blake3(group);
  if (verified_groups_.contains(id)) return {};
  STRATOS_CHECK(verify_receipt(receipt));
  if (verified_groups_.size() >= kVerifiedGroupsKept) verified_groups_.clear();
  verified_groups_.insert(id);
  return {};
}

std::vector<Bytes> IndexMachine::build(std::vector<Bytes> candidates, std::size_t max_bytes) const {
  std::size_t used = 0;
  std::size_t count = 0;
  while (count < candidates.size() && used + candidates[count].size() <= max_bytes) {
    used += candidates[count++].size();
  }
  candidates.resize(count);
  return candidates;
}

bool IndexMachine::check(const ordering::Block& block) const {
  if (block.height.value != head_.height.value + 1 || block.time < head_.time) return false;
  return std::ranges::all_of(block.entries,
                             [this](const Bytes& entry) { return admit(entry).has_value(); });
}

Result<ordering::Applied> IndexMachine::apply(const ordering::Block& block) {
  STRATOS_ASSERT(block.height.value == head_.height.value + 1, "blocks are applied in order");
  pending_.reset();
  State state(store_);
  ordering::Applied applied;
  std::uint32_t index = 0;
  Bytes remembered;
  for (const Bytes& entry : block.entries) {
    applied.results.push_back(apply_entry(state, block, entry, index, remembered));
  }
  Context context{state, params_, block.height, index, block.time};
  if (!remembered.empty()) {
    state.put_new(keys::results_of(block.height), std::move(remembered));
    Bytes subject;
    put_be(subject, block.height.value);
    const WallTime forget = block.time + std::chrono::milliseconds(params_.idempotency_ms);
    state.put(keys::due(forget, DueKind::forget_results, subject), {});
  }
  sweep(context, kSweepBudget);
  settle_inventories(state);
  pending_ = make_pending(state, block.height, block.time);
  if (const Result<void> status = state.status(); !status) {
    pending_.reset();
    return fail(status.error());
  }
  applied.root = pending_->head.root;
  return applied;
}

ordering::EntryResult IndexMachine::apply_entry(State& state, const ordering::Block& block,
                                                ByteView bytes, std::uint32_t& index,
                                                Bytes& remembered) {
  ordering::EntryResult result;
  const Result<Entry> entry = open_entry(bytes, params_);
  const Result<ItemList> list =
      entry ? codec::decode<ItemList>(entry->items) : Result<ItemList>(fail(entry.error()));
  if (!list) {
    result.code = list.error().code();
    return result;
  }
  ItemResults results;
  for (const Item& item : list->items) {
    results.results.push_back(apply_item(state, block, item, index++, remembered));
  }
  result.value = codec::encode(results);
  return result;
}

ItemResult IndexMachine::apply_item(State& state, const ordering::Block& block, const Item& item,
                                    std::uint32_t index, Bytes& remembered) {
  const Bytes result_key = keys::result(item.id);
  if (!item.id.is_zero()) {
    if (const auto first = state.load<ItemResult>(result_key)) return *first;
  }
  Context context{state, params_, block.height, index, block.time};
  state.begin();
  const Result<Bytes> value = execute(context, item.verb, item.command);
  ItemResult result;
  if (value) {
    result.value = *value;
  } else {
    state.rollback();
    result.code = static_cast<std::uint16_t>(value.error().code());
  }
  if (!item.id.is_zero()) {
    state.store(result_key, result);
    append(remembered, item.id.view());
  }
  return result;
}

IndexMachine::Pending IndexMachine::make_pending(const State& state, Height height, WallTime time) {
  Pending pending;
  pending.hash = hash_;
  state.update_hash(pending.hash);
  pending.head.height = height;
  pending.head.time = time;
  // Empty blocks leave the root unchanged.
  pending.head.root =
      state.changes().empty() ? head_.root : chain_root(head_.root, height, pending.hash.digest());
  pending.head.hash_state = to_bytes(pending.hash.state());
  const Bytes params_key = keys::of(keys::Family::params);
  for (const auto& [key, value] : state.changes()) {
    if (value) {
      if (key == params_key) pending.params = state.load<Params>(params_key);
      pending.batch.put(key, *value);
    } else {
      pending.batch.remove(key);
    }
  }
  pending.batch.put(head_key(), codec::encode(pending.head));
  return pending;
}

Result<void> IndexMachine::commit() {
  STRATOS_ASSERT(pending_.has_value(), "commit follows apply");
  STRATOS_CHECK(store_.write(pending_->batch));
  head_ = std::move(pending_->head);
  hash_ = pending_->hash;
  if (pending_->params) params_ = std::move(*pending_->params);
  pending_.reset();
  return {};
}

Result<Bytes> IndexMachine::query(std::string_view path, ByteView request) const {
  return run_query(*store_.snapshot(), path, request);
}

// --- snapshots -----------------------------------------------------------------------------------

// A chunk is a run of (key, value) pairs, each with 32-bit big-endian lengths. The machine's own
// row travels like any other; the receiver recomputes the multiset hash and compares.
struct IndexMachine::PinnedSnapshot {
  ordering::Snapshot about;
  std::unique_ptr<kv::Reader> reader;
  std::vector<Bytes> starts;  // first key of each chunk
};

struct IndexMachine::Restore {
  ordering::Snapshot about;
  std::uint32_t next_chunk = 0;
  crypto::LtHash hash;
  Bytes chunk_hashes;
  Bytes head;  // written last, when everything fits
};

namespace {

// A chunk ends after the row that reaches this size; no row is longer than a block of entries.
constexpr std::size_t kChunkTarget = 4'000'000;

void put_pair(Bytes& out, ByteView key, ByteView value) {
  put_be(out, static_cast<std::uint32_t>(key.size()));
  append(out, key);
  put_be(out, static_cast<std::uint32_t>(value.size()));
  append(out, value);
}

Result<ByteView> take_sized(ByteView& in) {
  if (in.size() < 4) return fail(Errc::bad_encoding, "snapshot chunk cut off");
  const auto size = get_be<std::uint32_t>(in);
  if (size > in.size() - 4) return fail(Errc::bad_encoding, "snapshot chunk cut off");
  const ByteView value = in.subspan(4, size);
  in = in.subspan(4 + size);
  return value;
}

Bytes read_chunk(const kv::Reader& reader, ByteView start, Bytes& next) {
  Bytes chunk;
  const auto walk = reader.iterate(start, {});
  for (walk->seek(start); walk->valid() && chunk.size() < kChunkTarget; walk->next()) {
    put_pair(chunk, walk->key(), walk->value());
  }
  next = walk->valid() ? to_bytes(walk->key()) : Bytes{};
  return chunk;
}

class PinnedIndex final : public ordering::PinnedState {
 public:
  PinnedIndex(std::unique_ptr<kv::Reader> reader, Height height, std::uint32_t format)
      : reader_(std::move(reader)) {
    about_.height = height;
    about_.format = format;
  }
  Height height() const override { return about_.height; }
  Result<Bytes> next() override {
    if (at_end_) return Bytes{};
    Bytes next;
    Bytes chunk = read_chunk(*reader_, start_, next);
    at_end_ = next.empty();
    start_ = std::move(next);
    append(hashes_, crypto::blake3(chunk).view());
    ++about_.chunks;
    return chunk;
  }
  ordering::Snapshot snapshot() const override {
    ordering::Snapshot about = about_;
    about.hash = crypto::blake3(hashes_);
    return about;
  }

 private:
  std::unique_ptr<kv::Reader> reader_;
  ordering::Snapshot about_;
  Bytes start_;
  Bytes hashes_;
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<ordering::PinnedState> IndexMachine::pin() const {
  return std::make_unique<PinnedIndex>(store_.snapshot(), head_.height, kFormat);
}

std::vector<ordering::Snapshot> IndexMachine::list_snapshots() const {
  auto pinned = std::make_shared<PinnedSnapshot>();
  pinned->reader = store_.snapshot();
  Bytes start;
  Bytes hashes;
  do {
    pinned->starts.push_back(start);
    Bytes next;
    append(hashes, crypto::blake3(read_chunk(*pinned->reader, start, next)).view());
    start = std::move(next);
  } while (!start.empty());
  pinned->about.height = head_.height;
  pinned->about.format = kFormat;
  pinned->about.chunks = static_cast<std::uint32_t>(pinned->starts.size());
  pinned->about.hash = crypto::blake3(hashes);
  pinned_ = pinned;
  return {pinned->about};
}

Result<Bytes> IndexMachine::load_chunk(const ordering::Snapshot& snapshot,
                                       std::uint32_t chunk) const {
  if (!pinned_ || pinned_->about.hash != snapshot.hash) return fail(Errc::not_found, "snapshot");
  if (chunk >= pinned_->starts.size()) return fail(Errc::not_found, "snapshot chunk");
  Bytes next;
  return read_chunk(*pinned_->reader, pinned_->starts[chunk], next);
}

ordering::Offer IndexMachine::offer(const ordering::Snapshot& snapshot) {
  if (snapshot.format != kFormat || snapshot.chunks == 0 || head_.height.value != 0) {
    return ordering::Offer::reject;
  }
  if (!wipe()) return ordering::Offer::reject;
  restore_ = std::make_shared<Restore>();
  restore_->about = snapshot;
  return ordering::Offer::accept;
}

Result<void> IndexMachine::apply_chunk(std::uint32_t chunk, ByteView data) {
  if (!restore_ || chunk != restore_->next_chunk) {
    return fail(Errc::invalid_argument, "chunk order");
  }
  Result<void> outcome = restore_rows(data);
  const bool last = ++restore_->next_chunk == restore_->about.chunks;
  if (outcome && last) outcome = finish_restore();
  if (!outcome || last) restore_.reset();
  if (!outcome) STRATOS_CHECK(wipe());
  return outcome;
}

Result<void> IndexMachine::restore_rows(ByteView data) {
  kv::Batch batch;
  append(restore_->chunk_hashes, crypto::blake3(data).view());
  while (!data.empty()) {
    STRATOS_TRY(const ByteView key, take_sized(data));
    STRATOS_TRY(const ByteView value, take_sized(data));
    if (key.empty()) return fail(Errc::bad_encoding, "empty key");
    if (key[0] == static_cast<std::uint8_t>(keys::Family::machine)) {
      restore_->head = to_bytes(value);
    } else {
      batch.put(key, value);
      restore_->hash.add(key, value);
    }
  }
  return store_.write(batch);
}

Result<void> IndexMachine::finish_restore() {
  STRATOS_TRY(const Head head, codec::decode<Head>(restore_->head));
  STRATOS_TRY(const crypto::LtHash hash, crypto::LtHash::from_state(head.hash_state));
  const bool intact = crypto::blake3(restore_->chunk_hashes) == restore_->about.hash &&
                      hash.digest() == restore_->hash.digest() &&
                      head.height == restore_->about.height;
  if (!intact) return fail(Errc::root_mismatch, "snapshot is not what it says");
  kv::Batch batch;
  batch.put(head_key(), restore_->head);
  STRATOS_CHECK(store_.write(batch));
  STRATOS_CHECK(load_head());
  return load_params();
}

Result<void> IndexMachine::wipe() {
  constexpr std::size_t kAtOnce = 10'000;
  head_ = Head{};
  hash_ = crypto::LtHash{};
  params_ = Params{};
  kv::Batch batch;
  const auto walk = store_.iterate({}, {});
  for (walk->seek({}); walk->valid(); walk->next()) {
    batch.remove(walk->key());
    if (batch.changes().size() < kAtOnce) continue;
    STRATOS_CHECK(store_.write(batch));
    batch.clear();
  }
  STRATOS_CHECK(walk->status());
  return batch.empty() ? Result<void>{} : store_.write(batch);
}

}  // namespace stratos::meta
