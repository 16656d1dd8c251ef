#include "meta/service.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/log.hpp"
#include "io/faulty_file_system.hpp"
#include "meta/keys.hpp"
#include "meta/meta_client.hpp"
#include "meta/placement.hpp"
#include "meta/settlement_wire.hpp"
#include "runtime/real_runtime.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {
namespace {

AccountId owner() {
  AccountId id;
  id.value[0] = 1;
  return id;
}

class QuietLogs : public testing::Environment {
 public:
  void SetUp() override {
    log::set_sink([](std::string_view) {});
  }
};
const auto* const kQuietLogs = testing::AddGlobalTestEnvironment(new QuietLogs);

Task<void> submit_into(MetaClient& client, SubmitRequest request, Result<SubmitReply>& out) {
  out = co_await client.submit(std::move(request));
}

Task<void> submit_all(Runtime& runtime, MetaClient& client, std::vector<SubmitRequest> requests,
                      std::vector<Result<SubmitReply>>& out) {
  out.assign(requests.size(), fail(Errc::internal));
  TaskGroup tasks(runtime, "clients");
  for (std::size_t i = 0; i < requests.size(); ++i) {
    tasks.spawn(submit_into(client, std::move(requests[i]), out[i]));
  }
  co_await tasks.join();
}

// A meta node with its clients and fake storage nodes, all in this process.
class Service : public ::testing::Test {
 protected:
  Service() {
    options_.folder = "/meta";
    options_.params.network = "test";
    options_.params.profiles = {{"dev", 4, 2, 3}};
    options_.params.meta_keys = {meta_.public_key()};
    options_.zone = ZoneId(1);
    options_.clients = {gateway_.public_key()};
    options_.grant_noz = 1000;
    options_.node_timeout = 1h;
    options_.grant_segments = 1000;
    start();
    CreateAccount account;
    account.account = owner();
    account.ozone_noz = 1'000'000;
    EXPECT_TRUE(run(account));
  }
  ~Service() override {
    if (service_) stop();
    runtime_.stop();
  }

  void start() {
    auto started = block_on(runtime_, MetaService::start(runtime_, fs_, meta_, metrics_, options_));
    ASSERT_TRUE(started) << started.error().to_string();
    service_ = std::move(*started);
    channel_ =
        net::make_loopback_channel(runtime_, runtime_, service_->router(), gateway_.public_key());
    client_ = std::make_unique<MetaClient>(runtime_, *channel_);
  }
  void stop() {
    block_on(runtime_, service_->stop());
    client_.reset();
    channel_.reset();
    service_.reset();
  }
  void restart() {
    stop();
    start();
  }

  // --- as a gateway

  template <class Command>
  Result<typename Command::Reply> run(const Command& command) {
    return block_on(runtime_, client_->execute(command));
  }
  template <class Query>
  Result<typename Query::Reply> ask(const Query& query) {
    return block_on(runtime_, client_->query(query));
  }
  Result<AllocateReply> allocate(std::uint32_t segments, std::uint8_t k = 1, std::uint8_t m = 2,
                                 AccountId payer = owner()) {
    AllocateRequest request;
    request.payer = payer;
    request.k = k;
    request.m = m;
    request.segments = segments;
    return block_on(runtime_, client_->allocate(request));
  }
  Result<LimitsReply> limits(std::uint64_t bytes, std::size_t nodes = 2,
                             Action action = Action::get) {
    LimitsRequest request;
    request.payer = owner();
    request.session = gateway_.public_key();
    request.action = action;
    request.bytes = bytes;
    for (std::uint32_t n = 1; n <= nodes; ++n) request.nodes.push_back(NodeId(n));
    return block_on(runtime_, client_->limits(request));
  }
  void make_bucket() {
    CreateBucket command;
    command.name = "bucket";
    command.owner = owner();
    ASSERT_TRUE(run(command));
  }
  static PutObject inline_put(const std::string& key, std::string_view body = "body") {
    PutObject command;
    command.bucket = "bucket";
    command.key = key;
    command.size = body.size();
    command.inline_body = to_bytes(as_bytes(body));
    return command;
  }
  template <class Command>
  static SubmitRequest request_of(const Command& command, IdempotencyId id = {}) {
    SubmitRequest request;
    request.items.push_back({Command::kVerb, id, codec::encode(command)});
    return request;
  }
  std::vector<Result<SubmitReply>> submit(std::vector<SubmitRequest> requests) {
    std::vector<Result<SubmitReply>> replies;
    block_on(runtime_, submit_all(runtime_, *client_, std::move(requests), replies));
    return replies;
  }

