#include "crypto/hmac_sha1.hpp"

#include <gtest/gtest.h>

namespace stratos::crypto {
namespace {

// RFC 2202 §3.
TEST(HmacSha1, FitsTheVectorsOfItsRfc) {
  const auto hex = [](const Bytes& key, std::string_view data) {
    return to_hex(hmac_sha1(key, as_bytes(data)));
  };
  EXPECT_EQ(hex(Bytes(20, 0x0b), "Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(hex(to_bytes(as_bytes("Jefe")), "what do ya want for nothing?"),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(hex(Bytes(80, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112");
  EXPECT_EQ(hex({}, ""), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

}  // namespace
}  // namespace stratos::crypto
