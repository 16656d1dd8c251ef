#include "meta/backup_set.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/zone_commands.hpp"
#include "runtime/sync.hpp"

namespace stratos::meta {
namespace {

constexpr Duration kLastStepTimeout = 3s;

std::vector<NodeId> all_nodes(const State& state) {
  std::vector<NodeId> nodes;
  for (std::uint64_t id = 1; id <= state.counter("node"); ++id) {
    nodes.emplace_back(static_cast<std::uint32_t>(id));
  }
  return nodes;
}

}  // namespace

BackupSet::BackupSet(Parts parts, std::string network, std::optional<BackupTarget> target)
    : parts_(std::move(parts)), network_(std::move(network)), target_(std::move(target)) {}

ordering::StateMachine& BackupSet::watch(ordering::StateMachine& machine) {
  ordering::StateMachine* watched = &machine;
  if (!target_) return machine;
  target_->on_nodes = target_->on_nodes && parts_.dialer != nullptr;
  const std::size_t places = (target_->folder.empty() ? 0U : 1U) + (target_->remote ? 1U : 0U) +
                             (target_->on_nodes ? 1U : 0U);
  for (std::size_t i = 0; i < places; ++i) {
    backups_.push_back(std::make_unique<IndexBackup>(parts_.runtime, *watched));
    watched = &backups_.back()->machine();
  }
  return *watched;
}

Task<Result<void>> BackupSet::open() {
  if (backups_.empty()) co_return Result<void>{};
  auto next = backups_.rbegin();
  if (target_->on_nodes) {
    MeshPlace::Choose choose = [this](std::string_view name) { return members(name); };
    const Generation generation = zone_state(State(parts_.store)).generation;
    auto place = std::make_unique<MeshPlace>(std::move(choose), generation);
    (*next++)->open(std::move(place), network_, *target_);
  }
  if (target_->remote) (*next++)->open(target_->remote(parts_.runtime), network_, *target_);
  if (target_->folder.empty()) co_return Result<void>{};
  STRATOS_CO_TRY(auto folder,
                 ordering::FolderPlace::open(parts_.runtime, parts_.fs, target_->folder));
  backups_.front()->open(std::move(folder), network_, *target_);
  co_return co_await backups_.front()->check_heir();
}

void BackupSet::start(TaskGroup& tasks) {
  for (const auto& backup : backups_) tasks.spawn(backup->run());
}

Task<Result<void>> BackupSet::step() {
  Result<void> all;
  for (const auto& backup : backups_) {
    const Result<void> done = co_await backup->step();
    if (!done && all) all = fail(done.error());
  }
  co_return all;
}

Task<void> BackupSet::finish() {
  for (const auto& backup : backups_) {
    (void)co_await with_deadline(parts_.runtime, backup->step(), kLastStepTimeout);
  }
}

BackupReply BackupSet::status() const {
  const ZoneState zone = zone_state(State(parts_.store));
  BackupReply reply;
  for (const auto& backup : backups_) reply.places.push_back(backup->status());
  reply.now = parts_.runtime.wall_now();
  reply.generation = zone.generation;
  reply.drops_pause = zone.drops_pause;
  return reply;
}

void BackupSet::show_metrics() const {
  const BackupReply now = status();
  std::int64_t failures = 0;
  std::int64_t age_ms = 0;
  for (const BackupReply::Place& place : now.places) {
    failures = std::max(failures, static_cast<std::int64_t>(place.failures));
    if (place.at.ms != 0) age_ms = std::max(age_ms, now.now.ms - place.at.ms);
  }
  metrics::Registry& metrics = parts_.metrics;
  metrics.gauge("stratos_zone_generation").set(static_cast<std::int64_t>(now.generation.value));
  metrics.gauge("stratos_zone_drops_paused").set(now.drops_pause ? 1 : 0);
  metrics.gauge("stratos_backup_failures_count").set(failures);
  metrics.gauge("stratos_backup_age_seconds").set(age_ms / 1000);
}

// Nodes that are heard; for a file those that placement ranks for its name.
std::vector<MeshPlace::Member> BackupSet::members(std::string_view name) {
  const State state(parts_.store);
  std::vector<MeshPlace::Member> members;
  for (const NodeId id : name.empty() ? all_nodes(state) : ranked_for(state, name)) {
    if (!parts_.is_heard(id)) continue;
    const auto node = state.load<NodeRecord>(keys::node(id));
    if (node) members.push_back({id, place_on(*node)});
  }
  return members;
}

std::vector<NodeId> BackupSet::ranked_for(const State& state, std::string_view name) const {
  const auto table = state.load<NodeTable>(keys::node_table(state.counter("node_table")));
  if (!table) return {};
  const Hash id = crypto::blake3(as_bytes(name));
  PlacementUnit unit;
  unit.id = id.view();
  unit.spread = table->levels;
  return rank(unit, *table);
}

std::shared_ptr<ordering::BackupPlace> BackupSet::place_on(const NodeRecord& node) {
  Peer& peer = peers_[node.id];
  if (!peer.place || peer.endpoint != node.endpoint || peer.key != node.key) {
    peer.endpoint = node.endpoint;
    peer.key = node.key;
    peer.place = std::make_shared<NodePlace>(to_string(node.id), parts_.dialer->dial(node));
  }
  return peer.place;
}

}  // namespace stratos::meta
