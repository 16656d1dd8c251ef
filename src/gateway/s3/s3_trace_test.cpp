#include "base/trace_context.hpp"
#include "client/mesh_fixture.hpp"
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kTraceId = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string trace_in(const std::string& log) {
  constexpr std::string_view kKey = "\"trace_id\":\"";
  const std::size_t at = log.find(kKey);
  return at == log.npos ? "(none)" : log.substr(at + kKey.size(), 32);
}

class S3Trace : public ServiceFixture {};

TEST_F(S3Trace, OfTheCallerStandsInTheLogOfAFailure) {
  EXPECT_EQ(ask("GET", "/nowhere/key", {{"traceparent", std::string(kParent)}}).status, 404);
  EXPECT_EQ(trace_in(log_), kTraceId);
  EXPECT_NE(log_.find("\"request_id\":\"0123456789abcdef\""), log_.npos) << log_;
}

TEST_F(S3Trace, IsANewOneWithoutOneValidParent) {
  std::set<std::string> seen = {"(none)", std::string(kTraceId), std::string(32, '0')};
  const std::string good(kParent);
  for (const HeaderList& headers :
       std::vector<HeaderList>{{},
                               {{"traceparent", ""}},
                               {{"traceparent", good + "0"}},
                               {{"traceparent", good}, {"TraceParent", good}}}) {
    log_.clear();
    EXPECT_EQ(ask("GET", "/nowhere/key", headers).status, 404);
    EXPECT_TRUE(seen.insert(trace_in(log_)).second) << log_;
  }
}

// Stands before a node's router and notes the trace that its handlers run in.
class Watched {
 public:
  explicit Watched(const net::Router& node) : node_(node) {
    const auto method = static_cast<std::uint16_t>(resource::NodeMethod::write);
    router.add(method, "watched", [this](net::CallContext context, net::Message message) {
      return pass(*this, std::move(context), std::move(message));
    });
  }
  net::Router router;
  std::vector<TraceContext> traces;

 private:
  static Task<Result<net::Message>> pass(Watched& self, net::CallContext context,
                                         net::Message message) {
    self.traces.push_back(current_trace());
    const auto method = static_cast<std::uint16_t>(resource::NodeMethod::write);
    co_return co_await self.node_.dispatch(std::move(context), method, std::move(message));
  }
  const net::Router& node_;
};

// A base before the mesh, so that it outlives it: the mesh tells its nodes the last orders when it
// stops.
struct WatchedNodes {
  std::vector<std::unique_ptr<Watched>> watched_;
};

class S3TraceOverAMesh : protected WatchedNodes, public client::MeshTest {
 protected:
  static constexpr std::string_view kAccessKey = "AKIATRACE";

  S3TraceOverAMesh() {
    for (const auto& node : nodes_) {
      watched_.push_back(std::make_unique<Watched>(node->router()));
      routers_[node->key()] = &watched_.back()->router;
    }
    meta::CreateAccessKey key;
    key.access_key = kAccessKey;
    key.account = owner_;
    EXPECT_TRUE(run(mesh_->meta.execute(key)));
    s3_ = std::make_unique<Service>(loop_, *client_, metrics_, ServiceOptions());
  }
  ~S3TraceOverAMesh() override {
    there([this] { s3_.reset(); });
  }

  Task<void> serve(http::Request& request, Answer& answer) {
    TestResponse response(answer);
    co_await s3_->handle(request, response);
  }
  int put(std::string bytes) {
    http::Request request;
    request.method = "PUT";
    request.target = "/bucket/traced";
    request.headers.add("Host", "localhost");
    request.headers.add("traceparent", std::string(kParent));
    const std::string secret = mesh_->ring.s3_secret(std::string(kAccessKey));
    const Credentials credentials{std::string(kAccessKey), secret, "us-east-1"};
    EXPECT_TRUE(sign_request(request.method, request.target, request.headers, "UNSIGNED-PAYLOAD",
                             credentials, loop_.wall_now()));
    SentBody body(std::move(bytes), 50'000);
    request.body = &body;
    Answer answer;
    run(serve(request, answer));
    settle();
    return answer.status;
  }

  std::unique_ptr<Service> s3_;
};

TEST_F(S3TraceOverAMesh, OfAPutReachesTheHandlersOfTheNodes) {
  ASSERT_EQ(put(std::string(1'000'000, 'x')), 200);
  std::size_t nodes = 0;
  for (const auto& watched : watched_) {
    nodes += watched->traces.empty() ? 0 : 1;
    for (const TraceContext& trace : watched->traces) {
      EXPECT_EQ(trace.trace.hex(), kTraceId);
      EXPECT_NE(trace.span.hex(), kParent.substr(36, 16)) << "the gateway is a step of its own";
      EXPECT_TRUE(trace.sampled);
    }
  }
  EXPECT_GE(nodes, 6U);
}

}  // namespace
}  // namespace stratos::gateway::s3
