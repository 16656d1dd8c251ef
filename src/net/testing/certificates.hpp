// A certificate authority and a server certificate in PEM files, for tests.
#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/assert.hpp"

namespace stratos::net::testing {

// Lives in a folder of its own, removed at the end.
class Certificates {
 public:
  // `alternative_name` as OpenSSL writes it: "IP:127.0.0.1" or "DNS:name".
  explicit Certificates(const std::string& alternative_name) {
    folder_ = std::filesystem::temp_directory_path() / ("net_test_XXXXXX");
    std::string pattern = folder_.string();
    STRATOS_ASSERT(mkdtemp(pattern.data()) != nullptr, "no folder for test files");
    folder_ = pattern;
    EVP_PKEY* ca_key = EVP_EC_gen("P-256");
    X509* ca = issue(ca_key, "test ca", nullptr, ca_key, NID_basic_constraints, "CA:TRUE");
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* leaf = issue(key, "test", ca, ca_key, NID_subject_alt_name, alternative_name);
    save(ca_file(), [&](FILE* file) { return PEM_write_X509(file, ca); });
    save(certificate_file(), [&](FILE* file) { return PEM_write_X509(file, leaf); });
    save(key_file(), [&](FILE* file) {
      return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    X509_free(leaf);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  std::string ca_file() const { return folder_ / "ca.pem"; }
  std::string certificate_file() const { return folder_ / "certificate.pem"; }
  std::string key_file() const { return folder_ / "key.pem"; }

 private:
  static X509* issue(EVP_PKEY* key, const char* name, X509* issuer, EVP_PKEY* issuer_key,
                     int extension, const std::string& value) {
    X509* x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), issuer == nullptr ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(issuer == nullptr ? x509 : issuer));
    X509_set_pubkey(x509, key);
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer == nullptr ? x509 : issuer, x509, nullptr, nullptr, 0);
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
    STRATOS_ASSERT(made != nullptr, "bad extension");
    X509_add_ext(x509, made, -1);
    X509_EXTENSION_free(made);
    STRATOS_ASSERT(X509_sign(x509, issuer_key, EVP_sha256()) != 0, "cannot sign");
    return x509;
  }
  template <class Write>
  static void save(const std::string& path, Write write) {
    FILE* file = std::fopen(path.c_str(), "w");
    STRATOS_ASSERT(file != nullptr && write(file) == 1, "cannot write a test file");
    std::fclose(file);
  }

  std::filesystem::path folder_;
};

}  // namespace stratos::net::testing
