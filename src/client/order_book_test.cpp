#include "client/order_book.hpp"

#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

using meta::Action;

class Orders : public MeshTest {
 protected:
  Orders() {
    EXPECT_TRUE(run(mesh_->directory.refresh()));
    node_ = mesh_->directory.known_nodes().front();
  }
  meta::Order order(std::uint64_t bytes, Action action = Action::get) {
    return run(mesh_->orders.order(node_, action, bytes)).value();
  }
  NodeId node_;
};

TEST_F(Orders, ComeUnderALimitOfTheirNodeAndAction) {
  const meta::Order drawn = order(600'000, Action::put);
  ASSERT_TRUE(drawn.limit);
  const auto limit = codec::decode<meta::Limit>(drawn.limit->limit).value();
  EXPECT_EQ(limit.node, node_);
  EXPECT_EQ(limit.action, Action::put);
  EXPECT_EQ(limit.payer, owner_);
  EXPECT_EQ(limit.serial, drawn.serial);
  EXPECT_EQ(drawn.bytes, 600'000U);
  EXPECT_TRUE(crypto::verify(limit.session, meta::Order::kDomain,
                             meta::order_message(drawn.grant, drawn.serial, drawn.bytes),
                             drawn.signature));
}

TEST_F(Orders, ReuseTheirLimitAndItsSignatureWithinAStep) {
  const meta::Order first = order(1000);
  const meta::Order second = order(1000);
  EXPECT_EQ(second.serial, first.serial);
  EXPECT_EQ(second.bytes, first.bytes);
  EXPECT_EQ(second.signature, first.signature);
  // A node's credit beyond what was signed is one step: it is never used up.
  std::uint64_t used = 2000;
  std::uint64_t signatures = 0;
  std::uint64_t signed_bytes = first.bytes;
  for (int i = 0; i < 100; ++i) {
    const meta::Order next = order(100'000);
    used += 100'000;
    signatures += next.bytes != signed_bytes;
    signed_bytes = next.bytes;
    EXPECT_EQ(next.serial, first.serial);
    EXPECT_LE(used, signed_bytes + meta::kOrderStepBytes);
  }
  EXPECT_GE(signatures, 10U);
  EXPECT_LE(signatures, 25U);
}

TEST_F(Orders, CarryTheLimitUntilTheNodeHasAnswered) {
  EXPECT_TRUE(order(10).limit);
  const meta::Order answered = order(10);
  EXPECT_TRUE(answered.limit);
  mesh_->orders.note_delivered(answered, 10, 10, BucketId(1));
  EXPECT_FALSE(order(10).limit);
  EXPECT_TRUE(order(10, Action::put).limit);
}

TEST_F(Orders, CarryTheLimitAgainWhenTheNodeRefusesAndThenTakeANewOne) {
  const meta::Order first = order(10);
  mesh_->orders.note_delivered(first, 10, 10, BucketId(1));
  const meta::Order second = order(10);
  EXPECT_FALSE(second.limit);
  mesh_->orders.note_refused(second, 10);
  const meta::Order again = order(10);
  EXPECT_TRUE(again.limit);
  EXPECT_EQ(again.serial, first.serial);
  mesh_->orders.note_refused(again, 10);
  const meta::Order other = order(10);
  EXPECT_NE(other.serial, first.serial);
  EXPECT_TRUE(other.limit);
  // A late word about the old limit changes nothing.
  mesh_->orders.note_failed(again, 10);
  EXPECT_TRUE(order(10).limit);
}

TEST_F(Orders, TakeANewLimitWhenTheOldOneIsUsedUpOrExpires) {
  const meta::Order first = order(1000);
  const meta::Order large = order(1ULL << 30);
  EXPECT_NE(large.serial, first.serial);
  const auto limit = codec::decode<meta::Limit>(large.limit->limit).value();
  runtime_.advance(std::chrono::milliseconds(limit.expires.ms - runtime_.wall_now().ms));
  EXPECT_NE(order(1000).serial, large.serial);
}

TEST_F(Orders, AreFetchedForAllKnownNodesAtOnce) {
  order(10);
  const GrantId grant = order(10).grant;
  std::set<std::uint64_t> serials;
  for (const NodeId other : mesh_->directory.known_nodes()) {
    const auto drawn = run(mesh_->orders.order(other, Action::get, 10)).value();
    EXPECT_EQ(drawn.grant, grant);
    serials.insert(drawn.serial);
  }
  EXPECT_EQ(serials.size(), kNodes);
  // One request signed eight limits in a row.
  EXPECT_EQ(*serials.rbegin() - *serials.begin(), kNodes - 1);
}

TEST_F(Orders, AreSentAgainWithTheirLimitByTheMesh) {
  ASSERT_TRUE(put("key", pattern(1, 10'000)));
  there([this] { faults_->refuse_limits = 2; });
  EXPECT_TRUE(same(get("key"), pattern(1, 10'000).view()));
  EXPECT_EQ(faults_->refuse_limits, 0U);
}

}  // namespace
}  // namespace stratos::client
