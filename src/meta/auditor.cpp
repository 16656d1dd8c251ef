#include "meta/auditor.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "crypto/leaf_path.hpp"
#include "meta/inventory_pages.hpp"
#include "meta/keys.hpp"
#include "meta/state.hpp"

namespace stratos::meta {
namespace {

constexpr Duration kDay = 24h;
constexpr std::int64_t kSuspendedFaster = 24;  // a suspended node is asked so much more often

std::size_t count_rows(const State& state, const Bytes& prefix) {
  std::size_t rows = 0;
  state.scan(prefix, kv::prefix_end(prefix),
             [&rows](ByteView, ByteView) { return ++rows < kMaxContained; });
  return rows;
}

}  // namespace

Auditor::Auditor(Parts parts, AuditorOptions options)
    : parts_(std::move(parts)),
      options_(options),
      scores_due_(parts_.runtime.now() + options.score_every),
      passed_(parts_.metrics.counter("stratos_audit_passed_total")),
      failed_(parts_.metrics.counter("stratos_audit_failed_total")),
      contained_(parts_.metrics.counter("stratos_audit_contained_total")),
      seconds_(parts_.metrics.histogram("stratos_audit_seconds")),
      free_(parts_.runtime, options.at_once),
      woken_(parts_.runtime),
      audits_(parts_.runtime, "audits"),
      tasks_(parts_.runtime, "auditor") {}

Task<void> Auditor::run() {
  while (!stopping_) {
    std::vector<NodeRecord> known = nodes();
    start_due(known);
    if (parts_.runtime.now() >= scores_due_) {
      scores_due_ = parts_.runtime.now() + options_.score_every;
      co_await score_all(std::move(known));
    }
    const Result<void> woken = co_await woken_.wait(options_.interval);
    if (!woken && woken.error().code() == Errc::cancelled) co_return;
  }
}

Task<void> Auditor::stop() {
  stopping_ = true;
  woken_.wake_all();
  audits_.cancel();
  tasks_.cancel();
  co_await tasks_.join();
  co_await audits_.join();
}

std::vector<NodeRecord> Auditor::nodes() const {
  std::vector<NodeRecord> known;
  const State state(parts_.store);
  const Bytes prefix = keys::of(keys::Family::node);
  state.scan(prefix, kv::prefix_end(prefix), [&known](ByteView, ByteView value) {
    if (auto node = codec::decode<NodeRecord>(value)) known.push_back(std::move(*node));
    return true;
  });
  return known;
}

// --- what is due
// ---------------------------------------------------------------------------------

void Auditor::start_due(const std::vector<NodeRecord>& known) {
  for (const NodeRecord& node : known) {
    const bool serves = node.state == NodeState::up || node.state == NodeState::draining ||
                        node.state == NodeState::suspended;
    if (!serves || !parts_.is_heard(node.id)) continue;
    const auto [plan, is_new] = plans_.try_emplace(node.id);
    if (is_new) {
      // Spread over the first interval, also when the meta node starts often.
      const auto pause = static_cast<std::uint64_t>(pause_of(node).count());
      plan->second.next = parts_.runtime.now() + Duration(parts_.runtime.random().below(pause + 1));
    }
    if (plan->second.busy) continue;
    start_retry(node);
    if (!plan->second.busy && plan->second.next <= parts_.runtime.now()) start_draw(node);
  }
}

Duration Auditor::pause_of(const NodeRecord& node) {
  const bool is_suspended = node.state == NodeState::suspended;
  const Duration mean = kDay / std::max(options_.audits_per_day, kLeastAuditsPerDay);
  return std::max<Duration>(is_suspended ? mean / kSuspendedFaster : mean, options_.interval);
}

// Half to one and a half of the mean, so that a node cannot be ready just for its audits.
void Auditor::start_draw(const NodeRecord& node) {
  Plan& plan = plans_[node.id];
  const auto pause = static_cast<std::uint64_t>(pause_of(node).count());
  plan.next = parts_.runtime.now() + Duration(pause / 2 + parts_.runtime.random().below(pause));
  if (auto challenge = draw(node)) {
    plan.busy = true;
    audits_.spawn(audit(std::move(*challenge)));
  }
}

std::optional<Auditor::Challenge> Auditor::draw(const NodeRecord& node) const {
  const std::unique_ptr<kv::Reader> snapshot = parts_.store.snapshot();
  const State state(*snapshot);
  const auto ledger = state.load<NodeLedger>(keys::node_ledger(node.id));
  if (!ledger || ledger->inventory_bytes == 0) return std::nullopt;
  if (count_rows(state, keys::contained_of(node.id)) >= kMaxContained) return std::nullopt;
  const auto history = state.load<NodeHistory>(keys::node_history(node.id));
  const std::uint64_t number = history ? history->draws : 0;
  const std::uint64_t position =
      draw_position(parts_.randomness.latest(), node.id, number, ledger->inventory_bytes);
  const Result<InventoryPlace> place = find_in_inventory(state, node.id, *ledger, position);
  if (!place) {
    log::error("audit.not_drawn",
               {{"node", to_string(node.id)}, {"error", place.error().to_string()}});
    return std::nullopt;
  }
  if (state.has(keys::contained(node.id, place->leaf.fragment))) return std::nullopt;
  return Challenge{node, place->leaf, place->offset / crypto::kLeafBytes};
}

// One contained challenge of the node that is due, if there is one.
void Auditor::start_retry(const NodeRecord& node) {
  const State state(parts_.store);
  const Bytes prefix = keys::contained_of(node.id);
  std::optional<FragmentId> due;
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView) {
    const FragmentId fragment = keys::parse_fragment(key);
    const Retry& retry =
        retries_.try_emplace({node.id, fragment}, Retry{parts_.runtime.now(), options_.first_retry})
            .first->second;
    if (retry.at <= parts_.runtime.now()) due = fragment;
    return !due;
  });
  if (!due) return;
  plans_[node.id].busy = true;
  if (auto challenge = again(node, *due)) {
    audits_.spawn(audit(std::move(*challenge)));
  } else {
    audits_.spawn(forget(node.id, *due));
  }
}

