#include "net/testing/http_fixture.hpp"
#include "runtime/task_group.hpp"

namespace stratos::http {
namespace {

using HttpServer = ServerFixture;

const std::string kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

std::string put(const std::string& target, const std::string& fields, const std::string& body) {
  return "PUT " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}
std::string chunked(const std::string& body) {
  return put("/echo", "Transfer-Encoding: chunked\r\n", body);
}
std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Whether the server has closed the connection.
Task<bool> is_closed(Stream& stream) {
  std::array<std::uint8_t, 1> byte{};
  const auto count = co_await stream.read_some(byte, 5ms);
  co_return count ? *count == 0 : count.error().code() != Errc::deadline_exceeded;
}

TEST_F(HttpServer, AnswersWithDateAndLength) {
  begin();
  const std::string answer = exchange(kGet);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nContent-Length: 8\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find(" GMT\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("Connection:"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /x a"));
}

TEST_F(HttpServer, DrawsAnIdForEachRequest) {
  begin();
  exchange(kGet);
  const std::string first = handler_->last_id;
  exchange(kGet);
  EXPECT_EQ(first.size(), 16U);
  EXPECT_TRUE(from_hex(first));
  EXPECT_NE(first, handler_->last_id);
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  begin();
  std::string bytes;
  for (int i = 0; i < 50; ++i) {
    const std::string body = "body " + std::to_string(i);
    bytes += i % 2 == 0
                 ? put("/echo", "Content-Length: " + std::to_string(body.size()) + "\r\n", body)
                 : "GET /n" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  const std::string answer = exchange(bytes);
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200 OK"), 50U);
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string mark = i % 2 == 0 ? "body " + std::to_string(i) : "/n" + std::to_string(i);
    at = answer.find(mark, at);
    ASSERT_NE(at, std::string::npos) << mark;
  }
}

TEST_F(HttpServer, ReadsTheSameRequestHoweverItIsSplit) {
  begin();
  const std::string bytes = put("/echo", "Content-Length: 11\r\n", "hello world") +
                            chunked("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nx-sum: abc\r\n\r\n") +
                            "\r\nGET http://h/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const auto without_dates = [](std::string text) {
    for (auto at = text.find("Date: "); at != std::string::npos; at = text.find("Date: ", at)) {
      text.erase(at, text.find('\n', at) - at + 1);
    }
    return text;
  };
  const std::string whole = without_dates(exchange(bytes));
  EXPECT_EQ(count_of(whole, "hello world"), 2U) << whole;
  EXPECT_EQ(count_of(whole, "Trailer-x-sum: abc"), 1U) << whole;
  for (std::size_t i = 0; i <= bytes.size(); ++i) {
    memory_.net().arrival = {SIZE_MAX, i};
    ASSERT_EQ(without_dates(exchange(bytes)), whole) << "split at " << i;
  }
  for (std::size_t step = 1; step < 40; ++step) {
    memory_.net().arrival = {step, UINT64_MAX};
    ASSERT_EQ(without_dates(exchange(bytes)), whole) << "pieces of " << step;
  }
}

