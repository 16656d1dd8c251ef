// Threads for work that blocks: disk, large hashes, name resolution.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace stratos {

// Shared by the runtimes of a process and outlives them. Jobs start in the order they came. The
// queue is bounded by its users: every waiting task has at most one job in it.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads = 4);
  // Runs what is queued, then joins.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Any thread. `job` must not throw.
  void run(std::move_only_function<void()> job);
  std::size_t threads() const { return threads_.size(); }

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace stratos
