#include "net/testing/certificates.hpp"
#include "net/testing/http_fixture.hpp"

namespace stratos::http {
namespace {

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  SeededRandom random(size);
  random.fill(bytes);
  return bytes;
}

// A body in pieces of growing size, with trailers at its end.
class PiecewiseBody final : public BodyReader {
 public:
  explicit PiecewiseBody(Bytes data) : data_(std::move(data)) {}
  Task<Result<Buffer>> read(std::size_t max_bytes) override {
    const std::size_t size = std::min({max_bytes, step_, data_.size() - sent_});
    Buffer part = Buffer::copy_of(ByteView(data_).subspan(sent_, size));
    sent_ += size;
    step_ = step_ * 3 + 1;
    co_return part;
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }
  const Headers& trailers() const override { return trailers_; }
  void add_trailer(std::string name, std::string value) {
    trailers_.add(std::move(name), std::move(value));
  }

 private:
  Bytes data_;
  Headers trailers_;
  std::size_t sent_ = 0;
  std::size_t step_ = 1;
};

struct Answer {
  int status = 0;
  Headers headers;
  std::string body;
};

class HttpClient : public ServerFixture {
 protected:
  static Task<Result<Answer>> fetch(Client& client, std::string method, std::string target,
                                    Headers headers = {}, BodyReader* body = nullptr,
                                    std::optional<std::uint64_t> length = std::nullopt) {
    STRATOS_CO_TRY(ClientResponse response,
                   co_await client.send(std::move(method), std::move(target), std::move(headers),
                                        body, length, kPatience));
    STRATOS_CO_TRY(const Bytes bytes, co_await read_all(*response.body, 64 << 20));
    Answer answer;
    answer.status = response.status;
    answer.headers = std::move(response.headers);
    answer.body = as_text(bytes);
    co_return answer;
  }
  Result<Answer> fetch_now(Client& client, std::string method, std::string target,
                           Headers headers = {}, BodyReader* body = nullptr,
                           std::optional<std::uint64_t> length = std::nullopt) {
    return block_on(real_, fetch(client, std::move(method), std::move(target), std::move(headers),
                                 body, length));
  }
  // Clients hold streams, which end on the executor.
  void drop(std::unique_ptr<Client>& client) {
    block_on(real_, [](std::unique_ptr<Client>& c) -> Task<void> {
      c.reset();
      co_return;
    }(client));
  }
  // Accepts once, sends `bytes` whatever is asked, ends.
  static Task<void> serve_bytes(Listener& listener, std::string bytes) {
    auto stream = co_await listener.accept();
    Bytes buffer(4096);
    [[maybe_unused]] const auto count = co_await (*stream)->read_some(buffer, kPatience);
    [[maybe_unused]] const auto sent = co_await (*stream)->write(as_bytes(bytes), kPatience);
    (*stream)->shutdown();
    while ((co_await (*stream)->read_some(buffer, kPatience)).value_or(0) > 0) {
    }
  }
  static Task<Result<Answer>> foreign(Runtime& runtime, std::string bytes) {
    const auto listener = runtime.net().listen("127.0.0.1:0");
    TaskGroup group(runtime, "foreign");
    group.spawn(serve_bytes(**listener, std::move(bytes)));
    auto client = std::make_unique<Client>(runtime, (*listener)->address());
    Result<Answer> answer = co_await fetch(*client, "GET", "/");
    client.reset();
    co_await group.join();
    co_return answer;
  }
};

TEST_F(HttpClient, SendsAndReceivesSizedAndChunkedBodiesOverTcp) {
  begin(real_, {});
  auto client = std::make_unique<Client>(real_, server_->address());
  for (const std::size_t size : {0UL, 1UL, 5'000UL, 3'000'000UL}) {
    const Bytes data = pattern(size);
    for (const std::string target : {"/echo", "/stream"}) {
      const auto sized = make_buffer_body(Buffer::copy_of(data));
      const auto first = fetch_now(*client, "PUT", target, {}, sized.get(), size);
      ASSERT_TRUE(first) << first.error().to_string();
      EXPECT_TRUE(first->body == as_text(data)) << target << " " << size;
      PiecewiseBody chunks(data);
      const auto second = fetch_now(*client, "PUT", target, {}, &chunks);
      ASSERT_TRUE(second) << second.error().to_string();
      EXPECT_TRUE(second->body == as_text(data)) << target << " " << size;
    }
  }
  EXPECT_EQ(server_->connections(), 1U);
  drop(client);
}

TEST_F(HttpClient, SendsTrailers) {
  begin();
  auto client = std::make_unique<Client>(memory_, server_->address());
  PiecewiseBody body(pattern(100));
  body.add_trailer("x-checksum", "abc=");
  const auto answer = fetch_now(*client, "PUT", "/echo", {}, &body);
  EXPECT_EQ(answer->headers.get("trailer-x-checksum"), "abc=");
  drop(client);
}

TEST_F(HttpClient, WaitsForContinueAndTakesEarlyAnswers) {
  begin();
  auto client = std::make_unique<Client>(memory_, server_->address());
  Headers headers;
  headers.add("Expect", "100-continue");
  const Bytes data = pattern(10'000);
  const auto body = make_buffer_body(Buffer::copy_of(data));
  const auto echoed = fetch_now(*client, "PUT", "/echo", headers, body.get(), data.size());
  EXPECT_EQ(echoed->body, as_text(data));
  const auto unread = make_buffer_body(Buffer::copy_of(data));
  const auto early = fetch_now(*client, "PUT", "/x", headers, unread.get(), data.size());
  EXPECT_EQ(early->status, 200);
  EXPECT_EQ(block_on(real_, unread->read(1 << 20))->size(), data.size());
  drop(client);
}

TEST_F(HttpClient, HandlesAnswersWithoutBody) {
  begin();
  auto client = std::make_unique<Client>(memory_, server_->address());
  const auto head = fetch_now(*client, "HEAD", "/some");
  EXPECT_EQ(head->headers.get("content-length"),
            std::to_string(("HEAD /some " + server_->address()).size()));
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(fetch_now(*client, "GET", "/204")->status, 204);
  EXPECT_EQ(fetch_now(*client, "GET", "/304")->status, 304);
  EXPECT_EQ(server_->connections(), 1U);
  drop(client);
}

TEST_F(HttpClient, ConnectsAgainWhenTheKeptConnectionIsDead) {
  ServerOptions options;
  options.idle_timeout = 5ms;
  begin(options);
  auto client = std::make_unique<Client>(memory_, server_->address());
  EXPECT_EQ(fetch_now(*client, "GET", "/x")->status, 200);
  block_on(real_, [](Runtime& runtime, Server& server) -> Task<void> {
    while (server.connections() > 0) EXPECT_TRUE(co_await runtime.sleep(1ms));
  }(memory_, *server_));
  EXPECT_EQ(fetch_now(*client, "GET", "/x")->status, 200);
  EXPECT_EQ(handler_->requests, 2);
  drop(client);
}

TEST_F(HttpClient, DropsAConnectionWithAnUnreadBody) {
  begin();
  auto client = std::make_unique<Client>(memory_, server_->address());
  block_on(real_, [](Client& c) -> Task<void> {
    const auto response =
        co_await c.send("GET", "/unread", Headers(), nullptr, std::nullopt, kPatience);
    EXPECT_EQ(response->status, 200);
  }(*client));
  EXPECT_EQ(fetch_now(*client, "GET", "/x")->body, "GET /x " + server_->address());
  drop(client);
}

TEST_F(HttpClient, ReportsTimeoutsRefusalsAndBadArguments) {
  begin();
  auto client = std::make_unique<Client>(memory_, server_->address());
  auto nobody = std::make_unique<Client>(memory_, "127.0.0.1:1");
  const auto late = block_on(real_, client->send("GET", "/wait", {}, nullptr, {}, 20ms));
  EXPECT_EQ(late.error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(fetch_now(*nobody, "GET", "/").error().code(), Errc::connection_refused);
  EXPECT_EQ(fetch_now(*client, "G T", "/").error().code(), Errc::invalid_argument);
  EXPECT_EQ(fetch_now(*client, "GET", "/a b").error().code(), Errc::invalid_argument);
  Headers split;
  split.add("A", "1\r\nB: 2");
  EXPECT_EQ(fetch_now(*client, "GET", "/", split).error().code(), Errc::invalid_argument);
  const auto body = make_buffer_body(Buffer::copy_of(pattern(3)));
  EXPECT_EQ(fetch_now(*client, "PUT", "/echo", {}, body.get(), 4).error().code(),
            Errc::body_incomplete);
  EXPECT_EQ(fetch_now(*client, "GET", "/x")->status, 200);
  drop(client);
  drop(nobody);
}

TEST_F(HttpClient, UnderstandsForeignServers) {
  begin();
  struct Case {
    std::string bytes;
    std::optional<Errc> error;
    std::string body;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const auto& [bytes, error, body] : std::vector<Case>{
           {ok + "\r\nuntil the end", std::nullopt, "until the end"},
           {"HTTP/1.0 200\r\nContent-Length: 2\r\n\r\nabc", std::nullopt, "ab"},
           {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" + ok +
                "Content-Length: 1\r\n\r\nx",
            std::nullopt, "x"},
           {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", std::nullopt, "a"},
           {ok + "Content-Length: 5\r\n\r\nab", Errc::body_incomplete, ""},
           {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nab", Errc::body_incomplete, ""},
           {ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", Errc::malformed_message, ""},
           {"", Errc::connection_lost, ""},
           {"HTTP/1.1 200", Errc::connection_lost, ""},
           {"garbage\r\n\r\n", Errc::malformed_message, ""},
           {ok + "A: " + std::string(300'000, 'x'), Errc::too_large, ""}}) {
    const auto result = block_on(real_, foreign(memory_, bytes));
    EXPECT_EQ(result ? std::nullopt : std::optional(result.error().code()), error)
        << bytes.substr(0, 80);
    if (result) EXPECT_EQ(result->body, body);
  }
}

// Zeros, as many as are asked for; counts its reads.
class EndlessBody final : public BodyReader {
 public:
  Task<Result<Buffer>> read(std::size_t max_bytes) override {
    ++reads;
    if (buffer_.size() != max_bytes) buffer_ = Buffer::zeroed(max_bytes);
    co_return buffer_;
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }
  int reads = 0;

 private:
  Buffer buffer_;
};

// Some bytes, then nothing until the wait is ended; then an error.
class StuckBody final : public BodyReader {
 public:
  explicit StuckBody(Runtime& runtime) : never(runtime) {}
  Task<Result<Buffer>> read(std::size_t) override {
    if (!begun_) {
      begun_ = true;
      co_return Buffer::zeroed(100);
    }
    const Result<void> woken = co_await never.wait(patience);
    ended_with = woken.error().code();
    co_return fail(Errc::io_error, "the source broke");
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }
  WaitQueue never;
  Duration patience = 1h;
  std::optional<Errc> ended_with;

 private:
  bool begun_ = false;
};

constexpr std::uint64_t kLargeBody = 64 << 20;
constexpr std::string_view kRefusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied";

// A server that answers as soon as it has seen some bytes of the request.
class HastyServer {
 public:
  enum class Then : std::uint8_t { closes, stays_silent, reads_all };

  HastyServer(Runtime& runtime, std::string answer, Then then)
      : gone_(runtime), group_(runtime, "hasty"), answer_(std::move(answer)), then_(then) {
    listener_ = std::move(runtime.net().listen("127.0.0.1:0")).value();
    group_.spawn(serve_all());
  }
  std::string address() const { return listener_->address(); }
  Task<void> stop() {
    listener_->close();
    gone_.close();
    co_await group_.join();
  }
  std::uint64_t received = 0;

 private:
  Task<void> serve_all() {
    while (true) {
      auto stream = co_await listener_->accept();
      if (!stream) co_return;
      group_.spawn(serve(std::move(*stream)));
    }
  }
  Task<void> serve(std::unique_ptr<Stream> stream) {
    Bytes buffer(64 * 1024);
    [[maybe_unused]] const auto count = co_await stream->read_some(buffer, kPatience);
    EXPECT_TRUE((co_await stream->write(as_bytes(answer_), kPatience)));
    if (then_ == Then::stays_silent) {
      [[maybe_unused]] const auto never = co_await gone_.wait(kPatience);
    }
    while (then_ == Then::reads_all) {
      const std::size_t more = (co_await stream->read_some(buffer, kPatience)).value_or(0);
      if (more == 0) break;
      received += more;
    }
    stream->close();
  }

  std::unique_ptr<Listener> listener_;
  WaitQueue gone_;
  TaskGroup group_;
  std::string answer_;
  Then then_;
};

class HttpClientEarlyAnswer : public HttpClient {
 protected:
  static Task<Result<Answer>> put(Runtime& runtime, std::string answer, HastyServer::Then then,
                                  BodyReader& body, std::optional<std::uint64_t> length) {
    HastyServer server(runtime, std::move(answer), then);
    auto client = std::make_unique<Client>(runtime, server.address());
    const MonotonicTime started = runtime.now();
    Result<Answer> result = co_await fetch(*client, "PUT", "/", Headers(), &body, length);
    EXPECT_LT(runtime.now() - started, kPatience / 2);
    client.reset();
    co_await server.stop();
    co_return result;
  }
};

TEST_F(HttpClientEarlyAnswer, OfAServerThatClosesAtOnceIsReadOverTcp) {
  for (int round = 0; round < 30; ++round) {
    EndlessBody body;
    const auto length = round % 2 == 0 ? std::optional(kLargeBody) : std::nullopt;
    const auto answer =
        block_on(real_, put(real_, std::string(kRefusal), HastyServer::Then::closes, body, length));
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->status, 403);
    EXPECT_EQ(answer->body, "denied");
  }
}

TEST_F(HttpClientEarlyAnswer, OfAServerThatReadsNoFurtherEndsTheSending) {
  for (Runtime* runtime : std::initializer_list<Runtime*>{&real_, &memory_}) {
    EndlessBody body;
    const auto answer = block_on(real_, put(*runtime, std::string(kRefusal),
                                            HastyServer::Then::stays_silent, body, kLargeBody));
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->body, "denied");
    EXPECT_LT(body.reads, 100);
  }
}

TEST_F(HttpClientEarlyAnswer, EndsARunningReadOfTheBody) {
  StuckBody body(memory_);
  const auto answer = block_on(
      real_, put(memory_, std::string(kRefusal), HastyServer::Then::closes, body, std::nullopt));
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(body.ended_with, Errc::cancelled);
}

TEST_F(HttpClientEarlyAnswer, OfSuccessDoesNotEndTheSending) {
  const std::string ok = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
  const Bytes data = pattern(3'000'000);
  const auto body = make_buffer_body(Buffer::copy_of(data));
  const auto answer =
      block_on(real_, put(memory_, ok, HastyServer::Then::reads_all, *body, data.size()));
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "ok");
  EXPECT_TRUE(block_on(real_, body->read(1))->empty());
}

TEST_F(HttpClientEarlyAnswer, IsNoneWhenTheBodyItselfFails) {
  begin();
  auto client = std::make_unique<Client>(memory_, server_->address());
  StuckBody body(memory_);
  body.patience = 1ms;
  EXPECT_EQ(fetch_now(*client, "PUT", "/echo", {}, &body).error().code(), Errc::io_error);
  EXPECT_EQ(fetch_now(*client, "GET", "/x")->status, 200);
  drop(client);
}

TEST_F(HttpClientEarlyAnswer, LeavesTheClientUsable) {
  begin(real_, {});
  auto client = std::make_unique<Client>(real_, server_->address());
  for (int round = 0; round < 3; ++round) {
    EndlessBody body;
    // Answered with 500 as soon as the handler is called.
    EXPECT_EQ(fetch_now(*client, "PUT", "/throw", {}, &body, kLargeBody)->status, 500);
    EXPECT_EQ(fetch_now(*client, "GET", "/x")->status, 200);
  }
  drop(client);
}

class HttpsClient : public HttpClient {
 protected:
  ServerOptions secure_options() const {
    ServerOptions options;
    options.tls = TlsFiles{files_.certificate_file(), files_.key_file()};
    return options;
  }
  net::testing::Certificates files_{"IP:127.0.0.1"};
};

TEST_F(HttpsClient, TalksToAProvenServer) {
  begin(real_, secure_options());
  auto client = std::make_unique<Client>(real_, server_->address(), ClientTls{files_.ca_file()});
  const Bytes data = pattern(2'000'000);
  const auto body = make_buffer_body(Buffer::copy_of(data));
  const auto answer = fetch_now(*client, "PUT", "/stream", {}, body.get(), data.size());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_TRUE(answer->body == as_text(data));
  EXPECT_EQ(fetch_now(*client, "GET", "/x")->status, 200);
  EXPECT_EQ(server_->connections(), 1U);
  drop(client);
}

TEST_F(HttpsClient, ReadsAnEarlyAnswer) {
  begin(real_, secure_options());
  auto client = std::make_unique<Client>(real_, server_->address(), ClientTls{files_.ca_file()});
  EndlessBody body;
  const auto answer = fetch_now(*client, "PUT", "/throw", {}, &body, kLargeBody);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->status, 500);
  drop(client);
}

TEST_F(HttpsClient, RefusesServersThatAreNotProven) {
  begin(real_, secure_options());
  const net::testing::Certificates others("IP:127.0.0.1");
  auto stranger = std::make_unique<Client>(real_, server_->address(), ClientTls{others.ca_file()});
  EXPECT_EQ(fetch_now(*stranger, "GET", "/").error().code(), Errc::peer_not_trusted);
  const std::string port = server_->address().substr(server_->address().rfind(':'));
  auto misnamed = std::make_unique<Client>(real_, "localhost" + port, ClientTls{files_.ca_file()});
  EXPECT_EQ(fetch_now(*misnamed, "GET", "/").error().code(), Errc::peer_not_trusted);
  auto fileless = std::make_unique<Client>(real_, server_->address(), ClientTls{"/nowhere"});
  EXPECT_EQ(fetch_now(*fileless, "GET", "/").error().code(), Errc::bad_config);
  auto plain = std::make_unique<Client>(real_, server_->address());
  EXPECT_FALSE(fetch_now(*plain, "GET", "/"));
  for (auto* client : {&stranger, &misnamed, &fileless, &plain}) drop(*client);
}

TEST_F(HttpsClient, NeedsACertificateAndItsKey) {
  ServerOptions options = secure_options();
  options.tls->key_file = files_.ca_file();
  handler_ = std::make_unique<ProbeHandler>(real_);
  EXPECT_EQ(Server::start(memory_, "127.0.0.1:0", *handler_, options).error().code(),
            Errc::bad_config);
  options.tls->certificate_file = "/nowhere";
  EXPECT_EQ(Server::start(memory_, "127.0.0.1:0", *handler_, options).error().code(),
            Errc::bad_config);
}

TEST(ReadAll, StopsAtTheLimit) {
  BlockingPool pool(1);
  RealRuntime runtime(pool, "test");
  PiecewiseBody unsized(pattern(1000));
  EXPECT_EQ(block_on(runtime, read_all(unsized, 999)).error().code(), Errc::too_large);
  const auto sized = make_buffer_body(Buffer::copy_of(pattern(1000)));
  EXPECT_EQ(block_on(runtime, read_all(*sized, 999)).error().code(), Errc::too_large);
  EXPECT_EQ(block_on(runtime, read_all(*sized, 1000))->size(), 1000U);
  runtime.stop();
}

}  // namespace
}  // namespace stratos::http
