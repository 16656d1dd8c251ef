#include "sim/mesh_checks.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "meta/index_machine.hpp"
#include "meta/keys.hpp"
#include "ordering/embedded_log.hpp"
#include "resource/storage/fragment_store.hpp"
#include "sim/mesh_settlement.hpp"

namespace stratos::sim {
namespace {

using meta::keys::Family;

constexpr Duration kReplayLimit = 10min;
// Clocks are up to 30 s off either way; loops and sweeps take some seconds.
constexpr Milliseconds kSlack{100'000};
constexpr std::size_t kListed = 1000;

// The index as it stands on the meta node's disk.
struct Index {
  std::unique_ptr<kv::Store> store;
  std::unique_ptr<meta::IndexMachine> machine;
  std::unique_ptr<ordering::EmbeddedLog> log;
};

Task<Result<void>> open_index(Run& run, SimRuntime& runtime, Index& index, bool from_genesis) {
  MeshWorld::Machine& machine = run.mesh.machine(kMetaName);
  const std::string folder(kMetaFolder);
  kv::RocksOptions rocks;
  rocks.deterministic = true;
  if (from_genesis) {
    index.store = kv::make_memory_store();
  } else {
    STRATOS_CO_TRY(index.store, kv::open_rocks(machine.disk, folder + "/index", rocks));
  }
  STRATOS_CO_TRY(index.machine, meta::IndexMachine::open(*index.store));
  ordering::Genesis genesis;
  genesis.network = run.mesh.params().network;
  genesis.time = runtime.wall_now();
  genesis.state = meta::encode_genesis(run.mesh.params());
  ordering::LogOptions options;
  options.network = genesis.network;
  // Nothing is ordered any more.
  options.idle_block_interval = 24h * 365;
  STRATOS_CO_TRY(index.log,
                 co_await ordering::EmbeddedLog::open(runtime, machine.disk, folder + "/log",
                                                      *index.machine, genesis, options));
  co_return Result<void>{};
}

class DiskCheck {
 public:
  explicit DiskCheck(Run& run) : run_(run) {}
  void run();

 private:
  void wrong(const std::string& what) { run_.fail("on disk: " + what); }
  Index* open(bool from_genesis);
  void scan(Family family, const meta::State::Visitor& visit);
  template <class Record>
  void each(Family family, const std::function<void(const Record&)>& visit);
  std::optional<ordering::Info> replay();
  void check_root();
  void count_references();
  void check_references();
  void check_spread(const meta::SegmentRecord& segment);
  void check_node(MeshWorld::Machine& machine);
  void check_fragments(MeshWorld::Machine& machine, resource::FragmentStore& store,
                       const std::set<FragmentId>& wanted);
  void check_unwanted(const std::string& node, const resource::FragmentIndex::Item& item);
  void check_accounts(MeshWorld::Machine& machine, resource::FragmentStore& store);

  Run& run_;
  Index* index_ = nullptr;  // belongs to the meta node's last incarnation
  std::map<SegmentId, std::uint64_t> references_;
};

// In a new incarnation of the meta node.
Index* DiskCheck::open(bool from_genesis) {
  run_.mesh.stop(run_.mesh.machine(kMetaName));
  SimWorld& world = run_.mesh.world();
  SimRuntime& runtime = world.start(kMetaName);
  Index& index = runtime.keep(std::make_unique<Index>());
  const auto opened =
      world.run_task(kMetaName, open_index(run_, runtime, index, from_genesis), kReplayLimit);
  if (opened && *opened) return &index;
  wrong("the index does not open: " + (opened ? opened->error().to_string() : "it takes too long"));
  return nullptr;
}

void DiskCheck::scan(Family family, const meta::State::Visitor& visit) {
  const meta::State state(*index_->store);
  const Bytes prefix = meta::keys::of(family);
  state.scan(prefix, kv::prefix_end(prefix), visit);
  if (!state.status()) wrong("the index cannot be read");
}

template <class Record>
void DiskCheck::each(Family family, const std::function<void(const Record&)>& visit) {
  scan(family, [&](ByteView key, ByteView value) {
    const auto record = codec::decode<Record>(value);
    if (record) visit(*record);
    if (!record) wrong("bad record under " + to_hex(key));
    return true;
  });
}

void DiskCheck::run() {
  const std::optional<ordering::Info> replayed = replay();
  index_ = open(false);
  if (index_ == nullptr) return;
  const ordering::Info stored = index_->machine->info();
  if (replayed && (replayed->height != stored.height || replayed->root != stored.root)) {
    wrong("a replay gives another state root");
  }
  check_root();
  count_references();
  check_references();
  const meta::State state(*index_->store);
  check_settlement(run_, state);
  for (MeshWorld::Machine* const node : run_.mesh.machines_of(MeshWorld::Role::node)) {
    if (!node->lost) check_node(*node);
  }
  run_.mesh.stop(run_.mesh.machine(kMetaName));
}

// The whole log over an empty state.
std::optional<ordering::Info> DiskCheck::replay() {
  // Where old log files are dropped there is no whole log.
  if (run_.scenario.flush_after_bytes < Scenario().flush_after_bytes) return std::nullopt;
  Index* const index = open(true);
  if (index == nullptr) return std::nullopt;
  run_.count("replayed_blocks", index->machine->info().height.value);
  return index->machine->info();
}

// The root's hash is kept up incrementally; here it is made anew from all rows.
void DiskCheck::check_root() {
  crypto::LtHash whole;
  Bytes kept;
  const meta::State state(*index_->store);
  const Bytes machine_prefix = meta::keys::of(Family::machine);
  state.scan({}, {}, [&](ByteView key, ByteView value) {
    if (key[0] == machine_prefix[0]) {
      kept.assign(value.begin(), value.end());
    } else {
      whole.add(key, value);
    }
    return true;
  });
  const ByteView expected = whole.state();
  const auto found = std::ranges::search(kept, expected);
  if (found.empty()) wrong("the state's hash is not that of its rows");
}

void DiskCheck::count_references() {
  const auto count = [this](const meta::SlicePage& page) {
    for (const meta::Slice& slice : page.slices) ++references_[slice.segment];
  };
  each<meta::VersionRecord>(Family::version, [&](const meta::VersionRecord& version) {
    if (version.page) count(*version.page);
  });
  scan(Family::slice_page, [&](ByteView, ByteView value) {
    const auto page = codec::decode<meta::SlicePage>(value);
    if (page) count(*page);
    return page.has_value();
  });
  each<meta::PartRecord>(Family::part, [&](const meta::PartRecord& part) { count(part.page); });
}

void DiskCheck::check_spread(const meta::SegmentRecord& segment) {
  const meta::State state(*index_->store);
  for (const std::string& level : index_->machine->params().spread) {
    std::set<std::string> domains;
    for (const meta::Holder& holder : segment.holders) {
      const auto node = state.load<meta::NodeRecord>(meta::keys::node(holder.node));
      if (node) domains.insert(meta::domain_at(node->id, node->labels, level));
    }
    if (domains.size() != segment.holders.size()) {
      wrong("two fragments of segment " + segment.id.hex() + " in one failure domain: " + level);
    }
  }
}

void DiskCheck::check_references() {
  each<meta::SegmentRecord>(Family::segment, [this](const meta::SegmentRecord& segment) {
    const auto counted = references_.find(segment.id);
    const std::uint64_t references = counted == references_.end() ? 0 : counted->second;
    if (references != segment.references) {
      wrong("segment " + segment.id.hex() + " counts " + std::to_string(segment.references) +
            " references, there are " + std::to_string(references));
    }
    references_.erase(segment.id);
    run_.count("segments");
    const std::int64_t age = index_->machine->time().ms - segment.created.ms;
    if (references == 0 && age > (run_.scenario.times.orphan + kSlack).count()) {
      wrong("segment " + segment.id.hex() + " is an orphan still");
    }
    check_spread(segment);
    if (segment.holders.size() < meta::write_quorum(segment.k, segment.m)) {
      wrong("segment " + segment.id.hex() + " is below its quorum");
    }
  });
  for (const auto& [segment, count] : references_) {
    wrong("segment " + segment.hex() + " is referred to and does not exist");
  }
}

void DiskCheck::check_node(MeshWorld::Machine& machine) {
  const meta::State state(*index_->store);
  const auto id = state.get(meta::keys::node_key(machine.key.public_key().view()));
  if (!id) return wrong(machine.name + " is not registered");
  const Bytes prefix = meta::keys::fragments_of(NodeId(get_be<std::uint32_t>(*id)));
  std::set<FragmentId> wanted;
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView) {
    wanted.insert(meta::keys::parse_fragment(key));
    return true;
  });
  auto store =
      resource::FragmentStore::open(machine.disk, std::string(kStorageFolder),
                                    run_.mesh.node_options().storage.store, machine.key, 1);
  if (!store) return wrong(machine.name + "'s store: " + store.error().to_string());
  check_fragments(machine, **store, wanted);
  check_accounts(machine, **store);
}

void DiskCheck::check_fragments(MeshWorld::Machine& machine, resource::FragmentStore& store,
                                const std::set<FragmentId>& wanted) {
  std::set<FragmentId> missing = wanted;
  std::optional<FragmentId> after;
  while (true) {
    const auto items = store.list(after, kListed);
    if (!items) return wrong(machine.name + "'s store: " + items.error().to_string());
    if (items->empty()) break;
    for (const auto& item : *items) {
      if (!wanted.contains(item.id)) {
        check_unwanted(machine.name, item);
      } else if (item.fragment.state != resource::FragmentState::trashed) {
        const Result<void> sound = store.verify(item.id);
        if (sound || machine.rotten) missing.erase(item.id);
        if (!sound && !machine.rotten) wrong(machine.name + ": " + sound.error().to_string());
      }
    }
    after = items->back().id;
  }
  run_.count("fragments", wanted.size());
  if (machine.rotten || missing.empty()) return;
  wrong(machine.name + " lost " + std::to_string(missing.size()) + " referenced fragments, " +
        to_string(*missing.begin()) + " among them");
}

void DiskCheck::check_unwanted(const std::string& node, const resource::FragmentIndex::Item& item) {
  run_.count("unreferenced_fragments");
  const std::int64_t now = index_->machine->time().ms;
  const Times& times = run_.scenario.times;
  std::int64_t gone_by = 0;
  if (item.fragment.state == resource::FragmentState::trashed) {
    gone_by = item.fragment.purge_at.ms;
  } else {
    gone_by = item.fragment.lease_until.ms + times.grace.count();
  }
  if (now > gone_by + kSlack.count()) {
    wrong(node + " keeps " + to_string(item.id) + " beyond its time, in state " +
          std::to_string(static_cast<int>(item.fragment.state)));
  }
}

// Beside the store, of the index's backup.
std::uint64_t backup_bytes(io::FileSystem& disk) {
  std::uint64_t bytes = 0;
  const std::string folder = "/data/backup";
  const auto names = disk.list(folder);
  if (!names) return 0;
  for (const std::string& name : *names) {
    const auto file = disk.open(folder + "/" + name, io::OpenMode::read);
    if (file) bytes += (*file)->allocated_bytes().value_or(0);
  }
  return bytes;
}

void DiskCheck::check_accounts(MeshWorld::Machine& machine, resource::FragmentStore& store) {
  // Accounts are exact when the store is idle: a crash forgets holes that were punched.
  bool more = true;
  while (more) {
    const auto outcome = store.upkeep(index_->machine->time());
    if (!outcome) return wrong(machine.name + "'s upkeep: " + outcome.error().to_string());
    more = outcome->more;
  }
  const Result<void> measured = store.measure();
  if (!measured) return wrong(machine.name + "'s store: " + measured.error().to_string());
  const resource::Usage usage = store.usage();
  const std::uint64_t sum = usage.used_bytes + usage.trash_bytes + usage.overhead_bytes;
  const std::uint64_t disk = machine.disk.used_bytes() - backup_bytes(machine.disk);
  // Beside the store the folder holds the node's key and its format.
  constexpr std::uint64_t kOthers = 64 << 10;
  if (sum > disk || disk - sum > kOthers) {
    wrong(machine.name + " accounts for " + std::to_string(sum) + " bytes, its disk holds " +
          std::to_string(disk));
  }
}

}  // namespace

void check_disks(Run& run) {
  DiskCheck check(run);
  check.run();
}

}  // namespace stratos::sim
