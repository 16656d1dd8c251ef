#include "net/rpc_frame.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/testing/memory_net.hpp"
#include "runtime/task_group.hpp"

namespace stratos::net {
namespace {

constexpr Duration kPatience = 20s;
using HeaderBytes = std::array<std::uint8_t, kFrameHeaderBytes>;

HeaderBytes bytes_of(const FrameHeader& header) {
  HeaderBytes bytes;
  encode_header(header, bytes);
  return bytes;
}

TEST(FrameHeader, HasTheDocumentedBytes) {
  const FrameHeader header{FrameKind::request, 0x0102, 0x1122334455667788, 3, 4, 5000};
  EXPECT_EQ(to_hex(bytes_of(header)),
            "53525001010002018877665544332211030000000400000088130000"
            "00000000");
}

TEST(FrameHeader, NamesTheSizeOfAnExtension) {
  FrameHeader header{FrameKind::request, 1, 2, 3, 4, 5};
  header.extension_bytes = 0x0102;
  EXPECT_EQ(to_hex(ByteView(bytes_of(header)).last(4)), "02010000");
  EXPECT_EQ(decode_header(bytes_of(header))->extension_bytes, 0x0102);
  header.extension_bytes = kMaxExtensionBytes + 1;
  EXPECT_EQ(decode_header(bytes_of(header)).error().code(), Errc::message_too_large);
  header.extension_bytes = 1;
  header.method = 0;
  header.kind = FrameKind::response;
  EXPECT_EQ(decode_header(bytes_of(header)).error().code(), Errc::malformed_message);
}

TraceContext some_trace(std::uint8_t byte) {
  TraceContext trace;
  trace.trace.value.fill(byte);
  trace.span.value.fill(static_cast<std::uint8_t>(byte + 1));
  trace.sampled = byte % 2 == 1;
  return trace;
}

TEST(RequestExtension, HasTheDocumentedBytes) {
  const Frame frame = request_frame(1, 1, 1s, {}, some_trace(1));
  EXPECT_EQ(to_hex(frame.extension),
            "0a10"
            "01010101010101010101010101010101"
            "1208"
            "0202020202020202"
            "1801");
  EXPECT_EQ(trace_of(frame).value(), some_trace(1));
  EXPECT_TRUE(request_frame(1, 1, 1s, {}, {}).extension.empty());
  EXPECT_FALSE(trace_of(request_frame(1, 1, 1s, {}, {}))->exists());
}

TEST(RequestExtension, MayHoldFieldsThatAreNotKnown) {
  Frame frame = request_frame(1, 1, 1s, {}, some_trace(1));
  codec::put_bytes_field(frame.extension, 4, as_bytes("later"));
  codec::put_varint_field(frame.extension, 99, 7);
  EXPECT_EQ(trace_of(frame).value(), some_trace(1));
  frame.extension.pop_back();
  EXPECT_EQ(trace_of(frame).error().code(), Errc::bad_encoding);
}

TEST(FrameHeader, ComesBackAsItWas) {
  EXPECT_TRUE(rc::check([](std::uint16_t method, std::uint64_t id, std::uint32_t value) {
    const FrameHeader in{FrameKind::request, method, id, 17, 4096, value};
    const FrameHeader out = decode_header(bytes_of(in)).value();
    RC_ASSERT((out.method == method && out.id == id && out.value == value));
    RC_ASSERT((out.head_bytes == 17U && out.body_bytes == 4096U));
  }));
}

TEST(FrameHeader, RefusesWhatItShould) {
  struct Case {
    std::size_t at;
    std::uint8_t byte;
    Errc code;
  };
  const HeaderBytes good = bytes_of({FrameKind::response, 0, 1, 3, 4, 0});
  ASSERT_TRUE(decode_header(good));
  for (const auto& [at, byte, code] : std::vector<Case>{{0, 'X', Errc::malformed_message},
                                                        {2, 'X', Errc::malformed_message},
                                                        {3, 2, Errc::unknown_format},
                                                        {4, 0, Errc::malformed_message},
                                                        {4, 5, Errc::malformed_message},
                                                        {4, 4, Errc::malformed_message},
                                                        {4, 3, Errc::malformed_message},
                                                        {5, 1, Errc::malformed_message},
                                                        {6, 1, Errc::malformed_message},
                                                        {19, 1, Errc::message_too_large},
                                                        {23, 1, Errc::message_too_large},
                                                        {28, 1, Errc::malformed_message},
                                                        {30, 1, Errc::malformed_message},
                                                        {31, 1, Errc::malformed_message}}) {
    HeaderBytes bad = good;
    bad[at] = byte;
    EXPECT_EQ(decode_header(bad).error().code(), code) << at << "=" << int{byte};
  }
}

TEST(FrameHeader, BoundsLengthsExactly) {
  const auto limit = static_cast<std::uint32_t>(kMaxBodyBytes);
  EXPECT_TRUE(decode_header(bytes_of({FrameKind::request, 1, 1, limit, limit, 1})));
  EXPECT_FALSE(decode_header(bytes_of({FrameKind::request, 1, 1, limit + 1, 0, 1})));
  EXPECT_FALSE(decode_header(bytes_of({FrameKind::request, 1, 1, 0, limit + 1, 1})));
  EXPECT_TRUE(decode_header(bytes_of({FrameKind::error, 0, 1, 1024, 0, 7})));
  EXPECT_FALSE(decode_header(bytes_of({FrameKind::error, 0, 1, 1025, 0, 7})));
  EXPECT_FALSE(decode_header(bytes_of({FrameKind::error, 0, 1, 0, 0, 65536})));
}

TEST(Frames, RoundTheTimeLeftUpAndKeepItPositive) {
  EXPECT_EQ(request_frame(1, 1, 1500us, {}, {}).header.value, 2U);
  EXPECT_EQ(request_frame(1, 1, -5s, {}, {}).header.value, 1U);
  EXPECT_EQ(request_frame(1, 1, 24h * 365, {}, {}).header.value, UINT32_MAX);
}

TEST(Frames, TurnAnswersOverTheLimitIntoErrors) {
  Message large;
  large.head.resize(kMaxHeadBytes + 1);
  const Frame refused = answer_frame(9, std::move(large));
  EXPECT_EQ(refused.header.kind, FrameKind::error);
  EXPECT_EQ(error_of(refused).code(), Errc::message_too_large);
  const Frame wordy = answer_frame(9, fail(Errc::not_found, std::string(5000, 'x')));
  EXPECT_EQ(wordy.message.head.size(), kMaxErrorTextBytes);
  EXPECT_EQ(error_of(wordy).code(), Errc::not_found);
}

class FrameStream : public ::testing::Test {
 protected:
  ~FrameStream() override { runtime_.stop(); }

