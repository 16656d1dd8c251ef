// The seam under every service: the same coroutines run on the real machine and in the simulator.
// A service gets one Runtime and takes time, randomness, waiting, blocking work and the network
// from it, and from nowhere else.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/buffer.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace stratos {

class Parking;

template <class T = void>
using Task = boost::asio::awaitable<T>;

// A connected, ordered, reliable byte stream. One reader and one writer at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte, or 0 at the end of the stream. Errc::deadline_exceeded when nothing came in
  // time: the stream stays usable.
  virtual Task<Result<std::size_t>> read_some(MutableByteView out, Duration timeout) = 0;
  // All of `data`; suspends while the peer does not read. A late or cancelled write ends the
  // stream. After a failed one no write succeeds, but what the peer sent before may still be read.
  virtual Task<Result<void>> write(ByteView data, Duration timeout) = 0;
  // Both in one go where the transport can (one system call for head and body).
  virtual Task<Result<void>> write(ByteView head, ByteView body, Duration timeout);
  // No more writes; the peer reads the end. Never blocks.
  virtual void shutdown() = 0;
  // Ends both directions at once; pending operations return Errc::cancelled.
  virtual void close() = 0;
  virtual std::string peer_name() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
  // Pending and later accepts return Errc::cancelled.
  virtual void close() = 0;
  // "host:port" with the port that was really bound.
  virtual std::string address() const = 0;
};

class Net {
 public:
  virtual ~Net() = default;
  // Addresses are "host:port"; port 0 picks a free one.
  virtual Result<std::unique_ptr<Listener>> listen(const std::string& address) = 0;
  virtual Task<Result<std::unique_ptr<Stream>>> connect(std::string address, Duration timeout) = 0;
};

// One incarnation of one service shard: a single-threaded executor and what belongs to it.
// All methods are called on its executor unless they say otherwise.
class Runtime {
 public:
  virtual ~Runtime() = default;

  // Any thread.
  virtual boost::asio::any_io_executor executor() = 0;
  virtual MonotonicTime now() = 0;
  virtual WallTime wall_now() = 0;
  // What clocks outside show, where that of a mesh was set ahead: for what clients sign and date.
  virtual WallTime outside_now() { return wall_now(); }
  virtual Random& random() = 0;
  virtual Net& net() = 0;

  // Where the coroutines of this runtime wait; for the primitives of sync.hpp and for back ends.
  virtual Parking& parking() = 0;

  // Errc::cancelled when the task is cancelled: a loop around sleep ends then.
  Task<Result<void>> sleep(Duration duration);
  // Runs `work` where blocking is allowed and comes back to the executor. `work` owns its data or
  // refers to what outlives this runtime's pool. The simulator runs it inline after a virtual delay
  // around `modelled_cost`. Cancellation does not end it: `work` may use the waiting frame.
  virtual Task<void> offload_erased(std::move_only_function<void()> work,
                                    Duration modelled_cost) = 0;

  // offload(fn, cost): the same with fn's value. fn must not throw.
  template <class Fn>
  auto offload(Fn fn, Duration modelled_cost) -> Task<std::invoke_result_t<Fn&>>;
};

template <class Fn>
auto Runtime::offload(Fn fn, Duration modelled_cost) -> Task<std::invoke_result_t<Fn&>> {
  using Value = std::invoke_result_t<Fn&>;
  if constexpr (std::is_void_v<Value>) {
    std::move_only_function<void()> work(std::move(fn));
    co_await offload_erased(std::move(work), modelled_cost);
  } else {
    auto value = std::make_shared<std::optional<Value>>();
    std::move_only_function<void()> work([fn = std::move(fn), value]() mutable { *value = fn(); });
    co_await offload_erased(std::move(work), modelled_cost);
    co_return std::move(**value);
  }
}

}  // namespace stratos
