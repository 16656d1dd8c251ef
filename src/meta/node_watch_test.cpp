#include "meta/node_watch.hpp"

#include "meta/placement.hpp"
#include "meta/service_fixture.hpp"
#include "meta/settlement_wire.hpp"

namespace stratos::meta {
namespace {

using NodesOfService = ServiceFixture;

TEST_F(NodesOfService, RegisterWithTheirOwnKeyOnly) {
  const auto key = stranger_.public_key();
  EXPECT_EQ(announce(key, 1, gateway_.public_key()).error().code(), Errc::permission_denied);
  EXPECT_FALSE(service_->knows_node(key));
  const auto reply = announce(key, 1, key);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->meta_key, meta_.public_key());
  EXPECT_EQ(reply->zone, ZoneId(1));
  EXPECT_TRUE(service_->knows_node(key));
  EXPECT_EQ(announce(key, 1, key)->node, reply->node) << "the same process again";
}

TEST_F(NodesOfService, ASecondLiveProcessWithOneKeyIsRefused) {
  const NodeId node = add_node();
  ASSERT_TRUE(beat(node, 1));
  EXPECT_EQ(announce(key_of(node), 2, key_of(node)).error().code(), Errc::duplicate_node_key);
  EXPECT_EQ(beat(node, 2).error().code(), Errc::duplicate_node_key);
  EXPECT_TRUE(beat(node, 1));
}

TEST_F(NodesOfService, ADeadProcessIsReplacedAfterItsTime) {
  stop();
  options_.node_timeout = 30ms;
  start();
  const NodeId node = add_node();
  EXPECT_TRUE(comes_true([&] { return announce(key_of(node), 2, key_of(node)).has_value(); }));
  EXPECT_TRUE(beat(node, 2));
}

TEST_F(NodesOfService, GoDownWithoutHeartbeatsAndComeBack) {
  stop();
  options_.node_timeout = 30ms;
  start();
  const NodeId node = add_node();
  EXPECT_TRUE(comes_true([&] { return record(node).state == NodeState::down; }));
  EXPECT_EQ(record(node).free_class, free_class_of(1ULL << 40)) << "what it said stays known";
  EXPECT_EQ(allocate(1).error().code(), Errc::too_few_domains);
  ASSERT_TRUE(beat(node));
  EXPECT_EQ(record(node).state, NodeState::up);
}

TEST_F(NodesOfService, HeartbeatsTellTimeEpochAndFeed) {
  prepare();
  store_object("key");
  const auto reply = beat(NodeId(1));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->feed_end, 1U);
  EXPECT_GT(reply->time.ms, 0);
  EXPECT_EQ(reply->epoch.value,
            static_cast<std::uint64_t>(reply->time.ms) / options_.params.epoch_ms);
  HeartbeatRequest request;
  request.node = NodeId(1);
  EXPECT_EQ(
      call<HeartbeatReply>(stranger_.public_key(), MetaMethod::heartbeat, request).error().code(),
      Errc::permission_denied);
  request.node = NodeId(77);
  EXPECT_EQ(
      call<HeartbeatReply>(stranger_.public_key(), MetaMethod::heartbeat, request).error().code(),
      Errc::no_such_node);
}

TEST_F(NodesOfService, TheirFreeSpaceIsOrderedByClass) {
  const NodeId node = add_node();
  ASSERT_TRUE(beat(node, 1, 1ULL << 30));
  EXPECT_EQ(record(node).free_class, free_class_of(1ULL << 30)) << "the first one counts at once";
  ASSERT_TRUE(beat(node, 1, 1ULL << 32));
  EXPECT_EQ(record(node).free_class, free_class_of(1ULL << 30)) << "then hourly";
  ASSERT_TRUE(beat(node, 1, 0));
  EXPECT_EQ(record(node).free_class, 0U) << "but a full node gets nothing at once";
  ASSERT_TRUE(beat(node, 1, 1ULL << 32));
  EXPECT_EQ(record(node).free_class, free_class_of(1ULL << 32));
}

