#include "sim/mesh_settlement.hpp"

#include <algorithm>

#include "meta/keys.hpp"
#include "meta/payment.hpp"
#include "meta/settlement_wire.hpp"
#include "sim/mesh_retention.hpp"

namespace stratos::sim {
namespace {

using meta::keys::Settled;

constexpr Duration kWaitLimit = 10min;

class SettlementCheck {
 public:
  SettlementCheck(Run& run, const meta::State& state) : run_(run), state_(state) {}
  void run() {
    check_epochs();
    check_against_signatures();
    check_grants();
    check_ozone();
    if (run_.scenario.strict && settles(run_.scenario)) check_completeness();
  }
  static bool settles(const Scenario& scenario) { return scenario.times.settle_close.count() > 0; }

 private:
  void wrong(const std::string& what) { run_.fail("settlement: " + what); }
  template <class Row>
  void each(const Bytes& prefix, const std::function<void(ByteView, const Row&)>& visit) {
    state_.scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView value) {
      const auto row = codec::decode<Row>(value);
      if (!row) wrong("bad row under " + to_hex(key));
      if (row) visit(key, *row);
      return true;
    });
  }
  void check_epochs();
  void check_against_signatures();
  void check_grants();
  void check_ozone();
  void check_completeness();
  std::uint64_t unsplit_bytes(Epoch epoch, const crypto::MachineKey& session,
                              const meta::SessionShare& share);

  Run& run_;
  const meta::State& state_;
};

// Nodes, payers and sessions count the same bytes.
void SettlementCheck::check_epochs() {
  std::map<Epoch, value::Volume> nodes;
  std::map<Epoch, value::Volume> payers;
  std::map<std::pair<Epoch, NodeId>, value::Volume> shares;
  each<meta::SettledPayer>(meta::keys::settled(Settled::payer),
                           [&](ByteView key, const meta::SettledPayer& row) {
                             payers[meta::keys::epoch_of(key)] += row.volume;
                           });
  each<meta::SessionShare>(meta::keys::settled(Settled::share),
                           [&](ByteView key, const meta::SessionShare& row) {
                             shares[{meta::keys::epoch_of(key), row.node}] += row.volume;
                           });
  each<meta::SettledNode>(meta::keys::settled(Settled::node),
                          [&](ByteView key, const meta::SettledNode& row) {
                            const Epoch epoch = meta::keys::epoch_of(key);
                            nodes[epoch] += row.volume;
                            if (shares[{epoch, row.node}] != row.volume) {
                              wrong(to_string(row.node) + "'s sessions do not sum to it");
                            }
                            run_.count("settled_hand_ins");
                            run_.count("settled_bytes", row.volume.total());
                          });
  if (nodes != payers) wrong("payers owe other bytes than nodes have served");
  each<meta::HandInConflict>(meta::keys::settled(Settled::conflict),
                             [&](ByteView, const meta::HandInConflict& row) {
                               wrong(to_string(row.node) + " handed in two different sets");
                             });
}

// A client never owes more than it signed for: an order that counted twice would show here.
void SettlementCheck::check_against_signatures() {
  using Place = std::tuple<Epoch, crypto::MachineKey, NodeId, meta::Action>;
  std::map<Place, std::uint64_t> signed_bytes;
  for (const auto& [key, order] : run_.mesh.signed_orders()) {
    const meta::Limit& limit = order.limit;
    signed_bytes[{limit.epoch, limit.session, limit.node, limit.action}] += order.bytes;
    if (order.bytes > limit.bytes) wrong("a client signed above a limit");
  }
  each<meta::SessionShare>(
      meta::keys::settled(Settled::share), [&](ByteView key, const meta::SessionShare& row) {
        // Nodes sign for what the network pays.
        if (row.payer == meta::kNetworkAccount) return;
        const Epoch epoch = meta::keys::epoch_of(key);
        const crypto::MachineKey session = meta::keys::session_of(key);
        for (const meta::Action action : {meta::Action::put, meta::Action::get}) {
          const std::uint64_t most = signed_bytes[{epoch, session, row.node, action}];
          const std::uint64_t settled = meta::bytes_of(row.volume, action);
          if (settled <= most) continue;
          wrong(to_string(row.node) + " settled " + std::to_string(settled) + " bytes, " +
                std::to_string(most) + " were signed for");
        }
      });
}

void SettlementCheck::check_grants() {
  each<meta::GrantUse>(meta::keys::settled(Settled::grant_use),
                       [&](ByteView key, const meta::GrantUse& use) {
                         const GrantId id(get_be<std::uint64_t>(key.last(8)));
                         const auto grant = state_.load<meta::GrantRecord>(meta::keys::grant(id));
                         if (!grant) return wrong("a use without its grant");
                         if (use.bytes > use.limit_bytes || use.limit_bytes > grant->noz) {
                           wrong("settled above limits, or limits above their grant");
                         }
                       });
}

