#include "runtime/parking.hpp"

#include "base/assert.hpp"
#include "runtime/runtime.hpp"

namespace stratos {

Result<void> to_result(Wake reason) {
  switch (reason) {
    case Wake::done:
      return {};
    case Wake::timed_out:
      return fail(Errc::deadline_exceeded);
    case Wake::cancelled:
      break;
  }
  return fail(Errc::cancelled);
}

void Parking::drop_all() {
  dead_ = true;
  while (all_.linked()) {
    Parked& parked = *static_cast<Parked::AllHook*>(all_.next())->owner;
    parked.all_hook_.unlink();
    parked.queue_hook_.unlink();
    // Destroying it posts the frame's unwinding; `parked` may be gone afterwards.
    const Parked::Handler dropped = std::move(parked.handler_);
  }
}

Parked::Operation Parked::wait(std::optional<Duration> timeout,
                               boost::asio::cancellation_state state) {
  std::optional<Wake> wake_now;
  if (state.cancelled() != boost::asio::cancellation_type::none) {
    wake_now = Wake::cancelled;
  } else if (timeout && *timeout <= Duration::zero()) {
    wake_now = Wake::timed_out;
  }
  return Operation({this, Cancellation::ends_wait, timeout, wake_now});
}

Parked::Operation Parked::wait_for_wake(std::optional<Duration> timeout) {
  return Operation({this, Cancellation::ignored, timeout, std::nullopt});
}

Parked::Operation Parked::yield() {
  return Operation({this, Cancellation::ignored, std::nullopt, Wake::done});
}

void Parked::wake(Wake reason) {
  if (state_ != State::waiting || parking_.dead()) return;
  state_ = State::ready;
  reason_ = reason;
  queue_hook_.unlink();
  parking_.disarm(*this);
  parking_.resume_soon(*this);
}

void Parked::resume() {
  STRATOS_ASSERT(state_ == State::ready, "resumed without being woken");
  state_ = State::idle;
  all_hook_.unlink();
  // The coroutine may destroy this object before it suspends again.
  Handler handler = std::move(handler_);
  const TraceScope scope(trace_);
  handler(reason_);
}

Task<Result<void>> Runtime::sleep(Duration duration) {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  Parked self(parking());
  const Wake reason = co_await self.wait(duration, state);
  if (reason == Wake::cancelled) co_return fail(Errc::cancelled);
  co_return Result<void>();
}

}  // namespace stratos