TEST_F(HttpServer, RefusesHostileBytesWithTheRightStatus) {
  begin();
  struct Case {
    std::string bytes;
    int status;
  };
  const std::string host = "Host: a\r\n";
  for (const auto& [bytes, status] : std::vector<Case>{
           {"\x16\x03\x01\x02", 400},
           {"{\"json\":1}\r\n\r\n", 400},
           {"SSH-2.0-x\r\n\r\n", 400},
           {"GET / HTTP/1.1\n" + host + "\n", 400},
           {"GET / HTTP/1.1\r\n\n", 400},
           {"GET / HTTP/1.1\r\n" + host + "A: 1\r\n b\r\n\r\n", 400},
           {"GET / HTTP/3.0\r\n" + host + "\r\n", 505},
           {put("/echo", "Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), 400},
           {put("/echo", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
           {put("/echo", "Transfer-Encoding: gzip\r\n", ""), 501},
           {chunked("x\r\n"), 400},
           {chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
           {chunked("5\nhello\n0\n\n"), 400},
           {chunked("5\r\nhelloX\r\n0\r\n\r\n"), 400},
           {chunked("5\r\nhello0\r\n\r\n"), 400},
           {chunked("-1\r\n"), 400},
           {chunked("fffffffffffffffff\r\n"), 400},
           {chunked(std::string(2000, '0') + "\r\n"), 400},
           {chunked("1;" + std::string(2000, 'x') + "\r\n"), 400},
           {chunked("0\r\nContent-Length: 5\r\n\r\n"), 400},
           {chunked("0\r\nbad\r\n\r\n"), 400},
           {chunked("0\r\na: " + std::string(20'000, 'b') + "\r\n\r\n"), 400},
           {chunked("5\r\nhel"), 400},
           {put("/echo", "Content-Length: 5\r\n", "hel"), 400}}) {
    const std::string answer = exchange(bytes);
    EXPECT_EQ(status_of(answer), status) << bytes.substr(0, 200) << "\n-> " << answer;
    EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1U) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
  }
}

TEST_F(HttpServer, NeverServesWhatFollowsAMalformedBody) {
  begin();
  const std::string answer =
      exchange(chunked("zz\r\n\r\n") + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of(answer), 400);
  EXPECT_EQ(handler_->requests, 1);
  EXPECT_EQ(answer.find("smuggled"), std::string::npos);
}

TEST_F(HttpServer, RefusesLargeHeads) {
  ServerOptions options;
  options.max_head_bytes = 4096;
  begin(options);
  EXPECT_EQ(status_of(exchange_open("GET / HTTP/1.1\r\nA: " + std::string(5000, 'b'))), 431);
  EXPECT_EQ(status_of(exchange_open("GET /" + std::string(5000, 'b'))), 431);
  const std::string fits = "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(3000, 'b') + "\r\n\r\n";
  EXPECT_EQ(status_of(exchange(fits)), 200);
}

TEST_F(HttpServer, EndsSlowHeadsAndQuietConnections) {
  ServerOptions options;
  options.head_timeout = 30ms;
  options.idle_timeout = 30ms;
  begin(options);
  EXPECT_EQ(status_of(exchange_open("GET / HT")), 408);
  EXPECT_EQ(exchange_open(""), "");
  const std::string answer = exchange_open(kGet);
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1U);
}

TEST_F(HttpServer, EndsSlowBodies) {
  ServerOptions options;
  options.body_timeout = 30ms;
  begin(options);
  const std::string answer = exchange_open(put("/echo", "Content-Length: 5\r\n", "abc"));
  EXPECT_EQ(status_of(answer), 503);
  EXPECT_TRUE(answer.ends_with("deadline_exceeded")) << answer;
}

TEST_F(HttpServer, EndsBodiesThatTrickle) {
  ServerOptions options;
  options.body_timeout = 100ms;
  options.min_body_bytes_per_s = 1'000'000;
  begin(options);
  block_on(real_, [](Runtime& runtime, Server& server, ProbeHandler& handler) -> Task<void> {
    auto stream = co_await runtime.net().connect(server.address(), kPatience);
    const std::string head = put("/echo", "Content-Length: 100000\r\n", "");
    EXPECT_TRUE(co_await (*stream)->write(as_bytes(head), kPatience));
    while (handler.requests == 0) EXPECT_TRUE(co_await runtime.sleep(1ms));
    // Never silent for long, and never done.
    Result<void> sent;
    const MonotonicTime begun = runtime.now();
    while (sent && server.connections() > 0 && runtime.now() - begun < kPatience) {
      sent = co_await (*stream)->write(as_bytes("x"), kPatience);
      EXPECT_TRUE(co_await runtime.sleep(5ms));
    }
    EXPECT_EQ(server.connections(), 0U);
    EXPECT_EQ(status_of(co_await read_to_end(**stream)), 503);
  }(memory_, *server_, *handler_));
}

TEST_F(HttpServer, EndsReadersThatDoNotRead) {
  ServerOptions options;
  options.write_timeout = 30ms;
  begin(options);
  block_on(real_, [](ServerFixture&, Runtime& runtime, Server& server) -> Task<void> {
    auto stream = co_await runtime.net().connect(server.address(), kPatience);
    const std::string body(4 << 20, 'x');
    const std::string head =
        put("/echo", "Content-Length: " + std::to_string(body.size()) + "\r\n", "");
    EXPECT_TRUE(co_await (*stream)->write(as_bytes(head + body), kPatience));
    while (server.connections() > 0) EXPECT_TRUE(co_await runtime.sleep(5ms));
  }(*this, memory_, *server_));
}

TEST_F(HttpServer, RefusesConnectionsOverTheLimit) {
  ServerOptions options;
  options.max_connections = 2;
  begin(options);
  block_on(real_, [](Runtime& runtime, Server& server, ProbeHandler& handler) -> Task<void> {
    auto first = co_await runtime.net().connect(server.address(), kPatience);
    auto second = co_await runtime.net().connect(server.address(), kPatience);
    const std::string busy = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_TRUE(co_await (*first)->write(as_bytes(busy), kPatience));
    EXPECT_TRUE(co_await (*second)->write(as_bytes(busy), kPatience));
    while (handler.gate.waiting() < 2) EXPECT_TRUE(co_await runtime.sleep(1ms));
    const std::string refused = co_await exchange_on(runtime, server.address(), kGet, false);
    EXPECT_EQ(status_of(refused), 503) << refused;
    EXPECT_EQ(server.connections(), 2U);
    handler.gate.wake_all();
    first->reset();
    while (server.connections() > 1) EXPECT_TRUE(co_await runtime.sleep(1ms));
    EXPECT_EQ(status_of(co_await exchange_on(runtime, server.address(), kGet, true)), 200);
  }(memory_, *server_, *handler_));
}

TEST_F(HttpServer, ClosesWhatWaitsLongestForARequestToMakeRoom) {
  ServerOptions options;
  options.max_connections = 3;
  begin(options);
  block_on(real_, [](Runtime& runtime, Server& server, ProbeHandler& handler) -> Task<void> {
    auto busy = co_await runtime.net().connect(server.address(), kPatience);
    const std::string request = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_TRUE(co_await (*busy)->write(as_bytes(request), kPatience));
    while (handler.gate.empty()) EXPECT_TRUE(co_await runtime.sleep(1ms));
    auto slow = co_await runtime.net().connect(server.address(), kPatience);
    while (server.connections() < 2) EXPECT_TRUE(co_await runtime.sleep(1ms));
    auto idle = co_await runtime.net().connect(server.address(), kPatience);
    while (server.connections() < 3) EXPECT_TRUE(co_await runtime.sleep(1ms));
    // A head that trickles in waits since it began, whatever came meanwhile.
    EXPECT_TRUE(co_await (*slow)->write(as_bytes("GET / HTT"), kPatience));
    EXPECT_EQ(status_of(co_await exchange_on(runtime, server.address(), kGet, true)), 200);
    EXPECT_TRUE(co_await is_closed(**slow));
    EXPECT_FALSE(co_await is_closed(**idle));
    EXPECT_FALSE(co_await is_closed(**busy));
    handler.gate.wake_all();
    EXPECT_TRUE((co_await (*idle)->write(as_bytes(kGet), kPatience)));
    Bytes buffer(1000);
    EXPECT_GT((co_await (*idle)->read_some(buffer, kPatience)).value_or(0), 0U);
  }(memory_, *server_, *handler_));
}

TEST_F(HttpServer, ServesSomebodyAmongManyMoreIdleConnectionsThanItTakes) {
  ServerOptions options;
  options.max_connections = 20;
  begin(options);
  block_on(real_, [](Runtime& runtime, Server& server) -> Task<void> {
    std::vector<std::unique_ptr<Stream>> idle;
    for (int i = 0; i < 300; ++i) {
      auto stream = co_await runtime.net().connect(server.address(), kPatience);
      EXPECT_TRUE(stream);
      if (stream) idle.push_back(std::move(*stream));
      if (i % 50 != 0) continue;
      EXPECT_EQ(status_of(co_await exchange_on(runtime, server.address(), kGet, true)), 200);
    }
    EXPECT_LE(server.connections(), 20U);
  }(memory_, *server_));
}

TEST_F(HttpServer, SendsNoBodyWhereNoneBelongs) {
  begin();
  const std::string head = exchange("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 9\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  const std::string none = exchange("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  EXPECT_EQ(count_of(none, "Content-Length"), 1U) << none;
  EXPECT_EQ(count_of(none, "HTTP/1.1 200"), 1U) << none;
  const std::string same = exchange("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  EXPECT_EQ(same.find("GET /304"), std::string::npos);
  const std::string streamed = exchange("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  EXPECT_EQ(count_of(streamed, "HTTP/1.1 200"), 2U) << streamed;
  EXPECT_EQ(streamed.find("0\r\n\r\n"), std::string::npos);
}

TEST_F(HttpServer, SpeaksHttp10) {
  begin();
  const std::string closed = exchange_open("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(closed.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_NE(closed.find("Connection: close\r\n"), std::string::npos);
  const std::string kept =
      exchange("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /y HTTP/1.0\r\n\r\n");
  EXPECT_EQ(count_of(kept, "HTTP/1.0 200"), 2U);
  EXPECT_NE(kept.find("Connection: keep-alive\r\n"), std::string::npos);
  const std::string streamed =
      exchange_open("PUT /stream HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(streamed.find("Transfer-Encoding"), std::string::npos);
  EXPECT_TRUE(streamed.ends_with("\r\n\r\nabc"));
}

TEST_F(HttpServer, ClosesWhenAsked) {
  begin();
  const std::string bytes = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + kGet;
  EXPECT_EQ(count_of(exchange_open(bytes), "HTTP/1.1 200"), 1U);
}

TEST_F(HttpServer, TurnsBrokenHandlersInto500) {
  begin();
  for (const std::string target : {"/throw", "/silent", "/split"}) {
    const std::string answer =
        exchange_open("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
    EXPECT_EQ(status_of(answer), 500) << target;
    EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos);
    EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1U) << target;
  }
}

TEST_F(HttpServer, EndsTheConnectionAfterAnIncompleteAnswer) {
  begin();
  const std::string cut = exchange_open("GET /short HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  EXPECT_TRUE(cut.ends_with("\r\n\r\n12345")) << cut;
  EXPECT_EQ(exchange_open("GET /long HTTP/1.1\r\nHost: a\r\n\r\n").find("12345"),
            std::string::npos);
}

TEST_F(HttpServer, DrainsASmallUnreadBodyOnly) {
  begin();
  const std::string small = exchange(put("/x", "Content-Length: 9\r\n", "GET /evil") + kGet);
  EXPECT_EQ(count_of(small, "HTTP/1.1 200"), 2U);
  EXPECT_EQ(handler_->requests, 2);
  const std::string body(200'000, 'z');
  const std::string large = exchange(put("/x", "Content-Length: 200000\r\n", body) + kGet);
  EXPECT_EQ(count_of(large, "HTTP/1.1 200"), 1U);
  EXPECT_NE(large.find("Connection: close"), std::string::npos);
}

TEST_F(HttpServer, SendsContinueWhenTheBodyIsFirstRead) {
  begin();
  block_on(real_, [](Runtime& runtime, Server& server) -> Task<void> {
    auto stream = co_await runtime.net().connect(server.address(), kPatience);
    const std::string head = put("/echo", "Content-Length: 3\r\nExpect: 100-continue\r\n", "");
    EXPECT_TRUE(co_await (*stream)->write(as_bytes(head), kPatience));
    Bytes buffer(1000);
    const auto count = co_await (*stream)->read_some(buffer, kPatience);
    EXPECT_EQ(as_text(ByteView(buffer).first(*count)), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_TRUE(co_await (*stream)->write(as_bytes("abc"), kPatience));
    (*stream)->shutdown();
    const std::string answer = co_await read_to_end(**stream);
    EXPECT_EQ(status_of(answer), 200);
    EXPECT_TRUE(answer.ends_with("abc"));
  }(memory_, *server_));
}

TEST_F(HttpServer, SendsContinueForAnEmptyBodyThatAsksForIt) {
  begin();
  const std::string request = put("/echo", "Content-Length: 0\r\nExpect: 100-continue\r\n", "");
  const std::string answers = exchange(request + request);
  EXPECT_EQ(count_of(answers, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), 2U) << answers;
}

TEST_F(HttpServer, SendsNoContinueForABodyNobodyReads) {
  begin();
  const std::string answer =
      exchange_open(put("/x", "Content-Length: 3\r\nExpect: 100-continue\r\n", ""));
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1U);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(HttpServer, StreamsBodiesBothWaysAtOnce) {
  begin();
  const std::string body(1'000'000, 'q');
  const std::string answer =
      exchange(put("/stream", "Content-Length: 1000000\r\nConnection: close\r\n", body));
  EXPECT_NE(answer.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(count_of(answer, "\r\n186a0\r\n"), 10U);  // 100,000 bytes a chunk
  EXPECT_TRUE(answer.ends_with("\r\n0\r\n\r\n"));
}

TEST_F(HttpServer, LetsRunningRequestsEndBeforeItStops) {
  begin();
  block_on(real_, [](Runtime& runtime, Server& server, ProbeHandler& handler) -> Task<void> {
    auto idle = co_await runtime.net().connect(server.address(), kPatience);
    auto busy = co_await runtime.net().connect(server.address(), kPatience);
    const std::string request = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_TRUE(co_await (*busy)->write(as_bytes(request), kPatience));
    while (handler.gate.empty()) EXPECT_TRUE(co_await runtime.sleep(1ms));
    TaskGroup group(runtime, "stopper");
    group.spawn(server.stop(kPatience));
    EXPECT_EQ(co_await read_to_end(**idle), "");
    while (server.connections() > 1) EXPECT_TRUE(co_await runtime.sleep(1ms));
    handler.gate.wake_all();
    EXPECT_TRUE((co_await read_to_end(**busy)).ends_with("waited"));
    busy->reset();
    co_await group.join();
    EXPECT_EQ(server.connections(), 0U);
    EXPECT_FALSE(co_await runtime.net().connect(server.address(), kPatience));
  }(memory_, *server_, *handler_));
}

TEST_F(HttpServer, CutsOffWhatOutlastsTheGrace) {
  begin();
  block_on(real_, [](Runtime& runtime, Server& server, ProbeHandler& handler) -> Task<void> {
    auto busy = co_await runtime.net().connect(server.address(), kPatience);
    const std::string request = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_TRUE(co_await (*busy)->write(as_bytes(request), kPatience));
    while (handler.gate.empty()) EXPECT_TRUE(co_await runtime.sleep(1ms));
    co_await server.stop(10ms);
    EXPECT_EQ(server.connections(), 0U);
  }(memory_, *server_, *handler_));
}

TEST_F(HttpServer, MayEndWithItsRuntime) {
  begin();
  std::unique_ptr<Stream> stream;
  block_on(real_,
           [](Runtime& runtime, Server& server, ProbeHandler& handler,
              std::unique_ptr<Stream>& kept) -> Task<void> {
             kept = std::move(*(co_await runtime.net().connect(server.address(), kPatience)));
             const std::string request = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
             EXPECT_TRUE(co_await kept->write(as_bytes(request), kPatience));
             while (handler.gate.empty()) EXPECT_TRUE(co_await runtime.sleep(1ms));
           }(memory_, *server_, *handler_, stream));
  real_.stop();
  stream.reset();
  server_.reset();
  handler_.reset();
}

TEST_F(HttpServer, RefusesATakenAddress) {
  begin();
  const auto second = Server::start(memory_, server_->address(), *handler_, {});
  EXPECT_EQ(second.error().code(), Errc::address_in_use);
}

}  // namespace
}  // namespace stratos::http
