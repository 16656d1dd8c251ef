// A Service over an ObjectClient in memory, asked with requests that are really signed.
#pragma once
#include <gtest/gtest.h>

#include "base/log.hpp"
#include "gateway/s3/fake_object_client.hpp"
#include "gateway/s3/s3_error.hpp"
#include "gateway/s3/s3_service.hpp"
#include "gateway/s3/sigv4.hpp"
#include "gateway/s3/xml_reader.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::gateway::s3 {

// A body in pieces; keeps count of what was read of it.
class SentBody final : public http::BodyReader {
 public:
  SentBody(std::string data, std::size_t piece) : data_(std::move(data)), piece_(piece) {}
  Task<Result<Buffer>> read(std::size_t max_bytes) override {
    if (taken >= fail_after) co_return fail(failure);
    const std::string_view part =
        std::string_view(data_).substr(taken, std::min(max_bytes, piece_));
    taken += part.size();
    co_return Buffer::copy_of(as_bytes(part));
  }
  std::optional<std::uint64_t> length() const override {
    return has_length ? std::optional<std::uint64_t>(data_.size()) : std::nullopt;
  }

  std::size_t taken = 0;
  std::size_t fail_after = SIZE_MAX;
  Errc failure = Errc::body_incomplete;
  bool has_length = true;

 private:
  std::string data_;
  std::size_t piece_;
};

// What was answered. `error` is the code of an error document.
struct Answer {
  int status = 0;
  http::Headers headers;
  std::string body;
  bool complete = false;
  std::optional<std::uint64_t> promised;  // Content-Length

  std::string header(std::string_view name) const {
    return std::string(headers.get(name).value_or("(none)"));
  }
  bool has(std::string_view name) const { return headers.has(name); }
  // The text at "A/B" below the document element; "(none)" without such an element.
  std::string at(std::string_view path) const {
    const auto found = all(path);
    return found.empty() ? "(none)" : found.front();
  }
  // Every one of them, in order.
  std::vector<std::string> all(std::string_view path) const {
    std::vector<std::string> texts;
    const auto document = XmlDocument::parse(as_bytes(body), XmlLimits{});
    if (document) collect(document->root(), path, texts);
    return texts;
  }
  std::string error() const { return at("Code"); }

 private:
  static void collect(XmlElement parent, std::string_view path, std::vector<std::string>& texts) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    for (XmlElement e = parent.first_child(); e.exists(); e = e.next_sibling()) {
      if (e.name() != path.substr(0, slash)) continue;
      if (slash == path.size()) {
        texts.push_back(e.text());
      } else {
        collect(e, path.substr(slash + 1), texts);
      }
    }
  }
};

class TestResponse final : public http::ResponseWriter {
 public:
  explicit TestResponse(Answer& answer) : answer_(answer) {}
  Task<Result<void>> send_head(int status, http::Headers headers,
                               std::optional<std::uint64_t> length) override {
    EXPECT_FALSE(sent_) << "a second head";
    for (const auto& [name, value] : headers.items()) {
      if (value.find_first_of("\r\n") != value.npos) co_return fail(Errc::invalid_argument);
    }
    sent_ = true;
    answer_.status = status;
    answer_.headers = std::move(headers);
    answer_.promised = length;
    co_return Result<void>{};
  }
  Task<Result<void>> write(Buffer data) override {
    answer_.body += as_text(data.view());
    co_return Result<void>{};
  }
  Task<Result<void>> finish() override {
    answer_.complete = true;
    co_return Result<void>{};
  }
  Task<Result<void>> send(int status, http::Headers headers, Buffer body) override {
    STRATOS_CO_CHECK(co_await send_head(status, std::move(headers), body.size()));
    answer_.body = as_text(body.view());
    answer_.complete = true;
    co_return Result<void>{};
  }
  bool head_sent() const override { return sent_; }

