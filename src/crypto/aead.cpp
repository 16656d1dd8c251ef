#include <algorithm>

#include "base/assert.hpp"
#include "crypto/keys.hpp"
#include "stratos_native.h"

namespace stratos::crypto {

void Aead::Free::operator()(AesGcmKey* key) const { stratos_aes_gcm_key_free(key); }

Aead::Aead(const SecretKey& key) : key_(stratos_aes_gcm_key_new(key.view().data())) {}

void Aead::seal(const Nonce& nonce, ByteView associated, ByteView plain,
                MutableByteView out) const {
  STRATOS_ASSERT(out.size() == plain.size() + kTagBytes, "no room for exactly text and tag");
  stratos_aes_gcm_seal(key_.get(), nonce.data(), associated.data(), associated.size(), plain.data(),
                       plain.size(), out.data());
}

Result<void> Aead::open(const Nonce& nonce, ByteView associated, ByteView sealed,
                        MutableByteView out) const {
  STRATOS_ASSERT(sealed.size() == out.size() + kTagBytes, "no room for exactly the text");
  if (stratos_aes_gcm_open(key_.get(), nonce.data(), associated.data(), associated.size(),
                           sealed.data(), out.size(), out.data())) {
    return {};
  }
  return fail(Errc::decryption_failed, "wrong key or altered bytes");
}

Bytes seal_with_random_nonce(const SecretKey& key, Random& random, ByteView associated,
                             ByteView plain) {
  Nonce nonce;
  random.fill(nonce);
  Bytes out(nonce.size() + plain.size() + kTagBytes);
  std::ranges::copy(nonce, out.begin());
  Aead(key).seal(nonce, associated, plain, MutableByteView(out).subspan(nonce.size()));
  return out;
}

Result<Bytes> open_with_nonce(const SecretKey& key, ByteView associated, ByteView sealed) {
  Nonce nonce;
  if (sealed.size() < nonce.size() + kTagBytes) {
    return fail(Errc::decryption_failed, "shorter than a nonce and a tag");
  }
  std::memcpy(nonce.data(), sealed.data(), nonce.size());
  Bytes plain(sealed.size() - nonce.size() - kTagBytes);
  STRATOS_CHECK(Aead(key).open(nonce, associated, sealed.subspan(nonce.size()), plain));
  return plain;
}

}  // namespace stratos::crypto
