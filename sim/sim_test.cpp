#include <gtest/gtest.h>

#include "base/log.hpp"
#include "runtime/conformance.hpp"
#include "sim/sim_world.hpp"

namespace stratos {
namespace {

class SimHarness {
 public:
  SimHarness() {
    world_.start("one", {250ms, 400});
    world_.start("two", {-3s, -900});
  }
  Runtime& runtime() { return world_.runtime("one"); }
  Runtime& other() { return world_.runtime("two"); }
  std::string address() { return "one:0"; }
  void run(Task<void> task) {
    EXPECT_TRUE(world_.run_task("one", std::move(task), 10min).has_value());
  }

 private:
  sim::SimWorld world_{4711};
};

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, RuntimeConformance, SimHarness);
}  // namespace conformance

namespace sim {
namespace {

using namespace conformance;

std::string name_of_node(int i) { return "n" + std::to_string(i); }

// A node that answers on port 7 and a client that asks its peers for ever.
Task<void> ask_once(Runtime& runtime, std::string peer, std::uint64_t& answered) {
  auto stream = co_await runtime.net().connect(peer + ":7", 500ms);
  if (!stream) co_return;
  for (int i = 0; i < 3; ++i) {
    const Bytes question = pattern(1 + runtime.random().below(300));
    if (!co_await (*stream)->write(question, 500ms)) co_return;
    Bytes answer(question.size());
    std::size_t have = 0;
    while (have < answer.size()) {
      const auto got = co_await (*stream)->read_some(MutableByteView(answer).subspan(have), 500ms);
      if (!got || *got == 0) co_return;
      have += *got;
    }
    EXPECT_EQ(answer, question);
    ++answered;
  }
}

class Chatter {
 public:
  Chatter(Runtime& runtime, int nodes, Duration pause, std::uint64_t& answered)
      : runtime_(runtime),
        nodes_(nodes),
        pause_(pause),
        answered_(answered),
        group_(runtime, "chat") {
    listener_ = runtime.net().listen(":7").value();
    group_.spawn(serve_echo(*listener_, group_));
    group_.spawn(ask());
  }

 private:
  Task<void> ask() {
    while (co_await runtime_.sleep(pause_ + Duration(runtime_.random().below(1'000'000)))) {
      const auto peer =
          static_cast<int>(runtime_.random().below(static_cast<std::uint64_t>(nodes_)));
      co_await ask_once(runtime_, name_of_node(peer), answered_);
      co_await runtime_.offload([] {}, 100us);
    }
  }

