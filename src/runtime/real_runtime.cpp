#include "runtime/real_runtime.hpp"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

#include "base/trace_context.hpp"
#include "runtime/parking.hpp"
#include "runtime/tcp_net.hpp"

namespace stratos {
namespace asio = boost::asio;
namespace {

using Clock = std::chrono::steady_clock;

MonotonicTime monotonic_now() {
  return {std::chrono::duration_cast<Duration>(Clock::now().time_since_epoch())};
}

// Lets teardown destroy queued handlers while the context itself still stands.
class Context : public asio::io_context {
 public:
  Context() : asio::io_context(1) {}
  using asio::io_context::shutdown;
};

// All deadlines of a runtime in one heap over one system timer, which moves only when an earlier
// deadline comes; a cancelled deadline leaves it alone.
class RealParking final : public Parking {
 public:
  explicit RealParking(asio::io_context& context) : context_(context), system_timer_(context) {}

  void arm(Timer& timer, Duration delay) override {
    const MonotonicTime now = monotonic_now();
    const Duration longest = Duration::max() - now.since_start;
    timers_.insert(timer, now + (delay < longest ? delay : longest));
    if (&timers_.top() == &timer) set_system_timer();
  }
  void disarm(Timer& timer) override { timers_.remove(timer); }

  void resume_soon(Parked& parked) override {
    parked.queue_hook().link(ready_);
    if (draining_) return;
    draining_ = true;
    asio::post(context_, [this] { drain(); });
  }

 private:
  // Coroutines that wake each other skip the event loop and its system call, but not for long:
  // sockets and timers get their turn.
  void drain() {
    for (int turns = 0; turns < kTurnsPerLoop && ready_.linked(); ++turns) {
      auto* hook = static_cast<Parked::QueueHook*>(ready_.next());
      hook->unlink();
      hook->owner->resume();
    }
    draining_ = ready_.linked();
    if (draining_) asio::post(context_, [this] { drain(); });
  }

  void set_system_timer() {
    const MonotonicTime due = timers_.top().due();
    if (due >= set_for_) return;
    set_for_ = due;
    system_timer_.expires_at(Clock::time_point(due.since_start));
    system_timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) fire();
    });
  }

  void fire() {
    set_for_ = kNever;
    const MonotonicTime now = monotonic_now();
    while (!timers_.empty() && timers_.top().due() <= now) {
      Timer& timer = timers_.top();
      timers_.remove(timer);
      timer.expired();
    }
    if (!timers_.empty()) set_system_timer();
  }

  static constexpr int kTurnsPerLoop = 64;
  static constexpr MonotonicTime kNever{Duration::max()};
  asio::io_context& context_;
  asio::steady_timer system_timer_;
  MonotonicTime set_for_ = kNever;
  TimerHeap timers_;
  Hook ready_;
  bool draining_ = false;
};

}  // namespace

struct RealRuntime::State {
  State(BlockingPool& blocking_pool, std::string loop_name)
      : pool(blocking_pool),
        name(std::move(loop_name)),
        work(context.get_executor()),
        executor(context.get_executor()),
        parking(context),
        net(make_tcp_net(context, parking, blocking_pool)) {}

  void job_done() {
    const std::lock_guard lock(mutex);
    --jobs;
    no_jobs.notify_all();
  }

  BlockingPool& pool;
  std::string name;
  Context context;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  asio::any_io_executor executor;
  RealParking parking;
  SystemRandom random;
  std::unique_ptr<Net> net;
  std::thread thread;
  bool stopped = false;
  std::atomic<std::int64_t> ahead_ms{0};  // of the system's clock

  std::mutex mutex;
  std::condition_variable no_jobs;
  std::size_t jobs = 0;
};

RealRuntime::RealRuntime(BlockingPool& pool, std::string name, Loop loop)
    : state_(std::make_unique<State>(pool, std::move(name))) {
  if (loop == Loop::by_run) return;
  state_->thread = std::thread([state = state_.get()] { state->context.run(); });
  ::pthread_setname_np(state_->thread.native_handle(), state_->name.substr(0, 15).c_str());
}

RealRuntime::~RealRuntime() { stop(); }

void RealRuntime::run() {
  STRATOS_ASSERT(!state_->thread.joinable(), "the runtime has a thread of its own");
  state_->context.run();
}

void RealRuntime::request_stop() { state_->context.stop(); }

void RealRuntime::stop() {
  State& state = *state_;
  if (state.stopped) return;
  state.stopped = true;
  state.context.stop();
  if (state.thread.joinable()) state.thread.join();
  {
    std::unique_lock lock(state.mutex);
    state.no_jobs.wait(lock, [&state] { return state.jobs == 0; });
  }
  // Frames that are destroyed leave their traces behind.
  const TraceScope scope(current_trace());
  // Frames before owners: waiting frames post their unwinding, shutdown destroys what is posted.
  state.parking.drop_all();
  state.context.shutdown();
}

asio::any_io_executor RealRuntime::executor() { return state_->executor; }
MonotonicTime RealRuntime::now() { return monotonic_now(); }
Random& RealRuntime::random() { return state_->random; }
Net& RealRuntime::net() { return *state_->net; }
Parking& RealRuntime::parking() { return state_->parking; }

WallTime RealRuntime::wall_now() {
  const std::int64_t ahead_ms = state_->ahead_ms.load(std::memory_order_relaxed);
  return outside_now() + std::chrono::milliseconds(ahead_ms);
}
WallTime RealRuntime::outside_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

void RealRuntime::set_ahead(std::chrono::milliseconds ahead) {
  std::int64_t known = state_->ahead_ms.load(std::memory_order_relaxed);
  while (known < ahead.count() && !state_->ahead_ms.compare_exchange_weak(known, ahead.count())) {
  }
}

Task<void> RealRuntime::offload_erased(std::move_only_function<void()> work, Duration) {
  Parked self(state_->parking);
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->jobs;
  }
  auto job = [state = state_.get(), &self, work = std::move(work),
              trace = current_trace()]() mutable {
    {
      const TraceScope scope(trace);
      work();
    }
    work = nullptr;
    asio::post(state->context, [&self] { self.wake(Wake::done); });
    state->job_done();
  };
  state_->pool.run(std::move(job));
  co_await self.wait_for_wake();
}

SignalWaiter::SignalWaiter() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int SignalWaiter::wait(std::optional<Duration> timeout) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  int number = 0;
  if (!timeout) return ::sigwait(&set, &number) == 0 ? number : 0;
  timespec limit{};
  limit.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(*timeout).count();
  limit.tv_nsec = (*timeout % 1s).count();
  number = ::sigtimedwait(&set, nullptr, &limit);
  return number > 0 ? number : 0;
}

}  // namespace stratos
