// Starts one coroutine as a thread of execution of its own. For TaskGroup, run_on and the back
// ends: services spawn through a TaskGroup.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "runtime/runtime.hpp"

namespace stratos {

// A spawned coroutine as seen by its owner. Kept alive by the coroutine itself as well.
class Spawned {
 public:
  virtual ~Spawned() = default;
  // On the coroutine's executor. All its pending and later waits end with Errc::cancelled.
  void cancel() { signal_.emit(boost::asio::cancellation_type::terminal); }
  // Called once on the executor when the coroutine has returned. Not called in teardown, when the
  // frame is destroyed instead.
  virtual void ended() = 0;
  virtual std::string_view name() const = 0;

 private:
  friend void start(const boost::asio::any_io_executor&, std::shared_ptr<Spawned>, Task<void>);
  boost::asio::cancellation_signal signal_;
};

// Runs `task` until its first suspension when called on the executor, else from its queue. On the
// executor it takes over the caller's trace. An exception that leaves `task` is a bug: logged as
// task_failed, then abort.
void start(const boost::asio::any_io_executor& executor, std::shared_ptr<Spawned> owner,
           Task<void> task);

// Runs `fn` from the executor's queue. Any thread.
void post_to(const boost::asio::any_io_executor& executor, std::move_only_function<void()> fn);

}  // namespace stratos
