#include "runtime/sync.hpp"

#include <gtest/gtest.h>

#include "runtime/conformance_streams.hpp"
#include "runtime/real_runtime.hpp"
#include "runtime/task_group.hpp"

namespace stratos {
namespace {

using conformance::kLong;
using conformance::note_result;

class Sync : public testing::Test {
 protected:
  ~Sync() override {
    runtime_.stop();
    other_.stop();
  }
  void run(Task<void> task) { block_on(runtime_, std::move(task)); }

  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "test"};
  RealRuntime other_{pool_, "other"};
};

// --- permits -----------------------------------------------------------------------------------

struct Permits {
  Permits(Runtime& runtime, std::size_t count) : semaphore(runtime, count), limit(count) {}
  Semaphore semaphore;
  std::size_t limit;
  std::size_t held = 0;
  int acquired = 0;
  int refused = 0;
};

Task<void> use_permit(Runtime& runtime, Permits& permits, Duration patience, Duration work) {
  const Result<void> got = co_await permits.semaphore.acquire(patience);
  if (!got) {
    ++permits.refused;
    co_return;
  }
  ++permits.acquired;
  EXPECT_LE(++permits.held, permits.limit);
  [[maybe_unused]] const auto slept = co_await runtime.sleep(work);
  --permits.held;
  permits.semaphore.release();
}

// Deadlines and hand-overs meet at the same instants, and half of the tasks are cancelled.
Task<void> storm_of_permits(Runtime& runtime, std::uint64_t seed) {
  SeededRandom random(seed);
  Permits permits(runtime, 3);
  TaskGroup staying(runtime, "staying");
  TaskGroup leaving(runtime, "leaving");
  for (int i = 0; i < 200; ++i) {
    TaskGroup& group = i % 2 == 0 ? staying : leaving;
    group.spawn(use_permit(runtime, permits, 200us * random.below(20), 100us * random.below(4)));
  }
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  leaving.cancel();
  co_await leaving.join();
  co_await staying.join();
  EXPECT_EQ(permits.held, 0U);
  EXPECT_EQ(permits.semaphore.available(), 3U) << "no permit is lost or made";
  EXPECT_GT(permits.acquired, 0);
}

TEST_F(Sync, SemaphoreLosesNoPermitToDeadlinesAndCancellation) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) run(storm_of_permits(runtime_, seed));
}

Task<void> cancel_the_one_that_was_handed_a_permit(Runtime& runtime) {
  Permits permits(runtime, 1);
  EXPECT_TRUE(permits.semaphore.try_acquire());
  TaskGroup waiter(runtime, "waiter");
  waiter.spawn(use_permit(runtime, permits, kLong, 0ms));
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  permits.semaphore.release();
  EXPECT_EQ(permits.semaphore.available(), 0U) << "it belongs to the waiter";
  waiter.cancel();
  co_await waiter.join();
  EXPECT_EQ(permits.acquired, 1);
  EXPECT_EQ(permits.semaphore.available(), 1U);
}

TEST_F(Sync, SemaphoreGivesAPermitToAWaiterThatIsCancelledAfterwards) {
  run(cancel_the_one_that_was_handed_a_permit(runtime_));
}

Task<void> take_turns(Runtime& runtime) {
  Permits permits(runtime, 1);
  EXPECT_TRUE(permits.semaphore.try_acquire());
  std::vector<std::string> order;
  TaskGroup group(runtime, "turns");
  const auto acquire = [](Semaphore* semaphore) -> Task<Result<void>> {
    co_return co_await semaphore->acquire(kLong);
  };
  for (const char* name : {"a", "b"}) {
    group.spawn(note_result(acquire(&permits.semaphore), order, name));
  }
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  permits.semaphore.release();
  EXPECT_FALSE(permits.semaphore.try_acquire()) << "nobody overtakes a waiter";
  permits.semaphore.release();
  co_await group.join();
  EXPECT_EQ(order, (std::vector<std::string>{"a:ok", "b:ok"}));
}

TEST_F(Sync, SemaphoreServesInOrderAndLetsNobodyOvertake) { run(take_turns(runtime_)); }

// --- queues ------------------------------------------------------------------------------------

struct Exchange {
  explicit Exchange(Runtime& runtime) : queue(runtime, 3) {}
  BoundedQueue<int> queue;
  std::vector<int> pushed;
  std::vector<int> popped;
};

Task<void> push_some(Runtime& runtime, Exchange& exchange, int first, Duration pause) {
  for (int value = first; value < first + 20; ++value) {
    if (!co_await exchange.queue.push(value)) co_return;
    exchange.pushed.push_back(value);
    EXPECT_LE(exchange.queue.size(), 3U);
    if (!co_await runtime.sleep(pause)) co_return;
  }
}

