// How a storage node hands in its orders, against a meta node that may be away, die or refuse.
#include <gtest/gtest.h>

#include <functional>

#include "io/faulty_file_system.hpp"
#include "meta/settlement_wire.hpp"
#include "resource/node.hpp"
#include "resource/storage/wire.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::resource {
namespace {

using meta::MetaMethod;
using meta::SettleMethod;

constexpr std::uint64_t kEpoch = 50;

// A meta node as far as settlement sees it. Lives on the node's runtime.
struct FakeMeta {
  explicit FakeMeta(Random& random) : signer(crypto::MachineSigner::draw(random)) {
    route<meta::RegisterRequest, meta::RegisterReply>(MetaMethod::register_node, [this](auto) {
      return Result<meta::RegisterReply>(
          {NodeId(7), signer.public_key(), ZoneId(0), Generation(1)});
    });
    route<meta::HeartbeatRequest, meta::HeartbeatReply>(MetaMethod::heartbeat, [this](auto) {
      return Result<meta::HeartbeatReply>({WallTime{1000}, epoch, 0, Generation(1)});
    });
    route<meta::FeedRequest, meta::FeedReply>(
        MetaMethod::feed, [](auto) { return Result<meta::FeedReply>(meta::FeedReply{}); });
    route<meta::WindowRequest, meta::WindowReply>(SettleMethod::window, [this](auto) {
      ++windows;
      return Result<meta::WindowReply>(window);
    });
    route<meta::HandInRequest, meta::HandInReply>(SettleMethod::hand_in,
                                                  [this](auto request) { return answer(request); });
  }

  Result<meta::HandInReply> answer(const meta::HandInRequest& request) {
    pages.push_back(request);
    meta::HandInReply reply;
    reply.settled = request.page + 1 == request.pages;
    const Errc error = std::exchange(next_error, refusal);
    if (error != Errc{}) return fail(error);
    return reply;
  }

  template <class Request, class Response>
  void route(auto method, std::function<Result<Response>(Request)> fn) {
    router.on<Request, Response>(static_cast<std::uint16_t>(method), "fake",
                                 [fn](net::CallContext, Request request, Buffer) {
                                   return [](std::function<Result<Response>(Request)> answer,
                                             Request asked) -> Task<Result<net::Reply<Response>>> {
                                     Result<Response> response = answer(std::move(asked));
                                     if (!response) co_return fail(response.error());
                                     co_return net::Reply<Response>{std::move(*response), Buffer()};
                                   }(fn, std::move(request));
                                 });
  }

  crypto::MachineSigner signer;
  net::Router router;
  Epoch epoch{kEpoch};
  meta::WindowReply window;
  std::vector<meta::HandInRequest> pages;
  Errc next_error{};
  Errc refusal{};
  int windows = 0;
};

class NodeSettling : public ::testing::Test {
 protected:
  NodeSettling() { start(); }
  ~NodeSettling() override {
    stop();
    runtime_.stop();
  }

  void start() {
    NodeOptions options;
    options.folder = "/node";
    options.heartbeat_interval = 2ms;
    options.storage.store.reserve_bytes = 0;
    options.storage.store.volume_bytes = 8 << 20;
    options.storage.store.rocks.deterministic = true;
    options.storage.feed_interval = 1h;
    options.storage.upkeep_interval = 1h;
    options.storage.expiry_interval = 1h;
    options.storage.settle_interval = 2ms;
    auto channel = net::make_loopback_channel(runtime_, runtime_, meta_.router, key_.public_key());
    auto opened = block_on(
        runtime_, StorageNode::open(runtime_, fs_, std::move(channel), key_, metrics_, options));
    ASSERT_TRUE(opened) << opened.error().to_string();
    node_ = std::move(*opened);
    ASSERT_TRUE(block_on(runtime_, node_->join("", 5s)));
    client_ = net::make_loopback_channel(runtime_, runtime_, node_->router(), key_.public_key());
  }
  void stop() {
    if (!node_) return;
    block_on(runtime_, node_->stop());
    client_.reset();
    node_.reset();
  }
  // What was not synced is gone; the process goes too.
  void lose_power() {
    there([this] { fs_.power_off(); });
    stop();
    fs_.recover();
    start();
  }
  void there(const std::function<void()>& fn) {
    const auto call = [](std::function<void()> what) -> Task<void> {
      what();
      co_return;
    };
    block_on(runtime_, call(fn));
  }
  bool until(const std::function<bool()>& reached) {
    const MonotonicTime give_up = runtime_.now() + 20s;
    const auto pause = [](Runtime* runtime) -> Task<void> { (void)co_await runtime->sleep(2ms); };
    bool done = false;
    while (!done && runtime_.now() < give_up) {
      there([&] { done = reached(); });
      if (!done) block_on(runtime_, pause(&runtime_));
    }
    return done;
  }
  // Epochs before `end` may be handed in.
  void open_window(std::uint64_t end, std::uint64_t first = 0) {
    there([=, this] {
      meta_.epoch = Epoch(end);
      meta_.window = {Epoch(first), Epoch(end), 0};
    });
  }

