#include "meta/node_watch.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "meta/keys.hpp"
#include "meta/node_commands.hpp"
#include "meta/placement.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::meta {
namespace {

constexpr Duration kLivenessPeriod = 250ms;
constexpr std::uint64_t kTrimAfter = 4096;
constexpr std::size_t kMaxConfirm = 10'000;

// Entries with a wrong one would be refused whole, others' commands with them.
Result<void> check_succession(const RegisterRequest& request) {
  return request.succession ? verify_succession(*request.succession, request.key) : Result<void>();
}

}  // namespace

void NodeWatch::start() {
  const State state(parts_.store);
  for (std::uint32_t id = 1; id <= state.counter("node"); ++id) {
    Live& live = live_[NodeId(id)];
    live.said.node = NodeId(id);
    live.heard = parts_.runtime.now();
  }
  tasks_.spawn(watch());
}

Task<void> NodeWatch::stop() {
  tasks_.cancel();
  co_await tasks_.join();
}

Duration NodeWatch::silence_of(NodeId node) const {
  const auto live = live_.find(node);
  return live == live_.end() ? Duration(0) : parts_.runtime.now() - live->second.heard;
}

bool NodeWatch::is_heard(NodeId node) const {
  const auto live = live_.find(node);
  return live != live_.end() && live->second.said.incarnation != 0 &&
         parts_.runtime.now() - live->second.heard <= parts_.timeout;
}

HeartbeatRequest NodeWatch::said_by(NodeId node) const {
  const auto live = live_.find(node);
  return live == live_.end() ? HeartbeatRequest{} : live->second.said;
}

std::vector<HeartbeatRequest> NodeWatch::all_said() const {
  std::vector<HeartbeatRequest> said;
  for (const auto& [node, live] : live_) said.push_back(live.said);
  return said;
}

std::optional<NodeRecord> NodeWatch::record_of(NodeId node) const {
  const State state(parts_.store);
  return state.load<NodeRecord>(keys::node(node));
}

Task<Result<NodeId>> NodeWatch::register_node(RegisterRequest request) {
  std::uint32_t free_class = free_class_of(request.capacity_bytes);
  const State state(parts_.store);
  auto known = state.get(keys::node_key(request.key.view()));
  if (!known && request.succession) {
    known = state.get(keys::node_key(request.succession->previous.view()));
  }
  if (known) {
    const NodeId id(get_be<std::uint32_t>(*known));
    // What it said last holds until its first heartbeat.
    if (const auto record = record_of(id)) free_class = record->free_class;
    const auto live = live_.find(id);
    const bool other_lives = live != live_.end() && live->second.said.incarnation != 0 &&
                             live->second.said.incarnation != request.incarnation &&
                             parts_.runtime.now() - live->second.heard < parts_.timeout;
    if (other_lives) co_return fail(Errc::duplicate_node_key, "another live process has this key");
  }
  RegisterNode command;
  command.key = request.key;
  command.endpoint = request.endpoint;
  command.labels = request.labels;
  command.capabilities = request.capabilities;
  command.capacity_bytes = request.capacity_bytes;
  command.free_class = free_class;
  command.succession = request.succession;
  STRATOS_CO_CHECK(check_succession(request));
  Bytes encoded = codec::encode(command);
  STRATOS_CO_TRY(const Bytes value, co_await parts_.order(Verb::register_node, std::move(encoded)));
  STRATOS_CO_TRY(const RegisterNode::Reply registered, codec::decode<RegisterNode::Reply>(value));
  Live& live = live_[registered.node];
  live.said.node = registered.node;
  live.said.incarnation = request.incarnation;
  live.class_changed.reset();
  live.heard = parts_.runtime.now();
  log::info("node.registered",
            {{"node", to_string(registered.node)}, {"endpoint", request.endpoint}});
  co_return registered.node;
}

Task<Result<HeartbeatReply>> NodeWatch::heartbeat(HeartbeatRequest request) {
  if (request.release.size() > kMaxReleaseBytes) co_return fail(Errc::too_large, "release");
  Live& live = live_[request.node];
  const bool replaced = live.said.incarnation != 0 && live.said.incarnation != request.incarnation;
  if (replaced) co_return fail(Errc::duplicate_node_key, "a newer process has this key");
  live.said = request;
  live.heard = parts_.runtime.now();
  const auto record = record_of(request.node);
  const std::uint32_t free_class = free_class_of(request.free_bytes);
  const bool back = record && record->state == NodeState::down;
  const bool class_due = record && record->free_class != free_class &&
                         (free_class == 0 || record->free_class == 0 || !live.class_changed ||
                          parts_.runtime.now() - *live.class_changed > 1h);
  if (back || class_due) {
    live.class_changed = parts_.runtime.now();
    const NodeState from = record->state;
    co_await set_state(request.node, from, back ? NodeState::up : from, free_class);
  }
  const State state(parts_.store);
  HeartbeatReply reply;
  reply.time = parts_.machine.time();
  reply.epoch = Epoch(static_cast<std::uint64_t>(reply.time.ms) / parts_.machine.params().epoch_ms);
  const auto ledger = state.load<NodeLedger>(keys::node_ledger(request.node));
  reply.feed_end = ledger ? ledger->feed_end : 0;
  co_return reply;
}

