// What both back ends of Runtime promise, as one typed GoogleTest suite. For tests only: include
// it, then INSTANTIATE_TYPED_TEST_SUITE_P(Name, RuntimeConformance, Harness).
//
// A Harness has runtime(), other() (a second runtime that is not the first), address() (where
// runtime() may listen), and run(Task<void>), which returns when the task has ended on runtime().
#pragma once
#include <gtest/gtest.h>

#include <numeric>

#include "runtime/conformance_streams.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::conformance {

inline Task<void> set_flag(bool& flag) {
  flag = true;
  co_return;
}

inline Task<void> groups_start_later_and_not_after_cancel(Runtime& runtime) {
  TaskGroup group(runtime, "order");
  bool first = false, second = false, third = false;
  group.spawn(set_flag(first));
  EXPECT_FALSE(first);
  co_await group.join();
  EXPECT_TRUE(first);
  group.spawn(set_flag(second));
  group.cancel();
  group.spawn(set_flag(third));
  co_await group.join();
  EXPECT_FALSE(second);
  EXPECT_FALSE(third);
  EXPECT_EQ(group.size(), 0U);
}

inline Task<void> wakes_in_order_of_arrival(Runtime& runtime) {
  WaitQueue queue(runtime);
  TaskGroup group(runtime, "queue");
  std::vector<std::string> results;
  for (const char* name : {"a", "b", "c", "d"}) {
    group.spawn(note_result(wait_on(queue, kLong), results, name));
  }
  group.spawn(note_result(wait_on(queue, 1ms), results, "late"));
  co_await runtime.sleep(5ms);
  EXPECT_EQ(queue.waiting(), 4U);
  queue.wake_one();
  queue.wake_one();
  co_await runtime.sleep(1ms);
  queue.wake_all();
  co_await group.join();
  const std::vector<std::string> expected = {"late:deadline_exceeded", "a:ok", "b:ok", "c:ok",
                                             "d:ok"};
  EXPECT_EQ(results, expected);
  queue.close();
  EXPECT_EQ((co_await queue.wait(std::nullopt)).error().code(), Errc::cancelled);
}

inline Task<void> hold_permit(Runtime& runtime, Semaphore& permits, int& running, int& most) {
  EXPECT_TRUE((co_await permits.acquire(kLong)));
  most = std::max(most, ++running);
  co_await runtime.sleep(1ms);
  --running;
  permits.release();
}

