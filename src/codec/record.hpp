// Records: one table of numbered fields per struct gives its canonical encoding and its decoding.
// The wire form is protobuf's (varint and length-delimited fields only), in ascending field order,
// zeros left out: equal values have equal bytes. A member's initialiser counts in code only: absent
// on the wire means zero. Format: docs/formats/records.md.
//
//   struct Extent {
//     FragmentId fragment; std::uint64_t offset = 0;
//     static void fields(auto& self, auto&& field) { field(1, self.fragment); field(2,
//     self.offset); }
//   };
//
// A struct with `static constexpr std::uint8_t kFormat` is preceded by that byte; another number is
// refused with Errc::unknown_format. A struct with a member `Bytes unknown` keeps fields it does
// not know and writes them back after its own. Lengths of foreign data bound every allocation.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"

namespace stratos::codec {

constexpr int kMaxDepth = 16;

// --- primitives --------------------------------------------------------------------------------

void put_varint(Bytes& out, std::uint64_t value);
// Takes a minimally encoded varint off the front of `in`; Errc::bad_encoding.
Result<std::uint64_t> take_varint(ByteView& in);

enum class WireType : std::uint8_t { varint = 0, bytes = 2 };

struct RawField {
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t number_value = 0;
  ByteView bytes;
  ByteView whole;  // with tag, as it stood in the input
};
// Takes one field off the front of `in`.
Result<RawField> take_field(ByteView& in);

inline std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
inline std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

// --- which C++ types are what ------------------------------------------------------------------

template <class T>
concept Record = requires(T& t) { T::fields(t, [](std::uint32_t, auto&) {}); };
template <class T>
concept Versioned = requires { T::kFormat; };
template <class T>
concept KeepsUnknown = requires(T& t) { t.unknown; };

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::bool_constant<!std::is_same_v<T, std::uint8_t>> {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsStrongInt : std::false_type {};
template <class Tag, class Rep>
struct IsStrongInt<StrongInt<Tag, Rep>> : std::true_type {};
template <class T>
struct IsStrongBytes : std::false_type {};
template <class Tag, std::size_t N>
struct IsStrongBytes<StrongBytes<Tag, N>> : std::true_type {};
template <class T>
struct IsTextMap : std::false_type {};
template <>
struct IsTextMap<std::map<std::string, std::string>> : std::true_type {};

template <Record T>
Bytes encode(const T& record);
template <Record T>
Result<T> decode(ByteView in, int depth = 0);

// --- encoding ----------------------------------------------------------------------------------

void put_varint_field(Bytes& out, std::uint32_t number, std::uint64_t value);
void put_bytes_field(Bytes& out, std::uint32_t number, ByteView value);

// A text map's entry on the wire.
struct TextPair {
  std::string key;
  std::string value;
  static void fields(auto& self, auto&& field) {
    field(1, self.key);
    field(2, self.value);
  }
};

// `always` writes defaults too: for elements of vectors and values of optionals.
template <class T>
void encode_field(Bytes& out, std::uint32_t number, const T& value, bool always) {
  if constexpr (IsOptional<T>::value) {
    if (value) encode_field(out, number, *value, true);
  } else if constexpr (IsVector<T>::value) {
    for (const auto& element : value) encode_field(out, number, element, true);
  } else if constexpr (IsTextMap<T>::value) {
    for (const auto& [key, text] : value) encode_field(out, number, TextPair{key, text}, true);
  } else if constexpr (std::is_same_v<T, FragmentId>) {
    Bytes bytes;
    if (always || value != FragmentId{}) {
      append(bytes, value.segment.view());
      bytes.push_back(value.index);
      put_bytes_field(out, number, bytes);
    }
  } else if constexpr (Record<T>) {
    const Bytes bytes = encode(value);
    if (always || !bytes.empty()) put_bytes_field(out, number, bytes);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (always || !value.empty()) put_bytes_field(out, number, as_bytes(value));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    if (always || !value.empty()) put_bytes_field(out, number, value);
  } else if constexpr (IsStrongBytes<T>::value) {
    if (always || !value.is_zero()) put_bytes_field(out, number, value.view());
  } else if constexpr (std::is_same_v<T, WallTime>) {
    if (always || value.ms != 0) put_varint_field(out, number, zigzag(value.ms));
  } else if constexpr (IsStrongInt<T>::value) {
    encode_field(out, number, value.value, always);
  } else if constexpr (std::is_enum_v<T>) {
    encode_field(out, number, static_cast<std::underlying_type_t<T>>(value), always);
  } else if constexpr (std::is_signed_v<T>) {
    if (always || value != 0) put_varint_field(out, number, zigzag(value));
  } else {
    static_assert(std::is_unsigned_v<T>, "no encoding for this type");
    if (always || value != 0) put_varint_field(out, number, value);
  }
}

template <Record T>
Bytes encode(const T& record) {
  Bytes out;
  if constexpr (Versioned<T>) out.push_back(T::kFormat);
  T::fields(record, [&out](std::uint32_t number, const auto& value) {
    encode_field(out, number, value, false);
  });
  if constexpr (KeepsUnknown<T>) append(out, record.unknown);
  return out;
}

// --- decoding ----------------------------------------------------------------------------------

template <class T>
constexpr WireType wire_type_of() {
  if constexpr (IsOptional<T>::value || IsVector<T>::value) {
    return wire_type_of<typename T::value_type>();
  } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T> || IsStrongInt<T>::value ||
                       std::is_same_v<T, WallTime>) {
    return WireType::varint;
  } else {
    return WireType::bytes;
  }
}

template <class T>
Result<void> decode_value(const RawField& raw, T& value, int depth) {
  if constexpr (IsOptional<T>::value) {
    return decode_value(raw, value.emplace(), depth);
  } else if constexpr (IsVector<T>::value) {
    return decode_value(raw, value.emplace_back(), depth);
  } else if constexpr (IsTextMap<T>::value) {
    STRATOS_TRY(TextPair pair, decode<TextPair>(raw.bytes, depth + 1));
    value.insert_or_assign(std::move(pair.key), std::move(pair.value));
  } else if constexpr (std::is_same_v<T, FragmentId>) {
    if (raw.bytes.size() != SegmentId::kSize + 1) return fail(Errc::bad_encoding, "fragment id");
    std::memcpy(value.segment.value.data(), raw.bytes.data(), SegmentId::kSize);
    value.index = raw.bytes.back();
  } else if constexpr (Record<T>) {
    STRATOS_TRY(value, decode<T>(raw.bytes, depth + 1));
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = as_text(raw.bytes);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    value = to_bytes(raw.bytes);
  } else if constexpr (IsStrongBytes<T>::value) {
    STRATOS_TRY(value, T::from(raw.bytes));
  } else if constexpr (std::is_same_v<T, WallTime>) {
    value.ms = unzigzag(raw.number_value);
  } else if constexpr (IsStrongInt<T>::value) {
    return decode_value(raw, value.value, depth);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    STRATOS_CHECK(decode_value(raw, number, depth));
    value = static_cast<T>(number);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (raw.number_value > 1) return fail(Errc::bad_encoding, "not a truth value");
    value = raw.number_value == 1;
  } else {
    if constexpr (std::is_signed_v<T>) {
      value = static_cast<T>(unzigzag(raw.number_value));
      if (zigzag(value) != raw.number_value) return fail(Errc::bad_encoding, "number too large");
    } else {
      value = static_cast<T>(raw.number_value);
      if (value != raw.number_value) return fail(Errc::bad_encoding, "number too large");
    }
  }
  return {};
}

template <Record T>
Result<void> decode_into(const RawField& raw, T& record, int depth) {
  Result<void> outcome;
  bool known = false;
  T::fields(record, [&](std::uint32_t number, auto& value) {
    if (number != raw.number) return;
    known = true;
    using Value = std::remove_cvref_t<decltype(value)>;
    outcome = raw.type == wire_type_of<Value>() ? decode_value(raw, value, depth)
                                                : fail(Errc::bad_encoding, "field of another type");
  });
  if constexpr (KeepsUnknown<T>) {
    if (!known) append(record.unknown, raw.whole);
  }
  return outcome;
}

// What is absent on the wire is zero, whatever the member's initialiser says.
template <Record T>
void set_to_zero(T& record) {
  T::fields(record, [](std::uint32_t, auto& value) {
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (Record<Value>) {
      set_to_zero(value);
    } else {
      value = Value{};
    }
  });
}

template <Record T>
Result<T> decode(ByteView in, int depth) {
  if (depth > kMaxDepth) return fail(Errc::bad_encoding, "nested too deeply");
  T record{};
  set_to_zero(record);
  if constexpr (Versioned<T>) {
    if (in.empty()) return fail(Errc::bad_encoding, "empty record");
    if (in[0] != T::kFormat) {
      return fail(Errc::unknown_format, "format " + std::to_string(in[0]) +
                                            ", this release reads " + std::to_string(T::kFormat));
    }
    in = in.subspan(1);
  }
  std::uint32_t last = 0;
  while (!in.empty()) {
    STRATOS_TRY(const RawField raw, take_field(in));
    if (raw.number < last) return fail(Errc::bad_encoding, "fields out of order");
    last = raw.number;
    STRATOS_CHECK(decode_into(raw, record, depth));
  }
  return record;
}

}  // namespace stratos::codec