  Runtime& runtime_;
  int nodes_;
  Duration pause_;
  std::uint64_t& answered_;
  std::unique_ptr<Listener> listener_;
  TaskGroup group_;
};

struct Chat {
  explicit Chat(std::uint64_t seed, int node_count, Duration between)
      : nodes(node_count), pause(between), world(seed) {
    for (int i = 0; i < nodes; ++i) up(name_of_node(i));
  }
  void up(const std::string& name) {
    SimRuntime& runtime = world.start(name);
    runtime.keep(std::make_unique<Chatter>(runtime, nodes, pause, answered));
  }
  int nodes;
  Duration pause;
  std::uint64_t answered = 0;
  SimWorld world;
};

// Crashes, cuts and resets drawn from the world's seed.
void disturb(Chat& chat) {
  SimWorld& world = chat.world;
  const auto count = static_cast<std::uint64_t>(chat.nodes);
  const std::string name = name_of_node(static_cast<int>(world.random().below(count)));
  const std::string other = name_of_node(static_cast<int>(world.random().below(count)));
  switch (world.random().below(5)) {
    case 0:
    case 1:
      if (world.is_up(name)) {
        world.crash(name, world.random().below(2) == 0 ? Crash::process : Crash::power);
      } else {
        chat.up(name);
      }
      break;
    case 2:
      world.network().cut(name, other);
      break;
    case 3:
      world.network().heal_all();
      break;
    default:
      world.network().reset_connections(name, other);
      break;
  }
}

std::uint64_t hash_of_run(std::uint64_t seed) {
  Chat chat(seed, 5, 20ms);
  for (int i = 0; i < 100; ++i) {
    chat.world.run_for(50ms);
    disturb(chat);
  }
  EXPECT_GT(chat.answered, 100U);
  return chat.world.trace_hash();
}

TEST(SimWorld, TheSameSeedGivesTheSameRun) {
  const std::uint64_t first = hash_of_run(1);
  EXPECT_EQ(hash_of_run(1), first);
  EXPECT_NE(hash_of_run(2), first);
}

TEST(SimWorld, SurvivesAThousandCrashesAtAnyMoment) {
  Chat chat(99, 6, 1ms);
  int crashes = 0;
  while (crashes < 1000) {
    const std::uint64_t steps = chat.world.random().below(120);
    for (std::uint64_t i = 0; i < steps; ++i) chat.world.step();
    const std::string name = name_of_node(static_cast<int>(chat.world.random().below(6)));
    chat.world.crash(name, crashes % 2 == 0 ? Crash::process : Crash::power);
    ++crashes;
    chat.up(name);
  }
  EXPECT_GT(chat.answered, 500U);
  chat.world.run_for(10s);
  EXPECT_LT(chat.world.network().connections(), 100U);
}

TEST(SimWorld, AnHourOfChattingPasses) {
  Chat chat(5, 6, 2s);
  chat.world.run_for(1h);
  EXPECT_EQ(chat.world.now().since_start, 1h);
  EXPECT_GT(chat.answered, 30'000U);
  RecordProperty("switches", std::to_string(chat.world.switches()));
}

Task<Result<Bytes>> ask_echo(Runtime& runtime, std::string address, Duration timeout) {
  STRATOS_CO_TRY(auto stream, co_await runtime.net().connect(std::move(address), timeout));
  STRATOS_CO_CHECK(co_await stream->write(as_bytes("ping"), timeout));
  Bytes answer(4);
  std::size_t have = 0;
  while (have < answer.size()) {
    STRATOS_CO_TRY(const std::size_t got,
                   co_await stream->read_some(MutableByteView(answer).subspan(have), timeout));
    if (got == 0) co_return fail(Errc::connection_lost);
    have += got;
  }
  co_return answer;
}

class EchoService {
 public:
  explicit EchoService(Runtime& runtime) : group_(runtime, "echo") {
    listener_ = runtime.net().listen(":7").value();
    group_.spawn(serve_echo(*listener_, group_));
  }

 private:
  std::unique_ptr<Listener> listener_;
  TaskGroup group_;
};

class SimNet : public testing::Test {
 protected:
  SimNet() {
    world_.start("client");
    start_server();
  }
  void start_server() {
    SimRuntime& server = world_.start("server");
    server.keep(std::make_unique<EchoService>(server));
  }
  Result<Bytes> ask(Duration timeout) {
    auto task = ask_echo(world_.runtime("client"), "server:7", timeout);
    return world_.run_task("client", std::move(task), 1h).value();
  }
  SimWorld world_{7};
};

TEST_F(SimNet, RefusesUnknownNodesAndPorts) {
  auto unknown = ask_echo(world_.runtime("client"), "nobody:7", 5s);
  EXPECT_EQ(world_.run_task("client", std::move(unknown), 1h)->error().code(),
            Errc::connection_refused);
  auto port = ask_echo(world_.runtime("client"), "server:8", 5s);
  EXPECT_EQ(world_.run_task("client", std::move(port), 1h)->error().code(),
            Errc::connection_refused);
  EXPECT_EQ(world_.runtime("client").net().listen("server:9").error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(world_.runtime("server").net().listen("server:7").error().code(), Errc::address_in_use);
}

TEST_F(SimNet, AnInjectedRefusalEnds) {
  world_.network().refuse("client", "server", true);
  EXPECT_EQ(ask(5s).error().code(), Errc::connection_refused);
  world_.network().refuse("client", "server", false);
  EXPECT_TRUE(ask(5s).has_value());
}

TEST_F(SimNet, APartitionStallsAndHealingResumes) {
  world_.network().partition({"client"}, {"server"});
  EXPECT_EQ(ask(5s).error().code(), Errc::deadline_exceeded);
  world_.after(10s, [this] { world_.network().heal_all(); });
  const MonotonicTime before = world_.now();
  EXPECT_EQ(as_text(ask(1min).value()), "ping");
  EXPECT_GE(world_.now() - before, 10s);
  EXPECT_LT(world_.now() - before, 11s);
}

TEST_F(SimNet, AOneWayCutLosesOnlyTheAnswer) {
  Bytes seen(4);
  auto listener = world_.runtime("server").net().listen(":9").value();
  std::unique_ptr<Stream> far;
  TaskGroup group(world_.runtime("server"), "accept");
  group.spawn(accept_into(*listener, far));
  auto connect = world_.runtime("client").net().connect("server:9", 5s);
  auto near = world_.run_task("client", std::move(connect), 1h).value().value();
  world_.network().cut("server", "client");
  const auto write = [&](const char* node, Stream& stream) {
    return world_.run_task(node, stream.write(as_bytes("ping"), 5s), 1h)->has_value();
  };
  EXPECT_TRUE(write("client", *near));
  EXPECT_TRUE(world_.run_task("server", far->read_some(seen, 5s), 1h)->has_value());
  EXPECT_TRUE(write("server", *far));
  const auto lost = world_.run_task("client", near->read_some(seen, 5s), 1h);
  EXPECT_EQ(lost->error().code(), Errc::deadline_exceeded);
  world_.network().heal("server", "client");
  EXPECT_TRUE(world_.run_task("client", near->read_some(seen, 5s), 1h)->has_value());
}

TEST_F(SimNet, SlowLinksTakeTheirTime) {
  world_.network().set_link("client", "server", {1ms, 1ms, 1'000'000});
  auto task = echoes_a_mebibyte(world_.runtime("server"), "server:0");
  EXPECT_TRUE(world_.run_task("server", std::move(task), 1h).has_value());
  auto listener = world_.runtime("server").net().listen(":9").value();
  std::unique_ptr<Stream> far;
  TaskGroup group(world_.runtime("server"), "accept");
  group.spawn(accept_into(*listener, far));
  auto connect = world_.runtime("client").net().connect("server:9", 5s);
  auto near = world_.run_task("client", std::move(connect), 1h).value().value();
  const Bytes data = pattern(200'000);
  const MonotonicTime before = world_.now();
  EXPECT_TRUE(world_.run_task("client", near->write(data, 5s), 1h)->has_value());
  const auto read = world_.run_task("server", read_exactly(*far, data.size()), 1h);
  EXPECT_TRUE(read->value() == data);
  EXPECT_GE(world_.now() - before, 200ms);
  EXPECT_LT(world_.now() - before, 250ms);
}

Task<Errc> read_until_error(Runtime& runtime, std::string address, Duration timeout) {
  auto stream = co_await runtime.net().connect(std::move(address), timeout);
  if (!stream) co_return stream.error().code();
  Bytes buffer(16);
  const auto got = co_await (*stream)->read_some(buffer, timeout);
  co_return got ? Errc::internal : got.error().code();
}

TEST_F(SimNet, AProcessCrashResetsAndAPowerLossIsSilent) {
  auto read = read_until_error(world_.runtime("client"), "server:7", 5s);
  world_.after(1s, [this] { world_.crash("server", Crash::process); });
  EXPECT_EQ(world_.run_task("client", std::move(read), 1h), Errc::connection_lost);
  EXPECT_EQ(ask(5s).error().code(), Errc::connection_refused);
  start_server();
  EXPECT_TRUE(ask(5s).has_value());

  auto silent = read_until_error(world_.runtime("client"), "server:7", 5s);
  world_.after(1s, [this] { world_.crash("server", Crash::power); });
  EXPECT_EQ(world_.run_task("client", std::move(silent), 1h), Errc::deadline_exceeded);
  EXPECT_EQ(ask(5s).error().code(), Errc::deadline_exceeded);
  start_server();
  EXPECT_TRUE(ask(5s).has_value());
}

Task<Errc> write_over_restart(Runtime& runtime, std::string address) {
  auto stream = co_await runtime.net().connect(std::move(address), 5s);
  co_await runtime.sleep(10s);
  Bytes buffer(16);
  EXPECT_TRUE((co_await (*stream)->write(as_bytes("hello"), 5s)));
  const auto got = co_await (*stream)->read_some(buffer, 1min);
  co_return got ? Errc::internal : got.error().code();
}

TEST_F(SimNet, ARestartedNodeDoesNotKnowOldConnections) {
  auto task = write_over_restart(world_.runtime("client"), "server:7");
  world_.after(1s, [this] { world_.crash("server", Crash::power); });
  world_.after(20s, [this] { start_server(); });
  EXPECT_EQ(world_.run_task("client", std::move(task), 1h), Errc::connection_lost);
}

TEST_F(SimNet, InjectedResetsReachBothSides) {
  auto read = read_until_error(world_.runtime("client"), "server:7", 5s);
  world_.after(1s, [this] { world_.network().reset_connections("server", "client"); });
  EXPECT_EQ(world_.run_task("client", std::move(read), 1h), Errc::connection_lost);
  EXPECT_EQ(world_.network().connections(), 0U);
}

TEST(SimRuntime, ClocksAreSkewedAndDrift) {
  SimWorld world(1);
  SimRuntime& exact = world.start("exact");
  SimRuntime& fast = world.start("fast", {2s, 10'000});
  world.run_for(1000s);
  EXPECT_EQ(fast.wall_now().ms - exact.wall_now().ms, 2000 + 10'000);
  EXPECT_EQ(fast.now() - exact.now(), 10s);
  // Its timers run as its clock does.
  const MonotonicTime before = world.now();
  EXPECT_TRUE(world.run_task("fast", fast.sleep(101s), 1h)->has_value());
  EXPECT_NEAR(static_cast<double>((world.now() - before).count()), 1e11, 1e6);
}

TEST(SimRuntime, RandomnessDependsOnSeedNodeAndIncarnation) {
  const auto draw = [](std::uint64_t seed, const std::string& name, int incarnation) {
    SimWorld world(seed);
    for (int i = 1; i < incarnation; ++i) {
      world.start(name);
      world.crash(name);
    }
    return world.start(name).random().next_u64();
  };
  EXPECT_EQ(draw(1, "a", 1), draw(1, "a", 1));
  EXPECT_NE(draw(1, "a", 1), draw(2, "a", 1));
  EXPECT_NE(draw(1, "a", 1), draw(1, "b", 1));
  EXPECT_NE(draw(1, "a", 1), draw(1, "a", 2));
}

Task<void> note_turns(Runtime& runtime, std::string name, std::vector<std::string>& out) {
  for (int i = 0; i < 4; ++i) {
    out.push_back(name + std::to_string(i));
    co_await runtime.sleep(0s);
  }
}

std::vector<std::string> turns(std::uint64_t seed) {
  SimWorld world(seed);
  std::vector<std::string> out;
  TaskGroup a(world.start("a"), "a");
  TaskGroup b(world.start("b"), "b");
  a.spawn(note_turns(world.runtime("a"), "a", out));
  b.spawn(note_turns(world.runtime("b"), "b", out));
  world.run_for(1s);
  return out;
}

TEST(SimWorld, ShufflesBetweenNodesAndKeepsOrderWithinOne) {
  std::vector<std::vector<std::string>> orders;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto order = turns(seed);
    EXPECT_EQ(order.size(), 8U);
    orders.push_back(order);
    std::erase_if(order, [](const std::string& turn) { return turn[0] != 'a'; });
    EXPECT_EQ(order, (std::vector<std::string>{"a0", "a1", "a2", "a3"}));
  }
  std::ranges::sort(orders);
  const auto unique = std::ranges::unique(orders);
  EXPECT_GT(orders.size() - unique.size(), 2U);
}

Task<void> crash_itself(SimWorld& world, Runtime& runtime, bool& after) {
  const auto crash = [&world] { world.crash_soon("a", Crash::power); };
  co_await runtime.offload(crash, 1ms);
  co_await runtime.sleep(1ms);
  after = true;
}

TEST(SimWorld, ANodeMayCrashInsideItsOwnWork) {
  SimWorld world(3);
  SimRuntime& runtime = world.start("a");
  bool after = false;
  EXPECT_FALSE(world.run_task("a", crash_itself(world, runtime, after), 1h).has_value());
  EXPECT_FALSE(world.is_up("a"));
  EXPECT_FALSE(after);
  EXPECT_LT(world.now().since_start, 1s);
}

struct Order {
  Order(std::vector<std::string>& log, std::string name) : out(log), what(std::move(name)) {}
  ~Order() { out.push_back(what); }
  std::vector<std::string>& out;
  std::string what;
};

Task<void> hold(Runtime& runtime, std::vector<std::string>& out) {
  const Order order(out, "frame");
  co_await runtime.sleep(1h);
}

TEST(SimWorld, FramesDieBeforeServicesAndServicesInReverse) {
  std::vector<std::string> out;
  SimWorld world(3);
  SimRuntime& runtime = world.start("a");
  runtime.keep(std::make_unique<Order>(out, "first"));
  TaskGroup& group = runtime.keep(std::make_unique<TaskGroup>(runtime, "group"));
  runtime.keep(std::make_unique<Order>(out, "last"));
  group.spawn(hold(runtime, out));
  world.run_for(1s);
  world.crash("a");
  EXPECT_EQ(out, (std::vector<std::string>{"frame", "last", "first"}));
}

TEST(SimWorld, WhatIsPostedToTheDeadIsBuried) {
  SimWorld world(3);
  const auto executor = world.start("a").executor();
  world.crash("a");
  const auto owned = std::make_shared<int>(1);
  bool ran = false;
  post_to(executor, [&ran, owned] { ran = true; });
  world.start("a");
  world.run_for(1s);
  EXPECT_FALSE(ran);
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
}  // namespace sim
}  // namespace stratos
