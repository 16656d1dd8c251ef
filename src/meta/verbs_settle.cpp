#include "meta/verbs_settle.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"

namespace stratos::meta {
namespace {

// Kinds of due work beside those of records.hpp.
constexpr DueKind kCloseEpoch{24};
constexpr DueKind kForgetEpoch{25};
constexpr std::size_t kRowsAtOnce = 1024;
constexpr std::size_t kMaxShares = 16'384;

Bytes subject_of(Epoch epoch) {
  Bytes subject;
  put_be(subject, epoch.value);
  return subject;
}

std::vector<Bytes> some_keys(const State& state, const Bytes& prefix) {
  std::vector<Bytes> keys;
  state.scan(prefix, kv::prefix_end(prefix), [&keys](ByteView key, ByteView) {
    keys.push_back(to_bytes(key));
    return keys.size() < kRowsAtOnce;
  });
  return keys;
}

// --- hand-in

Result<void> check_open(const Context& context, Epoch epoch) {
  const Calendar calendar = calendar_of(context.params);
  if (epoch > context.epoch()) return fail(Errc::settlement_not_open);
  if (context.time < calendar.opens(epoch)) return fail(Errc::settlement_not_open);
  if (context.time >= calendar.closes(epoch)) return fail(Errc::settlement_closed);
  return {};
}

Result<void> check_shares(const SettleOrders& command) {
  const auto key = [](const SettleOrders::Share& share) {
    return std::tuple(share.grant, share.session, share.action);
  };
  if (command.shares.empty() || command.shares.size() > kMaxShares) {
    return fail(Errc::bad_hand_in, "number of shares");
  }
  for (std::size_t i = 0; i < command.shares.size(); ++i) {
    const SettleOrders::Share& share = command.shares[i];
    value::Volume volume;
    if (counter_of(volume, share.action) == nullptr) return fail(Errc::bad_hand_in, "action");
    if (share.bytes == 0 || share.bytes > share.limit_bytes) {
      return fail(Errc::bad_hand_in, "an order above its limit");
    }
    if (i > 0 && key(command.shares[i - 1]) >= key(share)) {
      return fail(Errc::bad_hand_in, "order of shares");
    }
  }
  return {};
}

// Charges the share to its grant; returns who pays.
Result<AccountId> charge_grant(Context& context, Epoch epoch, const SettleOrders::Share& share) {
  const auto grant = context.state.load_shared<GrantRecord>(keys::grant(share.grant));
  if (!grant || grant->epoch != epoch) return fail(Errc::no_such_grant);
  const Bytes key = keys::grant_use(share.grant);
  GrantUse use = context.state.load<GrantUse>(key).value_or(GrantUse{});
  if (use.returned) return fail(Errc::settlement_closed, "the grant is closed");
  if (share.limit_bytes > grant->noz - use.limit_bytes) {
    return fail(Errc::above_grant, "limits above their grant");
  }
  use.limit_bytes += share.limit_bytes;
  use.bytes += share.bytes;
  context.state.store(key, use);
  return grant->payer;
}

// Adds to the row's volume, which `fresh` begins.
template <class Row>
void add_volume(Context& context, Bytes key, Row fresh, Action action, std::uint64_t bytes) {
  Row row = context.state.load<Row>(key).value_or(std::move(fresh));
  *counter_of(row.volume, action) += bytes;
  context.state.store(std::move(key), row);
}

Bytes note_conflict(Context& context, const SettleOrders& command, const SettledNode& first) {
  SettleOrders::Reply reply;
  reply.conflict = first.digest != command.digest;
  const Bytes key = keys::conflict(command.epoch, command.node);
  if (reply.conflict && !context.state.has(key)) {
    HandInConflict conflict;
    conflict.node = command.node;
    conflict.key = first.key;
    conflict.first_digest = first.digest;
    conflict.first_signature = first.signature;
    conflict.second_digest = command.digest;
    conflict.second_signature = command.signature;
    conflict.time = context.time;
    context.state.store(key, conflict);
  }
  return codec::encode(reply);
}

// --- splits

bool is_sorted(const std::vector<Split::Row>& rows) {
  const auto key = [](const Split::Row& row) {
    return std::tuple(row.node, row.action, row.bucket);
  };
  return std::ranges::adjacent_find(rows, [key](const Split::Row& a, const Split::Row& b) {
           return key(a) >= key(b);
         }) == rows.end();
}

Result<Split> read_split(ByteView bytes) {
  STRATOS_TRY(Split split, codec::decode<Split>(bytes));
  if (split.rows.empty() || split.rows.size() > kMaxSplitRows) {
    return fail(Errc::too_large, "rows of a split");
  }
  std::uint64_t total = 0;
  for (const Split::Row& row : split.rows) {
    value::Volume volume;
    const bool sound = counter_of(volume, row.action) != nullptr && row.bytes > 0;
    if (!sound || __builtin_add_overflow(total, row.bytes, &total)) {
      return fail(Errc::invalid_argument, "row of a split");
    }
  }
  if (!is_sorted(split.rows)) return fail(Errc::invalid_argument, "order of a split's rows");
  return split;
}

// Against the nodes that have settled already.
Result<void> check_sums(const Context& context, const Split& split) {
  for (auto row = split.rows.begin(); row != split.rows.end();) {
    const auto group = row;
    std::uint64_t sum = 0;
    while (row != split.rows.end() && row->node == group->node && row->action == group->action) {
      sum += (row++)->bytes;
    }
    if (!context.state.has(keys::settled_node(split.epoch, group->node))) continue;
    const auto share = context.state.load<SessionShare>(
        keys::session_share(split.epoch, split.session, group->node));
    const bool fits =
        share && share->payer == split.payer && bytes_of(share->volume, group->action) == sum;
    if (!fits) return fail(Errc::split_mismatch, to_string(group->node));
  }
  return {};
}

// --- closing

void return_unused(Context& context, const GrantRecord& grant) {
  const Bytes use_key = keys::grant_use(grant.id);
  GrantUse use = context.state.load<GrantUse>(use_key).value_or(GrantUse{});
  if (use.returned) return;
  use.returned = true;
  context.state.store(use_key, use);
  const Bytes account_key = keys::account(grant.payer);
  auto account = context.state.load<AccountRecord>(account_key);
  if (!account) return;
  account->ozone_noz += grant.noz - use.bytes;
  context.state.store(account_key, *account);
  if (use.bytes == 0) return;
  const Bytes consumed_key = keys::consumed(grant.payer);
  ConsumedOzone consumed =
      context.state.load<ConsumedOzone>(consumed_key).value_or(ConsumedOzone{});
  consumed.noz += use.bytes;
  context.state.store(consumed_key, consumed);
}

template <class Row, class Leaf>
std::vector<Leaf> leaves_of(const State& state, keys::Settled kind, Epoch epoch,
                            Leaf (*make)(const Row&)) {
  std::vector<Leaf> leaves;
  const Bytes prefix = keys::settled(kind, epoch);
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView value) {
    const auto row = codec::decode<Row>(value);
    if (!row) state.note_corrupt(key, "row of settlement");
    if (row) leaves.push_back(make(*row));
    return row.has_value();
  });
  return leaves;
}

