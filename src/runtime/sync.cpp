#include "runtime/sync.hpp"

namespace stratos {

Task<Result<void>> WaitQueue::wait(std::optional<Duration> timeout) {
  if (closed_) co_return fail(Errc::cancelled);
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  Parked self(runtime_.parking());
  self.queue_hook().link(waiters_);
  const Wake reason = co_await self.wait(timeout, state);
  co_return to_result(reason);
}

Task<void> WaitQueue::wait_ignoring_cancellation() {
  if (closed_) co_return;
  Parked self(runtime_.parking());
  self.queue_hook().link(waiters_);
  co_await self.wait_for_wake();
}

void WaitQueue::wake_front(Wake reason) {
  auto* hook = static_cast<Parked::QueueHook*>(waiters_.next());
  hook->unlink();
  hook->owner->wake(reason);
}

void WaitQueue::wake_one() {
  if (!empty()) wake_front(Wake::done);
}

void WaitQueue::wake_all() {
  while (!empty()) wake_front(Wake::done);
}

void WaitQueue::close() {
  closed_ = true;
  while (!empty()) wake_front(Wake::cancelled);
}

std::size_t WaitQueue::waiting() const {
  std::size_t count = 0;
  for (const Hook* hook = waiters_.next(); hook != &waiters_; hook = hook->next()) ++count;
  return count;
}

Task<Result<void>> Semaphore::acquire(std::optional<Duration> timeout) {
  if (try_acquire()) co_return Result<void>();
  co_return co_await queue_.wait(timeout);
}

bool Semaphore::try_acquire() {
  if (permits_ == 0) return false;
  --permits_;
  return true;
}

void Semaphore::release() {
  if (queue_.empty()) {
    ++permits_;
  } else {
    queue_.wake_one();
  }
}

}  // namespace stratos
