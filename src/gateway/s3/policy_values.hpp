// Values of conditions as policies write them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace stratos::gateway::s3 {

std::string lower_case(std::string_view text);
std::optional<double> parse_policy_number(std::string_view text);
// 2026-11-21T15:04:05Z, with or without a fraction or the time, or seconds since 1970.
std::optional<WallTime> parse_policy_date(std::string_view text);

}  // namespace stratos::gateway::s3
