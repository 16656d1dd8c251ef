// Metrics in the Prometheus text format. Names: stratos_<area>_<what>_<unit>.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace stratos::metrics {

// Only grows. Safe from any thread.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Goes up and down. Safe from any thread.
class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Durations in seconds, in buckets of powers of two from 64 µs to 33 s. Safe from any thread.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 20;
  void observe_ns(std::int64_t duration_ns);
  std::string expose(std::string_view name, std::string_view labels) const;

 private:
  std::array<std::atomic<std::uint64_t>, kBuckets + 1> counts_{};
  std::atomic<std::int64_t> sum_ns_{0};
};

// Owns metrics; references stay valid as long as the registry. Safe from any thread.
// `labels` is the inside of the braces, for example `op="put"`; at most a few dozen values each.
class Registry {
 public:
  Counter& counter(const std::string& name, const std::string& labels = {});
  Gauge& gauge(const std::string& name, const std::string& labels = {});
  Histogram& histogram(const std::string& name, const std::string& labels = {});
  std::string expose() const;

 private:
  using Key = std::pair<std::string, std::string>;
  template <class Metric>
  using Table = std::map<Key, std::unique_ptr<Metric>>;

  mutable std::mutex mutex_;
  Table<Counter> counters_;
  Table<Gauge> gauges_;
  Table<Histogram> histograms_;
};

}  // namespace stratos::metrics
