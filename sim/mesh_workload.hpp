// What users of a simulated mesh do, and what they are told. Internal to the mesh's simulation.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "sim/mesh_model.hpp"
#include "sim/mesh_run.hpp"
#include "sim/mesh_world.hpp"

namespace stratos::sim {

// The state of one run, shared by workload, faults and checks.
struct Run {
  struct Operation {
    std::string name;
    MonotonicTime begun;
  };

  Run(const Scenario& scenario_in, std::uint64_t seed)
      : scenario(scenario_in), mesh(scenario_in, seed) {}
  void fail(std::string what);
  void count(const std::string& name, std::uint64_t amount = 1) { report.counters[name] += amount; }
  MonotonicTime now() { return mesh.world().now(); }

  Scenario scenario;
  Report report;
  Model model;
  bool stopping = false;
  std::uint64_t next_operation = 0;
  std::map<std::uint64_t, Operation> operations;  // under way
  MeshWorld mesh;                                 // dies first: its frames use the rest
};

// Starts the scenario's workers on a client that has just come up.
void start_workers(Run& run, ClientProcess& client);
// Reads every key and lists them, when nothing else happens any more.
Task<void> check_all_keys(Run& run, ClientProcess& client);

// Draws a name by its weight.
const std::string& draw(Random& random, const Weights& weights);
Duration draw_time(Random& random, Duration mean);

}  // namespace stratos::sim
