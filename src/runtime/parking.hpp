// Where coroutines of one runtime wait: the one leaf under sleeping, queues, calls between runtimes
// and the simulator's streams. Everything here runs on the runtime's executor.
#pragma once
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "base/assert.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "base/trace_context.hpp"
#include "runtime/timer_heap.hpp"

namespace stratos {

class Parked;

enum class Wake : std::uint8_t { done, timed_out, cancelled };

// Ok, Errc::deadline_exceeded or Errc::cancelled.
Result<void> to_result(Wake reason);

// A place in a doubly linked ring. Leaves it on destruction; a ring's head lets go of all others.
class Hook {
 public:
  Hook() = default;
  ~Hook() { unlink(); }
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;
  bool linked() const { return next_ != this; }
  Hook* next() const { return next_; }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }
  // At the end of the ring of `head`.
  void link(Hook& head) {
    prev_ = head.prev_;
    next_ = &head;
    prev_->next_ = this;
    head.prev_ = this;
  }

 private:
  Hook* prev_ = this;
  Hook* next_ = this;
};

// What a back end provides. It knows every waiting coroutine, so that teardown reaches frames that
// nothing else refers to.
class Parking {
 public:
  virtual ~Parking() = default;
  virtual void arm(Timer& timer, Duration delay) = 0;
  virtual void disarm(Timer& timer) = 0;
  // Calls parked.resume() from the executor's own loop, never inside this call.
  virtual void resume_soon(Parked& parked) = 0;

  // True from the start of teardown: nothing is woken any more.
  bool dead() const { return dead_; }
  // Teardown: destroys the frames of all waiting coroutines, through the executor.
  void drop_all();

 private:
  friend class Parked;
  bool dead_ = false;
  Hook all_;
};

// One waiting coroutine. Lives in its frame and is used for one wait at a time.
class Parked final : private Timer {
 public:
  enum class Cancellation : std::uint8_t { ends_wait, ignored };

  explicit Parked(Parking& parking) : parking_(parking) {}
  ~Parked() { parking_.disarm(*this); }

  class Operation;
  // co_await parked.wait(...) suspends until wake(). `state` is the task's: a wait of a task that
  // is already cancelled ends at once.
  Operation wait(std::optional<Duration> timeout, boost::asio::cancellation_state state);
  // Ended by wake() or the timeout; cancellation does not end it.
  Operation wait_for_wake(std::optional<Duration> timeout = std::nullopt);
  // To the end of the executor's queue.
  Operation yield();

  // The first call decides; later ones and those before the wait have no effect.
  void wake(Wake reason);
  // For back ends: continues the coroutine.
  void resume();

  // In the ring of whoever will wake it; taken out on waking by whatever cause.
  struct QueueHook : Hook {
    Parked* owner = nullptr;
  };
  QueueHook& queue_hook() {
    queue_hook_.owner = this;
    return queue_hook_;
  }

 private:
  friend class Parking;
  enum class State : std::uint8_t { idle, waiting, ready };
  using Handler = std::move_only_function<void(Wake)>;
  struct AllHook : Hook {
    Parked* owner = nullptr;
  };

  template <class Details>
  void begin(Handler handler, const Details& details);
  void expired() override { wake(Wake::timed_out); }

  Parking& parking_;
  AllHook all_hook_;
  QueueHook queue_hook_;
  Handler handler_;
  TraceContext trace_;
  State state_ = State::idle;
  Wake reason_ = Wake::done;
};

class Parked::Operation {
 public:
  struct Initiation {
    template <class Handler>
    void operator()(Handler&& handler) const {
      if (cancellation == Cancellation::ends_wait) {
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
          auto stop = [waiter = parked](boost::asio::cancellation_type) {
            waiter->wake(Wake::cancelled);
          };
          slot.assign(stop);
        }
      }
      parked->begin(std::forward<Handler>(handler), *this);
    }

    Parked* parked;
    Cancellation cancellation;
    std::optional<Duration> timeout;
    std::optional<Wake> wake_now;
  };

  template <class Token>
  auto operator()(Token&& token)
      -> decltype(boost::asio::async_initiate<Token, void(Wake)>(std::declval<Initiation>(),
                                                                 token)) {
    return boost::asio::async_initiate<Token, void(Wake)>(std::move(initiation_), token);
  }

 private:
  friend class Parked;
  explicit Operation(Initiation initiation) : initiation_(initiation) {}

  Initiation initiation_;
};

template <class Details>
void Parked::begin(Handler handler, const Details& details) {
  STRATOS_ASSERT(state_ == State::idle, "a coroutine waits once at a time");
  handler_ = std::move(handler);
  trace_ = current_trace();
  all_hook_.owner = this;
  all_hook_.link(parking_.all_);
  state_ = State::waiting;
  if (details.wake_now) {
    wake(*details.wake_now);
  } else if (details.timeout && !parking_.dead()) {
    parking_.arm(*this, *details.timeout);
  }
}

// True when the running task was asked to stop.
inline boost::asio::awaitable<bool> cancellation_requested() {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  co_return state.cancelled() != boost::asio::cancellation_type::none;
}

}  // namespace stratos
