// What is settled in a simulated mesh, against what its clients signed. Internal to the mesh's
// simulation.
#pragma once
#include "sim/mesh_workload.hpp"

namespace stratos::sim {

// Lets time pass until every epoch with traffic has closed, where the scenario says when that is.
void wait_for_settlement(Run& run);
// At the end, on the index as it stands on disk: nothing settled twice, settled ≤ limits ≤ grants,
// ozone neither lost nor made; in strict runs all that was delivered is settled and split.
void check_settlement(Run& run, const meta::State& state);

}  // namespace stratos::sim
