// Byte strings: owned, borrowed and as text.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace stratos {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }
inline void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
// Accepts both cases; odd length or another character is Errc::bad_encoding.
Result<Bytes> from_hex(std::string_view text);

// Base64 with padding (RFC 4648 §4).
std::string to_base64(ByteView bytes);
// Refuses missing padding, white space and non-zero trailing bits with Errc::bad_encoding.
Result<Bytes> from_base64(std::string_view text);

// Fixed-width integers in byte strings. Big-endian sorts as the number does: use it in keys.
template <class Int>
void put_be(Bytes& out, Int value) {
  for (int shift = static_cast<int>(sizeof(Int)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}
// Requires bytes.size() >= sizeof(Int).
template <class Int>
Int get_be(ByteView bytes) {
  Int value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    value = static_cast<Int>(static_cast<Int>(value << 8) | static_cast<Int>(bytes[i]));
  }
  return value;
}
template <class Int>
void store_le(std::uint8_t* out, Int value) {
  std::memcpy(out, &value, sizeof value);
}
template <class Int>
Int load_le(const std::uint8_t* in) {
  Int value;
  std::memcpy(&value, in, sizeof value);
  return value;
}

}  // namespace stratos
