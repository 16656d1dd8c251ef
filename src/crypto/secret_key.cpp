#include <openssl/crypto.h>

#include "crypto/hash.hpp"
#include "crypto/keys.hpp"

namespace stratos::crypto {

SecretKey SecretKey::draw(Random& random) {
  SecretKey key;
  random.fill(key.bytes_);
  return key;
}

Result<SecretKey> SecretKey::from(ByteView bytes) {
  SecretKey key;
  if (bytes.size() != key.bytes_.size()) return fail(Errc::bad_key, "a secret key has 32 bytes");
  std::memcpy(key.bytes_.data(), bytes.data(), bytes.size());
  return key;
}

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

bool operator==(const SecretKey& a, const SecretKey& b) {
  return constant_time_equal(a.bytes_, b.bytes_);
}

}  // namespace stratos::crypto
