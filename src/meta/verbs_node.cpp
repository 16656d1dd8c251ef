#include <algorithm>

#include "meta/limit.hpp"
#include "meta/placement.hpp"
#include "meta/verbs_settle.hpp"

namespace stratos::meta {
namespace {

NodeTable build_table(Context& context, std::uint64_t version) {
  NodeTable table;
  table.version = version;
  table.levels = context.params.spread;
  const Bytes prefix = keys::of(keys::Family::node);
  context.state.scan(prefix, kv::prefix_end(prefix), [&table](ByteView, ByteView value) {
    const auto node = codec::decode<NodeRecord>(value);
    if (!node || weight_of(*node) == 0) return true;
    Candidate candidate;
    candidate.node = node->id;
    candidate.weight = weight_of(*node);
    candidate.domains = domains_at(node->id, node->labels, table.levels);
    candidate.capabilities = node->capabilities;
    candidate.free_class = node->free_class;
    table.candidates.push_back(std::move(candidate));
    return true;
  });
  return table;
}

void store_node(Context& context, const NodeRecord& node, const NodeRecord& before) {
  const bool is_new = !context.state.has(keys::node(node.id));
  context.state.store(keys::node(node.id), node);
  if (!is_new && node.state != before.state) note_state(context, before, node.state);
  if (!placed_alike(context, node, before)) renew_table(context);
}

Result<void> check_free_class(std::uint32_t free_class) {
  if (free_class > 64) return fail(Errc::invalid_argument, "class of free space");
  return {};
}

NodeRecord new_node(Context& context, const RegisterNode& command) {
  NodeRecord node;
  node.id = NodeId(static_cast<std::uint32_t>(context.state.next("node")));
  node.key = command.key;
  node.joined = context.time;
  Bytes id;
  put_be(id, node.id.value);
  context.state.put(keys::node_key(command.key.view()), std::move(id));
  context.state.store(keys::node_ledger(node.id), NodeLedger{});
  return node;
}

// The node that has the previous key, with the new one; none when nobody has it.
std::optional<NodeRecord> succeed(Context& context, const RegisterNode& command) {
  if (!command.succession) return std::nullopt;
  const Bytes previous = keys::node_key(command.succession->previous.view());
  const auto known = context.state.get(previous);
  if (!known) return std::nullopt;
  auto node = context.state.load<NodeRecord>(keys::node(NodeId(get_be<std::uint32_t>(*known))));
  if (!node) return std::nullopt;
  if (node->past_keys.size() == kPastKeysKept) node->past_keys.erase(node->past_keys.begin());
  node->past_keys.push_back({node->key, context.time});
  node->key = command.key;
  context.state.erase(previous);
  context.state.put(keys::node_key(command.key.view()), *known);
  return node;
}

Result<void> take_ozone(Context& context, const ReserveGrant& command) {
  auto account = context.state.load<AccountRecord>(keys::account(command.payer));
  if (!account) return fail(Errc::no_such_account);
  if (account->ozone_noz < command.noz) return fail(Errc::grant_exhausted, "account's ozone");
  account->ozone_noz -= command.noz;
  context.state.store(keys::account(command.payer), *account);
  return {};
}

}  // namespace

// Placement changed: a new table; the one before counts a while longer for writes under way.
void renew_table(Context& context) {
  const std::uint64_t version = context.state.next("node_table");
  context.state.store(keys::node_table(version), build_table(context, version));
  if (version == 1) return;
  Bytes subject;
  put_be(subject, version - 1);
  const WallTime due = context.time + std::chrono::milliseconds(context.params.node_table_ms);
  context.state.put(keys::due(due, DueKind::drop_table, subject), {});
}

bool placed_alike(const Context& context, const NodeRecord& a, const NodeRecord& b) {
  if (weight_of(a) == 0 && weight_of(b) == 0) return true;
  const std::vector<std::string>& spread = context.params.spread;
  return weight_of(a) == weight_of(b) && a.free_class == b.free_class &&
         a.capabilities == b.capabilities &&
         domains_at(a.id, a.labels, spread) == domains_at(b.id, b.labels, spread);
}

void emit_node_state(Context& context, const NodeRecord& node) {
  Event event;
  event.kind = EventKind::node_state;
  event.node = node.id;
  event.state = node.state;
  emit(context, event);
}

Result<Bytes> run(Context& context, const RegisterNode& command) {
  STRATOS_CHECK(check_bound(as_bytes(command.endpoint), kMaxNameBytes, "endpoint"));
  STRATOS_CHECK(check_labels(command.labels, context.params.spread));
  STRATOS_CHECK(check_free_class(command.free_class));
  NodeRecord node;
  const auto known = context.state.get(keys::node_key(command.key.view()));
  if (known) {
    const NodeId id(get_be<std::uint32_t>(*known));
    node = context.state.load<NodeRecord>(keys::node(id)).value_or(NodeRecord{});
  } else {
    auto succeeded = succeed(context, command);
    node = succeeded ? std::move(*succeeded) : new_node(context, command);
  }
  const NodeRecord before = node;
  node.endpoint = command.endpoint;
  node.labels = command.labels;
  std::ranges::sort(node.labels, {}, &Label::level);
  node.capabilities = command.capabilities;
  node.capacity_bytes = command.capacity_bytes;
  node.free_class = command.free_class;
  if (node.state == NodeState::down) node.state = NodeState::up;
  store_node(context, node, before);
  if (!known || node.state != before.state) emit_node_state(context, node);
  RegisterNode::Reply reply;
  reply.node = node.id;
  return codec::encode(reply);
}

Result<Bytes> run(Context& context, const SetNodeState& command) {
  auto node = context.state.load<NodeRecord>(keys::node(command.node));
  if (!node) return fail(Errc::no_such_node, to_string(command.node));
  if (command.state < NodeState::up || command.state > NodeState::left) {
    return fail(Errc::invalid_argument, "node state");
  }
  STRATOS_CHECK(check_free_class(command.free_class));
  const NodeRecord before = *node;
  const bool changes = !command.from || *command.from == node->state;
  const bool changed = changes && node->state != command.state;
  if (changes) node->state = command.state;
  node->free_class = command.free_class;
  store_node(context, *node, before);
  if (changed) emit_node_state(context, *node);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const ReserveGrant& command) {
  if (command.payer != kNetworkAccount) STRATOS_CHECK(take_ozone(context, command));

  GrantRecord grant;
  grant.id = GrantId(context.state.next("grant"));
  grant.payer = command.payer;
  grant.meta_node = command.meta_node;
  grant.epoch = context.epoch();
  grant.noz = command.noz;
  grant.segments = command.segments;
  grant.generation = zone_state(context.state).generation;
  // Open for this epoch, the leases taken in it, and the settlement after it.
  const auto open_ms = context.params.epoch_ms + 2 * context.params.orphan_ms;
  grant.closes = std::max(context.time + std::chrono::milliseconds(open_ms),
                          calendar_of(context.params).closes(Epoch(grant.epoch.value + 1)));
  context.state.store(keys::grant(grant.id), grant);
  Bytes subject;
  put_be(subject, grant.id.value);
  context.state.put(keys::due(grant.closes, DueKind::close_grant, subject), {});
  note_grant(context, grant);
  return codec::encode(grant);
}

Result<Bytes> run(Context& context, const TrimFeed& command) {
  const Bytes key = keys::node_ledger(command.node);
  auto ledger = context.state.load<NodeLedger>(key);
  if (!ledger) return fail(Errc::no_such_node, to_string(command.node));
  constexpr std::uint64_t kAtOnce = 10'000;
  const std::uint64_t end = std::min(command.up_to, ledger->feed_end);
  if (end < ledger->feed_begin) return codec::encode(Nothing{});
  for (std::uint64_t done = 0; ledger->feed_begin <= end && done < kAtOnce; ++done) {
    context.state.erase(keys::feed(command.node, ledger->feed_begin++));
  }
  context.state.store(key, *ledger);
  return codec::encode(Nothing{});
}

}  // namespace stratos::meta