TEST_F(NodesOfService, ARestartedNodeKeepsItsClassUntilItSpeaks) {
  const NodeId node = add_node();
  ASSERT_TRUE(beat(node, 1, 1ULL << 25));
  ASSERT_TRUE(announce(key_of(node), 1, key_of(node)));
  EXPECT_EQ(record(node).free_class, free_class_of(1ULL << 25));
  ASSERT_TRUE(beat(node, 1, 1ULL << 35));
  EXPECT_EQ(record(node).free_class, free_class_of(1ULL << 35));
}

TEST_F(NodesOfService, SayWhatTheySaidLast) {
  const NodeId node = add_node();
  ASSERT_TRUE(beat(node, 1, 12345));
  const auto status = block_on(runtime_, client_->node_status());
  ASSERT_TRUE(status);
  ASSERT_EQ(status->nodes.size(), 1U);
  EXPECT_EQ(status->nodes[0].free_bytes, 12345U);
}

TEST_F(NodesOfService, FollowTheirFeed) {
  prepare();
  const SegmentId id = store_object("key");
  const auto kept = feed(NodeId(1), 0);
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->entries.size(), 1U);
  EXPECT_EQ(kept->entries[0].kind, FeedKind::keep);
  EXPECT_EQ(kept->entries[0].fragment.segment, id);
  DeleteObject remove;
  remove.bucket = "bucket";
  remove.key = "key";
  ASSERT_TRUE(run(remove));
  const auto dropped = feed(NodeId(1), 1);
  ASSERT_EQ(dropped->entries.size(), 1U);
  EXPECT_EQ(dropped->entries[0].kind, FeedKind::drop);
  EXPECT_EQ(dropped->end, 2U);
  EXPECT_TRUE(feed(NodeId(1), 2)->entries.empty());
  EXPECT_EQ(feed(NodeId(1), 0, 1)->entries.size(), 1U);
  EXPECT_TRUE(feed(NodeId(1), 0, 0)->entries.empty());
}

TEST_F(NodesOfService, ACursorBeyondTheEndMeansReconciling) {
  prepare();
  store_object("key");
  EXPECT_FALSE(feed(NodeId(1), 1)->cursor_too_old);
  EXPECT_TRUE(feed(NodeId(1), 2)->cursor_too_old);
  EXPECT_TRUE(feed(NodeId(1), ~0ULL)->cursor_too_old);
  EXPECT_EQ(feed(NodeId(1), 0)->entries.size(), 1U) << "nothing was trimmed";
}

TEST_F(NodesOfService, ConfirmAndInventoryTellWhatIsReferenced) {
  prepare();
  const SegmentId first = store_object("a");
  const SegmentId second = store_object("b");
  const auto index_on = [this](const SegmentId& id) {
    GetSegments query;
    query.ids = {id};
    for (const Holder& holder : ask(query)->segments.at(0).holders) {
      if (holder.node == NodeId(1)) return holder.index;
    }
    return std::uint8_t{255};
  };
  const FragmentId a{first, index_on(first)};
  const FragmentId b{second, index_on(second)};
  ConfirmRequest confirm;
  confirm.node = NodeId(1);
  confirm.fragments = {a, {first, 77}, b, {}};
  const auto confirmed = call<ConfirmReply>(key_of(NodeId(1)), MetaMethod::confirm, confirm);
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->referenced, (std::vector<FragmentId>{a, b}));
  confirm.fragments.resize(10'001);
  EXPECT_EQ(call<ConfirmReply>(key_of(NodeId(1)), MetaMethod::confirm, confirm).error().code(),
            Errc::too_large);

  InventoryRequest page;
  page.node = NodeId(1);
  page.limit = 1;
  const auto one = call<InventoryReply>(key_of(NodeId(1)), MetaMethod::inventory, page).value();
  EXPECT_EQ(one.fragments, std::vector<FragmentId>{a});
  EXPECT_TRUE(one.more);
  EXPECT_EQ(one.feed_end, 2U);
  page.after = a;
  const auto two = call<InventoryReply>(key_of(NodeId(1)), MetaMethod::inventory, page).value();
  EXPECT_EQ(two.fragments, std::vector<FragmentId>{b});
  EXPECT_FALSE(two.more);
}