Task<void> pop_until_closed(Exchange& exchange, Duration patience) {
  while (true) {
    const Result<int> value = co_await exchange.queue.pop(patience);
    if (value) {
      exchange.popped.push_back(*value);
    } else if (value.error().code() == Errc::cancelled) {
      co_return;
    }
  }
}

Task<void> storm_of_values(Runtime& runtime, std::uint64_t seed) {
  SeededRandom random(seed);
  Exchange exchange(runtime);
  TaskGroup producers(runtime, "producers");
  TaskGroup given_up(runtime, "given up");
  TaskGroup consumers(runtime, "consumers");
  for (int i = 0; i < 8; ++i) {
    TaskGroup& group = i % 2 == 0 ? producers : given_up;
    group.spawn(push_some(runtime, exchange, i * 100, 20us * random.below(10)));
  }
  consumers.spawn(pop_until_closed(exchange, 100us));
  given_up.spawn(pop_until_closed(exchange, kLong));
  consumers.spawn(pop_until_closed(exchange, kLong));
  EXPECT_TRUE((co_await runtime.sleep(500us)));
  given_up.cancel();
  co_await given_up.join();
  co_await producers.join();
  exchange.queue.close();
  co_await consumers.join();
  std::ranges::sort(exchange.pushed);
  std::ranges::sort(exchange.popped);
  EXPECT_EQ(exchange.pushed, exchange.popped) << "each value comes out once";
}

TEST_F(Sync, BoundedQueueLosesNothingToDeadlinesAndCancellation) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) run(storm_of_values(runtime_, seed));
}

Task<void> close_with_values(Runtime& runtime) {
  BoundedQueue<std::unique_ptr<int>> queue(runtime, 2);
  EXPECT_TRUE(queue.try_push(std::make_unique<int>(1)));
  EXPECT_TRUE(queue.try_push(std::make_unique<int>(2)));
  EXPECT_FALSE(queue.try_push(std::make_unique<int>(3)));
  queue.close();
  EXPECT_FALSE(queue.try_push(nullptr));
  EXPECT_EQ(**(co_await queue.pop(0ms)), 1);
  EXPECT_EQ(**(co_await queue.pop(std::nullopt)), 2);
  EXPECT_EQ((co_await queue.pop(std::nullopt)).error().code(), Errc::cancelled);
}

TEST_F(Sync, BoundedQueueGivesOutWhatItHeldWhenItWasClosed) { run(close_with_values(runtime_)); }

Task<void> wait_with_odd_timeouts(Runtime& runtime) {
  WaitQueue queue(runtime);
  for (const Duration timeout : {Duration(0), Duration(-5s), Duration::min()}) {
    EXPECT_EQ((co_await queue.wait(timeout)).error().code(), Errc::deadline_exceeded);
    EXPECT_TRUE(queue.empty());
  }
  TaskGroup group(runtime, "for ever");
  std::vector<std::string> results;
  group.spawn(note_result(conformance::wait_on(queue, Duration::max()), results, "max"));
  EXPECT_TRUE((co_await runtime.sleep(2ms)));
  EXPECT_EQ(queue.waiting(), 1U);
  queue.wake_one();
  queue.wake_one();  // nobody is left
  co_await group.join();
  EXPECT_EQ(results, std::vector<std::string>{"max:ok"});
}

TEST_F(Sync, WaitQueueTakesAnyTimeout) { run(wait_with_odd_timeouts(runtime_)); }

Task<void> destroy_a_queue(Runtime& runtime) {
  auto queue = std::make_unique<WaitQueue>(runtime);
  TaskGroup group(runtime, "waiters");
  std::vector<std::string> results;
  for (int i = 0; i < 3; ++i) {
    group.spawn(note_result(conformance::wait_on(*queue, kLong), results, "w"));
  }
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  queue.reset();
  co_await group.join();
  EXPECT_EQ(results, std::vector<std::string>(3, "w:cancelled"));
}

TEST_F(Sync, WaitQueueLetsItsWaitersGoWhenItDies) { run(destroy_a_queue(runtime_)); }

Task<void> rewait(WaitQueue& queue, int& turns) {
  while (co_await queue.wait(kLong)) ++turns;
}

Task<void> wake_those_who_come_back(Runtime& runtime) {
  WaitQueue queue(runtime);
  TaskGroup group(runtime, "coming back");
  int turns = 0;
  for (int i = 0; i < 3; ++i) group.spawn(rewait(queue, turns));
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  queue.wake_all();
  EXPECT_EQ(turns, 0) << "nobody runs inside the call";
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  EXPECT_EQ(turns, 3) << "each of them once";
  queue.close();
  co_await group.join();
}

TEST_F(Sync, WakingAllReachesEachWaiterOnce) { run(wake_those_who_come_back(runtime_)); }

