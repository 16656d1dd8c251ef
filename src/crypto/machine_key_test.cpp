#include <gtest/gtest.h>

#include "crypto/ed25519.hpp"
#include "crypto/keys.hpp"
#include "crypto/test_input.hpp"

namespace stratos::crypto {
namespace {

struct Rfc8032Vector {
  std::string_view seed, key, message, signature;
};

// RFC 8032 §7.1, tests 1 to 3.
constexpr Rfc8032Vector kRfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
};

// The order of the group, little-endian: 2^252 + 27742317777372353535851937790883648493.
constexpr std::string_view kGroupOrder =
    "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

SecretKey seed_of(std::string_view hex) { return SecretKey::from(unhex(hex)).value(); }
MachineKey key_of(std::string_view hex) { return MachineKey::from_hex_text(hex).value(); }

TEST(Ed25519, MatchesRfc8032Vectors) {
  for (const Rfc8032Vector& vector : kRfc8032) {
    const Ed25519Key key(seed_of(vector.seed));
    EXPECT_EQ(key.public_key().hex(), vector.key);
    const MachineSignature signature = key.sign(unhex(vector.message));
    EXPECT_EQ(signature.hex(), vector.signature);
    EXPECT_TRUE(ed25519_verify(key_of(vector.key), unhex(vector.message), signature));
  }
}

// S + L fits the same equation: who accepts it accepts two signatures for one message.
TEST(Ed25519, RefusesAnSNotBelowTheGroupOrder) {
  const Bytes order = unhex(kGroupOrder);
  for (const Rfc8032Vector& vector : kRfc8032) {
    MachineSignature signature = MachineSignature::from_hex_text(vector.signature).value();
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      carry += signature.value[32 + i] + order[i];
      signature.value[32 + i] = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    ASSERT_EQ(carry, 0u);
    EXPECT_FALSE(ed25519_verify(key_of(vector.key), unhex(vector.message), signature));
  }
}

bool openssl_accepts(const MachineKey& key, ByteView message, const MachineSignature& signature) {
  const PublicKeyPointer point(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.value.data(), key.value.size()));
  const MdContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, point.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.value.data(), 64, message.data(),
                          message.size()) == 1;
}

