#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "base/trace_context.hpp"
#include "runtime/conformance.hpp"
#include "runtime/host_port.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos {
namespace {

class RealHarness {
 public:
  RealHarness() : runtime_(pool_, "test"), other_(pool_, "other") {}
  ~RealHarness() {
    runtime_.stop();
    other_.stop();
  }
  Runtime& runtime() { return runtime_; }
  Runtime& other() { return other_; }
  std::string address() { return "127.0.0.1:0"; }
  void run(Task<void> task) { block_on(runtime_, std::move(task)); }

 private:
  BlockingPool pool_;
  RealRuntime runtime_;
  RealRuntime other_;
};

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Real, RuntimeConformance, RealHarness);
}  // namespace conformance

namespace {

using namespace conformance;

TEST(HostPort, ParsesNamesAndBothKindsOfAddress) {
  EXPECT_EQ(parse_host_port("localhost:80").value(), (HostPort{"localhost", 80}));
  EXPECT_EQ(parse_host_port("127.0.0.1:0").value(), (HostPort{"127.0.0.1", 0}));
  EXPECT_EQ(parse_host_port("[::1]:65535").value(), (HostPort{"::1", 65535}));
  EXPECT_EQ(parse_host_port(":9000").value(), (HostPort{"", 9000}));
  EXPECT_EQ(to_string(HostPort{"::1", 7}), "[::1]:7");
  EXPECT_EQ(to_string(HostPort{"a.b", 7}), "a.b:7");
}

TEST(HostPort, RefusesTheRest) {
  for (const char* text : {"", "host", "host:", "host:65536", "host:-1", "host:8x", "::1:80",
                           "[::1]80", "[::1:80", "[name]:80", "host: 80"}) {
    EXPECT_EQ(parse_host_port(text).error().code(), Errc::invalid_argument) << text;
  }
}

class CountedTimer final : public Timer {
 public:
  CountedTimer(std::vector<int>& out, int name) : out_(out), name_(name) {}
  void expired() override { out_.push_back(name_); }

 private:
  std::vector<int>& out_;
  int name_;
};

TEST(TimerHeap, OrdersByDeadlineThenInsertionWhateverIsRemoved) {
  SeededRandom random(7);
  std::vector<int> out;
  std::vector<std::unique_ptr<CountedTimer>> timers;
  std::vector<std::pair<Duration, int>> expected;
  TimerHeap heap;
  for (int i = 0; i < 500; ++i) {
    timers.push_back(std::make_unique<CountedTimer>(out, i));
    heap.insert(*timers.back(), {Duration(random.below(50))});
  }
  for (int i = 0; i < 500; ++i) {
    if (random.below(3) == 0) {
      heap.remove(*timers[static_cast<std::size_t>(i)]);
    } else {
      expected.emplace_back(timers[static_cast<std::size_t>(i)]->due().since_start, i);
    }
  }
  std::ranges::sort(expected);
  while (!heap.empty()) {
    Timer& timer = heap.top();
    heap.remove(timer);
    timer.expired();
  }
  ASSERT_EQ(out.size(), expected.size());
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], expected[i].second);
}

TEST(BlockingPool, RunsEverythingBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    BlockingPool pool(3);
    EXPECT_EQ(pool.threads(), 3U);
    for (int i = 0; i < 1000; ++i) pool.run([&done] { ++done; });
  }
  EXPECT_EQ(done, 1000);
}

TEST(RealRuntime, ListensOnIpv6AndByName) {
  BlockingPool pool;
  RealRuntime runtime(pool, "test");
  block_on(runtime, echoes_a_mebibyte(runtime, "[::1]:0"));
  block_on(runtime, echoes_a_mebibyte(runtime, "localhost:0"));
}

Task<void> connect_by_name(Runtime& runtime) {
  auto listener = runtime.net().listen(":0").value();
  const auto port = parse_host_port(listener->address()).value().port;
  const auto stream = co_await runtime.net().connect("localhost:" + std::to_string(port), kLong);
  EXPECT_TRUE(stream.has_value());
  const auto unknown = co_await runtime.net().connect("no-such-host.invalid:1", 5s);
  EXPECT_FALSE(unknown.has_value());
}

TEST(RealRuntime, ResolvesNames) {
  BlockingPool pool;
  RealRuntime runtime(pool, "test");
  block_on(runtime, connect_by_name(runtime));
}

Task<void> stop_from_inside(RealRuntime& runtime, bool& ran) {
  co_await runtime.sleep(1ms);
  ran = true;
  runtime.request_stop();
}