Task<void> NodeWatch::set_state(NodeId node, NodeState from, NodeState next,
                                std::uint32_t free_class) {
  SetNodeState command;
  command.node = node;
  command.from = from;
  command.state = next;
  command.free_class = free_class;
  Bytes encoded = codec::encode(command);
  const Result<Bytes> done = co_await parts_.order(Verb::set_node_state, std::move(encoded));
  if (!done) log::warn("node.state_not_ordered", {{"error", done.error().to_string()}});
}

Task<void> NodeWatch::watch() {
  while (co_await parts_.runtime.sleep(kLivenessPeriod)) {
    std::vector<NodeId> silent;
    for (const auto& [node, live] : live_) {
      if (parts_.runtime.now() - live.heard <= parts_.timeout) continue;
      const auto record = record_of(node);
      if (record && record->state == NodeState::up) silent.push_back(node);
    }
    for (NodeId node : silent) {
      log::warn("node.down", {{"node", to_string(node)}});
      const auto record = record_of(node);
      if (record) co_await set_state(node, NodeState::up, NodeState::down, record->free_class);
    }
  }
}

Result<FeedReply> NodeWatch::feed(const FeedRequest& request) {
  const State state(parts_.store);
  const auto ledger = state.load<NodeLedger>(keys::node_ledger(request.node));
  if (!ledger) return fail(Errc::no_such_node, to_string(request.node));
  FeedReply reply;
  reply.end = ledger->feed_end;
  // A cursor beyond the end comes from an index that was newer than this one.
  reply.cursor_too_old = request.after > ledger->feed_end || request.after + 1 < ledger->feed_begin;
  if (reply.cursor_too_old) return reply;
  if (request.after >= ledger->feed_begin + kTrimAfter && trimming_.insert(request.node).second) {
    tasks_.spawn(trim(request.node, request.after));
  }
  const bool drops_pause = zone_state(state).drops_pause;
  const std::uint64_t last =
      std::min(ledger->feed_end, request.after + std::min<std::uint64_t>(request.limit, 10'000));
  for (std::uint64_t at = request.after + 1; at <= last; ++at) {
    auto entry = state.load<FeedEntry>(keys::feed(request.node, at));
    if (!entry) continue;
    if (drops_pause && entry->kind == FeedKind::drop) break;
    reply.entries.push_back(std::move(*entry));
  }
  STRATOS_CHECK(state.status());
  return reply;
}

Task<void> NodeWatch::trim(NodeId node, std::uint64_t up_to) {
  TrimFeed command;
  command.node = node;
  command.up_to = up_to;
  Bytes encoded = codec::encode(command);
  const Result<Bytes> done = co_await parts_.order(Verb::trim_feed, std::move(encoded));
  if (!done) log::warn("feed.not_trimmed", {{"error", done.error().to_string()}});
  trimming_.erase(node);
}

Result<ConfirmReply> NodeWatch::confirm(const ConfirmRequest& request) const {
  if (request.fragments.size() > kMaxConfirm) return fail(Errc::too_large, "fragments asked");
  const State state(parts_.store);
  ConfirmReply reply;
  if (zone_state(state).drops_pause) return reply;
  reply.time = parts_.machine.time();
  for (const FragmentId& fragment : request.fragments) {
    if (state.has(keys::fragment(request.node, fragment))) reply.referenced.push_back(fragment);
  }
  STRATOS_CHECK(state.status());
  return reply;
}

Result<InventoryReply> NodeWatch::inventory(const InventoryRequest& request) const {
  const State state(parts_.store);
  const auto ledger = state.load<NodeLedger>(keys::node_ledger(request.node));
  InventoryReply reply;
  reply.feed_end = ledger ? ledger->feed_end : 0;
  const Bytes prefix = keys::fragments_of(request.node);
  Bytes lower = prefix;
  if (request.after) {
    lower = keys::fragment(request.node, *request.after);
    lower.push_back(0);
  }
  const std::size_t limit = std::min<std::size_t>(request.limit, kMaxConfirm);
  state.scan(lower, kv::prefix_end(prefix), [&](ByteView key, ByteView) {
    reply.more = reply.fragments.size() == limit;
    if (reply.more) return false;
    reply.fragments.push_back(keys::parse_fragment(key));
    return true;
  });
  STRATOS_CHECK(state.status());
  return reply;
}

}  // namespace stratos::meta
