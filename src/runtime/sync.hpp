// Waiting on one executor: an event, a counter of permits, a queue, a deadline, a fork.
// All of them belong to one executor and are not thread safe; each wait has a deadline or is ended
// by its owner's close().
#pragma once
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "runtime/parking.hpp"
#include "runtime/runtime.hpp"

namespace stratos {

// A list of waiting coroutines, woken in order of arrival. The base of everything below.
class WaitQueue {
 public:
  explicit WaitQueue(Runtime& runtime) : runtime_(runtime) {}
  ~WaitQueue() { close(); }
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  // Errc::deadline_exceeded, or Errc::cancelled by close() or by cancellation of the task.
  Task<Result<void>> wait(std::optional<Duration> timeout);
  // Waits for a wake or close() even when the task is cancelled: for joins.
  Task<void> wait_ignoring_cancellation();
  void wake_one();
  void wake_all();
  // Present and later waits end with Errc::cancelled.
  void close();
  bool closed() const { return closed_; }
  bool empty() const { return !waiters_.linked(); }
  // Counts in linear time.
  std::size_t waiting() const;
  Runtime& runtime() const { return runtime_; }

 private:
  void wake_front(Wake reason);

  Runtime& runtime_;
  Hook waiters_;
  bool closed_ = false;
};

// Counts permits: bounds how much runs at once. First come, first served.
class Semaphore {
 public:
  Semaphore(Runtime& runtime, std::size_t permits) : queue_(runtime), permits_(permits) {}
  Task<Result<void>> acquire(std::optional<Duration> timeout);
  bool try_acquire();
  // Hands the permit to the first waiter, if there is one.
  void release();
  std::size_t available() const { return permits_; }

 private:
  WaitQueue queue_;
  std::size_t permits_;
};

// A bounded queue of values between coroutines of one executor.
template <class T>
class BoundedQueue {
 public:
  BoundedQueue(Runtime& runtime, std::size_t capacity)
      : not_empty_(runtime), not_full_(runtime), capacity_(capacity) {}

  // Errc::cancelled after close().
  Task<Result<void>> push(T value) {
    while (values_.size() >= capacity_ && !not_full_.closed()) {
      STRATOS_CO_CHECK(co_await not_full_.wait(std::nullopt));
    }
    if (!try_push(std::move(value))) co_return fail(Errc::cancelled);
    co_return Result<void>{};
  }
  // False when full or closed.
  bool try_push(T value) {
    if (values_.size() >= capacity_ || not_full_.closed()) return false;
    values_.push_back(std::move(value));
    not_empty_.wake_one();
    return true;
  }
  // What was pushed before close() still comes out.
  Task<Result<T>> pop(std::optional<Duration> timeout) {
    const MonotonicTime started = timeout ? not_empty_.runtime().now() : MonotonicTime();
    while (values_.empty()) {
      std::optional<Duration> rest = timeout;
      if (rest) *rest -= not_empty_.runtime().now() - started;
      STRATOS_CO_CHECK(co_await not_empty_.wait(rest));
    }
    T value = std::move(values_.front());
    values_.pop_front();
    not_full_.wake_one();
    co_return Result<T>(std::move(value));
  }
  std::size_t size() const { return values_.size(); }
  void close() {
    not_empty_.close();
    not_full_.close();
  }

 private:
  WaitQueue not_empty_;
  WaitQueue not_full_;
  std::size_t capacity_;
  std::deque<T> values_;
};

// Runs `task` on `other`'s executor and resumes the caller on its own. When the caller's wait ends
// early (timeout: Errc::deadline_exceeded, cancellation: Errc::cancelled), the task is cancelled
// and its result dropped; the task may then outlive the caller, so it must own what it uses.
template <class T>
Task<Result<T>> run_on(Runtime& caller, Runtime& other, Task<Result<T>> task, Duration timeout);

// Ends `task` with Errc::deadline_exceeded after `timeout`: cancels it and waits until it has
// ended, so that it may refer to the caller's frame.
template <class T>
Task<Result<T>> with_deadline(Runtime& runtime, Task<Result<T>> task, Duration timeout);

}  // namespace stratos

#include "runtime/sync_inl.hpp"