TEST(RealRuntime, RunsOnTheCallingThread) {
  BlockingPool pool(1);
  RealRuntime runtime(pool, "test", RealRuntime::Loop::by_run);
  TaskGroup group(runtime, "group");
  bool ran = false;
  post_to(runtime.executor(), [&] { group.spawn(stop_from_inside(runtime, ran)); });
  runtime.run();
  EXPECT_TRUE(ran);
  runtime.stop();
}

// Counts its live instances; what a waiting frame owns.
struct Counted {
  explicit Counted(std::atomic<int>& live) : live_(&live) { ++*live_; }
  Counted(Counted&& other) noexcept : live_(std::exchange(other.live_, nullptr)) {}
  ~Counted() {
    if (live_ != nullptr) --*live_;
  }
  std::atomic<int>* live_;
};

Task<void> sleep_owning(Runtime& runtime, Counted) { co_await runtime.sleep(1h); }

Task<void> accept_owning(Runtime& runtime, Counted) {
  auto listener = runtime.net().listen("127.0.0.1:0").value();
  co_await accept_once(*listener);
}

Task<void> read_owning(Runtime& runtime, Counted) {
  Pair pair = co_await make_pair(runtime, "127.0.0.1:0");
  co_await read_once(*pair.near, 1h);
}

// The frame owns the queue its own waiter sits in: nothing else refers to it.
Task<void> wait_in_own_queue(Runtime& runtime, Counted) {
  WaitQueue queue(runtime);
  co_await queue.wait(std::nullopt);
}

Task<void> join_owning(Runtime& runtime, Counted counted) {
  TaskGroup group(runtime, "inner");
  group.spawn(sleep_owning(runtime, std::move(counted)));
  co_await group.join();
}

Task<void> hang_under_deadline(Runtime& runtime, Counted) {
  bool ended = false;
  co_await with_deadline(runtime, hang(runtime, ended), 1h);
}

Task<void> offload_owning(Runtime& runtime, Counted) {
  for (;;) co_await runtime.offload([] { std::this_thread::yield(); }, 1ms);
}

Task<Result<int>> hang_owning(Runtime& runtime, Counted) {
  STRATOS_CO_CHECK(co_await runtime.sleep(1h));
  co_return 1;
}

Task<void> call_owning(Runtime& runtime, Runtime& other, std::atomic<int>& live) {
  const Counted counted(live);
  co_await run_on(runtime, other, hang_owning(other, Counted(live)), 1h);
}

Task<void> spawn_all(Runtime& runtime, Runtime& other, TaskGroup& group, std::atomic<int>& live) {
  for (int i = 0; i < 5; ++i) {
    group.spawn(sleep_owning(runtime, Counted(live)));
    group.spawn(accept_owning(runtime, Counted(live)));
    group.spawn(read_owning(runtime, Counted(live)));
    group.spawn(wait_in_own_queue(runtime, Counted(live)));
    group.spawn(join_owning(runtime, Counted(live)));
    group.spawn(hang_under_deadline(runtime, Counted(live)));
    group.spawn(offload_owning(runtime, Counted(live)));
    group.spawn(call_owning(runtime, other, live));
  }
  co_await runtime.sleep(10ms);
  EXPECT_GE(live.load(), 45);
}

TEST(RealRuntime, StopDestroysEveryWaitingFrame) {
  for (int round = 0; round < 10; ++round) {
    BlockingPool pool(2);
    std::atomic<int> live = 0;
    RealRuntime runtime(pool, "test");
    RealRuntime other(pool, "other");
    TaskGroup group(runtime, "group");
    block_on(runtime, spawn_all(runtime, other, group, live));
    runtime.stop();
    other.stop();
    EXPECT_EQ(live.load(), 0);
    EXPECT_EQ(group.size(), 0U);
  }
}

TraceContext trace_number(std::uint8_t number) {
  TraceContext trace;
  trace.trace.value[15] = number;
  trace.span.value[7] = number;
  return trace;
}

void expect_trace(std::uint8_t number, const char* where) {
  EXPECT_EQ(int{current_trace().trace.value[15]}, int{number}) << where;
}

Task<void> expect_in_child(Runtime& runtime, std::uint8_t number) {
  expect_trace(number, "spawned");
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  expect_trace(number, "spawned, after a wait");
}

Task<Result<int>> change_and_wait(Runtime& runtime, std::uint8_t number) {
  const TraceScope scope(trace_number(number));
  EXPECT_TRUE((co_await runtime.sleep(1ms)));
  expect_trace(number, "under a deadline");
  co_return 1;
}

Task<Result<int>> expect_no_trace() {
  EXPECT_FALSE(current_trace().exists());
  co_return 1;
}

