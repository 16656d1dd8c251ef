// TLS 1.3 over any Stream: OpenSSL turns bytes, this file moves them.
#pragma once
#include <openssl/ssl.h>

#include <memory>

#include "runtime/runtime.hpp"

namespace stratos::net {

template <auto Free>
struct OpenSslFree {
  void operator()(auto* object) const { Free(object); }
};
using SslContext = std::unique_ptr<SSL_CTX, OpenSslFree<&SSL_CTX_free>>;
using SslHandle = std::unique_ptr<SSL, OpenSslFree<&SSL_free>>;

// A context for TLS 1.3 alone, without session tickets.
SslContext make_tls13_context();
// `call` and what OpenSSL has to say about its failure.
Error openssl_error(Errc code, std::string_view call);

// A secured stream. handshake() first; afterwards one reader and one writer at a time.
// shutdown() ends writing without a closing alert; say_goodbye() sends that first.
class TlsStream final : public Stream {
 public:
  enum class Side : std::uint8_t { client, server };
  // `context` may be released afterwards; `runtime` outlives the stream.
  TlsStream(Runtime& runtime, std::unique_ptr<Stream> raw, SSL_CTX& context, Side side);
  ~TlsStream() override;

  // For settings before and questions after the handshake.
  SSL& ssl() { return *ssl_; }

  // Errc::peer_not_trusted when a certificate was refused by either end, Errc::malformed_message
  // for what is no TLS, else the stream's errors.
  Task<Result<void>> handshake(Duration timeout);
  Task<void> say_goodbye(Duration timeout);

  Task<Result<std::size_t>> read_some(MutableByteView out, Duration timeout) override;
  Task<Result<void>> write(ByteView data, Duration timeout) override;
  Task<Result<void>> write(ByteView head, ByteView body, Duration timeout) override;
  void shutdown() override { raw_->shutdown(); }
  void close() override { raw_->close(); }
  std::string peer_name() const override { return raw_->peer_name(); }

 private:
  struct Wire;  // ciphertext on its way in and out

  Task<Result<void>> fill(MonotonicTime deadline);
  Task<Result<void>> flush(MonotonicTime deadline);
  Result<std::size_t> decrypt(MutableByteView out);
  Result<void> encrypt(ByteView plain);
  Task<Result<void>> send(ByteView plain, MonotonicTime deadline);
  Duration left(MonotonicTime deadline);

  Runtime& runtime_;
  std::unique_ptr<Stream> raw_;
  std::unique_ptr<Wire> wire_;
  SslHandle ssl_;
};

}  // namespace stratos::net
