// The lifecycle rules of a bucket: read strictly, written in one form, and what they ask of an
// object at a time. Who carries it out is lifecycle_sweeper.hpp.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "client/object_client.hpp"

namespace stratos::gateway::s3 {

constexpr std::size_t kMaxLifecycleRules = 1000;

struct LifecycleRule {
  std::string id;
  bool enabled = true;
  // Which objects; all of it must hold.
  std::string prefix;
  client::Tags tags;
  std::optional<std::uint64_t> size_above;
  std::optional<std::uint64_t> size_below;
  bool has_filter = true;  // else the prefix stood in the rule, as in the older form
  // What becomes of current versions.
  std::optional<std::uint32_t> days;
  std::optional<WallTime> date;
  bool expired_marker = false;  // remove delete markers that hide nothing
  // What becomes of the others, counted from the moment when they were replaced.
  std::optional<std::uint32_t> noncurrent_days;
  std::uint32_t newer_noncurrent = 0;  // that many are kept in any case
  std::optional<std::uint32_t> abort_days;
};
using LifecycleRules = std::vector<LifecycleRule>;

// Rules without an id keep an empty one. Errc::malformed_xml, Errc::invalid_argument,
// Errc::invalid_request, Errc::not_implemented for transitions between storage classes.
Result<LifecycleRules> parse_lifecycle(ByteView text);
std::string lifecycle_document(const LifecycleRules& rules);

// When something falls due that happened at `from`. With days of 24 hours at the next midnight UTC,
// as S3 has it.
WallTime due_after(WallTime from, std::uint32_t days, Duration day);

struct LifecycleItem {
  std::string_view key;
  std::uint64_t size = 0;
  WallTime modified;
  bool latest = true;
  bool marker = false;
  bool only = false;               // no other version of the key exists
  WallTime noncurrent_since;       // unless latest
  std::uint32_t newer_others = 0;  // newer versions that are not current either
};
enum class LifecycleVerdict : std::uint8_t { keep, expire };
// Rules about tags count only when `tags` are given: otherwise ask needs_tags().
LifecycleVerdict judge(const LifecycleRules& rules, const LifecycleItem& item, WallTime now,
                       Duration day, const client::Tags* tags);
// Whether a rule would expire it, did its tags fit.
bool needs_tags(const LifecycleRules& rules, const LifecycleItem& item, WallTime now, Duration day);
bool is_upload_due(const LifecycleRules& rules, std::string_view key, WallTime created,
                   WallTime now, Duration day);

// What answers say of a current version: x-amz-expiration, of the rule that acts first.
std::optional<std::string> expiration_header(const LifecycleRules& rules, std::string_view key,
                                             const client::ObjectInfo& info, Duration day);

}  // namespace stratos::gateway::s3
