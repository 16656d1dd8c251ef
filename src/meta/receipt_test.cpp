#include "meta/receipt.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "crypto/hash.hpp"

namespace stratos::meta {
namespace {

Hash numbered(std::uint32_t n) {
  Bytes bytes;
  put_be(bytes, n);
  return crypto::blake3(bytes);
}

std::vector<Hash> leaves_of(std::uint32_t count) {
  std::vector<Hash> leaves;
  for (std::uint32_t i = 0; i < count; ++i) leaves.push_back(numbered(i));
  return leaves;
}

Hash join(const Hash& left, const Hash& right) {
  Bytes both = {1};
  append(both, left.view());
  append(both, right.view());
  return crypto::blake3(both);
}

// The same tree from its recursive definition: the left part is the largest full one.
Hash root_by_definition(std::span<const Hash> leaves) {
  if (leaves.size() == 1) return leaves[0];
  const std::size_t left = std::bit_floor(leaves.size() - 1);
  return join(root_by_definition(leaves.first(left)), root_by_definition(leaves.subspan(left)));
}

std::vector<Receipt> group_of(std::size_t count) {
  std::vector<Receipt> group(count);
  for (std::size_t i = 0; i < count; ++i) {
    group[i].node = NodeId(7);
    group[i].fragment.segment.value[15] = static_cast<std::uint8_t>(i);
    group[i].fragment.index = static_cast<std::uint8_t>(i % 6);
    group[i].root = numbered(static_cast<std::uint32_t>(i));
    group[i].length = 1000 + i;
    group[i].lease_until = {1'700'000'000'000};
  }
  return group;
}

crypto::MachineSigner signer(std::uint64_t seed = 1) {
  SeededRandom random(seed);
  return crypto::MachineSigner::draw(random);
}

std::vector<Receipt> signed_group(std::size_t count) {
  std::vector<Receipt> group = group_of(count);
  sign_receipts(group, signer());
  return group;
}

TEST(MerkleTree, RootIsThatOfTheRecursiveDefinition) {
  for (std::uint32_t n = 1; n <= 33; ++n) {
    const std::vector<Hash> leaves = leaves_of(n);
    EXPECT_EQ(merkle_root(leaves), root_by_definition(leaves)) << n;
  }
}

TEST(MerkleTree, OfNothingIsZeroAndOfOneLeafIsTheLeaf) {
  EXPECT_TRUE(merkle_root({}).is_zero());
  EXPECT_EQ(merkle_root(leaves_of(1)), numbered(0));
  EXPECT_TRUE(merkle_path(leaves_of(1), 0).empty());
}

TEST(MerkleTree, EveryPathLeadsToTheRoot) {
  for (std::uint32_t n = 1; n <= 33; ++n) {
    const std::vector<Hash> leaves = leaves_of(n);
    const Hash root = merkle_root(leaves);
    for (std::uint32_t i = 0; i < n; ++i) {
      const auto reached = root_from_path(leaves[i], i, n, merkle_path(leaves, i));
      ASSERT_TRUE(reached) << n << " " << i;
      EXPECT_EQ(*reached, root) << n << " " << i;
    }
  }
}

TEST(MerkleTree, APathOfAnotherPlaceLeadsElsewhere) {
  for (std::uint32_t n = 2; n <= 33; ++n) {
    const std::vector<Hash> leaves = leaves_of(n);
    const Hash root = merkle_root(leaves);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::vector<Hash> path = merkle_path(leaves, i);
      for (std::uint32_t other = 0; other < n; ++other) {
        if (other == i) continue;
        const auto reached = root_from_path(leaves[i], other, n, path);
        EXPECT_TRUE(!reached || *reached != root) << n << " " << i << " as " << other;
      }
    }
  }
}

TEST(MerkleTree, RefusesPathsThatDoNotFit) {
  const std::vector<Hash> leaves = leaves_of(9);
  std::vector<Hash> path = merkle_path(leaves, 3);
  EXPECT_EQ(root_from_path(leaves[3], 9, 9, path).error().code(), Errc::bad_encoding);
  EXPECT_EQ(root_from_path(leaves[3], 0, 0, path).error().code(), Errc::bad_encoding);
  path.push_back(numbered(99));
  EXPECT_EQ(root_from_path(leaves[3], 3, 9, path).error().code(), Errc::bad_encoding);
  path.resize(path.size() - 2);
  EXPECT_EQ(root_from_path(leaves[3], 3, 9, path).error().code(), Errc::bad_encoding);
  EXPECT_EQ(root_from_path(leaves[3], 3, 9, {}).error().code(), Errc::bad_encoding);
}

TEST(MerkleTree, TheLargestWidthEnds) {
  const std::vector<Hash> path(32, numbered(1));
  constexpr std::uint32_t kMost = 0xffffffff;
  EXPECT_FALSE(root_from_path(numbered(0), kMost, kMost, path));
  (void)root_from_path(numbered(0), kMost - 1, kMost, path);
  (void)root_from_path(numbered(0), 0, kMost, path);
}

TEST(MerkleTree, LeafAndInnerNodeHashesNeverMix) {
  Receipt receipt = group_of(1)[0];
  const Hash leaf = receipt_leaf(receipt);
  EXPECT_NE(leaf, join(leaf, leaf));
  // A receipt's leaf begins with 0, an inner node with 1: no receipt hashes to an inner node.
  Bytes input = {0};
  append(input, receipt.fragment.segment.view());
  input.push_back(receipt.fragment.index);
  append(input, receipt.root.view());
  put_be(input, receipt.length);
  put_be(input, static_cast<std::uint64_t>(receipt.lease_until.ms));
  EXPECT_EQ(leaf, crypto::blake3(input));
}

TEST(Receipt, OneSignatureServesTheWholeGroup) {
  for (const std::size_t count : {1UL, 2UL, 3UL, 7UL, 16UL, 33UL}) {
    const std::vector<Receipt> group = signed_group(count);
    for (const Receipt& receipt : group) {
      EXPECT_TRUE(verify_receipt(receipt));
      EXPECT_EQ(receipt.signature, group[0].signature);
      EXPECT_EQ(receipt.leaves, count);
    }
  }
}

TEST(Receipt, NothingToSignIsNoError) { sign_receipts({}, signer()); }

TEST(Receipt, EveryFieldIsSigned) {
  const std::vector<Receipt> group = signed_group(5);
  const auto refused = [&group](auto change) {
    Receipt receipt = group[2];
    change(receipt);
    const auto verified = verify_receipt(receipt);
    return !verified;
  };
  EXPECT_FALSE(refused([](Receipt&) {}));
  EXPECT_TRUE(refused([](Receipt& r) { r.node = NodeId(8); }));
  EXPECT_TRUE(refused([](Receipt& r) { r.fragment.segment.value[0] ^= 1; }));
  EXPECT_TRUE(refused([](Receipt& r) { r.fragment.index ^= 1; }));
  EXPECT_TRUE(refused([](Receipt& r) { r.root.value[31] ^= 1; }));
  EXPECT_TRUE(refused([](Receipt& r) { ++r.length; }));
  EXPECT_TRUE(refused([](Receipt& r) { ++r.lease_until.ms; }));
  EXPECT_TRUE(refused([](Receipt& r) { r.leaf = 3; }));
  EXPECT_TRUE(refused([](Receipt& r) { r.leaves = 4; }));
  EXPECT_TRUE(refused([](Receipt& r) { r.path[0].value[5] ^= 1; }));
  EXPECT_TRUE(refused([](Receipt& r) { r.path.pop_back(); }));
  EXPECT_TRUE(refused([](Receipt& r) { r.signature.value[0] ^= 1; }));
  EXPECT_TRUE(refused([](Receipt& r) { r.signer = signer(2).public_key(); }));
}

TEST(Receipt, AnotherKeysSignatureIsRefusedWithItsCode) {
  std::vector<Receipt> group = signed_group(3);
  group[1].signer = signer(2).public_key();
  EXPECT_EQ(verify_receipt(group[1]).error().code(), Errc::bad_signature);
}

TEST(Receipt, TheDomainIsPartOfTheSignature) {
  std::vector<Receipt> group = group_of(1);
  sign_receipts(group, signer());
  group[0].signature =
      signer().sign("stratos.other.v1", receipt_message(NodeId(7), receipt_leaf(group[0])));
  EXPECT_EQ(verify_receipt(group[0]).error().code(), Errc::bad_signature);
}

TEST(Receipt, MessageIsNodeThenRoot) {
  const Bytes message = receipt_message(NodeId(0x01020304), numbered(1));
  EXPECT_EQ(message.size(), 36U);
  EXPECT_EQ(to_hex(ByteView(message).first(4)), "01020304");
  EXPECT_EQ(to_hex(ByteView(message).subspan(4)), numbered(1).hex());
}

TEST(Receipt, SurvivesTheWire) {
  for (const Receipt& receipt : signed_group(6)) {
    const auto decoded = codec::decode<Receipt>(codec::encode(receipt));
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(verify_receipt(*decoded));
    EXPECT_EQ(codec::encode(*decoded), codec::encode(receipt));
  }
}

TEST(Receipt, GoldenVector) {
  const Receipt receipt = signed_group(3)[1];
  EXPECT_EQ(receipt_leaf(receipt).hex(),
            "878bce8f488af5289631ab17ea1c73f91ce0b12795ecc769b62cbdd4de17be11");
  EXPECT_EQ(crypto::blake3(codec::encode(receipt)).hex(),
            "1c3f7ef3e4f0f57b6759fcc94cd696f2ef1a8d6e89b94adad3a8d22f6c053eaa");
}

TEST(Receipt, AnyFlippedBitOfTheEncodingIsNoticed) {
  const Bytes encoded = codec::encode(signed_group(4)[2]);
  for (std::size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    Bytes damaged = encoded;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    const auto decoded = codec::decode<Receipt>(damaged);
    // A field number may become unknown: then the field is missing.
    EXPECT_FALSE(decoded && verify_receipt(*decoded)) << bit;
  }
}

}  // namespace
}  // namespace stratos::meta
