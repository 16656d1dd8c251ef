#include "gateway/routes.hpp"

#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway {
namespace {

class Named final : public http::Handler {
 public:
  Task<void> handle(http::Request&, http::ResponseWriter& response) override {
    ++requests;
    http::Headers headers;
    Buffer nothing;
    [[maybe_unused]] const auto sent =
        co_await response.send(204, std::move(headers), std::move(nothing));
  }
  int requests = 0;
};

TEST(Routes, PreferTheMoreSpecificHostThenTheLongerPath) {
  Named s3, console, api, sites, one_site;
  Routes routes;
  routes.mount({"", "/", &s3});
  routes.mount({"", "/console", &console});
  routes.mount({"api.example.org", "/", &api});
  routes.mount({".example.org", "/", &sites});
  routes.mount({".web.example.org", "/", &one_site});
  EXPECT_EQ(routes.find("localhost:9000", "/bucket/key"), &s3);
  EXPECT_EQ(routes.find("localhost", "/console"), &console);
  EXPECT_EQ(routes.find("localhost", "/console/login?next=/"), &console);
  EXPECT_EQ(routes.find("localhost", "/console?x"), &console);
  EXPECT_EQ(routes.find("localhost", "/consoles"), &s3);
  EXPECT_EQ(routes.find("API.example.org:443", "/console"), &api);
  EXPECT_EQ(routes.find("shop.example.org", "/"), &sites);
  EXPECT_EQ(routes.find("a.web.example.org", "/"), &one_site);
  EXPECT_EQ(routes.find("example.org", "/"), &s3);
  EXPECT_EQ(routes.find("[::1]:9000", "/"), &s3);
}

Task<void> serve(Routes& routes, http::Request& request, http::ResponseWriter& response) {
  co_await routes.handle(request, response);
}

TEST(Routes, AnswerWhatNothingIsMountedFor) {
  BlockingPool pool(1);
  RealRuntime runtime(pool, "routes");
  Named api;
  Routes routes;
  routes.mount({"api.example.org", "/v1", &api});
  for (const auto& [target, status] : {std::pair{"/v1/x", 204}, {"/v2", 404}}) {
    http::Request request;
    request.method = "GET";
    request.target = target;
    request.headers.add("Host", "api.example.org");
    s3::Answer answer;
    s3::TestResponse response(answer);
    block_on(runtime, serve(routes, request, response));
    EXPECT_EQ(answer.status, status);
  }
  EXPECT_EQ(api.requests, 1);
  runtime.stop();
}

}  // namespace
}  // namespace stratos::gateway
