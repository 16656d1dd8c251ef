#include "sim/mesh_run.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "meta/zone_commands.hpp"
#include "sim/mesh_checks.hpp"
#include "sim/mesh_faults.hpp"
#include "sim/mesh_retention.hpp"
#include "sim/mesh_settlement.hpp"
#include "sim/mesh_workload.hpp"

namespace stratos::sim {
namespace {

constexpr Duration kStartLimit = 2min;
constexpr Duration kEndLimit = 10min;
constexpr Duration kUpLimit = 3min;
constexpr Duration kReadLimit = 30min;
constexpr Duration kFeedTime = 8s;
constexpr Duration kRepairLimit = 15min;
constexpr int kKills = 4;
constexpr Duration kLook = 2s;
constexpr Duration kScanLimit = 5min;
constexpr Duration kKillPause = 2s;
constexpr Duration kBalanceLimit = 15min;
constexpr Duration kBalanceRest = 1min;  // without a move for so long it has come to rest

Task<Result<meta::GetNodes::Reply>> all_nodes(ClientProcess& client) {
  const meta::GetNodes query;
  co_return co_await client.mesh->meta.query(query);
}

Task<bool> all_nodes_up(ClientProcess& client, std::size_t expected) {
  const auto nodes = co_await all_nodes(client);
  if (!nodes) co_return false;
  co_return static_cast<std::size_t>(
      std::ranges::count(nodes->nodes, meta::NodeState::up, &meta::NodeRecord::state)) >= expected;
}

Task<bool> resume_drops(ClientProcess& client) {
  const meta::ResumeDrops command;
  co_return (co_await client.mesh->meta.execute(command)).has_value();
}

// What the operator looks at before drops resume: every node said what it holds, and all that the
// index did not know is on its records.
Task<bool> is_scanned(ClientProcess& client) {
  const auto status = co_await client.mesh->meta.scan(false);
  if (!status) co_return false;
  const bool is_done = status->finished && !status->is_running && status->silent.empty();
  co_return !status->is_wanted || (is_done && status->failed == 0);
}

// After each restore.
Task<void> resume_when_scanned(Run& run, ClientProcess& client) {
  while (!run.stopping && co_await client.runtime.sleep(kLook)) {
    if (co_await is_scanned(client)) co_await resume_drops(client);
  }
}

Task<Result<meta::ScanStatus>> scan_status(ClientProcess& client) {
  co_return co_await client.mesh->meta.scan(false);
}

Task<Result<meta::GetHealth::Reply>> health(ClientProcess& client) {
  const meta::GetHealth query;
  co_return co_await client.mesh->meta.query(query);
}

Task<Result<meta::RepairStatus>> repair_status(ClientProcess& client) {
  co_return co_await client.mesh->meta.repair_status();
}

class Runner {
 public:
  explicit Runner(Run& run) : run_(run), faults_(run), retention_(run) {}
  void run();

 private:
  SimWorld& world() { return run_.mesh.world(); }
  ClientProcess& client() { return run_.mesh.client("c1"); }
  bool bring_up();
  bool come_to_rest();
  void add_late_nodes();
  void wait_for_scan();
  void wait_for_repair();
  void wait_for_balance();
  bool wait_for_nodes(Duration limit);
  void check_health();
  void check_histories();
  void collect();