  meta::Order order(std::uint64_t serial, std::uint64_t bytes, std::uint64_t epoch = kEpoch) const {
    meta::Limit limit;
    limit.serial = serial;
    limit.grant = GrantId(1);
    limit.epoch = Epoch(epoch);
    limit.session = session_.public_key();
    limit.node = NodeId(7);
    limit.action = meta::Action::put;
    limit.bytes = 1000;
    limit.expires = {1'000'000};
    meta::Order out;
    out.grant = limit.grant;
    out.serial = serial;
    out.bytes = bytes;
    out.signature =
        session_.sign(meta::Order::kDomain, meta::order_message(out.grant, serial, bytes));
    out.limit.emplace();
    out.limit->limit = codec::encode(limit);
    out.limit->signer = meta_.signer.public_key();
    out.limit->signature = meta_.signer.sign(meta::Limit::kDomain, out.limit->limit);
    return out;
  }
  Result<Bytes> sign_off(std::vector<meta::Order> orders) {
    SignOffRequest request;
    request.orders = std::move(orders);
    auto called = block_on(runtime_, net::call<SignOffReply>(
                                         *client_, static_cast<std::uint16_t>(NodeMethod::sign_off),
                                         request, Buffer(), 10s));
    if (!called) return fail(called.error());
    return called->head.taken;
  }
  std::vector<meta::HandInRequest> pages() {
    std::vector<meta::HandInRequest> copy;
    there([&] { copy = meta_.pages; });
    return copy;
  }
  std::uint64_t unpaid() { return metrics_.counter("stratos_storage_unpaid_bytes_total").value(); }
  std::uint64_t paid() { return metrics_.counter("stratos_storage_settled_bytes_total").value(); }

  io::FaultyFileSystem fs_;
  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "node"};
  SeededRandom random_{3};
  metrics::Registry metrics_;
  FakeMeta meta_{random_};
  crypto::MachineSigner key_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner session_ = crypto::MachineSigner::draw(random_);
  std::unique_ptr<StorageNode> node_;
  std::unique_ptr<net::Channel> client_;
};

TEST_F(NodeSettling, HandsInTheLargestOrdersInOrderAndForgetsThem) {
  ASSERT_EQ(sign_off({order(2, 20), order(1, 10)}).value(), (Bytes{1, 1}));
  ASSERT_EQ(sign_off({order(2, 25)}).value(), Bytes{1});
  open_window(kEpoch + 1);
  ASSERT_TRUE(until([this] { return paid() == 35; }));
  const auto sent = pages();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].epoch, Epoch(kEpoch));
  ASSERT_EQ(sent[0].orders.size(), 2U);
  EXPECT_EQ(sent[0].orders[0].bytes, 10U);
  EXPECT_EQ(sent[0].orders[1].bytes, 25U);
  EXPECT_TRUE(crypto::verify(key_.public_key(), meta::kHandInDomain,
                             meta::hand_in_message(NodeId(7), Epoch(kEpoch), sent[0].digest),
                             sent[0].signature));
  // Nothing is left to hand in, also after a restart.
  stop();
  start();
  ASSERT_EQ(sign_off({order(9, 5, kEpoch + 1)}).value(), Bytes{1});
  open_window(kEpoch + 2);
  ASSERT_TRUE(until([this] { return paid() == 40; }));
  EXPECT_EQ(pages().back().epoch, Epoch(kEpoch + 1));
  EXPECT_EQ(pages().size(), 2U);
}

