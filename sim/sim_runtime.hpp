// One incarnation of one simulated node: the Runtime that its services get.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/parking.hpp"
#include "runtime/runtime.hpp"
#include "sim/sim_executor.hpp"

namespace stratos::sim {

class SimNetwork;
class SimWorld;

// How a node's clocks differ from the world's.
struct ClockSkew {
  std::chrono::milliseconds wall_offset{0};
  std::int64_t drift_ppm = 0;  // at most 100,000 either way; both clocks and all timers run at it
};

class SimParking final : public Parking {
 public:
  SimParking(SimWorld& world, SimContext& context, std::int64_t drift_ppm)
      : world_(world), context_(context), drift_ppm_(drift_ppm) {}
  void arm(Timer& timer, Duration delay) override;
  void disarm(Timer& timer) override;
  void resume_soon(Parked& parked) override { context_.post(parked); }
  // The node's own time since the world began.
  Duration local_time() const;

 private:
  Duration local(Duration world_time) const;

  SimWorld& world_;
  SimContext& context_;
  std::int64_t drift_ppm_;
};

class SimRuntime final : public Runtime {
 public:
  SimRuntime(SimWorld& world, SimNetwork& network, SimContext& context, std::string name,
             std::uint64_t seed, ClockSkew skew);
  ~SimRuntime() override;

  boost::asio::any_io_executor executor() override;
  MonotonicTime now() override { return {parking_.local_time()}; }
  WallTime wall_now() override;
  Random& random() override { return random_; }
  Net& net() override { return *net_; }
  Parking& parking() override { return parking_; }
  Task<void> offload_erased(std::move_only_function<void()> work, Duration modelled_cost) override;

  const std::string& name() const { return name_; }
  SimContext& context() { return context_; }
  // Hands a service over: it lives until the crash, longer than every task of this incarnation, and
  // services die in reverse order. Returns it.
  template <class Service>
  Service& keep(std::unique_ptr<Service> service) {
    Service& kept = *service;
    services_.push_back(std::shared_ptr<Service>(std::move(service)));
    return kept;
  }
  // The wall clock jumps.
  void set_wall_offset(std::chrono::milliseconds offset) { skew_.wall_offset = offset; }
  // For the world: after the frames are gone.
  void drop_services();

 private:
  SimContext& context_;
  std::string name_;
  ClockSkew skew_;
  SimParking parking_;
  SeededRandom random_;
  std::unique_ptr<Net> net_;
  std::vector<std::shared_ptr<void>> services_;
};

}  // namespace stratos::sim
