// sim run|list|durability
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "cli/commands.hpp"
#include "runtime/real_runtime.hpp"
#include "sim/mesh_run.hpp"

namespace stratos::cli {
namespace {

struct Arguments {
  std::string scenario;
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  double until_s = 0;  // 0: as many seeds as asked for
  bool until_failure = false;
  bool logs = false;

  bool endless() const { return until_s > 0 || until_failure; }
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

// Whether the runs of one seed are to begin.
bool goes_on(const Arguments& arguments, std::uint64_t seed, std::uint64_t failed,
             Duration elapsed) {
  if (arguments.until_failure && failed > 0) return false;
  if (arguments.until_s > 0) return elapsed < std::chrono::duration<double>(arguments.until_s);
  return arguments.until_failure || seed - arguments.seed < arguments.seeds;
}

// What failed in the runs of all chosen scenarios with one seed.
std::uint64_t run_seed(const Session& session, const std::vector<sim::Scenario>& chosen,
                       std::uint64_t seed) {
  std::uint64_t failed = 0;
  for (const sim::Scenario& scenario : chosen) {
    const sim::Report report = sim::run_scenario(scenario, seed);
    print_report(session, scenario.name, seed, report);
    if (report.ok) continue;
    ++failed;
    print_message(session.output, "again with: stratos sim run --scenario " + scenario.name +
                                      " --seed " + std::to_string(seed) + " --logs");
  }
  return failed;
}

Result<void> run_scenarios(const Session& session, const Arguments& arguments) {
  std::vector<sim::Scenario> chosen = sim::scenarios();
  if (!arguments.scenario.empty()) {
    STRATOS_TRY(sim::Scenario one, sim::find_scenario(arguments.scenario));
    chosen = {std::move(one)};
  }
  // What services log in a run concerns nobody but its reader.
  if (!arguments.logs) log::set_sink([](std::string_view) {});
  BlockingPool pool(1);
  RealRuntime clock(pool, "sim_clock");
  const MonotonicTime begun = clock.now();
  std::uint64_t failed = 0;
  std::uint64_t seed = arguments.seed;
  while (goes_on(arguments, seed, failed, clock.now() - begun)) {
    failed += run_seed(session, chosen, seed++);
  }
  clock.stop();
  log::set_sink({});
  if (arguments.endless()) {
    print_message(session.output, std::to_string(seed - arguments.seed) + " seeds of " +
                                      std::to_string(chosen.size()) + " scenarios");
  }
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
  const std::map<std::string, double> units{{"s", 1.0}, {"min", 60.0}, {"h", 3600.0}};
  run.add_option("--until", arguments->until_s, "Goes on with further seeds for so long: 90min, 8h")
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::DEFAULT, "TIME"));
  run.add_flag("--until-failure", arguments->until_failure,
               "Goes on with further seeds until one fails");
  run.add_flag("--logs", arguments->logs, "Print what the simulated services log");
  on_chosen(run, session, [&session, arguments] { return run_scenarios(session, *arguments); });
  add_durability_command(group, session);
  CLI::App& list = *group.add_subcommand("list", "Name the scenarios");
  on_chosen(list, session, [&session] { return list_scenarios(session); });
}

}  // namespace stratos::cli
