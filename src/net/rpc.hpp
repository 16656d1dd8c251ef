// Calls between roles: a method number, a serialised head and an optional body of shared bytes.
// The same call goes through memory (one process), TLS (two machines) or the simulator's network.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/buffer.hpp"
#include "base/metrics.hpp"
#include "base/trace_context.hpp"
#include "codec/record.hpp"
#include "crypto/keys.hpp"
#include "runtime/runtime.hpp"
#include "runtime/task_group.hpp"

namespace stratos::net {

constexpr std::size_t kMaxHeadBytes = 4 << 20;
constexpr std::size_t kMaxBodyBytes = 4 << 20;

struct Message {
  Bytes head;
  Buffer body;
};

// Who calls. Inside one process the caller is trusted as `self` names it.
struct CallContext {
  crypto::MachineKey peer;  // proven by TLS, or the loopback's own key
  TraceContext trace;       // the caller's; the handler runs in it
};

// The caller's end. Belongs to one runtime. Errors of the callee arrive with their code. The trace
// of the calling coroutine goes along.
class Channel {
 public:
  virtual ~Channel() = default;
  // Errc::deadline_exceeded, Errc::connection_refused, Errc::connection_lost, or the callee's
  // error. After a lost connection the callee may or may not have acted.
  virtual Task<Result<Message>> call(std::uint16_t method, Message request, Duration timeout) = 0;
};

template <class Head>
struct Reply {
  Head head;
  Buffer body;
};

// The callee's end: a table of methods. Handlers run on the callee's executor.
class Router {
 public:
  using Handler = std::function<Task<Result<Message>>(CallContext, Message)>;
  void add(std::uint16_t method, std::string name, Handler handler);
  // Counts and times the calls of every method that is added afterwards. Both outlive the router.
  void measure(Runtime& runtime, metrics::Registry& metrics);

  // fn: (CallContext, Request, Buffer body) -> Task<Result<Reply<Response>>>
  template <class Request, class Response, class Fn>
  void on(std::uint16_t method, std::string name, Fn fn);

  // Errc::unknown_method; an exception of a handler becomes Errc::internal.
  Task<Result<Message>> dispatch(CallContext context, std::uint16_t method, Message request) const;

 private:
  struct Entry {
    std::string name;
    Handler handler;
    metrics::Counter* calls = nullptr;  // null when nothing is measured
    metrics::Counter* errors = nullptr;
    metrics::Histogram* seconds = nullptr;
  };
  static Task<Result<Message>> run(const Entry& entry, CallContext context, Message request);

  std::unordered_map<std::uint16_t, Entry> entries_;
  Runtime* runtime_ = nullptr;
  metrics::Registry* metrics_ = nullptr;
};

// A typed call.
template <class Response, class Request>
Task<Result<Reply<Response>>> call(Channel& channel, std::uint16_t method, const Request& request,
                                   Buffer body, Duration timeout);

// Calls a router of the same process: no socket, the same serialised messages.
std::unique_ptr<Channel> make_loopback_channel(Runtime& caller, Runtime& callee,
                                               const Router& router, crypto::MachineKey self);

// Says whether a machine may talk to us; asked once per connection.
using TrustCheck = std::function<bool(const crypto::MachineKey&)>;

// How byte streams between machines are secured. TLS 1.3 with self-signed Ed25519 certificates,
// both ends proven; the simulator's form exchanges the keys in clear.
class StreamSecurity {
 public:
  virtual ~StreamSecurity() = default;
  struct Secured {
    std::unique_ptr<Stream> stream;
    crypto::MachineKey peer;
  };
  virtual Task<Result<Secured>> accept(std::unique_ptr<Stream> raw, Duration timeout) = 0;
  // Errc::peer_not_trusted when the peer is not `expected`.
  virtual Task<Result<Secured>> connect(std::unique_ptr<Stream> raw, crypto::MachineKey expected,
                                        Duration timeout) = 0;
};
std::unique_ptr<StreamSecurity> make_tls_security(Runtime& runtime,
                                                  const crypto::MachineSigner& identity);
std::unique_ptr<StreamSecurity> make_plain_security(const crypto::MachineKey& identity);

// Serves a router to other machines. Many calls run at once on one connection; at most
// `max_calls_per_connection` of them, then reading pauses.
struct ServerOptions {
  std::size_t max_connections = 1024;
  std::size_t max_calls_per_connection = 128;
  Duration idle_timeout = 10min;
  // Where it counts, under this name; the registry outlives the server.
  metrics::Registry* metrics = nullptr;
  std::string name = "rpc";
};
class RpcServer {
 public:
  // `router`, `security` and `runtime` outlive the server.
  static Result<std::unique_ptr<RpcServer>> start(Runtime& runtime, const std::string& address,
                                                  const Router& router, StreamSecurity& security,
                                                  TrustCheck trust, ServerOptions options);
  virtual ~RpcServer() = default;
  virtual std::string address() const = 0;
  virtual Task<void> stop() = 0;
};

// Connects on first use and again after a loss; calls share `connections` connections.
struct RemoteOptions {
  std::size_t connections = 1;
  Duration connect_timeout = 3s;
};
std::unique_ptr<Channel> make_remote_channel(Runtime& runtime, StreamSecurity& security,
                                             std::string address, crypto::MachineKey expected,
                                             RemoteOptions options);

// --- templates ---------------------------------------------------------------------------------

template <class Request, class Response, class Fn>
void Router::on(std::uint16_t method, std::string name, Fn fn) {
  // A coroutine lambda may not capture: its arguments live in its own frame.
  add(method, std::move(name), [fn = std::move(fn)](CallContext context, Message message) {
    return [](Fn handler, CallContext ctx, Message msg) -> Task<Result<Message>> {
      STRATOS_CO_TRY(Request request, codec::decode<Request>(msg.head));
      Result<Reply<Response>> reply =
          co_await handler(std::move(ctx), std::move(request), std::move(msg.body));
      if (!reply) co_return fail(std::move(reply).error());
      Message out;
      out.head = codec::encode(reply->head);
      out.body = std::move(reply->body);
      co_return out;
    }(fn, std::move(context), std::move(message));
  });
}

template <class Response, class Request>
Task<Result<Reply<Response>>> call(Channel& channel, std::uint16_t method, const Request& request,
                                   Buffer body, Duration timeout) {
  Message message;
  message.head = codec::encode(request);
  message.body = std::move(body);
  STRATOS_CO_TRY(Message answer, co_await channel.call(method, std::move(message), timeout));
  STRATOS_CO_TRY(Response head, codec::decode<Response>(answer.head));
  Reply<Response> reply;
  reply.head = std::move(head);
  reply.body = std::move(answer.body);
  co_return reply;
}

}  // namespace stratos::net
