#include "net/tls_stream.hpp"

#include <openssl/err.h>

namespace stratos::net {
namespace {

// Records hold 16 KiB; several of them per system call.
constexpr std::size_t kMinReadBytes = 2 * 1024;
constexpr std::size_t kMaxReadBytes = 64 * 1024;
constexpr std::size_t kPlainPerWrite = 128 * 1024;
constexpr std::size_t kGatherBytes = 16 * 1024;
constexpr std::size_t kKeptBytes = 32 * 1024;

}  // namespace

struct TlsStream::Wire {
  std::unique_ptr<std::uint8_t[]> in;
  std::size_t in_capacity = 0;
  std::size_t in_begin = 0;
  std::size_t in_end = 0;
  std::size_t in_wanted = kMinReadBytes;
  bool ended = false;
  Bytes out;
  Bytes sending;

  std::size_t available() const { return in_end - in_begin; }
};

namespace {

// The BIO that OpenSSL reads ciphertext from and appends ciphertext to. Its data is the Wire.
template <class Wire>
struct WireBio {
  static Wire& of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* out, std::size_t size, std::size_t* done) {
    Wire& wire = of(bio);
    BIO_clear_retry_flags(bio);
    if (wire.available() == 0) {
      if (!wire.ended) BIO_set_retry_read(bio);
      *done = 0;
      return wire.ended ? 0 : -1;
    }
    *done = std::min(size, wire.available());
    std::memcpy(out, wire.in.get() + wire.in_begin, *done);
    wire.in_begin += *done;
    return 1;
  }

  static int write(BIO* bio, const char* data, std::size_t size, std::size_t* done) {
    BIO_clear_retry_flags(bio);
    append(of(bio).out, as_bytes({data, size}));
    *done = size;
    return 1;
  }

  static long control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return of(bio).ended && of(bio).available() == 0 ? 1 : 0;
      default:
        return 0;
    }
  }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      STRATOS_ASSERT(made != nullptr, "no memory for a BIO method");
      BIO_meth_set_read_ex(made, &read);
      BIO_meth_set_write_ex(made, &write);
      BIO_meth_set_ctrl(made, &control);
      BIO_meth_set_create(made, &create);
      return made;
    }();
    return kMethod;
  }
};

bool is_certificate_refusal(unsigned long error) {
  switch (ERR_GET_REASON(error)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

Error protocol_error(std::string_view call) {
  // The last one: below a refused certificate lies the arithmetic that did not come out.
  const unsigned long error = ERR_peek_last_error();
  const bool refused = ERR_GET_LIB(error) == ERR_LIB_SSL && is_certificate_refusal(error);
  return openssl_error(refused ? Errc::peer_not_trusted : Errc::malformed_message, call);
}

}  // namespace

SslContext make_tls13_context() {
  SslContext context(SSL_CTX_new(TLS_method()));
  STRATOS_ASSERT(context != nullptr, "no TLS in this OpenSSL");
  const bool set = SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1 &&
                   SSL_CTX_set_ciphersuites(context.get(),
                                            "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                            "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
                   SSL_CTX_set_num_tickets(context.get(), 0) == 1;
  STRATOS_ASSERT(set, "no TLS 1.3 in this OpenSSL");
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Error openssl_error(Errc code, std::string_view call) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return Error(code, std::string(call) + ": " + text.data());
}

TlsStream::TlsStream(Runtime& runtime, std::unique_ptr<Stream> raw, SSL_CTX& context, Side side)
    : runtime_(runtime),
      raw_(std::move(raw)),
      wire_(std::make_unique<Wire>()),
      ssl_(SSL_new(&context)) {
  BIO* bio = BIO_new(WireBio<Wire>::method());
  if (ssl_ == nullptr || bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, wire_.get());
  SSL_set_bio(ssl_.get(), bio, bio);
  if (side == Side::client) {
    SSL_set_connect_state(ssl_.get());
  } else {
    SSL_set_accept_state(ssl_.get());
  }
}

TlsStream::~TlsStream() = default;

Duration TlsStream::left(MonotonicTime deadline) {
  return std::max(Duration::zero(), deadline - runtime_.now());
}

// Reads more ciphertext; the memory for it grows while reads fill it and shrinks when they do not.
Task<Result<void>> TlsStream::fill(MonotonicTime deadline) {
  Wire& wire = *wire_;
  STRATOS_ASSERT(wire.available() == 0, "ciphertext left over");
  if (wire.in_capacity != wire.in_wanted) {
    wire.in = std::make_unique_for_overwrite<std::uint8_t[]>(wire.in_wanted);
    wire.in_capacity = wire.in_wanted;
  }
  wire.in_begin = wire.in_end = 0;
  const MutableByteView space(wire.in.get(), wire.in_capacity);
  STRATOS_CO_TRY(const std::size_t count, co_await raw_->read_some(space, left(deadline)));
  wire.in_end = count;
  wire.ended = count == 0;
  if (count == wire.in_capacity) {
    wire.in_wanted = std::min(kMaxReadBytes, wire.in_capacity * 4);
  } else if (count < wire.in_capacity / 16) {
    wire.in_wanted = std::max(kMinReadBytes, wire.in_capacity / 4);
  }
  co_return Result<void>{};
}

Task<Result<void>> TlsStream::flush(MonotonicTime deadline) {
  Wire& wire = *wire_;
  if (wire.out.empty()) co_return Result<void>{};
  wire.sending.clear();
  std::swap(wire.out, wire.sending);
  Result<void> written = co_await raw_->write(wire.sending, left(deadline));
  co_return written;
}

Task<Result<void>> TlsStream::handshake(Duration timeout) {
  const MonotonicTime deadline = runtime_.now() + timeout;
  while (true) {
    ERR_clear_error();
    const int outcome = SSL_do_handshake(ssl_.get());
    const int reason = SSL_get_error(ssl_.get(), outcome);
    std::optional<Error> error;
    if (outcome != 1 && reason != SSL_ERROR_WANT_READ && !wire_->ended) {
      error = protocol_error("TLS handshake");
    }
    // Also the alert that says why.
    const Result<void> flushed = co_await flush(deadline);
    if (error) co_return fail(std::move(*error));
    STRATOS_CO_CHECK(flushed);
    if (outcome == 1) co_return Result<void>{};
    if (wire_->ended) co_return fail(Errc::connection_lost, "ended during the TLS handshake");
    STRATOS_CO_CHECK(co_await fill(deadline));
  }
}

Task<void> TlsStream::say_goodbye(Duration timeout) {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()) == 0) co_return;
  SSL_shutdown(ssl_.get());
  [[maybe_unused]] const Result<void> told = co_await flush(runtime_.now() + timeout);
}

