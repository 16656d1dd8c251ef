#include "sim/mesh_scenario.hpp"

#include <algorithm>
#include <array>
#include <set>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/assert.hpp"
#include "sim/mesh_scenario_texts.hpp"

namespace stratos::sim {
namespace {

// Reads the values of one table and remembers which it knew.
class Section {
 public:
  Section(const toml::table& root, std::string name) : name_(std::move(name)) {
    if (name_.empty()) {
      table_ = &root;
    } else if (const toml::node* node = root.get(name_)) {
      table_ = node->as_table();
      if (table_ == nullptr) fail_with("is no table");
    }
  }

  template <class Number>
  void number(const char* key, Number& out, std::int64_t lowest, std::int64_t highest) {
    const toml::node* const node = find(key);
    if (node == nullptr) return;
    const std::optional<std::int64_t> value = node->value<std::int64_t>();
    if (!value || *value < lowest || *value > highest) return fail_with(key);
    out = static_cast<Number>(*value);
  }
  void time(const char* key, Milliseconds& out) {
    std::int64_t ms = out.count();
    number(key, ms, 0, std::int64_t{1} << 40);
    out = Milliseconds(ms);
  }
  void text(const char* key, std::string& out) {
    const toml::node* const node = find(key);
    if (node == nullptr) return;
    const auto value = node->value<std::string>();
    if (!value) return fail_with(key);
    out = *value;
  }
  void flag(const char* key, bool& out) {
    const toml::node* const node = find(key);
    if (node == nullptr) return;
    const auto value = node->value<bool>();
    if (!value) return fail_with(key);
    out = *value;
  }
  void weights(const char* key, Weights& out, std::initializer_list<std::string_view> allowed) {
    const toml::node* const node = find(key);
    if (node == nullptr) return;
    const toml::table* const table = node->as_table();
    if (table == nullptr) return fail_with(key);
    out.clear();
    for (const auto& [name, entry] : *table) {
      const auto value = entry.value<std::int64_t>();
      const bool known = std::ranges::find(allowed, name.str()) != allowed.end();
      if (!known || !value || *value < 0) return fail_with(std::string(name.str()).c_str());
      if (*value > 0) out[std::string(name.str())] = static_cast<std::uint64_t>(*value);
    }
    if (out.empty()) fail_with(key);
  }
  void fail_with(const char* key) {
    if (problem_.empty()) problem_ = name_ + (name_.empty() ? "" : ".") + key;
  }
  // The first key that is wrong or unknown.
  std::string problem(std::initializer_list<std::string_view> sections = {}) const {
    if (!problem_.empty() || table_ == nullptr) return problem_;
    for (const auto& [name, entry] : *table_) {
      const bool known = seen_.contains(std::string(name.str())) ||
                         std::ranges::find(sections, name.str()) != sections.end();
      if (!known) return name_ + "." + std::string(name.str());
    }
    return {};
  }

 private:
  const toml::node* find(const char* key) {
    seen_.insert(key);
    return table_ == nullptr ? nullptr : table_->get(key);
  }

