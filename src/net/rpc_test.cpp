#include "net/rpc.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "base/log.hpp"
#include "net/rpc_frame.hpp"
#include "net/testing/memory_net.hpp"
#include "runtime/task_group.hpp"

namespace stratos::net {
namespace {

constexpr Duration kPatience = 20s;
constexpr std::uint16_t kEcho = 1;
constexpr std::uint16_t kWait = 2;
constexpr std::uint16_t kThrow = 3;
constexpr std::uint16_t kRefuse = 4;
constexpr std::uint16_t kLarge = 5;
constexpr std::uint16_t kNobody = 999;

struct Note {
  std::uint64_t number = 0;
  std::string text;
  static void fields(auto& self, auto&& field) {
    field(1, self.number);
    field(2, self.text);
  }
};

// A router with a method for each way to answer.
class Callee {
 public:
  explicit Callee(Runtime& runtime) : gate(runtime) {
    using Answer = Task<Result<Reply<Note>>>;
    router.on<Note, Note>(kEcho, "echo", [this](CallContext context, Note note, Buffer body) {
      return echo(*this, context, std::move(note), std::move(body));
    });
    router.on<Note, Note>(kWait, "wait", [this](CallContext, Note note, Buffer) {
      return wait(*this, std::move(note));
    });
    router.on<Note, Note>(kThrow, "throw", [](CallContext, Note, Buffer) -> Answer {
      throw std::runtime_error("a bug");
      co_return Reply<Note>{};
    });
    router.on<Note, Note>(kRefuse, "refuse", [](CallContext, Note note, Buffer) -> Answer {
      co_return fail(Errc::no_such_fragment, "none " + note.text);
    });
    router.on<Note, Note>(kLarge, "large", [](CallContext, Note, Buffer) -> Answer {
      Reply<Note> reply;
      reply.body = Buffer::zeroed(kMaxBodyBytes + 1);
      co_return reply;
    });
  }

  Router router;
  WaitQueue gate;
  crypto::MachineKey last_peer;
  TraceContext last_trace;  // that a handler of "echo" ran in
  std::size_t running = 0;
  std::size_t most_running = 0;
  bool cut_short = false;

 private:
  static Task<Result<Reply<Note>>> echo(Callee& self, CallContext context, Note note, Buffer body) {
    self.last_peer = context.peer;
    const auto turn = co_await self.gate.runtime().sleep(0s);
    EXPECT_TRUE(turn);
    self.last_trace = current_trace();
    EXPECT_EQ(self.last_trace, context.trace);
    Reply<Note> reply;
    reply.head = std::move(note);
    reply.body = std::move(body);
    co_return reply;
  }
  // Until the gate opens; then the later callers first.
  static Task<Result<Reply<Note>>> wait(Callee& self, Note note) {
    self.most_running = std::max(self.most_running, ++self.running);
    const auto woken = co_await self.gate.wait(kPatience);
    --self.running;
    if (!woken) self.cut_short = true;
    STRATOS_CO_CHECK(woken);
    Reply<Note> reply;
    reply.head = std::move(note);
    co_return reply;
  }
};

Note note(std::uint64_t number, std::string text = {}) {
  Note made;
  made.number = number;
  made.text = std::move(text);
  return made;
}

class Rpc : public ::testing::Test {
 public:
  Rpc() : real_(pool_, "callee"), memory_(real_) {}
  ~Rpc() override {
    if (server_) block_on(real_, end());
    real_.stop();
  }