  static Frame numbered(std::uint64_t id, std::size_t head_bytes, std::size_t body_bytes) {
    Message message;
    message.head.assign(head_bytes, static_cast<std::uint8_t>(id));
    Bytes body(body_bytes, static_cast<std::uint8_t>(id + 1));
    if (body_bytes > 0) message.body = Buffer::copy_of(body);
    const TraceContext trace =
        id % 3 == 1 ? some_trace(static_cast<std::uint8_t>(id)) : TraceContext();
    return request_frame(7, id, 1s, std::move(message), trace);
  }
  static void expect_numbered(const Frame& frame, std::uint64_t id, std::size_t head_bytes,
                              std::size_t body_bytes) {
    EXPECT_EQ(frame.header.id, id);
    ASSERT_EQ(frame.message.head.size(), head_bytes);
    ASSERT_EQ(frame.message.body.size(), body_bytes);
    const Frame wanted = numbered(id, head_bytes, body_bytes);
    EXPECT_TRUE(frame.message.head == wanted.message.head);
    EXPECT_EQ(to_hex(frame.extension), to_hex(wanted.extension));
    EXPECT_TRUE(std::ranges::equal(frame.message.body.view(), wanted.message.body.view()));
  }
  // Head and body sizes that cross every threshold of writer and reader.
  using Sizes = std::vector<std::pair<std::size_t, std::size_t>>;
  static Sizes small_sizes() { return {{0, 0}, {1, 0}, {0, 1}, {100, 50}, {20, 9000}, {3, 4096}}; }
  static Sizes all_sizes() {
    Sizes sizes = small_sizes();
    sizes.insert(sizes.end(), {{100, 8192},
                               {100, 8193},
                               {70'000, 5},
                               {20'000, 200'000},
                               {0, kMaxBodyBytes},
                               {kMaxHeadBytes, 0},
                               {0, 0}});
    return sizes;
  }

  static Task<void> send_all(FrameWriter& writer, Sizes sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      Frame frame = numbered(i, sizes[i].first, sizes[i].second);
      EXPECT_TRUE(co_await writer.push(std::move(frame), kPatience));
    }
    writer.finish();
  }
  static Task<void> pass_frames(Runtime& runtime, testing::Arrival arrival, Sizes sizes) {
    testing::StreamPair pair = testing::make_stream_pair(runtime, arrival);
    FrameWriter writer(runtime, *pair.a);
    InputBuffer input(*pair.b, 16 * 1024);
    TaskGroup group(runtime, "frames");
    group.spawn(writer.run());
    group.spawn(send_all(writer, sizes));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const auto frame = co_await read_frame(input, kPatience);
      EXPECT_TRUE(frame);
      if (frame) expect_numbered(*frame, i, sizes[i].first, sizes[i].second);
    }
    co_await group.join();
  }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "test"};
};