// R the neutral point and S zero satisfy the equation for such a key whenever its order divides the
// hash: nobody needs a secret to sign.
TEST(Ed25519, RefusesKeysOfSmallOrder) {
  const std::string_view keys[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000080",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  };
  MachineSignature forged;
  forged.value[0] = 1;
  for (std::string_view text : keys) {
    const MachineKey key = key_of(text);
    EXPECT_FALSE(is_sound_public_key(key)) << text;
    int accepted_without_the_check = 0;
    for (std::uint8_t message = 0; message < 100; ++message) {
      if (openssl_accepts(key, {&message, 1}, forged)) ++accepted_without_the_check;
      EXPECT_FALSE(ed25519_verify(key, {&message, 1}, forged));
    }
    EXPECT_GT(accepted_without_the_check, 0) << "not a key of small order: " << text;
  }
}

TEST(Ed25519, RefusesKeysNotReducedModuloTheFieldPrime) {
  for (int above = 0; above < 19; ++above) {
    MachineKey key = key_of("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    key.value[0] = static_cast<std::uint8_t>(key.value[0] + above);
    EXPECT_FALSE(is_sound_public_key(key)) << above;
    key.value[31] |= 0x80;
    EXPECT_FALSE(is_sound_public_key(key)) << above;
  }
  EXPECT_TRUE(is_sound_public_key(
      key_of("ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")));
}

TEST(Ed25519, RefusesAKeyThatIsNoPoint) {
  const MachineKey key = key_of("0200000000000000000000000000000000000000000000000000000000000000");
  EXPECT_FALSE(ed25519_verify(key, {}, MachineSignature{}));
}

TEST(MachineSigner, DerivesThePublicKeyFromTheSeed) {
  const MachineSigner signer(seed_of(kRfc8032[0].seed));
  EXPECT_EQ(signer.public_key().hex(), kRfc8032[0].key);
  EXPECT_EQ(signer.seed(), seed_of(kRfc8032[0].seed));
}

TEST(MachineSigner, SignsPrefixLengthDomainMessage) {
  const MachineSigner signer(seed_of(kRfc8032[0].seed));
  const MachineSignature signature = signer.sign("receipt", as_bytes("message"));
  const std::string signed_text = "stratos-sign-1:\x07receiptmessage";
  EXPECT_EQ(signature, Ed25519Key(signer.seed()).sign(as_bytes(signed_text)));
  EXPECT_EQ(signature.hex(),
            "782c2c4c30e6cdaba27826275db4ec990d2ea47899345a705802c5029cfb4f94e95aca0069f9483654bb30"
            "63a711367eb98c4a6ba64424eaf9573c5badaad80e");
}

TEST(MachineSigner, VerifiesOnlyWhatWasSigned) {
  SeededRandom random(3);
  const MachineSigner signer = MachineSigner::draw(random);
  const Bytes message = counting(50);
  const MachineSignature signature = signer.sign("limit", message);
  EXPECT_TRUE(verify(signer.public_key(), "limit", message, signature));
  EXPECT_EQ(verify(signer.public_key(), "receipt", message, signature).error().code(),
            Errc::bad_signature);
  EXPECT_FALSE(verify(MachineSigner::draw(random).public_key(), "limit", message, signature));
  for (std::size_t i = 0; i < message.size(); ++i) {
    Bytes other = message;
    other[i] ^= 1;
    EXPECT_FALSE(verify(signer.public_key(), "limit", other, signature)) << i;
  }
  for (std::size_t i = 0; i < signature.value.size(); ++i) {
    MachineSignature other = signature;
    other.value[i] ^= 1;
    EXPECT_FALSE(verify(signer.public_key(), "limit", message, other)) << i;
  }
}

TEST(MachineSigner, TellsWhereTheDomainEnds) {
  SeededRandom random(4);
  const MachineSigner signer = MachineSigner::draw(random);
  const MachineSignature signature = signer.sign("ab", as_bytes("c"));
  EXPECT_TRUE(verify(signer.public_key(), "ab", as_bytes("c"), signature));
  EXPECT_FALSE(verify(signer.public_key(), "a", as_bytes("bc"), signature));
}

TEST(MachineSigner, CopiesSignAlike) {
  SeededRandom random(5);
  std::optional<MachineSigner> original = MachineSigner::draw(random);
  const MachineSigner copy = *original;
  const MachineSignature signature = original->sign("d", {});
  original.reset();
  EXPECT_EQ(copy.sign("d", {}), signature);
  EXPECT_TRUE(verify(copy.public_key(), "d", {}, signature));
}

TEST(MachineSignerDeathTest, NeedsADomain) {
  SeededRandom random(6);
  const MachineSigner signer = MachineSigner::draw(random);
  EXPECT_DEATH((void)signer.sign("", {}), "1 to 255 bytes");
  EXPECT_DEATH((void)signer.sign(std::string(256, 'd'), {}), "1 to 255 bytes");
  EXPECT_TRUE(verify(signer.public_key(), std::string(255, 'd'), {},
                     signer.sign(std::string(255, 'd'), {})));
}

TEST(SecretKey, ComesFromExactlyThirtyTwoBytes) {
  EXPECT_EQ(to_bytes(SecretKey::from(counting(32)).value().view()), counting(32));
  for (std::size_t size : {std::size_t{0}, std::size_t{31}, std::size_t{33}}) {
    EXPECT_EQ(SecretKey::from(counting(size)).error().code(), Errc::bad_key);
  }
}

TEST(SecretKey, IsWipedWhenItsOwnerIsDestroyed) {
  alignas(SecretKey) std::array<std::uint8_t, sizeof(SecretKey)> memory{};
  auto* key = new (memory.data()) SecretKey(SecretKey::from(counting(32)).value());
  ASSERT_TRUE(std::ranges::equal(memory, counting(32)));
  key->~SecretKey();
  EXPECT_TRUE(std::ranges::all_of(memory, [](std::uint8_t byte) { return byte == 0; }));
}

TEST(SecretKey, DrawsDifferentKeys) {
  SeededRandom random(7);
  EXPECT_FALSE(SecretKey::draw(random) == SecretKey::draw(random));
}

}  // namespace
}  // namespace stratos::crypto
