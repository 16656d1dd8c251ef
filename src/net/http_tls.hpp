// HTTPS: contexts from PEM files.
#pragma once
#include "net/http.hpp"
#include "net/tls_stream.hpp"

namespace stratos::http {

// Errc::bad_config when the files are missing, broken or do not belong together.
Result<net::SslContext> make_server_context(const TlsFiles& files);
Result<net::SslContext> make_client_context(const ClientTls& options);
// Demands that the server's certificate names `host`, a DNS name or an IP address.
Result<void> expect_host(SSL& ssl, const std::string& host);

}  // namespace stratos::http
