#include "codec/record.hpp"

namespace stratos::codec {

void put_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

Result<std::uint64_t> take_varint(ByteView& in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 10 && i < in.size(); ++i) {
    const std::uint64_t bits = in[i] & 0x7f;
    if (i == 9 && bits > 1) break;
    value |= bits << (7 * i);
    if ((in[i] & 0x80) != 0) continue;
    if (i > 0 && in[i] == 0) return fail(Errc::bad_encoding, "varint longer than needed");
    in = in.subspan(i + 1);
    return value;
  }
  return fail(Errc::bad_encoding, "varint cut off or too long");
}

Result<RawField> take_field(ByteView& in) {
  const ByteView start = in;
  STRATOS_TRY(const std::uint64_t tag, take_varint(in));
  RawField raw;
  const std::uint64_t number = tag >> 3;
  if (number == 0 || number >= 1U << 29) return fail(Errc::bad_encoding, "field number");
  raw.number = static_cast<std::uint32_t>(number);
  if ((tag & 7) == static_cast<std::uint64_t>(WireType::varint)) {
    STRATOS_TRY(raw.number_value, take_varint(in));
  } else if ((tag & 7) == static_cast<std::uint64_t>(WireType::bytes)) {
    raw.type = WireType::bytes;
    STRATOS_TRY(const std::uint64_t length, take_varint(in));
    if (length > in.size()) return fail(Errc::bad_encoding, "field longer than its record");
    raw.bytes = in.first(length);
    in = in.subspan(length);
  } else {
    return fail(Errc::bad_encoding, "wire type");
  }
  raw.whole = start.first(start.size() - in.size());
  return raw;
}

void put_varint_field(Bytes& out, std::uint32_t number, std::uint64_t value) {
  put_varint(out, std::uint64_t{number} << 3 | static_cast<std::uint64_t>(WireType::varint));
  put_varint(out, value);
}

void put_bytes_field(Bytes& out, std::uint32_t number, ByteView value) {
  put_varint(out, std::uint64_t{number} << 3 | static_cast<std::uint64_t>(WireType::bytes));
  put_varint(out, value.size());
  append(out, value);
}

}  // namespace stratos::codec
