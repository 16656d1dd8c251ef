// Runs a scenario: a whole mesh under a workload and faults, then checks what must hold.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "sim/mesh_scenario.hpp"

namespace stratos::sim {

struct Report {
  bool ok = false;
  std::uint64_t trace_hash = 0;  // equal for two runs of one seed
  std::vector<std::string> failures;
  std::map<std::string, std::uint64_t> counters;
};

// Blocks; one seed, one run. Prints nothing: log lines go to the process's sink.
Report run_scenario(const Scenario& scenario, std::uint64_t seed);

}  // namespace stratos::sim
