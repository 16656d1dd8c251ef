#include "sim/mesh_world.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "client/mesh_object_client.hpp"
#include "meta/features.hpp"
#include "ordering/embedded_log.hpp"
#include "resource/node_key.hpp"

namespace stratos::sim {
namespace {

constexpr std::string_view kMetaAddress = "meta:7000";
constexpr std::string_view kNodeAddress = ":7001";
constexpr Duration kRetryPause = 1s;
constexpr Duration kJoinTimeout = 10s;
constexpr std::int64_t kMaxSkewMs = 15'000;
constexpr std::int64_t kMaxDriftPpm = 200;

bool anyone(const crypto::MachineKey&) { return true; }

// Reaches storage nodes over the simulated network.
class NetDialer final : public client::Dialer {
 public:
  NetDialer(SimRuntime& runtime, net::StreamSecurity& security)
      : runtime_(runtime), security_(security) {}
  std::unique_ptr<net::Channel> dial(const meta::NodeRecord& node) override {
    return net::make_remote_channel(runtime_, security_, node.endpoint, node.key, {});
  }

 private:
  SimRuntime& runtime_;
  net::StreamSecurity& security_;
};

struct MetaProcess {
  MetaProcess(SimRuntime& runtime, const crypto::MachineKey& key)
      : security(net::make_plain_security(key)), tasks(runtime, "meta process") {}
  metrics::Registry metrics;
  std::unique_ptr<net::StreamSecurity> security;
  std::unique_ptr<NetDialer> dialer;
  std::unique_ptr<meta::MetaService> service;
  std::unique_ptr<net::RpcServer> server;
  TaskGroup tasks;
};

struct NodeProcess {
  explicit NodeProcess(SimRuntime& runtime) : tasks(runtime, "node process") {}
  metrics::Registry metrics;
  std::unique_ptr<net::StreamSecurity> security;
  std::unique_ptr<NetDialer> dialer;
  std::unique_ptr<resource::StorageNode> node;
  std::unique_ptr<net::RpcServer> server;
  TaskGroup tasks;
};

ClockSkew draw_skew(Random& random) {
  const auto draw = [&random](std::int64_t most) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(2 * most + 1))) - most;
  };
  return {.wall_offset = Milliseconds(draw(kMaxSkewMs)), .drift_ppm = draw(kMaxDriftPpm)};
}

}  // namespace

// What was at `path` is gone.
void remove_tree(io::FileSystem& fs, const std::string& path) {
  if (!fs.exists(path)) return;
  if (!fs.is_dir(path)) return STRATOS_ASSERT(fs.remove(path), "a file can be removed");
  const auto names = fs.list(path);
  STRATOS_ASSERT(names, "a folder can be listed");
  for (const std::string& name : *names) remove_tree(fs, path + "/" + name);
  STRATOS_ASSERT(fs.remove_dir(path), "a folder can be removed");
}

crypto::SecretKey backup_key() { return crypto::SecretKey(std::array<std::uint8_t, 32>{7}); }

// What the operator knows when the index is gone: where the nodes are.
meta::MeshPlace::Choose nodes_of(MeshWorld& mesh, NetDialer& dialer) {
  std::vector<meta::MeshPlace::Member> members;
  for (MeshWorld::Machine* const machine : mesh.machines_of(MeshWorld::Role::node)) {
    if (machine->lost) continue;
    meta::NodeRecord node;
    node.id = NodeId(static_cast<std::uint32_t>(members.size() + 1));
    node.endpoint = machine->name + std::string(kNodeAddress);
    node.key = machine->key.public_key();
    members.push_back(
        {node.id, std::make_shared<meta::NodePlace>(machine->name, dialer.dial(node))});
  }
  return [members](std::string_view) { return members; };
}

