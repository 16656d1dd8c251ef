#include "sim/mesh_faults.hpp"

#include <limits>

#include "base/log.hpp"

namespace stratos::sim {
namespace {

constexpr std::uint64_t kFewOperations = 60;
constexpr std::uint64_t kFewBits = 40;
constexpr std::int64_t kMostSkewMs = 30'000;
constexpr Duration kSupervisorPause = 2s;
constexpr Duration kBackupTime = 5s;
constexpr std::uint64_t kUnlimited = 4ULL << 30;

}  // namespace

Faults::Faults(Run& run) : run_(run), random_(run.mesh.world().random()) {}

void Faults::begin() {
  std::vector<Machine*> nodes = run_.mesh.machines_of(MeshWorld::Role::node);
  for (std::uint32_t i = 0; i < run_.scenario.faults.rotten_nodes; ++i) {
    Machine* const node = nodes[random_.below(nodes.size())];
    std::erase(nodes, node);
    node->rotten = true;
    rotten_.push_back(node);
  }
  if (run_.scenario.faults.interval.count() > 0) schedule();
}

void Faults::schedule() {
  const Duration pause = draw_time(random_, run_.scenario.faults.interval);
  run_.mesh.world().after(pause, [this] {
    if (run_.stopping) return;
    strike();
    schedule();
  });
}

Duration Faults::draw_length() {
  const FaultPlan& plan = run_.scenario.faults;
  const auto span = static_cast<std::uint64_t>((plan.longest - plan.shortest).count()) + 1;
  return plan.shortest + Milliseconds(static_cast<std::int64_t>(random_.below(span)));
}

Faults::Machine& Faults::any_of(MeshWorld::Role role) {
  const std::vector<Machine*> some = run_.mesh.machines_of(role);
  return *some[random_.below(some.size())];
}

Faults::Machine& Faults::any_machine() {
  auto& machines = run_.mesh.machines();
  return *machines[random_.below(machines.size())];
}

void Faults::strike() {
  const std::string kind = draw(random_, run_.scenario.faults.kinds);
  log::info("sim.fault", {{"kind", kind}});
  if (!strike_machine(kind) && !strike_link(kind) && !strike_disk(kind)) return;
  run_.count("faults");
  run_.count("fault." + kind);
}

bool Faults::strike_machine(const std::string& kind) {
  MeshWorld& mesh = run_.mesh;
  using Role = MeshWorld::Role;
  if (kind == "kill_node") {
    mesh.kill(any_of(Role::node), draw_length());
  } else if (kind == "kill_meta") {
    mesh.kill(any_of(Role::meta), draw_length());
  } else if (kind == "kill_client") {
    mesh.kill(any_of(Role::client), draw_length());
  } else if (kind == "power_node") {
    mesh.cut_power(any_of(Role::node), draw_length());
  } else if (kind == "power_meta") {
    mesh.cut_power(any_of(Role::meta), draw_length());
  } else if (kind == "power_all") {
    for (const auto& machine : mesh.machines()) mesh.cut_power(*machine, draw_length());
  } else if (kind == "torn_node") {
    mesh.cut_power_after(any_of(Role::node), 1 + random_.below(kFewOperations), draw_length());
  } else if (kind == "torn_meta") {
    mesh.cut_power_after(any_of(Role::meta), 1 + random_.below(kFewOperations), draw_length());
  } else if (kind == "lose_index") {
    lose_index();
  } else if (kind == "lose") {
    lose();
  } else if (kind == "clock") {
    Machine& machine = any_machine();
    const auto span = static_cast<std::uint64_t>(2 * kMostSkewMs + 1);
    machine.skew.wall_offset =
        Milliseconds(static_cast<std::int64_t>(random_.below(span)) - kMostSkewMs);
    if (mesh.world().is_up(machine.name)) {
      mesh.world().runtime(machine.name).set_wall_offset(machine.skew.wall_offset);
    }
  } else {
    return false;
  }
  return true;
}

bool Faults::strike_link(const std::string& kind) {
  SimWorld& world = run_.mesh.world();
  SimNetwork& network = world.network();
  const std::string from = any_machine().name;
  const std::string to = any_machine().name;
  const Duration length = draw_length();
  if (kind == "partition") {
    partition();
  } else if (from == to) {
    return false;
  } else if (kind == "one_way") {
    network.cut(from, to);
    world.after(length, [&network, from, to] { network.heal(from, to); });
  } else if (kind == "slow") {
    network.set_link(from, to, {20ms, 400ms, 200'000});
    world.after(length, [&network, from, to] { network.set_link(from, to, Link()); });
  } else if (kind == "reset") {
    network.reset_connections(from, to);
  } else if (kind == "refuse") {
    network.refuse(from, to, true);
    world.after(length, [&network, from, to] { network.refuse(from, to, false); });
  } else {
    return false;
  }
  return true;
}

void Faults::partition() {
  SimWorld& world = run_.mesh.world();
  std::vector<std::string> side;
  std::vector<std::string> other;
  for (const auto& machine : run_.mesh.machines()) {
    (random_.below(3) == 0 ? side : other).push_back(machine->name);
  }
  world.network().partition(side, other);
  world.after(draw_length(), [&world, side, other] {
    for (const std::string& one : side) {
      for (const std::string& two : other) {
        world.network().heal(one, two);
        world.network().heal(two, one);
      }
    }
  });
}

bool Faults::strike_disk(const std::string& kind) {
  MeshWorld& mesh = run_.mesh;
  if (kind == "sync_node") {
    any_of(MeshWorld::Role::node).disk.fail_syncs("*", 1);
  } else if (kind == "sync_meta") {
    // The log stops then; a supervisor starts the process again.
    Machine& meta = any_of(MeshWorld::Role::meta);
    meta.disk.fail_syncs("*", 1);
    mesh.world().after(kSupervisorPause, [&mesh, &meta] { mesh.kill(meta, 100ms); });
  } else if (kind == "full") {
    Machine& node = any_of(MeshWorld::Role::node);
    node.disk.set_capacity(node.disk.used_bytes() + random_.below(2 << 20));
    mesh.world().after(draw_length(), [&node] { node.disk.set_capacity(node.disk_bytes); });
  } else if (kind == "rot") {
    rot();
  } else {
    return false;
  }
  return true;
}

// What was written since the backup's last step, and some time for that step, may be lost with it.
void Faults::lose_index() {
  const Duration reach = 2 * run_.scenario.times.backup + kBackupTime;
  const Machine& meta = run_.mesh.machine(kMetaName);
  // A restored index is not lost before it was backed up itself.
  const bool is_early = run_.now() < MonotonicTime() + reach || run_.now() < lost_ + reach;
  if (!meta.joined || is_early) return;
  lost_ = run_.now();
  run_.mesh.lose_index(draw_length());
  run_.model.forget_since(run_.now() + -reach, run_.now());
  run_.count("lost_indexes");
}

// A node that never comes back.
void Faults::lose() {
  std::uint64_t lost = 0;
  for (Machine* const node : run_.mesh.machines_of(MeshWorld::Role::node)) lost += node->lost;
  if (lost >= run_.scenario.faults.lost_nodes) return;
  Machine& node = any_of(MeshWorld::Role::node);
  if (node.rotten) return;
  node.lost = true;
  run_.mesh.cut_power(node, 1s);
}

void Faults::rot() {
  if (rotten_.empty()) return;
  Machine& node = *rotten_[random_.below(rotten_.size())];
  const std::string folder = std::string(kStorageFolder) + "/volumes";
  const auto names = node.disk.list(folder);
  if (!names || names->empty()) return;
  const std::string path = folder + "/" + (*names)[random_.below(names->size())];
  const auto bits = static_cast<std::uint32_t>(1 + random_.below(kFewBits));
  if (node.disk.flip_bits(path, bits)) run_.count("rotten_bits", bits);
}

void Faults::heal() {
  SimWorld& world = run_.mesh.world();
  world.network().heal_all();
  for (const auto& from : run_.mesh.machines()) {
    from->disk.set_capacity(from->disk_bytes);
    // What was armed and has not happened yet does not happen any more.
    from->disk.fail_syncs("", 0);
    from->disk.cut_power_after(kUnlimited);
    from->disk.observe({});
    for (const auto& to : run_.mesh.machines()) {
      if (from == to) continue;
      world.network().set_link(from->name, to->name, Link());
      world.network().refuse(from->name, to->name, false);
    }
  }
}

}  // namespace stratos::sim
