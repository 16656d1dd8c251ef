#include <algorithm>
#include <set>

#include "meta/settlement_wire.hpp"
#include "meta/verbs_settle.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint32_t kMaxEpochs = 1000;
constexpr std::uint32_t kMaxSessions = 100;
constexpr std::size_t kRowsAtOnce = 20'000;

Result<Params> params_of(const State& state) {
  const auto params = state.load<Params>(keys::of(keys::Family::params));
  if (!params) return fail(Errc::not_found, "parameters");
  return *params;
}

Result<ReportRequest::Reply> answer(const State& state, const ReportRequest& query) {
  auto report = state.load<value::SignedReport>(keys::report(query.epoch));
  if (!report) return fail(Errc::no_such_report, "epoch " + std::to_string(query.epoch.value));
  STRATOS_TRY(const Params params, params_of(state));
  ReportRequest::Reply reply;
  reply.report = std::move(*report);
  std::vector<crypto::MachineKey> signers;
  for (const value::ReportSignature& one : reply.report.signatures) signers.push_back(one.signer);
  reply.registry = registry_of(params, signers);
  return reply;
}

template <class Leaf, class Name>
Result<std::vector<Hash>> path_of(const value::VolumeReport& report,
                                  const std::vector<Leaf>& leaves, Name Leaf::* name,
                                  const Name& wanted, std::optional<Leaf>& out) {
  const auto found = std::ranges::find(leaves, wanted, name);
  if (found == leaves.end()) return fail(Errc::not_found, "no such leaf");
  out = *found;
  const std::span<const Leaf> all(leaves);
  return value::tree_of(report.zone, report.epoch, all)
      .path(static_cast<std::size_t>(found - leaves.begin()));
}

Result<ProofRequest::Reply> answer(const State& state, const ProofRequest& query) {
  if (query.payer.has_value() == query.node.has_value()) {
    return fail(Errc::invalid_argument, "a payer or a node");
  }
  const auto stored = state.load<value::SignedReport>(keys::report(query.epoch));
  if (!stored) return fail(Errc::no_such_report, "epoch " + std::to_string(query.epoch.value));
  STRATOS_TRY(const auto report, codec::decode<value::VolumeReport>(stored->report));
  ProofRequest::Reply reply;
  if (query.payer) {
    STRATOS_TRY(reply.path, path_of(report, payer_leaves(state, query.epoch),
                                    &value::PayerLeaf::payer, *query.payer, reply.payer));
  } else {
    STRATOS_TRY(reply.path, path_of(report, node_leaves(state, query.epoch), &value::NodeLeaf::node,
                                    *query.node, reply.node));
  }
  return reply;
}

// Epochs with a row of this kind, skipping from one to the next.
void list_epochs(const State& state, keys::Settled kind, Epoch first, std::size_t limit,
                 std::set<Epoch>& out) {
  Epoch next = first;
  for (std::size_t found = 0; found < limit; ++found) {
    std::optional<Epoch> at;
    state.scan(keys::settled(kind, next), kv::prefix_end(keys::settled(kind)),
               [&at](ByteView key, ByteView) {
                 at = keys::epoch_of(key);
                 return false;
               });
    if (!at) return;
    out.insert(*at);
    next = Epoch(at->value + 1);
  }
}

Result<ListSettledEpochs::Reply> answer(const State& state, const ListSettledEpochs& query) {
  const std::size_t limit = std::clamp<std::uint32_t>(query.limit, 1, kMaxEpochs);
  std::set<Epoch> epochs;
  list_epochs(state, keys::Settled::node, query.first, limit + 1, epochs);
  list_epochs(state, keys::Settled::split, query.first, limit + 1, epochs);
  ListSettledEpochs::Reply reply;
  for (const Epoch epoch : epochs) {
    reply.more = reply.epochs.size() == limit;
    if (reply.more) break;
    reply.epochs.push_back(epoch);
  }
  return reply;
}

