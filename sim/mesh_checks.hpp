// What must hold of the machines' disks when a run is over. Internal to the mesh's simulation.
#pragma once
#include "sim/mesh_workload.hpp"

namespace stratos::sim {

// Opens the stores of all machines, whose processes have ended, and compares them: the index with
// its log and with itself, the index with the nodes, each node's accounts with its disk.
void check_disks(Run& run);

}  // namespace stratos::sim