  // TLS over memory unless told otherwise.
  void begin(Runtime& runtime, ServerOptions options = {}, bool plain = false) {
    const Result<void> started = block_on(real_, start(runtime, options, plain));
    ASSERT_TRUE(started) << started.error().to_string();
  }
  Task<Result<void>> start(Runtime& runtime, ServerOptions options, bool plain) {
    callee_ = std::make_unique<Callee>(runtime);
    server_security_ = plain ? make_plain_security(server_key_.public_key())
                             : make_tls_security(runtime, server_key_);
    client_security_ = plain ? make_plain_security(client_key_.public_key())
                             : make_tls_security(runtime, client_key_);
    auto trust = [this](const crypto::MachineKey& key) { return key == trusted_; };
    STRATOS_CO_TRY(server_, RpcServer::start(runtime, "127.0.0.1:0", callee_->router,
                                             *server_security_, trust, options));
    RemoteOptions remote;
    remote.connections = connections_;
    channel_ = make_remote_channel(runtime, *client_security_, server_->address(),
                                   server_key_.public_key(), remote);
    co_return Result<void>{};
  }
  Task<void> end() {
    channel_.reset();
    if (server_) co_await server_->stop();
    server_.reset();
    callee_.reset();
  }

  static Task<Result<Reply<Note>>> ask(Channel& channel, std::uint16_t method, Note request,
                                       Buffer body = {}, Duration timeout = kPatience) {
    co_return co_await call<Note>(channel, method, request, std::move(body), timeout);
  }
  Result<Reply<Note>> ask_now(std::uint16_t method, Note request, Buffer body = {},
                              Duration timeout = kPatience) {
    return block_on(real_, ask(*channel_, method, std::move(request), std::move(body), timeout));
  }
  static Task<void> ask_later(Channel& channel, std::uint16_t method, std::uint64_t number,
                              std::vector<Result<Reply<Note>>>& out) {
    out.push_back(co_await ask(channel, method, note(number)));
  }

  BlockingPool pool_{1};
  RealRuntime real_;
  testing::MemoryRuntime memory_;
  SystemRandom random_;
  crypto::MachineSigner server_key_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner client_key_ = crypto::MachineSigner::draw(random_);
  crypto::MachineKey trusted_ = client_key_.public_key();
  std::size_t connections_ = 1;
  std::unique_ptr<StreamSecurity> server_security_;
  std::unique_ptr<StreamSecurity> client_security_;
  std::unique_ptr<Callee> callee_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<TaskGroup> kept_;
  std::vector<Result<Reply<Note>>> kept_replies_;
};

Task<Result<Reply<Note>>> ask_in_trace(Channel& channel, TraceContext trace) {
  const TraceScope scope(trace);
  auto answer = co_await call<Note>(channel, kEcho, Note(), Buffer(), kPatience);
  EXPECT_EQ(current_trace(), trace);
  co_return answer;
}

TEST_F(Rpc, RunsHandlersInTheTraceOfTheirCaller) {
  begin(memory_);
  SeededRandom random(1);
  const TraceContext first = next_span(std::nullopt, random);
  const TraceContext second = next_span(std::nullopt, random);
  const auto local = make_loopback_channel(real_, real_, callee_->router, client_key_.public_key());
  for (Channel* channel : {channel_.get(), local.get()}) {
    // The connection is opened within the first trace and serves all.
    for (const TraceContext& trace : {first, second, TraceContext()}) {
      ASSERT_TRUE(block_on(real_, ask_in_trace(*channel, trace)));
      EXPECT_EQ(callee_->last_trace, trace);
    }
  }
}

TEST(Router, LogsFailuresOfItsOwnWithTheTraceOfTheCall) {
  BlockingPool pool(1);
  RealRuntime runtime(pool, "router");
  Router router;
  const auto failing = [](Errc code) {
    return [code](CallContext, Message) {
      return [](Errc errc) -> Task<Result<Message>> { co_return fail(errc, "why"); }(code);
    };
  };
  router.add(1, "broken", failing(Errc::io_error));
  router.add(2, "rotten", failing(Errc::fragment_corrupt));
  router.add(3, "absent", failing(Errc::no_such_fragment));
  std::vector<std::string> lines;
  log::set_sink([&lines](std::string_view line) { lines.emplace_back(line); });
  SeededRandom random(1);
  CallContext context;
  context.trace = next_span(std::nullopt, random);
  for (const std::uint16_t method : std::initializer_list<std::uint16_t>{1, 2, 3}) {
    EXPECT_FALSE(block_on(runtime, router.dispatch(context, method, Message())));
  }
  log::set_sink({});
  runtime.stop();
  ASSERT_EQ(lines.size(), 2U) << "what is merely not there is no news";
  EXPECT_NE(lines[0].find("\"trace_id\":\"" + context.trace.trace.hex()), std::string::npos);
  EXPECT_NE(lines[0].find("\"method\":\"broken\",\"error\":\"io_error: why\""), std::string::npos);
  EXPECT_NE(lines[1].find("\"method\":\"rotten\""), std::string::npos) << lines[1];
}

TEST_F(Rpc, CarriesHeadAndBodyAndProvesTheCaller) {
  for (const bool plain : {false, true}) {
    begin(real_, {}, plain);
    const auto reply = ask_now(kEcho, note(7, "hello"), Buffer::copy_of(as_bytes("body")));
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->head.number, 7U);
    EXPECT_EQ(reply->head.text, "hello");
    EXPECT_EQ(as_text(reply->body.view()), "body");
    EXPECT_EQ(callee_->last_peer, client_key_.public_key());
    block_on(real_, end());
  }
}

TEST_F(Rpc, CarriesTheLargestBodyAndRefusesMore) {
  begin(real_);
  Buffer body = Buffer::allocate(kMaxBodyBytes);
  random_.fill(body.mutable_view());
  const auto reply = ask_now(kEcho, note(1), body);
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_TRUE(std::ranges::equal(reply->body.view(), body.view()));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(reply->body.data()) % Buffer::kAlignment, 0U);
  EXPECT_EQ(ask_now(kEcho, note(1), Buffer::zeroed(kMaxBodyBytes + 1)).error().code(),
            Errc::message_too_large);
  EXPECT_EQ(ask_now(kEcho, note(1, std::string(kMaxHeadBytes, 'x'))).error().code(),
            Errc::message_too_large);
  EXPECT_EQ(ask_now(kLarge, note(1)).error().code(), Errc::message_too_large);
  EXPECT_TRUE(ask_now(kEcho, note(1)));
}

