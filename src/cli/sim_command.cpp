// sim run|list|durability
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "cli/commands.hpp"
#include "sim/mesh_run.hpp"

namespace stratos::cli {
namespace {

struct Arguments {
  std::string scenario;
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  bool logs = false;
};

void print_report(const Session& session, const std::string& scenario, std::uint64_t seed,
                  const sim::Report& report) {
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx",
                static_cast<unsigned long long>(report.trace_hash));
  if (session.output.json) {
    print_json({{"scenario", scenario},
                {"seed", seed},
                {"ok", report.ok},
                {"trace_hash", hash.data()},
                {"failures", report.failures},
                {"counters", report.counters}});
    return;
  }
  const auto counted = [&report](const char* name) {
    const auto found = report.counters.find(name);
    return std::to_string(found == report.counters.end() ? 0 : found->second);
  };
  print_line(scenario + " seed " + std::to_string(seed) + (report.ok ? " ok" : " FAILED") +
             ", trace " + hash.data() + ", " + counted("operations") + " operations, " +
             counted("acknowledged") + " writes acknowledged, " + counted("reads") + " reads, " +
             counted("failed") + " failed, " + counted("starts") + " starts");
  for (const std::string& failure : report.failures) print_line("  " + failure);
}

Result<void> run_scenarios(const Session& session, const Arguments& arguments) {
  std::vector<sim::Scenario> chosen = sim::scenarios();
  if (!arguments.scenario.empty()) {
    STRATOS_TRY(sim::Scenario one, sim::find_scenario(arguments.scenario));
    chosen = {std::move(one)};
  }
  // What services log in a run concerns nobody but its reader.
  if (!arguments.logs) log::set_sink([](std::string_view) {});
  std::uint64_t failed = 0;
  for (const sim::Scenario& scenario : chosen) {
    for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
      const sim::Report report = sim::run_scenario(scenario, seed);
      print_report(session, scenario.name, seed, report);
      if (report.ok) continue;
      ++failed;
      print_message(session.output, "again with: stratos sim run --scenario " + scenario.name +
                                        " --seed " + std::to_string(seed) + " --logs");
    }
  }
  log::set_sink({});
  if (failed == 0) return {};
  return fail(Errc::internal, std::to_string(failed) + " runs failed");
}

Result<void> list_scenarios(const Session& session) {
  for (const sim::Scenario& scenario : sim::scenarios()) {
    if (session.output.json) {
      print_json({{"name", scenario.name}, {"summary", scenario.summary}});
    } else {
      print_line(scenario.name + ": " + scenario.summary);
    }
  }
  return {};
}

}  // namespace

void add_sim_command(CLI::App& app, Session& session) {
  CLI::App& group =
      *app.add_subcommand("sim", "A whole mesh in simulation, with faults")->require_subcommand(1);
  group.fallthrough();
  CLI::App& run = *group.add_subcommand("run", "Run scenarios and check what must hold");
  auto arguments = std::make_shared<Arguments>();
  run.add_option("--scenario", arguments->scenario, "One scenario; all by default");
  run.add_option("--seed", arguments->seed, "The first seed");
  run.add_option("--seeds", arguments->seeds, "How many seeds of each scenario")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
  run.add_flag("--logs", arguments->logs, "Print what the simulated services log");
  on_chosen(run, session, [&session, arguments] { return run_scenarios(session, *arguments); });
  add_durability_command(group, session);
  CLI::App& list = *group.add_subcommand("list", "Name the scenarios");
  on_chosen(list, session, [&session] { return list_scenarios(session); });
}

}  // namespace stratos::cli
