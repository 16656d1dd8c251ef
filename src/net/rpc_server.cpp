#include <unordered_set>

#include "base/log.hpp"
#include "net/net_metrics.hpp"
#include "net/rpc_frame.hpp"
#include "runtime/task_group.hpp"

namespace stratos::net {
namespace {

constexpr std::size_t kInputBytes = 16 * 1024;
constexpr Duration kHandshakeTimeout = 10s;
constexpr Duration kLongestCall = 10min;
constexpr Duration kStopGrace = 2s;
constexpr Duration kLinger = 1s;
constexpr Duration kAcceptPause = 50ms;

class Connection;

// What the server and its connections share.
struct ServerState {
  ServerState(Runtime& r, const Router& router_, StreamSecurity& s, TrustCheck t, ServerOptions o)
      : runtime(r),
        router(router_),
        security(s),
        trust(std::move(t)),
        options(std::move(o)),
        metrics(options.metrics, "stratos_rpc", options.name),
        untrusted(metrics.registry.counter("stratos_rpc_untrusted_peers_total",
                                           "server=\"" + options.name + "\"")),
        changed(r),
        group(r, "rpc_server") {}

  Runtime& runtime;
  const Router& router;
  StreamSecurity& security;
  TrustCheck trust;
  ServerOptions options;
  ConnectionMetrics metrics;
  metrics::Counter& untrusted;
  WaitQueue changed;  // a call has ended
  std::unordered_set<Connection*> connections;
  std::size_t awaited_calls = 0;  // running, with a connection to answer on
  bool stopping = false;
  TaskGroup group;
};

// One connection after its handshake; kept alive by its reader, its writer and its calls.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerState& server, StreamSecurity::Secured secured)
      : server_(server),
        open_(server.metrics.open),
        stream_(std::move(secured.stream)),
        peer_(secured.peer),
        input_(*stream_, kInputBytes, &server.metrics.received),
        writer_(server.runtime, *stream_, &server.metrics.sent),
        permits_(server.runtime, server.options.max_calls_per_connection) {
    server_.connections.insert(this);
  }
  ~Connection() { server_.connections.erase(this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<void> run();
  // For a peer that is not trusted: says so and ends.
  Task<void> turn_away();
  Task<void> announce_stop();
  void close();

 private:
  static Task<void> write_all(std::shared_ptr<Connection> self) { co_await self->writer_.run(); }
  static Task<void> run_call(std::shared_ptr<Connection> self, Frame frame, TraceContext trace);
  Task<Result<void>> read_all();
  Task<Result<Frame>> next_frame();
  Task<void> linger();

  ServerState& server_;
  const OpenConnection open_;
  std::unique_ptr<Stream> stream_;
  crypto::MachineKey peer_;
  InputBuffer input_;
  FrameWriter writer_;
  Semaphore permits_;
  std::size_t running_ = 0;
  bool closed_ = false;
};

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  server_.awaited_calls -= running_;
  server_.changed.wake_all();
  writer_.close();
  stream_->close();
}

Task<void> Connection::run() {
  server_.group.spawn(write_all(shared_from_this()));
  const Result<void> ended = co_await read_all();
  const Errc code = ended ? Errc::connection_lost : ended.error().code();
  if (code == Errc::malformed_message || code == Errc::message_too_large ||
      code == Errc::unknown_format) {
    log::warn("rpc_peer_broken", {{"peer", peer_.hex()}, {"why", ended.error().to_string()}});
    Frame frame = goodbye_frame(code);
    const auto told = co_await writer_.push(std::move(frame), kLinger);
    writer_.finish();
    if (told) co_await linger();
  }
  close();
}

Task<void> Connection::turn_away() {
  std::array<std::uint8_t, kFrameHeaderBytes> bytes;
  encode_header(goodbye_frame(Errc::peer_not_trusted).header, bytes);
  const Result<void> told = co_await stream_->write(bytes, kLinger);
  if (told) co_await linger();
}

// Drops what the peer still sends, so that the system does not discard our last words.
Task<void> Connection::linger() {
  std::array<std::uint8_t, 1024> dropped;
  const MonotonicTime deadline = server_.runtime.now() + kLinger;
  while (true) {
    const Duration left = deadline - server_.runtime.now();
    if (left <= Duration::zero()) co_return;
    const auto count = co_await stream_->read_some(dropped, left);
    if (!count || *count == 0) co_return;
  }
}

Task<void> Connection::announce_stop() {
  Frame frame = goodbye_frame(std::nullopt);
  [[maybe_unused]] const auto told = co_await writer_.push(std::move(frame), kLinger);
}

// A quiet peer is only idle when it waits for nothing.
Task<Result<Frame>> Connection::next_frame() {
  while (true) {
    Result<Frame> frame = co_await read_frame(input_, server_.options.idle_timeout);
    const bool quiet = !frame && frame.error().code() == Errc::deadline_exceeded;
    if (!quiet || running_ == 0) co_return frame;
  }
}

Task<Result<void>> Connection::read_all() {
  while (true) {
    STRATOS_CO_CHECK(co_await permits_.acquire(std::nullopt));
    STRATOS_CO_TRY(Frame frame, co_await next_frame());
    if (frame.header.kind == FrameKind::goodbye) co_return Result<void>{};
    if (frame.header.kind != FrameKind::request) {
      co_return fail(Errc::malformed_message, "a caller sends requests only");
    }
    const Result<TraceContext> trace = trace_of(frame);
    if (!trace) co_return fail(Errc::malformed_message, "extension of a request", trace.error());
    ++running_;
    ++server_.awaited_calls;
    server_.group.spawn(run_call(shared_from_this(), std::move(frame), *trace));
  }
}

Task<void> Connection::run_call(std::shared_ptr<Connection> self, Frame frame, TraceContext trace) {
  ServerState& server = self->server_;
  const Duration left = std::chrono::milliseconds(frame.header.value);
  Result<Message> answer = fail(Errc::unavailable, "the server is stopping");
  if (!server.stopping) {
    CallContext context{self->peer_, trace};
    auto running =
        server.router.dispatch(std::move(context), frame.header.method, std::move(frame.message));
    answer = co_await with_deadline<Message>(server.runtime, std::move(running),
                                             std::min(left, kLongestCall));
  }
  Frame out = answer_frame(frame.header.id, std::move(answer));
  [[maybe_unused]] const auto pushed = co_await self->writer_.push(std::move(out), std::nullopt);
  self->permits_.release();
  --self->running_;
  if (!self->closed_ && --server.awaited_calls == 0) server.changed.wake_all();
}

class RpcServerImpl final : public RpcServer {
 public:
  RpcServerImpl(Runtime& runtime, std::unique_ptr<Listener> listener, const Router& router,
                StreamSecurity& security, TrustCheck trust, ServerOptions options)
      : state_(runtime, router, security, std::move(trust), std::move(options)),
        listener_(std::move(listener)) {
    state_.group.spawn(accept_all());
  }

