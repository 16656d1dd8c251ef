#include "sim/durability.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "sim/durability_report.hpp"
#include "sim/durability_trial.hpp"

namespace stratos::sim {
namespace {

const CodeShape kDev{"dev", 4, 2};
const CodeShape kStandard{"standard", 8, 4};
const CodeShape kResilient{"resilient", 12, 20};

Durability figures_of(const CodeShape& shape, const MeshAssumptions& mesh) {
  const Result<Durability> figures = durability_of(shape, mesh);
  EXPECT_TRUE(figures) << figures.error().to_string();
  return figures.value_or(Durability());
}

// The chain of a repair that begins at once, in closed form: the mean time to absorption of a
// birth-death chain is a sum of positive terms.
double mean_years_in_closed_form(const CodeShape& shape, const MeshAssumptions& mesh) {
  double total = 0;
  for (std::uint32_t top = 0; top <= shape.m; ++top) {
    double term = 1 / loss_rate(shape, mesh, top);
    total += term;
    for (std::uint32_t lost = top; lost > 0; --lost) {
      term *= repair_rate(shape, mesh, lost) / loss_rate(shape, mesh, lost - 1);
      total += term;
    }
  }
  return total / kYear;
}

TEST(StationaryDistribution, OfTwoStatesIsTheirRatesCrosswise) {
  const auto share = stationary_distribution({{0, 3}, {1, 0}});
  EXPECT_DOUBLE_EQ(share[0], 0.25);
  EXPECT_DOUBLE_EQ(share[1], 0.75);
}

TEST(StationaryDistribution, KeepsPrecisionOverRatesThatSpanManyOrders) {
  // 0 <-> 1 <-> 2, detailed balance: share[2] / share[0] = 1e-30 / 1e30 * 1e-30 / 1e30.
  const auto share = stationary_distribution({{0, 1e-30, 0}, {1e30, 0, 1e-30}, {0, 1e30, 0}});
  EXPECT_DOUBLE_EQ(share[1], 1e-60);
  EXPECT_NEAR(share[2] / 1e-120, 1, 1e-14);
}

TEST(StationaryDistribution, BalancesTheFlowsOfACycle) {
  const Rates rates{{0, 2, 0.5}, {0.25, 0, 4}, {7, 0.125, 0}};
  const auto share = stationary_distribution(rates);
  for (std::size_t state = 0; state < 3; ++state) {
    double in = 0;
    double out = 0;
    for (std::size_t other = 0; other < 3; ++other) {
      in += share[other] * rates[other][state];
      out += share[state] * rates[state][other];
    }
    EXPECT_NEAR(in, out, 1e-15);
  }
}

TEST(Durability, EqualsTheClosedFormOfABirthDeathChain) {
  for (const CodeShape& shape : usual_shapes()) {
    for (const double life : {5 * kDay, kYear, 50 * kYear}) {
      MeshAssumptions mesh;
      mesh.node_lifetime_s = life;
      mesh.segments = 1000;
      const Durability figures = figures_of(shape, mesh);
      EXPECT_NEAR(figures.mean_years_to_loss / mean_years_in_closed_form(shape, mesh), 1, 1e-12)
          << shape.name;
    }
  }
}

TEST(Durability, OfAMirrorIsTheTextbookFormula) {
  // Two copies, loss rate a, repair rate b: mean time to loss (3a + b) / 2a².
  MeshAssumptions mesh;
  mesh.segments = 1;
  mesh.repair_bytes_per_s = 1e30;
  mesh.repair_delay_s = 3600;
  const double a = 1 / mesh.node_lifetime_s;
  const double b = 1 / mesh.repair_delay_s;
  const Durability figures = figures_of({"", 1, 1}, mesh);
  EXPECT_NEAR(figures.mean_years_to_loss * kYear / ((3 * a + b) / (2 * a * a)), 1, 1e-12);
}

TEST(Durability, FallsWithShorterLivesSlowerRepairAndLaterRepair) {
  const MeshAssumptions usual;
  const double losses = figures_of(kResilient, usual).losses_per_segment_year;
  MeshAssumptions other = usual;
  other.node_lifetime_s /= 2;
  EXPECT_GT(figures_of(kResilient, other).losses_per_segment_year, losses);
  other = usual;
  other.repair_delay_s *= 100;
  EXPECT_GT(figures_of(kResilient, other).losses_per_segment_year, losses);
  other = usual;
  other.repair_bytes_per_s /= 2;
  EXPECT_GT(figures_of(kResilient, other).losses_per_segment_year, losses);
  other = usual;
  other.repair_at = 8;
  EXPECT_GT(figures_of(kResilient, other).losses_per_segment_year, losses);
  EXPECT_LT(figures_of(kResilient, other).repairs_per_segment_year,
            figures_of(kResilient, usual).repairs_per_segment_year);
}

TEST(Durability, MeetsItsAnchor) {
  const Durability figures = figures_of(kResilient, {});
  EXPECT_LT(static_cast<double>(kResilient.total()) / kResilient.k, 2.7);
  EXPECT_LT(figures.losses_per_segment_year, 1e-11);
}

TEST(Durability, RefusesWhatTheModelDoesNotDescribe) {
  const auto refused = [](const CodeShape& shape, const MeshAssumptions& mesh) {
    const auto figures = durability_of(shape, mesh);
    return !figures && figures.error().code() == Errc::invalid_argument;
  };
  EXPECT_TRUE(refused({"", 0, 2}, {}));
  EXPECT_TRUE(refused({"", 4, 0}, {}));
  EXPECT_TRUE(refused({"", 200, 100}, {}));
  MeshAssumptions mesh;
  mesh.repair_at = 3;
  EXPECT_TRUE(refused(kDev, mesh));
  mesh = {};
  mesh.nodes = 5;
  EXPECT_TRUE(refused(kDev, mesh));
  mesh = {};
  mesh.node_lifetime_s = std::nan("");
  EXPECT_TRUE(refused(kDev, mesh));
  mesh = {};
  mesh.repair_delay_s = -1;
  EXPECT_TRUE(refused(kDev, mesh));
}

TEST(Durability, RefusesAMeshWhoseRepairCannotKeepUp) {
  MeshAssumptions mesh;
  mesh.repair_bytes_per_s = 1 << 20;
  EXPECT_FALSE(durability_of(kStandard, mesh));
}

TEST(DurabilityTrials, ConfirmTheModelAndNoticeAWrongOne) {
  auto report = check_durability(kDev, 1);
  ASSERT_TRUE(report);
  EXPECT_GT(report->whole_mesh.losses, 1000U);
  EXPECT_TRUE(report->ok()) << trial_line(kDev, *report);
  report->model *= 2;
  EXPECT_FALSE(report->ok());
  report->model /= 4;
  EXPECT_FALSE(report->ok());
}

TEST(DurabilityTrials, ConfirmRepairThatBeginsLate) {
  MeshAssumptions mesh;
  mesh.node_lifetime_s = 2 * kDay;
  mesh.repair_delay_s = 6 * kHour;
  mesh.segments = 100;
  mesh.repair_at = 2;
  SeededRandom random(1);
  const Estimate estimate = try_segments(kStandard, mesh, 40, 20, random);
  EXPECT_TRUE(estimate.holds(figures_of(kStandard, mesh).losses_per_segment_year));
  mesh.repair_at = 3;
  EXPECT_FALSE(estimate.holds(figures_of(kStandard, mesh).losses_per_segment_year));
}

std::string document() {
  std::ifstream file(STRATOS_DURABILITY_DOCUMENT);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_in_document(const std::vector<CodeShape>& shapes, const MeshAssumptions& mesh) {
  const auto table = durability_table(shapes, mesh);
  ASSERT_TRUE(table);
  EXPECT_NE(document().find(*table), std::string::npos) << *table;
}

TEST(DurabilityDocument, ShowsWhatTheModelSays) {
  expect_in_document(usual_shapes(), {});
  MeshAssumptions mesh;
  mesh.node_lifetime_s = 90 * kDay;
  mesh.repair_bytes_per_s = 0x1p30;
  expect_in_document(usual_shapes(), mesh);
  mesh = {};
  mesh.repair_at = 10;
  expect_in_document({kResilient}, mesh);
}

}  // namespace
}  // namespace stratos::sim
