#include "net/http_tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace stratos::http {
namespace {

constexpr std::string_view kProtocol = "\x08http/1.1";

int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  const auto* own = reinterpret_cast<const unsigned char*>(kProtocol.data());
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, own, kProtocol.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<net::SslContext> make_server_context(const TlsFiles& files) {
  net::SslContext context = net::make_tls13_context();
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate_file.c_str()) != 1) {
    return fail(net::openssl_error(Errc::bad_config, files.certificate_file));
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(net::openssl_error(Errc::bad_config, files.key_file));
  }
  SSL_CTX_set_alpn_select_cb(context.get(), &select_protocol, nullptr);
  return context;
}

Result<net::SslContext> make_client_context(const ClientTls& options) {
  net::SslContext context = net::make_tls13_context();
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(context.get(), options.ca_file.c_str()) != 1) {
    return fail(net::openssl_error(Errc::bad_config, options.ca_file));
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const auto* protocol = reinterpret_cast<const unsigned char*>(kProtocol.data());
  SSL_CTX_set_alpn_protos(context.get(), protocol, kProtocol.size());
  return context;
}

Result<void> expect_host(SSL& ssl, const std::string& host) {
  X509_VERIFY_PARAM* wanted = SSL_get0_param(&ssl);
  ERR_clear_error();
  if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1) return {};
  ERR_clear_error();
  if (SSL_set_tlsext_host_name(&ssl, host.c_str()) != 1 || SSL_set1_host(&ssl, host.c_str()) != 1) {
    return fail(net::openssl_error(Errc::invalid_argument, "TLS host name"));
  }
  return {};
}

}  // namespace stratos::http
