#include "crypto/passphrase.hpp"

#include <openssl/evp.h>

namespace stratos::crypto {

Result<SecretKey> key_from_passphrase(ByteView passphrase, ByteView salt) {
  constexpr std::uint64_t kCost = 1 << 15;
  constexpr std::uint64_t kBlock = 8;
  constexpr std::uint64_t kParallel = 1;
  constexpr std::uint64_t kMemoryLimit = 64 << 20;
  std::array<std::uint8_t, 32> key{};
  const int done = EVP_PBE_scrypt(reinterpret_cast<const char*>(passphrase.data()),
                                  passphrase.size(), salt.data(), salt.size(), kCost, kBlock,
                                  kParallel, kMemoryLimit, key.data(), key.size());
  if (done != 1) return fail(Errc::bad_key, "scrypt");
  return SecretKey(key);
}

}  // namespace stratos::crypto