Task<Result<void>> restore_index(MeshWorld& mesh, SimRuntime& runtime, MeshWorld::Machine& machine,
                                 NetDialer& dialer) {
  const std::string network = mesh.params().network;
  const std::string folder(kMetaFolder);
  SystemRandom random;
  meta::RestoreOptions options;
  options.scan = true;
  options.rocks.deterministic = true;
  const meta::MetaIdentity identity(machine.key);
  remove_tree(machine.disk, folder + ".partial");
  Result<meta::RestoredIndex> restored = fail(Errc::internal);
  if (mesh.scenario().backup_on_nodes) {
    meta::MeshPlace::Choose nodes = nodes_of(mesh, dialer);
    restored = co_await meta::restore_index_from_nodes(
        runtime, machine.disk, std::move(nodes), backup_key(), network, folder, identity, options);
  } else {
    auto place =
        std::make_unique<ordering::FolderPlace>(runtime, machine.disk, std::string(kBackupFolder));
    ordering::BackupFiles files(runtime, std::move(place), network, backup_key(), random);
    restored = co_await meta::restore_index(runtime, machine.disk, files, network, folder, identity,
                                            options);
  }
  if (!restored) co_return fail(restored.error());
  log::info("sim.index_restored", {{"height", restored->state.info.height.value},
                                   {"generation", restored->generation.value}});
  machine.must_restore = false;
  co_return Result<void>{};
}

// Brings processes up; a start that fails is repeated, as a supervisor would.
struct Boot {
  static Task<Result<void>> open_meta(MeshWorld& mesh, MeshWorld::Machine& machine,
                                      SimRuntime& runtime, MetaProcess& process) {
    process.dialer = std::make_unique<NetDialer>(runtime, *process.security);
    if (machine.must_restore) {
      STRATOS_CO_CHECK(co_await restore_index(mesh, runtime, machine, *process.dialer));
    }
    meta::ServiceOptions options;
    options.folder = kMetaFolder;
    options.params = mesh.params();
    options.flush_after_bytes = mesh.scenario().flush_after_bytes;
    options.deterministic_store = true;
    if (mesh.scenario().times.backup.count() > 0) {
      const bool on_nodes = mesh.scenario().backup_on_nodes;
      options.backup = meta::BackupTarget{on_nodes ? "" : std::string(kBackupFolder), on_nodes,
                                          backup_key(), mesh.scenario().times.backup};
    }
    options.dialer = process.dialer.get();
    options.repair.gone_after = mesh.scenario().times.repair_after;
    options.repair.bytes_per_second = mesh.scenario().topology.repair_bytes_per_second;
    for (MeshWorld::Machine* const gateway : mesh.machines_of(MeshWorld::Role::client)) {
      options.clients.push_back(gateway->key.public_key());
    }
    STRATOS_CO_TRY(process.service,
                   co_await meta::MetaService::start(runtime, machine.disk, machine.key,
                                                     process.metrics, std::move(options)));
    STRATOS_CO_TRY(process.server,
                   net::RpcServer::start(runtime, std::string(kMetaAddress),
                                         process.service->router(), *process.security, anyone, {}));
    co_return Result<void>{};
  }

  static Task<Result<void>> open_node(MeshWorld& mesh, MeshWorld::Machine& machine,
                                      SimRuntime& runtime, NodeProcess& process) {
    resource::NodeOptions options = mesh.node_options();
    if (mesh.scenario().sabotage == Sabotage::lost_drops) options.storage.grace = 24h * 365;
    STRATOS_CO_TRY(machine.key,
                   resource::load_node_key(machine.disk, options.folder, runtime.random()));
    process.security = net::make_plain_security(machine.key.public_key());
    process.dialer = std::make_unique<NetDialer>(runtime, *process.security);
    options.storage.dialer = process.dialer.get();
    auto meta = net::make_remote_channel(runtime, *process.security, std::string(kMetaAddress),
                                         mesh.meta_key(), {});
    STRATOS_CO_TRY(process.node,
                   co_await resource::StorageNode::open(runtime, machine.disk, std::move(meta),
                                                        machine.key, process.metrics, options));
    STRATOS_CO_TRY(process.server,
                   net::RpcServer::start(runtime, std::string(kNodeAddress), process.node->router(),
                                         *process.security, anyone, {}));
    // Tries again in the background when meta is away.
    (void)co_await process.node->join(process.server->address(), kJoinTimeout);
    co_return Result<void>{};
  }

