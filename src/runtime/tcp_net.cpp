#include "runtime/tcp_net.hpp"

#include <netdb.h>

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <vector>

#include "base/trace_context.hpp"
#include "runtime/host_port.hpp"

namespace stratos {
namespace asio = boost::asio;
namespace {

using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Endpoint = asio::ip::tcp::endpoint;
using SysError = boost::system::error_code;

Errc code_of(const SysError& error) {
  if (error == asio::error::operation_aborted) return Errc::cancelled;
  switch (error.value()) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ETIMEDOUT:
      return Errc::connection_refused;
    case EADDRINUSE:
      return Errc::address_in_use;
    case EADDRNOTAVAIL:
      return Errc::invalid_argument;
    case EACCES:
    case EPERM:
      return Errc::permission_denied;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Errc::resource_exhausted;
    default:
      return Errc::connection_lost;
  }
}

std::unexpected<Error> failure(const SysError& error, std::string what) {
  return fail(code_of(error), std::move(what) + ": " + error.message());
}

std::string name_of(const Endpoint& endpoint) {
  HostPort address;
  address.host = endpoint.address().to_string();
  address.port = endpoint.port();
  return to_string(address);
}

// The deadline and the cancellation of one direction of one socket. Its signal ends the operation
// that is bound to slot(); the timer and the task's own slot fire it.
class Interrupt final : private Timer {
 public:
  explicit Interrupt(Parking& parking) : parking_(parking) {}
  ~Interrupt() { parking_.disarm(*this); }

  void begin(std::optional<Duration> timeout) {
    timed_out_ = false;
    if (timeout) parking_.arm(*this, *timeout);
  }
  void end() { parking_.disarm(*this); }
  // Call before each operation: asio clears the task's slot after each.
  void follow(asio::cancellation_state task) {
    auto slot = task.slot();
    if (!slot.is_connected()) return;
    slot.assign([this](asio::cancellation_type) { fire(); });
  }
  auto slot() { return signal_.slot(); }
  bool timed_out() const { return timed_out_; }

 private:
  void fire() { signal_.emit(asio::cancellation_type::terminal); }
  void expired() override {
    timed_out_ = true;
    fire();
  }

  Parking& parking_;
  asio::cancellation_signal signal_;
  bool timed_out_ = false;
};

bool is_cancelled(asio::cancellation_state state) {
  return state.cancelled() != asio::cancellation_type::none;
}

struct IoResult {
  SysError error;
  std::size_t count = 0;
};

// One socket operation as an awaitable leaf: ended through `slot`, its error a value. `start` takes
// the completion handler and begins the operation.
template <class Start>
class SocketOperation {
 public:
  SocketOperation(asio::cancellation_slot slot, Start start)
      : initiation_{slot, std::move(start)} {}

  struct Initiation {
    asio::cancellation_slot slot;
    Start start;
    template <class Handler>
    void operator()(Handler&& handler) {
      auto complete = [waiting = std::forward<Handler>(handler), trace = current_trace()](
                          SysError error, std::size_t count = 0) mutable {
        const TraceScope scope(trace);
        waiting(IoResult{error, count});
      };
      start(asio::bind_cancellation_slot(slot, std::move(complete)));
    }
  };
  template <class Token>
  auto operator()(Token&& token)
      -> decltype(asio::async_initiate<Token, void(IoResult)>(std::declval<Initiation>(), token)) {
    return asio::async_initiate<Token, void(IoResult)>(std::move(initiation_), token);
  }

 private:
  Initiation initiation_;
};

class TcpStream final : public Stream {
 public:
  TcpStream(Socket socket, Parking& parking)
      : socket_(std::move(socket)), parking_(parking), reading_(parking), writing_(parking) {
    SysError ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    const Endpoint peer = socket_.remote_endpoint(ignored);
    peer_name_ = name_of(peer);
  }

  Task<Result<std::size_t>> read_some(MutableByteView out, Duration timeout) override;
  Task<Result<void>> write(ByteView data, Duration timeout) override {
    return write_both(data, ByteView(), timeout);
  }
  Task<Result<void>> write(ByteView head, ByteView body, Duration timeout) override {
    return write_both(head, body, timeout);
  }
  void shutdown() override {
    SysError ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }
  void close() override {
    SysError ignored;
    closed_ = true;
    socket_.close(ignored);
  }
  std::string peer_name() const override { return peer_name_; }

 private:
  using Parts = std::array<asio::const_buffer, 2>;

  Task<Result<void>> write_both(ByteView head, ByteView body, Duration timeout);
  Task<Result<void>> write_rest(Parts parts, Duration timeout);
  std::unexpected<Error> write_ended(const SysError& error);
  std::unexpected<Error> ended(const SysError& error, const Interrupt& interrupt, const char* what);

