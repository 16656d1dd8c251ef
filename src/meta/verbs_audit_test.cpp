#include "meta/audit_commands.hpp"
#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint64_t kHourMs = 3'600'000;

class AuditVerbs : public testing::Test {
 protected:
  AuditVerbs() {
    index_.make_bucket();
    segment_ = index_.put("key");
    holder_ = index_.segment(segment_)->holders.at(0);
  }

  AuditResult result(AuditOutcome outcome) const {
    AuditResult made;
    made.node = holder_.node;
    made.fragment = {segment_, holder_.index};
    made.leaf = 3;
    made.outcome = outcome;
    return made;
  }
  void record(AuditOutcome outcome, int times = 1) {
    for (int i = 0; i < times; ++i) {
      RecordAudits command;
      command.results.push_back(result(outcome));
      ASSERT_TRUE(index_.run(command));
    }
  }
  void score(const NodeService& service) {
    ScoreNodes command;
    command.nodes.push_back(service);
    ASSERT_TRUE(index_.run(command));
  }
  void score_hour(bool heard = true) {
    index_.pass_ms(kHourMs);
    score({holder_.node, heard, 0, 0, 0, 0});
  }
  NodeRecord node() const {
    return index_.state().load<NodeRecord>(keys::node(holder_.node)).value();
  }
  NodeHistory history() const {
    return index_.state().load<NodeHistory>(keys::node_history(holder_.node)).value();
  }
  NodeDay sums() const { return score_of(history(), index_.now()).sums; }
  std::size_t contained() const { return index_.count(keys::Family::contained); }
  GetScores::Node scored() const {
    for (const auto& one : index_.ask(GetScores{})->nodes) {
      if (one.node == holder_.node) return one;
    }
    return {};
  }
  bool is_candidate() const {
    const NodeTable table = index_.table();
    return std::ranges::find(table.candidates, holder_.node, &Candidate::node) !=
           table.candidates.end();
  }
  void set_state(NodeState state, std::optional<NodeState> from = std::nullopt) {
    SetNodeState command;
    command.node = holder_.node;
    command.state = state;
    command.free_class = 20;
    command.from = from;
    ASSERT_TRUE(index_.run(command));
  }

  TestIndex index_;
  SegmentId segment_;
  Holder holder_;
};

TEST_F(AuditVerbs, CountOutcomesInTheHistory) {
  record(AuditOutcome::passed, 3);
  record(AuditOutcome::contained);
  record(AuditOutcome::failed);
  EXPECT_EQ(sums().passed, 3U);
  EXPECT_EQ(sums().contained, 1U);
  EXPECT_EQ(sums().failed, 1U);
  EXPECT_EQ(history().draws, 5U);
}

TEST_F(AuditVerbs, CountNothingOfAFragmentThatTheNodeNeedNotHold) {
  DeleteObject remove;
  remove.bucket = "bucket";
  remove.key = "key";
  record(AuditOutcome::contained);
  ASSERT_TRUE(index_.run(remove));
  record(AuditOutcome::failed, 5);
  record(AuditOutcome::contained);
  EXPECT_EQ(sums().failed, 0U);
  EXPECT_EQ(sums().contained, 1U);
  EXPECT_EQ(contained(), 0U);
  EXPECT_EQ(node().state, NodeState::up);
}

TEST_F(AuditVerbs, KeepAChallengeUntilItIsAnswered) {
  record(AuditOutcome::contained, 2);
  const Bytes key = keys::contained(holder_.node, {segment_, holder_.index});
  const auto row = index_.state().load<ContainedAudit>(key);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->leaf, 3U);
  EXPECT_EQ(row->attempts, 2U);
  EXPECT_EQ(scored().contained, 1U);
  record(AuditOutcome::passed);
  EXPECT_EQ(contained(), 0U);
  EXPECT_EQ(history().unanswered_since, WallTime{});
}

