// Entries of anybody against a small index: whatever is ordered, a block is applied, twice alike.
#include <array>

#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "meta/index_machine.hpp"
#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/queries.hpp"
#include "meta/verbs.hpp"

using namespace stratos;
using namespace stratos::meta;

namespace {

constexpr std::int64_t kStartMs = 1'700'000'000'000;
constexpr std::size_t kMaxInput = 64 * 1024;

AccountId owner() {
  AccountId id;
  id.value[0] = 1;
  return id;
}

// A bucket with an inline object, a stored one and an upload with a part, on three nodes. Blocks of
// inputs are applied but never committed, so that every input meets the same state.
class Index {
 public:
  Index() : machine_(IndexMachine::open(*store_).value()) {
    Params params;
    params.profiles = {{"dev", 4, 2, 3}};
    params.meta_keys = {meta_.public_key()};
    machine_->init({"fuzz", {kStartMs}, {}, encode_genesis(params)}).value();
    CreateAccount account;
    account.account = owner();
    account.ozone_noz = 1000;
    CreateBucket bucket;
    bucket.name = "bucket";
    bucket.owner = owner();
    ReserveGrant grant;
    grant.payer = owner();
    grant.noz = 10;
    grant.segments = 100;
    run({item(account), item(bucket), item(grant)});
    for (int i = 0; i < 3; ++i) add_node();
    PutObject put;
    put.bucket = "bucket";
    put.key = "inline";
    put.inline_body = Bytes{1};
    CreateUpload upload;
    upload.bucket = "bucket";
    upload.key = "u";
    run({item(put), item(upload), item(stored(0)), item(orphan(1)), item(part(2))});
  }

  void apply_twice(const std::vector<Bytes>& entries, std::int64_t later_ms) {
    ordering::Block block;
    block.height = Height(machine_->info().height.value + 1);
    block.time = {machine_->time().ms + later_ms};
    block.entries = entries;
    (void)machine_->check(block);
    for (const Bytes& entry : entries) (void)machine_->admit(entry);
    const auto first = machine_->apply(block);
    const auto second = machine_->apply(block);
    STRATOS_ASSERT(first && second, "a block is applied whatever its entries are");
    STRATOS_ASSERT(first->root == second->root, "applying is deterministic");
    STRATOS_ASSERT(first->results.size() == entries.size(), "one result per entry");
  }
  Bytes entry_of(ByteView items) const {
    Entry entry;
    entry.submitter = meta_.public_key();
    entry.items = to_bytes(items);
    entry.signature = meta_.sign(Entry::kDomain, entry.items);
    return codec::encode(entry);
  }
  void query(std::string_view path, ByteView request) const {
    (void)machine_->query(path, request);
  }

 private:
  template <class Command>
  static Item item(const Command& command) {
    return {Command::kVerb, {}, codec::encode(command)};
  }
  void run(const std::vector<Item>& items) {
    ordering::Block block;
    block.height = Height(machine_->info().height.value + 1);
    block.time = {kStartMs};
    block.entries = {make_entry(items, meta_)};
    const auto applied = machine_->apply(block).value();
    for (const ItemResult& result : parse_results(applied.results[0].value).value()) {
      STRATOS_ASSERT(result.code == 0, "the state is prepared");
    }
    machine_->commit().value();
  }
  void add_node() {
    signers_.push_back(crypto::MachineSigner::draw(random_));
    RegisterNode command;
    command.key = signers_.back().public_key();
    command.capabilities = kStorageCapability;
    command.free_class = 20;
    run({item(command)});
  }
  SegmentCommit segment(std::uint64_t counter) {
    const auto table =
        codec::decode<NodeTable>(machine_->query(GetNodeTable::kPath, {}).value()).value();
    SegmentCommit commit;
    commit.id = keys::segment_id(GrantId(1), counter);
    commit.table_version = table.version;
    commit.k = 1;
    commit.m = 2;
    commit.length = 100;
    const auto ranked = rank(segment_unit(commit.id, table), table);
    for (std::uint8_t n = 0; n < 3; ++n) {
      Receipt receipt;
      receipt.node = ranked[n];
      receipt.fragment = {commit.id, n};
      receipt.length = 1024;
      receipt.lease_until = {kStartMs + 86'400'000};
      sign_receipts({&receipt, 1}, signers_[receipt.node.value - 1]);
      commit.receipts.push_back(receipt);
    }
    return commit;
  }
  PutObject stored(std::uint64_t counter) {
    PutObject command;
    command.bucket = "bucket";
    command.key = "stored";
    command.size = 100;
    command.segments = {segment(counter)};
    command.slices.keys = {{}};
    command.slices.slices = {{command.segments[0].id, 0, 100, 0}};
    command.page_macs = {Bytes{1}};
    return command;
  }
  CommitSegments orphan(std::uint64_t counter) { return {{segment(counter)}}; }
  PutPart part(std::uint64_t counter) {
    PutPart command;
    command.bucket = "bucket";
    command.key = "u";
    command.number = 1;
    command.size = 100;
    command.segments = {segment(counter)};
    command.slices.keys = {{}};
    command.slices.slices = {{command.segments[0].id, 0, 100, 0}};
    return command;
  }

  SeededRandom random_{1};
  crypto::MachineSigner meta_ = crypto::MachineSigner::draw(random_);
  std::vector<crypto::MachineSigner> signers_;
  std::unique_ptr<kv::Store> store_ = kv::make_memory_store();
  std::unique_ptr<IndexMachine> machine_;
};

constexpr std::array kPaths = {GetBucket::kPath,   ListBuckets::kPath,  GetAccessKey::kPath,
                               GetObject::kPath,   GetSlicePage::kPath, GetSegments::kPath,
                               ListObjects::kPath, GetUpload::kPath,    ListParts::kPath,
                               ListUploads::kPath, GetNodeTable::kPath, GetEvents::kPath};

}  // namespace

// The first byte says how late the block is; the rest is an entry, the items of one, and a query.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Index index;
  if (size == 0 || size > kMaxInput) return 0;
  const ByteView rest(data + 1, size - 1);
  const std::int64_t later_ms = std::int64_t{1} << (data[0] % 40);
  index.apply_twice({to_bytes(rest), index.entry_of(rest)}, later_ms);
  index.query(kPaths[data[0] % kPaths.size()], rest);
  return 0;
}
