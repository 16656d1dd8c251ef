#include "sim/mesh_model.hpp"

#include <gtest/gtest.h>

#include "sim/mesh_scenario.hpp"

namespace stratos::sim {
namespace {

MonotonicTime at(int seconds) { return {std::chrono::seconds(seconds)}; }

VersionId version(std::uint8_t number) {
  VersionId id;
  id.value[7] = number;
  return id;
}

class SimModel : public ::testing::Test {
 protected:
  std::uint64_t put(int begun, int over, std::uint8_t number,
                    Answer answer = Answer::acknowledged) {
    const std::uint64_t id = begin(begun);
    model_.end(id, answer, version(number), at(over));
    return id;
  }
  std::uint64_t begin(int begun) {
    const std::uint64_t id = model_.draw_id();
    model_.begin_put(id, "key", Body::drawn(random_, 10), {}, at(begun));
    return id;
  }
  void remove(int begun, int over, Answer answer = Answer::acknowledged) {
    const std::uint64_t id = model_.draw_id();
    model_.begin_remove(id, "key", at(begun));
    model_.end(id, answer, {}, at(over));
  }
  std::string sees(int begun, int over, std::optional<std::uint64_t> id, std::uint8_t number = 0) {
    Seen seen;
    seen.begun = at(begun);
    seen.write = id;
    seen.version = version(number);
    seen.size = 10;
    return model_.check_read("key", seen, at(over));
  }

  SeededRandom random_{1};
  Model model_;
};

TEST_F(SimModel, AnAcknowledgedWriteIsSeenByLaterReads) {
  const std::uint64_t id = put(1, 2, 1);
  EXPECT_EQ(sees(3, 4, id, 1), "");
  EXPECT_NE(sees(3, 4, std::nullopt), "");
}

TEST_F(SimModel, AnOverwrittenValueDoesNotComeBack) {
  const std::uint64_t old = put(1, 2, 1);
  const std::uint64_t recent = put(3, 4, 2);
  EXPECT_EQ(sees(5, 6, recent, 2), "");
  EXPECT_NE(sees(5, 6, old, 1), "");
}

TEST_F(SimModel, DuringAWriteBothValuesMayBeSeen) {
  const std::uint64_t old = put(1, 2, 1);
  const std::uint64_t recent = begin(3);
  EXPECT_EQ(sees(4, 5, old, 1), "");
  EXPECT_EQ(sees(6, 7, recent, 2), "");
  // Once seen it has happened.
  EXPECT_NE(sees(8, 9, old, 1), "");
}

TEST_F(SimModel, ADeletedKeyDoesNotComeBack) {
  const std::uint64_t id = put(1, 2, 1);
  remove(3, 4);
  EXPECT_EQ(sees(5, 6, std::nullopt), "");
  EXPECT_NE(sees(5, 6, id, 1), "");
}

TEST_F(SimModel, AWriteWithoutAnAnswerMayOrMayNotHaveHappened) {
  const std::uint64_t old = put(1, 2, 1);
  const std::uint64_t lost = put(3, 4, 0, Answer::unknown);
  EXPECT_EQ(sees(5, 6, old, 1), "");
  EXPECT_EQ(sees(7, 8, lost, 2), "");
  EXPECT_NE(sees(9, 10, old, 1), "");
}

TEST_F(SimModel, ARefusedWriteIsNeverSeen) {
  const std::uint64_t id = put(1, 2, 0, Answer::refused);
  EXPECT_EQ(sees(3, 4, std::nullopt), "");
  EXPECT_NE(sees(3, 4, id, 1), "");
}

TEST_F(SimModel, VersionsOnlyGrow) {
  const std::uint64_t lost = put(1, 2, 0, Answer::unknown);
  put(1, 3, 7);
  EXPECT_NE(sees(4, 5, lost, 6), "");
  EXPECT_EQ(sees(4, 5, lost, 8), "");
}

TEST_F(SimModel, ForgottenAnswersAreUnknown) {
  const std::uint64_t id = begin(1);
  model_.forget_answers({id});
  EXPECT_EQ(model_.unknown_writes(), 1U);
  EXPECT_EQ(sees(3, 4, std::nullopt), "");
  EXPECT_EQ(sees(3, 4, id, 1), "");
}

TEST_F(SimModel, RowsOfListingsFollowTheSameRules) {
  client::ListPage::Entry row;
  row.size = 10;
  EXPECT_EQ(model_.check_row("key", at(1), nullptr, at(2)), "");
  EXPECT_NE(model_.check_row("key", at(1), &row, at(2)), "");
  put(3, 4, 1);
  EXPECT_EQ(model_.check_row("key", at(5), &row, at(6)), "");
  EXPECT_NE(model_.check_row("key", at(5), nullptr, at(6)), "");
  row.size = 11;
  EXPECT_NE(model_.check_row("key", at(5), &row, at(6)), "");
}

TEST(SimBody, PartsAreTheBytesOfTheWhole) {
  SeededRandom random(5);
  Body body = Body::drawn(random, 100);
  body.append(Body::drawn(random, 50));
  const Bytes whole = body.bytes();
  ASSERT_EQ(whole.size(), 150U);
  const Bytes part = body.part(90, 30).bytes();
  ASSERT_EQ(part.size(), 30U);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 90));
  EXPECT_EQ(body.part(150, 10).size(), 0U);
}

TEST(SimScenario, EveryScenarioThatIsCompiledInHasItsFilesName) {
  EXPECT_GE(scenarios().size(), 9U);
  for (const Scenario& scenario : scenarios()) {
    EXPECT_TRUE(find_scenario(scenario.name)) << scenario.name;
    EXPECT_FALSE(scenario.summary.empty()) << scenario.name;
  }
  EXPECT_FALSE(find_scenario("none of them"));
}

TEST(SimScenario, SettingsAreRead) {
  const auto scenario = parse_scenario(R"(
    name = "x"
    strict = true
    [topology]
    nodes = 9
    m = 4
    copies = 5
    [times_ms]
    lease = 5000
    [workload]
    operations = { get = 1, put = 0 }
    [faults]
    interval_ms = 10
    kinds = { reset = 2 }
    lost_nodes = 2
  )");
  ASSERT_TRUE(scenario) << scenario.error().to_string();
  EXPECT_TRUE(scenario->strict);
  EXPECT_EQ(scenario->topology.nodes, 9U);
  EXPECT_EQ(scenario->topology.k, 2);
  EXPECT_EQ(scenario->times.lease, 5s);
  EXPECT_EQ(scenario->workload.operations, (Weights{{"get", 1}}));
  EXPECT_EQ(scenario->faults.kinds, (Weights{{"reset", 2}}));
}

TEST(SimScenario, MistakesAreNamed) {
  const char* const wrong[] = {"name =",
                               "nmae = 'x'",
                               "[topology]\nnodes = 0",
                               "[workload]\noperations = { dance = 1 }",
                               "[faults]\nlost_nodes = 2",
                               "[topology]\nnodes = 3",
                               "[workload]\nsizes = { empty = 0 }",
                               "topology = 1"};
  for (const char* const text : wrong) {
    const auto scenario = parse_scenario(text);
    ASSERT_FALSE(scenario) << text;
    EXPECT_EQ(scenario.error().code(), Errc::bad_config) << text;
    EXPECT_FALSE(scenario.error().message().empty()) << text;
  }
}

}  // namespace
}  // namespace stratos::sim
