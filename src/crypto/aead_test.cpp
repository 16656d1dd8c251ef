#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/keys.hpp"
#include "crypto/test_input.hpp"

namespace stratos::crypto {
namespace {

SecretKey key_of(std::string_view hex) { return SecretKey::from(unhex(hex)).value(); }

Nonce nonce_of(std::string_view hex) {
  Nonce nonce;
  std::ranges::copy(unhex(hex), nonce.begin());
  return nonce;
}

Bytes sealed(Aead& aead, const Nonce& nonce, ByteView associated, ByteView plain) {
  Bytes out(plain.size() + kTagBytes);
  aead.seal(nonce, associated, plain, out);
  return out;
}

struct GcmVector {
  std::string_view key, nonce, associated, plain, cipher, tag;
};

// Test cases 13 to 16 of the GCM submission to NIST: those with 256-bit keys and 96-bit nonces.
constexpr GcmVector kNist[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(Aead, MatchesNistVectors) {
  for (const GcmVector& vector : kNist) {
    Aead aead(key_of(vector.key));
    const Bytes out =
        sealed(aead, nonce_of(vector.nonce), unhex(vector.associated), unhex(vector.plain));
    EXPECT_EQ(to_hex(out), std::string(vector.cipher) + std::string(vector.tag));
    Bytes opened(vector.plain.size() / 2);
    ASSERT_TRUE(aead.open(nonce_of(vector.nonce), unhex(vector.associated), out, opened));
    EXPECT_EQ(to_hex(opened), vector.plain);
  }
}

TEST(Aead, KeepsItsKeyOverManyMessagesBothWays) {
  SeededRandom random(1);
  const SecretKey key = SecretKey::draw(random);
  Aead kept(key);
  for (std::size_t i = 0; i < 100; ++i) {
    const auto nonce = random.draw_id<StrongBytes<struct TestNonceTag, 12>>().value;
    const Bytes plain = counting(i * 37);
    const Bytes associated = counting(i % 5);
    const Bytes out = sealed(kept, nonce, associated, plain);
    Aead fresh(key);
    EXPECT_EQ(out, sealed(fresh, nonce, associated, plain)) << i;
    Bytes opened(plain.size());
    ASSERT_TRUE(kept.open(nonce, associated, out, opened)) << i;
    EXPECT_EQ(opened, plain) << i;
  }
}

TEST(Aead, RefusesAnAlterationOfEveryBit) {
  Aead aead(key_of(kNist[3].key));
  const Nonce nonce{9};
  const Bytes associated = counting(13);
  Bytes out = sealed(aead, nonce, associated, counting(40));
  Bytes opened(40);
  for (std::size_t bit = 0; bit < out.size() * 8; ++bit) {
    out[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    std::ranges::fill(opened, 0xee);
    const Result<void> result = aead.open(nonce, associated, out, opened);
    ASSERT_FALSE(result) << bit;
    EXPECT_EQ(result.error().code(), Errc::decryption_failed);
    EXPECT_EQ(opened, Bytes(40)) << "nothing of a refused message may be left";
    out[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  EXPECT_TRUE(aead.open(nonce, associated, out, opened)) << "a refusal must not break what follows";
  EXPECT_EQ(opened, counting(40));
}

TEST(Aead, RefusesAnotherNonceKeyOrAssociatedData) {
  const SecretKey key = key_of(kNist[3].key);
  Aead aead(key);
  const Bytes associated = counting(20);
  const Bytes out = sealed(aead, Nonce{1}, associated, counting(8));
  Bytes opened(8);
  EXPECT_FALSE(aead.open(Nonce{2}, associated, out, opened));
  EXPECT_FALSE(aead.open(Nonce{1}, {}, out, opened));
  for (std::size_t i = 0; i < associated.size(); ++i) {
    Bytes other = associated;
    other[i] ^= 1;
    EXPECT_FALSE(aead.open(Nonce{1}, other, out, opened)) << i;
  }
  Aead another(key_of(kNist[0].key));
  EXPECT_FALSE(another.open(Nonce{1}, associated, out, opened));
  EXPECT_TRUE(aead.open(Nonce{1}, associated, out, opened));
}

RC_GTEST_PROP(Aead, OpensWhatItSealed, (const Bytes& plain, const Bytes& associated)) {
  Aead aead(key_of(kNist[2].key));
  const Bytes out = sealed(aead, Nonce{3}, associated, plain);
  Bytes opened(plain.size());
  RC_ASSERT(aead.open(Nonce{3}, associated, out, opened).has_value());
  RC_ASSERT(opened == plain);
}

TEST(AeadDeathTest, RefusesBuffersOfTheWrongSize) {
  Aead aead(key_of(kNist[0].key));
  Bytes out(20);
  EXPECT_DEATH(aead.seal(Nonce{}, {}, counting(5), out), "exactly text and tag");
  EXPECT_DEATH((void)aead.open(Nonce{}, {}, counting(20), out), "exactly the text");
}

TEST(SealWithRandomNonce, OpensAgainAndDrawsANewNonceEachTime) {
  SeededRandom random(7);
  const SecretKey key = SecretKey::draw(random);
  const Bytes first = seal_with_random_nonce(key, random, as_bytes("for"), as_bytes("secret"));
  const Bytes second = seal_with_random_nonce(key, random, as_bytes("for"), as_bytes("secret"));
  EXPECT_EQ(first.size(), 12 + 6 + kTagBytes);
  EXPECT_NE(first, second);
  EXPECT_EQ(open_with_nonce(key, as_bytes("for"), first).value(), to_bytes(as_bytes("secret")));
  EXPECT_EQ(open_with_nonce(key, as_bytes("for"), second).value(), to_bytes(as_bytes("secret")));
}

TEST(SealWithRandomNonce, IsNonceThenSealedText) {
  SeededRandom random(8);
  const SecretKey key = SecretKey::draw(random);
  const Bytes box = seal_with_random_nonce(key, random, as_bytes("a"), counting(30));
  Nonce nonce;
  std::ranges::copy(ByteView(box).first(12), nonce.begin());
  Aead aead(key);
  EXPECT_TRUE(std::ranges::equal(ByteView(box).subspan(12),
                                 sealed(aead, nonce, as_bytes("a"), counting(30))));
}

TEST(SealWithRandomNonce, RefusesEveryAlteredByteAndEveryShorterBox) {
  SeededRandom random(9);
  const SecretKey key = SecretKey::draw(random);
  Bytes box = seal_with_random_nonce(key, random, {}, counting(10));
  for (std::size_t i = 0; i < box.size(); ++i) {
    box[i] ^= 0x40;
    EXPECT_EQ(open_with_nonce(key, {}, box).error().code(), Errc::decryption_failed) << i;
    box[i] ^= 0x40;
    EXPECT_EQ(open_with_nonce(key, {}, ByteView(box).first(i)).error().code(),
              Errc::decryption_failed)
        << i;
  }
}

}  // namespace
}  // namespace stratos::crypto