TEST_F(NodesOfService, NobodyReadsTheFeedOfAnother) {
  prepare();
  const auto other = key_of(NodeId(2));
  EXPECT_EQ(call<FeedReply>(other, MetaMethod::feed, FeedRequest{NodeId(1), 0, 10}).error().code(),
            Errc::permission_denied);
  EXPECT_EQ(
      call<ConfirmReply>(other, MetaMethod::confirm, ConfirmRequest{NodeId(1), {}}).error().code(),
      Errc::permission_denied);
  InventoryRequest page;
  page.node = NodeId(1);
  EXPECT_EQ(call<InventoryReply>(other, MetaMethod::inventory, page).error().code(),
            Errc::permission_denied);
  EXPECT_EQ(call<FeedReply>(other, MetaMethod::feed, FeedRequest{NodeId(9), 0, 10}).error().code(),
            Errc::no_such_node);
}

TEST_F(NodesOfService, HandInForThemselvesOnlyAndNoClientForThem) {
  const NodeId first = add_node();
  const NodeId second = add_node();
  const auto number = [](SettleMethod method) { return static_cast<MetaMethod>(method); };
  WindowRequest window;
  window.node = first;
  EXPECT_TRUE(call<WindowReply>(key_of(first), number(SettleMethod::window), window));
  EXPECT_EQ(call<WindowReply>(key_of(second), number(SettleMethod::window), window).error().code(),
            Errc::permission_denied);
  HandInRequest request;
  request.node = first;
  EXPECT_EQ(
      call<HandInReply>(key_of(second), number(SettleMethod::hand_in), request).error().code(),
      Errc::permission_denied);
  SettleOrders command;
  command.node = first;
  EXPECT_EQ(run(command).error().code(), Errc::permission_denied);
  SignReport signature;
  EXPECT_EQ(run(signature).error().code(), Errc::permission_denied);
  ReportRequest report;
  EXPECT_EQ(call<ReportRequest::Reply>(key_of(first), number(SettleMethod::report), report)
                .error()
                .code(),
            Errc::no_such_report);
  const auto stranger = crypto::MachineSigner::draw(random_).public_key();
  EXPECT_EQ(
      call<ReportRequest::Reply>(stranger, number(SettleMethod::report), report).error().code(),
      Errc::permission_denied);
}

TEST_F(NodesOfService, FeedsAreTrimmedOnceTheyAreLong) {
  stop();
  options_.grant_segments = 10'000;
  start();
  prepare();
  // Each overwrite keeps one fragment and drops another on all three nodes.
  std::uint64_t end = 0;
  while (end < 4200) {
    std::vector<SubmitRequest> requests(1);
    const AllocateReply allocations = allocate(256).value();
    for (std::size_t i = 0; i < 256; ++i) {
      const PutObject put = put_of("key", commit_of(allocations, i));
      requests[0].items.push_back({PutObject::kVerb, {}, codec::encode(put)});
    }
    for (const auto& reply : submit(std::move(requests))) ASSERT_TRUE(reply);
    end = beat(NodeId(1))->feed_end;
  }
  EXPECT_EQ(feed(NodeId(1), 1, 10)->entries.size(), 10U);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(feed(NodeId(1), 4150, 10)->cursor_too_old);
  EXPECT_TRUE(comes_true([&] { return feed(NodeId(1), 1, 10)->cursor_too_old; }));
  EXPECT_EQ(feed(NodeId(1), 4150, 10)->entries.size(), 10U);
  EXPECT_EQ(feed(NodeId(2), 1, 10)->entries.size(), 10U) << "of this node only";
}

}  // namespace
}  // namespace stratos::meta
