#include "runtime/task_group.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "runtime/conformance_streams.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos {
namespace {

using conformance::kLong;
using conformance::note_result;

class Tasks : public testing::Test {
 protected:
  ~Tasks() override { runtime_.stop(); }
  void run(Task<void> task) { block_on(runtime_, std::move(task)); }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "test"};
};

Task<void> count_after(Runtime& runtime, Duration delay, int& count) {
  [[maybe_unused]] const auto slept = co_await runtime.sleep(delay);
  ++count;
}

Task<void> spawn_chain(Runtime& runtime, TaskGroup& group, int depth, int& count) {
  ++count;
  EXPECT_TRUE((co_await runtime.sleep(0ms)));
  if (depth > 0) group.spawn(spawn_chain(runtime, group, depth - 1, count));
}

Task<void> join_what_is_spawned_meanwhile(Runtime& runtime) {
  TaskGroup group(runtime, "chain");
  int count = 0;
  group.spawn(spawn_chain(runtime, group, 50, count));
  co_await group.join();
  EXPECT_EQ(count, 51);
  group.spawn(count_after(runtime, 0ms, count));
  co_await group.join();
  EXPECT_EQ(count, 52) << "a group may be used again after a join";
}

TEST_F(Tasks, JoinWaitsForWhatIsSpawnedMeanwhile) { run(join_what_is_spawned_meanwhile(runtime_)); }

Task<void> join_group(TaskGroup& group, int& joined) {
  co_await group.join();
  EXPECT_EQ(group.size(), 0U);
  ++joined;
}

Task<void> join_from_many_places(Runtime& runtime) {
  TaskGroup group(runtime, "joined");
  TaskGroup joiners(runtime, "joiners");
  int count = 0, joined = 0;
  for (int i = 0; i < 5; ++i) group.spawn(count_after(runtime, 1ms * i, count));
  for (int i = 0; i < 3; ++i) joiners.spawn(join_group(group, joined));
  EXPECT_TRUE((co_await runtime.sleep(0ms)));
  joiners.cancel();  // a join goes on
  co_await joiners.join();
  EXPECT_EQ(count, 5);
  EXPECT_EQ(joined, 3);
}

TEST_F(Tasks, ManyMayJoinAndCancellationEndsNoJoin) { run(join_from_many_places(runtime_)); }

Task<void> cancel_own_group(Runtime& runtime, TaskGroup& group, std::vector<Errc>& codes) {
  group.cancel();
  codes.push_back((co_await runtime.sleep(1h)).error().code());
}

Task<void> cancel_from_within(Runtime& runtime) {
  TaskGroup group(runtime, "self");
  std::vector<std::string> results;
  std::vector<Errc> codes;
  group.spawn(note_result(conformance::sleep_for(runtime, 1h), results, "other"));
  group.spawn(cancel_own_group(runtime, group, codes));
  co_await group.join();
  EXPECT_EQ(results, std::vector<std::string>{"other:cancelled"});
  EXPECT_EQ(codes, std::vector<Errc>{Errc::cancelled});
}

TEST_F(Tasks, MayCancelTheirOwnGroup) { run(cancel_from_within(runtime_)); }

Task<void> own_a_group(Runtime& runtime, std::vector<std::string>& results) {
  TaskGroup inner(runtime, "inner");
  inner.spawn(note_result(conformance::sleep_for(runtime, 1h), results, "inner"));
  const Result<void> slept = co_await runtime.sleep(1h);
  EXPECT_EQ(slept.error().code(), Errc::cancelled);
  EXPECT_TRUE(results.empty()) << "cancelling a task does not reach the group it owns";
  inner.cancel();
  co_await inner.join();
  results.emplace_back("outer");
}

Task<void> cancel_nested_groups(Runtime& runtime) {
  TaskGroup outer(runtime, "outer");
  std::vector<std::string> results;
  outer.spawn(own_a_group(runtime, results));
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  outer.cancel();
  co_await outer.join();
  EXPECT_EQ(results, (std::vector<std::string>{"inner:cancelled", "outer"}));
}

TEST_F(Tasks, PutTheirOwnGroupsInOrderWhenTheyAreCancelled) { run(cancel_nested_groups(runtime_)); }

Task<void> cancel_at_random(Runtime& runtime, std::uint64_t seed) {
  SeededRandom random(seed);
  TaskGroup group(runtime, "random");
  int count = 0;
  for (int i = 0; i < 100; ++i) {
    group.spawn(count_after(runtime, 10us * random.below(100), count));
  }
  EXPECT_TRUE((co_await runtime.sleep(10us * random.below(100))));
  group.cancel();
  group.cancel();
  co_await group.join();
  // Those that had not begun were never counted.
  EXPECT_LE(count, 100);
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(Tasks, EndWheneverTheyAreCancelled) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) run(cancel_at_random(runtime_, seed));
}

