#include "net/net_metrics.hpp"

#include "net/rpc.hpp"
#include "net/testing/certificates.hpp"
#include "net/testing/http_fixture.hpp"

namespace stratos::net {
namespace {

using http::kPatience;

// Waits until a number is reached that another coroutine makes.
Task<bool> reaches(Runtime& runtime, const std::function<std::int64_t()>& number,
                   std::int64_t wanted) {
  const MonotonicTime give_up = runtime.now() + kPatience;
  while (number() != wanted) {
    if (runtime.now() > give_up) co_return false;
    if (!co_await runtime.sleep(1ms)) co_return false;
  }
  co_return true;
}

class HttpServerMetrics : public http::ServerFixture {
 protected:
  HttpServerMetrics() {
    options_.metrics = &registry_;
    options_.name = "test";
  }
  std::uint64_t count(const std::string& name, const std::string& more = {}) {
    return registry_.counter("stratos_net_http_" + name, "server=\"test\"" + more).value();
  }
  std::uint64_t requests(const std::string& status) {
    return count("requests_total", ",status=\"" + status + "\"");
  }
  std::int64_t open() {
    return registry_.gauge("stratos_net_http_open_connections", "server=\"test\"").value();
  }
  bool open_reaches(std::int64_t wanted) {
    const std::function<std::int64_t()> number = [this] { return open(); };
    return block_on(real_, reaches(real_, number, wanted));
  }
  static Task<std::unique_ptr<Stream>> dial(Runtime& runtime, std::string address) {
    co_return (co_await runtime.net().connect(std::move(address), kPatience)).value();
  }

  metrics::Registry registry_;
  http::ServerOptions options_;
};

TEST_F(HttpServerMetrics, CountRequestsByStatusAndEveryByte) {
  begin(options_);
  const std::string head = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string put = "PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  for (const std::string& bytes :
       {head + head, put, std::string("GET /304 HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x16\x03garbage")}) {
    sent += bytes.size();
    received += exchange(bytes).size();
  }
  EXPECT_EQ(requests("2xx"), 3U);
  EXPECT_EQ(requests("3xx"), 1U);
  EXPECT_EQ(requests("4xx"), 2U);
  EXPECT_EQ(requests("5xx"), 1U);
  EXPECT_EQ(requests("none"), 0U);
  EXPECT_EQ(count("received_bytes_total"), sent);
  EXPECT_EQ(count("sent_bytes_total"), received);
  EXPECT_EQ(count("accepted_connections_total"), 6U);
  EXPECT_TRUE(open_reaches(0));
}

TEST_F(HttpServerMetrics, CountConnectionsThatAreOpenAndRefused) {
  options_.max_connections = 1;
  begin(options_);
  auto first = block_on(real_, dial(memory_, server_->address()));
  EXPECT_TRUE(open_reaches(1));
  const std::string busy = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_TRUE(block_on(real_, first->write(as_bytes(busy), kPatience)));
  const std::function<std::int64_t()> waiting = [this] { return handler_->gate.empty() ? 0 : 1; };
  EXPECT_TRUE(block_on(real_, reaches(real_, waiting, 1)));
  const std::string get = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(status_of(exchange(get)), 503);
  EXPECT_EQ(count("refused_connections_total"), 1U);
  EXPECT_EQ(count("accepted_connections_total"), 1U);
  first.reset();
  handler_->gate.wake_all();
  EXPECT_TRUE(open_reaches(0));
  auto second = block_on(real_, dial(memory_, server_->address()));
  EXPECT_TRUE(open_reaches(1));
  EXPECT_EQ(status_of(exchange(get)), 200);
  EXPECT_EQ(count("displaced_connections_total"), 1U);
}

TEST_F(HttpServerMetrics, CountHandshakesThatFail) {
  const testing::Certificates files("IP:127.0.0.1");
  options_.tls = http::TlsFiles{files.certificate_file(), files.key_file()};
  begin(options_);
  EXPECT_EQ(status_of(exchange("GET /x HTTP/1.1\r\nHost: h\r\n\r\n")), 0);
  EXPECT_TRUE(open_reaches(0));
  EXPECT_EQ(count("failed_handshakes_total"), 1U);
}

TEST_F(HttpServerMetrics, NameNoMoreThanAFewSeries) {
  begin(options_);
  for (int i = 0; i < 20; ++i) {
    const std::string target = "/" + std::to_string(i);
    EXPECT_EQ(status_of(exchange("M" + std::to_string(i) + " " + target + " HTTP/1.1\r\nHost: h" +
                                 std::to_string(i) + "\r\n\r\n")),
              200);
  }
  const std::string text = registry_.expose();
  EXPECT_LT(std::ranges::count(text, '\n'), 40);
}

struct Empty {
  static void fields(auto&, auto&&) {}
};

class RpcMetrics : public ::testing::Test {
 protected:
  using Answer = Task<Result<Reply<Empty>>>;