TEST_F(Rpc, CarriesErrorsWithTheirCode) {
  begin(memory_);
  const auto refused = ask_now(kRefuse, note(1, "here"));
  EXPECT_EQ(refused.error().code(), Errc::no_such_fragment);
  EXPECT_EQ(refused.error().message(), "none here");
  EXPECT_EQ(ask_now(kThrow, note(1)).error().code(), Errc::internal);
  EXPECT_EQ(ask_now(kNobody, note(1)).error().code(), Errc::unknown_method);
  Message garbage;
  garbage.head = {0xff, 0xff};
  EXPECT_EQ(block_on(real_, channel_->call(kEcho, garbage, kPatience)).error().code(),
            Errc::bad_encoding);
  EXPECT_TRUE(ask_now(kEcho, note(1)));
}

TEST_F(Rpc, AnswersAThousandCallsOutOfOrder) {
  connections_ = 2;
  ServerOptions options;
  options.max_calls_per_connection = 600;
  begin(memory_, options);
  block_on(real_, [](Runtime& runtime, Channel& channel, Callee& callee) -> Task<void> {
    constexpr std::size_t kCalls = 1000;
    std::vector<Result<Reply<Note>>> waited;
    std::vector<Result<Reply<Note>>> quick;
    TaskGroup group(runtime, "calls");
    for (std::size_t i = 0; i < kCalls; ++i) group.spawn(ask_later(channel, kWait, i, waited));
    while (callee.running < kCalls) EXPECT_TRUE(co_await runtime.sleep(1ms));
    for (std::size_t i = 0; i < 50; ++i) co_await ask_later(channel, kEcho, i, quick);
    EXPECT_EQ(waited.size(), 0U);
    callee.gate.wake_all();
    co_await group.join();
    std::vector<bool> seen(kCalls);
    for (const auto& reply : waited) {
      EXPECT_TRUE(reply);
      if (reply) seen[reply->head.number] = true;
    }
    EXPECT_EQ(std::ranges::count(seen, true), 1000);
    for (const auto& reply : quick) EXPECT_TRUE(reply);
  }(memory_, *channel_, *callee_));
}