inline Task<void> semaphore_bounds_what_runs(Runtime& runtime) {
  Semaphore permits(runtime, 3);
  TaskGroup group(runtime, "permits");
  int running = 0, most = 0;
  for (int i = 0; i < 20; ++i) group.spawn(hold_permit(runtime, permits, running, most));
  co_await group.join();
  EXPECT_EQ(most, 3);
  EXPECT_EQ(permits.available(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(permits.try_acquire());
  EXPECT_FALSE(permits.try_acquire());
  EXPECT_EQ((co_await permits.acquire(1ms)).error().code(), Errc::deadline_exceeded);
}

inline Task<void> produce(BoundedQueue<int>& queue, int count, std::size_t& most) {
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE((co_await queue.push(i)));
    most = std::max(most, queue.size());
  }
  queue.close();
}

inline Task<void> bounded_queue_holds_back_its_producer(Runtime& runtime) {
  BoundedQueue<int> queue(runtime, 4);
  TaskGroup group(runtime, "queue");
  std::size_t most = 0;
  group.spawn(produce(queue, 100, most));
  co_await runtime.sleep(1ms);
  EXPECT_EQ(queue.size(), 4U);
  EXPECT_FALSE(queue.try_push(7));
  std::vector<int> popped;
  for (;;) {
    const auto value = co_await queue.pop(kLong);
    if (!value) {
      EXPECT_EQ(value.error().code(), Errc::cancelled);
      break;
    }
    popped.push_back(*value);
  }
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(popped, expected);
  EXPECT_EQ(most, 4U);
  EXPECT_EQ((co_await queue.push(1)).error().code(), Errc::cancelled);
  co_await group.join();
}

inline Task<void> deadlines_end_tasks(Runtime& runtime) {
  EXPECT_EQ((co_await with_deadline(runtime, answer(runtime, 1ms, 7), kLong)).value(), 7);
  EXPECT_EQ((co_await with_deadline(runtime, answer(runtime, -1ms, 8), kLong)).value(), 8);
  EXPECT_EQ((co_await with_deadline(runtime, fail_later(runtime), kLong)).error().code(),
            Errc::not_found);
  bool ended = false;
  const auto late = co_await with_deadline(runtime, hang(runtime, ended), 2ms);
  EXPECT_EQ(late.error().code(), Errc::deadline_exceeded);
  EXPECT_TRUE(ended);
}

inline Task<Result<bool>> on(Runtime* runtime) {
  const auto here = co_await boost::asio::this_coro::executor;
  co_return here == runtime->executor();
}

inline Task<void> calls_cross_runtimes(Runtime& runtime, Runtime& other) {
  EXPECT_TRUE((co_await run_on(runtime, other, on(&other), kLong)).value());
  EXPECT_TRUE((co_await on(&runtime)).value());
  EXPECT_EQ((co_await run_on(runtime, other, answer(other, 1ms, 7), kLong)).value(), 7);
  EXPECT_EQ((co_await run_on(runtime, other, fail_later(other), kLong)).error().code(),
            Errc::not_found);
  const auto late = co_await run_on(runtime, other, answer(other, 1h, 7), 2ms);
  EXPECT_EQ(late.error().code(), Errc::deadline_exceeded);
  EXPECT_EQ((co_await run_on(runtime, runtime, answer(runtime, 1ms, 9), kLong)).value(), 9);
}

inline Task<void> cross_many_times(Runtime& runtime, Runtime& other, int count, int& sum) {
  for (int i = 0; i < count; ++i) {
    const auto value = co_await run_on(runtime, other, answer(other, 0ms, 1), kLong);
    if (value) sum += *value;
  }
}

inline Task<void> crossings_survive_load(Runtime& runtime, Runtime& other) {
  TaskGroup group(runtime, "load");
  int sum = 0;
  for (int i = 0; i < 20; ++i) group.spawn(cross_many_times(runtime, other, 1000, sum));
  co_await group.join();
  EXPECT_EQ(sum, 20'000);
}

inline Task<Result<void>> void_call(Runtime& runtime, Runtime& other, int i) {
  // Deadlines around the callee's own delay: some end in time, some late, some in between.
  const auto value =
      co_await run_on(runtime, other, answer(other, 1ms, i), 500us + 100us * (i % 10));
  if (!value) co_return fail(value.error());
  co_return Result<void>();
}

inline Task<void> crossings_may_be_given_up(Runtime& runtime, Runtime& other) {
  TaskGroup group(runtime, "given up");
  std::vector<std::string> results;
  for (int i = 0; i < 2000; ++i)
    group.spawn(note_result(void_call(runtime, other, i), results, "c"));
  co_await runtime.sleep(1ms);
  group.cancel();
  co_await group.join();
  const std::vector<std::string> known = {"c:ok", "c:cancelled", "c:deadline_exceeded"};
  for (const std::string& result : results) {
    EXPECT_NE(std::ranges::find(known, result), known.end()) << result;
  }
}

inline Task<void> offloads_return_values(Runtime& runtime) {
  auto owned = std::make_unique<int>(20);
  auto add = [owned = std::move(owned)] { return *owned + 1; };
  EXPECT_EQ(co_await runtime.offload(std::move(add), 1ms), 21);
  int count = 0;
  for (int i = 0; i < 100; ++i) {
    auto increment = [&count] { ++count; };
    co_await runtime.offload(std::move(increment), 10us);
  }
  EXPECT_EQ(count, 100);
}

inline Task<void> time_passes_while_sleeping(Runtime& runtime) {
  const MonotonicTime before = runtime.now();
  EXPECT_TRUE((co_await runtime.sleep(3ms)));
  EXPECT_GE(runtime.now() - before, 3ms);
  EXPECT_TRUE((co_await runtime.sleep(0ms)));
  EXPECT_GT(runtime.wall_now().ms, 1'577'836'800'000);  // 2020
}

inline Task<void> note_after(Runtime& runtime, Duration delay, std::vector<int>& out, int value) {
  co_await runtime.sleep(delay);
  out.push_back(value);
}

inline Task<void> timers_fire_in_order_of_deadline(Runtime& runtime) {
  TaskGroup group(runtime, "timers");
  std::vector<int> out;
  for (int i = 0; i < 8; ++i) {
    const int place = (i * 5) % 8;
    group.spawn(note_after(runtime, 2ms * (place + 1), out, place));
  }
  co_await group.join();
  const std::vector<int> expected = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(out, expected);
}

template <class Harness>
class RuntimeConformance : public testing::Test {
 protected:
  Runtime& runtime() { return harness_.runtime(); }
  Harness harness_;
};

TYPED_TEST_SUITE_P(RuntimeConformance);

#define STRATOS_CONFORMANCE(Name, body) \
  TYPED_TEST_P(RuntimeConformance, Name) { this->harness_.run(body); }

STRATOS_CONFORMANCE(EchoesAMebibyte, echoes_a_mebibyte(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(WritesHeadAndBodyInOrder,
                    writes_head_and_body_in_order(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(ALateReadLeavesTheStreamUsable,
                    a_late_read_leaves_the_stream_usable(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(ALateWriteEndsTheStream,
                    a_late_write_ends_the_stream(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(CloseEndsAPendingRead,
                    close_ends_a_pending_read(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(CloseEndsAPendingAccept,
                    close_ends_a_pending_accept(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(RefusesWhereNobodyListens,
                    refuses_where_nobody_listens(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(CancelEndsEveryKindOfWait,
                    cancel_ends_every_kind_of_wait(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(WaitsAfterCancelEndToo,
                    waits_after_cancel_end_too(this->runtime(), this->harness_.address()))
STRATOS_CONFORMANCE(GroupsStartLaterAndNotAfterCancel,
                    groups_start_later_and_not_after_cancel(this->runtime()))
STRATOS_CONFORMANCE(WakesInOrderOfArrival, wakes_in_order_of_arrival(this->runtime()))
STRATOS_CONFORMANCE(SemaphoreBoundsWhatRuns, semaphore_bounds_what_runs(this->runtime()))
STRATOS_CONFORMANCE(BoundedQueueHoldsBackItsProducer,
                    bounded_queue_holds_back_its_producer(this->runtime()))
STRATOS_CONFORMANCE(DeadlinesEndTasks, deadlines_end_tasks(this->runtime()))
STRATOS_CONFORMANCE(CallsCrossRuntimes,
                    calls_cross_runtimes(this->runtime(), this->harness_.other()))
STRATOS_CONFORMANCE(CrossingsSurviveLoad,
                    crossings_survive_load(this->runtime(), this->harness_.other()))
STRATOS_CONFORMANCE(CrossingsMayBeGivenUp,
                    crossings_may_be_given_up(this->runtime(), this->harness_.other()))
STRATOS_CONFORMANCE(OffloadsReturnValues, offloads_return_values(this->runtime()))
STRATOS_CONFORMANCE(TimePassesWhileSleeping, time_passes_while_sleeping(this->runtime()))
STRATOS_CONFORMANCE(TimersFireInOrderOfDeadline, timers_fire_in_order_of_deadline(this->runtime()))
#undef STRATOS_CONFORMANCE

REGISTER_TYPED_TEST_SUITE_P(RuntimeConformance, EchoesAMebibyte, WritesHeadAndBodyInOrder,
                            ALateReadLeavesTheStreamUsable, ALateWriteEndsTheStream,
                            CloseEndsAPendingRead, CloseEndsAPendingAccept,
                            RefusesWhereNobodyListens, CancelEndsEveryKindOfWait,
                            WaitsAfterCancelEndToo, GroupsStartLaterAndNotAfterCancel,
                            WakesInOrderOfArrival, SemaphoreBoundsWhatRuns,
                            BoundedQueueHoldsBackItsProducer, DeadlinesEndTasks, CallsCrossRuntimes,
                            CrossingsSurviveLoad, CrossingsMayBeGivenUp, OffloadsReturnValues,
                            TimePassesWhileSleeping, TimersFireInOrderOfDeadline);

}  // namespace stratos::conformance
