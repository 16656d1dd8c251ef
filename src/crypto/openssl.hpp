// Owners of OpenSSL objects and its algorithms, looked up once. Internal to crypto.
#pragma once
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <memory>

#include "base/assert.hpp"

namespace stratos::crypto {

template <auto Free>
struct OpensslDeleter {
  template <class Object>
  void operator()(Object* object) const {
    Free(object);
  }
};
using MdContext = std::unique_ptr<EVP_MD_CTX, OpensslDeleter<EVP_MD_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, OpensslDeleter<EVP_MAC_CTX_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, OpensslDeleter<EVP_KDF_CTX_free>>;
using PublicKeyPointer = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;

// Looking an algorithm up by name takes microseconds, so each is looked up once and kept.
struct Algorithms {
  EVP_MD* md5;
  EVP_MD* sha1;
  EVP_MD* sha256;
  EVP_MAC* hmac;
  EVP_KDF* hkdf;
};
const Algorithms& algorithms();

// For calls that fail only without memory or with a broken OpenSSL installation.
inline void require(bool succeeded) { STRATOS_ASSERT(succeeded, "OpenSSL refused a valid call"); }

}  // namespace stratos::crypto