TEST_F(Rpc, BoundsTheCallsOfOneConnection) {
  ServerOptions options;
  options.max_calls_per_connection = 4;
  begin(memory_, options);
  block_on(real_, [](Runtime& runtime, Channel& channel, Callee& callee) -> Task<void> {
    std::vector<Result<Reply<Note>>> replies;
    TaskGroup group(runtime, "calls");
    for (std::size_t i = 0; i < 20; ++i) group.spawn(ask_later(channel, kWait, i, replies));
    while (replies.size() < 20) {
      callee.gate.wake_all();
      EXPECT_TRUE(co_await runtime.sleep(1ms));
    }
    EXPECT_EQ(callee.most_running, 4U);
    co_await group.join();
  }(memory_, *channel_, *callee_));
}

TEST_F(Rpc, ForgetsLateAnswersAndEndsLateHandlers) {
  begin(memory_);
  EXPECT_TRUE(ask_now(kEcho, note(1)));
  EXPECT_EQ(ask_now(kWait, note(1), {}, 10ms).error().code(), Errc::deadline_exceeded);
  block_on(real_, [](Runtime& runtime, Callee& callee) -> Task<void> {
    while (callee.running > 0) EXPECT_TRUE(co_await runtime.sleep(1ms));
  }(memory_, *callee_));
  EXPECT_TRUE(callee_->cut_short);
  EXPECT_EQ(ask_now(kEcho, note(2))->head.number, 2U);
}

TEST_F(Rpc, EndsRunningCallsWhenTheConnectionIsLostAndConnectsAgain) {
  begin(memory_);
  block_on(real_, [](Rpc& self, Runtime& runtime) -> Task<void> {
    std::vector<Result<Reply<Note>>> replies;
    TaskGroup group(runtime, "calls");
    for (std::size_t i = 0; i < 10; ++i) {
      group.spawn(ask_later(*self.channel_, kWait, i, replies));
    }
    while (self.callee_->running < 10) EXPECT_TRUE(co_await runtime.sleep(1ms));
    const std::string address = self.server_->address();
    TaskGroup stopping(runtime, "stop");
    stopping.spawn(self.server_->stop());
    co_await group.join();
    for (const auto& reply : replies) EXPECT_EQ(reply.error().code(), Errc::connection_lost);
    co_await stopping.join();
    EXPECT_EQ((co_await ask(*self.channel_, kEcho, note(1))).error().code(),
              Errc::connection_refused);
    auto trust = [](const crypto::MachineKey&) { return true; };
    self.server_ =
        RpcServer::start(runtime, address, self.callee_->router, *self.server_security_, trust, {})
            .value();
    Result<Reply<Note>> again = fail(Errc::internal);
    while (!again) {
      again = co_await ask(*self.channel_, kEcho, note(3));
      if (!again) EXPECT_TRUE(co_await runtime.sleep(5ms));
    }
    EXPECT_EQ(again->head.number, 3U);
  }(*this, memory_));
}

TEST_F(Rpc, LetsRunningCallsEndWhenTheServerStops) {
  begin(memory_);
  block_on(real_, [](Rpc& self, Runtime& runtime) -> Task<void> {
    std::vector<Result<Reply<Note>>> replies;
    TaskGroup group(runtime, "calls");
    group.spawn(ask_later(*self.channel_, kWait, 1, replies));
    while (self.callee_->running < 1) EXPECT_TRUE(co_await runtime.sleep(1ms));
    group.spawn(self.server_->stop());
    EXPECT_TRUE(co_await runtime.sleep(5ms));
    self.callee_->gate.wake_all();
    co_await group.join();
    EXPECT_TRUE(replies.at(0));
  }(*this, memory_));
}

TEST_F(Rpc, FailsFastWhileNobodyIsThere) {
  begin(memory_);
  block_on(real_, server_->stop());
  const MonotonicTime started = real_.now();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ask_now(kEcho, note(1)).error().code(), Errc::connection_refused);
  }
  EXPECT_LT(real_.now() - started, 5s);
}