void make_report(Context& context, Epoch epoch) {
  value::VolumeReport report;
  report.network = context.params.network;
  report.zone = context.params.settlement.zone;
  report.epoch = epoch;
  report.closed = context.time;
  value::seal_report(report, payer_leaves(context.state, epoch), node_leaves(context.state, epoch));
  value::SignedReport stored;
  stored.report = codec::encode(report);
  context.state.store(keys::report(epoch), stored);
  const WallTime forget =
      context.time + std::chrono::milliseconds(calendar_of(context.params).keep_ms);
  context.state.put(keys::due(forget, kForgetEpoch, subject_of(epoch)), {});
}

std::size_t sweep_close(Context& context, Epoch epoch) {
  const std::vector<Bytes> open =
      some_keys(context.state, keys::settled(keys::Settled::open_grant, epoch));
  for (const Bytes& key : open) {
    const GrantId id(get_be<std::uint64_t>(ByteView(key).last(8)));
    if (const auto grant = context.state.load<GrantRecord>(keys::grant(id))) {
      return_unused(context, *grant);
    }
    context.state.erase(key);
  }
  // Reports come in the order of their epochs.
  const std::vector<Bytes> left =
      some_keys(context.state, keys::settled(keys::Settled::open_grant));
  const bool ready = left.empty() || keys::epoch_of(left.front()) > epoch;
  if (ready) {
    make_report(context, epoch);
  } else {
    context.state.put(keys::due(context.time, kCloseEpoch, subject_of(epoch)), {});
  }
  return 1 + open.size();
}

std::size_t sweep_forget(Context& context, Epoch epoch) {
  using keys::Settled;
  std::size_t freed = 0;
  for (const Settled kind : {Settled::share, Settled::split, Settled::payer, Settled::node,
                             Settled::conflict, Settled::report}) {
    for (const Bytes& key : some_keys(context.state, keys::settled(kind, epoch))) {
      context.state.erase(key);
      ++freed;
    }
    if (freed < kRowsAtOnce) continue;
    context.state.put(keys::due(context.time, kForgetEpoch, subject_of(epoch)), {});
    break;
  }
  return 1 + freed;
}

}  // namespace

std::vector<value::PayerLeaf> payer_leaves(const State& state, Epoch epoch) {
  const auto make = +[](const SettledPayer& row) {
    value::PayerLeaf leaf;
    leaf.payer = row.payer;
    leaf.volume = row.volume;
    return leaf;
  };
  return leaves_of(state, keys::Settled::payer, epoch, make);
}

std::vector<value::NodeLeaf> node_leaves(const State& state, Epoch epoch) {
  const auto make = +[](const SettledNode& row) {
    value::NodeLeaf leaf;
    leaf.node = row.node;
    leaf.key = row.key;
    leaf.volume = row.volume;
    return leaf;
  };
  return leaves_of(state, keys::Settled::node, epoch, make);
}

