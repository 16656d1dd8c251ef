// An index of its own for tests: a machine on a memory store, fake nodes that sign receipts, blocks
// with one entry each.
#pragma once
#include <gtest/gtest.h>

#include <map>

#include "meta/index_machine.hpp"
#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/queries.hpp"
#include "meta/state.hpp"
#include "meta/verbs.hpp"

namespace stratos::meta {

inline AccountId account_id(std::uint8_t n) {
  AccountId id;
  id.value[19] = n;
  return id;
}
inline UploadId upload_id(std::uint8_t n) {
  UploadId id;
  id.value[0] = n;
  return id;
}
inline IdempotencyId idempotency_id(std::uint8_t n) {
  IdempotencyId id;
  id.value[3] = n;
  return id;
}
inline Bytes text(std::string_view value) { return to_bytes(as_bytes(value)); }

inline WrappedKey wrapped_key(std::string_view sealed = "sealed") {
  return {"ring", 1, text(sealed)};
}

constexpr std::uint64_t kPartBytes = 5 << 20;

inline Params test_params() {
  Params params;
  params.network = "test";
  params.profiles = {{"dev", 4, 2, 3}, {"wide", 8, 4, 4}};
  return params;
}

class TestIndex {
 public:
  static constexpr std::size_t kNodes = 7;
  static constexpr std::int64_t kStartMs = 1'700'000'000'000;

