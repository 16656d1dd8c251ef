// Inputs that several tests of crypto share.
#pragma once
#include "base/bytes.hpp"

namespace stratos::crypto {

// 0, 1, … 250, 0, 1, …: the input of BLAKE3's official vectors.
inline Bytes counting(std::size_t length) {
  Bytes out(length);
  for (std::size_t i = 0; i < length; ++i) out[i] = static_cast<std::uint8_t>(i % 251);
  return out;
}

inline Bytes repeated(std::uint8_t byte, std::size_t times) { return Bytes(times, byte); }

// first, first + 1, … last.
inline Bytes ascending(int first, int last) {
  Bytes out;
  for (int i = first; i <= last; ++i) out.push_back(static_cast<std::uint8_t>(i));
  return out;
}

inline Bytes unhex(std::string_view text) { return from_hex(text).value(); }

}  // namespace stratos::crypto