TEST_F(NodeSettling, WaitsUntilTheEpochIsOpen) {
  ASSERT_EQ(sign_off({order(1, 10)}).value(), Bytes{1});
  there([this] {
    meta_.epoch = Epoch(kEpoch + 1);
    meta_.window = {Epoch(0), Epoch(kEpoch), 0};
  });
  ASSERT_TRUE(until([this] { return meta_.windows > 3; }));
  EXPECT_TRUE(pages().empty());
  EXPECT_EQ(sign_off({order(1, 11)}).value(), Bytes{1}) << "a late last order";
}

TEST_F(NodeSettling, RefusesOrdersOfAnEpochThatIsBeingSettled) {
  ASSERT_EQ(sign_off({order(1, 10)}).value(), Bytes{1});
  open_window(kEpoch + 1);
  ASSERT_TRUE(until([this] { return paid() == 10; }));
  EXPECT_EQ(sign_off({order(1, 20), order(2, 5)}).value(), (Bytes{0, 0}));
  lose_power();
  EXPECT_EQ(sign_off({order(1, 20), order(2, 5)}).value(), (Bytes{0, 0}));
}

TEST_F(NodeSettling, HandsInTheSameWhenTheAnswerWasLostAndThePowerToo) {
  ASSERT_EQ(sign_off({order(1, 10), order(2, 20)}).value(), (Bytes{1, 1}));
  there([this] { meta_.refusal = meta_.next_error = Errc::connection_lost; });
  open_window(kEpoch + 1);
  ASSERT_TRUE(until([this] { return !meta_.pages.empty(); }));
  lose_power();
  there([this] { meta_.refusal = meta_.next_error = Errc{}; });
  ASSERT_TRUE(until([this] { return paid() == 30; }));
  const auto sent = pages();
  EXPECT_EQ(sent.front().digest, sent.back().digest);
  EXPECT_EQ(sent.front().orders.size(), sent.back().orders.size());
}

TEST_F(NodeSettling, SendsManyOrdersInPages) {
  constexpr std::uint64_t kOrders = 600;
  for (std::uint64_t at = 0; at < kOrders; at += 60) {
    std::vector<meta::Order> some;
    for (std::uint64_t i = at; i < at + 60; ++i) some.push_back(order(i + 1, 1));
    ASSERT_EQ(sign_off(some).value(), Bytes(60, 1));
  }
  open_window(kEpoch + 1);
  ASSERT_TRUE(until([this] { return paid() == kOrders; }));
  const auto sent = pages();
  ASSERT_EQ(sent.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sent[i].page, i);
    EXPECT_EQ(sent[i].pages, 3U);
    EXPECT_EQ(sent[i].digest, sent[0].digest);
  }
  EXPECT_EQ(sent[0].orders.size(), meta::kMaxHandInPage);
}

TEST_F(NodeSettling, GivesUpWhatIsSettledDifferentlyOrClosed) {
  ASSERT_EQ(sign_off({order(1, 10)}).value(), Bytes{1});
  there([this] { meta_.next_error = Errc::settled_differently; });
  open_window(kEpoch + 1);
  ASSERT_TRUE(until([this] { return unpaid() == 10; }));
  ASSERT_EQ(sign_off({order(2, 5, kEpoch + 1)}).value(), Bytes{1});
  open_window(kEpoch + 9, kEpoch + 8);
  ASSERT_TRUE(until([this] { return unpaid() == 15; }));
  EXPECT_EQ(pages().size(), 1U);
  EXPECT_EQ(paid(), 0U);
}

TEST_F(NodeSettling, TakesNoLastOrderThatIsForgedTooLargeOrTooMany) {
  meta::Order forged = order(1, 10);
  forged.signature.value[1] ^= 1;
  EXPECT_EQ(sign_off({forged}).value(), Bytes{0});
  EXPECT_EQ(sign_off({order(2, 1001)}).value(), Bytes{0});
  meta::Order stranger = order(3, 10);
  stranger.limit->signature.value[1] ^= 1;
  EXPECT_EQ(sign_off({stranger}).value(), Bytes{0});
  meta::Order bare = order(4, 10);
  bare.limit.reset();
  EXPECT_EQ(sign_off({bare}).value(), Bytes{0});
  EXPECT_EQ(sign_off({order(5, 10, kEpoch + 5)}).value(), Bytes{0});
  const std::vector<meta::Order> many(kMaxSignOff + 1, order(1, 1));
  EXPECT_EQ(sign_off(many).error().code(), Errc::too_large);
}

}  // namespace
}  // namespace stratos::resource
