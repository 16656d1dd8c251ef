// Signing keys of machines (Ed25519) and accounts (secp256k1), and authenticated encryption.
// Secret bytes are wiped when their owner is destroyed.
#pragma once
#include <array>
#include <memory>
#include <string>

#include "base/ids.hpp"
#include "base/random.hpp"

struct AesGcmKey;  // stratos_native.h

namespace stratos::crypto {

// 32 secret bytes; wiped on destruction, compared in constant time, never printed.
class SecretKey {
 public:
  SecretKey() = default;
  explicit SecretKey(const std::array<std::uint8_t, 32>& bytes) : bytes_(bytes) {}
  static SecretKey draw(Random& random);
  // Errc::bad_key unless exactly 32 bytes.
  static Result<SecretKey> from(ByteView bytes);
  ~SecretKey();
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ByteView view() const { return bytes_; }
  friend bool operator==(const SecretKey& a, const SecretKey& b);

 private:
  std::array<std::uint8_t, 32> bytes_{};
};

// Ed25519 (RFC 8032). No signature serves two purposes: the bytes signed are the 15 ASCII
// characters "stratos-sign-1:", one byte with the length of the domain, the domain (1 to 255
// bytes), the message. Layout: docs/formats/crypto.md.
using MachineKey = StrongBytes<struct MachineKeyTag, 32>;  // public
using MachineSignature = StrongBytes<struct MachineSignatureTag, 64>;

class Ed25519Key;

// Copies share the expanded key. Safe from any thread.
class MachineSigner {
 public:
  explicit MachineSigner(SecretKey seed);
  static MachineSigner draw(Random& random);
  const MachineKey& public_key() const { return public_key_; }
  MachineSignature sign(std::string_view domain, ByteView message) const;
  const SecretKey& seed() const { return seed_; }

 private:
  SecretKey seed_;
  std::shared_ptr<const Ed25519Key> key_;
  MachineKey public_key_;
};
// Errc::bad_signature. Strict: refuses S at or above the group order, points that are not encoded
// in the one canonical way, and public keys of small order (with which anyone can sign). The
// equation is the one without cofactor, [S]B = R + [h]A.
Result<void> verify(const MachineKey& key, std::string_view domain, ByteView message,
                    const MachineSignature& signature);

// secp256k1 with Ethereum's address and recoverable signatures (r, s, v; v is 0 or 1; low s).
using AccountSignature = StrongBytes<struct AccountSignatureTag, 65>;

class AccountSigner {
 public:
  // Errc::bad_key when the scalar is zero or not below the group order.
  static Result<AccountSigner> from(SecretKey key);
  static AccountSigner draw(Random& random);
  const AccountId& address() const { return address_; }
  AccountSignature sign(const Hash& digest) const;
  const SecretKey& key() const { return key_; }

 private:
  AccountSigner(SecretKey key, AccountId address) : key_(std::move(key)), address_(address) {}
  SecretKey key_;
  AccountId address_;
};
// Errc::bad_signature: v above 1, r or s out of range, s in the upper half, or no such point.
Result<AccountId> recover(const Hash& digest, const AccountSignature& signature);
// EIP-55 mixed-case "0x…" form; parsing checks the case when it is mixed. Errc::bad_encoding.
std::string to_checksum_address(const AccountId& account);
Result<AccountId> parse_address(std::string_view text);

// AES-256-GCM with 96-bit nonces and 128-bit tags.
constexpr std::size_t kTagBytes = 16;
using Nonce = std::array<std::uint8_t, 12>;

// Keeps the expanded key: make one per key, not one per message. Safe from any thread.
class Aead {
 public:
  explicit Aead(const SecretKey& key);
  // out.size() == plain.size() + kTagBytes; out and plain do not overlap. A nonce serves one
  // message.
  void seal(const Nonce& nonce, ByteView associated, ByteView plain, MutableByteView out) const;
  // out.size() + kTagBytes == sealed.size(); they do not overlap. Errc::decryption_failed leaves
  // zeros in out.
  Result<void> open(const Nonce& nonce, ByteView associated, ByteView sealed,
                    MutableByteView out) const;

 private:
  struct Free {
    void operator()(AesGcmKey* key) const;
  };
  std::unique_ptr<AesGcmKey, Free> key_;
};

// Seals a short secret or record with a random nonce in front: nonce, ciphertext, tag. A key may
// seal at most 2^32 such records.
Bytes seal_with_random_nonce(const SecretKey& key, Random& random, ByteView associated,
                             ByteView plain);
Result<Bytes> open_with_nonce(const SecretKey& key, ByteView associated, ByteView sealed);

}  // namespace stratos::crypto
