// LoadLimit: how many requests may run at once, found from how long they take. Pure arithmetic over
// samples and time.
//
// While requests wait or are refused, the limit follows the ratio of present times to those without
// a queue, measured for each kind of request: limit = limit * min(1, tolerance / ratio) +
// sqrt(limit). What takes `tolerance` times as long as alone is queued somewhere behind, and more
// at once would only queue longer. Now and then the limit falls to its minimum for a moment, so
// that times without a queue are measured also under endless load. The form is that of Netflix'
// Gradient2 limit, the moments of quiet those of BBR (Cardwell et al., ACM Queue 14 (5), 2016).
#pragma once
#include <cstdint>
#include <vector>

#include "base/time.hpp"

namespace stratos::gateway {

struct LoadLimitOptions {
  std::size_t min = 16;
  std::size_t max = 1024;
  std::size_t initial = 64;
  double tolerance = 2;
  Duration window = 100ms;
  Duration quiet_every = 10s;
};

class LoadLimit {
 public:
  LoadLimit(LoadLimitOptions options, std::size_t kinds);

  std::size_t value() const { return quiet_windows_ > 0 ? options_.min : limit_; }
  // A request of this kind took so long, without what it waited for its client.
  void learn(std::size_t kind, Duration took, MonotonicTime now);
  // One had to wait or was refused.
  void note_pressure(MonotonicTime now);

 private:
  struct Kind {
    double alone_s = 0;  // 0: not known yet
    double sum_s = 0;
    double count = 0;
  };
  void advance(MonotonicTime now);
  void end_window(MonotonicTime now);
  void adapt();
  void take_as_alone(double share);
  double ratio() const;

  LoadLimitOptions options_;
  std::vector<Kind> kinds_;
  std::size_t limit_;
  bool pressed_ = false;
  bool begun_ = false;
  MonotonicTime window_end_;
  MonotonicTime next_quiet_;
  std::uint32_t quiet_windows_ = 0;  // that are left of a moment of quiet
};

}  // namespace stratos::gateway