  Run& run_;
  Faults faults_;
  Retention retention_;
};

bool Runner::wait_for_nodes(Duration limit) {
  std::size_t expected = 0;
  for (auto* node : run_.mesh.machines_of(MeshWorld::Role::node)) expected += !node->lost;
  const MonotonicTime end = run_.now() + limit;
  while (run_.now() < end) {
    const auto up = world().run_task("c1", all_nodes_up(client(), expected), 1min);
    if (up && *up) return true;
    world().run_for(500ms);
  }
  return false;
}

bool Runner::bring_up() {
  const auto joined = [this] { return run_.mesh.all_joined(); };
  if (world().run_until(joined, kStartLimit) && wait_for_nodes(kUpLimit)) return true;
  run_.fail("the mesh does not come up");
  for (const auto& machine : run_.mesh.machines()) {
    if (!machine->joined) run_.fail(machine->name + ": " + machine->problem);
  }
  return false;
}

bool Runner::come_to_rest() {
  run_.stopping = true;
  faults_.heal();
  const auto rested = [this] { return run_.operations.empty(); };
  if (!world().run_until(rested, kEndLimit)) {
    for (const auto& [id, operation] : run_.operations) run_.fail(operation.name + " never ends");
    return false;
  }
  if (!bring_up()) return false;
  if (run_.scenario.times.backup.count() > 0) {
    wait_for_scan();
    const auto resumed = world().run_task("c1", resume_drops(client()), 1min);
    if (!resumed || !*resumed) run_.fail("drops do not resume");
  }
  world().run_for(run_.scenario.settle);
  return true;
}

void Runner::wait_for_scan() {
  const MonotonicTime end = run_.now() + kScanLimit;
  while (run_.now() < end) {
    const auto scanned = world().run_task("c1", is_scanned(client()), 1min);
    if (scanned && *scanned) break;
    world().run_for(500ms);
  }
  const auto status = world().run_task("c1", scan_status(client()), 1min);
  if (!status || !*status) return run_.fail("the scan cannot be asked");
  run_.count("attached_holders", (*status)->attached);
  if (run_.now() >= end) run_.fail("the scan does not end: " + (*status)->last_error);
}

// Whatever was lost is made anew where there are nodes enough.
void Runner::wait_for_repair() {
  const Topology& topology = run_.scenario.topology;
  std::size_t nodes = 0;
  for (auto* node : run_.mesh.machines_of(MeshWorld::Role::node)) nodes += !node->lost;
  if (nodes < std::max<std::size_t>(topology.copies, topology.k + topology.m)) return;
  const MonotonicTime end = run_.now() + kRepairLimit;
  std::uint64_t below = 0;
  while (run_.now() < end) {
    const auto reply = world().run_task("c1", health(client()), 1min);
    if (reply && *reply) below = (*reply)->below_full;
    if (reply && *reply && below == 0) return;
    world().run_for(1s);
  }
  run_.fail(std::to_string(below) + " segments do not come back to full redundancy");
}

// The new nodes take their share, and then nothing moves any more.
void Runner::wait_for_balance() {
  if (run_.scenario.topology.late_nodes == 0) return;
  const MonotonicTime end = run_.now() + kBalanceLimit;
  meta::BalanceStatus balance;
  MonotonicTime moved = run_.now();
  while (run_.now() < moved + kBalanceRest) {
    if (run_.now() > end) return run_.fail("balance does not come to rest");
    world().run_for(1s);
    const auto reply = world().run_task("c1", repair_status(client()), 1min);
    if (!reply || !*reply) return run_.fail("balance cannot be asked");
    if ((*reply)->balance.moved_fragments != balance.moved_fragments) moved = run_.now();
    balance = (*reply)->balance;
  }
  run_.count("moved_fragments", balance.moved_fragments);
  run_.count("spread", balance.most - std::min(balance.most, balance.least));
  if (balance.moved_fragments == 0) run_.fail("nothing moved to the new nodes");
  if (balance.most > balance.least + balance.above) {
    run_.fail("at rest one node is " + std::to_string(balance.most) + " ‰ full, another " +
              std::to_string(balance.least));
  }
}

void Runner::check_health() {
  const auto reply = world().run_task("c1", health(client()), 1min);
  if (!reply || !*reply) return run_.fail("health cannot be asked");
  const bool some_lost =
      std::ranges::any_of(run_.mesh.machines(), [](const auto& machine) { return machine->lost; });
  if ((*reply)->lost > 0) run_.fail("health counts lost segments");
  if ((*reply)->unreadable > 0 && !some_lost) run_.fail("health counts unreadable segments");
}

void Runner::check_histories() {
  for (const std::string& key : run_.model.keys()) {
    const std::vector<Access> history = run_.model.history(key);
    const Linearizable found = check_history(history);
    run_.count(found == Linearizable::undecided ? "undecided_histories" : "linearizable_histories");
    if (found == Linearizable::no) {
      run_.fail("no order of its " + std::to_string(history.size()) + " operations explains " +
                key);
    }
  }
}

void Runner::collect() {
  run_.count("writes", run_.model.writes());
  run_.count("unknown_writes", run_.model.unknown_writes());
  run_.count("switches", world().switches());
  run_.count("virtual_ms", static_cast<std::uint64_t>(run_.now().since_start / 1ms));
  std::uint64_t starts = 0;
  for (const auto& machine : run_.mesh.machines()) starts += machine->starts;
  run_.count("starts", starts);
}

// Nodes are killed while the new ones take their share.
void Runner::add_late_nodes() {
  const Topology& topology = run_.scenario.topology;
  if (topology.late_nodes == 0) return;
  const auto known = world().run_task("c1", all_nodes(client()), 1min);
  if (!known || !*known) return run_.fail("the nodes cannot be asked");
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < (*known)->nodes.size(); ++i) {
    const std::string& endpoint = (*known)->nodes[i].endpoint;
    auto& node = run_.mesh.machine(endpoint.substr(0, endpoint.find(':')));
    const std::uint64_t wanted = (*known)->ledgers[i].bytes * 100 / topology.percent_full;
    run_.mesh.set_disk(node, node.disk.used_bytes() + wanted - (*known)->ledgers[i].bytes +
                                 topology.reserve_bytes);
    most = std::max(most, wanted);
  }
  for (std::uint32_t i = 0; i < topology.late_nodes; ++i) {
    auto& node = run_.mesh.add_node();
    run_.mesh.set_disk(node, most + topology.reserve_bytes);
    run_.mesh.start(node);
  }
  const auto nodes = run_.mesh.machines_of(MeshWorld::Role::node);
  for (int i = 0; i < kKills; ++i) {
    world().run_for(kKillPause);
    run_.mesh.kill(*nodes[world().random().below(nodes.size())], kKillPause / 2);
  }
  if (!bring_up()) run_.fail("the mesh does not come up with its new nodes");
}

void Runner::run() {
  if (!bring_up()) return;
  retention_.plant();
  run_.mesh.on_client_ready([this](ClientProcess& process) {
    start_workers(run_, process);
    if (run_.scenario.times.backup.count() > 0) {
      process.tasks.spawn(resume_when_scanned(run_, process));
    }
  });
  faults_.begin();
  world().run_for(run_.scenario.duration);
  if (!come_to_rest()) return;
  add_late_nodes();
  const auto read = world().run_task("c1", check_all_keys(run_, client()), kReadLimit);
  if (!read) run_.fail("reading every key at rest does not end");
  retention_.check();
  wait_for_repair();
  wait_for_balance();
  check_health();
  check_histories();
  wait_for_settlement(run_);
  world().run_for(kFeedTime);
  for (const auto& machine : run_.mesh.machines()) run_.mesh.stop(*machine);
  check_disks(run_);
  collect();
}

}  // namespace

Report run_scenario(const Scenario& scenario, std::uint64_t seed) {
  Run run(scenario, seed);
  {
    Runner runner(run);
    runner.run();
  }
  Report report = std::move(run.report);
  report.trace_hash = run.mesh.world().trace_hash();
  report.ok = report.failures.empty();
  return report;
}

}  // namespace stratos::sim
