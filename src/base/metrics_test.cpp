#include "base/metrics.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <thread>

namespace stratos::metrics {
namespace {

// The bounds of the buckets that hold something, from the exposed text.
std::string first_bucket_with_something(const Registry& registry) {
  std::istringstream lines(registry.expose());
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find("le=\"");
    if (at != line.npos && !line.ends_with("} 0")) {
      return line.substr(at + 4, line.find('"', at + 4) - at - 4);
    }
  }
  return "";
}

TEST(Histogram, CountsADurationBelowTheFirstBoundThatIsNotLess) {
  constexpr std::int64_t kFirst = 64'000;
  const std::pair<std::int64_t, std::string> cases[] = {
      {0, "6.4e-05"},
      {1, "6.4e-05"},
      {kFirst, "6.4e-05"},
      {kFirst + 1, "0.000128"},
      {2 * kFirst, "0.000128"},
      {2 * kFirst + 1, "0.000256"},
      {kFirst << 19, "33.554432"},
      {(kFirst << 19) + 1, "+Inf"},
      {INT64_MAX, "+Inf"},
      {-5, "6.4e-05"},
      {INT64_MIN, "6.4e-05"},
  };
  for (const auto& [ns, bound] : cases) {
    Registry registry;
    registry.histogram("h").observe_ns(ns);
    EXPECT_EQ(first_bucket_with_something(registry), bound) << ns;
  }
}

TEST(Histogram, IsCumulativeAndEndsWithItsCount) {
  Registry registry;
  Histogram& histogram = registry.histogram("h", "op=\"x\"");
  for (int i = 0; i < 40; ++i) histogram.observe_ns(std::int64_t{1} << i);
  std::istringstream lines(registry.expose());
  std::set<std::string> bounds;
  std::uint64_t last = 0;
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "# TYPE h histogram");
  while (std::getline(lines, line) && line.starts_with("h_bucket")) {
    EXPECT_TRUE(line.starts_with("h_bucket{op=\"x\",le=\"")) << line;
    EXPECT_TRUE(bounds.insert(line.substr(0, line.find('}'))).second) << line;
    const std::uint64_t count = std::stoull(line.substr(line.rfind(' ')));
    EXPECT_GE(count, last);
    last = count;
  }
  EXPECT_EQ(last, 40U);
  EXPECT_EQ(bounds.size(), Histogram::kBuckets + 1);
  EXPECT_TRUE(line.starts_with("h_sum{op=\"x\"} ")) << line;
  std::getline(lines, line);
  EXPECT_EQ(line, "h_count{op=\"x\"} 40");
  EXPECT_FALSE(std::getline(lines, line));
}

TEST(Histogram, ItsSumMovesAfterLongUse) {
  Registry registry;
  Histogram& histogram = registry.histogram("h");
  histogram.observe_ns(3'000'000'000'000'000);  // a month of requests
  histogram.observe_ns(1'500'000);
  EXPECT_NE(registry.expose().find("h_sum 3000000.0015\n"), std::string::npos) << registry.expose();
  histogram.observe_ns(-1'000'000'000);
  EXPECT_NE(registry.expose().find("h_sum 3000000.0015\n"), std::string::npos)
      << "a sum never falls";
}

TEST(Registry, GivesOneMetricForOneNameAndLabels) {
  Registry registry;
  Counter& first = registry.counter("c", "a=\"1\"");
  first.add(3);
  EXPECT_EQ(&registry.counter("c", "a=\"1\""), &first);
  EXPECT_NE(&registry.counter("c", "a=\"2\""), &first);
  EXPECT_NE(&registry.counter("c"), &first);
  for (int i = 0; i < 1000; ++i) registry.counter("c" + std::to_string(i));
  EXPECT_EQ(first.value(), 3U) << "references stay valid";
}

TEST(Registry, NamesTheTypeOfAFamilyOnce) {
  Registry registry;
  registry.counter("a_total", "x=\"1\"");
  registry.counter("a_total", "x=\"2\"");
  registry.counter("a_totals");
  registry.gauge("g").add(-7);
  EXPECT_EQ(registry.expose(),
            "# TYPE a_total counter\na_total{x=\"1\"} 0\na_total{x=\"2\"} 0\n"
            "# TYPE a_totals counter\na_totals 0\n"
            "# TYPE g gauge\ng -7\n");
}

TEST(Registry, CountsFromManyThreadsWhileItIsRead) {
  Registry registry;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&registry, t] {
      for (int i = 0; i < 2000; ++i) {
        registry.counter("c", "t=\"" + std::to_string(i % 8) + "\"").add();
        registry.histogram("h").observe_ns(i * 1000);
        registry.gauge("g").add(t % 2 == 0 ? 1 : -1);
      }
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_LT(registry.expose().size(), 10'000U);
  for (std::thread& thread : threads) thread.join();
  std::uint64_t sum = 0;
  for (int i = 0; i < 8; ++i) {
    sum += registry.counter("c", "t=\"" + std::to_string(i) + "\"").value();
  }
  EXPECT_EQ(sum, 8000U);
  EXPECT_EQ(registry.gauge("g").value(), 0);
  EXPECT_NE(registry.expose().find("h_count 8000\n"), std::string::npos);
}

}  // namespace
}  // namespace stratos::metrics