  explicit TestIndex(const Params& params = test_params(), std::size_t nodes = kNodes) {
    Params mine = params;
    mine.meta_keys = {meta_.public_key()};
    machine_ = IndexMachine::open(*store_).value();
    const ordering::Genesis genesis{"test", {kStartMs}, {}, encode_genesis(mine)};
    EXPECT_TRUE(machine_->init(genesis));
    CreateAccount account;
    account.account = owner();
    account.ozone_noz = 1'000'000;
    EXPECT_TRUE(run(account));
    for (std::size_t i = 0; i < nodes; ++i) add_node();
    grant_ = reserve(0, 100'000).value().id;
  }

  static AccountId owner() { return account_id(1); }

  // --- blocks

  ordering::Applied apply(std::vector<Bytes> entries) {
    ordering::Block block;
    block.height = Height(machine_->info().height.value + 1);
    now_ms_ += 1;
    block.time = {now_ms_};
    block.entries = std::move(entries);
    auto applied = machine_->apply(block);
    EXPECT_TRUE(applied) << applied.error().to_string();
    EXPECT_TRUE(machine_->commit());
    return std::move(*applied);
  }
  std::vector<ItemResult> apply_items(const std::vector<Item>& items) {
    const auto applied = apply({make_entry(items, meta_)});
    EXPECT_TRUE(applied.results.at(0).ok());
    return parse_results(applied.results.at(0).value).value();
  }
  template <class Command>
  static Item item(const Command& command, IdempotencyId id = {}) {
    return {Command::kVerb, id, codec::encode(command)};
  }
  // Orders one command in a block of its own.
  template <class Command>
  Result<typename Command::Reply> run(const Command& command, IdempotencyId id = {}) {
    const ItemResult result = apply_items({item(command, id)}).at(0);
    if (result.code != 0) return fail(errc_from_number(result.code));
    return codec::decode<typename Command::Reply>(result.value);
  }
  // The error of a command; zero when it took effect.
  template <class Command>
  Errc code(const Command& command, IdempotencyId id = {}) {
    const auto result = run(command, id);
    return result ? Errc{} : result.error().code();
  }
  void idle(int blocks = 1) {
    for (int i = 0; i < blocks; ++i) apply({});
  }
  void pass_ms(std::uint64_t ms) { now_ms_ += static_cast<std::int64_t>(ms); }
  WallTime now() const { return {now_ms_}; }

  // --- reading

  template <class Query>
  Result<typename Query::Reply> ask(const Query& query) const {
    STRATOS_TRY(const Bytes reply, machine_->query(Query::kPath, codec::encode(query)));
    return codec::decode<typename Query::Reply>(reply);
  }
  State state() const { return State(*store_); }
  std::size_t count(const Bytes& prefix) const {
    std::size_t found = 0;
    state().scan(prefix, kv::prefix_end(prefix), [&found](ByteView, ByteView) {
      ++found;
      return true;
    });
    return found;
  }
  std::size_t count(keys::Family family) const { return count(keys::of(family)); }
  std::optional<SegmentRecord> segment(const SegmentId& id) const {
    return state().load<SegmentRecord>(keys::segment(id));
  }
  std::uint64_t references(const SegmentId& id) const {
    const auto record = segment(id);
    return record ? record->references : 0;
  }
  NodeLedger ledger(NodeId node) const {
    return state().load<NodeLedger>(keys::node_ledger(node)).value();
  }
  std::vector<FeedEntry> feed(NodeId node) const {
    std::vector<FeedEntry> entries;
    const Bytes prefix = keys::fragments_of(node);
    Bytes feed_prefix = prefix;
    feed_prefix[0] = static_cast<std::uint8_t>(keys::Family::feed);
    state().scan(feed_prefix, kv::prefix_end(feed_prefix), [&](ByteView, ByteView value) {
      entries.push_back(codec::decode<FeedEntry>(value).value());
      return true;
    });
    return entries;
  }
  // Everything a restart would find, machine rows left out: the state as the root covers it.
  std::map<Bytes, Bytes> dump() const {
    std::map<Bytes, Bytes> rows;
    state().scan({}, {}, [&rows](ByteView key, ByteView value) {
      if (key[0] != static_cast<std::uint8_t>(keys::Family::machine)) {
        rows.emplace(to_bytes(key), to_bytes(value));
      }
      return true;
    });
    return rows;
  }
  std::uint64_t ozone(const AccountId& account) const {
    return state().load<AccountRecord>(keys::account(account)).value().ozone_noz;
  }

  // --- nodes, grants, segments

  // Alone in its domain at each level that no label names.
  NodeId add_node(std::vector<Label> labels = {}, std::uint32_t free_class = 20) {
    signers_.push_back(crypto::MachineSigner::draw(random_));
    for (const std::string& level : machine_->params().spread) {
      if (level == kNodeLevel || std::ranges::find(labels, level, &Label::level) != labels.end()) {
        continue;
      }
      labels.push_back({level, level + std::to_string(signers_.size())});
    }
    RegisterNode command;
    command.key = signers_.back().public_key();
    command.labels = std::move(labels);
    command.capabilities = kStorageCapability;
    command.capacity_bytes = 1ULL << 40;
    command.free_class = free_class;
    const auto reply = run(command);
    EXPECT_TRUE(reply);
    return reply->node;
  }
  Result<GrantRecord> reserve(std::uint64_t noz, std::uint64_t segments) {
    ReserveGrant command;
    command.payer = owner();
    command.meta_node = meta_.public_key();
    command.noz = noz;
    command.segments = segments;
    return run(command);
  }
  GrantId grant() const { return grant_; }
  SegmentId next_segment_id() { return keys::segment_id(grant_, next_counter_++); }
  NodeTable table() const { return ask(GetNodeTable{}).value(); }
  std::vector<NodeId> ranked(const SegmentId& id) const {
    const NodeTable newest = table();
    return rank(segment_unit(id, newest), newest);
  }
  const crypto::MachineSigner& signer_of(NodeId node) const { return signers_.at(node.value - 1); }
  Receipt receipt(const SegmentId& id, std::uint8_t index, NodeId node, std::uint64_t length) {
    Receipt out;
    out.node = node;
    out.fragment = {id, index};
    out.root = crypto::blake3(id.view());
    out.length = length;
    out.lease_until = now() + std::chrono::hours(24);
    sign_receipts({&out, 1}, signer_of(node));
    return out;
  }
  // A segment as an honest client commits it, on all its nodes or the first `holders` of them.
  SegmentCommit commit_of(const SegmentId& id, std::uint64_t length = 4096, std::uint8_t k = 1,
                          std::uint8_t m = 2, std::size_t holders = 0) {
    SegmentCommit commit;
    commit.id = id;
    commit.k = k;
    commit.m = m;
    commit.length = length;
    const std::vector<NodeId> nodes = ranked(id);
    commit.table_version = table().version;
    const std::size_t n = holders == 0 ? std::size_t{k} + m : holders;
    for (std::size_t i = 0; i < n; ++i) {
      commit.receipts.push_back(
          receipt(id, static_cast<std::uint8_t>(i), nodes.at(i), (length + k - 1) / k + 16));
    }
    return commit;
  }
  SegmentCommit commit_of_new(std::uint64_t length = 4096) {
    return commit_of(next_segment_id(), length);
  }

  // --- objects

  BucketRecord make_bucket(const std::string& name = "bucket", std::uint8_t who = 1) {
    CreateBucket command;
    command.name = name;
    command.owner = account_id(who);
    const auto reply = run(command);
    EXPECT_TRUE(reply);
    return *reply;
  }
  void set_versioning(Versioning versioning, const std::string& bucket = "bucket") {
    SetVersioning command;
    command.bucket = bucket;
    command.versioning = versioning;
    EXPECT_TRUE(run(command));
  }
  static PutObject inline_put(const std::string& key, std::string_view body = "body") {
    PutObject command;
    command.bucket = "bucket";
    command.key = key;
    command.size = body.size();
    command.data_key = wrapped_key();
    command.sealed_summary = text("etag");
    command.inline_body = text(body);
    return command;
  }
  static SlicePage slices_of(const std::vector<SegmentCommit>& segments) {
    SlicePage page;
    page.keys = {wrapped_key()};
    for (const SegmentCommit& segment : segments) {
      page.slices.push_back({segment.id, 0, segment.length, 0});
    }
    return page;
  }
  static PutObject put_of(const std::string& key, std::vector<SegmentCommit> segments) {
    PutObject command;
    command.bucket = "bucket";
    command.key = key;
    command.data_key = wrapped_key();
    command.slices = slices_of(segments);
    command.size = length_of(command.slices);
    command.page_macs = {text("mac")};
    command.segments = std::move(segments);
    return command;
  }
  // Stores an object of one new segment.
  SegmentId put(const std::string& key) {
    const SegmentCommit segment = commit_of_new();
    EXPECT_TRUE(run(put_of(key, {segment})));
    return segment.id;
  }
  Result<GetObject::Reply> get(const std::string& key, const std::string& bucket = "bucket") const {
    GetObject query;
    query.bucket = bucket;
    query.key = key;
    query.with_data = true;
    return ask(query);
  }
  VersionId version_of(const std::string& key) const { return get(key).value().version.id; }

  IndexMachine& machine() { return *machine_; }
  const Params& machine_params() const { return machine_->params(); }
  kv::Store& store() { return *store_; }
  const crypto::MachineSigner& meta() const { return meta_; }
  // A new machine on the same store, as after a restart.
  void reopen() {
    machine_.reset();
    machine_ = IndexMachine::open(*store_).value();
  }

 private:
  SeededRandom random_{7};
  crypto::MachineSigner meta_ = crypto::MachineSigner::draw(random_);
  std::unique_ptr<kv::Store> store_ = kv::make_memory_store();
  std::unique_ptr<IndexMachine> machine_;
  std::vector<crypto::MachineSigner> signers_;
  std::int64_t now_ms_ = kStartMs;
  GrantId grant_;
  std::uint64_t next_counter_ = 0;
};

}  // namespace stratos::meta
