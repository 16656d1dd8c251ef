// Reads small JSON documents from strangers: bounded size and depth, no duplicate members.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.hpp"

namespace stratos::gateway::s3 {

struct JsonLimits {
  std::size_t max_bytes = 20 << 10;
  std::size_t max_depth = 16;
};
// nullopt unless the text is one well-formed document within the limits.
std::optional<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits);

}  // namespace stratos::gateway::s3