// --- deadlines ---------------------------------------------------------------------------------

Task<Result<int>> stubborn(Runtime& runtime, int& waits) {
  // Looks at no result but ends after some waits.
  for (int i = 0; i < 5; ++i) {
    [[maybe_unused]] const auto slept = co_await runtime.sleep(1h);
    ++waits;
  }
  co_return 7;
}

Task<Result<int>> inner_deadline(Runtime& runtime, int& waits) {
  co_return co_await with_deadline(runtime, stubborn(runtime, waits), 1h);
}

Task<void> nest_deadlines(Runtime& runtime) {
  int waits = 0;
  const auto late = co_await with_deadline(runtime, inner_deadline(runtime, waits), 2ms);
  EXPECT_EQ(late.value(), 7) << "a value that came in spite of the deadline is as good as any";
  EXPECT_EQ(waits, 5) << "it has ended before the call returns";
}

TEST_F(Sync, ADeadlineEndsTheWaitsOfAllItHolds) { run(nest_deadlines(runtime_)); }

Task<Result<int>> finish_at(Runtime& runtime, Duration delay) {
  STRATOS_CO_CHECK(co_await runtime.sleep(delay));
  co_return 1;
}

Task<void> race_deadlines(Runtime& runtime) {
  int in_time = 0;
  for (int i = 0; i < 200; ++i) {
    const auto result = co_await with_deadline(runtime, finish_at(runtime, 200us), 200us);
    if (result) {
      ++in_time;
    } else {
      EXPECT_EQ(result.error().code(), Errc::deadline_exceeded);
    }
  }
  EXPECT_GT(in_time, 0);
}

TEST_F(Sync, ADeadlineThatMeetsTheEndGivesOneOrTheOther) { run(race_deadlines(runtime_)); }

Task<void> note_code(Runtime& runtime, std::optional<Errc>& code) {
  const auto result = co_await with_deadline(runtime, finish_at(runtime, 1h), 1h);
  code = result.error().code();
}

Task<void> cancel_under_a_deadline(Runtime& runtime) {
  std::optional<Errc> code;
  TaskGroup group(runtime, "deadline");
  group.spawn(note_code(runtime, code));
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  group.cancel();
  co_await group.join();
  EXPECT_EQ(code, Errc::cancelled);
}

TEST_F(Sync, CancellationReachesThroughADeadline) { run(cancel_under_a_deadline(runtime_)); }

// --- calls between runtimes --------------------------------------------------------------------

struct Observed {
  std::atomic<int> ended = 0;
  std::atomic<int> cancelled = 0;
};

Task<Result<int>> observe(Runtime& runtime, std::shared_ptr<Observed> observed) {
  const Result<void> slept = co_await runtime.sleep(1h);
  if (!slept) ++observed->cancelled;
  ++observed->ended;
  co_return 1;
}

Task<void> give_up(Runtime& runtime, Runtime& other, std::shared_ptr<Observed> observed) {
  EXPECT_EQ((co_await run_on(runtime, other, observe(other, observed), 1ms)).error().code(),
            Errc::deadline_exceeded);
  while (observed->ended == 0) EXPECT_TRUE((co_await runtime.sleep(100us)));
  EXPECT_EQ(observed->cancelled, 1);
}

TEST_F(Sync, ACallThatIsGivenUpIsCancelledWhereItRuns) {
  run(give_up(runtime_, other_, std::make_shared<Observed>()));
}

Task<void> call_cancelled(Runtime& runtime, Runtime& other, std::shared_ptr<Observed> observed) {
  [[maybe_unused]] const auto slept = co_await runtime.sleep(1h);
  const auto result = co_await run_on(runtime, other, observe(other, observed), kLong);
  EXPECT_EQ(result.error().code(), Errc::cancelled);
}

Task<void> call_after_cancellation(Runtime& runtime, Runtime& other) {
  const auto observed = std::make_shared<Observed>();
  TaskGroup group(runtime, "cancelled");
  group.spawn(call_cancelled(runtime, other, observed));
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  group.cancel();
  co_await group.join();
  EXPECT_EQ(observed->ended, 0) << "it was never begun";
}

TEST_F(Sync, ACancelledTaskCallsNobody) { run(call_after_cancellation(runtime_, other_)); }

Task<void> call_a_stopped_runtime(Runtime& runtime, Runtime& stopped) {
  const auto result =
      co_await run_on(runtime, stopped, observe(stopped, std::make_shared<Observed>()), 5ms);
  EXPECT_EQ(result.error().code(), Errc::deadline_exceeded);
}

TEST_F(Sync, ACallToARuntimeThatStoppedEndsAtItsDeadline) {
  other_.stop();
  run(call_a_stopped_runtime(runtime_, other_));
}

}  // namespace
}  // namespace stratos