  // --- as a storage node

  template <class Response, class Request>
  Result<Response> call(const crypto::MachineKey& as, MetaMethod method, const Request& request) {
    const auto channel = net::make_loopback_channel(runtime_, runtime_, service_->router(), as);
    auto reply = block_on(
        runtime_,
        net::call<Response>(*channel, static_cast<std::uint16_t>(method), request, Buffer(), 10s));
    if (!reply) return fail(reply.error());
    return std::move(reply->head);
  }
  crypto::MachineKey key_of(NodeId node) { return nodes_.at(node.value - 1).public_key(); }
  Result<RegisterReply> announce(const crypto::MachineKey& key, std::uint64_t incarnation,
                                 const crypto::MachineKey& as) {
    RegisterRequest request;
    request.key = key;
    request.capacity_bytes = 1ULL << 40;
    request.incarnation = incarnation;
    return call<RegisterReply>(as, MetaMethod::register_node, request);
  }
  NodeId add_node() {
    nodes_.push_back(crypto::MachineSigner::draw(random_));
    const auto key = nodes_.back().public_key();
    const auto reply = announce(key, 1, key);
    EXPECT_TRUE(reply);
    return reply->node;
  }
  Result<HeartbeatReply> beat(NodeId node, std::uint64_t incarnation = 1,
                              std::uint64_t free_bytes = 1ULL << 40) {
    HeartbeatRequest request;
    request.node = node;
    request.incarnation = incarnation;
    request.free_bytes = free_bytes;
    return call<HeartbeatReply>(key_of(node), MetaMethod::heartbeat, request);
  }
  Result<FeedReply> feed(NodeId node, std::uint64_t after, std::uint32_t limit = 1000) {
    return call<FeedReply>(key_of(node), MetaMethod::feed, FeedRequest{node, after, limit});
  }
  NodeRecord record(NodeId node) {
    for (const NodeRecord& known : ask(GetNodes{}).value().nodes) {
      if (known.id == node) return known;
    }
    return {};
  }
  // Asks again and again, as the deadline allows.
  template <class Condition>
  bool comes_true(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end) {
      if (condition()) return true;
    }
    return false;
  }

  // --- segments

  SegmentCommit commit_of(const AllocateReply& reply, std::size_t which = 0) {
    const auto& allocation = reply.allocations.at(which);
    SegmentCommit commit;
    commit.id = allocation.segment;
    commit.table_version = reply.table_version;
    commit.k = 1;
    commit.m = 2;
    commit.length = 100;
    for (std::uint8_t i = 0; i < 3; ++i) {
      Receipt receipt;
      receipt.node = allocation.ranked.at(i);
      receipt.fragment = {allocation.segment, i};
      receipt.length = 1024;
      receipt.lease_until = runtime_.wall_now() + std::chrono::hours(24);
      sign_receipts({&receipt, 1}, nodes_.at(receipt.node.value - 1));
      commit.receipts.push_back(receipt);
    }
    return commit;
  }
  static PutObject put_of(const std::string& key, const SegmentCommit& segment) {
    PutObject command;
    command.bucket = "bucket";
    command.key = key;
    command.size = segment.length;
    command.slices.keys = {WrappedKey{"ring", 1, {1}}};
    command.slices.slices = {{segment.id, 0, segment.length, 0}};
    command.page_macs = {{1}};
    command.segments = {segment};
    return command;
  }
  // A bucket, three nodes and one object on them.
  SegmentId store_object(const std::string& key) {
    const SegmentCommit segment = commit_of(allocate(1).value());
    EXPECT_TRUE(run(put_of(key, segment)));
    return segment.id;
  }
  void prepare() {
    make_bucket();
    for (int i = 0; i < 3; ++i) add_node();
  }

