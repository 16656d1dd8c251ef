#include "crypto/hash.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "base/assert.hpp"
#include "crypto/openssl.hpp"
#include "stratos_native.h"

namespace stratos::crypto {
namespace {

// A context remembers its algorithm: beginning anew is several times cheaper than making one.
EVP_MD_CTX* new_context(const EVP_MD* algorithm) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  require(context != nullptr && EVP_DigestInit_ex2(context, algorithm, nullptr) == 1);
  return context;
}

template <class Out>
Out digest_with(EVP_MD_CTX* context, ByteView data) {
  Out out;
  require(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1 &&
          EVP_DigestUpdate(context, data.data(), data.size()) == 1 &&
          EVP_DigestFinal_ex(context, out.data(), nullptr) == 1);
  return out;
}

// OpenSSL takes a null pointer for "unchanged", not for "empty".
const std::uint8_t* non_null(ByteView bytes) {
  static const std::uint8_t kNothing = 0;
  return bytes.data() != nullptr ? bytes.data() : &kNothing;
}

OSSL_PARAM octets(const char* name, ByteView bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(non_null(bytes)),
                                           bytes.size());
}

OSSL_PARAM sha256_parameter() {
  static char name[] = "SHA256";
  return OSSL_PARAM_construct_utf8_string(OSSL_ALG_PARAM_DIGEST, name, 0);
}

EVP_MAC_CTX* new_hmac_sha256() {
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(algorithms().hmac);
  const OSSL_PARAM parameters[] = {sha256_parameter(), OSSL_PARAM_construct_end()};
  require(context != nullptr && EVP_MAC_CTX_set_params(context, parameters) == 1);
  return context;
}

}  // namespace

Sha256Digest sha256(ByteView data) {
  thread_local const MdContext context(new_context(algorithms().sha256));
  return digest_with<Sha256Digest>(context.get(), data);
}

Sha1Digest sha1(ByteView data) {
  thread_local const MdContext context(new_context(algorithms().sha1));
  return digest_with<Sha1Digest>(context.get(), data);
}

Md5Digest md5(ByteView data) {
  thread_local const MdContext context(new_context(algorithms().md5));
  return digest_with<Md5Digest>(context.get(), data);
}

Hash blake3(ByteView data) {
  Hash out;
  stratos_blake3(data.data(), data.size(), out.value.data());
  return out;
}

Hash keccak256(ByteView data) {
  Hash out;
  stratos_keccak256(data.data(), data.size(), out.value.data());
  return out;
}

void blake3_xof(ByteView data, MutableByteView out) {
  stratos_blake3_xof(data.data(), data.size(), out.data(), out.size());
}

Sha256Digest hmac_sha256(ByteView key, ByteView data) {
  thread_local const MacContext context(new_hmac_sha256());
  Sha256Digest out;
  std::size_t written = 0;
  require(EVP_MAC_init(context.get(), non_null(key), key.size(), nullptr) == 1 &&
          EVP_MAC_update(context.get(), data.data(), data.size()) == 1 &&
          EVP_MAC_final(context.get(), out.data(), &written, out.size()) == 1);
  return out;
}

std::array<std::uint8_t, 32> hkdf_sha256(ByteView secret, ByteView salt, ByteView info) {
  STRATOS_ASSERT(info.size() <= kHkdfInfoMaxBytes, "HKDF info too long");
  const KdfContext context(EVP_KDF_CTX_new(algorithms().hkdf));
  const OSSL_PARAM parameters[] = {sha256_parameter(), octets(OSSL_KDF_PARAM_KEY, secret),
                                   octets(OSSL_KDF_PARAM_SALT, salt),
                                   octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  std::array<std::uint8_t, 32> out;
  require(context != nullptr &&
          EVP_KDF_derive(context.get(), out.data(), out.size(), parameters) == 1);
  return out;
}

bool constant_time_equal(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace stratos::crypto
