// What listings of keys, versions and uploads share.
#pragma once
#include <string_view>

namespace stratos::meta {

// The common prefix that `key` falls under, delimiter included; empty when it falls under none.
inline std::string_view common_prefix_of(std::string_view key, std::string_view prefix,
                                         std::string_view delimiter) {
  if (delimiter.empty()) return {};
  const std::size_t at = key.find(delimiter, prefix.size());
  return at == key.npos ? std::string_view{} : key.substr(0, at + delimiter.size());
}

constexpr std::uint32_t kMaxPage = 1000;
constexpr std::size_t kMaxReplyBytes = 1 << 20;

}  // namespace stratos::meta
