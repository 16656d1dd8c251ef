#include "crypto/openssl.hpp"

#include <gtest/gtest.h>

namespace stratos::crypto {
namespace {

TEST(Algorithms, AreTheOnesTheirNamesSay) {
  EXPECT_EQ(EVP_MD_get_size(algorithms().md5), 16);
  EXPECT_EQ(EVP_MD_get_size(algorithms().sha1), 20);
  EXPECT_EQ(EVP_MD_get_size(algorithms().sha256), 32);
  EXPECT_TRUE(EVP_MAC_is_a(algorithms().hmac, "HMAC"));
  EXPECT_TRUE(EVP_KDF_is_a(algorithms().hkdf, "HKDF"));
}

TEST(Algorithms, AreLookedUpOnce) { EXPECT_EQ(&algorithms(), &algorithms()); }

TEST(RequireDeathTest, AbortsOnARefusal) {
  require(true);
  EXPECT_DEATH(require(false), "refused a valid call");
}

}  // namespace
}  // namespace stratos::crypto