  RpcMetrics() {
    router_.measure(real_, registry_);
    router_.on<Empty, Empty>(1, "fine", [](CallContext, Empty, Buffer body) -> Answer {
      Reply<Empty> reply;
      reply.body = std::move(body);
      co_return reply;
    });
    router_.on<Empty, Empty>(
        2, "fails", [](CallContext, Empty, Buffer) -> Answer { co_return fail(Errc::not_found); });
    router_.on<Empty, Empty>(3, "throws", [](CallContext, Empty, Buffer) -> Answer {
      throw std::runtime_error("a bug");
      co_return Reply<Empty>{};
    });
  }
  ~RpcMetrics() override {
    block_on(real_, end());
    real_.stop();
  }

  Task<Result<void>> begin() {
    ServerOptions options;
    options.metrics = &registry_;
    options.name = "test";
    auto trust = [this](const crypto::MachineKey&) { return trusting_; };
    STRATOS_CO_TRY(server_, RpcServer::start(memory_, "127.0.0.1:0", router_, *security_, trust,
                                             std::move(options)));
    channel_ = make_remote_channel(memory_, *security_, server_->address(), key_.public_key(), {});
    co_return Result<void>{};
  }
  Task<void> end() {
    channel_.reset();
    if (server_) co_await server_->stop();
    server_.reset();
  }
  static Task<Result<Message>> ask(Channel& channel, std::uint16_t method, std::size_t body_bytes) {
    Message message;
    message.body = Buffer::zeroed(body_bytes);
    co_return co_await channel.call(method, std::move(message), kPatience);
  }
  Result<Message> ask_now(Channel& channel, std::uint16_t method, std::size_t body_bytes = 0) {
    return block_on(real_, ask(channel, method, body_bytes));
  }
  std::uint64_t calls(const std::string& method) {
    return registry_.counter("stratos_rpc_calls_total", "method=\"" + method + "\"").value();
  }
  std::uint64_t errors(const std::string& method) {
    return registry_.counter("stratos_rpc_errors_total", "method=\"" + method + "\"").value();
  }
  std::uint64_t count(const std::string& name) {
    return registry_.counter("stratos_rpc_" + name, "server=\"test\"").value();
  }

  metrics::Registry registry_;
  BlockingPool pool_{1};
  RealRuntime real_{pool_, "rpc"};
  testing::MemoryRuntime memory_{real_};
  SeededRandom random_{1};
  crypto::MachineSigner key_ = crypto::MachineSigner::draw(random_);
  std::unique_ptr<StreamSecurity> security_ = make_plain_security(key_.public_key());
  bool trusting_ = true;
  Router router_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<Channel> channel_;
};

TEST_F(RpcMetrics, CountAndTimeCallsByMethod) {
  ASSERT_TRUE(block_on(real_, begin()));
  const auto local = make_loopback_channel(real_, real_, router_, key_.public_key());
  for (Channel* channel : {channel_.get(), local.get()}) {
    EXPECT_TRUE(ask_now(*channel, 1));
    EXPECT_FALSE(ask_now(*channel, 2));
    EXPECT_FALSE(ask_now(*channel, 3));
    EXPECT_EQ(ask_now(*channel, 99).error().code(), Errc::unknown_method);
  }
  EXPECT_EQ(calls("fine"), 2U);
  EXPECT_EQ(errors("fine"), 0U);
  EXPECT_EQ(calls("fails"), 2U);
  EXPECT_EQ(errors("fails"), 2U);
  EXPECT_EQ(errors("throws"), 2U);
  const std::string text = registry_.expose();
  EXPECT_NE(text.find("stratos_rpc_call_seconds_count{method=\"fine\"} 2\n"), text.npos) << text;
  EXPECT_EQ(text.find("method=\"99"), text.npos) << "a caller must not add series";
}

TEST_F(RpcMetrics, CountBytesAndConnections) {
  ASSERT_TRUE(block_on(real_, begin()));
  ASSERT_TRUE(ask_now(*channel_, 1, 100'000));
  ASSERT_TRUE(ask_now(*channel_, 1, 10));
  // Two frames each way; the exchange of keys is before them.
  constexpr std::uint64_t kBytes = 2 * 32 + 100'010;
  EXPECT_EQ(count("received_bytes_total"), kBytes);
  EXPECT_EQ(count("sent_bytes_total"), kBytes);
  EXPECT_EQ(count("accepted_connections_total"), 1U);
  metrics::Gauge& open = registry_.gauge("stratos_rpc_open_connections", "server=\"test\"");
  EXPECT_EQ(open.value(), 1);
  block_on(real_, end());
  EXPECT_EQ(open.value(), 0);
}

TEST_F(RpcMetrics, CountPeersThatAreNotTrusted) {
  trusting_ = false;
  ASSERT_TRUE(block_on(real_, begin()));
  EXPECT_EQ(ask_now(*channel_, 1).error().code(), Errc::peer_not_trusted);
  EXPECT_EQ(count("untrusted_peers_total"), 1U);
  EXPECT_EQ(calls("fine"), 0U);
}

TEST(ConnectionMetrics, NeedNoRegistry) {
  ConnectionMetrics counted(nullptr, "stratos_rpc", "test");
  counted.accepted.add();
  EXPECT_EQ(counted.accepted.value(), 1U);
}

}  // namespace
}  // namespace stratos::net
