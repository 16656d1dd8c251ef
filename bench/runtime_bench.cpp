// Costs of the runtime's primitives, each in nanoseconds per operation; TCP beside a bare socket
// pair of the same pattern in the same run.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "runtime/real_runtime.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos {
namespace {

constexpr int kRounds = 200'000;
constexpr int kSlowRounds = 20'000;
constexpr Duration kLong = 60s;

// Wall time, and the processor time of all threads: the latter also means something on a busy
// machine.
struct Clock {
  double wall_ns = 0;
  double cpu_ns = 0;
  static Clock now() {
    const auto read = [](clockid_t id) {
      timespec time{};
      ::clock_gettime(id, &time);
      return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
    };
    return {read(CLOCK_MONOTONIC), read(CLOCK_PROCESS_CPUTIME_ID)};
  }
};

void report(const char* what, int rounds, Clock start) {
  const Clock end = Clock::now();
  std::printf("%-46s %7.0f ns wall %7.0f ns processor\n", what,
              (end.wall_ns - start.wall_ns) / rounds, (end.cpu_ns - start.cpu_ns) / rounds);
}

Task<void> nothing() { co_return; }
Task<Result<int>> one() { co_return 1; }
Task<Result<int>> one_after(Runtime& runtime) {
  co_await runtime.sleep(0s);
  co_return 1;
}

Task<void> bench_tasks(Runtime& runtime) {
  auto start = Clock::now();
  for (int i = 0; i < kRounds; ++i) co_await nothing();
  report("await a coroutine", kRounds, start);

  start = Clock::now();
  for (int i = 0; i < kRounds; ++i) co_await runtime.sleep(0s);
  report("sleep(0): through the ready queue", kRounds, start);

  start = Clock::now();
  TaskGroup group(runtime, "bench");
  for (int i = 0; i < kRounds; ++i) {
    group.spawn(nothing());
    co_await group.join();
  }
  report("spawn and join one task", kRounds, start);

  start = Clock::now();
  for (int i = 0; i < kRounds; ++i) co_await with_deadline(runtime, one(), kLong);
  report("with_deadline, ready at once", kRounds, start);

  start = Clock::now();
  for (int i = 0; i < kRounds; ++i) co_await with_deadline(runtime, one_after(runtime), kLong);
  report("with_deadline, suspended once", kRounds, start);

  start = Clock::now();
  for (int i = 0; i < kSlowRounds; ++i) co_await runtime.offload([] {}, 1us);
  report("offload and back", kSlowRounds, start);
}

Task<void> ping(WaitQueue& mine, WaitQueue& theirs, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    theirs.wake_one();
    co_await mine.wait(kLong);
  }
  theirs.wake_all();
}

Task<void> bench_queues(Runtime& runtime) {
  WaitQueue a(runtime), b(runtime);
  TaskGroup group(runtime, "bench");
  const auto start = Clock::now();
  group.spawn(ping(a, b, kRounds));
  group.spawn(ping(b, a, kRounds));
  co_await runtime.sleep(0s);
  while (group.size() > 1) co_await runtime.sleep(1ms);
  report("WaitQueue wake and wait with a deadline", 2 * kRounds, start);
  a.close();
  b.close();
  co_await group.join();
}

Task<void> cross(Runtime& runtime, Runtime& other, int rounds) {
  for (int i = 0; i < rounds; ++i) co_await run_on(runtime, other, one(), kLong);
}

Task<void> bench_crossings(Runtime& runtime, Runtime& other) {
  auto start = Clock::now();
  co_await cross(runtime, other, kSlowRounds);
  report("run_on another thread, one at a time", kSlowRounds, start);
  start = Clock::now();
  TaskGroup group(runtime, "bench");
  for (int i = 0; i < 64; ++i) group.spawn(cross(runtime, other, kSlowRounds / 64));
  co_await group.join();
  report("run_on another thread, 64 at a time", kSlowRounds, start);
}

Task<void> echo(Listener& listener) {
  auto stream = co_await listener.accept();
  Bytes buffer(4096);
  for (;;) {
    const auto got = co_await (*stream)->read_some(buffer, kLong);
    if (!got || *got == 0) co_return;
    co_await (*stream)->write(ByteView(buffer).first(*got), kLong);
  }
}

Task<void> bench_tcp(Runtime& runtime) {
  auto listener = runtime.net().listen("127.0.0.1:0").value();
  TaskGroup group(runtime, "bench");
  group.spawn(echo(*listener));
  auto stream = (co_await runtime.net().connect(listener->address(), kLong)).value();
  Bytes buffer(100);
  const auto start = Clock::now();
  for (int i = 0; i < kSlowRounds; ++i) {
    co_await stream->write(buffer, kLong);
    co_await stream->read_some(buffer, kLong);
  }
  report("TCP echo of 100 bytes, deadlines on, 1 thread", kSlowRounds, start);
  stream->close();
  co_await group.join();
}

// Two connected TCP sockets on the loopback; false when the system refuses.
bool connect_bare(int (&ends)[2]) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, length) != 0 || ::listen(listener, 1) != 0) return false;
  if (::getsockname(listener, generic, &length) != 0) return false;
  ends[0] = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(ends[0], generic, length) != 0) return false;
  ends[1] = ::accept(listener, nullptr, nullptr);
  const int on = 1;
  for (const int end : ends) ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::close(listener);
  return ends[1] >= 0;
}

// The same system calls without a runtime: wait for the descriptor, then read, then write.
void bench_bare_sockets() {
  int ends[2];
  if (!connect_bare(ends)) return;
  char buffer[100] = {};
  const auto start = Clock::now();
  for (int i = 0; i < kSlowRounds; ++i) {
    for (int side : {0, 1}) {
      if (::send(ends[side], buffer, sizeof buffer, 0) < 0) return;
      pollfd waiting{ends[1 - side], POLLIN, 0};
      if (::poll(&waiting, 1, -1) < 0) return;
      if (::recv(ends[1 - side], buffer, sizeof buffer, 0) < 0) return;
    }
  }
  report("bare TCP sockets, same pattern", kSlowRounds, start);
  ::close(ends[0]);
  ::close(ends[1]);
}

void bench_timers() {
  class Nothing final : public Timer {
   public:
    void expired() override {}
  };
  std::vector<std::unique_ptr<Nothing>> waiting;
  TimerHeap heap;
  for (int i = 0; i < 10'000; ++i) {
    waiting.push_back(std::make_unique<Nothing>());
    heap.insert(*waiting.back(), {Duration(i * 1000)});
  }
  Nothing timer;
  const auto start = Clock::now();
  for (int i = 0; i < kRounds; ++i) {
    heap.insert(timer, {Duration(20'000'000 + i)});
    heap.remove(timer);
  }
  report("deadline in and out of 10,000 others", kRounds, start);
}

}  // namespace
}  // namespace stratos

int main() {
  using namespace stratos;
  BlockingPool pool;
  RealRuntime runtime(pool, "bench");
  RealRuntime other(pool, "other");
  block_on(runtime, bench_tasks(runtime));
  block_on(runtime, bench_queues(runtime));
  block_on(runtime, bench_crossings(runtime, other));
  block_on(runtime, bench_tcp(runtime));
  bench_bare_sockets();
  bench_timers();
  runtime.stop();
  other.stop();
  return 0;
}
