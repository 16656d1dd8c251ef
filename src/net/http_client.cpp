#include <charconv>

#include "net/http_body.hpp"
#include "net/http_tls.hpp"

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

  static Task<Result<std::unique_ptr<Connection>>> open(Settings& settings, MonotonicTime deadline);

  // The answer before was read to its end and nothing else came.
  bool reusable() const {
    return keep_alive && body && body->complete() && input.pending().empty();
  }
  Task<Result<ClientResponse>> exchange(Outgoing& out, Duration timeout, MonotonicTime deadline);
  Task<Result<void>> send_body(Outgoing& out, std::string prefix, MonotonicTime deadline);
  Task<Result<void>> write(std::string_view head, ByteView data, MonotonicTime deadline);
  Task<Result<ResponseHead>> read_head(bool head_request, MonotonicTime deadline);
  Task<Result<ResponseHead>> read_final_head(bool head_request, MonotonicTime deadline);
  Task<Result<std::optional<ResponseHead>>> await_continue(MonotonicTime deadline);

  const Settings& settings;
  std::unique_ptr<Stream> stream;
  net::InputBuffer input;
  std::optional<MessageBody> body;
  bool keep_alive = false;
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

Task<Result<void>> Client::Connection::write(std::string_view head, ByteView data,
                                             MonotonicTime deadline) {
  const Duration timeout = settings.left(deadline);
  if (data.empty()) co_return co_await stream->write(as_bytes(head), timeout);
  if (head.empty()) co_return co_await stream->write(data, timeout);
  co_return co_await stream->write(as_bytes(head), data, timeout);
}

// `prefix` leaves together with the first bytes.
Task<Result<void>> Client::Connection::send_body(Outgoing& out, std::string prefix,
                                                 MonotonicTime deadline) {
  std::uint64_t sent = 0;
  while (out.body != nullptr && (!out.length || sent < *out.length)) {
    const std::uint64_t rest = out.length ? *out.length - sent : kBodyStepBytes;
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(rest, kBodyStepBytes));
    STRATOS_CO_TRY(const Buffer part, co_await out.body->read(step));
    if (part.empty()) break;
    if (!out.length) prefix += chunk_head(part.size());
    STRATOS_CO_CHECK(co_await write(prefix, part.view(), deadline));
    prefix = out.length ? "" : "\r\n";
    sent += part.size();
  }
  if (out.length.value_or(sent) != sent) {
    co_return fail(Errc::body_incomplete, "body shorter than its length");
  }
  if (out.body != nullptr && !out.length) prefix += last_chunk(out.body->trailers());
  if (!prefix.empty()) STRATOS_CO_CHECK(co_await write(prefix, ByteView(), deadline));
  co_return Result<void>{};
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

Task<Result<ClientResponse>> Client::Connection::exchange(Outgoing& out, Duration timeout,
                                                          MonotonicTime deadline) {
  STRATOS_CO_TRY(std::string prefix, head_text(out, settings.address));
  keep_alive = false;
  std::optional<ResponseHead> early;
  if (out.expects_continue) {
    STRATOS_CO_CHECK(co_await write(prefix, ByteView(), deadline));
    prefix.clear();
    STRATOS_CO_TRY(early, co_await await_continue(deadline));
  }
  bool whole = !early;
  if (!early) {
    Result<void> sent = co_await send_body(out, std::move(prefix), deadline);
    // A server may answer and close before it has read everything.
    whole = sent.has_value();
    if (!sent && (out.body == nullptr || sent.error().code() != Errc::connection_lost)) {
      co_return fail(std::move(sent).error());
    }
    STRATOS_CO_TRY(early, co_await read_final_head(out.method == "HEAD", deadline));
  }
  keep_alive = early->keep_alive && whole;
  body.emplace(input, early->body, timeout);
  ClientResponse response;
  response.status = early->status;
  response.headers = std::move(early->headers);
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