// What the account was given is left, reserved or consumed.
void SettlementCheck::check_ozone() {
  const auto account = state_.load<meta::AccountRecord>(meta::keys::account(run_.mesh.account()));
  if (!account) return;
  std::uint64_t sum = account->ozone_noz;
  if (const auto row = state_.load<meta::ConsumedOzone>(meta::keys::consumed(account->id))) {
    sum += row->noz;
  }
  each<meta::GrantRecord>(
      meta::keys::of(meta::keys::Family::grant), [&](ByteView, const meta::GrantRecord& grant) {
        if (grant.payer != account->id) return;
        const auto use = state_.load<meta::GrantUse>(meta::keys::grant_use(grant.id));
        if (!use || !use->returned) sum += grant.noz;
      });
  // Of what storage took, the rest is other accounts'.
  sum += meta::storage_paid(state_);
  each<meta::AccountRecord>(meta::keys::of(meta::keys::Family::account),
                            [&](ByteView, const meta::AccountRecord& other) {
                              if (other.id == account->id) return;
                              sum -= Retention::given(other) - other.ozone_noz;
                            });
  if (sum != MeshWorld::kOzone) wrong("ozone was lost or made");
}

std::uint64_t SettlementCheck::unsplit_bytes(Epoch epoch, const crypto::MachineKey& session,
                                             const meta::SessionShare& share) {
  std::map<meta::Action, std::uint64_t> split_sum;
  const auto stored = state_.load<meta::StoredSplit>(meta::keys::split(epoch, session));
  const auto split = stored ? codec::decode<meta::Split>(stored->split) : fail(Errc::not_found);
  for (std::size_t i = 0; split && i < split->rows.size(); ++i) {
    const meta::Split::Row& row = split->rows[i];
    if (row.node == share.node) split_sum[row.action] += row.bytes;
    if (row.bucket == BucketId()) run_.count("undelivered_bytes", row.bytes);
  }
  std::uint64_t unsplit = 0;
  for (const meta::Action action : {meta::Action::put, meta::Action::get}) {
    const std::uint64_t bytes = meta::bytes_of(share.volume, action);
    if (split_sum[action] != bytes) unsplit += bytes;
  }
  return unsplit;
}

void SettlementCheck::check_completeness() {
  std::uint64_t settled = 0;
  std::uint64_t unsplit = 0;
  each<meta::SessionShare>(
      meta::keys::settled(Settled::share), [&](ByteView key, const meta::SessionShare& row) {
        if (row.payer == meta::kNetworkAccount) return;
        settled += row.volume.total();
        unsplit += unsplit_bytes(meta::keys::epoch_of(key), meta::keys::session_of(key), row);
      });
  const std::uint64_t delivered = run_.report.counters["delivered_bytes"];
  if (settled != delivered) {
    wrong(std::to_string(settled) + " bytes are settled, " + std::to_string(delivered) +
          " were delivered");
  }
  if (unsplit != 0) wrong(std::to_string(unsplit) + " bytes are not split");
}

// Whether nothing of this epoch or an earlier one is open any more.
Task<bool> has_closed(ClientProcess& client, Epoch epoch) {
  meta::ReportRequest query;
  query.epoch = epoch;
  const auto reply = co_await client.mesh->meta.query(query);
  co_return reply && !reply->report.signatures.empty();
}

Task<std::optional<Epoch>> last_epoch(ClientProcess& client) {
  meta::LimitsRequest request;
  request.payer = client.mesh->options.payer;
  request.nodes.push_back(NodeId(1));
  request.bytes = 1;
  const auto reply = co_await client.mesh->meta.limits(request);
  if (!reply) co_return std::nullopt;
  const auto limit = codec::decode<meta::Limit>(reply->limits.at(0).limit);
  if (!limit) co_return std::nullopt;
  co_return limit->epoch;
}

}  // namespace

void wait_for_settlement(Run& run) {
  if (!SettlementCheck::settles(run.scenario)) return;
  SimWorld& world = run.mesh.world();
  ClientProcess& client = run.mesh.client("c1");
  // A limit taken now is of the last epoch with traffic.
  const auto epoch = world.run_task("c1", last_epoch(client), 1min);
  if (!epoch || !*epoch) return run.fail("settlement: no limit can be had");
  const MonotonicTime end = run.now() + kWaitLimit;
  bool closed = false;
  while (!closed && run.now() < end) {
    world.run_for(1s);
    const auto asked = world.run_task("c1", has_closed(client, **epoch), 1min);
    closed = asked && *asked;
  }
  if (!closed) run.fail("settlement: the last epoch does not close");
  for (MeshWorld::Machine* const machine : run.mesh.machines_of(MeshWorld::Role::client)) {
    metrics::Registry& metrics = run.mesh.client(machine->name).metrics;
    run.count("delivered_bytes", metrics.counter("stratos_client_delivered_bytes_total").value());
  }
}

void check_settlement(Run& run, const meta::State& state) {
  SettlementCheck check(run, state);
  check.run();
}

}  // namespace stratos::sim
