// Speed of src/net over loopback TCP. Run without arguments for the usage.
//   net_bench http SECONDS   serves 4 KiB answers on 127.0.0.1:9080 for a load generator
//   net_bench client         GETs of 4 KiB by our own client, one core for both ends
//   net_bench rpc            small calls, 64 at once, plain and TLS
//   net_bench tls            one-way bytes through TLS and through plain TCP
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

#include "net/http.hpp"
#include "net/rpc.hpp"
#include "runtime/real_runtime.hpp"
#include "runtime/task_group.hpp"

using namespace stratos;

namespace {

constexpr Duration kPatience = 60s;

class FixedAnswer final : public http::Handler {
 public:
  Task<void> handle(http::Request&, http::ResponseWriter& response) override {
    http::Headers headers;
    headers.add("Content-Type", "application/octet-stream");
    headers.add("ETag", "\"0123456789abcdef0123456789abcdef\"");
    [[maybe_unused]] const auto sent = co_await response.send(200, std::move(headers), body_);
  }

 private:
  Buffer body_ = Buffer::zeroed(4096);
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void report(const char* what, double amount, const char* unit, Duration wall, double cpu) {
  const double seconds = std::chrono::duration<double>(wall).count();
  std::printf("%-28s %12.0f %s/s   %12.0f %s per core-second\n", what, amount / seconds, unit,
              amount / cpu, unit);
}

Task<Result<void>> serve_http(Runtime& runtime, Duration duration) {
  FixedAnswer handler;
  STRATOS_CO_TRY(const auto server, http::Server::start(runtime, "127.0.0.1:9080", handler, {}));
  const double cpu = cpu_seconds();
  STRATOS_CO_CHECK(co_await runtime.sleep(duration));
  std::printf("cpu: %.2f s\n", cpu_seconds() - cpu);
  co_await server->stop(1s);
  co_return Result<void>{};
}

Task<void> get_many(Runtime& runtime, std::string address, int count) {
  http::Client client(runtime, std::move(address));
  for (int i = 0; i < count; ++i) {
    const auto response = co_await client.send("GET", "/bucket/key", http::Headers(), nullptr,
                                               std::nullopt, kPatience);
    if (!response || !co_await response->body->read(4096)) std::abort();
  }
}

Task<Result<void>> run_client(Runtime& runtime) {
  constexpr int kClients = 16;
  constexpr int kRequests = 10'000;
  FixedAnswer handler;
  STRATOS_CO_TRY(const auto server, http::Server::start(runtime, "127.0.0.1:0", handler, {}));
  TaskGroup group(runtime, "clients");
  const MonotonicTime started = runtime.now();
  const double cpu = cpu_seconds();
  for (int i = 0; i < kClients; ++i) group.spawn(get_many(runtime, server->address(), kRequests));
  co_await group.join();
  report("GET 4 KiB, both ends", kClients * kRequests, "requests", runtime.now() - started,
         cpu_seconds() - cpu);
  co_await server->stop(1s);
  co_return Result<void>{};
}

Task<Result<net::Message>> answer_same(net::CallContext, net::Message request) {
  co_return request;
}

Task<void> call_many(net::Channel& channel, int count, std::size_t body_bytes) {
  for (int i = 0; i < count; ++i) {
    net::Message message;
    message.head.resize(32);
    if (body_bytes > 0) message.body = Buffer::allocate(body_bytes);
    const auto reply = co_await channel.call(1, std::move(message), kPatience);
    if (!reply) std::abort();
  }
}

Task<Result<void>> run_rpc(Runtime& runtime, bool tls, std::size_t body_bytes, int calls) {
  constexpr int kCallers = 64;
  SystemRandom random;
  const auto identity = crypto::MachineSigner::draw(random);
  const auto security = tls ? net::make_tls_security(runtime, identity)
                            : net::make_plain_security(identity.public_key());
  net::Router router;
  router.add(1, "same", &answer_same);
  auto trust = [](const crypto::MachineKey&) { return true; };
  STRATOS_CO_TRY(const auto server,
                 net::RpcServer::start(runtime, "127.0.0.1:0", router, *security, trust, {}));
  auto channel =
      net::make_remote_channel(runtime, *security, server->address(), identity.public_key(), {});
  co_await call_many(*channel, 1, 0);
  TaskGroup group(runtime, "callers");
  const MonotonicTime started = runtime.now();
  const double cpu = cpu_seconds();
  for (int i = 0; i < kCallers; ++i) group.spawn(call_many(*channel, calls / kCallers, body_bytes));
  co_await group.join();
  const std::string name =
      std::string(tls ? "RPC over TLS, " : "RPC plain, ") + std::to_string(body_bytes) + " B";
  report(name.c_str(), calls, "calls", runtime.now() - started, cpu_seconds() - cpu);
  channel.reset();
  co_await server->stop();
  co_return Result<void>{};
}

Task<void> read_all(Stream& stream, std::uint64_t total) {
  Buffer buffer = Buffer::allocate(1 << 20);
  for (std::uint64_t got = 0; got < total;) {
    const auto count = co_await stream.read_some(buffer.mutable_view(), kPatience);
    if (!count || *count == 0) std::abort();
    got += *count;
  }
}

Task<void> accept_side(Listener& listener, net::StreamSecurity* security, std::uint64_t total) {
  auto stream = co_await listener.accept();
  if (!stream) std::abort();
  if (security != nullptr) {
    auto secured = co_await security->accept(std::move(*stream), kPatience);
    if (!secured) std::abort();
    *stream = std::move(secured->stream);
  }
  co_await read_all(**stream, total);
}

Task<Result<void>> run_tls(Runtime& runtime, bool tls) {
  constexpr std::uint64_t kTotal = std::uint64_t{8} << 30;
  SystemRandom random;
  const auto identity = crypto::MachineSigner::draw(random);
  const auto security = net::make_tls_security(runtime, identity);
  STRATOS_CO_TRY(const auto listener, runtime.net().listen("127.0.0.1:0"));
  TaskGroup group(runtime, "reader");
  group.spawn(accept_side(*listener, tls ? security.get() : nullptr, kTotal));
  STRATOS_CO_TRY(auto stream, co_await runtime.net().connect(listener->address(), kPatience));
  if (tls) {
    STRATOS_CO_TRY(auto secured,
                   co_await security->connect(std::move(stream), identity.public_key(), kPatience));
    stream = std::move(secured.stream);
  }
  const Buffer data = Buffer::zeroed(4 << 20);
  const MonotonicTime started = runtime.now();
  const double cpu = cpu_seconds();
  for (std::uint64_t sent = 0; sent < kTotal; sent += data.size()) {
    STRATOS_CO_CHECK(co_await stream->write(data.view(), kPatience));
  }
  co_await group.join();
  report(tls ? "TLS, both ends" : "TCP, both ends", static_cast<double>(kTotal) / 1e6, "MB",
         runtime.now() - started, cpu_seconds() - cpu);
  co_return Result<void>{};
}

Task<Result<void>> run(Runtime& runtime, std::string what, Duration duration) {
  if (what == "http") co_return co_await serve_http(runtime, duration);
  if (what == "client") co_return co_await run_client(runtime);
  if (what == "rpc") {
    for (const bool tls : {false, true}) {
      STRATOS_CO_CHECK(co_await run_rpc(runtime, tls, 0, 256'000));
      STRATOS_CO_CHECK(co_await run_rpc(runtime, tls, 1 << 20, 1'280));
    }
    co_return Result<void>{};
  }
  if (what == "tls") {
    STRATOS_CO_CHECK(co_await run_tls(runtime, false));
    co_return co_await run_tls(runtime, true);
  }
  co_return fail(Errc::invalid_argument, "usage: net_bench http SECONDS | client | rpc | tls");
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  BlockingPool pool(1);
  RealRuntime runtime(pool, "net_bench");
  const Duration duration = std::chrono::seconds(argc > 2 ? std::atoi(argv[2]) : 10);
  const auto result = block_on(runtime, run(runtime, argc > 1 ? argv[1] : "", duration));
  runtime.stop();
  if (result) return 0;
  std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
  return 1;
}