TEST_F(AuditVerbs, NeverSuspendForTimeoutsAlone) {
  for (int hour = 0; hour < 6 * 24; ++hour) {
    record(AuditOutcome::contained);
    score_hour();
  }
  EXPECT_EQ(node().state, NodeState::up);
  EXPECT_LT(node().score, 100U);
  EXPECT_TRUE(is_candidate());
}

TEST_F(AuditVerbs, SuspendANodeThatAnswersNothingForAWeek) {
  for (int hour = 0; hour < 7 * 24 + 1; ++hour) {
    record(AuditOutcome::contained);
    score_hour();
  }
  EXPECT_EQ(node().state, NodeState::suspended);
  EXPECT_EQ(scored().suspended_for, SuspensionCause::absence);
}

TEST_F(AuditVerbs, SuspendAfterRepeatedFailuresAndNameTheCause) {
  record(AuditOutcome::failed, 2);
  EXPECT_EQ(node().state, NodeState::up);
  EXPECT_TRUE(is_candidate());
  record(AuditOutcome::failed);
  EXPECT_EQ(node().state, NodeState::suspended);
  EXPECT_EQ(scored().suspended_for, SuspensionCause::failed_audits);
  EXPECT_FALSE(is_candidate());
  const auto events = index_.ask(GetEvents{})->events;
  EXPECT_EQ(events.back().kind, EventKind::node_state);
  EXPECT_EQ(events.back().state, NodeState::suspended);
}

TEST_F(AuditVerbs, LetASuspendedNodeComeBackByPassing) {
  record(AuditOutcome::failed, 3);
  record(AuditOutcome::passed, static_cast<int>(kPassesToReturn) - 1);
  record(AuditOutcome::failed);
  record(AuditOutcome::passed, static_cast<int>(kPassesToReturn) - 1);
  EXPECT_EQ(node().state, NodeState::suspended);
  record(AuditOutcome::passed);
  EXPECT_EQ(node().state, NodeState::up);
  EXPECT_TRUE(is_candidate());
  // What it did still counts against it, but suspends it not again.
  EXPECT_LT(node().score, 500U);
  record(AuditOutcome::failed, 2);
  EXPECT_EQ(node().state, NodeState::up);
  record(AuditOutcome::failed);
  EXPECT_EQ(node().state, NodeState::suspended);
}

TEST_F(AuditVerbs, SuspendTheLongAbsentAndTakeThemBackWhenTheyReturn) {
  set_state(NodeState::down);
  for (int hour = 0; hour < 6 * 24; ++hour) score_hour(false);
  EXPECT_EQ(node().state, NodeState::down);
  for (int hour = 0; hour < 25; ++hour) score_hour(false);
  EXPECT_EQ(node().state, NodeState::suspended);
  EXPECT_EQ(scored().suspended_for, SuspensionCause::absence);
  score_hour(true);  // it holds something: audits decide
  EXPECT_EQ(node().state, NodeState::suspended);
  DeleteObject remove;
  remove.bucket = "bucket";
  remove.key = "key";
  ASSERT_TRUE(index_.run(remove));
  score_hour(false);
  EXPECT_EQ(node().state, NodeState::suspended);
  score_hour(true);
  EXPECT_EQ(node().state, NodeState::up);
  EXPECT_LT(node().score, 200U);
}

TEST_F(AuditVerbs, LetAnOperatorSuspendAndReinstate) {
  ReinstateNode command;
  command.node = holder_.node;
  EXPECT_EQ(index_.code(command), Errc::precondition_failed);
  set_state(NodeState::suspended);
  EXPECT_EQ(scored().suspended_for, SuspensionCause::operation);
  record(AuditOutcome::passed, static_cast<int>(kPassesToReturn) + 5);
  EXPECT_EQ(node().state, NodeState::suspended);
  EXPECT_TRUE(index_.run(command));
  EXPECT_EQ(node().state, NodeState::up);
  EXPECT_EQ(scored().suspended_for, SuspensionCause::none);
  command.node = NodeId(999);
  EXPECT_EQ(index_.code(command), Errc::no_such_node);
}