TEST_F(FrameStream, PassesFramesOfAllSizesWhole) {
  block_on(runtime_, pass_frames(runtime_, {}, all_sizes()));
  block_on(runtime_, pass_frames(runtime_, {10'000, UINT64_MAX}, all_sizes()));
  for (std::uint64_t split = 0; split < 150; ++split) {
    block_on(runtime_, pass_frames(runtime_, {SIZE_MAX, split}, small_sizes()));
  }
}

TEST_F(FrameStream, BoundsItsQueueAndEndsWithItsStream) {
  block_on(runtime_, [](Runtime& runtime) -> Task<void> {
    testing::StreamPair pair = testing::make_stream_pair(runtime);
    FrameWriter writer(runtime, *pair.a);
    TaskGroup group(runtime, "frames");
    group.spawn(writer.run());
    int pushed = 0;
    while (true) {
      const auto result = co_await writer.push(numbered(1, 0, 1 << 20), 10ms);
      if (!result) {
        EXPECT_EQ(result.error().code(), Errc::deadline_exceeded);
        break;
      }
      ++pushed;
    }
    EXPECT_LT(pushed, 32);
    pair.b.reset();
    co_await group.join();
    EXPECT_EQ((co_await writer.push(numbered(1, 0, 0), 10ms)).error().code(),
              Errc::connection_lost);
  }(runtime_));
}

TEST_F(FrameStream, TellsIdlePeersFromBrokenOnes) {
  block_on(runtime_, [](Runtime& runtime) -> Task<void> {
    testing::StreamPair pair = testing::make_stream_pair(runtime);
    InputBuffer input(*pair.b, 1024);
    EXPECT_EQ((co_await read_frame(input, 1ms)).error().code(), Errc::deadline_exceeded);
    const HeaderBytes header = bytes_of(goodbye_frame(Errc::overloaded).header);
    EXPECT_TRUE(co_await pair.a->write(header, kPatience));
    const auto frame = co_await read_frame(input, kPatience);
    EXPECT_EQ(error_of(*frame).code(), Errc::overloaded);
    EXPECT_TRUE(co_await pair.a->write(ByteView(header).first(31), kPatience));
    pair.a->shutdown();
    EXPECT_EQ((co_await read_frame(input, kPatience)).error().code(), Errc::connection_lost);
  }(runtime_));
}

}  // namespace
}  // namespace stratos::net
