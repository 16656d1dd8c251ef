// How fast the index applies blocks of small writes on RocksDB, on one thread, without a log.
// Usage: index_bench FOLDER [COMMANDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "io/file_system.hpp"
#include "meta/index_machine.hpp"
#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/queries.hpp"
#include "meta/verbs.hpp"

namespace stratos::meta {
namespace {

constexpr std::size_t kBatch = 32;
constexpr std::size_t kBody = 4096;
constexpr std::uint8_t kCopies = 3;
constexpr std::size_t kNodes = 6;

AccountId owner() {
  AccountId id;
  id.value[0] = 1;
  return id;
}

class Bench {
 public:
  explicit Bench(kv::Store& store) : machine_(IndexMachine::open(store).value()) {
    Params params;
    params.profiles = {{"dev", 4, 2, kCopies}};
    params.meta_keys = {meta_.public_key()};
    machine_->init({"bench", {now_ms_}, {}, encode_genesis(params)}).value();
    CreateAccount account;
    account.account = owner();
    CreateBucket bucket;
    bucket.name = "bucket";
    bucket.owner = owner();
    ReserveGrant grant;
    grant.payer = owner();
    grant.segments = 1ULL << 40;
    apply(entry_of({item(account), item(bucket), item(grant)}));
    for (std::size_t i = 0; i < kNodes; ++i) add_node();
    table_ = codec::decode<NodeTable>(machine_->query("node_table", {}).value()).value();
  }

  void run(const char* what, const std::vector<Bytes>& entries) {
    const Stopwatch start;
    for (const Bytes& entry : entries) apply(entry);
    report(what, "applied", start, entries.size());
  }
  void admit(const char* what, const std::vector<Bytes>& entries) {
    const Stopwatch start;
    for (const Bytes& entry : entries) {
      if (!machine_->admit(entry)) std::abort();
    }
    report(what, "admitted", start, entries.size());
  }
  std::vector<Bytes> inline_puts(std::size_t commands) {
    return entries_of(commands, [](std::size_t i) {
      PutObject command = put("inline/" + std::to_string(i));
      command.size = kBody;
      command.inline_body = Bytes(kBody + 28, static_cast<std::uint8_t>(i));
      return command;
    });
  }
  std::vector<Bytes> replicated_puts(std::size_t commands) {
    std::vector<Bytes> entries;
    for (std::size_t i = 0; i < commands; i += kBatch) {
      std::vector<PutObject> batch;
      for (std::size_t j = 0; j < kBatch; ++j) batch.push_back(replicated(i + j));
      sign(batch);
      std::vector<Item> items;
      for (const PutObject& command : batch) items.push_back(remembered(command));
      entries.push_back(entry_of(items));
    }
    return entries;
  }

