// Delivery to webhooks while gateways and webhooks come and go.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "gateway/s3/fake_object_client.hpp"
#include "gateway/s3/notifier.hpp"
#include "net/http.hpp"
#include "sim/sim_world.hpp"

namespace stratos::sim {
namespace {

using gateway::s3::FakeObjectClient;
using gateway::s3::Notifier;
using gateway::s3::NotifierOptions;

constexpr const char* kToken = "very.secret-token";

// What the webhook saw, over all its incarnations.
struct Seen {
  std::map<std::string, int> times;  // by key
  std::vector<std::string> order;
  int requests = 0;
  std::string authorization;
  std::string content_type;
  std::set<std::string> refused;  // keys that are answered with 400
  int status = 200;
  Duration pause{0};             // before it answers
  std::size_t answer_bytes = 2;  // of the answer's body
};

class Hook final : public http::Handler {
 public:
  Hook(Runtime& runtime, Seen& seen) : runtime_(runtime), seen_(seen) {
    server_ = http::Server::start(runtime, ":80", *this, {}).value();
  }
  Task<void> handle(http::Request& request, http::ResponseWriter& response) override {
    const auto body = co_await http::read_all(*request.body, 1 << 20);
    if (!body) co_return;
    ++seen_.requests;
    seen_.authorization = request.headers.get("authorization").value_or("(none)");
    seen_.content_type = request.headers.get("content-type").value_or("(none)");
    if (seen_.pause > Duration(0) && !co_await runtime_.sleep(seen_.pause)) co_return;
    const auto message = nlohmann::json::parse(as_text(*body));
    const std::string key = message["Records"][0]["s3"]["object"]["key"];
    const int status = seen_.refused.contains(key) ? 400 : seen_.status;
    if (status < 300) {
      ++seen_.times[key];
      seen_.order.push_back(key);
    }
    const std::string answer(seen_.answer_bytes, 'x');
    Buffer data = Buffer::copy_of(as_bytes(answer));
    http::Headers headers;
    [[maybe_unused]] const auto sent =
        co_await response.send(status, std::move(headers), std::move(data));
  }

 private:
  Runtime& runtime_;
  Seen& seen_;
  std::unique_ptr<http::Server> server_;
};

struct Gateway {
  Gateway(Runtime& runtime, client::ObjectClient& objects, metrics::Registry& metrics,
          NotifierOptions options)
      : notifier(runtime, objects, metrics, std::move(options)), group(runtime, "gateway") {
    notifier.start(group);
  }
  Notifier notifier;
  TaskGroup group;
};

class Webhooks : public ::testing::Test {
 protected:
  explicit Webhooks(std::uint64_t seed = 1) : world_(seed) {
    log::set_sink([this](std::string_view line) { log_ += line; });
    world_.start("index");
    start_hook();
  }
  ~Webhooks() override {
    log::set_sink({});
    EXPECT_EQ(log_.find(kToken), log_.npos) << "a secret in the log";
  }

  void start_hook() {
    SimRuntime& runtime = world_.start("hook");
    runtime.keep(std::make_unique<Hook>(runtime, seen_));
  }
  Gateway& start_gateway(const std::string& name = "g1") {
    SimRuntime& runtime = world_.start(name);
    NotifierOptions options;
    options.webhooks.push_back(gateway::s3::make_webhook("hook", "http://hook:80/x").value());
    options.webhooks.back().token = kToken;
    return runtime.keep(std::make_unique<Gateway>(runtime, objects_, metrics_, options));
  }
  // As the index would have it after a change that `origin` asked for.
  void add(const std::string& key, std::uint64_t origin = 0) {
    client::Notice notice;
    notice.kind = client::NoticeKind::created_by_put;
    notice.time = world_.runtime("index").wall_now();
    notice.bucket = "box";
    notice.key = key;
    notice.origin = origin;
    notice.place.bucket = BucketId(1);
    Bytes order(8);
    put_be(order, ++added_);
    notice.place.order = VersionId::from(order).value();
    objects_.outbox["hook"].emplace(notice.place, notice);
  }
  void add_many(std::size_t count, std::uint64_t origin = 0) {
    for (std::size_t i = 0; i < count; ++i) add("k" + std::to_string(i), origin);
  }
  std::size_t waiting() { return objects_.outbox["hook"].size(); }
  bool runs_empty(Duration limit) {
    return world_.run_until([this] { return waiting() == 0; }, limit);
  }
  std::uint64_t failures() {
    return metrics_.counter("stratos_s3_notifications_failed_total", "webhook=\"hook\"").value();
  }

