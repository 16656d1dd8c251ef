#include "net/http_body.hpp"

#include <gtest/gtest.h>

#include "net/testing/memory_net.hpp"

namespace stratos::http {
namespace {

constexpr Duration kPatience = 20s;

// Time that only the test moves.
class VirtualRuntime final : public Runtime {
 public:
  boost::asio::any_io_executor executor() override { return {}; }
  MonotonicTime now() override { return time; }
  WallTime wall_now() override { return {}; }
  Random& random() override { return random_; }
  Net& net() override { std::abort(); }
  Parking& parking() override { std::abort(); }
  Task<void> offload_erased(std::move_only_function<void()>, Duration) override { std::abort(); }
  MonotonicTime time;

 private:
  SeededRandom random_{1};
};

class MessageBodyTest : public ::testing::Test {
 public:
  ~MessageBodyTest() override { runtime_.stop(); }

  struct Outcome {
    std::vector<std::size_t> sizes;  // of the parts
    std::string bytes;
    std::optional<Errc> error;
    std::string rest;  // what the body left in the input
  };
  // Reads a body out of `wire` in steps of `step` bytes.
  static Task<Outcome> read(Runtime& runtime, std::string wire, BodyFraming framing,
                            std::size_t step) {
    net::testing::StreamPair pair = net::testing::make_stream_pair(runtime);
    EXPECT_TRUE(co_await pair.a->write(as_bytes(wire), kPatience));
    pair.a->shutdown();
    net::InputBuffer input(*pair.b, 32);
    MessageBody body(input, framing, kPatience);
    Outcome outcome;
    while (true) {
      const auto part = co_await body.read(step);
      if (!part) outcome.error = part.error().code();
      if (!part || part->empty()) break;
      outcome.sizes.push_back(part->size());
      outcome.bytes += as_text(part->view());
    }
    EXPECT_EQ(body.complete(), !outcome.error);
    const auto again = co_await body.read(step);
    EXPECT_EQ(again.has_value(), !outcome.error);
    while ((co_await input.fill(100'000, kPatience)).value_or(0) > 0) {
    }
    outcome.rest = as_text(input.pending());
    co_return outcome;
  }
  Outcome read_now(std::string wire, BodyFraming framing, std::size_t step = 1000) {
    return block_on(runtime_, read(runtime_, std::move(wire), framing, step));
  }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "test"};
};

TEST_F(MessageBodyTest, FillsTheWantedSizeAndLeavesWhatFollows) {
  const std::string body(2500, 'b');
  const Outcome outcome = read_now(body + "next", {Framing::sized, 2500});
  EXPECT_EQ(outcome.sizes, (std::vector<std::size_t>{1000, 1000, 500}));
  EXPECT_EQ(outcome.bytes, body);
  EXPECT_EQ(outcome.rest, "next");
}

TEST_F(MessageBodyTest, EndsPartsAtTheEndOfAChunk) {
  const Outcome outcome =
      read_now("5\r\nhello\r\n3;x\r\nabc\r\n0\r\n\r\nnext", {Framing::chunked, 0}, 4);
  EXPECT_EQ(outcome.sizes, (std::vector<std::size_t>{4, 1, 3}));
  EXPECT_EQ(outcome.bytes, "helloabc");
  EXPECT_EQ(outcome.rest, "next");
}

TEST_F(MessageBodyTest, HasNoneOrReadsUntilTheEnd) {
  EXPECT_EQ(read_now("next", {Framing::none, 0}).rest, "next");
  EXPECT_EQ(read_now("all of it", {Framing::until_close, 0}, 4).bytes, "all of it");
}

TEST_F(MessageBodyTest, TellsCutFromMalformed) {
  EXPECT_EQ(read_now("abc", {Framing::sized, 4}).error, Errc::body_incomplete);
  EXPECT_EQ(read_now("", {Framing::chunked, 0}).error, Errc::body_incomplete);
  EXPECT_EQ(read_now("3\r\nabc", {Framing::chunked, 0}).error, Errc::body_incomplete);
  EXPECT_EQ(read_now("3\r\nabc\r\n0\r\n", {Framing::chunked, 0}).error, Errc::body_incomplete);
  EXPECT_EQ(read_now("3\r\nabcd\r\n", {Framing::chunked, 0}).error, Errc::malformed_message);
  EXPECT_EQ(read_now("0\r\nHost: a\r\n\r\n", {Framing::chunked, 0}).error, Errc::malformed_message);
}

TEST_F(MessageBodyTest, GivesTrailersAtTheEnd) {
  block_on(runtime_, [](Runtime& runtime) -> Task<void> {
    net::testing::StreamPair pair = net::testing::make_stream_pair(runtime);
    const std::string_view wire = "1\r\na\r\n0\r\nx-one: 1\r\nX-Two: 2\r\n\r\n";
    EXPECT_TRUE(co_await pair.a->write(as_bytes(wire), kPatience));
    net::InputBuffer input(*pair.b, 32);
    MessageBody body(input, {Framing::chunked, 0}, kPatience);
    EXPECT_FALSE(body.length().has_value());
    EXPECT_EQ((co_await body.read(10))->size(), 1U);
    EXPECT_TRUE(body.trailers().items().empty());
    EXPECT_TRUE((co_await body.read(10))->empty());
    EXPECT_EQ(body.trailers().get("X-One"), "1");
    EXPECT_EQ(body.trailers().get("x-two"), "2");
  }(runtime_));
}

TEST_F(MessageBodyTest, SendsContinueOnceAndOnlyToWhomWaits) {
  block_on(runtime_, [](Runtime& runtime) -> Task<void> {
    for (const bool early : {false, true}) {
      net::testing::StreamPair pair = net::testing::make_stream_pair(runtime);
      net::InputBuffer input(*pair.b, 32);
      MessageBody body(input, {Framing::sized, 4}, 10ms);
      body.promise_continue(*pair.b);
      if (early) {
        EXPECT_TRUE(co_await pair.a->write(as_bytes("ab"), kPatience));
        EXPECT_TRUE(co_await input.fill(32, kPatience));
      }
      EXPECT_EQ((co_await body.read(4)).error().code(), Errc::deadline_exceeded);
      pair.b->shutdown();
      Bytes seen(100);
      const auto count = co_await pair.a->read_some(seen, kPatience);
      EXPECT_EQ(*count, early ? 0U : std::string_view("HTTP/1.1 100 Continue\r\n\r\n").size());
    }
  }(runtime_));
}

TEST_F(MessageBodyTest, DrainsOnlyWhatIsLittle) {
  struct Case {
    std::string wire;
    BodyFraming framing;
    bool waits;
    bool drained;
  };
  for (const auto& [wire, framing, waits, drained] :
       std::vector<Case>{{"", {Framing::none, 0}, false, true},
                         {std::string(100, 'x'), {Framing::sized, 100}, false, true},
                         {std::string(100, 'x'), {Framing::sized, 100}, true, false},
                         {std::string(99, 'x'), {Framing::sized, 100}, false, false},
                         {std::string(65'537, 'x'), {Framing::sized, 65'537}, false, false},
                         {"1\r\na\r\n0\r\n\r\n", {Framing::chunked, 0}, false, true},
                         {"12000\r\n" + std::string(0x12000, 'x') + "\r\n0\r\n\r\n",
                          {Framing::chunked, 0},
                          false,
                          false},
                         {"bad", {Framing::chunked, 0}, false, false}}) {
    const bool result = block_on(
        runtime_, [](Runtime& runtime, std::string text, BodyFraming f, bool w) -> Task<bool> {
          net::testing::StreamPair pair = net::testing::make_stream_pair(runtime);
          EXPECT_TRUE(co_await pair.a->write(as_bytes(text), kPatience));
          pair.a->shutdown();
          net::InputBuffer input(*pair.b, 32);
          MessageBody body(input, f, kPatience);
          if (w) body.promise_continue(*pair.b);
          body.withdraw_continue();
          co_return co_await body.drain();
        }(runtime_, wire, framing, waits));
    EXPECT_EQ(result, drained) << wire.substr(0, 20);
  }
}

TEST(BodyPace, LetsBytesEarnTimeUpToTheTimeout) {
  VirtualRuntime clock;
  BodyPace pace(10s, &clock, 1000);
  EXPECT_EQ(pace.begin(), 10s);
  clock.time = clock.time + 8s;
  pace.end(1);
  EXPECT_EQ(pace.begin(), 2s + 1ms);
  clock.time = clock.time + 1s;
  pace.end(4000);
  EXPECT_EQ(pace.begin(), 5s + 1ms);
  pace.end(std::size_t{1} << 40);
  EXPECT_EQ(pace.begin(), 10s);
  clock.time = clock.time + 60s;
  pace.end(0);
  EXPECT_EQ(pace.begin(), 0s);
}

TEST(BodyPace, BoundsOnlySilenceWithoutARate) {
  VirtualRuntime clock;
  BodyPace pace(10s, &clock, 0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(pace.begin(), 10s);
    clock.time = clock.time + 9s;
    pace.end(1);
  }
}

}  // namespace
}  // namespace stratos::http