// The same leaf once more, while the index knows the node to hold the fragment.
std::optional<Auditor::Challenge> Auditor::again(const NodeRecord& node,
                                                 const FragmentId& fragment) const {
  const State state(parts_.store);
  const auto contained = state.load<ContainedAudit>(keys::contained(node.id, fragment));
  const auto segment = state.load<SegmentRecord>(keys::segment(fragment.segment));
  if (!contained || !segment) return std::nullopt;
  for (const Holder& holder : segment->holders) {
    if (holder.node != node.id || holder.index != fragment.index) continue;
    return Challenge{node, {fragment, holder.root, segment->fragment_length}, contained->leaf};
  }
  return std::nullopt;
}

// --- asking
// --------------------------------------------------------------------------------------

Task<void> Auditor::audit(Challenge challenge) {
  const NodeId node = challenge.node.id;
  if (!co_await free_.acquire(std::nullopt)) co_return;
  const MonotonicTime begin = parts_.runtime.now();
  const Result<void> answered = co_await ask(challenge);
  free_.release();
  plans_[node].busy = false;
  AuditOutcome outcome = AuditOutcome::passed;
  bool is_damaged = false;
  if (answered) {
    seconds_.observe_ns((parts_.runtime.now() - begin).count());
  } else {
    if (stopping_) co_return;
    const AuditVerdict verdict = verdict_of(answered.error().code());
    outcome = verdict == AuditVerdict::silent ? AuditOutcome::contained : AuditOutcome::failed;
    is_damaged = verdict == AuditVerdict::damaged;
    log::warn("audit.not_passed", {{"node", to_string(node)},
                                   {"fragment", to_string(challenge.held.fragment)},
                                   {"contained", verdict == AuditVerdict::silent ? "yes" : "no"},
                                   {"error", answered.error().to_string()}});
  }
  co_await settle(challenge, outcome, is_damaged);
}

