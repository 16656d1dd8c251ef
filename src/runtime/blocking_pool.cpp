#include "runtime/blocking_pool.hpp"

#include <pthread.h>

#include "base/assert.hpp"

namespace stratos {

BlockingPool::BlockingPool(std::size_t threads) {
  STRATOS_ASSERT(threads > 0, "a pool without threads never runs a job");
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
    ::pthread_setname_np(threads_.back().native_handle(), "blocking");
  }
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BlockingPool::run(std::move_only_function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    STRATOS_ASSERT(!stopping_, "the pool outlives its users");
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void BlockingPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::move_only_function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace stratos