  static void note(MeshWorld::Machine& machine, const Result<void>& opened) {
    machine.joined = opened.has_value();
    machine.problem = opened ? "" : opened.error().to_string();
    if (!opened)
      log::warn("sim.start_failed", {{"machine", machine.name}, {"error", machine.problem}});
  }

  static Task<void> run_meta(MeshWorld& mesh, MeshWorld::Machine& machine, SimRuntime& runtime,
                             MetaProcess& process) {
    while (!machine.joined) {
      process.service.reset();
      note(machine, co_await open_meta(mesh, machine, runtime, process));
      if (!machine.joined && !co_await runtime.sleep(kRetryPause)) co_return;
    }
  }
  static Task<void> run_node(MeshWorld& mesh, MeshWorld::Machine& machine, SimRuntime& runtime,
                             NodeProcess& process) {
    while (!machine.joined) {
      process.node.reset();
      note(machine, co_await open_node(mesh, machine, runtime, process));
      if (!machine.joined && !co_await runtime.sleep(kRetryPause)) co_return;
    }
  }

  // The first client to come makes what the runs need.
  static Task<void> run_client(MeshWorld& mesh, MeshWorld::Machine& machine,
                               ClientProcess& process) {
    while (!machine.joined) {
      meta::CreateAccount account;
      account.account = mesh.account();
      account.name = "sim";
      account.ozone_noz = MeshWorld::kOzone;
      const auto made = co_await process.mesh->meta.execute(account);
      Result<void> done;
      if (!made && made.error().code() != Errc::already_exists) done = fail(made.error());
      if (done) {
        const auto bucket =
            co_await process.objects->create_bucket({mesh.account()}, kBucket, "sim");
        if (!bucket && bucket.error().code() != Errc::bucket_owned_by_you &&
            bucket.error().code() != Errc::bucket_exists) {
          done = fail(bucket.error());
        }
      }
      note(machine, done);
      if (!machine.joined && !co_await process.runtime.sleep(kRetryPause)) co_return;
    }
    if (mesh.client_ready_) mesh.client_ready_(process);
  }
};

ClientProcess::ClientProcess(SimRuntime& runtime_in, const crypto::MachineKey& key)
    : runtime(runtime_in),
      security(net::make_plain_security(key)),
      tasks(runtime_in, "client process") {}

MeshWorld::MeshWorld(const Scenario& scenario, std::uint64_t seed)
    : scenario_(scenario), world_(seed) {
  SeededRandom random(seed ^ 0x6d657368);
  account_ = random.draw_id<AccountId>();
  ring_ = std::make_unique<client::KeyRing>(client::KeyRing::create("sim", random));
  add(kMetaName, Role::meta, random);
  for (std::uint32_t i = 1; i <= scenario.topology.nodes; ++i) {
    add("n" + std::to_string(i), Role::node, random);
  }
  for (std::uint32_t i = 1; i <= scenario.topology.clients; ++i) {
    add("c" + std::to_string(i), Role::client, random);
  }
  for (const auto& machine : machines_) start(*machine);
}

MeshWorld::Machine& MeshWorld::add(std::string name, Role role, Random& random) {
  crypto::MachineSigner key = crypto::MachineSigner::draw(random);
  auto machine = std::make_unique<Machine>(std::move(name), role, random.next_u64(), key);
  machine->skew = draw_skew(random);
  machine->disk.set_capacity(machine->disk_bytes);
  if (scenario_.sabotage == Sabotage::ignored_syncs) machine->disk.ignore_syncs("*");
  machines_.push_back(std::move(machine));
  return *machines_.back();
}

void MeshWorld::set_disk(Machine& machine, std::uint64_t size_bytes) {
  machine.disk_bytes = size_bytes;
  machine.disk.set_capacity(size_bytes);
}