// --- blocking work -----------------------------------------------------------------------------

Task<void> offload_one(Runtime& runtime, std::latch& gate, std::vector<int>& order, int number) {
  auto work = [&gate, number] {
    gate.wait();
    return number;
  };
  order.push_back(co_await runtime.offload(std::move(work), 1us));
}

Task<void> stay_responsive(Runtime& runtime, std::vector<int>& order) {
  std::latch gate(1);
  TaskGroup group(runtime, "offload");
  for (int i = 0; i < 20; ++i) group.spawn(offload_one(runtime, gate, order, i));
  // The pool's only thread is blocked: the executor is not.
  for (int i = 0; i < 5; ++i) EXPECT_TRUE((co_await runtime.sleep(100us)));
  EXPECT_TRUE(order.empty());
  group.cancel();
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  EXPECT_EQ(group.size(), 20U) << "work that may use its caller's frame is not left alone";
  gate.count_down();
  co_await group.join();
}

TEST_F(Tasks, WaitForTheirBlockingWorkEvenWhenCancelled) {
  std::vector<int> order;
  run(stay_responsive(runtime_, order));
  std::vector<int> expected(20);
  for (int i = 0; i < 20; ++i) expected[static_cast<std::size_t>(i)] = i;
  EXPECT_EQ(order, expected) << "in the order in which it was asked for";
}

Task<void> offload_for_ever(Runtime& runtime, std::atomic<int>& done) {
  while (true) {
    auto work = [&done] { ++done; };
    co_await runtime.offload(std::move(work), 1us);
  }
}

Task<void> start_offloading(Runtime& runtime, TaskGroup& group, std::atomic<int>& done) {
  for (int i = 0; i < 10; ++i) group.spawn(offload_for_ever(runtime, done));
  while (done < 100) EXPECT_TRUE((co_await runtime.sleep(100us)));
}

TEST(RealRuntimeStop, WaitsForBlockingWorkThatGoesOn) {
  for (int round = 0; round < 20; ++round) {
    BlockingPool pool(2);
    std::atomic<int> done = 0;
    RealRuntime runtime(pool, "test");
    TaskGroup group(runtime, "group");
    block_on(runtime, start_offloading(runtime, group, done));
    runtime.stop();
    const int at_stop = done;
    EXPECT_EQ(group.size(), 0U);
    EXPECT_EQ(done, at_stop) << "nothing runs after stop";
  }
}

// --- timers ------------------------------------------------------------------------------------

Task<void> sleep_oddly(Runtime& runtime) {
  const MonotonicTime begun = runtime.now();
  for (const Duration duration : {Duration(0), Duration(-1), Duration::min()}) {
    EXPECT_TRUE((co_await runtime.sleep(duration)));
  }
  EXPECT_LT(runtime.now() - begun, 10s);
  TaskGroup group(runtime, "long");
  std::vector<std::string> results;
  group.spawn(note_result(conformance::sleep_for(runtime, Duration::max()), results, "max"));
  group.spawn(note_result(conformance::sleep_for(runtime, Duration::max() - 1ns), results, "max"));
  EXPECT_TRUE((co_await runtime.sleep(2ms)));
  EXPECT_TRUE(results.empty());
  group.cancel();
  co_await group.join();
  EXPECT_EQ(results, std::vector<std::string>(2, "max:cancelled"));
}

TEST_F(Tasks, SleepForAnyDuration) { run(sleep_oddly(runtime_)); }

Task<void> sleep_exactly(Runtime& runtime, Duration duration, int& late) {
  const MonotonicTime begun = runtime.now();
  EXPECT_TRUE((co_await runtime.sleep(duration)));
  EXPECT_GE(runtime.now() - begun, duration) << "never early";
  ++late;
}

Task<void> sleep_many(Runtime& runtime) {
  SeededRandom random(9);
  TaskGroup group(runtime, "sleepers");
  TaskGroup cancelled(runtime, "cancelled");
  int woken = 0, ignored = 0;
  for (int i = 0; i < 1000; ++i) {
    group.spawn(sleep_exactly(runtime, 10us * random.below(500), woken));
    cancelled.spawn(count_after(runtime, 1h, ignored));
  }
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  cancelled.cancel();
  co_await cancelled.join();
  co_await group.join();
  EXPECT_EQ(woken, 1000) << "timers that are taken away disturb no other";
}

TEST_F(Tasks, SleepNeverTooShortNextToTimersThatAreTakenAway) { run(sleep_many(runtime_)); }

}  // namespace
}  // namespace stratos
