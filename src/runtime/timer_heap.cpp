#include "runtime/timer_heap.hpp"

#include "base/assert.hpp"

namespace stratos {

bool TimerHeap::before(const Timer& a, const Timer& b) {
  return a.due_ != b.due_ ? a.due_ < b.due_ : a.sequence_ < b.sequence_;
}

void TimerHeap::place(Timer* timer, std::size_t index) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerHeap::sift_up(std::size_t index) {
  Timer* moving = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 4;
    if (!before(*moving, *heap_[parent])) break;
    place(heap_[parent], index);
    index = parent;
  }
  place(moving, index);
}

void TimerHeap::sift_down(std::size_t index) {
  Timer* moving = heap_[index];
  for (;;) {
    const std::size_t first = index * 4 + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = first + 4 < heap_.size() ? first + 4 : heap_.size();
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (before(*heap_[child], *heap_[least])) least = child;
    }
    if (!before(*heap_[least], *moving)) break;
    place(heap_[least], index);
    index = least;
  }
  place(moving, index);
}

void TimerHeap::insert(Timer& timer, MonotonicTime due) {
  STRATOS_ASSERT(!timer.armed(), "a timer is armed once at a time");
  timer.due_ = due;
  timer.sequence_ = next_sequence_++;
  heap_.push_back(&timer);
  sift_up(heap_.size() - 1);
}

void TimerHeap::remove(Timer& timer) {
  if (!timer.armed()) return;
  const std::size_t index = timer.index_;
  STRATOS_ASSERT(index < heap_.size() && heap_[index] == &timer, "a timer of another heap");
  timer.index_ = Timer::kNowhere;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(last, index);
  sift_up(index);
  sift_down(last->index_);
}

}  // namespace stratos
