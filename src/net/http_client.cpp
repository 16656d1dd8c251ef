#include <charconv>

#include "net/http_body.hpp"
#include "net/http_tls.hpp"
#include "runtime/spawn.hpp"
#include "runtime/sync.hpp"

namespace stratos::http {
namespace {

constexpr std::size_t kInputBytes = 8 * 1024;
constexpr std::size_t kMaxHeadBytes = 256 * 1024;
constexpr std::size_t kBodyStepBytes = 512 * 1024;
constexpr Duration kContinueWait = 1s;
constexpr int kMaxInterimAnswers = 16;

bool is_idempotent(std::string_view method) {
  for (const std::string_view name : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    if (method == name) return true;
  }
  return false;
}

// "host:port" without the port, brackets of IPv6 addresses and all.
std::string host_of(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

struct Outgoing {
  std::string method;
  std::string target;
  Headers headers;
  BodyReader* body = nullptr;
  std::optional<std::uint64_t> length;
  bool expects_continue = false;
};

Result<std::string> head_text(const Outgoing& out, const std::string& address) {
  if (!is_token(out.method)) return fail(Errc::invalid_argument, "bad method");
  for (const char c : out.target) {
    if (c <= ' ' || c == 0x7f) return fail(Errc::invalid_argument, "bad target");
  }
  std::string text = out.method + " " + out.target + " HTTP/1.1\r\n";
  if (!out.headers.has("host")) text += "Host: " + address + "\r\n";
  for (const auto& [name, value] : out.headers.items()) {
    if (!is_token(name) || !is_field_text(value)) {
      return fail(Errc::invalid_argument, "bad character in a request field");
    }
    const bool framing = equal_ignoring_case(name, "content-length") ||
                         equal_ignoring_case(name, "transfer-encoding");
    if (!framing) text.append(name).append(": ").append(value).append("\r\n");
  }
  const bool wants_length = out.method == "PUT" || out.method == "POST";
  if (out.body != nullptr && !out.length) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (out.body != nullptr || wants_length) {
    text += "Content-Length: " + std::to_string(out.length.value_or(0)) + "\r\n";
  }
  return text + "\r\n";
}

std::string chunk_head(std::size_t size) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  return std::string(digits.data(), end) + "\r\n";
}

std::string last_chunk(const Headers& trailers) {
  std::string text = "0\r\n";
  for (const auto& [name, value] : trailers.items()) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text + "\r\n";
}

Task<Result<void>> write_parts(Stream& stream, std::string_view head, ByteView data,
                               Duration timeout) {
  if (data.empty()) co_return co_await stream.write(as_bytes(head), timeout);
  if (head.empty()) co_return co_await stream.write(data, timeout);
  co_return co_await stream.write(as_bytes(head), data, timeout);
}

// Sends a body while the answer is awaited. Once given up it does not touch the caller's body any
// more; a write that is under way then may go on by itself until the stream is closed.
class Sending final : public Spawned {
 public:
  Sending(Runtime& runtime, std::shared_ptr<Stream> stream, const Outgoing& out,
          MonotonicTime deadline)
      : runtime_(runtime),
        stream_(std::move(stream)),
        body_(*out.body),
        length_(out.length),
        deadline_(deadline),
        changed_(runtime) {}

  // `prefix` leaves together with the first bytes.
  static Task<void> run(std::shared_ptr<Sending> self, std::string prefix);
  void ended() override {}
  std::string_view name() const override { return "http_body"; }

  // Waits until everything is sent or sending has failed.
  Task<Result<void>> finish();
  // Returns when the caller's body may go away.
  Task<void> give_up();
  bool sent() const { return stage_ == Stage::ended && result_.has_value(); }
  // Why sending ended, if not because of the peer.
  std::optional<Error> own_failure() const;

 private:
  enum class Stage : std::uint8_t { reading, writing, ended };

  Task<Result<void>> send(std::string prefix);
  Task<Result<Buffer>> read(std::size_t max_bytes);
  Task<Result<void>> write(std::string_view head, ByteView data);