 private:
  template <class Command>
  static Item item(const Command& command) {
    return {Command::kVerb, {}, codec::encode(command)};
  }
  Item remembered(const PutObject& command) {
    return {Verb::put_object, random_.draw_id<IdempotencyId>(), codec::encode(command)};
  }
  Bytes entry_of(const std::vector<Item>& items) { return make_entry(items, meta_); }
  std::vector<Bytes> entries_of(std::size_t commands, auto make) {
    std::vector<Bytes> entries;
    for (std::size_t i = 0; i < commands; i += kBatch) {
      std::vector<Item> items;
      for (std::size_t j = 0; j < kBatch; ++j) items.push_back(remembered(make(i + j)));
      entries.push_back(entry_of(items));
    }
    return entries;
  }
  static PutObject put(const std::string& key) {
    PutObject command;
    command.bucket = "bucket";
    command.key = key;
    command.sealed_attributes = Bytes(150, 1);
    command.sealed_summary = Bytes(60, 2);
    command.context = Bytes(16, 3);
    command.data_key = {"ring", 1, Bytes(60, 4)};
    return command;
  }
  PutObject replicated(std::size_t i) {
    PutObject command = put("copies/" + std::to_string(i));
    command.size = 16'384;
    SegmentCommit segment;
    segment.id = keys::segment_id(GrantId(1), i);
    segment.table_version = table_.version;
    segment.k = 1;
    segment.m = kCopies - 1;
    segment.length = command.size;
    const auto ranked = rank(segment_unit(segment.id, table_), table_);
    for (std::uint8_t n = 0; n < kCopies; ++n) {
      Receipt receipt;
      receipt.node = ranked[n];
      receipt.fragment = {segment.id, n};
      receipt.length = 17'408;
      receipt.lease_until = {now_ms_ + 86'400'000};
      segment.receipts.push_back(receipt);
    }
    command.slices.keys = {command.data_key};
    command.slices.slices = {{segment.id, 0, command.size, 0}};
    command.page_macs = {Bytes(32, 5)};
    command.segments = {std::move(segment)};
    return command;
  }
  // One group commit per node covers the batch.
  void sign(std::vector<PutObject>& batch) {
    for (std::uint32_t node = 1; node <= kNodes; ++node) {
      std::vector<Receipt> group;
      const auto each = [&](auto visit) {
        for (PutObject& command : batch) {
          for (Receipt& receipt : command.segments[0].receipts) {
            if (receipt.node == NodeId(node)) visit(receipt);
          }
        }
      };
      each([&group](Receipt& receipt) { group.push_back(receipt); });
      sign_receipts(group, signers_[node - 1]);
      std::size_t next = 0;
      each([&](Receipt& receipt) { receipt = group[next++]; });
    }
  }
  void add_node() {
    signers_.push_back(crypto::MachineSigner::draw(random_));
    RegisterNode command;
    command.key = signers_.back().public_key();
    command.capabilities = kStorageCapability;
    command.free_class = 20;
    apply(entry_of({item(command)}));
  }
  void apply(const Bytes& entry) {
    ordering::Block block;
    block.height = Height(machine_->info().height.value + 1);
    block.time = {++now_ms_};
    block.entries = {entry};
    const auto applied = machine_->apply(block);
    const auto results = parse_results(applied.value().results.at(0).value).value();
    for (const ItemResult& result : results) {
      if (result.code == 0) continue;
      std::fprintf(stderr, "command refused: %u\n", result.code);
      std::abort();
    }
    machine_->commit().value();
  }
  // Both the clock on the wall and what this thread used of a processor.
  struct Stopwatch {
    std::chrono::steady_clock::time_point wall = std::chrono::steady_clock::now();
    double thread = thread_seconds();
  };
  static double thread_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  static void report(const char* what, const char* how, const Stopwatch& start,
                     std::size_t entries) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start.wall;
    const auto commands = static_cast<double>(entries * kBatch);
    std::printf("%-24s %-9s %8.0f a second, %8.0f a second of processor\n", what, how,
                commands / took.count(), commands / (thread_seconds() - start.thread));
  }

  SeededRandom random_{1};
  crypto::MachineSigner meta_ = crypto::MachineSigner::draw(random_);
  std::vector<crypto::MachineSigner> signers_;
  std::int64_t now_ms_ = 1'700'000'000'000;
  std::unique_ptr<IndexMachine> machine_;
  NodeTable table_;
};

int measure(const std::string& folder, std::size_t commands) {
  auto store = kv::open_rocks(io::real_file_system(), folder, {});
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().to_string().c_str());
    return 1;
  }
  Bench bench(**store);
  const auto inline_puts = bench.inline_puts(commands);
  bench.admit("inline 4 KiB", inline_puts);
  bench.run("inline 4 KiB", inline_puts);
  const auto replicated = bench.replicated_puts(commands);
  bench.admit("replicated, 3 receipts", replicated);
  bench.run("replicated, 3 receipts", replicated);
  return 0;
}

}  // namespace
}  // namespace stratos::meta

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: index_bench FOLDER [COMMANDS]\n");
    return 2;
  }
  return stratos::meta::measure(argv[1], argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 64'000);
}
