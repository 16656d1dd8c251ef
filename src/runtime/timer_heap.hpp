// A heap of deadlines: intrusive, so that a deadline costs no allocation and leaves in O(log n).
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "base/time.hpp"

namespace stratos {

// Something with a deadline. It belongs to at most one heap and must leave it before it dies.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  // Called once per arming, after the timer has left its heap.
  virtual void expired() = 0;

  bool armed() const { return index_ != kNowhere; }
  MonotonicTime due() const { return due_; }

 protected:
  ~Timer() = default;

 private:
  friend class TimerHeap;
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();
  MonotonicTime due_;
  std::uint64_t sequence_ = 0;
  std::size_t index_ = kNowhere;
};

// Ordered by deadline, then by the order of insertion.
class TimerHeap {
 public:
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  Timer& top() const { return *heap_.front(); }
  void insert(Timer& timer, MonotonicTime due);
  // No effect when the timer is not armed.
  void remove(Timer& timer);

 private:
  static bool before(const Timer& a, const Timer& b);
  void place(Timer* timer, std::size_t index);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);

  std::vector<Timer*> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace stratos
