// Histories and scores of nodes.
#include <algorithm>
#include <map>

#include "meta/audit_commands.hpp"
#include "meta/placement.hpp"
#include "meta/verbs.hpp"

namespace stratos::meta {
namespace {

// Smaller changes of a score wait until they add up: each one costs a node table.
constexpr std::uint32_t kScoreStep = 10;

// A node with its history while one command works on it.
struct Subject {
  NodeRecord before;
  NodeRecord node;
  NodeHistory history;
};

// A node has no row until something happens: up since it joined.
NodeHistory load_history(const State& state, const NodeRecord& node) {
  if (auto history = state.load<NodeHistory>(keys::node_history(node.id))) {
    return std::move(*history);
  }
  NodeHistory fresh;
  fresh.accounted = node.joined;
  return fresh;
}

Result<Subject> load_subject(Context& context, NodeId id) {
  auto node = context.state.load<NodeRecord>(keys::node(id));
  if (!node) return fail(Errc::no_such_node, to_string(id));
  Subject subject{*node, *node, load_history(context.state, *node)};
  account_presence(subject.history, subject.node.state, context.time);
  return subject;
}

void reinstate(Context& context, Subject& subject) {
  subject.node.state = NodeState::up;
  subject.history.suspended_for = SuspensionCause::none;
  subject.history.passed_since = 0;
  subject.history.failures.clear();
  subject.history.down_since = {};
  subject.history.unanswered_since = {};
  emit_node_state(context, subject.node);
}

void judge(Context& context, Subject& subject) {
  NodeHistory& history = subject.history;
  if (subject.node.state == NodeState::suspended) {
    if (may_return(history)) reinstate(context, subject);
    return;
  }
  const SuspensionCause cause = why_suspend(history, subject.node.state, context.time);
  if (cause == SuspensionCause::none) return;
  subject.node.state = NodeState::suspended;
  history.suspended_for = cause;
  history.passed_since = 0;
  emit_node_state(context, subject.node);
}

void rate(Context& context, Subject& subject) {
  const std::uint32_t now = score_of(subject.history, context.time).value;
  const std::uint32_t had = subject.node.score;
  const std::uint32_t moved = now > had ? now - had : had - now;
  if (moved >= kScoreStep || now == kFullScore) subject.node.score = now;
}

// Whether placement sees the node otherwise than before.
bool store_subject(Context& context, const Subject& subject) {
  context.state.store(keys::node(subject.node.id), subject.node);
  context.state.store(keys::node_history(subject.node.id), subject.history);
  return !placed_alike(context, subject.node, subject.before);
}

std::size_t count_contained(const State& state, NodeId node) {
  std::size_t count = 0;
  const Bytes prefix = keys::contained_of(node);
  state.scan(prefix, kv::prefix_end(prefix),
             [&count](ByteView, ByteView) { return ++count < kMaxContained; });
  return count;
}

void contain(Context& context, const AuditResult& result, NodeHistory& history) {
  const Bytes key = keys::contained(result.node, result.fragment);
  auto known = context.state.load<ContainedAudit>(key);
  if (!known && count_contained(context.state, result.node) >= kMaxContained) return;
  ContainedAudit audit = known.value_or(ContainedAudit{result.leaf, context.time, 0});
  ++audit.attempts;
  context.state.store(key, audit);
  ++today(history, context.time).contained;
  if (history.unanswered_since.ms == 0) history.unanswered_since = context.time;
}

void count_failure(Context& context, NodeHistory& history) {
  ++today(history, context.time).failed;
  history.passed_since = 0;
  history.failures.push_back(context.time);
  if (history.failures.size() > kFailuresKept) history.failures.erase(history.failures.begin());
}

void record(Context& context, const AuditResult& result, Subject& subject) {
  NodeHistory& history = subject.history;
  ++history.draws;
  const bool holds = context.state.has(keys::fragment(result.node, result.fragment));
  if (holds && result.outcome == AuditOutcome::contained) return contain(context, result, history);
  context.state.erase(keys::contained(result.node, result.fragment));
  if (!holds || result.outcome == AuditOutcome::gone) return;
  history.unanswered_since = {};
  if (result.outcome == AuditOutcome::failed) return count_failure(context, history);
  ++today(history, context.time).passed;
  if (subject.node.state == NodeState::suspended) ++history.passed_since;
}

// A node that holds nothing cannot pass audits: it comes back when nothing speaks against it.
bool may_return_empty(const Context& context, const Subject& subject) {
  const auto ledger = context.state.load<NodeLedger>(keys::node_ledger(subject.node.id));
  if (!ledger || ledger->fragments != 0) return false;
  if (subject.history.suspended_for == SuspensionCause::absence) return true;
  return subject.history.suspended_for == SuspensionCause::failed_audits &&
         score_of(subject.history, context.time).sums.failed < kFailuresToSuspend;
}

Result<void> check_service(const NodeService& service) {
  for (const std::uint64_t number :
       {service.reads, service.read_us, service.bulk_kib, service.bulk_us}) {
    if (number > NodeService::kMaxCount) return fail(Errc::invalid_argument, "count of reads");
  }
  return {};
}

Result<bool> score_node(Context& context, const NodeService& service) {
  STRATOS_CHECK(check_service(service));
  STRATOS_TRY(Subject subject, load_subject(context, service.node));
  NodeDay& day = today(subject.history, context.time);
  day.reads += service.reads;
  day.read_us += service.read_us;
  day.bulk_kib += service.bulk_kib;
  day.bulk_us += service.bulk_us;
  const bool is_suspended = subject.node.state == NodeState::suspended;
  if (is_suspended && service.heard && may_return_empty(context, subject)) {
    reinstate(context, subject);
  }
  judge(context, subject);
  rate(context, subject);
  return store_subject(context, subject);
}

}  // namespace

void note_state(Context& context, const NodeRecord& before, NodeState after) {
  NodeHistory history = load_history(context.state, before);
  account_presence(history, before.state, context.time);
  history.down_since = after == NodeState::down ? context.time : WallTime{};
  history.passed_since = 0;
  const bool is_suspended = after == NodeState::suspended;
  history.suspended_for = is_suspended ? SuspensionCause::operation : SuspensionCause::none;
  if (before.state == NodeState::suspended) {
    history.failures.clear();
    history.unanswered_since = {};
  }
  context.state.store(keys::node_history(before.id), history);
}

Result<Bytes> run(Context& context, const RecordAudits& command) {
  if (command.results.size() > RecordAudits::kMax) return fail(Errc::too_large, "audits");
  std::map<NodeId, Subject> subjects;
  std::map<NodeId, bool> rated;  // passed audits count at the next hour
  for (const AuditResult& result : command.results) {
    if (result.outcome < AuditOutcome::passed || result.outcome > AuditOutcome::gone) {
      return fail(Errc::invalid_argument, "outcome of an audit");
    }
    auto subject = subjects.find(result.node);
    if (subject == subjects.end()) {
      STRATOS_TRY(Subject loaded, load_subject(context, result.node));
      subject = subjects.emplace(result.node, std::move(loaded)).first;
    }
    record(context, result, subject->second);
    if (result.outcome != AuditOutcome::passed) rated[result.node] = true;
  }
  bool moved = false;
  for (auto& [id, subject] : subjects) {
    judge(context, subject);
    if (rated[id] || subject.node.state != subject.before.state) rate(context, subject);
    moved = store_subject(context, subject) || moved;
  }
  if (moved) renew_table(context);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const ScoreNodes& command) {
  if (command.nodes.size() > ScoreNodes::kMax) return fail(Errc::too_large, "nodes");
  bool moved = false;
  NodeId last;
  for (const NodeService& service : command.nodes) {
    if (service.node <= last) return fail(Errc::invalid_argument, "nodes out of order");
    last = service.node;
    STRATOS_TRY(const bool changed, score_node(context, service));
    moved = moved || changed;
  }
  if (moved) renew_table(context);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const ReinstateNode& command) {
  STRATOS_TRY(Subject subject, load_subject(context, command.node));
  if (subject.node.state != NodeState::suspended) {
    return fail(Errc::precondition_failed, to_string(command.node) + " is not suspended");
  }
  reinstate(context, subject);
  rate(context, subject);
  if (store_subject(context, subject)) renew_table(context);
  return codec::encode(Nothing{});
}

GetScores::Reply answer_scores(const State& state) {
  GetScores::Reply reply;
  const Bytes prefix = keys::of(keys::Family::node);
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView, ByteView value) {
    const auto node = codec::decode<NodeRecord>(value);
    if (!node) return true;
    // As of the last time that something about the node was ordered.
    const NodeHistory history = load_history(state, *node);
    GetScores::Node scored;
    scored.node = node->id;
    scored.score = score_of(history, history.accounted);
    scored.suspended_for = history.suspended_for;
    scored.passed_since = history.passed_since;
    scored.contained = count_contained(state, node->id);
    scored.weight = weight_of(*node);
    reply.nodes.push_back(std::move(scored));
    return true;
  });
  return reply;
}

}  // namespace stratos::meta
