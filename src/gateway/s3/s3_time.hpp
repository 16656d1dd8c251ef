// Times as they stand in HTTP and S3 headers.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace stratos::gateway::s3 {

// The three forms of RFC 9110 §5.6.7: fixed, RFC 850, asctime. Two-digit years below 70 are of this
// century. nullopt for everything else.
std::optional<WallTime> parse_http_date(std::string_view text);

// 2030-01-01T00:00:00Z, with or without a fraction (beyond milliseconds it is cut off); the zone is
// Z or an offset like +01:30.
std::optional<WallTime> parse_iso8601(std::string_view text);

// 20130524T000000Z
std::optional<WallTime> parse_amz_date(std::string_view text);
std::string format_amz_date(WallTime time);

}  // namespace stratos::gateway::s3
