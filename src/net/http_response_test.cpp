#include "net/http_response.hpp"

#include <gtest/gtest.h>

#include "net/testing/memory_net.hpp"

namespace stratos::http {
namespace {

constexpr Duration kPatience = 20s;
constexpr std::string_view kDate = "Sat, 21 Nov 2026 15:04:05 GMT";

// Counts how often the transport is asked to write.
class CountingStream final : public Stream {
 public:
  Task<Result<std::size_t>> read_some(MutableByteView, Duration) override {
    co_return std::size_t{0};
  }
  Task<Result<void>> write(ByteView data, Duration) override {
    ++writes;
    written += as_text(data);
    if (broken) co_return fail(Errc::connection_lost);
    co_return Result<void>{};
  }
  Task<Result<void>> write(ByteView head, ByteView body, Duration) override {
    ++writes;
    written.append(as_text(head)).append(as_text(body));
    bodies.push_back(body.data());
    co_return Result<void>{};
  }
  void shutdown() override {}
  void close() override {}
  std::string peer_name() const override { return "test"; }

  int writes = 0;
  bool broken = false;
  std::string written;
  std::vector<const std::uint8_t*> bodies;
};

class ResponseOutputTest : public ::testing::Test {
 public:
  ResponseOutputTest() { context_.date = kDate; }
  ~ResponseOutputTest() override { runtime_.stop(); }

