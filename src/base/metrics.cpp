#include "base/metrics.hpp"

#include <bit>
#include <charconv>

namespace stratos::metrics {
namespace {

constexpr std::int64_t kFirstBucketNs = 64'000;

std::string with_labels(std::string_view name, std::string_view labels) {
  std::string text(name);
  if (!labels.empty()) text.append("{").append(labels).append("}");
  return text;
}

// The shortest text that means the number: a sum of many hours still moves by microseconds.
std::string seconds(std::int64_t ns) {
  std::array<char, 32> text{};
  const double value = static_cast<double>(ns) / 1e9;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

template <class Table>
auto& find_or_make(std::mutex& mutex, Table& table, const std::string& name,
                   const std::string& labels) {
  const std::scoped_lock lock(mutex);
  auto& slot = table[{name, labels}];
  if (!slot) slot = std::make_unique<typename Table::mapped_type::element_type>();
  return *slot;
}

template <class Table, class Line>
void expose_table(const Table& table, std::string_view type, std::string& out, Line line) {
  std::string last;
  for (const auto& [key, metric] : table) {
    if (key.first != last) out += "# TYPE " + key.first + " " + std::string(type) + "\n";
    last = key.first;
    out += line(key.first, key.second, *metric);
  }
}

}  // namespace

void Histogram::observe_ns(std::int64_t duration_ns) {
  // A bound belongs to the bucket below it; a clock that ran backwards counts as no time.
  duration_ns = std::max<std::int64_t>(duration_ns, 0);
  const auto steps = static_cast<std::uint64_t>(std::max<std::int64_t>(duration_ns, 1) - 1) /
                     static_cast<std::uint64_t>(kFirstBucketNs);
  const auto bucket =
      std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(steps)), kBuckets);
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(duration_ns, std::memory_order_relaxed);
}

std::string Histogram::expose(std::string_view name, std::string_view labels) const {
  const std::string prefix = labels.empty() ? "" : std::string(labels) + ",";
  const std::string base(name);
  std::string out;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i <= kBuckets; ++i) {
    cumulative += counts_[i].load(std::memory_order_relaxed);
    const std::string bound = i == kBuckets ? "+Inf" : seconds(kFirstBucketNs << i);
    out += with_labels(base + "_bucket", prefix + "le=\"" + bound + "\"") + " " +
           std::to_string(cumulative) + "\n";
  }
  out += with_labels(base + "_sum", labels) + " " +
         seconds(sum_ns_.load(std::memory_order_relaxed)) + "\n";
  out += with_labels(base + "_count", labels) + " " + std::to_string(cumulative) + "\n";
  return out;
}

Counter& Registry::counter(const std::string& name, const std::string& labels) {
  return find_or_make(mutex_, counters_, name, labels);
}
Gauge& Registry::gauge(const std::string& name, const std::string& labels) {
  return find_or_make(mutex_, gauges_, name, labels);
}
Histogram& Registry::histogram(const std::string& name, const std::string& labels) {
  return find_or_make(mutex_, histograms_, name, labels);
}

std::string Registry::expose() const {
  const std::scoped_lock lock(mutex_);
  const auto value_line = [](const auto& name, const auto& labels, const auto& metric) {
    return with_labels(name, labels) + " " + std::to_string(metric.value()) + "\n";
  };
  std::string out;
  expose_table(counters_, "counter", out, value_line);
  expose_table(gauges_, "gauge", out, value_line);
  expose_table(histograms_, "histogram", out,
               [](const auto& name, const auto& labels, const auto& metric) {
                 return metric.expose(name, labels);
               });
  return out;
}

}  // namespace stratos::metrics
