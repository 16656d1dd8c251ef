#include "client/object_client.hpp"

#include <algorithm>

namespace stratos::client {

std::string ETag::to_string() const {
  return to_hex(md5) + (parts == 0 ? "" : "-" + std::to_string(parts));
}

std::optional<ETag> ETag::parse(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  constexpr std::size_t kHexDigits = 32;
  if (text.size() < kHexDigits) return std::nullopt;
  const auto md5 = from_hex(text.substr(0, kHexDigits));
  if (!md5) return std::nullopt;
  ETag etag;
  std::ranges::copy(*md5, etag.md5.begin());
  std::string_view rest = text.substr(kHexDigits);
  if (rest.empty()) return etag;
  if (rest.size() < 2 || rest.size() > 6 || rest[0] != '-') return std::nullopt;
  for (char c : rest.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    etag.parts = etag.parts * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return etag;
}

void Parts::add(std::uint32_t number, std::uint64_t size) {
  const bool goes_on =
      !runs.empty() && runs.back().size == size && number == runs.back().number + runs.back().count;
  if (!goes_on) runs.push_back({number, 0, size});
  ++runs.back().count;
}

std::uint32_t Parts::count() const {
  std::uint32_t total = 0;
  for (const Run& run : runs) total += run.count;
  return total;
}

std::optional<Parts::Part> Parts::find(std::uint32_t number) const {
  if (number == 0) return std::nullopt;
  const std::vector<Part> found = list(number - 1, 1);
  if (found.empty() || found.front().number != number) return std::nullopt;
  return found.front();
}

std::vector<Parts::Part> Parts::list(std::uint32_t after, std::size_t limit) const {
  const std::uint32_t all = count();
  const std::size_t checksum_bytes = all == 0 ? 0 : checksums.size() / all;
  std::vector<Part> found;
  std::uint64_t offset = 0;
  std::size_t place = 0;
  for (const Run& run : runs) {
    for (std::uint32_t i = 0; i < run.count; ++i, ++place, offset += run.size) {
      if (run.number + i <= after) continue;
      if (found.size() == limit) return found;
      const ByteView checksum = ByteView(checksums).subspan(place * checksum_bytes, checksum_bytes);
      found.push_back({run.number + i, offset, run.size, to_bytes(checksum)});
    }
  }
  return found;
}

}  // namespace stratos::client
