#include "resource/node.hpp"
#include "resource/node_key.hpp"

#include <gtest/gtest.h>

#include <set>

#include "crypto/hash.hpp"
#include "io/faulty_file_system.hpp"
#include "meta/audit.hpp"
#include "resource/storage/storage_service.hpp"
#include "resource/storage/wire.hpp"
#include "runtime/real_runtime.hpp"
#include "runtime/task_group.hpp"

namespace stratos::resource {
namespace {

using meta::Action;
using meta::FeedKind;
using meta::MetaMethod;

Buffer content(std::uint64_t seed, std::size_t size) {
  SeededRandom random(seed);
  Buffer buffer = Buffer::allocate(size);
  random.fill(buffer.mutable_view());
  return buffer;
}

FragmentId fragment_id(std::uint8_t number) {
  FragmentId id;
  id.segment.value[15] = number;
  return id;
}

// A meta node as far as a storage node sees it. Lives on the node's runtime.
class FakeMeta {
 public:
  explicit FakeMeta(Random& random) : signer(crypto::MachineSigner::draw(random)) {
    route<meta::RegisterRequest, meta::RegisterReply>(MetaMethod::register_node, [this](
                                                                                     auto request) {
      last_registration = request;
      return Result<meta::RegisterReply>({NodeId(7), signer.public_key(), ZoneId(0), generation});
    });
    route<meta::HeartbeatRequest, meta::HeartbeatReply>(MetaMethod::heartbeat, [this](auto beat) {
      last_beat = beat;
      ++beats;
      if (heartbeat_error != Errc{}) return Result<meta::HeartbeatReply>(fail(heartbeat_error));
      return Result<meta::HeartbeatReply>({time, Epoch(1), feed.size(), generation});
    });
    route<meta::FeedRequest, meta::FeedReply>(MetaMethod::feed, [this](auto request) {
      asked_after = request.after;
      meta::FeedReply reply;
      reply.end = feed.size();
      reply.cursor_too_old = request.after < trimmed;
      for (std::uint64_t at = request.after; at < feed.size() && !reply.cursor_too_old; ++at) {
        reply.entries.push_back(feed[at]);
      }
      return Result<meta::FeedReply>(reply);
    });
    route<meta::ConfirmRequest, meta::ConfirmReply>(MetaMethod::confirm, [this](auto request) {
      meta::ConfirmReply reply;
      reply.time = time;
      for (const FragmentId& id : request.fragments) {
        if (referenced.contains(id)) reply.referenced.push_back(id);
      }
      return Result<meta::ConfirmReply>(reply);
    });
    route<meta::InventoryRequest, meta::InventoryReply>(
        MetaMethod::inventory, [this](auto request) {
          meta::InventoryReply reply;
          reply.feed_end = feed.size();
          for (const FragmentId& id : referenced) {
            if (request.after && id <= *request.after) continue;
            reply.more = reply.fragments.size() == 2;  // small pages
            if (reply.more) break;
            reply.fragments.push_back(id);
          }
          return Result<meta::InventoryReply>(reply);
        });
  }

  void say(FeedKind kind, const FragmentId& id) { feed.push_back({feed.size() + 1, kind, id}); }

  crypto::MachineSigner signer;
  net::Router router;
  std::vector<meta::FeedEntry> feed;
  std::uint64_t trimmed = 0;
  std::uint64_t asked_after = 0;
  std::set<FragmentId> referenced;
  WallTime time{0};
  Generation generation{1};
  Errc heartbeat_error{};
  meta::HeartbeatRequest last_beat;
  meta::RegisterRequest last_registration;
  int beats = 0;

 private:
  template <class Request, class Response, class Fn>
  void route(MetaMethod method, Fn fn) {
    router.on<Request, Response>(static_cast<std::uint16_t>(method), "fake",
                                 [fn](net::CallContext, Request request, Buffer) {
                                   return [](Fn answer,
                                             Request asked) -> Task<Result<net::Reply<Response>>> {
                                     Result<Response> response = answer(std::move(asked));
                                     if (!response) co_return fail(response.error());
                                     co_return net::Reply<Response>{std::move(*response), Buffer()};
                                   }(fn, std::move(request));
                                 });
  }
};

class NodeTest : public ::testing::Test {
 protected:
  NodeTest() {
    options_.folder = "/node";
    options_.heartbeat_interval = 2ms;
    options_.storage.store.reserve_bytes = 0;
    options_.storage.store.volume_bytes = 8 << 20;
    options_.storage.store.rocks.deterministic = true;
    options_.storage.feed_interval = 2ms;
    options_.storage.upkeep_interval = 5ms;
    options_.storage.expiry_interval = 5ms;
    options_.storage.reopen_delay = 1ms;
  }
  ~NodeTest() override {
    stop();
    runtime_.stop();
  }

