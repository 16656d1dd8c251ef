// Strong identifiers: two kinds of id never mix, and every id prints in one way.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.hpp"

namespace stratos {

// An integer with a meaning of its own.
template <class Tag, class Rep = std::uint64_t>
struct StrongInt {
  using rep = Rep;
  Rep value = 0;

  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Rep v) : value(v) {}
  friend constexpr auto operator<=>(StrongInt, StrongInt) = default;
};

// A fixed run of bytes with a meaning of its own.
template <class Tag, std::size_t N>
struct StrongBytes {
  static constexpr std::size_t kSize = N;
  std::array<std::uint8_t, N> value{};

  constexpr StrongBytes() = default;
  constexpr explicit StrongBytes(const std::array<std::uint8_t, N>& v) : value(v) {}
  // Errc::bad_encoding unless exactly N bytes.
  static Result<StrongBytes> from(ByteView bytes) {
    if (bytes.size() != N) return fail(Errc::bad_encoding, "id of the wrong length");
    StrongBytes id;
    std::memcpy(id.value.data(), bytes.data(), N);
    return id;
  }
  static Result<StrongBytes> from_hex_text(std::string_view text) {
    STRATOS_TRY(const Bytes bytes, from_hex(text));
    return from(bytes);
  }
  ByteView view() const { return value; }
  std::string hex() const { return to_hex(value); }
  bool is_zero() const { return *this == StrongBytes{}; }
  friend constexpr auto operator<=>(const StrongBytes&, const StrongBytes&) = default;
};

using Hash = StrongBytes<struct HashTag, 32>;
// A machine's place in the registry; stays the same when the machine's key is rotated.
using NodeId = StrongInt<struct NodeIdTag, std::uint32_t>;
using ZoneId = StrongInt<struct ZoneIdTag, std::uint32_t>;
using BucketId = StrongInt<struct BucketIdTag>;
using GrantId = StrongInt<struct GrantIdTag>;
using Height = StrongInt<struct HeightTag>;
using Epoch = StrongInt<struct EpochTag>;
using Generation = StrongInt<struct GenerationTag>;
// An Ethereum address.
using AccountId = StrongBytes<struct AccountIdTag, 20>;
// Grant (8 bytes, big-endian) then counter (8 bytes): never used twice.
using SegmentId = StrongBytes<struct SegmentIdTag, 16>;
using UploadId = StrongBytes<struct UploadIdTag, 16>;
// Height then index of the ordered entry, both big-endian: sorts by age.
using VersionId = StrongBytes<struct VersionIdTag, 16>;
// Drawn by the submitter; a retry with the same one gets the first result.
using IdempotencyId = StrongBytes<struct IdempotencyIdTag, 16>;

// What one node holds of one segment.
struct FragmentId {
  SegmentId segment;
  std::uint8_t index = 0;
  friend constexpr auto operator<=>(const FragmentId&, const FragmentId&) = default;
};

inline std::string to_string(NodeId id) { return "n" + std::to_string(id.value); }
inline std::string to_string(const FragmentId& id) {
  return id.segment.hex() + "/" + std::to_string(id.index);
}

}  // namespace stratos

template <class Tag, class Rep>
struct std::hash<stratos::StrongInt<Tag, Rep>> {
  std::size_t operator()(const stratos::StrongInt<Tag, Rep>& id) const {
    return std::hash<Rep>{}(id.value);
  }
};

template <class Tag, std::size_t N>
struct std::hash<stratos::StrongBytes<Tag, N>> {
  std::size_t operator()(const stratos::StrongBytes<Tag, N>& id) const {
    return std::hash<std::string_view>{}(stratos::as_text(id.view()));
  }
};

template <>
struct std::hash<stratos::FragmentId> {
  std::size_t operator()(const stratos::FragmentId& id) const {
    return std::hash<stratos::SegmentId>{}(id.segment) * 31 + id.index;
  }
};
