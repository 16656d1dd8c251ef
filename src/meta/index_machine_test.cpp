#include "meta/index_machine.hpp"

#include "io/faulty_file_system.hpp"
#include "meta/test_index.hpp"
#include "ordering/conformance.hpp"

namespace stratos::meta {
namespace {

// Keeps its rows apart from the machine, as a folder does.
class SharedStore final : public kv::Store {
 public:
  explicit SharedStore(kv::Store& store) : store_(store) {}
  Result<std::optional<Bytes>> get(ByteView key) const override { return store_.get(key); }
  std::unique_ptr<kv::Iterator> iterate(ByteView lower, ByteView upper) const override {
    return store_.iterate(lower, upper);
  }
  Result<void> write(const kv::Batch& batch) override { return store_.write(batch); }
  Result<void> flush() override { return store_.flush(); }
  std::unique_ptr<kv::Reader> snapshot() const override { return store_.snapshot(); }
  std::uint64_t unflushed_bytes() const override { return store_.unflushed_bytes(); }

 private:
  kv::Store& store_;
};

// A machine that owns its store.
class Owning final : public ordering::StateMachine {
 public:
  explicit Owning(std::unique_ptr<kv::Store> store)
      : store_(std::move(store)), machine_(IndexMachine::open(*store_).value()) {}
  ordering::Info info() const override { return machine_->info(); }
  Result<Hash> init(const ordering::Genesis& genesis) override { return machine_->init(genesis); }
  Result<void> admit(ByteView entry) const override { return machine_->admit(entry); }
  std::vector<Bytes> build(std::vector<Bytes> candidates, std::size_t max) const override {
    return machine_->build(std::move(candidates), max);
  }
  bool check(const ordering::Block& block) const override { return machine_->check(block); }
  Result<ordering::Applied> apply(const ordering::Block& block) override {
    return machine_->apply(block);
  }
  Result<void> commit() override { return machine_->commit(); }
  Result<void> flush() override { return machine_->flush(); }
  std::uint64_t unflushed_bytes() const override { return machine_->unflushed_bytes(); }
  Result<Bytes> query(std::string_view path, ByteView request) const override {
    return machine_->query(path, request);
  }
  std::unique_ptr<ordering::PinnedState> pin() const override { return machine_->pin(); }
  std::vector<ordering::Snapshot> list_snapshots() const override {
    return machine_->list_snapshots();
  }
  Result<Bytes> load_chunk(const ordering::Snapshot& snapshot, std::uint32_t chunk) const override {
    return machine_->load_chunk(snapshot, chunk);
  }
  ordering::Offer offer(const ordering::Snapshot& snapshot) override {
    return machine_->offer(snapshot);
  }
  Result<void> apply_chunk(std::uint32_t chunk, ByteView data) override {
    return machine_->apply_chunk(chunk, data);
  }

 private:
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<IndexMachine> machine_;
};

// Blocks of all kinds, and what must not be admitted.
struct Script {
  Script() {
    Params params = test_params();
    params.meta_keys = {meta.public_key()};
    params.idempotency_ms = 2500;
    params.orphan_ms = 3000;
    params.node_table_ms = 2000;
    genesis = {"test", {TestIndex::kStartMs}, {}, encode_genesis(params)};
    CreateAccount account;
    account.account = account_id(1);
    account.ozone_noz = 1000;
    RegisterNode node;
    node.key = signer.public_key();
    node.capabilities = kStorageCapability;
    node.free_class = 20;
    CreateBucket bucket;
    bucket.name = "bucket";
    bucket.owner = account_id(1);
    add({TestIndex::item(account), TestIndex::item(node), TestIndex::item(bucket)});
    ReserveGrant grant;
    grant.payer = account_id(1);
    grant.meta_node = meta.public_key();
    grant.noz = 10;
    grant.segments = 10;
    add({TestIndex::item(grant, idempotency_id(9))});
    blocks.push_back({});
    for (std::uint8_t n = 1; n <= 6; ++n) {
      const std::string key = "key" + std::to_string(n % 3);
      add({TestIndex::item(TestIndex::inline_put(key, "body" + std::to_string(n)),
                           idempotency_id(n)),
           TestIndex::item(DeleteObject{"bucket", "key0", {}}),
           TestIndex::item(DeleteBucket{"bucket"})});
    }
    blocks.push_back({entry({TestIndex::item(TestIndex::inline_put("a"))}),
                      entry({TestIndex::item(TestIndex::inline_put("b"))})});
    for (int i = 0; i < 4; ++i) blocks.push_back({});

    Bytes unsigned_entry = entry({TestIndex::item(TestIndex::inline_put("x"))});
    unsigned_entry.back() ^= 1;
    PutObject forged = TestIndex::inline_put("x");
    forged.segments.resize(1);
    forged.segments[0].receipts.resize(1);
    forged.segments[0].receipts[0].leaves = 1;
    inadmissible = {{},
                    text("noise"),
                    unsigned_entry,
                    make_entry({TestIndex::item(TestIndex::inline_put("x"))}, signer),
                    entry({TestIndex::item(forged)}),
                    Bytes(ordering::kMaxEntryBytes + 1)};
  }
  Bytes entry(const std::vector<Item>& items) const { return make_entry(items, meta); }
  void add(const std::vector<Item>& items) { blocks.push_back({entry(items)}); }