TEST_F(AuditVerbs, AWatcherThatIsBehindDoesNotLiftASuspension) {
  record(AuditOutcome::failed, 3);
  set_state(NodeState::up, NodeState::up);
  EXPECT_EQ(node().state, NodeState::suspended);
  set_state(NodeState::suspended, NodeState::suspended);
  EXPECT_EQ(scored().suspended_for, SuspensionCause::failed_audits);
}

TEST_F(AuditVerbs, CountUptimeFromTheOrderedStates) {
  for (int hour = 0; hour < 24; ++hour) score_hour();
  EXPECT_EQ(node().score, kFullScore);
  set_state(NodeState::down);
  for (int hour = 0; hour < 48; ++hour) score_hour(false);
  set_state(NodeState::up);
  score_hour();
  EXPECT_NEAR(static_cast<double>(scored().score.uptime), 1000.0 * 49 / 97, 2);
  EXPECT_NEAR(static_cast<double>(node().score), 505, 12);
}

TEST_F(AuditVerbs, GiveASlowNodeLessWeightAndNothingWorse) {
  const std::uint64_t weight = scored().weight;
  const std::uint64_t version = index_.table().version;
  for (int hour = 0; hour < 8 * 24; ++hour) {
    index_.pass_ms(kHourMs);
    score({holder_.node, true, 1000, 1000 * 200'000, 100'000, 100'000'000});
  }
  EXPECT_EQ(node().state, NodeState::up);
  EXPECT_EQ(scored().score.speed, 111U);  // 20 ms / 200 ms, 1,000 KiB/s / 8 MiB/s
  // Within the step by which a score moves.
  EXPECT_NEAR(static_cast<double>(scored().weight), static_cast<double>(weight) * 0.111,
              static_cast<double>(weight) * 0.010);
  // A score that stays costs no tables.
  EXPECT_EQ(index_.table().version, version + 1);
}

TEST_F(AuditVerbs, RefuseWhatIsOutOfBounds) {
  RecordAudits audits;
  audits.results.assign(RecordAudits::kMax + 1, result(AuditOutcome::passed));
  EXPECT_EQ(index_.code(audits), Errc::too_large);
  audits.results = {result(static_cast<AuditOutcome>(5))};
  EXPECT_EQ(index_.code(audits), Errc::invalid_argument);
  audits.results = {result(AuditOutcome::passed)};
  audits.results[0].node = NodeId(99);
  EXPECT_EQ(index_.code(audits), Errc::no_such_node);

  ScoreNodes scores;
  scores.nodes = {{NodeId(2), true, 0, 0, 0, 0}, {NodeId(2), true, 0, 0, 0, 0}};
  EXPECT_EQ(index_.code(scores), Errc::invalid_argument);
  scores.nodes = {{NodeId(2), true, NodeService::kMaxCount + 1, 0, 0, 0}};
  EXPECT_EQ(index_.code(scores), Errc::invalid_argument);
  scores.nodes = {{NodeId(99), true, 0, 0, 0, 0}};
  EXPECT_EQ(index_.code(scores), Errc::no_such_node);
  scores.nodes.assign(ScoreNodes::kMax + 1, {});
  EXPECT_EQ(index_.code(scores), Errc::too_large);
}

TEST_F(AuditVerbs, KeepABoundedNumberOfChallenges) {
  for (int i = 0; i < 40; ++i) {
    const SegmentId id = index_.put("k" + std::to_string(i));
    for (const Holder& holder : index_.segment(id)->holders) {
      RecordAudits command;
      command.results.push_back({holder.node, {id, holder.index}, 0, AuditOutcome::contained});
      ASSERT_TRUE(index_.run(command));
    }
  }
  EXPECT_LE(scored().contained, kMaxContained);
  EXPECT_LE(contained(), kMaxContained * TestIndex::kNodes);
}

}  // namespace
}  // namespace stratos::meta