  Socket socket_;
  Parking& parking_;
  Interrupt reading_;
  Interrupt writing_;
  std::string peer_name_;
  bool closed_ = false;
  bool write_failed_ = false;
};

// The peer may have said why it went away: that stays readable unless it was we who gave up.
std::unexpected<Error> TcpStream::write_ended(const SysError& error) {
  const auto failed = ended(error, writing_, "write to");
  if (error == asio::error::operation_aborted) close();
  write_failed_ = true;
  return failed;
}

std::unexpected<Error> TcpStream::ended(const SysError& error, const Interrupt& interrupt,
                                        const char* what) {
  if (closed_) return fail(Errc::cancelled, std::string(what) + ": the stream was closed");
  if (error == asio::error::operation_aborted && interrupt.timed_out()) {
    return fail(Errc::deadline_exceeded, std::string(what) + " " + peer_name_);
  }
  return failure(error, std::string(what) + " " + peer_name_);
}

Task<Result<std::size_t>> TcpStream::read_some(MutableByteView out, Duration timeout) {
  if (out.empty()) co_return fail(Errc::invalid_argument, "a read into nothing");
  const auto state = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(state)) {
    Parked self(parking_);
    co_await self.yield();
    co_return fail(Errc::cancelled);
  }
  reading_.begin(timeout);
  reading_.follow(state);
  const auto into = asio::buffer(out.data(), out.size());
  auto start = [this, into](auto done) { socket_.async_read_some(into, std::move(done)); };
  const auto [error, count] = co_await SocketOperation(reading_.slot(), start);
  reading_.end();
  if (!error) co_return count;
  if (error == asio::error::eof) co_return std::size_t{0};
  co_return ended(error, reading_, "read from");
}

// Drops the first `count` bytes.
void consume(std::array<asio::const_buffer, 2>& parts, std::size_t count) {
  for (asio::const_buffer& part : parts) {
    const std::size_t taken = count < part.size() ? count : part.size();
    part += taken;
    count -= taken;
  }
}

Task<Result<void>> TcpStream::write_both(ByteView head, ByteView body, Duration timeout) {
  Parts parts = {asio::buffer(head.data(), head.size()), asio::buffer(body.data(), body.size())};
  const auto state = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(state)) {
    close();
    co_return fail(Errc::cancelled);
  }
  if (write_failed_) co_return fail(Errc::connection_lost, "write to " + peer_name_);
  // Mostly the kernel takes everything at once.
  SysError error;
  const std::size_t count = socket_.write_some(parts, error);
  if (error && error != asio::error::would_block) co_return write_ended(error);
  consume(parts, count);
  if (asio::buffer_size(parts) == 0) co_return Result<void>();
  co_return co_await write_rest(parts, timeout);
}

Task<Result<void>> TcpStream::write_rest(Parts parts, Duration timeout) {
  const auto state = co_await asio::this_coro::cancellation_state;
  writing_.begin(timeout);
  while (asio::buffer_size(parts) > 0) {
    writing_.follow(state);
    auto start = [this, parts](auto done) { socket_.async_write_some(parts, std::move(done)); };
    const auto [error, count] = co_await SocketOperation(writing_.slot(), start);
    if (error) {
      writing_.end();
      co_return write_ended(error);
    }
    consume(parts, count);
  }
  writing_.end();
  co_return Result<void>();
}

class TcpListener final : public Listener {
 public:
  TcpListener(Acceptor acceptor, asio::io_context& context, Parking& parking)
      : acceptor_(std::move(acceptor)), context_(context), parking_(parking), interrupt_(parking) {
    SysError ignored;
    address_ = name_of(acceptor_.local_endpoint(ignored));
  }

  Task<Result<std::unique_ptr<Stream>>> accept() override {
    const auto state = co_await asio::this_coro::cancellation_state;
    if (closed_ || is_cancelled(state)) {
      Parked self(parking_);
      co_await self.yield();
      co_return fail(Errc::cancelled);
    }
    Socket socket(context_);
    interrupt_.begin(std::nullopt);
    interrupt_.follow(state);
    auto start = [&](auto done) { acceptor_.async_accept(socket, std::move(done)); };
    const auto [error, count] = co_await SocketOperation(interrupt_.slot(), start);
    if (closed_) co_return fail(Errc::cancelled);
    if (error) co_return failure(error, "accept on " + address_);
    co_return std::make_unique<TcpStream>(std::move(socket), parking_);
  }
  void close() override {
    SysError ignored;
    closed_ = true;
    acceptor_.close(ignored);
  }
  std::string address() const override { return address_; }

 private:
  Acceptor acceptor_;
  asio::io_context& context_;
  Parking& parking_;
  Interrupt interrupt_;
  std::string address_;
  bool closed_ = false;
};

using Endpoints = std::vector<Endpoint>;

// Blocks.
Result<Endpoints> resolve(const HostPort& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &found);
  if (code != 0) {
    return fail(Errc::connection_refused, address.host + ": " + ::gai_strerror(code));
  }
  Endpoints endpoints;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    Endpoint endpoint;
    if (info->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), info->ai_addr, info->ai_addrlen);
    endpoint.resize(info->ai_addrlen);
    endpoint.port(address.port);
    endpoints.push_back(endpoint);
  }
  ::freeaddrinfo(found);
  return endpoints;
}

