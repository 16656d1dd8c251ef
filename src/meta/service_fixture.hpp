// For tests of a meta node: one with its clients and fake storage nodes, all in this process.
#pragma once
#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "meta/meta_client.hpp"
#include "meta/service.hpp"
#include "runtime/real_runtime.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {

inline AccountId owner() {
  AccountId id;
  id.value[0] = 1;
  return id;
}

inline Task<void> submit_into(MetaClient& client, SubmitRequest request, Result<SubmitReply>& out) {
  out = co_await client.submit(std::move(request));
}

inline Task<void> submit_all(Runtime& runtime, MetaClient& client,
                             std::vector<SubmitRequest> requests,
                             std::vector<Result<SubmitReply>>& out) {
  out.assign(requests.size(), fail(Errc::internal));
  TaskGroup tasks(runtime, "clients");
  for (std::size_t i = 0; i < requests.size(); ++i) {
    tasks.spawn(submit_into(client, std::move(requests[i]), out[i]));
  }
  co_await tasks.join();
}

class ServiceFixture : public ::testing::Test {
 protected:
  ServiceFixture() {
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
  ~ServiceFixture() override {
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

}  // namespace stratos::meta
