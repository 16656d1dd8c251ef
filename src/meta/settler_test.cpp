#include "meta/settler.hpp"

#include <functional>

#include "meta/settle_fixture.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::meta {
namespace {

class Settlers : public SettleTest {
 protected:
  Settlers() { restart(); }
  ~Settlers() override { loop_.stop(); }

  // A meta node that was killed remembers nothing of what was handed in.
  void restart() {
    settler_ = std::make_unique<Settler>(
        loop_, index_.meta(), index_.machine(), index_.store(), ZoneId(1),
        [this](Verb verb, Bytes command) { return order(this, verb, std::move(command)); });
  }
  static Task<Result<Bytes>> order(Settlers* self, Verb verb, Bytes command) {
    Item item;
    item.verb = verb;
    item.command = std::move(command);
    if (const auto admitted = self->index_.machine().admit_item(item); !admitted) {
      co_return fail(admitted.error());
    }
    ++self->ordered_;
    const ItemResult result = self->index_.apply_items({item}).at(0);
    if (self->answers_lost_) co_return fail(Errc::connection_lost);
    if (result.code != 0) co_return fail(errc_from_number(result.code));
    co_return result.value;
  }

  Limit limit(std::uint64_t serial, Action action = Action::get) const {
    Limit limit;
    limit.serial = serial;
    limit.grant = grant_.id;
    limit.zone = ZoneId(1);
    limit.epoch = epoch_;
    limit.payer = TestIndex::owner();
    limit.session = session_.public_key();
    limit.node = NodeId(1);
    limit.action = action;
    limit.bytes = 100;
    return limit;
  }
  HandInOrder signed_order(const Limit& limit, std::uint64_t bytes) const {
    HandInOrder order;
    order.limit.limit = codec::encode(limit);
    order.limit.signer = index_.meta().public_key();
    order.limit.signature = index_.meta().sign(Limit::kDomain, order.limit.limit);
    order.bytes = bytes;
    order.signature =
        session_.sign(Order::kDomain, order_message(limit.grant, limit.serial, bytes));
    return order;
  }
  // As a node would send it.
  HandInRequest request_of(std::vector<HandInOrder> orders, std::uint32_t page = 0,
                           std::uint32_t pages = 1) const {
    HandInRequest request;
    request.node = NodeId(1);
    request.epoch = epoch_;
    request.page = page;
    request.pages = pages;
    request.orders = std::move(orders);
    announce(request, request.orders);
    return request;
  }
  void announce(HandInRequest& request, const std::vector<HandInOrder>& all) const {
    HandInDigest digest;
    for (const HandInOrder& order : all) {
      const auto limit = codec::decode<Limit>(order.limit.limit);
      if (limit) digest.add({limit->grant, limit->serial, order.bytes});
    }
    request.digest = digest.finish();
    request.signature = index_.signer_of(NodeId(1)).sign(
        kHandInDomain, hand_in_message(request.node, request.epoch, request.digest));
  }
  Result<HandInReply> send(const HandInRequest& request) {
    return block_on(loop_, settler_->hand_in(request));
  }
  Errc code(const HandInRequest& request) {
    const auto reply = send(request);
    if (!reply) return reply.error().code();
    EXPECT_TRUE(reply->settled);
    return Errc{};
  }
  Errc code_of(HandInOrder order) { return code(request_of({std::move(order)})); }
  std::uint64_t settled() const {
    std::uint64_t sum = 0;
    for (const SettledNode& node : settlement().nodes) sum += node.volume.total();
    return sum;
  }

  BlockingPool pool_{1};
  RealRuntime loop_{pool_, "settler"};
  std::unique_ptr<Settler> settler_;
  int ordered_ = 0;
  bool answers_lost_ = false;
};

TEST_F(Settlers, OrderOneCompactCommandForAHandIn) {
  open();
  std::vector<HandInOrder> orders;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    orders.push_back(signed_order(limit(i, i % 2 == 0 ? Action::put : Action::get), i));
  }
  EXPECT_EQ(code(request_of(orders)), Errc{});
  EXPECT_EQ(ordered_, 1);
  EXPECT_EQ(settled(), 50U * 51 / 2);
  EXPECT_EQ(settlement().nodes.at(0).orders, 50U);
  ASSERT_EQ(usage().sessions.size(), 1U);
  EXPECT_EQ(usage().sessions[0].shares.size(), 1U);
}