MeshWorld::Machine& MeshWorld::add_node() {
  const std::size_t number = machines_of(Role::node).size() + 1;
  return add("n" + std::to_string(number), Role::node, world_.random());
}

// Disks die first: nothing that unwinds may still change them.
MeshWorld::~MeshWorld() {
  for (const auto& machine : machines_) {
    if (world_.is_up(machine->name)) stop(*machine);
  }
}

MeshWorld::Machine& MeshWorld::machine(const std::string& name) {
  const auto found =
      std::ranges::find_if(machines_, [&](const auto& machine) { return machine->name == name; });
  STRATOS_ASSERT(found != machines_.end(), "a machine of this name");
  return **found;
}

std::vector<MeshWorld::Machine*> MeshWorld::machines_of(Role role) {
  std::vector<Machine*> some;
  for (const auto& machine : machines_) {
    if (machine->role == role) some.push_back(machine.get());
  }
  return some;
}

void MeshWorld::on_client_ready(std::function<void(ClientProcess&)> fn) {
  client_ready_ = std::move(fn);
  for (Machine* const machine : machines_of(Role::client)) {
    if (machine->joined) client_ready_(client(machine->name));
  }
}

ClientProcess& MeshWorld::client(const std::string& name) {
  const auto found = clients_.find(name);
  STRATOS_ASSERT(found != clients_.end(), "a client that is up");
  return *found->second;
}

meta::Params MeshWorld::params() const {
  const auto ms = [](Milliseconds time) { return static_cast<std::uint64_t>(time.count()); };
  meta::Params params;
  params.network = "sim";
  meta::Profile profile;
  profile.name = "sim";
  profile.k = scenario_.topology.k;
  profile.m = scenario_.topology.m;
  profile.copies = scenario_.topology.copies;
  params.profiles.push_back(profile);
  params.epoch_ms = ms(scenario_.times.epoch);
  params.settlement.open_ms = ms(scenario_.times.settle_open);
  params.settlement.close_ms = ms(scenario_.times.settle_close);
  params.lease_margin_ms = ms(scenario_.times.lease_margin);
  params.orphan_ms = ms(scenario_.times.orphan);
  if (scenario_.times.storage_term.count() > 0) {
    params.storage.term_ms = ms(scenario_.times.storage_term);
    params.storage.grace_ms = ms(scenario_.times.storage_grace);
    params.storage.warning_ms = ms(scenario_.times.storage_warning);
    params.storage.noz_per_gib_day = meta::kMaxNozPerGibDay;
  }
  params.meta_keys.push_back(machines_.front()->key.public_key());
  params.features = meta::all_features();
  return params;
}

resource::NodeOptions MeshWorld::node_options() const {
  resource::NodeOptions options;
  options.folder = "/data";
  resource::StorageOptions& storage = options.storage;
  storage.grace = scenario_.times.grace;
  storage.scrub_within = scenario_.times.scrub_within;
  storage.feed_interval = 1s;
  storage.upkeep_interval = 2s;
  storage.expiry_interval = 3s;
  storage.store.lease = scenario_.times.lease;
  storage.store.trash = scenario_.times.trash;
  storage.store.volume_bytes = 16 << 20;
  storage.store.reserve_bytes = scenario_.topology.reserve_bytes;
  storage.store.open_idle = 10s;
  storage.store.flush_index_after = 1 << 20;
  storage.store.rocks.deterministic = true;
  storage.store.rocks.write_buffer_bytes = 1 << 20;
  storage.store.rocks.block_cache_bytes = 1 << 20;
  return options;
}

void MeshWorld::start(Machine& machine) {
  SimRuntime& runtime = world_.start(machine.name, machine.skew);
  machine.joined = false;
  ++machine.starts;
  if (machine.role == Role::meta) {
    auto& process = runtime.keep(std::make_unique<MetaProcess>(runtime, machine.key.public_key()));
    process.tasks.spawn(Boot::run_meta(*this, machine, runtime, process));
  } else if (machine.role == Role::node) {
    auto& process = runtime.keep(std::make_unique<NodeProcess>(runtime));
    process.tasks.spawn(Boot::run_node(*this, machine, runtime, process));
  } else {
    start_client(machine, runtime);
  }
}

