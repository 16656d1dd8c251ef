#include "meta/limit.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "crypto/hash.hpp"

namespace stratos::meta {
namespace {

crypto::MachineSigner signer(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::MachineSigner::draw(random);
}

Limit limit() {
  Limit limit;
  limit.serial = 5;
  limit.grant = GrantId(9);
  limit.zone = ZoneId(1);
  limit.epoch = Epoch(1000);
  limit.payer.value[0] = 0xaa;
  limit.session = signer(1).public_key();
  limit.node = NodeId(3);
  limit.action = Action::put;
  limit.bytes = 1 << 30;
  limit.expires = {1'700'000'000'000};
  return limit;
}

SignedLimit signed_limit(const Limit& what) {
  SignedLimit out;
  out.limit = codec::encode(what);
  out.signer = signer(2).public_key();
  out.signature = signer(2).sign(Limit::kDomain, out.limit);
  return out;
}

TEST(OrderMessage, IsGrantSerialAndBytesBigEndian) {
  const Bytes message = order_message(GrantId(0x0102), 3, 0xffffffffffffffff);
  EXPECT_EQ(to_hex(message), "00000000000001020000000000000003ffffffffffffffff");
}

TEST(OrderMessage, DiffersInEveryField) {
  const Bytes base = order_message(GrantId(1), 2, 3);
  EXPECT_NE(base, order_message(GrantId(2), 2, 3));
  EXPECT_NE(base, order_message(GrantId(1), 3, 3));
  EXPECT_NE(base, order_message(GrantId(1), 2, 4));
  // Fixed widths: no two triples share their bytes.
  EXPECT_NE(order_message(GrantId(1), 0x0200, 0), order_message(GrantId(1), 2, 0));
}

TEST(Limit, SurvivesTheWireWithFieldsOfLaterReleases) {
  Bytes encoded = codec::encode(limit());
  codec::put_varint_field(encoded, 99, 7);
  const auto decoded = codec::decode<Limit>(encoded);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->bytes, limit().bytes);
  EXPECT_EQ(decoded->session, limit().session);
  EXPECT_EQ(codec::encode(*decoded), encoded);
}

TEST(Limit, AnotherFormatIsRefused) {
  Bytes encoded = codec::encode(limit());
  encoded[0] = 2;
  EXPECT_EQ(codec::decode<Limit>(encoded).error().code(), Errc::unknown_format);
}

TEST(Limit, SignatureCoversTheExactBytes) {
  SignedLimit out = signed_limit(limit());
  EXPECT_TRUE(crypto::verify(out.signer, Limit::kDomain, out.limit, out.signature));
  for (std::size_t i = 0; i < out.limit.size(); ++i) {
    SignedLimit damaged = out;
    damaged.limit[i] ^= 1;
    EXPECT_FALSE(crypto::verify(out.signer, Limit::kDomain, damaged.limit, out.signature)) << i;
  }
}

TEST(Limit, ASignedOrderIsNoSignedLimit) {
  const SignedLimit out = signed_limit(limit());
  EXPECT_FALSE(crypto::verify(out.signer, Order::kDomain, out.limit, out.signature));
}

TEST(Order, CarriesItsLimitOnlyWhenSet) {
  Order order;
  order.grant = GrantId(9);
  order.serial = 5;
  order.bytes = kOrderStepBytes;
  order.signature = signer(1).sign(Order::kDomain, order_message(order.grant, 5, order.bytes));
  const Bytes bare = codec::encode(order);
  EXPECT_FALSE(codec::decode<Order>(bare).value().limit);
  order.limit = signed_limit(limit());
  const Bytes full = codec::encode(order);
  EXPECT_GT(full.size(), bare.size() + 100);
  const auto decoded = codec::decode<Order>(full);
  ASSERT_TRUE(decoded && decoded->limit);
  EXPECT_EQ(decoded->limit->limit, codec::encode(limit()));
  EXPECT_EQ(decoded->limit->signature, order.limit->signature);
}

TEST(Limit, GoldenVector) {
  EXPECT_EQ(to_hex(codec::encode(limit())),
            "0108051009180120e8072a14aa0000000000000000000000000000000000000032202e3a13d4903c4e808b"
            "1945cf26c586c0e4d122102cbb94d255aaf2f4cf05e75d380340014880808080045080a0abfef9625801");
  EXPECT_EQ(crypto::blake3(signed_limit(limit()).signature.view()).hex(),
            "9ddfd6d267ba9ff29ff9e06947de01ef977a035c64f58af3d53a3b0acfdaae7d");
}

}  // namespace
}  // namespace stratos::meta
