// Streams and a Net in memory, for tests: what arrives in which pieces is up to the test.
#pragma once
#include <map>

#include "runtime/real_runtime.hpp"
#include "runtime/sync.hpp"

namespace stratos::net::testing {

// One direction of a stream.
struct Pipe {
  explicit Pipe(Runtime& runtime) : readable(runtime), writable(runtime) {}
  static constexpr std::size_t kCapacity = 256 * 1024;

  WaitQueue readable;
  WaitQueue writable;
  Bytes data;
  std::size_t taken = 0;  // bytes of `data` that were read
  std::uint64_t total_read = 0;
  bool ended = false;    // the writer is done
  bool refused = false;  // the reader is gone

  std::size_t available() const { return data.size() - taken; }
};

// How the reader of a stream sees its bytes arrive.
struct Arrival {
  std::size_t max_read = SIZE_MAX;      // at most so many at once
  std::uint64_t split_at = UINT64_MAX;  // no read crosses this position
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, Arrival arrival)
      : in_(std::move(in)), out_(std::move(out)), arrival_(arrival) {}
  ~MemoryStream() override { close(); }

  Task<Result<std::size_t>> read_some(MutableByteView out, Duration timeout) override {
    const auto pipe = in_;
    while (!closed_ && pipe->available() == 0 && !pipe->ended) {
      STRATOS_CO_CHECK(co_await pipe->readable.wait(timeout));
    }
    if (closed_) co_return fail(Errc::cancelled);
    co_return take(out);
  }

  Task<Result<void>> write(ByteView data, Duration timeout) override {
    const auto pipe = out_;
    while (!data.empty()) {
      if (closed_) co_return fail(Errc::cancelled);
      if (pipe->ended || pipe->refused) co_return fail(Errc::connection_lost);
      const std::size_t room = Pipe::kCapacity - std::min(Pipe::kCapacity, pipe->available());
      if (room == 0) {
        STRATOS_CO_CHECK(co_await pipe->writable.wait(timeout));
        continue;
      }
      append(pipe->data, data.first(std::min(room, data.size())));
      data = data.subspan(std::min(room, data.size()));
      pipe->readable.wake_all();
    }
    co_return Result<void>{};
  }
  using Stream::write;

  void shutdown() override {
    out_->ended = true;
    out_->readable.wake_all();
  }
  void close() override {
    closed_ = true;
    shutdown();
    in_->refused = true;
    in_->writable.wake_all();
    in_->readable.wake_all();
    out_->writable.wake_all();
  }
  std::string peer_name() const override { return "memory:1"; }

 private:
  std::size_t take(MutableByteView out) {
    std::size_t count = std::min({out.size(), in_->available(), arrival_.max_read});
    if (in_->total_read < arrival_.split_at) {
      count = std::min<std::uint64_t>(count, arrival_.split_at - in_->total_read);
    }
    if (count != 0) std::memcpy(out.data(), in_->data.data() + in_->taken, count);
    in_->taken += count;
    in_->total_read += count;
    if (in_->available() == 0) {
      in_->data.clear();
      in_->taken = 0;
    }
    in_->writable.wake_all();
    return count;
  }

  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  Arrival arrival_;
  bool closed_ = false;
};

struct StreamPair {
  std::unique_ptr<Stream> a;
  std::unique_ptr<Stream> b;
};
// `arrival` is how b reads what a writes.
inline StreamPair make_stream_pair(Runtime& runtime, Arrival arrival = {}) {
  const auto to_a = std::make_shared<Pipe>(runtime);
  const auto to_b = std::make_shared<Pipe>(runtime);
  StreamPair pair;
  pair.a = std::make_unique<MemoryStream>(to_a, to_b, Arrival{});
  pair.b = std::make_unique<MemoryStream>(to_b, to_a, arrival);
  return pair;
}

// Every listener by its address; port 0 draws one.
class MemoryNet final : public Net {
 public:
  explicit MemoryNet(Runtime& runtime) : runtime_(runtime) {}

  Arrival arrival;   // of what accepted streams read, from the next connect on
  int connects = 0;  // attempts

  Result<std::unique_ptr<Listener>> listen(const std::string& address) override {
    std::string bound = address;
    if (bound.ends_with(":0")) bound = bound.substr(0, bound.size() - 1) + std::to_string(++port_);
    if (listeners_.contains(bound)) return fail(Errc::address_in_use, bound);
    auto waiting = std::make_shared<Waiting>(runtime_);
    listeners_[bound] = waiting;
    return std::make_unique<MemoryListener>(*this, bound, waiting);
  }

  Task<Result<std::unique_ptr<Stream>>> connect(std::string address, Duration) override {
    ++connects;
    const auto found = listeners_.find(address);
    if (found == listeners_.end()) co_return fail(Errc::connection_refused, address);
    StreamPair pair = make_stream_pair(runtime_, arrival);
    if (!found->second->try_push(std::move(pair.b))) co_return fail(Errc::connection_refused);
    co_return std::move(pair.a);
  }

 private:
  struct Waiting : BoundedQueue<std::unique_ptr<Stream>> {
    explicit Waiting(Runtime& runtime) : BoundedQueue(runtime, 4096) {}
  };
  class MemoryListener final : public Listener {
   public:
    MemoryListener(MemoryNet& net, std::string address, std::shared_ptr<Waiting> waiting)
        : net_(net), address_(std::move(address)), waiting_(std::move(waiting)) {}
    ~MemoryListener() override { close(); }
    Task<Result<std::unique_ptr<Stream>>> accept() override {
      const auto waiting = waiting_;
      co_return co_await waiting->pop(std::nullopt);
    }
    void close() override {
      waiting_->close();
      if (net_.listeners_.contains(address_) && net_.listeners_[address_] == waiting_) {
        net_.listeners_.erase(address_);
      }
    }
    std::string address() const override { return address_; }

   private:
    MemoryNet& net_;
    std::string address_;
    std::shared_ptr<Waiting> waiting_;
  };

  Runtime& runtime_;
  std::map<std::string, std::shared_ptr<Waiting>> listeners_;
  int port_ = 1000;
};

// A real runtime with its network replaced.
class MemoryRuntime final : public Runtime {
 public:
  explicit MemoryRuntime(Runtime& real) : real_(real), net_(real) {}
  boost::asio::any_io_executor executor() override { return real_.executor(); }
  MonotonicTime now() override { return real_.now(); }
  WallTime wall_now() override { return real_.wall_now(); }
  Random& random() override { return real_.random(); }
  MemoryNet& net() override { return net_; }
  Parking& parking() override { return real_.parking(); }
  Task<void> offload_erased(std::move_only_function<void()> work, Duration cost) override {
    return real_.offload_erased(std::move(work), cost);
  }

 private:
  Runtime& real_;
  MemoryNet net_;
};

}  // namespace stratos::net::testing
