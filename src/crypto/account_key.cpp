#include <secp256k1_recovery.h>

#include <algorithm>

#include "base/assert.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"

namespace stratos::crypto {
namespace {

// Blinded once against side channels; constant from then on, hence safe from any thread.
const secp256k1_context* context() {
  static const secp256k1_context* const kept = [] {
    secp256k1_context* made = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    SystemRandom random;
    const SecretKey seed = SecretKey::draw(random);
    STRATOS_ASSERT(made != nullptr && secp256k1_context_randomize(made, seed.view().data()) == 1,
                   "libsecp256k1 has no context");
    return made;
  }();
  return kept;
}

AccountId address_of(const secp256k1_pubkey& key) {
  // 0x04, then x and y: the address is the end of the hash of both.
  std::array<std::uint8_t, 65> point;
  std::size_t size = point.size();
  secp256k1_ec_pubkey_serialize(context(), point.data(), &size, &key, SECP256K1_EC_UNCOMPRESSED);
  const Hash hash = keccak256(ByteView(point).subspan(1));
  AccountId address;
  std::memcpy(address.value.data(), hash.value.data() + 12, address.value.size());
  return address;
}

bool has_low_s(const secp256k1_ecdsa_recoverable_signature& signature) {
  secp256k1_ecdsa_signature plain;
  secp256k1_ecdsa_recoverable_signature_convert(context(), &plain, &signature);
  return secp256k1_ecdsa_signature_normalize(context(), nullptr, &plain) == 0;
}

bool is_upper(char c) { return c >= 'A' && c <= 'F'; }
bool is_lower(char c) { return c >= 'a' && c <= 'f'; }

}  // namespace

Result<AccountSigner> AccountSigner::from(SecretKey key) {
  secp256k1_pubkey point;
  if (secp256k1_ec_pubkey_create(context(), &point, key.view().data()) != 1) {
    return fail(Errc::bad_key, "not a secp256k1 scalar");
  }
  return AccountSigner(key, address_of(point));
}

AccountSigner AccountSigner::draw(Random& random) {
  // All but one in 2^127 draws succeed.
  while (true) {
    Result<AccountSigner> signer = from(SecretKey::draw(random));
    if (signer) return *std::move(signer);
  }
}

AccountSignature AccountSigner::sign(const Hash& digest) const {
  secp256k1_ecdsa_recoverable_signature signature;
  const int made = secp256k1_ecdsa_sign_recoverable(context(), &signature, digest.value.data(),
                                                    key_.view().data(), nullptr, nullptr);
  STRATOS_ASSERT(made == 1, "a checked key signs");
  AccountSignature out;
  int v = 0;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), out.value.data(), &v,
                                                          &signature);
  // 2 and 3 need an r in the topmost 2^-128 of the field.
  STRATOS_ASSERT(v == 0 || v == 1, "a signature nobody has ever seen");
  out.value[64] = static_cast<std::uint8_t>(v);
  return out;
}

Result<AccountId> recover(const Hash& digest, const AccountSignature& signature) {
  const int v = signature.value[64];
  secp256k1_ecdsa_recoverable_signature parsed;
  secp256k1_pubkey key;
  const bool recovered =
      v <= 1 &&
      secp256k1_ecdsa_recoverable_signature_parse_compact(context(), &parsed,
                                                          signature.value.data(), v) == 1 &&
      has_low_s(parsed) &&
      secp256k1_ecdsa_recover(context(), &key, &parsed, digest.value.data()) == 1;
  if (!recovered) return fail(Errc::bad_signature, "account signature does not recover");
  return address_of(key);
}

std::string to_checksum_address(const AccountId& account) {
  std::string hex = account.hex();
  const Hash hash = keccak256(as_bytes(hex));
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const int nibble = (hash.value[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 0xf;
    if (nibble >= 8 && is_lower(hex[i])) hex[i] = static_cast<char>(hex[i] - 'a' + 'A');
  }
  return "0x" + hex;
}

Result<AccountId> parse_address(std::string_view text) {
  if (!text.starts_with("0x")) return fail(Errc::bad_encoding, "an address begins with 0x");
  const std::string_view hex = text.substr(2);
  STRATOS_TRY(const AccountId account, AccountId::from_hex_text(hex));
  const bool mixed = std::ranges::any_of(hex, is_upper) && std::ranges::any_of(hex, is_lower);
  if (mixed && to_checksum_address(account) != text) {
    return fail(Errc::bad_encoding, "the address's checksum is wrong");
  }
  return account;
}

}  // namespace stratos::crypto
