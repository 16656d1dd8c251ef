#include "client/key_ring.hpp"

#include <gtest/gtest.h>

namespace stratos::client {
namespace {

class KeyRingTest : public testing::Test {
 protected:
  SeededRandom random_{7};
  KeyRing ring_ = KeyRing::create("home", random_);
};

TEST_F(KeyRingTest, ExportRoundTripsUnderItsPassphraseOnly) {
  ring_.rotate(random_);
  const Bytes sealed = ring_.seal(as_bytes("correct horse"), random_).value();
  const KeyRing copy = KeyRing::open(sealed, as_bytes("correct horse")).value();
  EXPECT_EQ(copy.fingerprint(), ring_.fingerprint());
  EXPECT_EQ(copy.newest_version(), 2U);
  EXPECT_EQ(KeyRing::open(sealed, as_bytes("wrong horse")).error().code(), Errc::decryption_failed);
}

TEST_F(KeyRingTest, RefusesADamagedFile) {
  Bytes sealed = ring_.seal(as_bytes("passphrase"), random_).value();
  sealed[sealed.size() - 20] ^= 1;
  EXPECT_EQ(KeyRing::open(sealed, as_bytes("passphrase")).error().code(), Errc::decryption_failed);
  EXPECT_FALSE(KeyRing::open(ByteView(sealed).first(10), as_bytes("passphrase")));
}

TEST_F(KeyRingTest, UnwrapsWhatEarlierVersionsWrapped) {
  const crypto::SecretKey key = crypto::SecretKey::draw(random_);
  const meta::WrappedKey old = ring_.wrap(key, random_);
  ring_.rotate(random_);
  EXPECT_TRUE(ring_.unwrap(old).value() == key);
  EXPECT_EQ(ring_.wrap(key, random_).version, 2U);
}

TEST_F(KeyRingTest, NamesTheRingAndVersionThatAreMissing) {
  const crypto::SecretKey key = crypto::SecretKey::draw(random_);
  meta::WrappedKey wrapped = ring_.wrap(key, random_);
  wrapped.version = 9;
  EXPECT_EQ(ring_.unwrap(wrapped).error().code(), Errc::key_not_in_ring);
  wrapped.version = 1;
  wrapped.ring = "other";
  EXPECT_EQ(ring_.unwrap(wrapped).error().code(), Errc::key_not_in_ring);
  wrapped.ring = "home";
  wrapped.sealed[14] ^= 1;
  EXPECT_EQ(ring_.unwrap(wrapped).error().code(), Errc::decryption_failed);
}

TEST_F(KeyRingTest, SealsRecordsByPurpose) {
  const Bytes sealed = ring_.seal_record("a", as_bytes("attributes"), random_);
  EXPECT_EQ(as_text(ring_.open_record("a", sealed).value()), "attributes");
  EXPECT_EQ(ring_.open_record("b", sealed).error().code(), Errc::decryption_failed);
  EXPECT_NE(sealed, ring_.seal_record("a", as_bytes("attributes"), random_));
}

TEST_F(KeyRingTest, SecretsOutliveRotationAndDifferByAccessKey) {
  const std::string secret = ring_.s3_secret("STRAAAA");
  ring_.rotate(random_);
  EXPECT_EQ(ring_.s3_secret("STRAAAA"), secret);
  EXPECT_EQ(secret.size(), 40U);
  EXPECT_NE(ring_.s3_secret("STRAAAB"), secret);
}

}  // namespace
}  // namespace stratos::client