  std::string address() const override { return listener_->address(); }
  Task<void> stop() override;

 private:
  Task<void> accept_all();
  Task<void> secure(std::unique_ptr<Stream> raw);

  ServerState state_;
  std::unique_ptr<Listener> listener_;
  std::size_t handshakes_ = 0;
};

Task<void> RpcServerImpl::accept_all() {
  while (!state_.stopping) {
    auto stream = co_await listener_->accept();
    if (stream) {
      if (state_.connections.size() + handshakes_ >= state_.options.max_connections) {
        state_.metrics.refused.add();
        continue;
      }
      state_.metrics.accepted.add();
      ++handshakes_;
      state_.group.spawn(secure(std::move(*stream)));
      continue;
    }
    if (stream.error().code() == Errc::cancelled) co_return;
    log::warn("rpc_accept_failed", {{"why", stream.error().to_string()}});
    if (!co_await state_.runtime.sleep(kAcceptPause)) co_return;
  }
}

Task<void> RpcServerImpl::secure(std::unique_ptr<Stream> raw) {
  auto secured = co_await state_.security.accept(std::move(raw), kHandshakeTimeout);
  --handshakes_;
  if (!secured) state_.metrics.failed_handshakes.add();
  if (!secured || state_.stopping) co_return;
  const bool trusted = state_.trust(secured->peer);
  if (!trusted) {
    state_.untrusted.add();
    log::warn("rpc_peer_refused", {{"peer", secured->peer.hex()}});
  }
  const auto connection = std::make_shared<Connection>(state_, std::move(*secured));
  if (trusted) {
    co_await connection->run();
  } else {
    co_await connection->turn_away();
  }
}

Task<void> RpcServerImpl::stop() {
  state_.stopping = true;
  listener_->close();
  std::vector<std::weak_ptr<Connection>> told;
  for (Connection* connection : state_.connections) told.push_back(connection->weak_from_this());
  for (const auto& weak : told) {
    if (const auto connection = weak.lock()) co_await connection->announce_stop();
  }
  const MonotonicTime deadline = state_.runtime.now() + kStopGrace;
  while (state_.awaited_calls > 0) {
    if (!co_await state_.changed.wait(deadline - state_.runtime.now())) break;
  }
  for (Connection* connection : state_.connections) connection->close();
  state_.group.cancel();
  co_await state_.group.join();
}

}  // namespace

Result<std::unique_ptr<RpcServer>> RpcServer::start(Runtime& runtime, const std::string& address,
                                                    const Router& router, StreamSecurity& security,
                                                    TrustCheck trust, ServerOptions options) {
  STRATOS_TRY(auto listener, runtime.net().listen(address));
  return std::make_unique<RpcServerImpl>(runtime, std::move(listener), router, security,
                                         std::move(trust), std::move(options));
}

}  // namespace stratos::net
