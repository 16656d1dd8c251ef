#include <gtest/gtest.h>

#include "net/rpc.hpp"
#include "net/testing/memory_net.hpp"
#include "net/tls_stream.hpp"
#include "runtime/task_group.hpp"

namespace stratos::net {
namespace {

constexpr Duration kPatience = 20s;
using Secured = StreamSecurity::Secured;

class TlsSecurity : public ::testing::TestWithParam<bool> {
 public:
  ~TlsSecurity() override { runtime_.stop(); }

  std::unique_ptr<StreamSecurity> security_of(const crypto::MachineSigner& signer) {
    return GetParam() ? make_plain_security(signer.public_key())
                      : make_tls_security(runtime_, signer);
  }
  static Task<void> accept_into(StreamSecurity& security, std::unique_ptr<Stream> raw,
                                Result<Secured>& out) {
    out = co_await security.accept(std::move(raw), kPatience);
  }
  struct Both {
    Result<Secured> client = fail(Errc::internal);
    Result<Secured> server = fail(Errc::internal);
  };
  Task<Both> shake_hands(crypto::MachineKey expected, testing::Arrival arrival) {
    testing::StreamPair pair = testing::make_stream_pair(runtime_, arrival);
    const auto server = security_of(server_);
    const auto client = security_of(client_);
    Both both;
    TaskGroup group(runtime_, "accept");
    group.spawn(accept_into(*server, std::move(pair.b), both.server));
    both.client = co_await client->connect(std::move(pair.a), expected, kPatience);
    co_await group.join();
    co_return both;
  }
  static Task<void> write_all(Stream& stream, ByteView head, ByteView body) {
    EXPECT_TRUE(co_await stream.write(head, body, kPatience));
  }
  static Task<void> expect_bytes(Stream& stream, ByteView head, ByteView body) {
    Bytes wanted = to_bytes(head);
    append(wanted, body);
    Bytes got;
    Bytes buffer(100'000);
    while (got.size() < wanted.size()) {
      const auto count = co_await stream.read_some(buffer, kPatience);
      EXPECT_TRUE(count && *count > 0);
      if (!count || *count == 0) co_return;
      append(got, ByteView(buffer).first(*count));
    }
    EXPECT_TRUE(got == wanted);
  }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "test"};
  SystemRandom random_;
  crypto::MachineSigner server_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner client_ = crypto::MachineSigner::draw(random_);
};

TEST_P(TlsSecurity, ProvesBothEndsHoweverTheBytesArrive) {
  for (const testing::Arrival arrival : {testing::Arrival{}, {1, UINT64_MAX}, {100, UINT64_MAX}}) {
    const auto both = block_on(runtime_, shake_hands(server_.public_key(), arrival));
    ASSERT_TRUE(both.client) << both.client.error().to_string();
    ASSERT_TRUE(both.server) << both.server.error().to_string();
    EXPECT_EQ(both.client->peer, server_.public_key());
    EXPECT_EQ(both.server->peer, client_.public_key());
  }
}

TEST_P(TlsSecurity, RefusesAnotherKeyThanExpected) {
  const auto both = block_on(runtime_, shake_hands(client_.public_key(), {}));
  EXPECT_EQ(both.client.error().code(), Errc::peer_not_trusted);
}

TEST_P(TlsSecurity, CarriesBytesBothWaysAtOnce) {
  const auto both = block_on(runtime_, shake_hands(server_.public_key(), {5000, UINT64_MAX}));
  for (const std::size_t size : {0UL, 1UL, 16'000UL, 16'384UL, 200'000UL, 3'000'000UL}) {
    Bytes body(size);
    random_.fill(body);
    const Bytes head = {1, 2, 3};
    block_on(runtime_,
             [](Runtime& runtime, Stream& a, Stream& b, ByteView h, ByteView d) -> Task<void> {
               TaskGroup group(runtime, "both ways");
               group.spawn(write_all(a, h, d));
               group.spawn(write_all(b, h, d));
               group.spawn(expect_bytes(a, h, d));
               group.spawn(expect_bytes(b, h, d));
               co_await group.join();
             }(runtime_, *both.client->stream, *both.server->stream, head, body));
  }
}

TEST_P(TlsSecurity, RefusesPeersThatSpeakSomethingElse) {
  for (const std::string bytes : {"GET / HTTP/1.1\r\nHost: a\r\n\r\n GET / HTTP/1.1\r\n", ""}) {
    const auto code = block_on(runtime_, [](TlsSecurity& self, std::string sent) -> Task<Errc> {
      testing::StreamPair pair = testing::make_stream_pair(self.runtime_);
      EXPECT_TRUE(co_await pair.a->write(as_bytes(sent), kPatience));
      pair.a->shutdown();
      const auto security = self.security_of(self.server_);
      const auto secured = co_await security->accept(std::move(pair.b), kPatience);
      co_return secured.error().code();
    }(*this, bytes));
    EXPECT_EQ(code, bytes.empty() ? Errc::connection_lost : Errc::malformed_message);
  }
}

TEST_P(TlsSecurity, DoesNotWaitForeverForAHandshake) {
  const auto code = block_on(runtime_, [](TlsSecurity& self) -> Task<Errc> {
    testing::StreamPair pair = testing::make_stream_pair(self.runtime_);
    const auto security = self.security_of(self.server_);
    const auto secured = co_await security->accept(std::move(pair.b), 10ms);
    co_return secured.error().code();
  }(*this));
  EXPECT_EQ(code, Errc::deadline_exceeded);
}

INSTANTIATE_TEST_SUITE_P(TlsAndPlain, TlsSecurity, ::testing::Bool());

// What a TLS stream writes, for tampering with it.
class TlsWire : public ::testing::Test {
 public:
  ~TlsWire() override { runtime_.stop(); }

  static Task<void> pump(Stream& from, Stream& to, std::uint64_t flip_at) {
    Bytes buffer(4096);
    std::uint64_t passed = 0;
    while (true) {
      const auto count = co_await from.read_some(buffer, kPatience);
      if (!count || *count == 0) break;
      if (flip_at >= passed && flip_at < passed + *count) buffer[flip_at - passed] ^= 1;
      passed += *count;
      if (!co_await to.write(ByteView(buffer).first(*count), kPatience)) break;
    }
    to.shutdown();
  }
  static Task<void> accept_into(StreamSecurity& security, std::unique_ptr<Stream> raw,
                                Result<Secured>& out) {
    out = co_await security.accept(std::move(raw), kPatience);
  }
  // The error that the reader sees when the byte of the client's at `flip_at` was changed, or when
  // the stream is cut off.
  Task<Errc> read_after_damage(std::uint64_t flip_at) {
    testing::StreamPair near = testing::make_stream_pair(runtime_);
    testing::StreamPair far = testing::make_stream_pair(runtime_);
    const auto security = make_tls_security(runtime_, signer_);
    TaskGroup group(runtime_, "pumps");
    group.spawn(pump(*near.b, *far.a, flip_at));
    group.spawn(pump(*far.a, *near.b, UINT64_MAX));
    Result<Secured> server = fail(Errc::internal);
    TaskGroup accepting(runtime_, "accept");
    accepting.spawn(accept_into(*security, std::move(far.b), server));
    auto client = co_await security->connect(std::move(near.a), signer_.public_key(), kPatience);
    co_await accepting.join();
    Errc seen = server ? Errc::internal : server.error().code();
    if (client && server) {
      const Bytes data(10'000, 7);
      EXPECT_TRUE(co_await client->stream->write(data, kPatience));
      client->stream->shutdown();
      Bytes buffer(100'000);
      while (seen == Errc::internal) {
        const auto count = co_await server->stream->read_some(buffer, kPatience);
        if (!count) seen = count.error().code();
      }
    }
    if (client) client->stream->close();
    if (server) server->stream->close();
    client = fail(Errc::internal);
    server = fail(Errc::internal);
    co_await group.join();
    co_return seen;
  }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "test"};
  SystemRandom random_;
  crypto::MachineSigner signer_ = crypto::MachineSigner::draw(random_);
};

TEST_F(TlsWire, NoticesChangedBytesAndACutEnd) {
  EXPECT_EQ(block_on(runtime_, read_after_damage(5'000)), Errc::malformed_message);
  EXPECT_EQ(block_on(runtime_, read_after_damage(UINT64_MAX)), Errc::connection_lost);
}

}  // namespace
}  // namespace stratos::net
