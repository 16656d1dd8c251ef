// Layout of elements and state: docs/formats/crypto.md.
#include <bit>

#include "crypto/hash.hpp"

namespace stratos::crypto {
namespace {

using Lanes = std::array<std::uint16_t, LtHash::kSizeBytes / 2>;
static_assert(std::endian::native == std::endian::little, "lanes are little-endian in the state");

// Most elements are small: they are joined on the stack.
constexpr std::size_t kSmallElementBytes = 1024;

void join(MutableByteView out, ByteView key, ByteView value) {
  store_le(out.data(), std::uint64_t{key.size()});
  if (!key.empty()) std::memcpy(out.data() + 8, key.data(), key.size());
  if (!value.empty()) std::memcpy(out.data() + 8 + key.size(), value.data(), value.size());
}

Lanes lanes_of(ByteView key, ByteView value) {
  Lanes lanes;
  const MutableByteView out(reinterpret_cast<std::uint8_t*>(lanes.data()), LtHash::kSizeBytes);
  const std::size_t size = 8 + key.size() + value.size();
  if (size <= kSmallElementBytes) {
    std::array<std::uint8_t, kSmallElementBytes> element;
    join(element, key, value);
    blake3_xof(ByteView(element).first(size), out);
  } else {
    Bytes element(size);
    join(element, key, value);
    blake3_xof(element, out);
  }
  return lanes;
}

}  // namespace

void LtHash::add(ByteView key, ByteView value) {
  const Lanes element = lanes_of(key, value);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i] = static_cast<std::uint16_t>(lanes_[i] + element[i]);
  }
}

void LtHash::remove(ByteView key, ByteView value) {
  const Lanes element = lanes_of(key, value);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i] = static_cast<std::uint16_t>(lanes_[i] - element[i]);
  }
}

Hash LtHash::digest() const { return blake3(state()); }

ByteView LtHash::state() const {
  return {reinterpret_cast<const std::uint8_t*>(lanes_.data()), kSizeBytes};
}

Result<LtHash> LtHash::from_state(ByteView state) {
  if (state.size() != kSizeBytes) return fail(Errc::bad_encoding, "LtHash state of wrong length");
  LtHash hash;
  std::memcpy(hash.lanes_.data(), state.data(), kSizeBytes);
  return hash;
}

}  // namespace stratos::crypto
