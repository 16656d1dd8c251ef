// HTTP/1.1: messages with streaming bodies, a server and a client.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.hpp"
#include "base/metrics.hpp"
#include "runtime/runtime.hpp"

namespace stratos::http {

// In order of arrival; names compare without case.
class Headers {
 public:
  using Item = std::pair<std::string, std::string>;
  void add(std::string name, std::string value) {
    items_.emplace_back(std::move(name), std::move(value));
  }
  // Replaces every field of that name.
  void set(std::string name, std::string value);
  void reserve(std::size_t count) { items_.reserve(count); }
  // The first value, or nullopt.
  std::optional<std::string_view> get(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  const std::vector<Item>& items() const { return items_; }

 private:
  std::vector<Item> items_;
};
bool equal_ignoring_case(std::string_view a, std::string_view b);

// A body that arrives while it is read.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Up to `max_bytes`, at least one; empty at the end. Errc::body_incomplete when the peer stopped
  // early, Errc::deadline_exceeded when it is too slow.
  virtual Task<Result<Buffer>> read(std::size_t max_bytes) = 0;
  // From Content-Length; nullopt for chunked bodies.
  virtual std::optional<std::uint64_t> length() const = 0;
  // The fields after a chunked body; filled when read() has returned the end.
  virtual const Headers& trailers() const;
};

struct Request {
  std::string method;
  std::string target;  // as on the wire: path and query, percent-encoded
  Headers headers;
  std::string remote;          // peer address
  std::string request_id;      // 16 hex digits, drawn by the server
  BodyReader* body = nullptr;  // never null inside a handler
};

// The answer to one request. send() or send_head() once, then write()s, then finish().
// Content-Length, Transfer-Encoding and Connection are the writer's business: given ones are
// dropped, but "Connection: close" is obeyed. Names or values that would break the head out of its
// lines are refused with Errc::invalid_argument. The head leaves together with the first bytes of
// the body.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  // Without a length the body is sent in chunks. For HEAD and 204/304 the body is not sent.
  virtual Task<Result<void>> send_head(int status, Headers headers,
                                       std::optional<std::uint64_t> content_length) = 0;
  virtual Task<Result<void>> write(Buffer data) = 0;
  virtual Task<Result<void>> finish() = 0;
  // Head and whole body in one write.
  virtual Task<Result<void>> send(int status, Headers headers, Buffer body) = 0;
  virtual bool head_sent() const = 0;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // The connection is closed afterwards when the answer is not complete or the request body was not
  // read to its end (up to a small remainder, which the server drains).
  virtual Task<void> handle(Request& request, ResponseWriter& response) = 0;
};

// PEM files; TLS 1.3 only.
struct TlsFiles {
  std::string certificate_file;  // with its chain
  std::string key_file;
};

struct ServerOptions {
  // More: those that wait longest for a request make room; when none does, answered 503, closed.
  std::size_t max_connections = 4096;
  std::size_t max_head_bytes = 64 * 1024;  // more: 431
  Duration head_timeout = 10s;  // from the first byte of a request to the end of its head
  Duration idle_timeout = 75s;  // between requests
  Duration body_timeout = 60s;  // without a single byte
  // Slower for long is too slow: what a body's arrival may take is body_timeout and this much more
  // for its bytes, in any stretch of it.
  std::uint64_t min_body_bytes_per_s = 1024;
  Duration write_timeout = 60s;
  std::optional<TlsFiles> tls;  // HTTPS when given
  // Where it counts, under this name; the registry outlives the server.
  metrics::Registry* metrics = nullptr;
  std::string name = "http";
};

// Keep-alive, pipelining one at a time, Expect: 100-continue (answered when the body is first
// read).
class Server {
 public:
  // `handler` and `runtime` outlive the server. Errc::address_in_use; Errc::bad_config for files
  // that are no certificate and key. Ends with stop(), or with its runtime.
  static Result<std::unique_ptr<Server>> start(Runtime& runtime, const std::string& address,
                                               Handler& handler, ServerOptions options);
  virtual ~Server() = default;
  virtual std::string address() const = 0;
  virtual std::size_t connections() const = 0;
  // Stops accepting, lets running requests end within `grace`, closes the rest.
  virtual Task<void> stop(Duration grace) = 0;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  // Valid until the next request or the client's end.
  BodyReader* body = nullptr;
};

// HTTPS when given to a client: the server's certificate must lead to `ca_file` and name the host.
struct ClientTls {
  std::string ca_file;
};

// One connection to one server at a time, kept alive between requests. Not for parallel use.
class Client {
 public:
  // `address` is "host:port".
  Client(Runtime& runtime, std::string address, std::optional<ClientTls> tls = std::nullopt);
  ~Client();
  // Returns when the answer's head is there and `body` is not used any more. With a `body`, sends
  // Content-Length `body_length`, or chunks when that is nullopt; an answer of 300 and above that
  // comes before the end of the body ends the sending, a running read of the body is cancelled.
  // With "Expect: 100-continue" among the headers the body waits up to a second for the server's
  // word. An unread body of the answer before is dropped with its
  // connection. A request without a body that finds its kept connection dead is sent again, once,
  // if its method is idempotent. `timeout` bounds the call, and later each read of the body.
  Task<Result<ClientResponse>> send(std::string method, std::string target, Headers headers,
                                    BodyReader* body, std::optional<std::uint64_t> body_length,
                                    Duration timeout);

 private:
  struct Connection;
  struct Settings;
  std::unique_ptr<Settings> settings_;
  std::unique_ptr<Connection> connection_;
};

// A body from memory.
std::unique_ptr<BodyReader> make_buffer_body(Buffer data);
// Reads a whole body; Errc::too_large past the limit.
Task<Result<Bytes>> read_all(BodyReader& body, std::size_t limit_bytes);

// Percent-encoding (RFC 3986). Decoding refuses bad escapes with Errc::invalid_uri.
std::string percent_encode(std::string_view text, bool keep_slash);
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);

// A target taken apart: decoded path and decoded query parameters in order of arrival.
struct Target {
  std::string raw_path;
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  const std::string* find(std::string_view name) const;
};
Result<Target> parse_target(std::string_view target);

}  // namespace stratos::http