  ResponseOutput make() { return {stream_, body_, context_}; }
  template <class T>
  T run(Task<T> task) {
    return block_on(runtime_, std::move(task));
  }
  static Buffer buffer(std::string_view text) { return Buffer::copy_of(as_bytes(text)); }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "test"};
  CountingStream stream_;
  net::InputBuffer input_{stream_, 16};
  MessageBody body_{input_, {}, kPatience};
  ResponseContext context_;
};

TEST_F(ResponseOutputTest, SendsHeadAndBodyInOneWriteWithoutCopying) {
  ResponseOutput output = make();
  const Buffer data = buffer("hello");
  Headers headers;
  headers.add("ETag", "\"1\"");
  EXPECT_TRUE(run(output.send(200, headers, data)));
  EXPECT_EQ(stream_.writes, 1);
  EXPECT_EQ(stream_.bodies.at(0), data.data());
  EXPECT_EQ(stream_.written,
            "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nDate: Sat, 21 Nov 2026 15:04:05 GMT\r\n"
            "Content-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(output.complete());
}

TEST_F(ResponseOutputTest, HoldsTheHeadForTheFirstBytes) {
  ResponseOutput output = make();
  EXPECT_TRUE(run(output.send_head(200, {}, 10)));
  EXPECT_TRUE(output.head_sent());
  EXPECT_EQ(stream_.writes, 0);
  EXPECT_TRUE(run(output.write(buffer("hello"))));
  EXPECT_TRUE(run(output.write(buffer("world"))));
  EXPECT_EQ(stream_.writes, 2);
  EXPECT_FALSE(output.complete());
  EXPECT_TRUE(run(output.finish()));
  EXPECT_EQ(stream_.writes, 2);
  EXPECT_TRUE(output.complete());
}

TEST_F(ResponseOutputTest, FramesChunksWithTheirNeighbours) {
  ResponseOutput output = make();
  EXPECT_TRUE(run(output.send_head(200, {}, std::nullopt)));
  EXPECT_TRUE(run(output.write(buffer(std::string(26, 'a')))));
  EXPECT_TRUE(run(output.write({})));
  EXPECT_TRUE(run(output.write(buffer("b"))));
  EXPECT_TRUE(run(output.finish()));
  EXPECT_EQ(stream_.writes, 3);
  const std::string body = stream_.written.substr(stream_.written.find("\r\n\r\n") + 4);
  EXPECT_EQ(body, "1a\r\n" + std::string(26, 'a') + "\r\n1\r\nb\r\n0\r\n\r\n");
}

TEST_F(ResponseOutputTest, WritesAnEmptyBodyAtTheEnd) {
  ResponseOutput output = make();
  EXPECT_TRUE(run(output.send_head(200, {}, 0)));
  EXPECT_TRUE(run(output.finish()));
  EXPECT_TRUE(run(output.finish()));
  EXPECT_EQ(stream_.writes, 1);
  EXPECT_TRUE(stream_.written.ends_with("Content-Length: 0\r\n\r\n"));
}

TEST_F(ResponseOutputTest, OwnsFramingFieldsButObeysClose) {
  ResponseOutput output = make();
  Headers headers;
  headers.add("Content-Length", "99");
  headers.add("transfer-encoding", "gzip");
  headers.add("Connection", "x, Close");
  headers.add("Date", "own");
  EXPECT_TRUE(run(output.send(404, headers, {})));
  EXPECT_EQ(stream_.written,
            "HTTP/1.1 404 Not Found\r\nDate: own\r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_FALSE(output.keep_alive());
}

TEST_F(ResponseOutputTest, LeavesLengthsOutWhereTheyWouldLie) {
  struct Case {
    int status;
    std::optional<std::uint64_t> length;
    bool head_request;
    bool has_length;
    bool has_chunks;
  };
  for (const Case& c : std::vector<Case>{{204, 0, false, false, false},
                                         {204, std::nullopt, false, false, false},
                                         {304, std::nullopt, false, false, false},
                                         {304, 7, false, true, false},
                                         {200, 7, true, true, false},
                                         {200, std::nullopt, true, false, true}}) {
    stream_.written.clear();
    context_.head_request = c.head_request;
    ResponseOutput output = make();
    EXPECT_TRUE(run(output.send_head(c.status, {}, c.length)));
    EXPECT_TRUE(run(output.write(buffer("ignored"))));
    EXPECT_TRUE(run(output.finish()));
    EXPECT_EQ(stream_.written.contains("Content-Length"), c.has_length) << c.status;
    EXPECT_EQ(stream_.written.contains("chunked"), c.has_chunks) << c.status;
    EXPECT_TRUE(stream_.written.ends_with("\r\n\r\n"));
  }
  stream_.written.clear();
  ResponseOutput not_modified = make();
  EXPECT_TRUE(run(not_modified.send(304, {}, {})));
  EXPECT_FALSE(stream_.written.contains("Content-Length"));
}

TEST_F(ResponseOutputTest, RefusesMisuse) {
  ResponseOutput output = make();
  EXPECT_EQ(run(output.write(buffer("x"))).error().code(), Errc::invalid_argument);
  EXPECT_EQ(run(output.finish()).error().code(), Errc::invalid_argument);
  EXPECT_EQ(run(output.send_head(100, {}, 0)).error().code(), Errc::invalid_argument);
  for (const auto& [name, value] : std::vector<Headers::Item>{{"A", "b\r\nC: d"},
                                                              {"A", std::string("b\0", 2)},
                                                              {"A b", "c"},
                                                              {"", "c"},
                                                              {"A:", "c"}}) {
    Headers headers;
    headers.add(name, value);
    EXPECT_EQ(run(output.send_head(200, headers, 0)).error().code(), Errc::invalid_argument);
    EXPECT_FALSE(output.head_sent());
  }
  EXPECT_TRUE(run(output.send(200, {}, {})));
  EXPECT_EQ(run(output.send(200, {}, {})).error().code(), Errc::invalid_argument);
  EXPECT_EQ(stream_.writes, 1);
}

TEST_F(ResponseOutputTest, NoticesThatThePeerIsGone) {
  stream_.broken = true;
  ResponseOutput output = make();
  EXPECT_EQ(run(output.send(200, {}, {})).error().code(), Errc::connection_lost);
  EXPECT_TRUE(output.peer_lost());
  EXPECT_FALSE(output.complete());
}

}  // namespace
}  // namespace stratos::http