  SeededRandom random_{5};
  crypto::MachineSigner meta_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner gateway_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner stranger_ = crypto::MachineSigner::draw(random_);
  std::vector<crypto::MachineSigner> nodes_;
  io::FaultyFileSystem fs_;
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "meta"};
  metrics::Registry metrics_;
  ServiceOptions options_;
  std::unique_ptr<MetaService> service_;
  std::unique_ptr<net::Channel> channel_;
  std::unique_ptr<MetaClient> client_;
};

TEST_F(Service, OrdersAndAnswers) {
  make_bucket();
  const auto put = run(inline_put("key"));
  ASSERT_TRUE(put);
  GetObject query;
  query.bucket = "bucket";
  query.key = "key";
  query.with_data = true;
  const auto found = ask(query);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version.id, put->version);
  EXPECT_EQ(as_text(*found->inline_body), "body");
  EXPECT_EQ(run(DeleteBucket{"bucket"}).error().code(), Errc::bucket_not_empty);
  EXPECT_EQ(run(DeleteBucket{"other"}).error().code(), Errc::no_such_bucket);
}

TEST_F(Service, KeepsItsStateOverARestart) {
  make_bucket();
  ASSERT_TRUE(run(inline_put("key")));
  const Height before = service_->height();
  restart();
  EXPECT_GE(service_->height(), before);
  ListObjects query;
  query.bucket = "bucket";
  EXPECT_EQ(ask(query)->rows.size(), 1U);
}

TEST_F(Service, SurvivesAKillWithTheParametersOfItsBeginning) {
  make_bucket();
  fs_.kill_process();
  stop();
  options_.params.epoch_ms = 1234;
  start();
  EXPECT_TRUE(ask(GetBucket{"bucket"}));
  EXPECT_EQ(ask(GetParams{})->epoch_ms, Params{}.epoch_ms);
}

TEST_F(Service, GathersCommandsIntoBatches) {
  make_bucket();
  std::vector<SubmitRequest> requests;
  for (int i = 0; i < 64; ++i) requests.push_back(request_of(inline_put("k" + std::to_string(i))));
  std::set<Height> heights;
  for (const auto& reply : submit(std::move(requests))) {
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->results.size(), 1U);
    EXPECT_EQ(reply->results[0].code, 0);
    heights.insert(reply->height);
  }
  EXPECT_LT(heights.size(), 16U);
}

TEST_F(Service, GivesEachClientItsOwnResults) {
  make_bucket();
  std::vector<SubmitRequest> requests;
  for (int i = 0; i < 32; ++i) {
    SubmitRequest request = request_of(inline_put("k" + std::to_string(i)));
    PutObject failing = inline_put("none");
    failing.condition.exists = true;
    if (i % 3 == 0) request.items.push_back({Verb::put_object, {}, codec::encode(failing)});
    requests.push_back(std::move(request));
  }
  const auto replies = submit(std::move(requests));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    ASSERT_TRUE(replies[i]);
    ASSERT_EQ(replies[i]->results.size(), i % 3 == 0 ? 2U : 1U);
    EXPECT_EQ(replies[i]->results[0].code, 0);
    if (i % 3 == 0) {
      EXPECT_EQ(replies[i]->results[1].code, static_cast<std::uint16_t>(Errc::no_such_object));
    }
  }
}

TEST_F(Service, ABadReceiptOfOneClientFailsNobodyElse) {
  prepare();
  SegmentCommit forged = commit_of(allocate(1).value());
  ++forged.receipts[0].length;
  std::vector<SubmitRequest> requests;
  for (int i = 0; i < 20; ++i) requests.push_back(request_of(inline_put("k" + std::to_string(i))));
  requests[7] = request_of(put_of("forged", forged));
  requests[9].items[0].command = {0xff, 0xff};
  const auto replies = submit(std::move(requests));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    EXPECT_EQ(replies[i].has_value(), i != 7 && i != 9) << i;
  }
  EXPECT_EQ(replies[7].error().code(), Errc::bad_signature);
  EXPECT_EQ(replies[9].error().code(), Errc::bad_encoding);
}

