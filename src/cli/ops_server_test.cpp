#include "cli/ops_server.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/real_runtime.hpp"

namespace stratos::cli {
namespace {

class Kept final : public http::ResponseWriter {
 public:
  Task<Result<void>> send_head(int, http::Headers, std::optional<std::uint64_t>) override {
    co_return fail(Errc::internal);
  }
  Task<Result<void>> write(Buffer) override { co_return fail(Errc::internal); }
  Task<Result<void>> finish() override { co_return fail(Errc::internal); }
  Task<Result<void>> send(int sent, http::Headers given, Buffer data) override {
    status = sent;
    headers = std::move(given);
    body = as_text(data.view());
    co_return Result<void>{};
  }
  bool head_sent() const override { return status != 0; }

  int status = 0;
  http::Headers headers;
  std::string body;
};

class OpsServer : public testing::Test {
 protected:
  ~OpsServer() override { runtime_.stop(); }
  static Task<void> ask(OpsHandler& handler, http::Request& request, Kept& kept) {
    co_await handler.handle(request, kept);
  }
  Kept get(std::string target, std::string method = "GET") {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    Kept kept;
    block_on(runtime_, ask(handler_, request, kept));
    return kept;
  }

  metrics::Registry metrics_;
  OpsHandler::Readiness readiness_;
  OpsHandler handler_{metrics_, [this] { return readiness_; }};
  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "ops"};
};

TEST_F(OpsServer, LivesWhileItAnswers) {
  readiness_.reasons = {"starting"};
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(get("/livez?verbose").status, 200);
  EXPECT_EQ(get("/livez", "HEAD").status, 200);
}

TEST_F(OpsServer, IsReadyWithoutReasonsEvenWithWarnings) {
  readiness_.warnings = {"export the key ring \"r\""};
  Kept ready = get("/readyz");
  EXPECT_EQ(ready.status, 200);
  auto value = nlohmann::json::parse(ready.body);
  EXPECT_EQ(value["ready"], true);
  EXPECT_EQ(value["warnings"][0], "export the key ring \"r\"");
  readiness_.reasons = {"no node"};
  ready = get("/readyz");
  EXPECT_EQ(ready.status, 503);
  value = nlohmann::json::parse(ready.body);
  EXPECT_EQ(value["ready"], false);
  EXPECT_EQ(value["reasons"][0], "no node");
}

TEST_F(OpsServer, ShowsMetrics) {
  metrics_.counter("stratos_x_total").add(3);
  const Kept shown = get("/metrics");
  EXPECT_EQ(shown.body, "# TYPE stratos_x_total counter\nstratos_x_total 3\n");
  EXPECT_EQ(shown.headers.get("content-type"), "text/plain; version=0.0.4");
}

TEST_F(OpsServer, RefusesTheRest) {
  EXPECT_EQ(get("/").status, 404);
  EXPECT_EQ(get("/metrics/").status, 404);
  EXPECT_EQ(get("/readyz", "POST").status, 405);
}

}  // namespace
}  // namespace stratos::cli
