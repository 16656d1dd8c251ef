#include <openssl/x509.h>

#include "net/rpc.hpp"
#include "net/tls_stream.hpp"

namespace stratos::net {
namespace {

using Key = std::unique_ptr<EVP_PKEY, OpenSslFree<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, OpenSslFree<&X509_free>>;

// Dates and names mean nothing here, see docs/formats/rpc.md; these never expire.
constexpr const char* kNotBefore = "19700101000000Z";
constexpr const char* kNotAfter = "99991231235959Z";

Key make_key(const crypto::MachineSigner& identity) {
  const ByteView seed = identity.seed().view();
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  STRATOS_ASSERT(key != nullptr, "a machine's seed is an Ed25519 key");
  return key;
}

Certificate make_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509* x509 = certificate.get();
  STRATOS_ASSERT(x509 != nullptr, "no memory for a certificate");
  X509_NAME* name = X509_get_subject_name(x509);
  const auto* text = reinterpret_cast<const unsigned char*>("stratos");
  const bool made = X509_set_version(x509, X509_VERSION_3) == 1 &&
                    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1 &&
                    ASN1_TIME_set_string(X509_getm_notBefore(x509), kNotBefore) == 1 &&
                    ASN1_TIME_set_string(X509_getm_notAfter(x509), kNotAfter) == 1 &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
                    X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, key) == 1 &&
                    X509_sign(x509, key, nullptr) != 0;
  STRATOS_ASSERT(made, "a certificate of an own key can be made");
  return certificate;
}

std::optional<crypto::MachineKey> key_in(X509* certificate) {
  EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return std::nullopt;
  crypto::MachineKey machine;
  std::size_t size = machine.value.size();
  if (EVP_PKEY_get_raw_public_key(key, machine.value.data(), &size) != 1) return std::nullopt;
  if (size != machine.value.size()) return std::nullopt;
  return machine;
}

// Any certificate with a machine's key will do: the handshake proves that the peer holds the key,
// and whether that key may talk to us is decided afterwards.
int check_certificate(X509_STORE_CTX* store, void*) {
  if (key_in(X509_STORE_CTX_get0_cert(store))) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

SslContext make_context(const crypto::MachineSigner& identity) {
  SslContext context = make_tls13_context();
  SSL_CTX* raw = context.get();
  const Key key = make_key(identity);
  const Certificate certificate = make_certificate(key.get());
  STRATOS_ASSERT(key_in(certificate.get()) == identity.public_key(),
                 "a certificate shows its machine's key");
  const bool set = SSL_CTX_use_certificate(raw, certificate.get()) == 1 &&
                   SSL_CTX_use_PrivateKey(raw, key.get()) == 1 &&
                   SSL_CTX_set1_sigalgs_list(raw, "ed25519") == 1 &&
                   SSL_CTX_set1_groups_list(raw, "X25519") == 1;
  STRATOS_ASSERT(set, "OpenSSL knows Ed25519 and X25519");
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(raw, &check_certificate, nullptr);
  return context;
}

// Refers to nothing but the runtime, so that it may outlive the StreamSecurity.
Task<Result<StreamSecurity::Secured>> secure(std::unique_ptr<TlsStream> stream,
                                             std::optional<crypto::MachineKey> expected,
                                             Duration timeout) {
  STRATOS_CO_CHECK(co_await stream->handshake(timeout));
  const auto peer = key_in(SSL_get0_peer_certificate(&stream->ssl()));
  if (!peer) co_return fail(Errc::peer_not_trusted, "no machine key");
  if (expected && *peer != *expected) {
    co_return fail(Errc::peer_not_trusted, "the peer is " + peer->hex());
  }
  StreamSecurity::Secured secured;
  secured.peer = *peer;
  secured.stream = std::move(stream);
  co_return secured;
}

class TlsSecurity final : public StreamSecurity {
 public:
  TlsSecurity(Runtime& runtime, const crypto::MachineSigner& identity)
      : runtime_(runtime), context_(make_context(identity)) {}

  Task<Result<Secured>> accept(std::unique_ptr<Stream> raw, Duration timeout) override {
    return secure(wrap(std::move(raw), TlsStream::Side::server), std::nullopt, timeout);
  }
  Task<Result<Secured>> connect(std::unique_ptr<Stream> raw, crypto::MachineKey expected,
                                Duration timeout) override {
    return secure(wrap(std::move(raw), TlsStream::Side::client), expected, timeout);
  }

 private:
  std::unique_ptr<TlsStream> wrap(std::unique_ptr<Stream> raw, TlsStream::Side side) {
    return std::make_unique<TlsStream>(runtime_, std::move(raw), *context_, side);
  }

  Runtime& runtime_;
  SslContext context_;
};

}  // namespace

std::unique_ptr<StreamSecurity> make_tls_security(Runtime& runtime,
                                                  const crypto::MachineSigner& identity) {
  return std::make_unique<TlsSecurity>(runtime, identity);
}

}  // namespace stratos::net