TEST_F(Service, RepeatsGetTheFirstResultAlsoAfterARestart) {
  make_bucket();
  IdempotencyId id;
  id.value[0] = 1;
  const auto first = submit({request_of(inline_put("key", "one"), id)});
  restart();
  const auto again = submit({request_of(inline_put("key", "one"), id)});
  ASSERT_TRUE(first[0] && again[0]);
  EXPECT_EQ(first[0]->results[0].value, again[0]->results[0].value);
}

TEST_F(Service, RefusesCommandsThatAreTooLarge) {
  make_bucket();
  SubmitRequest request = request_of(inline_put("key"));
  request.items[0].command.resize(kMaxItemsBytes);
  EXPECT_EQ(submit({request})[0].error().code(), Errc::too_large);
  request = {};
  for (int i = 0; i < 40'000; ++i) request.items.push_back({});
  EXPECT_EQ(submit({request})[0].error().code(), Errc::too_large);
}

TEST_F(Service, AnswersReadsOfAHeightItHasReached) {
  QueryRequest request;
  request.path = GetParams::kPath;
  request.query = codec::encode(GetParams{});
  request.min_height = service_->height();
  const auto reply = call<QueryReply>(gateway_.public_key(), MetaMethod::query, request);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->zone, ZoneId(1));
  request.min_height = Height(1'000'000);
  EXPECT_EQ(call<QueryReply>(gateway_.public_key(), MetaMethod::query, request).error().code(),
            Errc::unavailable);
}

TEST_F(Service, ServesItsClientsOnly) {
  const auto key = stranger_.public_key();
  const auto code = [](const auto& reply) { return reply ? Errc{} : reply.error().code(); };
  EXPECT_EQ(code(call<SubmitReply>(key, MetaMethod::submit, SubmitRequest{})),
            Errc::permission_denied);
  EXPECT_EQ(code(call<QueryReply>(key, MetaMethod::query, QueryRequest{})),
            Errc::permission_denied);
  EXPECT_EQ(code(call<AllocateReply>(key, MetaMethod::allocate, AllocateRequest{})),
            Errc::permission_denied);
  EXPECT_EQ(code(call<LimitsReply>(key, MetaMethod::limits, LimitsRequest{})),
            Errc::permission_denied);
  EXPECT_EQ(code(call<NodeStatusReply>(key, MetaMethod::node_status, NodeStatusRequest{})),
            Errc::permission_denied);
}

TEST_F(Service, CountsWhatItServes) {
  make_bucket();
  ASSERT_TRUE(ask(GetParams{}));
  const std::string metrics = metrics_.expose();
  EXPECT_NE(metrics.find("stratos_meta_commands_total 2"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("stratos_meta_queries_total 1"), std::string::npos) << metrics;
}

using Granting = Service;

TEST_F(Granting, AllocationsNameDistinctSegmentsAndRankedNodes) {
  prepare();
  const auto reply = allocate(256);
  ASSERT_TRUE(reply);
  std::set<SegmentId> ids;
  for (const auto& allocation : reply->allocations) {
    ids.insert(allocation.segment);
    EXPECT_EQ(allocation.ranked.size(), 3U);
  }
  EXPECT_EQ(ids.size(), 256U);
  EXPECT_EQ(allocate(0).error().code(), Errc::invalid_argument);
  EXPECT_EQ(allocate(257).error().code(), Errc::invalid_argument);
}

TEST_F(Granting, ANewGrantFollowsAUsedOne) {
  prepare();
  std::set<SegmentId> ids;
  std::set<GrantId> grants;
  for (int i = 0; i < 9; ++i) {
    for (const auto& allocation : allocate(250)->allocations) {
      ids.insert(allocation.segment);
      grants.insert(keys::grant_of(allocation.segment));
    }
  }
  EXPECT_EQ(ids.size(), 2250U);
  EXPECT_GE(grants.size(), 3U);
}

TEST_F(Granting, TooFewDomainsAreRefusedAsUnavailable) {
  add_node();
  add_node();
  EXPECT_TRUE(allocate(1)) << "a quorum of two copies";
  const auto refused = allocate(1, 4, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::too_few_domains);
}

TEST_F(Granting, AnUnknownPayerGetsNothing) {
  prepare();
  AccountId unknown;
  unknown.value[5] = 9;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(allocate(1, 1, 2, unknown).error().code(), Errc::no_such_account);
  }
}