  Seen seen_;
  FakeObjectClient objects_;
  metrics::Registry metrics_;
  SimWorld world_;
  std::string log_;

 private:
  std::uint64_t added_ = 0;
};

TEST_F(Webhooks, GetWhatAGatewaysOwnRequestsBroughtAboutAtOnce) {
  Gateway& gateway = start_gateway();
  world_.run_for(5s);
  add("a", gateway.notifier.origin());
  gateway.notifier.wake();
  EXPECT_TRUE(runs_empty(100ms));
  EXPECT_EQ(seen_.order, std::vector<std::string>{"a"});
  EXPECT_EQ(seen_.authorization, std::string("Bearer ") + kToken);
  EXPECT_EQ(seen_.content_type, "application/json");
  EXPECT_TRUE(gateway.notifier.knows("hook"));
  EXPECT_FALSE(gateway.notifier.knows("other"));
}

TEST_F(Webhooks, GetManyOverSeveralConnectionsAndPages) {
  Gateway& gateway = start_gateway();
  seen_.pause = 100ms;
  add_many(250, gateway.notifier.origin());
  gateway.notifier.wake();
  EXPECT_TRUE(runs_empty(6s)) << "one after the other takes 25 s";
  EXPECT_EQ(seen_.order.size(), 250U) << "each once";
  EXPECT_EQ(seen_.times.size(), 250U);
}

TEST_F(Webhooks, GetFewInOrder) {
  Gateway& gateway = start_gateway();
  add_many(10, gateway.notifier.origin());
  EXPECT_TRUE(runs_empty(10s));
  std::vector<std::string> wanted;
  for (int i = 0; i < 10; ++i) wanted.push_back("k" + std::to_string(i));
  EXPECT_EQ(seen_.order, wanted);
}

TEST_F(Webhooks, ThatWereDownGetEverythingWhenTheyComeBack) {
  world_.crash("hook");
  Gateway& gateway = start_gateway();
  world_.run_for(1s);
  add_many(250, gateway.notifier.origin());
  gateway.notifier.wake();
  world_.run_for(10min);
  EXPECT_EQ(waiting(), 250U);
  EXPECT_GT(failures(), 5U);
  EXPECT_LT(failures(), 60U) << "it backs off";
  start_hook();
  EXPECT_TRUE(runs_empty(2min));
  EXPECT_EQ(seen_.times.size(), 250U);
  EXPECT_NE(log_.find("webhook_failing"), log_.npos);
  EXPECT_NE(log_.find("webhook_recovered"), log_.npos);
  EXPECT_EQ(log_.find("webhook_failing"), log_.rfind("webhook_failing")) << "one line a streak";
}

TEST_F(Webhooks, ThatHangAreGivenUpAndTriedAgain) {
  seen_.pause = 1h;
  Gateway& gateway = start_gateway();
  add("a", gateway.notifier.origin());
  world_.run_for(1min);
  EXPECT_EQ(waiting(), 1U);
  EXPECT_GE(failures(), 2U);
  seen_.pause = Duration(0);
  EXPECT_TRUE(runs_empty(2min));
}

TEST_F(Webhooks, ThatAnswerWithErrorsAreTriedAgain) {
  seen_.status = 503;
  Gateway& gateway = start_gateway();
  add_many(3, gateway.notifier.origin());
  world_.run_for(1s);
  EXPECT_LE(seen_.requests, 3) << "one failure ends a round";
  seen_.status = 204;
  EXPECT_TRUE(runs_empty(2min));
  EXPECT_EQ(seen_.times.size(), 3U);
}

TEST_F(Webhooks, ThatRefuseOneMessageGetTheOthers) {
  seen_.refused = {"k1"};
  Gateway& gateway = start_gateway();
  add_many(4, gateway.notifier.origin());
  world_.run_for(1min);
  EXPECT_EQ(waiting(), 1U);
  EXPECT_EQ(seen_.order, (std::vector<std::string>{"k0", "k2", "k3"}));
  add("late", gateway.notifier.origin());
  world_.run_for(2min);
  EXPECT_EQ(seen_.times["late"], 1) << "what is refused holds nothing up";
  seen_.refused.clear();
  EXPECT_TRUE(runs_empty(2min));
  EXPECT_EQ(seen_.times["k1"], 1);
}

TEST_F(Webhooks, MayAnswerAtLength) {
  seen_.answer_bytes = 1 << 20;
  Gateway& gateway = start_gateway();
  add_many(3, gateway.notifier.origin());
  EXPECT_TRUE(runs_empty(10s));
  EXPECT_EQ(seen_.order.size(), 3U) << "the answer does not count";
}

TEST_F(Webhooks, MayCloseIdleConnections) {
  Gateway& gateway = start_gateway();
  add("a", gateway.notifier.origin());
  ASSERT_TRUE(runs_empty(10s));
  world_.network().reset_connections("g1", "hook");
  add("b", gateway.notifier.origin());
  gateway.notifier.wake();
  EXPECT_TRUE(runs_empty(100ms));
  EXPECT_EQ(failures(), 0U);
}

TEST_F(Webhooks, AreLeftToTheGatewayThatWasAsked) {
  Gateway& one = start_gateway("g1");
  start_gateway("g2");
  world_.run_for(30s);
  add_many(50, one.notifier.origin());
  one.notifier.wake();
  EXPECT_TRUE(runs_empty(3s));
  for (const auto& [key, times] : seen_.times) EXPECT_EQ(times, 1) << key;
}

TEST_F(Webhooks, AreServedByAnotherGatewayWhenOneIsGone) {
  Gateway& one = start_gateway("g1");
  start_gateway("g2");
  world_.run_for(30s);
  add_many(50, one.notifier.origin());
  world_.crash("g1", Crash::power);
  world_.run_for(2s);
  EXPECT_EQ(seen_.requests, 0);
  EXPECT_TRUE(runs_empty(30s));
  EXPECT_EQ(seen_.times.size(), 50U);
}

TEST_F(Webhooks, GetWhatAnEarlierProcessLeftAsSoonAsItStarts) {
  add_many(3, 4711);
  start_gateway();
  EXPECT_TRUE(runs_empty(1s));
}

TEST_F(Webhooks, SurviveAnIndexThatDoesNotAnswer) {
  Gateway& gateway = start_gateway();
  objects_.fails["take_off_notices"] = Errc::unavailable;
  add("a", gateway.notifier.origin());
  world_.run_for(1min);
  EXPECT_GT(seen_.times["a"], 1) << "delivered again rather than lost";
  objects_.fails["list_notices"] = Errc::unavailable;
  world_.run_for(1min);
  objects_.fails.clear();
  EXPECT_TRUE(runs_empty(2min));
}

TEST_F(Webhooks, TellWhatWasLetGo) {
  start_gateway();
  world_.run_for(5s);
  objects_.notice_totals.dropped = 3;
  world_.run_for(5s);
  EXPECT_NE(log_.find("notifications_let_go"), log_.npos);
  EXPECT_EQ(metrics_.gauge("stratos_s3_notifications_let_go").value(), 3);
}

// Whatever crashes when: every notice arrives, and none stays.
class WebhookFaults : public Webhooks, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  WebhookFaults() : Webhooks(GetParam()) {}
};

TEST_P(WebhookFaults, LoseNothing) {
  std::uint64_t count = 0;
  Gateway* gateway = &start_gateway();
  for (int i = 0; i < 30; ++i) {
    if (!world_.is_up("hook")) start_hook();
    for (std::uint64_t n = world_.random().below(20); n > 0; --n) {
      add("k" + std::to_string(count++), gateway->notifier.origin());
    }
    gateway->notifier.wake();
    world_.run_for(std::chrono::milliseconds(world_.random().below(60)));
    const auto kind = world_.random().below(2) == 0 ? Crash::process : Crash::power;
    if (world_.random().below(3) == 0) world_.crash("hook", kind);
    if (world_.random().below(3) != 0) continue;
    world_.crash("g1", kind);
    gateway = &start_gateway();
  }
  if (!world_.is_up("hook")) start_hook();
  EXPECT_TRUE(runs_empty(10min));
  EXPECT_EQ(seen_.times.size(), count);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WebhookFaults, ::testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace stratos::sim
