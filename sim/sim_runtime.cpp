#include "sim/sim_runtime.hpp"

#include "base/assert.hpp"
#include "sim/sim_net.hpp"
#include "sim/sim_world.hpp"

namespace stratos::sim {
namespace {

constexpr WallTime kWorldBegins{1'767'225'600'000};  // 2026-01-01
constexpr Duration kLongestDelay = 24h * 365 * 50;
constexpr std::int64_t kMillion = 1'000'000;

}  // namespace

void SimContext::push(Entry entry) {
  if (dead_) {
    if (entry.fn) world_.bury(std::move(entry.fn));
    return;
  }
  world_.has_work(*this);
  queue_.push_back(std::move(entry));
}

void SimContext::post(Function fn) { push({nullptr, std::move(fn)}); }

void SimContext::post(Parked& parked) { push({&parked, nullptr}); }

void SimContext::run_one() {
  Entry entry = std::move(queue_.front());
  queue_.pop_front();
  running_ = true;
  if (entry.parked != nullptr) {
    entry.parked->resume();
  } else {
    entry.fn();
  }
  running_ = false;
}

void SimContext::die() {
  dead_ = true;
  for (Entry& entry : queue_) {
    if (entry.fn) world_.bury(std::move(entry.fn));
  }
  queue_.clear();
}

Duration SimParking::local(Duration world_time) const {
  const std::int64_t ns = world_time.count();
  return Duration(ns + ns / kMillion * drift_ppm_ + ns % kMillion * drift_ppm_ / kMillion);
}

Duration SimParking::local_time() const { return local(world_.now().since_start); }

void SimParking::arm(Timer& timer, Duration delay) {
  if (delay > kLongestDelay) delay = kLongestDelay;
  const Duration start = world_.now().since_start;
  const Duration local_due = local(start) + delay;
  // The first instant of the world at which this clock shows local_due or later.
  Duration due = start + delay;
  if (drift_ppm_ != 0) {
    while (local(due) > local_due) due -= std::max(Duration(1), local(due) - local_due);
    while (local(due) < local_due) due += std::max(Duration(1), (local_due - local(due)) / 2);
  }
  world_.timers().insert(timer, {due});
}

void SimParking::disarm(Timer& timer) { world_.timers().remove(timer); }

SimRuntime::SimRuntime(SimWorld& world, SimNetwork& network, SimContext& context, std::string name,
                       std::uint64_t seed, ClockSkew skew)
    : context_(context),
      name_(std::move(name)),
      skew_(skew),
      parking_(world, context, skew.drift_ppm),
      random_(seed),
      net_(make_sim_net(network, *this)) {
  STRATOS_ASSERT(skew.drift_ppm <= 100'000 && skew.drift_ppm >= -100'000, "no clock is that bad");
}

SimRuntime::~SimRuntime() = default;

boost::asio::any_io_executor SimRuntime::executor() { return SimExecutor(context_); }

WallTime SimRuntime::wall_now() {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(parking_.local_time());
  return kWorldBegins + passed + skew_.wall_offset;
}

Task<void> SimRuntime::offload_erased(std::move_only_function<void()> work,
                                      Duration modelled_cost) {
  // From half to twice the modelled cost, mostly near it.
  const auto cost = static_cast<std::uint64_t>(std::max<std::int64_t>(modelled_cost.count(), 1000));
  const std::uint64_t tail = random_.below(16) == 0 ? random_.below(cost) : 0;
  const Duration delay(cost / 2 + random_.below(cost / 2 + 1) + tail);
  Parked self(parking_);
  co_await self.wait_for_wake(delay);
  work();
}

void SimRuntime::drop_services() {
  while (!services_.empty()) services_.pop_back();
}

}  // namespace stratos::sim