TEST_F(Granting, LimitsAreSignedAndDisjoint) {
  prepare();
  const auto reply = limits(100, 3, Action::put);
  ASSERT_TRUE(reply);
  std::set<std::uint64_t> serials;
  for (std::size_t i = 0; i < reply->limits.size(); ++i) {
    const SignedLimit& limit = reply->limits[i];
    EXPECT_EQ(limit.signer, meta_.public_key());
    EXPECT_TRUE(crypto::verify(limit.signer, Limit::kDomain, limit.limit, limit.signature));
    const Limit inner = codec::decode<Limit>(limit.limit).value();
    serials.insert(inner.serial);
    EXPECT_EQ(inner.node, NodeId(static_cast<std::uint32_t>(i + 1)));
    EXPECT_EQ(inner.bytes, 100U);
    EXPECT_EQ(inner.payer, owner());
    EXPECT_EQ(inner.action, Action::put);
    EXPECT_EQ(inner.zone, ZoneId(1));
    const std::uint64_t end = (inner.epoch.value + 1) * options_.params.epoch_ms;
    const std::uint64_t grace = options_.params.epoch_ms / 10;
    EXPECT_EQ(inner.expires.ms, static_cast<std::int64_t>(end + grace));
  }
  EXPECT_EQ(serials.size(), 3U);
}

TEST_F(Granting, LimitsOfOneGrantNeverExceedIt) {
  prepare();
  std::map<GrantId, std::uint64_t> signed_noz;
  for (int i = 0; i < 12; ++i) {
    for (const SignedLimit& limit : limits(150, 2)->limits) {
      const Limit inner = codec::decode<Limit>(limit.limit).value();
      signed_noz[inner.grant] += inner.bytes;
    }
  }
  EXPECT_GE(signed_noz.size(), 4U);
  for (const auto& [grant, noz] : signed_noz) EXPECT_LE(noz, options_.grant_noz);
  EXPECT_EQ(limits(options_.grant_noz / 2 + 1, 2).error().code(), Errc::grant_exhausted);
}

TEST_F(Granting, RefusesHostileLimits) {
  EXPECT_EQ(limits(kMaxLimitBytes + 1).error().code(), Errc::invalid_argument);
  EXPECT_EQ(limits(~0ULL).error().code(), Errc::invalid_argument);
  EXPECT_EQ(limits(1, 257).error().code(), Errc::invalid_argument);
  EXPECT_EQ(limits(1, 1, static_cast<Action>(0)).error().code(), Errc::invalid_argument);
  EXPECT_EQ(limits(1, 1, static_cast<Action>(9)).error().code(), Errc::invalid_argument);
}

TEST_F(Granting, NothingIsHandedOutTwiceOverRestarts) {
  prepare();
  std::set<SegmentId> ids;
  std::set<std::pair<GrantId, std::uint64_t>> serials;
  for (int life = 0; life < 4; ++life) {
    for (const auto& allocation : allocate(50)->allocations) {
      EXPECT_TRUE(ids.insert(allocation.segment).second);
    }
    for (const SignedLimit& limit : limits(10, 3)->limits) {
      const Limit inner = codec::decode<Limit>(limit.limit).value();
      EXPECT_TRUE(serials.insert({inner.grant, inner.serial}).second);
    }
    restart();
  }
}

using NodesOfService = Service;

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