  SeededRandom random{3};
  crypto::MachineSigner meta = crypto::MachineSigner::draw(random);
  crypto::MachineSigner signer = crypto::MachineSigner::draw(random);
  ordering::Genesis genesis;
  std::vector<std::vector<Bytes>> blocks;
  std::vector<Bytes> inadmissible;
};

ordering::ConformanceSubject subject_of(const Script& script) {
  ordering::ConformanceSubject subject;
  subject.genesis = script.genesis;
  subject.blocks = script.blocks;
  subject.inadmissible = script.inadmissible;
  return subject;
}

TEST(IndexMachine, ConformsOnAMemoryStore) {
  const Script script;
  const auto store = kv::make_memory_store();
  ordering::ConformanceSubject subject = subject_of(script);
  subject.reopen = [&store] {
    return std::make_unique<Owning>(std::make_unique<SharedStore>(*store));
  };
  subject.fresh = [] { return std::make_unique<Owning>(kv::make_memory_store()); };
  const auto outcome = ordering::check_conformance(subject);
  EXPECT_TRUE(outcome) << outcome.error().to_string();
}

TEST(IndexMachine, ConformsOnRocksDb) {
  const Script script;
  io::FaultyFileSystem fs;
  ASSERT_TRUE(fs.make_dirs("/n"));
  kv::RocksOptions options;
  options.write_buffer_bytes = 1 << 20;
  options.block_cache_bytes = 1 << 20;
  int others = 0;
  ordering::ConformanceSubject subject = subject_of(script);
  subject.reopen = [&] {
    return std::make_unique<Owning>(kv::open_rocks(fs, "/n/index", options).value());
  };
  subject.fresh = [&] {
    const std::string path = "/n/other" + std::to_string(++others);
    return std::make_unique<Owning>(kv::open_rocks(fs, path, options).value());
  };
  const auto outcome = ordering::check_conformance(subject);
  EXPECT_TRUE(outcome) << outcome.error().to_string();
}

TEST(IndexMachine, RootsAreThoseOfTheFormat) {
  const Script script;
  Owning machine(kv::make_memory_store());
  EXPECT_EQ(machine.init(script.genesis)->hex(),
            "a6505e9bcf0e2d4356a774bedb1698fe2e66a01908dd5ef2933b2e9622ca4279");
  std::uint64_t height = 0;
  for (const auto& entries : script.blocks) {
    ordering::Block block{
        Height(++height), {TestIndex::kStartMs + static_cast<std::int64_t>(height)}, entries};
    ASSERT_TRUE(machine.apply(block));
    ASSERT_TRUE(machine.commit());
  }
  EXPECT_EQ(machine.info().root.hex(),
            "ebb044e53d826c3f5e24862d0e8389f34841b924bdbf3a8b423d4df1b3e9ad75");
}

class Machine : public ::testing::Test {
 protected:
  Machine() { index_.make_bucket(); }
  Hash root() { return index_.machine().info().root; }
  ordering::Block next_block(std::vector<Bytes> entries) {
    return {Height(index_.machine().info().height.value + 1),
            {index_.now().ms + 1},
            std::move(entries)};
  }
  Bytes entry(const Item& item) { return make_entry({item}, index_.meta()); }

