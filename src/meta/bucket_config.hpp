// Documents that the owner of a bucket sets. Format: docs/formats/index.md.
#pragma once
#include <cstdint>

#include "base/bytes.hpp"

namespace stratos::meta {

// What a bucket's owner set about it: one document of each kind, which only gateways read.
enum class ConfigKind : std::uint8_t {
  policy = 1,
  acl = 2,
  cors = 3,
  public_access_block = 4,
  ownership_controls = 5,
  tagging = 6,
  lifecycle = 7,
  website = 8,
  encryption = 9,
  notification = 10,
};
constexpr bool is_config_kind(ConfigKind kind) {
  return kind >= ConfigKind::policy && kind <= ConfigKind::notification;
}
struct BucketConfig {
  ConfigKind kind{};
  Bytes document;
  static void fields(auto& self, auto&& field) {
    field(1, self.kind);
    field(2, self.document);
  }
};
constexpr std::size_t kMaxConfigBytes = 128 << 10;

}  // namespace stratos::meta
