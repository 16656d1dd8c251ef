// Plain Ed25519 (RFC 8032), without a domain. Internal to crypto: everyone else signs with
// MachineSigner.
#pragma once
#include <array>

#include "crypto/keys.hpp"
#include "crypto/openssl.hpp"

namespace stratos::crypto {

// An expanded signing key. Safe from any thread.
class Ed25519Key {
 public:
  explicit Ed25519Key(const SecretKey& seed);
  MachineKey public_key() const;
  MachineSignature sign(ByteView message) const;

 private:
  PublicKeyPointer key_;
};

bool ed25519_verify(const MachineKey& key, ByteView message, const MachineSignature& signature);

// One canonical encoding and not of small order. It is not checked that it lies on the curve:
// verification does that.
bool is_sound_public_key(const MachineKey& key);

}  // namespace stratos::crypto
