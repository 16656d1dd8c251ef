#include "crypto/openssl.hpp"

namespace stratos::crypto {
namespace {

template <class Algorithm>
Algorithm* found(Algorithm* algorithm) {
  STRATOS_ASSERT(algorithm != nullptr, "OpenSSL lacks an algorithm of its default provider");
  return algorithm;
}

}  // namespace

const Algorithms& algorithms() {
  static const Algorithms kept = {
      .md5 = found(EVP_MD_fetch(nullptr, "MD5", nullptr)),
      .sha1 = found(EVP_MD_fetch(nullptr, "SHA1", nullptr)),
      .sha256 = found(EVP_MD_fetch(nullptr, "SHA256", nullptr)),
      .hmac = found(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
      .hkdf = found(EVP_KDF_fetch(nullptr, "HKDF", nullptr)),
  };
  return kept;
}

}  // namespace stratos::crypto