  TestIndex index_;
};

TEST_F(Machine, AnEmptyBlockLeavesTheRoot) {
  const Hash before = root();
  const Height height = index_.machine().info().height;
  index_.idle(3);
  EXPECT_EQ(root(), before);
  EXPECT_EQ(index_.machine().info().height.value, height.value + 3);
  index_.run(TestIndex::inline_put("key"));
  EXPECT_NE(root(), before);
}

TEST_F(Machine, TheRootCoversContentAndHistory) {
  TestIndex other;
  other.make_bucket();
  EXPECT_EQ(root(), other.machine().info().root);
  index_.run(TestIndex::inline_put("key", "one"));
  other.run(TestIndex::inline_put("key", "two"));
  EXPECT_NE(root(), other.machine().info().root);
}

TEST_F(Machine, EqualHistoriesHaveEqualRootsAfterARestart) {
  TestIndex other;
  other.make_bucket();
  for (int i = 0; i < 5; ++i) {
    index_.run(TestIndex::inline_put("key" + std::to_string(i)), idempotency_id(1));
    other.run(TestIndex::inline_put("key" + std::to_string(i)), idempotency_id(1));
    other.reopen();
  }
  EXPECT_EQ(root(), other.machine().info().root);
  EXPECT_EQ(index_.dump(), other.dump());
}

TEST_F(Machine, TimeIsThatOfTheLastBlock) {
  index_.idle();
  EXPECT_EQ(index_.machine().time(), index_.now());
  index_.reopen();
  EXPECT_EQ(index_.machine().time(), index_.now());
  EXPECT_EQ(index_.machine().params().network, "test");
}

TEST_F(Machine, ARefusedEntryDoesNotDisturbOthers) {
  SeededRandom random(99);
  const auto stranger = crypto::MachineSigner::draw(random);
  const auto applied = index_.apply({text("noise"), make_entry({}, stranger),
                                     entry(TestIndex::item(TestIndex::inline_put("key")))});
  EXPECT_EQ(applied.results[0].code, Errc::unknown_format);
  EXPECT_EQ(applied.results[1].code, Errc::peer_not_trusted);
  EXPECT_TRUE(applied.results[2].ok());
  EXPECT_TRUE(index_.get("key"));
}

TEST_F(Machine, AdmissionChecksEveryReceipt) {
  const auto admitted = [this](const auto& command) {
    return index_.machine().admit_item(TestIndex::item(command));
  };
  const SegmentCommit good = index_.commit_of_new();
  SegmentCommit bad = good;
  ++bad.receipts[2].length;
  EXPECT_TRUE(admitted(TestIndex::put_of("key", {good})));
  EXPECT_EQ(admitted(TestIndex::put_of("key", {bad})).error().code(), Errc::bad_signature);
  PutPart part;
  part.segments = {good, bad};
  EXPECT_EQ(admitted(part).error().code(), Errc::bad_signature);
  CommitSegments commit;
  commit.segments = {bad};
  EXPECT_EQ(admitted(commit).error().code(), Errc::bad_signature);
  AddHolder holder;
  holder.receipt = bad.receipts[2];
  EXPECT_EQ(admitted(holder).error().code(), Errc::bad_signature);
  SeededRandom random(5);
  RegisterNode node;
  node.key = crypto::MachineSigner::draw(random).public_key();
  node.succession = make_succession(crypto::MachineSigner::draw(random), node.key);
  EXPECT_TRUE(admitted(node));
  node.succession->previous = index_.signer_of(NodeId(1)).public_key();
  EXPECT_EQ(admitted(node).error().code(), Errc::bad_signature);
  holder.receipt = good.receipts[2];
  EXPECT_TRUE(admitted(holder));
  Item malformed;
  malformed.verb = Verb::put_object;
  malformed.command = {0xff};
  EXPECT_EQ(index_.machine().admit_item(malformed).error().code(), Errc::bad_encoding);
}

TEST_F(Machine, AKnownSignatureDoesNotVouchForAnotherGroup) {
  std::vector<Receipt> group;
  for (std::uint8_t i = 0; i < 4; ++i) {
    Receipt receipt;
    receipt.node = NodeId(1);
    receipt.fragment = {index_.next_segment_id(), i};
    receipt.length = 100;
    group.push_back(receipt);
  }
  sign_receipts(group, index_.signer_of(NodeId(1)));
  const auto admitted = [this](const Receipt& receipt) {
    AddHolder command;
    command.receipt = receipt;
    return index_.machine().admit_item(TestIndex::item(command)).has_value();
  };
  for (const Receipt& receipt : group) EXPECT_TRUE(admitted(receipt));
  Receipt forged = group[0];
  forged.length = 101;
  EXPECT_FALSE(admitted(forged));
  forged = group[0];
  forged.node = NodeId(2);
  EXPECT_FALSE(admitted(forged));
  forged = group[0];
  forged.signer = index_.signer_of(NodeId(2)).public_key();
  EXPECT_FALSE(admitted(forged));
}

TEST_F(Machine, BuildKeepsOrderAndSize) {
  const std::vector<Bytes> entries = {Bytes(10), Bytes(20), Bytes(30)};
  EXPECT_EQ(index_.machine().build(entries, 100).size(), 3U);
  EXPECT_EQ(index_.machine().build(entries, 59).size(), 2U);
  EXPECT_EQ(index_.machine().build(entries, 9).size(), 0U);
}

TEST_F(Machine, CheckRefusesBlocksOfAnotherHeightOrTime) {
  EXPECT_TRUE(index_.machine().check(next_block({})));
  ordering::Block block = next_block({});
  ++block.height.value;
  EXPECT_FALSE(index_.machine().check(block));
  block = next_block({});
  block.time = {index_.now().ms - 1};
  EXPECT_FALSE(index_.machine().check(block));
  EXPECT_FALSE(index_.machine().check(next_block({text("noise")})));
}

TEST_F(Machine, AppliedButNotCommittedIsNotVisible) {
  const auto before = index_.dump();
  const ordering::Block block = next_block({entry(TestIndex::item(TestIndex::inline_put("key")))});
  const auto first = index_.machine().apply(block);
  EXPECT_EQ(index_.dump(), before);
  EXPECT_FALSE(index_.get("key"));
  index_.reopen();
  const auto second = index_.machine().apply(block);
  EXPECT_EQ(first->root, second->root);
  EXPECT_EQ(first->results[0].value, second->results[0].value);
}

TEST_F(Machine, AFirstStateThatSurvivedIsKept) {
  const auto store = kv::make_memory_store();
  Params params = test_params();
  params.meta_keys = {index_.meta().public_key()};
  ordering::Genesis genesis{"test", {1000}, {}, encode_genesis(params)};
  Hash root;
  {
    const auto machine = IndexMachine::open(*store).value();
    root = machine->init(genesis).value();
  }
  const auto machine = IndexMachine::open(*store).value();
  params.epoch_ms = 5;
  genesis.state = encode_genesis(params);
  EXPECT_EQ(machine->init(genesis).value(), root);
  EXPECT_EQ(machine->params().epoch_ms, test_params().epoch_ms);
}

TEST_F(Machine, RefusesAGenesisThatCannotWork) {
  const auto store = kv::make_memory_store();
  const auto machine = IndexMachine::open(*store).value();
  Params params = test_params();
  params.epoch_ms = 0;
  EXPECT_EQ(machine->init({"test", {0}, {}, encode_genesis(params)}).error().code(),
            Errc::bad_config);
  EXPECT_EQ(machine->init({"test", {0}, {}, text("noise")}).error().code(), Errc::unknown_format);
}

TEST_F(Machine, ADamagedHeadIsNoticed) {
  kv::Batch batch;
  batch.put(keys::named(keys::Family::machine, "head"), text("noise"));
  ASSERT_TRUE(index_.store().write(batch));
  EXPECT_FALSE(IndexMachine::open(index_.store()));
}

TEST_F(Machine, ADamagedRowStopsTheBlockThatReadsIt) {
  index_.run(TestIndex::inline_put("key"));
  kv::Batch batch;
  batch.put(keys::bucket("bucket"), text("\x01noise"));
  ASSERT_TRUE(index_.store().write(batch));
  const auto applied =
      index_.machine().apply(next_block({entry(TestIndex::item(TestIndex::inline_put("key")))}));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code(), Errc::store_corrupt);
}

class Snapshots : public Machine {
 protected:
  Snapshots() {
    for (int i = 0; i < 30; ++i) index_.put("key" + std::to_string(i));
    about_ = index_.machine().list_snapshots().at(0);
    for (std::uint32_t i = 0; i < about_.chunks; ++i) {
      chunks_.push_back(index_.machine().load_chunk(about_, i).value());
    }
  }
  bool is_empty() { return !other_store_->iterate({}, {})->valid(); }
  ordering::Snapshot about_;
  std::vector<Bytes> chunks_;
  std::unique_ptr<kv::Store> other_store_ = kv::make_memory_store();
  std::unique_ptr<IndexMachine> other_ = IndexMachine::open(*other_store_).value();
};

TEST_F(Snapshots, GoIntoAFreshMachine) {
  ASSERT_EQ(other_->offer(about_), ordering::Offer::accept);
  for (std::uint32_t i = 0; i < chunks_.size(); ++i)
    ASSERT_TRUE(other_->apply_chunk(i, chunks_[i]));
  EXPECT_EQ(other_->info().root, root());
  EXPECT_EQ(other_->params().network, "test");
  const ordering::Block block = next_block({entry(TestIndex::item(TestIndex::inline_put("key")))});
  EXPECT_EQ(other_->apply(block)->root, index_.machine().apply(block)->root);
}

TEST_F(Snapshots, StayWhatTheyWereWhileTheStateMovesOn) {
  index_.run(TestIndex::inline_put("later"));
  EXPECT_EQ(index_.machine().load_chunk(about_, 0).value(), chunks_[0]);
  EXPECT_EQ(index_.machine().load_chunk(about_, about_.chunks).error().code(), Errc::not_found);
  ordering::Snapshot unknown = about_;
  unknown.hash = {};
  EXPECT_EQ(index_.machine().load_chunk(unknown, 0).error().code(), Errc::not_found);
}

TEST_F(Snapshots, AnyFlippedByteLeavesTheMachineEmpty) {
  for (std::size_t at = 0; at < chunks_[0].size(); at += 997) {
    Bytes damaged = chunks_[0];
    damaged[at] ^= 1;
    ASSERT_EQ(other_->offer(about_), ordering::Offer::accept);
    EXPECT_FALSE(other_->apply_chunk(0, damaged)) << at;
    EXPECT_TRUE(is_empty()) << at;
    EXPECT_EQ(other_->info().height, Height(0));
  }
  Bytes shorter = chunks_[0];
  shorter.resize(shorter.size() - 1);
  ASSERT_EQ(other_->offer(about_), ordering::Offer::accept);
  EXPECT_FALSE(other_->apply_chunk(0, shorter));
}

TEST_F(Snapshots, HalfRestoredAreNotTakenForAState) {
  ordering::Snapshot longer = about_;
  ++longer.chunks;
  ASSERT_EQ(other_->offer(longer), ordering::Offer::accept);
  ASSERT_TRUE(other_->apply_chunk(0, chunks_[0]));
  EXPECT_FALSE(is_empty());
  other_ = IndexMachine::open(*other_store_).value();
  EXPECT_EQ(other_->info().height, Height(0));
  ASSERT_EQ(other_->offer(about_), ordering::Offer::accept);
  EXPECT_TRUE(is_empty());
  ASSERT_TRUE(other_->apply_chunk(0, chunks_[0]));
  EXPECT_EQ(other_->info().root, root());
}

TEST_F(Snapshots, ComeInOrderAndOnlyWhenOffered) {
  EXPECT_EQ(other_->apply_chunk(0, chunks_[0]).error().code(), Errc::invalid_argument);
  ASSERT_EQ(other_->offer(about_), ordering::Offer::accept);
  EXPECT_EQ(other_->apply_chunk(1, chunks_[0]).error().code(), Errc::invalid_argument);
  ordering::Snapshot newer = about_;
  ++newer.format;
  EXPECT_EQ(other_->offer(newer), ordering::Offer::reject);
  newer = about_;
  newer.chunks = 0;
  EXPECT_EQ(other_->offer(newer), ordering::Offer::reject);
  EXPECT_EQ(index_.machine().offer(about_), ordering::Offer::reject) << "it has a state";
}

}  // namespace
}  // namespace stratos::meta
