#include "sim/durability_report.hpp"

#include <cstdio>

namespace stratos::sim {
namespace {

// Churn at which a segment is lost this often is high enough to see losses.
constexpr double kTrialLosses = 2;
constexpr double kTrialLoad = 0.4;
constexpr std::uint32_t kTrialRuns = 40;
constexpr std::uint64_t kLossesInRun = 20;
constexpr double kFragmentsInRun = 20'000;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), pattern, values...);
  return text.data();
}

std::string duration_text(double seconds) {
  if (seconds == kYear) return "1 year";
  if (seconds > kYear) return format("%g years", seconds / kYear);
  if (seconds >= kDay) return format("%g days", seconds / kDay);
  if (seconds >= kHour) return format("%g hours", seconds / kHour);
  return format("%g seconds", seconds);
}

std::string assumptions_text(const MeshAssumptions& mesh) {
  return "Mean life of a node " + duration_text(mesh.node_lifetime_s) + ", gone after " +
         duration_text(mesh.repair_delay_s) +
         format(", repair reads %g MiB/s, %u nodes, ", mesh.repair_bytes_per_s / (1 << 20),
                mesh.nodes) +
         format("%g segments of %g MiB, repair from %u lost on.\n", mesh.segments,
                mesh.segment_bytes / (1 << 20), mesh.repair_at);
}

std::string row(const CodeShape& shape, const Durability& figures) {
  return format("| %s%s%u+%u | %.2f | %.1e | %.1e | %.1e | %.1f | %.0f %% |\n", shape.name.c_str(),
                shape.name.empty() ? "" : " ", shape.k, shape.m,
                static_cast<double>(shape.total()) / shape.k, figures.losses_per_segment_year,
                figures.mean_years_to_loss, figures.loss_of_any_in_a_year,
                figures.repairs_per_segment_year, 100 * figures.repair_load);
}

// Lets nodes die faster until losses are frequent, with bandwidth enough to keep up.
Result<MeshAssumptions> trial_mesh(const CodeShape& shape) {
  MeshAssumptions mesh;
  mesh.nodes = 2 * shape.total();
  mesh.segments = 100;
  mesh.repair_delay_s = 6 * kHour;
  mesh.repair_bytes_per_s = 1 << 18;
  mesh.node_lifetime_s = 20 * kDay;
  while (true) {
    const Result<Durability> figures = durability_of(shape, mesh);
    if (!figures || figures->repair_load > kTrialLoad) {
      if (mesh.repair_bytes_per_s > 1e12) return fail(figures.error());
      mesh.repair_bytes_per_s *= 2;
    } else if (figures->losses_per_segment_year < kTrialLosses) {
      mesh.node_lifetime_s /= 1.25;
    } else {
      return mesh;
    }
  }
}

}  // namespace

Result<std::string> durability_table(const std::vector<CodeShape>& shapes,
                                     const MeshAssumptions& mesh) {
  std::string text = assumptions_text(mesh);
  text +=
      "\n| profile | stored bytes per byte | losses per segment-year | mean years to loss | "
      "any loss in a year | repairs per segment-year | repair load |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const CodeShape& shape : shapes) {
    STRATOS_TRY(const Durability figures, durability_of(shape, mesh));
    text += row(shape, figures);
  }
  return text;
}

Result<TrialReport> check_durability(const CodeShape& shape, std::uint64_t seed) {
  TrialReport report;
  STRATOS_TRY(report.mesh, trial_mesh(shape));
  STRATOS_TRY(const Durability figures, durability_of(shape, report.mesh));
  report.model = figures.losses_per_segment_year;
  SeededRandom random(seed);
  report.segments = try_segments(shape, report.mesh, kTrialRuns, kLossesInRun, random);
  const double years = kFragmentsInRun * report.mesh.node_lifetime_s / kYear /
                       (report.mesh.segments * shape.total());
  report.whole_mesh = try_mesh(shape, report.mesh, TrialSize{kTrialRuns, years}, random);
  return report;
}

std::string trial_line(const CodeShape& shape, const TrialReport& report) {
  const auto interval = [](const char* name, const Estimate& estimate) {
    return format(", %s %.3g in [%.3g, %.3g]", name, estimate.mean, estimate.low, estimate.high);
  };
  return format("%u+%u, nodes live %.3g days: model %.3g losses per segment-year", shape.k, shape.m,
                report.mesh.node_lifetime_s / kDay, report.model) +
         interval("segments", report.segments) + interval("mesh", report.whole_mesh) +
         (report.ok() ? ", ok" : ", DISAGREE");
}

}  // namespace stratos::sim
