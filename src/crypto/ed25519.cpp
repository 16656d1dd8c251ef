#include "crypto/ed25519.hpp"

#include <algorithm>

#include "stratos_native.h"

namespace stratos::crypto {
namespace {

using Coordinate = std::array<std::uint8_t, 32>;

// Little-endian, as in a public key without its sign bit.
constexpr Coordinate kFieldPrime = [] {
  Coordinate p;
  p.fill(0xff);
  p.front() = 0xed;
  p.back() = 0x7f;
  return p;
}();

// The y coordinates of the eight points whose order divides 8: of order 1, 2, 4 and (twice) 8.
constexpr Coordinate kSmallOrder[] = {
    {1},
    [] {
      Coordinate minus_one = kFieldPrime;
      minus_one.front() = 0xec;
      return minus_one;
    }(),
    {0},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
};

bool below_prime(const Coordinate& y) {
  return std::lexicographical_compare(y.rbegin(), y.rend(), kFieldPrime.rbegin(),
                                      kFieldPrime.rend());
}

}  // namespace

Ed25519Key::Ed25519Key(const SecretKey& seed)
    : key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.view().data(),
                                        seed.view().size())) {
  require(key_ != nullptr);
}

MachineKey Ed25519Key::public_key() const {
  MachineKey out;
  std::size_t size = out.value.size();
  require(EVP_PKEY_get_raw_public_key(key_.get(), out.value.data(), &size) == 1);
  return out;
}

MachineSignature Ed25519Key::sign(ByteView message) const {
  const MdContext context(EVP_MD_CTX_new());
  MachineSignature out;
  std::size_t size = out.value.size();
  require(context != nullptr &&
          EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
          EVP_DigestSign(context.get(), out.value.data(), &size, message.data(), message.size()) ==
              1);
  return out;
}

bool ed25519_verify(const MachineKey& key, ByteView message, const MachineSignature& signature) {
  return is_sound_public_key(key) && stratos_ed25519_verify(key.value.data(), message.data(),
                                                            message.size(), signature.value.data());
}

bool is_sound_public_key(const MachineKey& key) {
  Coordinate y = key.value;
  y.back() &= 0x7f;
  return below_prime(y) && std::ranges::find(kSmallOrder, y) == std::end(kSmallOrder);
}

}  // namespace stratos::crypto