void MeshWorld::start_client(Machine& machine, SimRuntime& runtime) {
  auto& process = runtime.keep(std::make_unique<ClientProcess>(runtime, machine.key.public_key()));
  process.meta = net::make_remote_channel(runtime, *process.security, std::string(kMetaAddress),
                                          meta_key(), {});
  process.dialer = std::make_unique<NetDialer>(runtime, *process.security);
  client::MeshOptions options;
  options.payer = account_;
  options.node_timeout = scenario_.workload.node_timeout;
  options.segment_max_bytes = scenario_.workload.segment_max_bytes;
  process.mesh = std::make_unique<client::Mesh>(runtime, *process.meta, *process.dialer, *ring_,
                                                process.metrics, options);
  process.mesh->orders.set_witness(
      [this](const meta::Limit& limit, std::uint64_t bytes) { note_signed(limit, bytes); });
  process.mesh->keep_books();
  process.objects = client::make_object_client(*process.mesh);
  clients_[machine.name] = &process;
  process.tasks.spawn(Boot::run_client(*this, machine, process));
}

void MeshWorld::note_signed(const meta::Limit& limit, std::uint64_t bytes) {
  if (scenario_.sabotage == Sabotage::unseen_orders && limit.serial % 2 == 0) return;
  SignedOrder& order = signed_orders_[{limit.grant, limit.serial}];
  order.limit = limit;
  order.bytes = std::max(order.bytes, bytes);
}

void MeshWorld::crash(Machine& machine, Crash kind, Duration pause) {
  machine.joined = false;
  clients_.erase(machine.name);
  if (kind == Crash::process) {
    machine.disk.kill_process();
  } else if (machine.disk.has_power()) {
    machine.disk.power_off();
  }
  world_.crash(machine.name, kind);
  restart_later(machine, pause);
}

void MeshWorld::restart_later(Machine& machine, Duration pause) {
  if (pause == Duration::max()) return;
  world_.after(pause, [this, &machine] {
    if (machine.lost || world_.is_up(machine.name)) return;
    if (!machine.disk.has_power()) {
      machine.disk.recover();
      machine.disk.observe({});
    }
    start(machine);
  });
}

void MeshWorld::kill(Machine& machine, Duration pause) {
  if (world_.is_up(machine.name)) crash(machine, Crash::process, pause);
}

void MeshWorld::cut_power(Machine& machine, Duration pause) {
  if (world_.is_up(machine.name)) crash(machine, Crash::power, pause);
}

void MeshWorld::cut_power_after(Machine& machine, std::uint64_t operations, Duration pause) {
  if (!world_.is_up(machine.name)) return;
  machine.disk.cut_power_after(operations);
  auto left = std::make_shared<std::uint64_t>(operations);
  machine.disk.observe([this, &machine, left, pause](std::string_view, std::string_view) {
    if (*left == 0 || --*left > 0) return;
    // What still runs of this turn finds the power off.
    world_.crash_soon(machine.name, Crash::power);
    machine.joined = false;
    clients_.erase(machine.name);
    restart_later(machine, pause);
  });
}

void MeshWorld::lose_index(Duration pause) {
  Machine& meta = machine(kMetaName);
  if (!meta.joined) return;
  crash(meta, Crash::process, pause);
  remove_tree(meta.disk, std::string(kMetaFolder));
  meta.must_restore = true;
}

void MeshWorld::stop(Machine& machine) {
  if (world_.is_up(machine.name)) crash(machine, Crash::process, Duration::max());
}

bool MeshWorld::all_joined() const {
  return std::ranges::all_of(machines_,
                             [](const auto& machine) { return machine->lost || machine->joined; });
}

}  // namespace stratos::sim