// Sessions behind `after` that have a row of this kind.
void list_sessions(const State& state, keys::Settled kind, const GetUsage& query, std::size_t limit,
                   std::set<crypto::MachineKey>& out) {
  const Bytes prefix = keys::settled(kind, query.epoch);
  Bytes lower = prefix;
  if (query.after) {
    append(lower, query.after->view());
    lower = kv::prefix_end(lower);
  }
  std::set<crypto::MachineKey> found;
  state.scan(lower, kv::prefix_end(prefix), [&](ByteView key, ByteView) {
    found.insert(keys::session_of(key));
    return found.size() <= limit;
  });
  out.merge(found);
}

GetUsage::Session session_of(const State& state, Epoch epoch, const crypto::MachineKey& id) {
  GetUsage::Session session;
  session.session = id;
  const Bytes prefix = keys::shares_of(epoch, id);
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView value) {
    auto share = codec::decode<SessionShare>(value);
    if (!share) state.note_corrupt(key, "share");
    if (share) session.shares.push_back(std::move(*share));
    return share.has_value();
  });
  if (const auto stored = state.load<StoredSplit>(keys::split(epoch, id))) {
    auto split = codec::decode<Split>(stored->split);
    if (split) session.split = std::move(*split);
  }
  return session;
}

Result<GetUsage::Reply> answer(const State& state, const GetUsage& query) {
  const std::size_t limit = std::clamp<std::uint32_t>(query.limit, 1, kMaxSessions);
  if (query.only) {
    GetUsage::Reply reply;
    reply.sessions.push_back(session_of(state, query.epoch, *query.only));
    return reply;
  }
  std::set<crypto::MachineKey> sessions;
  list_sessions(state, keys::Settled::share, query, limit, sessions);
  list_sessions(state, keys::Settled::split, query, limit, sessions);
  GetUsage::Reply reply;
  std::size_t rows = 0;
  for (const crypto::MachineKey& id : sessions) {
    reply.more = reply.sessions.size() == limit || rows > kRowsAtOnce;
    if (reply.more) break;
    GetUsage::Session session = session_of(state, query.epoch, id);
    rows += session.shares.size() + (session.split ? session.split->rows.size() : 0);
    reply.sessions.push_back(std::move(session));
  }
  return reply;
}

template <class Row>
Result<std::vector<Row>> rows_of(const State& state, keys::Settled kind, Epoch epoch) {
  std::vector<Row> rows;
  const Bytes prefix = keys::settled(kind, epoch);
  std::optional<Error> broken;
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView, ByteView value) {
    auto row = codec::decode<Row>(value);
    if (row) rows.push_back(std::move(*row));
    if (!row) broken = row.error();
    return !broken;
  });
  if (broken) return fail(std::move(*broken));
  return rows;
}

Result<GetSettlement::Reply> answer(const State& state, const GetSettlement& query) {
  STRATOS_TRY(const Params params, params_of(state));
  const Calendar calendar = calendar_of(params);
  GetSettlement::Reply reply;
  reply.opens = calendar.opens(query.epoch);
  reply.closes = calendar.closes(query.epoch);
  STRATOS_TRY(reply.nodes, rows_of<SettledNode>(state, keys::Settled::node, query.epoch));
  STRATOS_TRY(reply.payers, rows_of<SettledPayer>(state, keys::Settled::payer, query.epoch));
  STRATOS_TRY(reply.conflicts,
              rows_of<HandInConflict>(state, keys::Settled::conflict, query.epoch));
  return reply;
}

template <class Query>
Result<Bytes> decode_and_answer(const State& state, ByteView request) {
  STRATOS_TRY(const Query query, codec::decode<Query>(request));
  auto reply = answer(state, query);
  STRATOS_CHECK(state.status());
  if (!reply) return fail(std::move(reply).error());
  return codec::encode(*reply);
}

template <class... Queries>
std::optional<Result<Bytes>> find_answer(const State& state, std::string_view path,
                                         ByteView request) {
  std::optional<Result<Bytes>> found;
  ((path == Queries::kPath ? void(found = decode_and_answer<Queries>(state, request)) : void()),
   ...);
  return found;
}

}  // namespace

std::optional<Result<Bytes>> answer_settlement(const State& state, std::string_view path,
                                               ByteView request) {
  return find_answer<ReportRequest, ProofRequest, ListSettledEpochs, GetUsage, GetSettlement>(
      state, path, request);
}

}  // namespace stratos::meta