  Runtime& runtime_;
  std::shared_ptr<Stream> stream_;
  BodyReader& body_;
  std::optional<std::uint64_t> length_;
  MonotonicTime deadline_;
  WaitQueue changed_;
  Stage stage_ = Stage::writing;
  bool given_up_ = false;
  bool body_failed_ = false;
  Result<void> result_;
};

Task<void> Sending::run(std::shared_ptr<Sending> self, std::string prefix) {
  self->result_ = co_await self->send(std::move(prefix));
  self->stage_ = Stage::ended;
  // Nothing more can be said on this connection, so nobody needs to wait for an answer.
  if (self->own_failure()) self->stream_->close();
  self->changed_.wake_all();
}

Task<Result<Buffer>> Sending::read(std::size_t max_bytes) {
  stage_ = Stage::reading;
  Result<Buffer> part = co_await body_.read(max_bytes);
  stage_ = Stage::writing;
  if (given_up_) co_return fail(Errc::connection_lost, "given up");
  body_failed_ = !part;
  co_return part;
}

Task<Result<void>> Sending::write(std::string_view head, ByteView data) {
  STRATOS_CO_CHECK(co_await write_parts(*stream_, head, data, deadline_ - runtime_.now()));
  if (given_up_) co_return fail(Errc::connection_lost, "given up");
  co_return Result<void>{};
}

Task<Result<void>> Sending::send(std::string prefix) {
  std::uint64_t sent = 0;
  while (!length_ || sent < *length_) {
    const std::uint64_t rest = length_ ? *length_ - sent : kBodyStepBytes;
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(rest, kBodyStepBytes));
    STRATOS_CO_TRY(const Buffer part, co_await read(step));
    if (part.empty()) break;
    if (!length_) prefix += chunk_head(part.size());
    STRATOS_CO_CHECK(co_await write(prefix, part.view()));
    prefix = length_ ? "" : "\r\n";
    sent += part.size();
  }
  if (length_.value_or(sent) != sent) {
    body_failed_ = true;
    co_return fail(Errc::body_incomplete, "body shorter than its length");
  }
  if (!length_) prefix += last_chunk(body_.trailers());
  if (!prefix.empty()) STRATOS_CO_CHECK(co_await write(prefix, ByteView()));
  co_return Result<void>{};
}

std::optional<Error> Sending::own_failure() const {
  if (stage_ != Stage::ended || result_ || given_up_) return std::nullopt;
  if (!body_failed_ && result_.error().code() == Errc::connection_lost) return std::nullopt;
  return result_.error();
}

Task<Result<void>> Sending::finish() {
  while (stage_ != Stage::ended) {
    STRATOS_CO_CHECK(co_await changed_.wait(deadline_ - runtime_.now()));
  }
  co_return Result<void>{};
}

Task<void> Sending::give_up() {
  if (stage_ == Stage::ended) co_return;
  given_up_ = true;
  // A cancelled write would take the answer along.
  if (stage_ == Stage::reading) cancel();
  while (stage_ == Stage::reading) co_await changed_.wait_ignoring_cancellation();
}

}  // namespace

struct Client::Settings {
  Runtime& runtime;
  std::string address;
  std::optional<ClientTls> tls;
  net::SslContext context;  // made on first use

  Duration left(MonotonicTime deadline) const { return deadline - runtime.now(); }
};

struct Client::Connection {
  Connection(const Settings& s, std::unique_ptr<Stream> opened)
      : settings(s), stream(std::move(opened)), input(*stream, kInputBytes) {}
  // A body that is still being sent shares the stream.
  ~Connection() { stream->close(); }

  static Task<Result<std::unique_ptr<Connection>>> open(Settings& settings, MonotonicTime deadline);

  // The answer before was read to its end and nothing else came.
  bool reusable() const {
    return keep_alive && body && body->complete() && input.pending().empty();
  }
  Task<Result<ClientResponse>> exchange(Outgoing& out, Duration timeout, MonotonicTime deadline);
  Task<Result<ResponseHead>> send_and_listen(Outgoing& out, std::string prefix,
                                             MonotonicTime deadline);
  Task<Result<void>> write(std::string_view text, MonotonicTime deadline);
  Task<Result<ResponseHead>> read_head(bool head_request, MonotonicTime deadline);
  Task<Result<ResponseHead>> read_final_head(bool head_request, MonotonicTime deadline);
  Task<Result<std::optional<ResponseHead>>> await_continue(MonotonicTime deadline);

  const Settings& settings;
  std::shared_ptr<Stream> stream;
  net::InputBuffer input;
  std::optional<MessageBody> body;
  bool keep_alive = false;
  bool whole = false;  // the request was sent to its end
};

Client::Client(Runtime& runtime, std::string address, std::optional<ClientTls> tls)
    : settings_(new Settings{runtime, std::move(address), std::move(tls), nullptr}) {}
Client::~Client() = default;

Task<Result<std::unique_ptr<Client::Connection>>> Client::Connection::open(Settings& settings,
                                                                           MonotonicTime deadline) {
  if (settings.tls && !settings.context) {
    STRATOS_CO_TRY(settings.context, make_client_context(*settings.tls));
  }
  STRATOS_CO_TRY(auto stream, co_await settings.runtime.net().connect(settings.address,
                                                                      settings.left(deadline)));
  if (settings.tls) {
    auto secured = std::make_unique<net::TlsStream>(
        settings.runtime, std::move(stream), *settings.context, net::TlsStream::Side::client);
    STRATOS_CO_CHECK(expect_host(secured->ssl(), host_of(settings.address)));
    STRATOS_CO_CHECK(co_await secured->handshake(settings.left(deadline)));
    stream = std::move(secured);
  }
  co_return std::make_unique<Connection>(settings, std::move(stream));
}

Task<Result<void>> Client::Connection::write(std::string_view text, MonotonicTime deadline) {
  co_return co_await stream->write(as_bytes(text), settings.left(deadline));
}