  Result<void> open() {
    auto channel = net::make_loopback_channel(runtime_, runtime_, meta_.router, key_.public_key());
    STRATOS_TRY(node_, block_on(runtime_, StorageNode::open(runtime_, fs_, std::move(channel), key_,
                                                            metrics_, options_)));
    return {};
  }
  void start() {
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    const auto joined = block_on(runtime_, node_->join("", 5s));
    ASSERT_TRUE(joined) << joined.error().to_string();
    client_ = net::make_loopback_channel(runtime_, runtime_, node_->router(), key_.public_key());
  }
  void stop() {
    if (!node_) return;
    block_on(runtime_, node_->stop());
    client_.reset();
    node_.reset();
  }
  void restart() {
    stop();
    start();
  }

  meta::Order order(Action action) {
    meta::Limit limit;
    limit.serial = static_cast<std::uint64_t>(action);
    limit.generation = meta_.generation;
    limit.grant = GrantId(1);
    limit.epoch = Epoch(1);
    limit.session = session_.public_key();
    limit.node = NodeId(7);
    limit.action = action;
    limit.bytes = 1ULL << 40;
    limit.expires = {runtime_.wall_now().ms + 600'000};
    meta::SignedLimit signed_limit;
    signed_limit.limit = codec::encode(limit);
    signed_limit.signer = meta_.signer.public_key();
    signed_limit.signature = meta_.signer.sign(meta::Limit::kDomain, signed_limit.limit);
    meta::Order out;
    out.grant = limit.grant;
    out.serial = limit.serial;
    out.bytes = 1ULL << 30;
    out.signature =
        session_.sign(meta::Order::kDomain, meta::order_message(out.grant, out.serial, out.bytes));
    out.limit = signed_limit;
    return out;
  }
  WriteRequest write_request(const FragmentId& id, const Buffer& whole, std::uint64_t offset,
                             std::uint64_t length) {
    WriteRequest request;
    request.fragment = id;
    request.k = 1;
    request.offset = offset;
    request.seal = offset + length == whole.size();
    if (request.seal) request.root = crypto::blake3(whole.view());
    request.order = order(Action::put);
    return request;
  }
  Result<WriteReply> write(const WriteRequest& request, Buffer body) {
    auto called = block_on(
        runtime_, net::call<WriteReply>(*client_, static_cast<std::uint16_t>(NodeMethod::write),
                                        request, std::move(body), 10s));
    if (!called) return fail(called.error());
    return called->head;
  }
  Result<meta::Receipt> store(const FragmentId& id, const Buffer& whole,
                              std::uint64_t step = kMaxExtentBytes) {
    std::uint64_t offset = 0;
    while (true) {
      const std::uint64_t length = std::min<std::uint64_t>(step, whole.size() - offset);
      STRATOS_TRY(const WriteReply reply,
                  write(write_request(id, whole, offset, length), whole.slice(offset, length)));
      offset += length;
      if (reply.receipt) return *reply.receipt;
    }
  }
  Result<Buffer> read(const FragmentId& id, std::uint64_t offset = 0,
                      std::uint32_t length = kMaxExtentBytes) {
    ReadRequest request;
    request.fragment = id;
    request.offset = offset;
    request.length = length;
    request.order = order(Action::get);
    auto called = block_on(
        runtime_, net::call<ReadReply>(*client_, static_cast<std::uint16_t>(NodeMethod::read),
                                       request, Buffer(), 10s));
    if (!called) return fail(called.error());
    return called->body;
  }
  Result<StatReply> stat(const FragmentId& id) {
    StatRequest request{id};
    auto called = block_on(
        runtime_, net::call<StatReply>(*client_, static_cast<std::uint16_t>(NodeMethod::stat),
                                       request, Buffer(), 10s));
    if (!called) return fail(called.error());
    return called->head;
  }
  // Waits for one of the node's loops; the bound only ends a failing test.
  template <class Condition>
  bool eventually(Condition condition) {
    for (int i = 0; i < 5000; ++i) {
      if (condition()) return true;
      block_on(runtime_, runtime_.sleep(1ms));
    }
    return false;
  }

  io::FaultyFileSystem fs_;
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "node"};
  SeededRandom random_{5};
  crypto::MachineSigner key_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner session_ = crypto::MachineSigner::draw(random_);
  FakeMeta meta_{random_};
  metrics::Registry metrics_;
  NodeOptions options_;
  std::unique_ptr<StorageNode> node_;
  std::unique_ptr<net::Channel> client_;
};

TEST_F(NodeTest, JoinsStoresAndServes) {
  start();
  EXPECT_EQ(node_->id(), NodeId(7));
  EXPECT_TRUE(node_->unready().empty());
  for (const std::size_t size : {0U, 5U, 17'408U, 65'536U, 70'000U, 3'000'000U}) {
    const FragmentId id = fragment_id(static_cast<std::uint8_t>(size % 251));
    const Buffer whole = content(size, size);
    const auto receipt = store(id, whole);
    ASSERT_TRUE(receipt) << receipt.error().to_string();
    EXPECT_TRUE(meta::verify_receipt(*receipt));
    EXPECT_EQ(receipt->signer, key_.public_key());
    EXPECT_EQ(receipt->node, NodeId(7));
    const auto part = read(id);
    ASSERT_TRUE(part) << part.error().to_string();
    EXPECT_TRUE(std::ranges::equal(
        part->view(), whole.view().first(std::min<std::size_t>(size, kMaxExtentBytes))));
    EXPECT_EQ(stat(id)->length, size);
  }
  EXPECT_EQ(read(fragment_id(255)).error().code(), Errc::no_such_fragment);
  EXPECT_TRUE(eventually([&] { return meta_.last_beat.fragments == 6; }));
  EXPECT_GT(meta_.last_beat.used_bytes, 3'000'000U);
}

Task<void> write_into(net::Channel& channel, WriteRequest request, Buffer body,
                      std::vector<Result<WriteReply>>& out) {
  auto called = co_await net::call<WriteReply>(
      channel, static_cast<std::uint16_t>(NodeMethod::write), request, std::move(body), 10s);
  if (called) {
    out.emplace_back(called->head);
  } else {
    out.emplace_back(fail(called.error()));
  }
}
Task<void> write_at_once(Runtime& runtime, net::Channel& channel,
                         std::vector<WriteRequest> requests, std::vector<Buffer> bodies,
                         std::vector<Result<WriteReply>>& out) {
  TaskGroup tasks(runtime, "writers");
  for (std::size_t i = 0; i < requests.size(); ++i) {
    tasks.spawn(write_into(channel, requests[i], bodies[i], out));
  }
  co_await tasks.join();
}

TEST_F(NodeTest, MakesConcurrentWritesDurableInGroups) {
  start();
  std::vector<WriteRequest> requests;
  std::vector<Buffer> bodies;
  for (std::uint8_t i = 0; i < 100; ++i) {
    const Buffer whole = content(i, i % 5 == 0 ? 100'000 : 17'408);
    requests.push_back(write_request(fragment_id(i), whole, 0, whole.size()));
    bodies.push_back(whole);
  }
  std::vector<Result<WriteReply>> replies;
  block_on(runtime_, write_at_once(runtime_, *client_, requests, bodies, replies));
  ASSERT_EQ(replies.size(), 100U);
  std::set<crypto::MachineSignature> signatures;
  for (const auto& reply : replies) {
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_TRUE(meta::verify_receipt(*reply->receipt));
    signatures.insert(reply->receipt->signature);
  }
  EXPECT_LT(signatures.size(), 30U);
  for (std::uint8_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(std::ranges::equal(read(fragment_id(i))->view(), bodies[i].view()));
  }
}

TEST_F(NodeTest, TakesExtentsThatAreSentWithoutWaiting) {
  start();
  const Buffer whole = content(1, 2'000'000);
  std::vector<WriteRequest> requests;
  std::vector<Buffer> bodies;
  for (std::uint64_t offset = 0; offset < whole.size(); offset += 250'000) {
    requests.push_back(write_request(fragment_id(1), whole, offset, 250'000));
    bodies.push_back(whole.slice(offset, 250'000));
  }
  std::vector<Result<WriteReply>> replies;
  block_on(runtime_, write_at_once(runtime_, *client_, requests, bodies, replies));
  for (const auto& reply : replies) EXPECT_TRUE(reply) << reply.error().to_string();
  EXPECT_TRUE(
      std::ranges::equal(read(fragment_id(1), 1'000'000)->view(), whole.view().subspan(1'000'000)));
}

TEST_F(NodeTest, AnswersARepeatedWriteAlikeAndChargesItOnce) {
  start();
  const Buffer whole = content(1, 17'408);
  const auto first = store(fragment_id(1), whole);
  const auto second = store(fragment_id(1), whole);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->root, second->root);
  EXPECT_EQ(first->lease_until, second->lease_until);
  EXPECT_EQ(store(fragment_id(1), content(2, 17'408)).error().code(), Errc::fragment_sealed);
}

TEST_F(NodeTest, RefusesRequestsWithoutAValidOrder) {
  start();
  const Buffer whole = content(1, 1000);
  WriteRequest request = write_request(fragment_id(1), whole, 0, 1000);
  request.order.limit.reset();
  EXPECT_EQ(write(request, whole).error().code(), Errc::limit_refused);
  request.order = order(Action::get);
  EXPECT_EQ(write(request, whole).error().code(), Errc::limit_refused);
  request.order = order(Action::put);
  EXPECT_TRUE(write(request, whole));
  // Known by now.
  request.fragment = fragment_id(2);
  request.order.limit.reset();
  EXPECT_TRUE(write(request, whole));
}

TEST_F(NodeTest, KeepsEverythingAcrossARestart) {
  start();
  const Buffer whole = content(1, 500'000);
  ASSERT_TRUE(store(fragment_id(1), whole));
  meta_.say(FeedKind::keep, fragment_id(1));
  ASSERT_TRUE(eventually([&] { return meta_.asked_after == 1; }));
  restart();
  EXPECT_TRUE(std::ranges::equal(read(fragment_id(1))->view(), whole.view()));
  EXPECT_EQ(meta_.asked_after, 1U);
  // The order survived too: no limit has to be sent again.
  WriteRequest request = write_request(fragment_id(2), whole, 0, 500'000);
  request.order.limit.reset();
  EXPECT_TRUE(write(request, whole));
}

TEST_F(NodeTest, FollowsTheFeed) {
  options_.storage.store.trash = 1ms;
  start();
  for (std::uint8_t i = 1; i <= 2; ++i) ASSERT_TRUE(store(fragment_id(i), content(i, 20'000)));
  meta_.say(FeedKind::keep, fragment_id(1));
  meta_.say(FeedKind::drop, fragment_id(2));
  ASSERT_TRUE(eventually([&] {
    const auto gone = stat(fragment_id(2));
    return !gone && gone.error().code() == Errc::no_such_fragment;
  }));
  EXPECT_TRUE(read(fragment_id(1)));
  EXPECT_TRUE(eventually([&] { return meta_.asked_after == 2; }));
}

TEST_F(NodeTest, DropsExpiredFragmentsAfterMetaConfirmed) {
  options_.storage.store.lease = 10ms;
  options_.storage.grace = 10ms;
  options_.storage.store.trash = 1h;
  start();
  ASSERT_TRUE(store(fragment_id(1), content(1, 20'000)));
  ASSERT_TRUE(store(fragment_id(2), content(2, 20'000)));
  meta_.referenced.insert(fragment_id(1));
  // Meta's clock has not come that far: nothing may go.
  const int beats = meta_.beats;
  ASSERT_TRUE(eventually([&] { return meta_.beats > beats + 20; }));
  EXPECT_FALSE(stat(fragment_id(2))->in_trash);
  meta_.time = {runtime_.wall_now().ms + 60'000};
  ASSERT_TRUE(eventually([&] { return stat(fragment_id(2))->in_trash; }));
  EXPECT_FALSE(stat(fragment_id(1))->in_trash);
  EXPECT_TRUE(read(fragment_id(1)));
}

TEST_F(NodeTest, ReconcilesWhenItsCursorIsTooOld) {
  start();
  for (std::uint8_t i = 1; i <= 5; ++i) ASSERT_TRUE(store(fragment_id(i), content(i, 2000)));
  stop();
  for (std::uint8_t i = 0; i < 50; ++i) meta_.say(FeedKind::keep, fragment_id(200));
  meta_.trimmed = 40;
  meta_.referenced = {fragment_id(1), fragment_id(2), fragment_id(3), fragment_id(77)};
  start();
  ASSERT_TRUE(eventually([&] { return meta_.asked_after == 50; }));
  const std::string text = metrics_.expose();
  EXPECT_NE(text.find("stratos_storage_missing_fragments_total 1"), std::string::npos) << text;
  for (std::uint8_t i = 1; i <= 5; ++i) EXPECT_TRUE(read(fragment_id(i)));
}

TEST_F(NodeTest, RefusesAnIndexOlderThanOneSeenBefore) {
  meta_.generation = Generation(2);
  start();
  ASSERT_TRUE(store(fragment_id(1), content(1, 2000)));
  ASSERT_TRUE(eventually([&] { return meta_.beats > 3; }));
  meta_.generation = Generation(1);
  restart();
  meta_.say(FeedKind::drop, fragment_id(1));
  ASSERT_TRUE(eventually([&] { return !node_->unready().empty(); }));
  const int beats = meta_.beats;
  ASSERT_TRUE(eventually([&] { return meta_.beats > beats + 10; }));
  EXPECT_FALSE(stat(fragment_id(1))->in_trash);
}

TEST_F(NodeTest, TakesBackWhatAnIndexThatWasRestoredMeanwhileRefersTo) {
  start();
  ASSERT_TRUE(store(fragment_id(1), content(1, 2000)));
  meta_.say(FeedKind::drop, fragment_id(1));
  ASSERT_TRUE(eventually([&] { return stat(fragment_id(1))->in_trash; }));
  // From before the drop; nobody restarts the node.
  meta_.referenced = {fragment_id(1)};
  meta_.generation = Generation(2);
  EXPECT_TRUE(eventually([&] { return !stat(fragment_id(1))->in_trash; }));
  EXPECT_TRUE(read(fragment_id(1)));
}

TEST_F(NodeTest, OpensItsStoreAgainAfterAFailedSync) {
  start();
  const Buffer whole = content(1, 20'000);
  ASSERT_TRUE(store(fragment_id(1), whole));
  fs_.fail_syncs("*/volumes/*", 1);
  const auto failed = store(fragment_id(2), whole);
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().retryable()) << failed.error().to_string();
  ASSERT_TRUE(eventually([&] { return store(fragment_id(2), whole).has_value(); }));
  EXPECT_TRUE(std::ranges::equal(read(fragment_id(1))->view(), whole.view()));
  EXPECT_TRUE(std::ranges::equal(read(fragment_id(2))->view(), whole.view()));
  EXPECT_NE(metrics_.expose().find("stratos_storage_reopened_total 1"), std::string::npos);
}

TEST_F(NodeTest, ProvesLeavesToTheMetaLayerAlone) {
  start();
  const std::uint64_t length = 40'100;
  const Buffer whole = content(1, length);
  const Buffer small = content(2, 700);
  ASSERT_TRUE(store(fragment_id(1), whole) && store(fragment_id(2), small));
  const auto audit = [&](const crypto::MachineKey& as, std::uint8_t n, std::uint64_t leaf) {
    const auto channel = net::make_loopback_channel(runtime_, runtime_, node_->router(), as);
    const meta::AuditRequest request{fragment_id(n), leaf};
    return block_on(runtime_, net::call<meta::AuditReply>(
                                  *channel, static_cast<std::uint16_t>(meta::NodeOrder::audit),
                                  request, Buffer(), 5s));
  };
  const crypto::MachineKey meta = meta_.signer.public_key();
  const Hash root = crypto::blake3(whole.view());
  for (const std::uint64_t leaf : {0U, 15U, 16U, 38U, 39U}) {
    const auto reply = audit(meta, 1, leaf);
    ASSERT_TRUE(reply);
    EXPECT_LE(reply->head.path.size() + reply->body.size(), 2560U);
    EXPECT_TRUE(meta::check_audit(root, length, leaf, reply->head, reply->body.view())) << leaf;
    EXPECT_FALSE(
        meta::check_audit(root, length, leaf == 0 ? 1 : 0, reply->head, reply->body.view()));
  }
  const auto only = audit(meta, 2, 0);
  ASSERT_TRUE(only);
  EXPECT_TRUE(
      meta::check_audit(crypto::blake3(small.view()), 700, 0, only->head, only->body.view()));
  EXPECT_EQ(audit(meta, 1, 40).error().code(), Errc::invalid_argument);
  EXPECT_EQ(audit(meta, 1, ~0ULL).error().code(), Errc::invalid_argument);
  EXPECT_EQ(audit(meta, 3, 0).error().code(), Errc::no_such_fragment);
  EXPECT_EQ(audit(key_.public_key(), 1, 0).error().code(), Errc::permission_denied);
}

TEST_F(NodeTest, TakesNoNewDataWhileDraining) {
  start();
  ASSERT_TRUE(store(fragment_id(1), content(1, 2000)));
  node_->drain();
  EXPECT_EQ(store(fragment_id(2), content(2, 2000)).error().code(), Errc::unavailable);
  EXPECT_TRUE(read(fragment_id(1)));
  ASSERT_TRUE(eventually([&] { return meta_.last_beat.free_bytes == 0; }));
  EXPECT_FALSE(node_->unready().empty());
}

TEST_F(NodeTest, RegistersAgainWhenMetaForgotIt) {
  start();
  meta_.heartbeat_error = Errc::no_such_node;
  ASSERT_TRUE(eventually([&] { return !node_->unready().empty(); }));
  meta_.heartbeat_error = Errc{};
  ASSERT_TRUE(eventually([&] { return node_->unready().empty(); }));
  EXPECT_EQ(node_->id(), NodeId(7));
}

TEST_F(NodeTest, HoldsItsFolderAlone) {
  start();
  auto first = std::move(node_);
  EXPECT_EQ(open().error().code(), Errc::folder_locked);
  node_ = std::move(first);
}

TEST_F(NodeTest, RefusesAFolderOfAnotherFormat) {
  ASSERT_TRUE(fs_.make_dirs("/node"));
  ASSERT_TRUE(io::write_file_atomic(fs_, "/node/FORMAT", as_bytes("stratos node 9\n")));
  EXPECT_EQ(open().error().code(), Errc::unknown_format);
}

TEST_F(NodeTest, DrawsItsKeyOnce) {
  SystemRandom random;
  const auto first = load_node_key(fs_, "/keys", random);
  const auto second = load_node_key(fs_, "/keys", random);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->public_key(), second->public_key());
  ASSERT_TRUE(io::write_file_atomic(fs_, "/keys/node.key", as_bytes("short")));
  EXPECT_EQ(load_node_key(fs_, "/keys", random).error().code(), Errc::bad_key);
}

TEST_F(NodeTest, RegistersWithTheWordOfItsFormerKey) {
  SystemRandom random;
  key_ = load_node_key(fs_, "/node", random).value();
  const crypto::MachineKey before = key_.public_key();
  start();
  EXPECT_EQ(rotate_node_key(fs_, "/node", random).error().code(), Errc::folder_locked);
  EXPECT_FALSE(meta_.last_registration.succession);
  stop();
  const auto rotated = rotate_node_key(fs_, "/node", random);
  ASSERT_TRUE(rotated);
  EXPECT_EQ(rotate_node_key(fs_, "/node", random).error().code(), Errc::precondition_failed);
  key_ = load_node_key(fs_, "/node", random).value();
  EXPECT_EQ(key_.public_key(), *rotated);
  start();
  const auto succession = meta_.last_registration.succession;
  ASSERT_TRUE(succession);
  EXPECT_EQ(succession->previous, before);
  EXPECT_TRUE(meta::verify_succession(*succession, *rotated));
  // An index that was restored may not know of it: the node says it again.
  restart();
  EXPECT_TRUE(meta_.last_registration.succession);
  stop();
  EXPECT_TRUE(rotate_node_key(fs_, "/node", random));
}

}  // namespace
}  // namespace stratos::resource
