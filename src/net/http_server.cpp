#include <list>
#include <unordered_set>

#include "base/log.hpp"
#include "net/http_response.hpp"
#include "net/http_tls.hpp"
#include "net/net_metrics.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::http {
namespace {

constexpr std::size_t kIdleInputBytes = 2 * 1024;
constexpr std::size_t kLingerBytes = 256 * 1024;
constexpr std::size_t kMaxRejections = 64;
constexpr Duration kLeaveTimeout = 1s;
constexpr Duration kLinger = 1s;
constexpr Duration kAcceptPause = 50ms;
constexpr std::size_t kDateBytes = 29;

// No status: the peer is gone and nothing is answered.
constexpr ParseFailure kGone{0, ""};

class Connection;

// What the server and its connections share.
struct ServerState {
  ServerState(Runtime& r, Handler& h, ServerOptions o)
      : runtime(r),
        handler(h),
        options(std::move(o)),
        metrics(options.metrics, options.name),
        ids(r.random().next_u64()),
        changed(r) {}

  std::string_view date();
  std::string draw_request_id();

  Runtime& runtime;
  Handler& handler;
  ServerOptions options;
  net::HttpMetrics metrics;
  net::SslContext tls;
  SeededRandom ids;
  WaitQueue changed;  // a connection has ended
  std::unordered_set<Connection*> connections;
  // Those without a request to answer, by how long they wait for one.
  std::list<Connection*> waiting;
  std::size_t rejections = 0;
  bool stopping = false;
  std::array<char, kDateBytes> date_text{};
  std::int64_t date_second = -1;
};

std::string_view ServerState::date() {
  const WallTime now = runtime.outside_now();
  if (now.ms / 1000 != date_second) {
    const std::string text = to_http_date(now);
    STRATOS_ASSERT(text.size() == kDateBytes, "a date has a fixed length");
    std::copy(text.begin(), text.end(), date_text.begin());
    date_second = now.ms / 1000;
  }
  return {date_text.data(), date_text.size()};
}

std::string ServerState::draw_request_id() {
  std::array<std::uint8_t, 8> id{};
  ids.fill(id);
  return to_hex(id);
}

// One connection; registered with the server while it lives.
class Connection {
 public:
  Connection(ServerState& server, std::unique_ptr<Stream> stream)
      : server_(server), open_(server.metrics.open), stream_(std::move(stream)) {
    server_.connections.insert(this);
  }
  ~Connection() {
    stop_waiting();
    server_.connections.erase(this);
    server_.changed.wake_all();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<void> run();
  bool idle() const { return idle_; }
  void close() { stream_->close(); }
  // Makes room for another connection.
  void give_way() {
    stop_waiting();
    stream_->close();
  }

 private:
  void begin_waiting();
  void stop_waiting();
  Task<bool> secure();
  Task<bool> serve_one();
  Task<bool> await_request();
  Task<Parsed<std::size_t>> read_head();
  Task<bool> answer(RequestHead head);
  Task<bool> run_handler(Request& request, ResponseOutput& response);
  Task<void> refuse(ParseFailure failure);
  Task<void> finish();

  ServerState& server_;
  const net::OpenConnection open_;
  std::unique_ptr<Stream> stream_;
  net::TlsStream* tls_ = nullptr;
  std::unique_ptr<net::InputBuffer> input_;
  bool idle_ = false;
  std::optional<std::list<Connection*>::iterator> waiting_;
  bool answered_ = false;  // bytes of ours may still be on their way
};

std::string error_message(int status, std::string_view why, std::string_view date) {
  std::string body(why);
  body += '\n';
  std::string text = "HTTP/1.1 " + std::to_string(status);
  text.append(" ").append(reason_of(status)).append("\r\nDate: ").append(date);
  text += "\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ";
  return text + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Reads what the peer still sends, so that the system does not discard our last answer.
Task<void> linger(Runtime& runtime, Stream& stream) {
  stream.shutdown();
  const MonotonicTime deadline = runtime.now() + kLinger;
  std::array<std::uint8_t, 1024> dropped;
  for (std::size_t total = 0; total < kLingerBytes;) {
    const Duration left = deadline - runtime.now();
    if (left <= Duration::zero()) co_return;
    const auto count = co_await stream.read_some(dropped, left);
    if (!count || *count == 0) co_return;
    total += *count;
  }
}

void Connection::begin_waiting() {
  if (!waiting_) waiting_ = server_.waiting.insert(server_.waiting.end(), this);
}

void Connection::stop_waiting() {
  if (waiting_) server_.waiting.erase(*std::exchange(waiting_, std::nullopt));
}

Task<void> Connection::run() {
  begin_waiting();
  if (server_.tls && !co_await secure()) co_return;
  input_ = std::make_unique<net::InputBuffer>(*stream_, kIdleInputBytes, &server_.metrics.received);
  while (co_await serve_one()) {
  }
  if (answered_) co_await finish();
}

Task<void> Connection::finish() {
  if (tls_ != nullptr) co_await tls_->say_goodbye(kLinger);
  co_await linger(server_.runtime, *stream_);
}

Task<bool> Connection::secure() {
  auto secured = std::make_unique<net::TlsStream>(server_.runtime, std::move(stream_), *server_.tls,
                                                  net::TlsStream::Side::server);
  tls_ = secured.get();
  stream_ = std::move(secured);
  const Result<void> done = co_await tls_->handshake(server_.options.head_timeout);
  if (!done) server_.metrics.failed_handshakes.add();
  co_return done.has_value();
}

Task<bool> Connection::serve_one() {
  begin_waiting();
  if (!co_await await_request()) co_return false;
  const Parsed<std::size_t> size = co_await read_head();
  stop_waiting();
  if (!size) {
    co_await refuse(size.error());
    co_return false;
  }
  Parsed<RequestHead> head = parse_request_head(as_text(input_->pending()).substr(0, *size));
  if (!head) {
    co_await refuse(head.error());
    co_return false;
  }
  input_->consume(*size);
  co_return co_await answer(std::move(*head));
}

// Waits for the first byte of a request.
Task<bool> Connection::await_request() {
  if (!input_->pending().empty()) co_return true;
  if (server_.stopping) co_return false;
  input_->shrink();
  idle_ = true;
  const auto count = co_await input_->fill(kIdleInputBytes, server_.options.idle_timeout);
  idle_ = false;
  if (!count || *count == 0) {
    answered_ = false;
    co_return false;
  }
  co_return true;
}

// The size of the head at the front of the input.
Task<Parsed<std::size_t>> Connection::read_head() {
  const std::size_t limit = server_.options.max_head_bytes;
  std::optional<MonotonicTime> deadline;
  std::size_t searched = 0;
  while (true) {
    while (as_text(input_->pending()).starts_with("\r\n")) input_->consume(2);
    const std::string_view text = as_text(input_->pending());
    if (!text.empty() && !may_begin_request(text[0])) {
      co_return std::unexpected(ParseFailure{400, "not HTTP"});
    }
    if (const std::size_t size = find_head_end(text, std::min(searched, text.size()))) {
      co_return size;
    }
    if (text.size() >= limit) co_return std::unexpected(ParseFailure{431, "head too large"});
    searched = text.size();
    const MonotonicTime now = server_.runtime.now();
    if (!deadline) deadline = now + server_.options.head_timeout;
    const auto count = co_await input_->fill(limit, *deadline - now);
    if (!count && count.error().code() == Errc::deadline_exceeded) {
      co_return std::unexpected(ParseFailure{408, "head too slow"});
    }
    if (!count || *count == 0) co_return std::unexpected(kGone);
  }
}

Task<void> Connection::refuse(ParseFailure failure) {
  answered_ = failure.status != 0;
  if (!answered_) co_return;
  const std::string text = error_message(failure.status, failure.why, server_.date());
  const auto written = co_await stream_->write(as_bytes(text), server_.options.write_timeout);
  answered_ = written.has_value();
  server_.metrics.count_status(failure.status);
  if (answered_) server_.metrics.sent.add(text.size());
}

Task<bool> Connection::answer(RequestHead head) {
  const BodyPace pace(server_.options.body_timeout, &server_.runtime,
                      server_.options.min_body_bytes_per_s);
  MessageBody body(*input_, head.body, pace);
  if (head.expects_continue && !body.complete()) body.promise_continue(*stream_);
  if (head.expects_continue && body.complete()) {
    // Some clients that ask it for an empty body too lose step when the answer comes without it.
    const auto written =
        co_await stream_->write(as_bytes(kContinue), server_.options.write_timeout);
    if (!written) co_return false;
  }
  ResponseContext context;
  context.head_request = head.method == "HEAD";
  context.minor_version = head.minor_version;
  context.keep_alive = head.keep_alive && !server_.stopping;
  context.date = server_.date();
  context.write_timeout = server_.options.write_timeout;
  context.sent = &server_.metrics.sent;
  ResponseOutput response(*stream_, body, context);

  Request request;
  request.method = std::move(head.method);
  request.target = std::move(head.target);
  request.headers = std::move(head.headers);
  request.remote = stream_->peer_name();
  request.request_id = server_.draw_request_id();
  request.body = &body;

  const bool returned = co_await run_handler(request, response);
  answered_ = !response.peer_lost();
  if (!response.head_sent()) {
    response.forbid_keep_alive();
    [[maybe_unused]] const auto sent = co_await response.send(500, Headers(), Buffer());
  }
  server_.metrics.count_status(response.status());
  if (!returned || !response.complete() || !response.keep_alive()) co_return false;
  co_return co_await body.drain();
}

// False when the handler threw.
Task<bool> Connection::run_handler(Request& request, ResponseOutput& response) {
  std::string what;
  try {
    co_await server_.handler.handle(request, response);
    co_return true;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
    what = "unknown exception";
  }
  log::error("http_handler_failed", {{"request_id", request.request_id}, {"what", what}});
  co_return false;
}

Task<void> run_connection(std::unique_ptr<Connection> connection) { co_await connection->run(); }

class ServerImpl final : public Server {
 public:
  ServerImpl(Runtime& runtime, std::unique_ptr<Listener> listener, Handler& handler,
             ServerOptions options, net::SslContext tls)
      : state_(runtime, handler, std::move(options)),
        listener_(std::move(listener)),
        group_(runtime, "http_server") {
    state_.tls = std::move(tls);
    group_.spawn(accept_all());
  }

  std::string address() const override { return listener_->address(); }
  std::size_t connections() const override { return state_.connections.size(); }
  Task<void> stop(Duration grace) override;

 private:
  Task<void> accept_all();
  void take(std::unique_ptr<Stream> stream);
  Task<bool> make_room();
  Task<void> reject(std::unique_ptr<Stream> stream);

  ServerState state_;
  std::unique_ptr<Listener> listener_;
  TaskGroup group_;
};

Task<void> ServerImpl::accept_all() {
  while (!state_.stopping) {
    auto stream = co_await listener_->accept();
    if (stream) {
      if (!co_await make_room()) co_return;
      take(std::move(*stream));
      continue;
    }
    if (stream.error().code() == Errc::cancelled) co_return;
    // Out of descriptors, most likely: connections that end will free some.
    log::warn("http_accept_failed", {{"why", stream.error().to_string()}});
    if (!co_await state_.runtime.sleep(kAcceptPause)) co_return;
  }
}

// For one more connection, if any can go. False when the server ends.
Task<bool> ServerImpl::make_room() {
  while (state_.connections.size() >= state_.options.max_connections && !state_.waiting.empty()) {
    state_.metrics.displaced.add();
    state_.waiting.front()->give_way();
    const Result<void> gone = co_await state_.changed.wait(kLeaveTimeout);
    if (!gone && gone.error().code() == Errc::cancelled) co_return false;
  }
  co_return true;
}

void ServerImpl::take(std::unique_ptr<Stream> stream) {
  if (state_.connections.size() < state_.options.max_connections) {
    state_.metrics.accepted.add();
    group_.spawn(run_connection(std::make_unique<Connection>(state_, std::move(stream))));
    return;
  }
  state_.metrics.refused.add();
  if (state_.rejections < kMaxRejections && !state_.tls) {
    ++state_.rejections;
    group_.spawn(reject(std::move(stream)));
  }
}

Task<void> ServerImpl::reject(std::unique_ptr<Stream> stream) {
  const std::string text = error_message(503, "too many connections", state_.date());
  const auto written = co_await stream->write(as_bytes(text), kLinger);
  if (written) co_await linger(state_.runtime, *stream);
  --state_.rejections;
}

Task<void> ServerImpl::stop(Duration grace) {
  state_.stopping = true;
  listener_->close();
  const MonotonicTime deadline = state_.runtime.now() + grace;
  for (Connection* connection : state_.connections) {
    if (connection->idle()) connection->close();
  }
  while (!state_.connections.empty()) {
    const auto woken = co_await state_.changed.wait(deadline - state_.runtime.now());
    if (!woken) break;
  }
  for (Connection* connection : state_.connections) connection->close();
  group_.cancel();
  co_await group_.join();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Runtime& runtime, const std::string& address,
                                              Handler& handler, ServerOptions options) {
  net::SslContext tls;
  if (options.tls) {
    STRATOS_TRY(tls, make_server_context(*options.tls));
  }
  STRATOS_TRY(auto listener, runtime.net().listen(address));
  return std::make_unique<ServerImpl>(runtime, std::move(listener), handler, std::move(options),
                                      std::move(tls));
}

}  // namespace stratos::http