Task<Result<void>> Auditor::ask(const Challenge& challenge) {
  Plan& plan = plans_[challenge.node.id];
  const NodeRecord& node = challenge.node;
  if (!plan.channel || plan.endpoint != node.endpoint || plan.key != node.key) {
    plan.channel = parts_.dialer.dial(node);
    plan.endpoint = node.endpoint;
    plan.key = node.key;
  }
  AuditRequest request;
  request.fragment = challenge.held.fragment;
  request.leaf = challenge.leaf;
  const std::shared_ptr<net::Channel> channel = plan.channel;
  auto called = co_await net::call<AuditReply>(
      *channel, static_cast<std::uint16_t>(NodeOrder::audit), request, Buffer(), options_.timeout);
  STRATOS_CO_TRY(const net::Reply<AuditReply> reply, std::move(called));
  co_return check_audit(challenge.held.root, challenge.held.length, challenge.leaf, reply.head,
                        reply.body.view());
}

Task<void> Auditor::settle(Challenge challenge, AuditOutcome outcome, bool is_damaged) {
  const NodeId node = challenge.node.id;
  const FragmentId fragment = challenge.held.fragment;
  plan_retry({node, fragment}, outcome != AuditOutcome::contained);
  count(outcome);
  AuditResult result;
  result.node = node;
  result.fragment = fragment;
  result.leaf = challenge.leaf;
  result.outcome = outcome;
  co_await record(result);
  if (outcome != AuditOutcome::failed) co_return;
  const Result<void> lost = co_await parts_.lose(fragment, node, is_damaged);
  if (!lost) log::warn("audit.not_reported", {{"error", lost.error().to_string()}});
}

// A result that is not ordered is lost: the bytes come up again.
Task<void> Auditor::record(AuditResult result) {
  RecordAudits command;
  command.results.push_back(result);
  Bytes encoded = codec::encode(command);
  const Result<Bytes> done = co_await parts_.order(Verb::record_audits, std::move(encoded));
  if (!done) log::warn("audit.not_ordered", {{"error", done.error().to_string()}});
}

// The index does not know the node to hold the fragment any more.
Task<void> Auditor::forget(NodeId node, FragmentId fragment) {
  retries_.erase({node, fragment});
  AuditResult result;
  result.node = node;
  result.fragment = fragment;
  result.outcome = AuditOutcome::gone;
  co_await record(result);
  plans_[node].busy = false;
}

void Auditor::plan_retry(const Contained& contained, bool is_answered) {
  if (is_answered) {
    retries_.erase(contained);
    return;
  }
  const auto [retry, is_new] = retries_.try_emplace(contained, Retry{{}, options_.first_retry});
  if (!is_new) retry->second.pause = std::min(2 * retry->second.pause, options_.last_retry);
  retry->second.at = parts_.runtime.now() + retry->second.pause;
}

void Auditor::count(AuditOutcome outcome) {
  if (outcome == AuditOutcome::passed) passed_.add();
  if (outcome == AuditOutcome::failed) failed_.add();
  if (outcome == AuditOutcome::contained) contained_.add();
}

// --- scores
// --------------------------------------------------------------------------------------

Task<void> Auditor::score_all(std::vector<NodeRecord> known) {
  std::map<NodeId, NodeService> services = parts_.take_services();
  ScoreNodes command;
  for (std::size_t i = 0; i < known.size(); ++i) {
    NodeService service = services[known[i].id];
    service.node = known[i].id;
    service.heard = parts_.is_heard(service.node);
    command.nodes.push_back(service);
    if (command.nodes.size() < ScoreNodes::kMax && i + 1 < known.size()) continue;
    Bytes encoded = codec::encode(command);
    const Result<Bytes> done = co_await parts_.order(Verb::score_nodes, std::move(encoded));
    if (!done) log::warn("score.not_ordered", {{"error", done.error().to_string()}});
    command.nodes.clear();
  }
}

}  // namespace stratos::meta
