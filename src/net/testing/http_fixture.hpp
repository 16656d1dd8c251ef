// A server with a handler that shows its parts, over memory or TCP.
#pragma once
#include <gtest/gtest.h>

#include <stdexcept>

#include "net/http.hpp"
#include "net/testing/memory_net.hpp"
#include "runtime/task_group.hpp"

namespace stratos::http {

constexpr Duration kPatience = 20s;

// Does what the target's path says.
class ProbeHandler final : public Handler {
 public:
  explicit ProbeHandler(Runtime& runtime) : gate(runtime) {}

  Task<void> handle(Request& request, ResponseWriter& response) override {
    ++requests;
    last_id = request.request_id;
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (path == "/echo") return echo(request, response);
    if (path == "/stream") return stream(request, response);
    if (path == "/throw") throw std::runtime_error("thrown before the first suspension");
    if (path == "/short") return too_short(response);
    if (path == "/long") return too_long(response);
    if (path == "/wait") return wait(response);
    if (path == "/split") return split_head(response);
    if (path == "/silent") return silent();
    return plain(request, response);
  }

  WaitQueue gate;
  int requests = 0;
  std::string last_id;

 private:
  static Headers text() {
    Headers headers;
    headers.add("Content-Type", "text/plain");
    return headers;
  }

  // The body back, its trailers as a header.
  static Task<void> echo(Request& request, ResponseWriter& response) {
    Result<Bytes> body = co_await read_all(*request.body, 64 << 20);
    if (!body) {
      const int status = http_status_of(body.error().kind());
      const std::string name(name_of(body.error().code()));
      [[maybe_unused]] const auto sent =
          co_await response.send(status, text(), Buffer::copy_of(as_bytes(name)));
      co_return;
    }
    Headers headers = text();
    for (const auto& [name, value] : request.body->trailers().items()) {
      headers.add("Trailer-" + name, value);
    }
    [[maybe_unused]] const auto sent =
        co_await response.send(200, std::move(headers), Buffer::from(std::move(*body)));
  }

  // The body back while it comes, in chunks.
  static Task<void> stream(Request& request, ResponseWriter& response) {
    [[maybe_unused]] const auto begun = co_await response.send_head(200, text(), std::nullopt);
    while (true) {
      const auto part = co_await request.body->read(100'000);
      if (!part) co_return;
      if (part->empty()) break;
      if (!co_await response.write(*part)) co_return;
    }
    [[maybe_unused]] const auto done = co_await response.finish();
  }

  static Task<void> too_short(ResponseWriter& response) {
    [[maybe_unused]] const auto begun = co_await response.send_head(200, text(), 10);
    [[maybe_unused]] const auto written =
        co_await response.write(Buffer::copy_of(as_bytes("12345")));
    EXPECT_EQ((co_await response.finish()).error().code(), Errc::invalid_argument);
  }
  static Task<void> too_long(ResponseWriter& response) {
    [[maybe_unused]] const auto begun = co_await response.send_head(200, text(), 3);
    const auto written = co_await response.write(Buffer::copy_of(as_bytes("12345")));
    EXPECT_EQ(written.error().code(), Errc::invalid_argument);
  }
  Task<void> wait(ResponseWriter& response) {
    [[maybe_unused]] const auto woken = co_await gate.wait(kPatience);
    [[maybe_unused]] const auto sent =
        co_await response.send(200, text(), Buffer::copy_of(as_bytes("waited")));
  }
  static Task<void> split_head(ResponseWriter& response) {
    Headers headers;
    headers.add("X", "a\r\nSet-Cookie: b");
    const auto sent = co_await response.send(200, std::move(headers), Buffer());
    EXPECT_EQ(sent.error().code(), Errc::invalid_argument);
  }
  static Task<void> silent() { co_return; }

  // "/204" and the like; else method, target, host and remote. Does not read the body.
  static Task<void> plain(const Request& request, ResponseWriter& response) {
    int status = 200;
    if (request.target == "/204" || request.target == "/304") {
      status = std::stoi(request.target.substr(1));
    }
    std::string body = request.method + " " + request.target + " ";
    body += request.headers.get("host").value_or("-");
    [[maybe_unused]] const auto sent =
        co_await response.send(status, text(), Buffer::copy_of(as_bytes(body)));
  }
};

// The server lives on the runtime's executor; begin() and end() frame each test.
class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture() : real_(pool_, "net_test"), memory_(real_) {}
  ~ServerFixture() override {
    if (server_) block_on(real_, end());
    real_.stop();
  }

  void begin(Runtime& runtime, ServerOptions options) {
    const Result<void> started = block_on(real_, start(runtime, std::move(options)));
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void begin(ServerOptions options = {}) { begin(memory_, std::move(options)); }

  Task<Result<void>> start(Runtime& runtime, ServerOptions options) {
    handler_ = std::make_unique<ProbeHandler>(real_);
    STRATOS_CO_TRY(server_, Server::start(runtime, "127.0.0.1:0", *handler_, std::move(options)));
    co_return Result<void>{};
  }
  Task<void> end() {
    if (server_) co_await server_->stop(0s);
    server_.reset();
    handler_.reset();
  }

  // Sends the bytes, ends, and reads until the server has ended.
  std::string exchange(std::string bytes) {
    return block_on(real_, exchange_on(memory_, server_->address(), std::move(bytes), true));
  }
  // The same, but keeps its direction open: the server has to end.
  std::string exchange_open(std::string bytes) {
    return block_on(real_, exchange_on(memory_, server_->address(), std::move(bytes), false));
  }
  static Task<std::string> exchange_on(Runtime& runtime, std::string address, std::string bytes,
                                       bool end) {
    auto stream = co_await runtime.net().connect(std::move(address), kPatience);
    if (!stream) co_return "no connection";
    TaskGroup writing(runtime, "exchange");
    writing.spawn(write_all(**stream, std::move(bytes), end));
    std::string answer = co_await read_to_end(**stream);
    (*stream)->close();
    co_await writing.join();
    co_return answer;
  }
  static Task<void> write_all(Stream& stream, std::string bytes, bool end) {
    [[maybe_unused]] const auto sent = co_await stream.write(as_bytes(bytes), kPatience);
    if (end) stream.shutdown();
  }
  static Task<std::string> read_to_end(Stream& stream) {
    std::string text;
    Bytes buffer(64 * 1024);
    while (true) {
      const auto count = co_await stream.read_some(buffer, kPatience);
      if (!count) co_return text + "[" + std::string(name_of(count.error().code())) + "]";
      if (*count == 0) co_return text;
      text += as_text(ByteView(buffer).first(*count));
    }
  }
  static int status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.") && answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
  }

  BlockingPool pool_{1};
  RealRuntime real_;
  net::testing::MemoryRuntime memory_;
  std::unique_ptr<ProbeHandler> handler_;
  std::unique_ptr<Server> server_;
};

}  // namespace stratos::http
