#include "crypto/hmac_sha1.hpp"

#include <openssl/evp.h>

#include "base/assert.hpp"

namespace stratos::crypto {

Sha1Digest hmac_sha1(ByteView key, ByteView data) {
  // OpenSSL takes no null key, also where it is empty.
  constexpr std::uint8_t kNoKey = 0;
  Sha1Digest out{};
  std::size_t written = 0;
  const unsigned char* done =
      EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA1", nullptr, key.empty() ? &kNoKey : key.data(),
                key.size(), data.data(), data.size(), out.data(), out.size(), &written);
  STRATOS_ASSERT(done != nullptr && written == out.size(), "HMAC-SHA1 failed");
  return out;
}

}  // namespace stratos::crypto