TEST_F(Settlers, TakePagesInOrderAndSettleWithTheLast) {
  open();
  std::vector<HandInOrder> all;
  for (std::uint64_t i = 1; i <= 5; ++i) all.push_back(signed_order(limit(i), 10));
  for (std::uint32_t page = 0; page < 3; ++page) {
    HandInRequest request = request_of({all[page]}, page, 3);
    if (page == 2) request.orders.assign(all.begin() + 2, all.end());
    announce(request, all);
    const auto reply = send(request);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->settled, page == 2);
    EXPECT_EQ(settled(), page == 2 ? 50U : 0U);
  }
}

TEST_F(Settlers, BeginAnewWhenTheMetaNodeWasKilled) {
  open();
  const std::vector<HandInOrder> all = {signed_order(limit(1), 10), signed_order(limit(2), 20)};
  HandInRequest first = request_of({all[0]}, 0, 2);
  HandInRequest second = request_of({all[1]}, 1, 2);
  announce(first, all);
  announce(second, all);
  ASSERT_TRUE(send(first));
  restart();
  EXPECT_EQ(code(second), Errc::bad_hand_in);
  ASSERT_TRUE(send(first));
  // A page that comes again spoils the hand-in, which begins anew.
  ASSERT_TRUE(send(first));
  EXPECT_EQ(code(second), Errc{});
  EXPECT_EQ(settled(), 30U);
}

TEST_F(Settlers, AnswerARepeatedHandInWithoutOrderingItAgain) {
  open();
  const HandInRequest request = request_of({signed_order(limit(1), 10)});
  answers_lost_ = true;
  EXPECT_EQ(code(request), Errc::connection_lost);
  answers_lost_ = false;
  EXPECT_EQ(ordered_, 1);
  EXPECT_EQ(code(request), Errc{});
  restart();
  EXPECT_EQ(code(request), Errc{});
  close();
  EXPECT_EQ(code(request), Errc{}) << "a node that was away may still learn that it is paid";
  EXPECT_EQ(ordered_, 1);
  EXPECT_EQ(settled(), 10U);
}

TEST_F(Settlers, RefuseADifferentSecondHandInAndKeepIt) {
  open();
  EXPECT_EQ(code(request_of({signed_order(limit(1), 10)})), Errc{});
  EXPECT_EQ(code(request_of({signed_order(limit(1), 11)})), Errc::settled_differently);
  EXPECT_EQ(settled(), 10U);
  EXPECT_EQ(settlement().conflicts.size(), 1U);
}

TEST_F(Settlers, RefuseForgedSignatures) {
  open();
  HandInOrder order = signed_order(limit(1), 10);
  order.signature.value[3] ^= 1;
  EXPECT_EQ(code_of(order), Errc::bad_hand_in);
  order = signed_order(limit(1), 10);
  order.limit.signature.value[3] ^= 1;
  EXPECT_EQ(code_of(order), Errc::bad_hand_in);
  // Signed by a node for itself.
  order = signed_order(limit(1), 10);
  const crypto::MachineSigner& self = index_.signer_of(NodeId(1));
  order.limit.signer = self.public_key();
  order.limit.signature = self.sign(Limit::kDomain, order.limit.limit);
  EXPECT_EQ(code_of(order), Errc::bad_hand_in);
  // More than was signed for.
  order = signed_order(limit(1), 10);
  order.bytes = 11;
  EXPECT_EQ(code_of(order), Errc::bad_hand_in);
  HandInRequest stolen = request_of({signed_order(limit(1), 10)});
  stolen.signature.value[0] ^= 1;
  EXPECT_EQ(code(stolen), Errc::bad_signature);
  EXPECT_EQ(settled(), 0U);
  EXPECT_EQ(ordered_, 0);
}

