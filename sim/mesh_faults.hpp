// What goes wrong in a simulated mesh. Internal to the mesh's simulation.
#pragma once
#include "sim/mesh_workload.hpp"

namespace stratos::sim {

// Draws faults from the world's generator until the run stops. Lives as long as the run's world.
class Faults {
 public:
  explicit Faults(Run& run);
  void begin();
  // Ends everything that goes on; machines that are down start again by themselves.
  void heal();

 private:
  using Machine = MeshWorld::Machine;
  void schedule();
  void strike();
  bool strike_machine(const std::string& kind);
  bool strike_link(const std::string& kind);
  bool strike_disk(const std::string& kind);
  void partition();
  void lose();
  void lose_index();
  void rot();
  Duration draw_length();
  Machine& any_of(MeshWorld::Role role);
  Machine& any_machine();

  Run& run_;
  Random& random_;
  std::vector<Machine*> rotten_;
  MonotonicTime lost_;  // the index
};

}  // namespace stratos::sim
