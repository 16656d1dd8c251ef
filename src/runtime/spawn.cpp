#include "runtime/spawn.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdlib>
#include <exception>

#include "base/log.hpp"
#include "base/trace_context.hpp"

namespace stratos {
namespace asio = boost::asio;
namespace {

[[noreturn]] void die_of(std::string_view name, const std::exception_ptr& error) {
  std::string what = "not a std::exception";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
  }
  log::error("task_failed", {{"task", name}, {"exception", what}});
  std::abort();
}

// Cancellation arrives as an error of the leaf waits, not as an exception of every co_await.
Task<void> run(std::shared_ptr<Spawned> owner, Task<void> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  try {
    co_await std::move(task);
  } catch (...) {
    die_of(owner->name(), std::current_exception());
  }
}

}  // namespace

void start(const asio::any_io_executor& executor, std::shared_ptr<Spawned> owner, Task<void> task) {
  Spawned& spawned = *owner;
  // What the task does up to its first suspension leaves the caller's trace alone.
  const TraceScope scope(current_trace());
  // An exception here can only be the cancellation of a coroutine that had not begun.
  auto done = [owner](const std::exception_ptr&) { owner->ended(); };
  asio::co_spawn(executor, run(owner, std::move(task)),
                 asio::bind_cancellation_slot(spawned.signal_.slot(), std::move(done)));
}

void post_to(const asio::any_io_executor& executor, std::move_only_function<void()> fn) {
  asio::post(executor, std::move(fn));
}

}  // namespace stratos
