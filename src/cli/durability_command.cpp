// sim durability
#include <CLI/CLI.hpp>
#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "sim/durability_report.hpp"

namespace stratos::cli {
namespace {

struct Arguments {
  std::string profile;
  sim::MeshAssumptions mesh;
  std::uint64_t seed = 1;
  bool check = false;
};

// K+M, or the name of a usual profile.
Result<sim::CodeShape> parse_shape(const std::string& text) {
  for (const sim::CodeShape& shape : sim::usual_shapes()) {
    const bool same = text == std::to_string(shape.k) + "+" + std::to_string(shape.m);
    if (same || text == shape.name) return shape;
  }
  sim::CodeShape shape;
  const char* const end = text.data() + text.size();
  const auto k = std::from_chars(text.data(), end, shape.k);
  if (k.ec == std::errc() && k.ptr != end && *k.ptr == '+') {
    const auto m = std::from_chars(k.ptr + 1, end, shape.m);
    if (m.ec == std::errc() && m.ptr == end) return shape;
  }
  return fail(Errc::invalid_argument, "a profile is K+M, dev, standard or resilient");
}

nlohmann::json json_of(const sim::CodeShape& shape, const sim::MeshAssumptions& mesh,
                       const sim::Durability& figures) {
  return {{"k", shape.k},
          {"m", shape.m},
          {"node_lifetime_s", mesh.node_lifetime_s},
          {"repair_delay_s", mesh.repair_delay_s},
          {"repair_bytes_per_s", mesh.repair_bytes_per_s},
          {"nodes", mesh.nodes},
          {"segments", mesh.segments},
          {"segment_bytes", mesh.segment_bytes},
          {"repair_at", mesh.repair_at},
          {"stored_bytes_per_byte", static_cast<double>(shape.total()) / shape.k},
          {"losses_per_segment_year", figures.losses_per_segment_year},
          {"mean_years_to_loss", figures.mean_years_to_loss},
          {"loss_of_any_in_a_year", figures.loss_of_any_in_a_year},
          {"repairs_per_segment_year", figures.repairs_per_segment_year},
          {"repair_load", figures.repair_load}};
}

nlohmann::json json_of(const sim::Estimate& estimate) {
  return {{"mean", estimate.mean},
          {"low", estimate.low},
          {"high", estimate.high},
          {"losses", estimate.losses}};
}

Result<void> print_figures(const Session& session, const std::vector<sim::CodeShape>& shapes,
                           const sim::MeshAssumptions& mesh) {
  if (!session.output.json) {
    STRATOS_TRY(const std::string table, sim::durability_table(shapes, mesh));
    print_line(table.substr(0, table.size() - 1));
    return {};
  }
  for (const sim::CodeShape& shape : shapes) {
    STRATOS_TRY(const sim::Durability figures, sim::durability_of(shape, mesh));
    print_json(json_of(shape, mesh, figures));
  }
  return {};
}

Result<void> print_trials(const Session& session, const std::vector<sim::CodeShape>& shapes,
                          std::uint64_t seed) {
  bool ok = true;
  for (const sim::CodeShape& shape : shapes) {
    STRATOS_TRY(const sim::TrialReport report, sim::check_durability(shape, seed));
    ok = ok && report.ok();
    if (session.output.json) {
      print_json({{"k", shape.k},
                  {"m", shape.m},
                  {"node_lifetime_s", report.mesh.node_lifetime_s},
                  {"model", report.model},
                  {"segments", json_of(report.segments)},
                  {"mesh", json_of(report.whole_mesh)},
                  {"ok", report.ok()}});
    } else {
      print_line(sim::trial_line(shape, report));
    }
  }
  if (ok) return {};
  return fail(Errc::internal, "the model and its trials disagree");
}

Result<void> run_durability(const Session& session, const Arguments& arguments) {
  std::vector<sim::CodeShape> shapes = sim::usual_shapes();
  if (!arguments.profile.empty()) {
    STRATOS_TRY(sim::CodeShape shape, parse_shape(arguments.profile));
    shapes = {std::move(shape)};
  }
  if (arguments.check) return print_trials(session, shapes, arguments.seed);
  return print_figures(session, shapes, arguments.mesh);
}

CLI::AsNumberWithUnit seconds_with_unit() {
  const std::map<std::string, double> units{
      {"s", 1.0}, {"min", 60.0}, {"h", sim::kHour}, {"d", sim::kDay}, {"y", sim::kYear}};
  return CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::DEFAULT, "TIME");
}

}  // namespace

void add_durability_command(CLI::App& sim, Session& session) {
  CLI::App& command = *sim.add_subcommand(
      "durability", "How often segments are lost, by a model of losses and repair");
  auto arguments = std::make_shared<Arguments>();
  sim::MeshAssumptions& mesh = arguments->mesh;
  command.add_option("--profile", arguments->profile, "K+M or a name; all usual ones by default");
  command.add_option("--node-lifetime", mesh.node_lifetime_s, "Mean life of a node: 1y, 90d, 12h")
      ->transform(seconds_with_unit());
  command.add_option("--repair-delay", mesh.repair_delay_s, "Silence until a node counts as gone")
      ->transform(seconds_with_unit());
  const std::map<std::string, double> rates{
      {"b", 1.0}, {"kib", 0x1p10}, {"mib", 0x1p20}, {"gib", 0x1p30}};
  command
      .add_option("--repair-bandwidth", mesh.repair_bytes_per_s,
                  "Bytes a second that all repairs read together: 256MiB")
      ->transform(CLI::AsNumberWithUnit(rates, CLI::AsNumberWithUnit::DEFAULT, "BYTES"));
  command.add_option("--segments", mesh.segments, "In the whole mesh");
  command.add_option("--segment-bytes", mesh.segment_bytes)
      ->transform(CLI::AsNumberWithUnit(rates, CLI::AsNumberWithUnit::DEFAULT, "BYTES"));
  command.add_option("--nodes", mesh.nodes);
  command.add_option("--repair-at", mesh.repair_at, "Lost fragments from which on repair begins");
  command.add_flag("--check", arguments->check,
                   "Hold the model against Monte-Carlo trials at high churn");
  command.add_option("--seed", arguments->seed, "Of the trials");
  on_chosen(command, session,
            [&session, arguments] { return run_durability(session, *arguments); });
}

}  // namespace stratos::cli