Result<Bytes> run(Context& context, const SettleOrders& command) {
  const auto node = context.state.load<NodeRecord>(keys::node(command.node));
  if (!node) return fail(Errc::no_such_node, to_string(command.node));
  const Bytes key = keys::settled_node(command.epoch, command.node);
  if (const auto first = context.state.load<SettledNode>(key)) {
    return note_conflict(context, command, *first);
  }
  STRATOS_CHECK(check_open(context, command.epoch));
  STRATOS_CHECK(check_shares(command));
  SettledNode settled;
  settled.node = command.node;
  settled.key = node->key;
  settled.digest = command.digest;
  settled.signature = command.signature;
  settled.settled = context.time;
  settled.orders = command.orders;
  for (const SettleOrders::Share& share : command.shares) {
    STRATOS_TRY(const AccountId payer, charge_grant(context, command.epoch, share));
    *counter_of(settled.volume, share.action) += share.bytes;
    add_volume(context, keys::session_share(command.epoch, share.session, command.node),
               SessionShare{payer, command.node, {}}, share.action, share.bytes);
    add_volume(context, keys::settled_payer(command.epoch, payer), SettledPayer{payer, {}},
               share.action, share.bytes);
  }
  context.state.store(key, settled);
  return codec::encode(SettleOrders::Reply{});
}

Result<Bytes> run(Context& context, const HandInSplit& command) {
  STRATOS_TRY(const Split split, read_split(command.split));
  if (split.epoch > context.epoch()) return fail(Errc::settlement_not_open);
  if (context.time >= calendar_of(context.params).closes(split.epoch)) {
    return fail(Errc::settlement_closed);
  }
  const Bytes key = keys::split(split.epoch, split.session);
  if (const auto first = context.state.load<StoredSplit>(key)) {
    if (first->split != command.split) return fail(Errc::settled_differently, "split");
    return codec::encode(Nothing{});
  }
  STRATOS_CHECK(check_sums(context, split));
  StoredSplit stored;
  stored.split = command.split;
  stored.signature = command.signature;
  context.state.store(key, stored);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const SignReport& command) {
  const auto& signers = context.params.meta_keys;
  if (std::ranges::find(signers, command.signature.signer) == signers.end()) {
    return fail(Errc::peer_not_trusted, "signer is no meta node");
  }
  const Bytes key = keys::report(command.epoch);
  auto report = context.state.load<value::SignedReport>(key);
  if (!report) return fail(Errc::no_such_report);
  const auto signed_before = std::ranges::find(report->signatures, command.signature.signer,
                                               &value::ReportSignature::signer);
  if (signed_before == report->signatures.end()) {
    report->signatures.push_back(command.signature);
    context.state.store(key, *report);
  }
  return codec::encode(Nothing{});
}

void note_grant(Context& context, const GrantRecord& grant) {
  context.state.put(keys::open_grant(grant.epoch, grant.id), {});
  const WallTime closes = calendar_of(context.params).closes(grant.epoch);
  context.state.put(keys::due(closes, kCloseEpoch, subject_of(grant.epoch)), {});
}

void close_grant(Context& context, const GrantRecord& grant) {
  return_unused(context, grant);
  context.state.erase(keys::grant_use(grant.id));
}

std::optional<std::size_t> sweep_settlement(Context& context, const keys::DueItem& item) {
  if (item.kind != kCloseEpoch && item.kind != kForgetEpoch) return std::nullopt;
  const Epoch epoch(get_be<std::uint64_t>(item.subject));
  return item.kind == kCloseEpoch ? sweep_close(context, epoch) : sweep_forget(context, epoch);
}

Result<void> admit_settlement(const State& state, const Item& item) {
  if (item.verb == Verb::hand_in_split) {
    STRATOS_TRY(const HandInSplit command, codec::decode<HandInSplit>(item.command));
    STRATOS_TRY(const Split split, codec::decode<Split>(command.split));
    return crypto::verify(split.session, Split::kDomain, command.split, command.signature);
  }
  if (item.verb == Verb::settle_orders) {
    STRATOS_TRY(const SettleOrders command, codec::decode<SettleOrders>(item.command));
    const auto node = state.load<NodeRecord>(keys::node(command.node));
    if (!node) return fail(Errc::no_such_node, to_string(command.node));
    return crypto::verify(node->key, kHandInDomain,
                          hand_in_message(command.node, command.epoch, command.digest),
                          command.signature);
  }
  if (item.verb == Verb::sign_report) {
    STRATOS_TRY(const SignReport command, codec::decode<SignReport>(item.command));
    const auto report = state.load<value::SignedReport>(keys::report(command.epoch));
    if (!report) return fail(Errc::no_such_report);
    return crypto::verify(command.signature.signer, value::VolumeReport::kDomain, report->report,
                          command.signature.signature);
  }
  return {};
}

bool is_of_meta_nodes(Verb verb) {
  return verb == Verb::settle_orders || verb == Verb::sign_report ||
         verb == Verb::begin_generation || verb == Verb::rotate_meta_key ||
         verb == Verb::attach_holders;
}

}  // namespace stratos::meta