Task<Result<ResponseHead>> Client::Connection::read_head(bool head_request,
                                                         MonotonicTime deadline) {
  std::size_t searched = 0;
  while (true) {
    const std::string_view text = as_text(input.pending());
    if (const std::size_t size = find_head_end(text, searched)) {
      auto head = parse_response_head(text.substr(0, size), head_request);
      if (!head) co_return fail(Errc::malformed_message, std::string(head.error().why));
      input.consume(size);
      co_return std::move(*head);
    }
    searched = text.size();
    STRATOS_CO_TRY(const std::size_t count,
                   co_await input.fill(kMaxHeadBytes, settings.left(deadline)));
    if (count == 0) co_return fail(Errc::connection_lost, "ended before an answer");
  }
}

Task<Result<ResponseHead>> Client::Connection::read_final_head(bool head_request,
                                                               MonotonicTime deadline) {
  for (int i = 0; i < kMaxInterimAnswers; ++i) {
    STRATOS_CO_TRY(ResponseHead head, co_await read_head(head_request, deadline));
    if (head.status >= 200) co_return head;
  }
  co_return fail(Errc::malformed_message, "too many interim answers");
}

// The final answer if it comes instead of the leave to send.
Task<Result<std::optional<ResponseHead>>> Client::Connection::await_continue(
    MonotonicTime deadline) {
  const MonotonicTime patience = std::min(deadline, settings.runtime.now() + kContinueWait);
  Result<ResponseHead> head = co_await read_head(false, patience);
  if (head && head->status >= 200) co_return std::optional(std::move(*head));
  const bool refused = !head && head.error().code() != Errc::deadline_exceeded;
  if (refused) co_return fail(std::move(head).error());
  co_return std::nullopt;
}

// Sends the body and reads the answer at once: a refusal that comes early ends the sending.
Task<Result<ResponseHead>> Client::Connection::send_and_listen(Outgoing& out, std::string prefix,
                                                               MonotonicTime deadline) {
  auto sending = std::make_shared<Sending>(settings.runtime, stream, out, deadline);
  start(settings.runtime.executor(), sending, Sending::run(sending, std::move(prefix)));
  Result<ResponseHead> head = co_await read_final_head(out.method == "HEAD", deadline);
  // An early success is no refusal: the server wants the rest.
  if (head && head->status < 300) {
    if (auto done = co_await sending->finish(); !done) head = fail(std::move(done).error());
  }
  whole = sending->sent();
  std::optional<Error> failure = sending->own_failure();
  if (!head) stream->close();
  co_await sending->give_up();
  if (failure && (!head || head->status < 300)) co_return fail(std::move(*failure));
  co_return head;
}

Task<Result<ClientResponse>> Client::Connection::exchange(Outgoing& out, Duration timeout,
                                                          MonotonicTime deadline) {
  STRATOS_CO_TRY(std::string prefix, head_text(out, settings.address));
  keep_alive = false;
  whole = false;
  std::optional<ResponseHead> head;
  if (out.expects_continue) {
    STRATOS_CO_CHECK(co_await write(prefix, deadline));
    prefix.clear();
    STRATOS_CO_TRY(head, co_await await_continue(deadline));
  }
  if (!head && out.body != nullptr) {
    STRATOS_CO_TRY(head, co_await send_and_listen(out, std::move(prefix), deadline));
  } else if (!head) {
    STRATOS_CO_CHECK(co_await write(prefix, deadline));
    whole = true;
    STRATOS_CO_TRY(head, co_await read_final_head(out.method == "HEAD", deadline));
  }
  keep_alive = head->keep_alive && whole;
  body.emplace(input, head->body, timeout);
  ClientResponse response;
  response.status = head->status;
  response.headers = std::move(head->headers);
  response.body = &*body;
  co_return response;
}

Task<Result<ClientResponse>> Client::send(std::string method, std::string target, Headers headers,
                                          BodyReader* body,
                                          std::optional<std::uint64_t> body_length,
                                          Duration timeout) {
  const MonotonicTime deadline = settings_->runtime.now() + timeout;
  Outgoing out;
  out.method = std::move(method);
  out.target = std::move(target);
  out.headers = std::move(headers);
  out.body = body;
  out.length = body == nullptr ? std::nullopt : body_length;
  out.expects_continue = body != nullptr && out.headers.get("expect").has_value();

  if (connection_ && !connection_->reusable()) connection_.reset();
  const bool kept = connection_ != nullptr;
  if (!kept) {
    STRATOS_CO_TRY(connection_, co_await Connection::open(*settings_, deadline));
  }
  Result<ClientResponse> response = co_await connection_->exchange(out, timeout, deadline);
  const bool stale = !response && kept && response.error().code() == Errc::connection_lost;
  if (stale && body == nullptr && is_idempotent(out.method)) {
    STRATOS_CO_TRY(connection_, co_await Connection::open(*settings_, deadline));
    response = co_await connection_->exchange(out, timeout, deadline);
  }
  co_return response;
}

}  // namespace stratos::http