TEST_F(Settlers, RefuseOrdersAboveTheirLimitAndOfOtherLimits) {
  open();
  EXPECT_EQ(code_of(signed_order(limit(1), 101)), Errc::bad_hand_in);
  EXPECT_EQ(code_of(signed_order(limit(1), 0)), Errc::bad_hand_in);
  const auto changed = [this](const std::function<void(Limit&)>& change) {
    Limit other = limit(1);
    change(other);
    return code_of(signed_order(other, 10));
  };
  EXPECT_EQ(changed([](Limit& limit) { limit.node = NodeId(2); }), Errc::bad_hand_in);
  EXPECT_EQ(changed([](Limit& limit) { limit.zone = ZoneId(2); }), Errc::bad_hand_in);
  EXPECT_EQ(changed([](Limit& limit) { limit.epoch.value -= 1; }), Errc::bad_hand_in);
  EXPECT_EQ(changed([](Limit& limit) { limit.grant.value += 9; }), Errc::no_such_grant);
  HandInOrder junk = signed_order(limit(1), 10);
  junk.limit.limit = {1, 255, 255};
  EXPECT_EQ(code_of(junk), Errc::bad_hand_in);
  EXPECT_EQ(settled(), 0U);
}

TEST_F(Settlers, RefuseReplaysWithinAHandIn) {
  open();
  const HandInOrder order = signed_order(limit(1), 10);
  EXPECT_EQ(code(request_of({order, order})), Errc::bad_hand_in);
  EXPECT_EQ(code(request_of({order, signed_order(limit(1), 20)})), Errc::bad_hand_in);
  EXPECT_EQ(code(request_of({signed_order(limit(2), 10), order})), Errc::bad_hand_in);
  HandInRequest first = request_of({order}, 0, 2);
  HandInRequest second = request_of({order}, 1, 2);
  announce(first, {order, order});
  announce(second, {order, order});
  ASSERT_TRUE(send(first));
  EXPECT_EQ(code(second), Errc::bad_hand_in);
  EXPECT_EQ(settled(), 0U);
}

TEST_F(Settlers, RefuseOversizedAndMalformedPages) {
  open();
  std::vector<HandInOrder> many;
  for (std::uint64_t i = 1; i <= kMaxHandInPage + 1; ++i) {
    many.push_back(signed_order(limit(i), 1));
  }
  EXPECT_EQ(code(request_of(many)), Errc::too_large);
  const std::vector<HandInOrder> one = {signed_order(limit(1), 10)};
  EXPECT_EQ(code(request_of(one, 0, kMaxHandInPages + 1)), Errc::too_large);
  EXPECT_EQ(code(request_of({}, 0, 1)), Errc::bad_hand_in);
  EXPECT_EQ(code(request_of(one, 1, 1)), Errc::bad_hand_in);
  EXPECT_EQ(code(request_of(one, 1, 2)), Errc::bad_hand_in);
  HandInRequest other = request_of(one);
  announce(other, {signed_order(limit(1), 11)});
  EXPECT_EQ(code(other), Errc::bad_hand_in);
  EXPECT_EQ(settled(), 0U);
}

TEST_F(Settlers, RefuseEpochsThatAreNotOpen) {
  const HandInRequest request = request_of({signed_order(limit(1), 10)});
  EXPECT_EQ(code(request), Errc::settlement_not_open);
  close();
  EXPECT_EQ(code(request), Errc::settlement_closed);
}

TEST_F(Settlers, NameTheWindow) {
  open();
  const WindowReply window = settler_->window().value();
  EXPECT_EQ(window.end, Epoch(epoch_.value + 1));
  EXPECT_LE(window.first, epoch_);
  EXPECT_GT(window.wait_ms, 0U);
  EXPECT_LE(window.wait_ms, calendar().epoch_ms);
}

TEST_F(Settlers, NeverSettleMoreThanTheGrant) {
  open();
  std::vector<HandInOrder> orders;
  for (std::uint64_t i = 1; i <= 101; ++i) orders.push_back(signed_order(limit(i), 1));
  EXPECT_EQ(code(request_of(orders)), Errc::above_grant) << "101 limits of 100 on 10,000";
  orders.pop_back();
  EXPECT_EQ(code(request_of(orders)), Errc{});
}

}  // namespace
}  // namespace stratos::meta