TEST_F(Rpc, RefusesACalleeWithAnotherKey) {
  begin(memory_);
  channel_ = make_remote_channel(memory_, *client_security_, server_->address(),
                                 client_key_.public_key(), {});
  EXPECT_EQ(ask_now(kEcho, note(1)).error().code(), Errc::peer_not_trusted);
}

TEST_F(Rpc, TurnsAwayACallerThatIsNotTrusted) {
  trusted_ = crypto::MachineKey{};
  for (const bool plain : {false, true}) {
    begin(memory_, {}, plain);
    EXPECT_EQ(ask_now(kEcho, note(1)).error().code(), Errc::peer_not_trusted);
    EXPECT_EQ(ask_now(kEcho, note(1)).error().code(), Errc::peer_not_trusted);
    block_on(real_, end());
  }
}

TEST_F(Rpc, SurvivesTheEndOfAChannelInUse) {
  begin(memory_);
  block_on(real_, [](Rpc& self, Runtime& runtime) -> Task<void> {
    std::vector<Result<Reply<Note>>> replies;
    TaskGroup group(runtime, "calls");
    group.spawn(ask_later(*self.channel_, kWait, 1, replies));
    while (self.callee_->running < 1) EXPECT_TRUE(co_await runtime.sleep(1ms));
    self.channel_.reset();
    co_await group.join();
    EXPECT_EQ(replies.at(0).error().code(), Errc::connection_lost);
  }(*this, memory_));
}

TEST_F(Rpc, MayEndWithItsRuntime) {
  begin(memory_);
  EXPECT_TRUE(ask_now(kEcho, note(1)));
  block_on(real_, [](Rpc& self, Runtime& runtime) -> Task<void> {
    self.kept_ = std::make_unique<TaskGroup>(runtime, "calls");
    self.kept_->spawn(ask_later(*self.channel_, kWait, 1, self.kept_replies_));
    while (self.callee_->running < 1) EXPECT_TRUE(co_await runtime.sleep(1ms));
  }(*this, memory_));
  real_.stop();
  EXPECT_TRUE(kept_replies_.empty());
  kept_.reset();
  channel_.reset();
  server_.reset();
  callee_.reset();
}

TEST_F(Rpc, SharesOneConnectionUntilItIsLost) {
  begin(memory_);
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(ask_now(kEcho, note(i))->head.number, i);
  EXPECT_EQ(memory_.net().connects, 1);
  block_on(real_, [](Rpc& self) -> Task<void> {
    self.channel_.reset();
    co_return;
  }(*this));
  for (std::size_t slots = 1; slots <= 4; ++slots) {
    memory_.net().connects = 0;
    RemoteOptions options;
    options.connections = slots;
    channel_ = make_remote_channel(memory_, *client_security_, server_->address(),
                                   server_key_.public_key(), options);
    for (std::uint64_t i = 0; i < 20; ++i) EXPECT_TRUE(ask_now(kEcho, note(i)));
    EXPECT_EQ(memory_.net().connects, static_cast<int>(slots));
    block_on(real_, [](Rpc& self) -> Task<void> {
      self.channel_.reset();
      co_return;
    }(*this));
  }
}

TEST_F(Rpc, BacksOffFromACalleeThatRefuses) {
  begin(memory_);
  block_on(real_, server_->stop());
  memory_.net().connects = 0;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(ask_now(kEcho, note(1)).error().code(), Errc::connection_refused);
  }
  EXPECT_LT(memory_.net().connects, 50);
}

