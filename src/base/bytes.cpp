#include "base/bytes.hpp"

#include <array>

namespace stratos {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<int, 256> make_base64_values() {
  std::array<int, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i) {
    values[static_cast<unsigned char>(kBase64Digits[i])] = static_cast<int>(i);
  }
  return values;
}
constexpr auto kBase64Values = make_base64_values();

// Decodes four characters, of which the last `padding` are '='.
Result<void> decode_quad(std::string_view quad, std::size_t padding, Bytes& out) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int value = i < 4 - padding ? kBase64Values[static_cast<unsigned char>(quad[i])] : 0;
    if (value < 0) return fail(Errc::bad_encoding, "not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
  }
  if (padding != 0 && (bits & ((1U << (8 * padding)) - 1)) != 0) {
    return fail(Errc::bad_encoding, "base64 with trailing bits");
  }
  for (std::size_t i = 0; i < 3 - padding; ++i) {
    out.push_back(static_cast<std::uint8_t>(bits >> (16 - 8 * i)));
  }
  return {};
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::uint8_t byte : bytes) {
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Errc::bad_encoding, "hex of odd length");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return fail(Errc::bad_encoding, "not hex");
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < count ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= count ? kBase64Digits[(bits >> (18 - 6 * j)) & 63] : '=';
    }
  }
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Errc::bad_encoding, "base64 of odd length");
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::string_view quad = text.substr(i, 4);
    const bool last = i + 4 == text.size();
    const std::size_t padding = !last || quad[3] != '=' ? 0 : quad[2] == '=' ? 2 : 1;
    STRATOS_CHECK(decode_quad(quad, padding, bytes));
  }
  return bytes;
}

}  // namespace stratos
