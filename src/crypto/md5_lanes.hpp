// MD5 (RFC 1321) of several streams at once. One stream cannot be hashed faster than block after
// block; several advance together, each in one lane of the vector registers, at about the price of
// one. For entity tags and Content-MD5 only: MD5 protects nothing.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "crypto/hash.hpp"

namespace stratos::crypto {

constexpr std::size_t kMd5Lanes = 8;

// One thread at a time.
class Md5Stream {
 public:
  void update(ByteView data);
  // Once, as the last call.
  Md5Digest finish();

 private:
  friend struct Md5Lane;
  static constexpr std::size_t kBlockBytes = 64;
  // Fills the open block; gives what is left of `data` once there is none.
  ByteView complete_block(ByteView data);

  std::array<std::uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<std::uint8_t, kBlockBytes> open_{};
  std::uint64_t length_ = 0;
};

struct Md5Update {
  Md5Stream& stream;
  ByteView data;
};
// The same as update() of each; at most kMd5Lanes, all of different streams. Fast as long as two of
// them have data left.
void update_together(std::span<const Md5Update> updates);

}  // namespace stratos::crypto
