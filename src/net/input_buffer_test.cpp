#include "net/input_buffer.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/testing/memory_net.hpp"

namespace stratos::net {
namespace {

constexpr Duration kPatience = 20s;

class InputBufferTest : public ::testing::Test {
 public:
  ~InputBufferTest() override { runtime_.stop(); }

  // A stream that delivers `text` in pieces of at most `max_read` and ends.
  Task<std::unique_ptr<Stream>> stream_of(std::string text, std::size_t max_read) {
    testing::StreamPair pair = testing::make_stream_pair(runtime_, {max_read, UINT64_MAX});
    EXPECT_TRUE(co_await pair.a->write(as_bytes(text), kPatience));
    pair.a->shutdown();
    kept_.push_back(std::move(pair.a));
    co_return std::move(pair.b);
  }
  void drop_streams() {
    block_on(runtime_, [](InputBufferTest& self) -> Task<void> {
      self.kept_.clear();
      co_return;
    }(*this));
  }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "test"};
  std::vector<std::unique_ptr<Stream>> kept_;
};

TEST_F(InputBufferTest, GrowsUpToTheLimitAndNoFurther) {
  block_on(runtime_, [](InputBufferTest& self) -> Task<void> {
    const auto stream = co_await self.stream_of(std::string(5000, 'x'), SIZE_MAX);
    InputBuffer input(*stream, 16);
    EXPECT_EQ((co_await input.fill(1000, kPatience)).value(), 16U);
    std::size_t fills = 1;
    Result<std::size_t> more(0);
    while ((more = co_await input.fill(1000, kPatience))) ++fills;
    EXPECT_EQ(more.error().code(), Errc::too_large);
    EXPECT_EQ(input.pending().size(), 1000U);
    EXPECT_LT(fills, 8U);
    input.consume(1);
    EXPECT_EQ((co_await input.fill(1000, kPatience)).value(), 1U);
  }(*this));
  drop_streams();
}

TEST_F(InputBufferTest, GivesPendingBytesFirstThenReadsStraight) {
  block_on(runtime_, [](InputBufferTest& self) -> Task<void> {
    const auto stream = co_await self.stream_of("abcdefghij", SIZE_MAX);
    InputBuffer input(*stream, 4);
    EXPECT_TRUE(co_await input.fill(4, kPatience));
    input.consume(1);
    Bytes out(8);
    EXPECT_EQ((co_await input.read_some(out, kPatience)).value(), 3U);
    EXPECT_EQ(as_text(ByteView(out).first(3)), "bcd");
    EXPECT_EQ((co_await input.read_some(out, kPatience)).value(), 6U);
    EXPECT_EQ(as_text(ByteView(out).first(6)), "efghij");
    EXPECT_EQ((co_await input.read_some(out, kPatience)).value(), 0U);
  }(*this));
  drop_streams();
}

TEST_F(InputBufferTest, ReportsAnEndInsideWhatWasWanted) {
  block_on(runtime_, [](InputBufferTest& self) -> Task<void> {
    const auto stream = co_await self.stream_of("abc", SIZE_MAX);
    InputBuffer input(*stream, 16);
    EXPECT_TRUE(co_await input.fill_to(3, kPatience));
    EXPECT_EQ((co_await input.fill_to(4, kPatience)).error().code(), Errc::connection_lost);
    Bytes out(4);
    EXPECT_EQ((co_await input.read_exactly(out, kPatience)).error().code(), Errc::connection_lost);
  }(*this));
  drop_streams();
}

TEST_F(InputBufferTest, ShrinksOnlyWhenNothingIsPending) {
  block_on(runtime_, [](InputBufferTest& self) -> Task<void> {
    const auto stream = co_await self.stream_of(std::string(200, 'x') + "end", SIZE_MAX);
    InputBuffer input(*stream, 8);
    EXPECT_TRUE(co_await input.fill_to(200, kPatience));
    input.consume(199);
    input.shrink();
    EXPECT_EQ(as_text(input.pending()).substr(0, 1), "x");
    input.consume(input.pending().size());
    input.shrink();
    EXPECT_TRUE(co_await input.fill_to(3, kPatience));
    EXPECT_EQ(as_text(input.pending()), "end");
  }(*this));
  drop_streams();
}

// Any mix of fills, reads and consumption yields the bytes of the stream in order.
TEST_F(InputBufferTest, LosesAndRepeatsNothing) {
  EXPECT_TRUE(rc::check([this](const std::vector<std::uint8_t>& steps) {
    const std::string got = block_on(
        runtime_, [](InputBufferTest& self, std::vector<std::uint8_t> moves) -> Task<std::string> {
          std::string text;
          for (int i = 0; i < 700; ++i) text += std::to_string(i);
          const auto stream = co_await self.stream_of(text, 50);
          InputBuffer input(*stream, 8);
          std::string seen;
          Bytes out(256);
          for (const std::uint8_t move : moves) {
            const std::size_t size = move / 3U + 1;
            if (move % 3 == 0) {
              [[maybe_unused]] const auto filled = co_await input.fill(300, kPatience);
            } else if (move % 3 == 1) {
              const std::size_t count = std::min(size, input.pending().size());
              seen += as_text(input.pending().first(count));
              input.consume(count);
            } else {
              const auto read =
                  co_await input.read_some(MutableByteView(out).first(size), kPatience);
              seen += as_text(ByteView(out).first(read.value()));
            }
          }
          const bool prefix = text.starts_with(seen);
          co_return prefix ? "" : seen;
        }(*this, steps));
    RC_ASSERT(got.empty());
    drop_streams();
  }));
}

}  // namespace
}  // namespace stratos::net