std::optional<Endpoint> numeric(const HostPort& address) {
  SysError error;
  const auto ip = asio::ip::make_address(address.host, error);
  if (error) return std::nullopt;
  return Endpoint(ip, address.port);
}

// A resolution that its caller may give up: the answer of the system has no deadline.
struct Resolution {
  Parked* waiter = nullptr;
  std::optional<Result<Endpoints>> result;
};

class TcpNet final : public Net {
 public:
  TcpNet(asio::io_context& context, Parking& parking, BlockingPool& pool)
      : context_(context), parking_(parking), pool_(pool) {}

  Result<std::unique_ptr<Listener>> listen(const std::string& address) override;
  Task<Result<std::unique_ptr<Stream>>> connect(std::string address, Duration timeout) override;

 private:
  Task<Result<Endpoints>> resolve_on_pool(HostPort address, Duration timeout);
  Task<Result<std::unique_ptr<Stream>>> connect_to(Endpoint endpoint, Duration timeout);

  asio::io_context& context_;
  Parking& parking_;
  BlockingPool& pool_;
};

Result<std::unique_ptr<Listener>> TcpNet::listen(const std::string& address) {
  STRATOS_TRY(const HostPort parsed, parse_host_port(address));
  Endpoint endpoint(asio::ip::tcp::v6(), parsed.port);
  if (!parsed.host.empty()) {
    if (const auto known = numeric(parsed)) {
      endpoint = *known;
    } else {
      STRATOS_TRY(const Endpoints found, resolve(parsed));
      if (found.empty()) return fail(Errc::connection_refused, "no address for " + parsed.host);
      endpoint = found.front();
    }
  }
  Acceptor acceptor(context_);
  SysError error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && parsed.host.empty()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failure(error, "listen on " + address);
  return std::make_unique<TcpListener>(std::move(acceptor), context_, parking_);
}

Task<Result<Endpoints>> TcpNet::resolve_on_pool(HostPort address, Duration timeout) {
  const auto state = co_await asio::this_coro::cancellation_state;
  Parked self(parking_);
  auto shared = std::make_shared<Resolution>();
  shared->waiter = &self;
  auto job = [shared, address = std::move(address), executor = context_.get_executor()] {
    auto tell = [shared, found = resolve(address)]() mutable {
      shared->result = std::move(found);
      if (shared->waiter != nullptr) shared->waiter->wake(Wake::done);
    };
    asio::post(executor, std::move(tell));
  };
  pool_.run(std::move(job));
  const Wake reason = co_await self.wait(timeout, state);
  shared->waiter = nullptr;
  if (reason != Wake::done) co_return fail(to_result(reason).error());
  co_return std::move(*shared->result);
}

Task<Result<std::unique_ptr<Stream>>> TcpNet::connect_to(Endpoint endpoint, Duration timeout) {
  const auto state = co_await asio::this_coro::cancellation_state;
  Interrupt interrupt(parking_);
  Socket socket(context_);
  if (is_cancelled(state)) co_return fail(Errc::cancelled);
  interrupt.begin(timeout);
  interrupt.follow(state);
  auto start = [&](auto done) { socket.async_connect(endpoint, std::move(done)); };
  const auto [error, count] = co_await SocketOperation(interrupt.slot(), start);
  interrupt.end();
  if (interrupt.timed_out() && error == asio::error::operation_aborted) {
    co_return fail(Errc::deadline_exceeded, "connect to " + name_of(endpoint));
  }
  if (error) co_return failure(error, "connect to " + name_of(endpoint));
  co_return std::make_unique<TcpStream>(std::move(socket), parking_);
}

Duration rest_of(Duration timeout, std::chrono::steady_clock::time_point started) {
  return timeout - (std::chrono::steady_clock::now() - started);
}

Task<Result<std::unique_ptr<Stream>>> TcpNet::connect(std::string address, Duration timeout) {
  STRATOS_CO_TRY(HostPort parsed, parse_host_port(address));
  if (const auto known = numeric(parsed)) co_return co_await connect_to(*known, timeout);
  const auto started = std::chrono::steady_clock::now();
  STRATOS_CO_TRY(Endpoints endpoints, co_await resolve_on_pool(std::move(parsed), timeout));
  Error last(Errc::connection_refused, "no address for " + address);
  for (const Endpoint& endpoint : endpoints) {
    auto stream = co_await connect_to(endpoint, rest_of(timeout, started));
    if (stream) co_return stream;
    last = stream.error();
    if (last.code() == Errc::cancelled || last.code() == Errc::deadline_exceeded) break;
  }
  co_return fail(std::move(last));
}

}  // namespace

std::unique_ptr<Net> make_tcp_net(asio::io_context& context, Parking& parking, BlockingPool& pool) {
  return std::make_unique<TcpNet>(context, parking, pool);
}

}  // namespace stratos