Task<void> keep_trace(Runtime& runtime, Runtime& other, std::uint8_t number) {
  const TraceScope scope(trace_number(number));
  TaskGroup group(runtime, "traced");
  group.spawn(expect_in_child(runtime, number));
  for (int round = 0; round < 20; ++round) {
    EXPECT_TRUE((co_await runtime.sleep(100us * (round % 3))));
    expect_trace(number, "after sleep");
    EXPECT_TRUE((co_await with_deadline(runtime, change_and_wait(runtime, 200), 10s)));
    expect_trace(number, "after a task of another trace");
    EXPECT_TRUE((co_await run_on(runtime, other, expect_no_trace(), 10s)));
    expect_trace(number, "after a call to another runtime");
    const auto seen = co_await runtime.offload([] { return current_trace(); }, 1us);
    EXPECT_EQ(seen, trace_number(number));
    expect_trace(number, "after blocking work");
  }
  auto listener = runtime.net().listen("127.0.0.1:0").value();
  auto near = (co_await runtime.net().connect(listener->address(), 10s)).value();
  expect_trace(number, "after connect");
  auto far = (co_await listener->accept()).value();
  EXPECT_TRUE((co_await near->write(as_bytes("x"), 10s)));
  Bytes byte(1);
  EXPECT_TRUE((co_await far->read_some(byte, 10s)));
  expect_trace(number, "after read");
  co_await group.join();
  expect_trace(number, "after join");
}

Task<void> keep_many_traces(Runtime& runtime, Runtime& other) {
  TaskGroup group(runtime, "traces");
  for (std::uint8_t number = 1; number <= 20; ++number) {
    group.spawn(keep_trace(runtime, other, number));
  }
  co_await group.join();
  EXPECT_FALSE(current_trace().exists());
}

TEST(RealRuntime, KeepsTheTraceOfEachCoroutine) {
  BlockingPool pool(2);
  RealRuntime runtime(pool, "test");
  RealRuntime other(pool, "other");
  block_on(runtime, keep_many_traces(runtime, other));
  runtime.stop();
  other.stop();
}

Task<void> say_and_close(Listener& listener) {
  auto stream = (co_await listener.accept()).value();
  Bytes one(1);
  EXPECT_EQ((co_await stream->read_some(one, 20s)).value(), 1U);
  EXPECT_TRUE((co_await stream->write(as_bytes("no"), 20s)));
  stream->close();
}

Task<void> write_until_it_fails(Runtime& runtime) {
  auto listener = runtime.net().listen("127.0.0.1:0").value();
  TaskGroup group(runtime, "closer");
  group.spawn(say_and_close(*listener));
  auto stream = (co_await runtime.net().connect(listener->address(), 20s)).value();
  const Bytes data(1 << 20);
  Result<void> written;
  while (written) written = co_await stream->write(data, 20s);
  EXPECT_EQ(written.error().code(), Errc::connection_lost);
  EXPECT_EQ((co_await stream->write(as_bytes("x"), 20s)).error().code(), Errc::connection_lost);
  Bytes said(8);
  EXPECT_EQ((co_await stream->read_some(said, 20s)).value_or(0), 2U);
  EXPECT_EQ(as_text(ByteView(said).first(2)), "no");
  co_await group.join();
}

TEST(TcpStream, AFailedWriteLeavesWhatThePeerSaidReadable) {
  BlockingPool pool(1);
  RealRuntime runtime(pool, "test");
  for (int round = 0; round < 20; ++round) block_on(runtime, write_until_it_fails(runtime));
  runtime.stop();
}

Task<void> throw_up() {
  throw std::runtime_error("thrown on purpose");
  co_return;
}

Task<void> spawn_and_join(Runtime& runtime, Task<void> task) {
  TaskGroup group(runtime, "faulty");
  group.spawn(std::move(task));
  co_await group.join();
}

TEST(TaskGroupDeathTest, AnEscapingExceptionAborts) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        BlockingPool pool(1);
        RealRuntime runtime(pool, "test");
        block_on(runtime, spawn_and_join(runtime, throw_up()));
      },
      "task_failed.*faulty.*thrown on purpose");
}

Task<void> leave_a_task_behind(Runtime& runtime) {
  TaskGroup group(runtime, "left behind");
  group.spawn(echo(nullptr));
  co_return;
}

TEST(TaskGroupDeathTest, RefusesToDieBeforeItsTasks) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        BlockingPool pool(1);
        RealRuntime runtime(pool, "test");
        block_on(runtime, leave_a_task_behind(runtime));
      },
      "joined before it is destroyed");
}

TEST(SignalWaiter, SeesASignalAndATimeout) {
  SignalWaiter signals;
  EXPECT_EQ(signals.wait(1ms), 0);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(signals.wait(), SIGTERM);
}

}  // namespace
}  // namespace stratos