 private:
  Answer& answer_;
  bool sent_ = false;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// One request; what is not said is as an SDK would have it.
struct Ask {
  std::string method = "GET";
  std::string target = "/";
  HeaderList headers;
  std::string body;
  std::string sha256;  // of x-amz-content-sha256; empty: the body's
  int user = 0;
  bool sign = true;
  std::string host = "localhost:9000";
  std::size_t piece = 50'000;
};

class ServiceFixture : public ::testing::Test {
 protected:
  ServiceFixture() : service_(std::make_unique<Service>(runtime_, objects_, metrics_, options())) {
    log::set_sink([this](std::string_view line) { log_ += line; });
    for (int user = 0; user < 2; ++user) {
      objects_.add_key(credentials(user).access_key_id, account(user), credentials(user).secret);
      objects_.account_names[account(user)] = "user" + std::to_string(user);
    }
  }
  ~ServiceFixture() override {
    block_on(runtime_, drop_service());
    runtime_.stop();
    log::set_sink({});
    for (int user = 0; user < 2; ++user) {
      EXPECT_EQ(log_.find(credentials(user).secret), log_.npos) << "a secret in the log";
    }
  }

  static ServiceOptions options() {
    ServiceOptions options;
    options.base_domains = {"s3.localhost"};
    options.max_body_bytes = 20 << 20;
    return options;
  }
  static AccountId account(int user) {
    AccountId id;
    id.value[19] = static_cast<std::uint8_t>(user + 1);
    return id;
  }
  static Credentials credentials(int user) {
    return {"AKIATEST" + std::to_string(user), "very/secret+" + std::to_string(user), "us-east-1"};
  }
  static std::string hex_sha256(std::string_view text) {
    return to_hex(crypto::sha256(as_bytes(text)));
  }
  void restart(ServiceOptions options) {
    block_on(runtime_, drop_service());
    service_ = std::make_unique<Service>(runtime_, objects_, metrics_, std::move(options));
  }

  // Signs the request as the ask says; gives what goes on with the chunks of a signed stream.
  std::optional<ChunkSigner> prepare(const Ask& ask, http::Request& request) {
    request.method = ask.method;
    request.target = ask.target;
    request.request_id = "0123456789abcdef";
    request.remote = "127.0.0.1:1";
    request.headers.add("Host", ask.host);
    for (const auto& [name, value] : ask.headers) request.headers.add(name, value);
    if (!ask.sign) return std::nullopt;
    const std::string sha256 = ask.sha256.empty() ? hex_sha256(ask.body) : ask.sha256;
    auto signer = sign_request(ask.method, ask.target, request.headers, sha256,
                               credentials(ask.user), runtime_.wall_now());
    EXPECT_TRUE(signer);
    return std::move(*signer);
  }
  Answer ask(const Ask& ask) {
    http::Request request;
    prepare(ask, request);
    SentBody body(ask.body, ask.piece);
    return exchange(request, body);
  }
  Answer ask(std::string method, std::string target, HeaderList headers = {},
             std::string body = {}) {
    Ask wanted;
    wanted.method = std::move(method);
    wanted.target = std::move(target);
    wanted.headers = std::move(headers);
    wanted.body = std::move(body);
    return ask(wanted);
  }
  Answer exchange(http::Request& request, SentBody& body) {
    Answer answer;
    request.body = &body;
    block_on(runtime_, serve(request, answer));
    EXPECT_TRUE(answer.status == 0 || answer.header("x-amz-request-id") == request.request_id);
    if (answer.complete && answer.promised && request.method != "HEAD") {
      EXPECT_EQ(answer.body.size(), *answer.promised);
    }
    return answer;
  }
  // The bucket "box" of user 0 with an object of these bytes.
  Answer put(std::string key, std::string body, HeaderList headers = {}) {
    return ask("PUT", "/box/" + key, std::move(headers), std::move(body));
  }
  void make_box() { ASSERT_EQ(ask("PUT", "/box").status, 200); }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "s3_test"};
  FakeObjectClient objects_;
  metrics::Registry metrics_;
  std::unique_ptr<Service> service_;
  std::string log_;

 private:
  Task<void> serve(http::Request& request, Answer& answer) {
    TestResponse response(answer);
    co_await service_->handle(request, response);
  }
  Task<void> drop_service() {
    service_.reset();
    co_return;
  }
};

// Bytes without a pattern that chunk borders could hide in.
inline std::string noise(std::size_t size, std::uint64_t seed = 1) {
  std::string text(size, '\0');
  SeededRandom random(seed);
  random.fill({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

}  // namespace stratos::gateway::s3