TEST_F(Rpc, SaysGoodbyeToPeersThatBreakTheFormat) {
  begin(memory_, {}, true);
  struct Case {
    FrameHeader header;
    std::uint8_t format;
    Errc code;
  };
  for (const Case& c : std::vector<Case>{
           {{FrameKind::response, 0, 1, 0, 0, 0}, 1, Errc::malformed_message},
           {{FrameKind::request, 1, 1, 0, kMaxBodyBytes + 1, 9}, 1, Errc::message_too_large},
           {{FrameKind::request, 1, 1, 0, 0, 9}, 2, Errc::unknown_format}}) {
    const auto code = block_on(real_, [](Rpc& self, Case bad) -> Task<Errc> {
      auto stream = co_await self.memory_.net().connect(self.server_->address(), kPatience);
      auto secured = co_await self.client_security_->connect(
          std::move(*stream), self.server_key_.public_key(), kPatience);
      std::array<std::uint8_t, kFrameHeaderBytes> bytes;
      encode_header(bad.header, bytes);
      bytes[3] = bad.format;
      EXPECT_TRUE(co_await secured->stream->write(bytes, kPatience));
      InputBuffer input(*secured->stream, 1024);
      const auto goodbye = co_await read_frame(input, kPatience);
      EXPECT_EQ(goodbye->header.kind, FrameKind::goodbye);
      co_return error_of(*goodbye).code();
    }(*this, c));
    EXPECT_EQ(code, c.code);
  }
}

TEST_F(Rpc, CutsOffQuietConnections) {
  ServerOptions options;
  options.idle_timeout = 10ms;
  begin(memory_, options, true);
  block_on(real_, [](Rpc& self) -> Task<void> {
    auto stream = co_await self.memory_.net().connect(self.server_->address(), kPatience);
    auto secured = co_await self.client_security_->connect(
        std::move(*stream), self.server_key_.public_key(), kPatience);
    Bytes buffer(10);
    EXPECT_EQ((co_await secured->stream->read_some(buffer, kPatience)).value(), 0U);
  }(*this));
}

TEST(RouterType, DispatchesByNumber) {
  BlockingPool pool(1);
  RealRuntime runtime(pool, "test");
  Router router;
  router.add(5, "five", [](CallContext, Message request) -> Task<Result<Message>> {
    request.head.push_back(5);
    co_return request;
  });
  EXPECT_EQ(block_on(runtime, router.dispatch({}, 5, {}))->head, Bytes{5});
  EXPECT_EQ(block_on(runtime, router.dispatch({}, 6, {})).error().code(), Errc::unknown_method);
  runtime.stop();
}

class Loopback : public ::testing::TestWithParam<bool> {
 protected:
  Loopback() : caller_(pool_, "caller"), callee_(pool_, "callee") {}
  ~Loopback() override {
    caller_.stop();
    callee_.stop();
  }
  Runtime& callee_runtime() { return GetParam() ? static_cast<Runtime&>(caller_) : callee_; }

  BlockingPool pool_{1};
  RealRuntime caller_;
  RealRuntime callee_;
};

TEST_P(Loopback, SharesBodiesAndKeepsTheRules) {
  crypto::MachineKey self;
  self.value[0] = 9;
  Callee callee(callee_runtime());
  const auto channel = make_loopback_channel(caller_, callee_runtime(), callee.router, self);
  const Buffer body = Buffer::zeroed(4096);
  const auto reply = block_on(caller_, call<Note>(*channel, kEcho, note(3, "x"), body, kPatience));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head.text, "x");
  EXPECT_EQ(reply->body.data(), body.data());
  EXPECT_EQ(callee.last_peer, self);
  const auto code_of = [&](std::uint16_t method, Buffer sent, Duration timeout) {
    const Note request = note(1);
    return block_on(caller_, call<Note>(*channel, method, request, std::move(sent), timeout))
        .error()
        .code();
  };
  EXPECT_EQ(code_of(kNobody, {}, kPatience), Errc::unknown_method);
  EXPECT_EQ(code_of(kRefuse, {}, kPatience), Errc::no_such_fragment);
  EXPECT_EQ(code_of(kThrow, {}, kPatience), Errc::internal);
  EXPECT_EQ(code_of(kLarge, {}, kPatience), Errc::message_too_large);
  EXPECT_EQ(code_of(kEcho, Buffer::zeroed(kMaxBodyBytes + 1), kPatience), Errc::message_too_large);
  EXPECT_EQ(code_of(kWait, {}, 10ms), Errc::deadline_exceeded);
  caller_.stop();
  callee_.stop();
}

INSTANTIATE_TEST_SUITE_P(SameOrOtherRuntime, Loopback, ::testing::Bool());

}  // namespace
}  // namespace stratos::net
