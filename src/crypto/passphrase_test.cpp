#include "crypto/passphrase.hpp"

#include <gtest/gtest.h>

namespace stratos::crypto {
namespace {

TEST(Passphrase, GivesOneKeyPerPassphraseAndSalt) {
  const SecretKey key = key_from_passphrase(as_bytes("secret"), as_bytes("salt")).value();
  EXPECT_EQ(to_hex(key.view()),
            to_hex(key_from_passphrase(as_bytes("secret"), as_bytes("salt")).value().view()));
  EXPECT_NE(to_hex(key.view()),
            to_hex(key_from_passphrase(as_bytes("secret"), as_bytes("tlas")).value().view()));
  EXPECT_NE(to_hex(key.view()),
            to_hex(key_from_passphrase(as_bytes("Secret"), as_bytes("salt")).value().view()));
}

}  // namespace
}  // namespace stratos::crypto
