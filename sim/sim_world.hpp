// A world of simulated nodes: one seed, one virtual clock, one thread. Same seed and same program:
// same run, to the last event; the trace hash tells.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "runtime/spawn.hpp"
#include "runtime/timer_heap.hpp"
#include "sim/sim_executor.hpp"
#include "sim/sim_net.hpp"
#include "sim/sim_runtime.hpp"

namespace stratos::sim {

// What the other machines see of a crash.
enum class Crash : std::uint8_t {
  process,  // the machine stays up: its connections are reset, new ones refused
  power,    // silence until the node starts again
};

template <class T>
using ValueOf = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// Order: shuffled between nodes, first in first out within one. Nothing here is thread safe.
class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed);
  // Crashes every node first.
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // Starts the next incarnation of a node; the first call makes the node. Valid until its crash.
  SimRuntime& start(const std::string& name, ClockSkew skew = {});
  bool is_up(const std::string& name) const;
  SimRuntime& runtime(const std::string& name);
  // Between two switches: destroys all frames of the incarnation, then its services, then the
  // runtime. Not while one of its own entries runs.
  void crash(const std::string& name, Crash kind = Crash::process);
  // The same, when the entry that now runs has returned: for faults inside a node's own work.
  void crash_soon(const std::string& name, Crash kind = Crash::process);

  MonotonicTime now() const { return now_; }
  std::uint64_t seed() const { return seed_; }
  // The world's own generator, for fault schedules.
  Random& random() { return random_; }
  SimNetwork& network() { return network_; }

  // One entry of one node, or the next moment at which something happens. False when nothing is
  // left to do.
  bool step();
  void run_for(Duration duration);
  // False when `limit` of virtual time passed first.
  bool run_until(const std::function<bool()>& condition, Duration limit);
  // Runs `task` on a node until it has its value; nullopt after `limit` or when the node crashed.
  template <class T>
  std::optional<ValueOf<T>> run_task(const std::string& name, Task<T> task, Duration limit);
  // Calls `fn` in the world's own context: for faults.
  void after(Duration delay, std::move_only_function<void()> fn);

  // Depends on every switch, every delivery with its bytes, every fault, and what was noted.
  std::uint64_t trace_hash() const { return trace_; }
  void note(std::uint64_t value);
  void note(ByteView bytes);
  std::uint64_t switches() const { return switches_; }

  // For the parts of the simulator.
  TimerHeap& timers() { return timers_; }
  void has_work(SimContext& context) {
    if (!context.listed) ready_.push_back(&context);
    context.listed = true;
  }
  void bury(std::move_only_function<void()> fn) { grave_.push_back(std::move(fn)); }

 private:
  struct Node {
    std::uint32_t number = 0;
    std::uint32_t incarnations = 0;
    std::unique_ptr<SimRuntime> runtime;
  };
  class Scheduled;

  void run_entry();
  void advance_to(MonotonicTime time);
  bool step_until(MonotonicTime end);
  void empty_grave();
  void crash_pending();

  std::uint64_t seed_;
  SeededRandom random_;
  MonotonicTime now_;
  std::uint64_t trace_;
  std::uint64_t switches_ = 0;
  std::uint64_t switches_at_now_ = 0;
  TimerHeap timers_;
  std::vector<SimContext*> ready_;
  std::deque<std::move_only_function<void()>> grave_;
  std::vector<std::pair<std::string, Crash>> crashes_;
  SimNetwork network_;
  std::vector<std::unique_ptr<SimContext>> contexts_;
  std::map<std::string, Node> nodes_;
  std::map<std::uint64_t, std::unique_ptr<Scheduled>> scheduled_;
  std::uint64_t next_scheduled_ = 0;
};

namespace detail {

template <class T>
class Outcome final : public Spawned {
 public:
  void ended() override { over = true; }
  std::string_view name() const override { return "run_task"; }
  std::optional<ValueOf<T>> value;
  bool over = false;
};

template <class T>
Task<void> run_into(std::shared_ptr<Outcome<T>> outcome, Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    outcome->value.emplace();
  } else {
    outcome->value.emplace(co_await std::move(task));
  }
}

}  // namespace detail

template <class T>
std::optional<ValueOf<T>> SimWorld::run_task(const std::string& name, Task<T> task,
                                             Duration limit) {
  auto outcome = std::make_shared<detail::Outcome<T>>();
  stratos::start(runtime(name).executor(), outcome, detail::run_into<T>(outcome, std::move(task)));
  // Nobody else holds the outcome of a frame that a crash destroyed.
  run_until([&] { return outcome->over || outcome.use_count() == 1; }, limit);
  return std::move(outcome->value);
}

}  // namespace stratos::sim
