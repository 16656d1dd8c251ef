#include "gateway/load_limit.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace stratos::gateway {
namespace {

// A server that works on `width` requests at once and queues the others, under endless demand.
class Server {
 public:
  Server(LoadLimit& limit, std::size_t width, Duration service)
      : limit_(limit), width_(width), service_(service) {}

  // Time passes; gives the time that requests took at its end.
  Duration run(Duration time, bool pressed = true) {
    Duration took = service_;
    for (const MonotonicTime end = now + time; now < end; now = now + 10ms) {
      const std::size_t running = pressed ? limit_.value() : 1;
      took = service_ * std::max<std::int64_t>(1, static_cast<std::int64_t>(running / width_));
      if (pressed) limit_.note_pressure(now);
      for (std::size_t i = 0; i < 8; ++i) limit_.learn(0, took, now);
    }
    return took;
  }
  void set_service(Duration service) { service_ = service; }

  MonotonicTime now;

 private:
  LoadLimit& limit_;
  std::size_t width_;
  Duration service_;
};

TEST(LoadLimit, StaysWhereItIsWithoutPressure) {
  LoadLimit limit({}, 1);
  Server server(limit, 1000, 5ms);
  server.run(60s, false);
  EXPECT_EQ(limit.value(), LoadLimitOptions{}.initial);
}

TEST(LoadLimit, GrowsWhileMoreAtOnceTakesNoLonger) {
  LoadLimit limit({}, 1);
  Server server(limit, 10'000, 50ms);
  server.run(1s, false);
  server.run(8s);
  EXPECT_GT(limit.value(), 200U);
}

TEST(LoadLimit, FallsUntilRequestsTakeAboutTwiceAsLongAsAlone) {
  LoadLimit limit({.max = 1024, .initial = 1024}, 1);
  Server server(limit, 32, 5ms);
  server.run(1s, false);
  const Duration took = server.run(8s);
  EXPECT_LE(took, 15ms);
  EXPECT_GE(limit.value(), 32U);
}

TEST(LoadLimit, IsStillThereAfterHoursOfOverload) {
  LoadLimit limit({}, 1);
  Server server(limit, 32, 5ms);
  server.run(1s, false);
  server.run(1h);
  EXPECT_LE(limit.value(), 110U);
}

TEST(LoadLimit, LearnsUnderOverloadThatEverythingTakesLongerNow) {
  LoadLimit limit({}, 1);
  Server server(limit, 10'000, 1ms);
  server.run(1s, false);
  // A machine far away has taken over: ten times slower, and still no queue.
  server.set_service(10ms);
  server.run(1s);
  EXPECT_LT(limit.value(), 64U);
  server.run(30s);
  EXPECT_GT(limit.value(), 200U);
}

TEST(LoadLimit, FallsToItsMinimumForAMomentNowAndThen) {
  LoadLimit limit({}, 1);
  Server server(limit, 10'000, 5ms);
  server.run(1s, false);
  int quiet = 0;
  for (int i = 0; i < 300; ++i) {
    server.run(100ms);
    quiet += limit.value() == LoadLimitOptions{}.min ? 1 : 0;
  }
  EXPECT_GE(quiet, 3);
  EXPECT_LE(quiet, 9);
}

TEST(LoadLimit, MeasuresEachKindByItself) {
  LoadLimit limit({}, 2);
  MonotonicTime now;
  const auto pass = [&](std::size_t kind, Duration took, bool pressed) {
    for (int i = 0; i < 100; ++i) {
      now = now + 10ms;
      limit.learn(kind, took, now);
      if (pressed) limit.note_pressure(now);
    }
  };
  pass(0, 1ms, false);
  pass(1, 100ms, false);
  // Slow by nature is not slow by load.
  pass(1, 100ms, true);
  EXPECT_GT(limit.value(), 64U);
}

TEST(LoadLimit, KeepsItsBounds) {
  LoadLimit limit({.min = 4, .max = 8, .initial = 100}, 1);
  EXPECT_EQ(limit.value(), 8U);
  Server server(limit, 1, 1ms);
  server.run(1s, false);
  server.run(20s);
  EXPECT_GE(limit.value(), 4U);
}

}  // namespace
}  // namespace stratos::gateway
