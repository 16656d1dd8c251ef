#include "meta/service.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/log.hpp"
#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/service_fixture.hpp"
#include "meta/settlement_wire.hpp"

namespace stratos::meta {
namespace {

class QuietLogs : public testing::Environment {
 public:
  void SetUp() override {
    log::set_sink([](std::string_view) {});
  }
};
const auto* const kQuietLogs = testing::AddGlobalTestEnvironment(new QuietLogs);

using Service = ServiceFixture;

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

}  // namespace
}  // namespace stratos::meta
