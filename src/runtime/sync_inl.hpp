// run_on and with_deadline: see sync.hpp.
#pragma once
#include <memory>

#include "runtime/spawn.hpp"
#include "runtime/sync.hpp"

namespace stratos {
namespace detail {

// A call from one executor to another. `waiter` and `result` are touched on the caller's executor,
// `running` and the signal on the callee's; posting between them orders the hand-over.
template <class T>
class Crossing final : public Spawned {
 public:
  void ended() override { running = false; }
  std::string_view name() const override { return "run_on"; }
  // Caller's executor.
  void deliver(Result<T> value) {
    result.emplace(std::move(value));
    if (waiter != nullptr) waiter->wake(Wake::done);
  }

  Parked* waiter = nullptr;
  std::optional<Result<T>> result;
  bool running = true;
};

template <class T>
using CrossingPtr = std::shared_ptr<Crossing<T>>;

template <class T>
Task<void> cross(CrossingPtr<T> crossing, boost::asio::any_io_executor caller,
                 Task<Result<T>> task) {
  Result<T> value = co_await std::move(task);
  auto deliver = [crossing, value = std::move(value)]() mutable {
    crossing->deliver(std::move(value));
  };
  post_to(caller, std::move(deliver));
}

template <class T>
void cancel_on(const boost::asio::any_io_executor& executor, CrossingPtr<T> crossing) {
  post_to(executor, [crossing = std::move(crossing)] {
    if (crossing->running) crossing->cancel();
  });
}

// On one executor the result needs no post.
template <class T>
Task<void> run_here(CrossingPtr<T> crossing, Task<Result<T>> task) {
  Result<T> value = co_await std::move(task);
  crossing->deliver(std::move(value));
}

}  // namespace detail

template <class T>
Task<Result<T>> run_on(Runtime& caller, Runtime& other, Task<Result<T>> task, Duration timeout) {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  if (state.cancelled() != boost::asio::cancellation_type::none) co_return fail(Errc::cancelled);
  const auto executor = other.executor();
  auto crossing = std::make_shared<detail::Crossing<T>>();
  auto begin = [crossing, executor, home = caller.executor(), task = std::move(task)]() mutable {
    start(executor, crossing, detail::cross<T>(crossing, std::move(home), std::move(task)));
  };
  post_to(executor, std::move(begin));

  Parked self(caller.parking());
  crossing->waiter = &self;
  const Wake reason = co_await self.wait(timeout, state);
  crossing->waiter = nullptr;
  if (reason == Wake::done) co_return std::move(*crossing->result);
  detail::cancel_on<T>(executor, std::move(crossing));
  co_return fail(to_result(reason).error());
}

template <class T>
Task<Result<T>> with_deadline(Runtime& runtime, Task<Result<T>> task, Duration timeout) {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  auto crossing = std::make_shared<detail::Crossing<T>>();
  start(runtime.executor(), crossing, detail::run_here<T>(crossing, std::move(task)));
  Parked self(runtime.parking());
  if (crossing->result) {
    // A loop of calls that are ready at once lets the executor clean up after each.
    co_await self.yield();
    co_return std::move(*crossing->result);
  }
  crossing->waiter = &self;
  const Wake reason = co_await self.wait(timeout, state);
  if (reason != Wake::done) {
    crossing->cancel();
    // It may have ended between our waking and now.
    if (!crossing->result) co_await self.wait_for_wake();
  }
  // A result that came in spite of the deadline is as good as any.
  if (reason == Wake::timed_out && !*crossing->result) co_return fail(Errc::deadline_exceeded);
  co_return std::move(*crossing->result);
}

}  // namespace stratos