// 0 when more ciphertext is needed or the peer has ended.
Result<std::size_t> TlsStream::decrypt(MutableByteView out) {
  std::size_t total = 0;
  while (total < out.size()) {
    std::size_t count = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), out.data() + total, out.size() - total, &count) == 1) {
      total += count;
      continue;
    }
    const int reason = SSL_get_error(ssl_.get(), 0);
    if (total > 0 || reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_ZERO_RETURN) break;
    if (wire_->ended) return fail(Errc::connection_lost, "ended without a closing alert");
    return fail(protocol_error("TLS read"));
  }
  return total;
}

Task<Result<std::size_t>> TlsStream::read_some(MutableByteView out, Duration timeout) {
  std::optional<MonotonicTime> deadline;
  while (true) {
    STRATOS_CO_TRY(const std::size_t count, decrypt(out));
    const bool at_end = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    if (count > 0 || at_end) co_return count;
    if (!deadline) deadline = runtime_.now() + timeout;
    STRATOS_CO_CHECK(co_await fill(*deadline));
  }
}

Result<void> TlsStream::encrypt(ByteView plain) {
  while (!plain.empty()) {
    std::size_t count = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &count) != 1) {
      return fail(openssl_error(Errc::connection_lost, "TLS write"));
    }
    plain = plain.subspan(count);
  }
  return {};
}

Task<Result<void>> TlsStream::send(ByteView plain, MonotonicTime deadline) {
  while (!plain.empty()) {
    const ByteView part = plain.first(std::min(plain.size(), kPlainPerWrite));
    plain = plain.subspan(part.size());
    STRATOS_CO_CHECK(encrypt(part));
    STRATOS_CO_CHECK(co_await flush(deadline));
  }
  // Idle connections are many: none keeps what a large write needed.
  if (wire_->sending.capacity() > kKeptBytes) wire_->sending = {};
  if (wire_->out.empty() && wire_->out.capacity() > kKeptBytes) wire_->out = {};
  co_return Result<void>{};
}

Task<Result<void>> TlsStream::write(ByteView data, Duration timeout) {
  co_return co_await send(data, runtime_.now() + timeout);
}

Task<Result<void>> TlsStream::write(ByteView head, ByteView body, Duration timeout) {
  const MonotonicTime deadline = runtime_.now() + timeout;
  if (head.size() + body.size() <= kGatherBytes) {
    Bytes whole;
    whole.reserve(head.size() + body.size());
    append(whole, head);
    append(whole, body);
    co_return co_await send(whole, deadline);
  }
  const ByteView first = body.first(std::min(body.size(), kPlainPerWrite));
  STRATOS_CO_CHECK(encrypt(head));
  STRATOS_CO_CHECK(encrypt(first));
  STRATOS_CO_CHECK(co_await flush(deadline));
  co_return co_await send(body.subspan(first.size()), deadline);
}

}  // namespace stratos::net
