#include <openssl/err.h>

#include "base/assert.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/keys.hpp"

namespace stratos::crypto {
namespace {

constexpr std::string_view kSignaturePrefix = "stratos-sign-1:";

Bytes signed_bytes(std::string_view domain, ByteView message) {
  STRATOS_ASSERT(!domain.empty() && domain.size() <= 255, "a domain has 1 to 255 bytes");
  Bytes out;
  out.reserve(kSignaturePrefix.size() + 1 + domain.size() + message.size());
  append(out, as_bytes(kSignaturePrefix));
  out.push_back(static_cast<std::uint8_t>(domain.size()));
  append(out, as_bytes(domain));
  append(out, message);
  return out;
}

}  // namespace

MachineSigner::MachineSigner(SecretKey seed)
    : seed_(seed),
      key_(std::make_shared<const Ed25519Key>(seed_)),
      public_key_(key_->public_key()) {}

MachineSigner MachineSigner::draw(Random& random) { return MachineSigner(SecretKey::draw(random)); }

MachineSignature MachineSigner::sign(std::string_view domain, ByteView message) const {
  return key_->sign(signed_bytes(domain, message));
}

Result<void> verify(const MachineKey& key, std::string_view domain, ByteView message,
                    const MachineSignature& signature) {
  if (ed25519_verify(key, signed_bytes(domain, message), signature)) return {};
  // OpenSSL queues an error for each refusal; nobody reads the queue.
  ERR_clear_error();
  return fail(Errc::bad_signature, "machine signature does not verify");
}

}  // namespace stratos::crypto
