// The real machine behind the Runtime seam: one event loop on one thread, TCP, the system's clocks.
#pragma once
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "base/assert.hpp"
#include "runtime/blocking_pool.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"

namespace stratos {

// Order of the end of a process: cancel and join task groups, stop() every runtime, destroy the
// services, then the runtimes, then the pool. Runtimes that call each other are all stopped before
// any of them is destroyed.
class RealRuntime final : public Runtime {
 public:
  enum class Loop : std::uint8_t {
    own_thread,  // started by the constructor
    by_run,      // whoever calls run()
  };
  // `pool` outlives the runtime. The thread bears the first 15 bytes of `name`.
  RealRuntime(BlockingPool& pool, std::string name, Loop loop = Loop::own_thread);
  ~RealRuntime() override;

  // Serves on the calling thread until request_stop(). Loop::by_run only, once.
  void run();
  // Any thread: makes the loop return after the step it is at.
  void request_stop();
  // Not from the runtime's own executor: ends the loop, waits for its blocking jobs, then destroys
  // the frames of all tasks that still wait. Idempotent.
  void stop();
  // Any thread: wall_now() is this much later than the system's clock. It never goes back.
  void set_ahead(std::chrono::milliseconds ahead);

  boost::asio::any_io_executor executor() override;
  MonotonicTime now() override;
  WallTime wall_now() override;
  WallTime outside_now() override;
  Random& random() override;
  Net& net() override;
  Parking& parking() override;
  Task<void> offload_erased(std::move_only_function<void()> work, Duration modelled_cost) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs `task` on the runtime and blocks the calling thread, which must be another one, until it has
// its value. For main threads and tests.
template <class T>
T block_on(Runtime& runtime, Task<T> task);

// Lets the main thread wait for SIGINT and SIGTERM. Construct it before any other thread starts:
// threads inherit its signal mask.
class SignalWaiter {
 public:
  SignalWaiter();
  // The signal's number, or 0 after `timeout`.
  int wait(std::optional<Duration> timeout = std::nullopt);
};

// --- templates ---------------------------------------------------------------------------------

namespace detail {

template <class T>
class Blocked final : public Spawned {
 public:
  void ended() override {}
  std::string_view name() const override { return "block_on"; }
  std::promise<T> promise;
};

template <class T>
Task<void> run_and_tell(std::shared_ptr<Blocked<T>> blocked, Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    blocked->promise.set_value();
  } else {
    blocked->promise.set_value(co_await std::move(task));
  }
}

}  // namespace detail

template <class T>
T block_on(Runtime& runtime, Task<T> task) {
  auto blocked = std::make_shared<detail::Blocked<T>>();
  std::future<T> value = blocked->promise.get_future();
  const auto executor = runtime.executor();
  auto begin = [executor, blocked, task = std::move(task)]() mutable {
    start(executor, blocked, detail::run_and_tell<T>(blocked, std::move(task)));
  };
  blocked.reset();
  post_to(executor, std::move(begin));
  return value.get();
}

}  // namespace stratos
