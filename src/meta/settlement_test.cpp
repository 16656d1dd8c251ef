#include "meta/settlement.hpp"

#include <gtest/gtest.h>

#include "crypto/hash.hpp"
#include "meta/keys.hpp"

namespace stratos::meta {
namespace {

TEST(HandInDigests, CoverEveryOrderInTurn) {
  HandInDigest digest;
  digest.add({GrantId(0x0102), 3, 0x0405});
  digest.add({GrantId(7), 8, 9});
  const Bytes expected = from_hex(
                             "000000000000010200000000000000030000000000000405"
                             "000000000000000700000000000000080000000000000009")
                             .value();
  EXPECT_EQ(digest.finish(), crypto::blake3(expected));
  HandInDigest other;
  other.add({GrantId(7), 8, 9});
  other.add({GrantId(0x0102), 3, 0x0405});
  EXPECT_NE(other.finish(), digest.finish());
}

TEST(HandInMessages, NameNodeEpochAndDigest) {
  Hash digest;
  digest.value.fill(0xab);
  const Bytes message = hand_in_message(NodeId(0x01020304), Epoch(0x05), digest);
  EXPECT_EQ(to_hex(message), "010203040000000000000005" + digest.hex());
}

TEST(Volumes, CountByAction) {
  value::Volume volume;
  std::uint64_t bytes = 1;
  for (const Action action : {Action::put, Action::get, Action::audit, Action::repair}) {
    *counter_of(volume, action) = bytes;
    EXPECT_EQ(bytes_of(volume, action), bytes);
    bytes *= 10;
  }
  EXPECT_EQ(volume, (value::Volume{1, 10, 100, 1000}));
  EXPECT_EQ(counter_of(volume, Action{0}), nullptr);
  EXPECT_EQ(bytes_of(volume, Action{9}), 0U);
}

TEST(SettlementKeys, SortByEpochAndParse) {
  crypto::MachineKey session;
  session.value.fill(5);
  const Bytes share = keys::session_share(Epoch(300), session, NodeId(2));
  EXPECT_EQ(keys::epoch_of(share), Epoch(300));
  EXPECT_EQ(keys::session_of(share), session);
  EXPECT_EQ(keys::session_of(keys::split(Epoch(300), session)), session);
  EXPECT_LT(keys::settled_node(Epoch(255), NodeId(9)), keys::settled_node(Epoch(256), NodeId(1)));
  EXPECT_LT(keys::open_grant(Epoch(255), GrantId(9)), keys::open_grant(Epoch(256), GrantId(1)));
  EXPECT_EQ(share[0], 'S');
  EXPECT_EQ(share[1], 'h');
}

TEST(Splits, SurviveTheirEncoding) {
  Split split;
  split.epoch = Epoch(9);
  split.rows.push_back({NodeId(1), Action::put, BucketId(0), 5});
  split.rows.push_back({NodeId(1), Action::put, BucketId(3), 6});
  const auto again = codec::decode<Split>(codec::encode(split)).value();
  ASSERT_EQ(again.rows.size(), 2U);
  EXPECT_EQ(again.rows[1].bucket, BucketId(3));
  EXPECT_EQ(again.rows[1].bytes, 6U);
  Bytes later = codec::encode(split);
  later[0] = 2;
  EXPECT_EQ(codec::decode<Split>(later).error().code(), Errc::unknown_format);
}

}  // namespace
}  // namespace stratos::meta