  std::string name_;
  const toml::table* table_ = nullptr;
  std::set<std::string> seen_;
  std::string problem_;
};

std::string read_topology(const toml::table& root, Topology& out) {
  Section section(root, "topology");
  section.number("nodes", out.nodes, 1, 64);
  section.number("clients", out.clients, 1, 8);
  section.number("k", out.k, 1, 32);
  section.number("m", out.m, 0, 32);
  section.number("copies", out.copies, 1, 8);
  section.number("late_nodes", out.late_nodes, 0, 8);
  section.number("percent_full", out.percent_full, 1, 95);
  section.number("reserve_bytes", out.reserve_bytes, 0, 1 << 30);
  section.number("repair_bytes_per_second", out.repair_bytes_per_second, 1, 1 << 30);
  return section.problem();
}

std::string read_times(const toml::table& root, Times& out) {
  Section section(root, "times_ms");
  section.time("lease", out.lease);
  section.time("grace", out.grace);
  section.time("trash", out.trash);
  section.time("lease_margin", out.lease_margin);
  section.time("orphan", out.orphan);
  section.time("epoch", out.epoch);
  section.time("settle_open", out.settle_open);
  section.time("settle_close", out.settle_close);
  section.time("repair_after", out.repair_after);
  section.time("scrub_within", out.scrub_within);
  section.time("backup", out.backup);
  section.time("storage_term", out.storage_term);
  section.time("storage_grace", out.storage_grace);
  section.time("storage_warning", out.storage_warning);
  return section.problem();
}

std::string read_workload(const toml::table& root, WorkloadPlan& out) {
  Section section(root, "workload");
  section.number("workers", out.workers, 1, 64);
  section.time("pause_ms", out.pause);
  section.number("keys", out.keys, 1, 500);
  section.weights("operations", out.operations,
                  {"put", "get", "range", "remove", "copy", "list", "multipart", "abandon"});
  section.weights("sizes", out.sizes, {"empty", "inline", "replicated", "coded", "large"});
  section.number("segment_max_bytes", out.segment_max_bytes, 1 << 20, 64 << 20);
  section.time("node_timeout_ms", out.node_timeout);
  return section.problem();
}

std::string read_faults(const toml::table& root, FaultPlan& out) {
  Section section(root, "faults");
  section.time("interval_ms", out.interval);
  section.time("shortest_ms", out.shortest);
  section.time("longest_ms", out.longest);
  section.weights("kinds", out.kinds,
                  {"kill_node",  "kill_meta", "lose_index", "kill_client", "power_node",
                   "power_meta", "power_all", "torn_node",  "torn_meta",   "partition",
                   "one_way",    "slow",      "reset",      "refuse",      "sync_node",
                   "sync_meta",  "full",      "rot",        "lose",        "clock"});
  section.number("rotten_nodes", out.rotten_nodes, 0, 16);
  section.number("lost_nodes", out.lost_nodes, 0, 16);
  return section.problem();
}

std::string read_root(const toml::table& root, Scenario& out) {
  Section section(root, "");
  section.text("name", out.name);
  section.text("summary", out.summary);
  section.time("duration_ms", out.duration);
  section.time("settle_ms", out.settle);
  section.flag("strict", out.strict);
  section.flag("backup_on_nodes", out.backup_on_nodes);
  section.number("flush_after_bytes", out.flush_after_bytes, 1 << 12, 1 << 30);
  return section.problem({"topology", "times_ms", "workload", "faults"});
}

std::string contradiction(const Scenario& scenario) {
  const Topology& topology = scenario.topology;
  const std::uint32_t spare = std::min((topology.m + 1U) / 2U, (topology.copies - 1U + 1U) / 2U);
  if (scenario.faults.rotten_nodes + scenario.faults.lost_nodes > spare) {
    return "faults: more nodes lose data than a write quorum can spare";
  }
  if (topology.nodes < std::size_t{topology.k} + topology.m) return "topology: too few nodes";
  if (scenario.faults.interval.count() > 0 && scenario.faults.kinds.empty()) return "faults.kinds";
  return {};
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view text) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return fail(Errc::bad_config, "line " + std::to_string(parsed.error().source().begin.line) +
                                      ": " + std::string(parsed.error().description()));
  }
  Scenario scenario;
  const toml::table& root = parsed.table();
  for (const std::string& problem :
       {read_root(root, scenario), read_topology(root, scenario.topology),
        read_times(root, scenario.times), read_workload(root, scenario.workload),
        read_faults(root, scenario.faults), contradiction(scenario)}) {
    if (!problem.empty()) return fail(Errc::bad_config, problem);
  }
  return scenario;
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> parsed;
    for (const std::string_view text : kScenarioTexts) {
      Result<Scenario> scenario = parse_scenario(text);
      STRATOS_ASSERT(scenario.has_value(), "a scenario that is compiled in does not parse");
      parsed.push_back(std::move(*scenario));
    }
    std::ranges::sort(parsed, {}, &Scenario::name);
    return parsed;
  }();
  return all;
}

Result<Scenario> find_scenario(std::string_view name) {
  const auto found = std::ranges::find(scenarios(), name, &Scenario::name);
  if (found == scenarios().end()) {
    return fail(Errc::not_found, "scenario " + std::string(name));
  }
  return *found;
}

}  // namespace stratos::sim
