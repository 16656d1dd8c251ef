#include "gateway/s3/post_policy.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/s3/json_reader.hpp"
#include "gateway/s3/policy_values.hpp"

namespace stratos::gateway::s3 {
namespace {

using nlohmann::json;

// Fields that need no condition.
constexpr std::array<std::string_view, 6> kFree = {"policy",         "file",      "x-amz-signature",
                                                   "awsaccesskeyid", "signature", "submit"};

auto refuse(std::string why) {
  return fail(Errc::invalid_policy_document, "Invalid Policy: " + std::move(why));
}

bool needs_condition(std::string_view field) {
  // Checksums say nothing that the file does not say.
  return std::ranges::count(kFree, field) == 0 && !field.starts_with("x-ignore-") &&
         !field.starts_with("x-amz-checksum-");
}

Result<std::uint64_t> parse_size(const json& value) {
  std::uint64_t size = 0;
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (!value.is_string()) return refuse("a size is no number");
  const std::string text = value.get<std::string>();
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, size);
  if (text.empty() || error != std::errc() || stop != end) return refuse("a size is no number");
  return size;
}

}  // namespace

struct PostPolicy::Reader {
  static Result<void> read(const json& condition, PostPolicy& policy);
  static Result<void> read_list(const json& list, PostPolicy& policy);
};

Result<void> PostPolicy::Reader::read_list(const json& list, PostPolicy& policy) {
  if (list.size() != 3 || !list[0].is_string()) return refuse("Invalid Condition");
  const std::string kind = lower_case(list[0].get<std::string>());
  if (kind == "content-length-range") {
    STRATOS_TRY(policy.min_bytes_, parse_size(list[1]));
    STRATOS_TRY(policy.max_bytes_, parse_size(list[2]));
    return {};
  }
  if (!list[1].is_string() || !list[2].is_string()) return refuse("Invalid Condition");
  const std::string field = lower_case(list[1].get<std::string>());
  if ((kind != "eq" && kind != "starts-with") || !field.starts_with('$')) {
    return refuse("Invalid Condition");
  }
  policy.conditions_.push_back(
      {field.substr(1), list[2].get<std::string>(), kind == "starts-with"});
  return {};
}

Result<void> PostPolicy::Reader::read(const json& condition, PostPolicy& policy) {
  if (condition.is_array()) return read_list(condition, policy);
  if (!condition.is_object() || condition.empty()) return refuse("Invalid Condition");
  for (const auto& [name, value] : condition.items()) {
    if (!value.is_string()) return refuse("Invalid Simple-Condition");
    policy.conditions_.push_back({lower_case(name), value.get<std::string>(), false});
  }
  return {};
}

Result<PostPolicy> PostPolicy::parse(std::string_view text) {
  const auto document = parse_json(text, {});
  if (!document || !document->is_object()) return refuse("Invalid JSON");
  const auto expiration = document->find("expiration");
  const auto conditions = document->find("conditions");
  if (expiration == document->end() || !expiration->is_string()) {
    return refuse("Policy missing expiration");
  }
  if (conditions == document->end() || !conditions->is_array() || conditions->empty()) {
    return refuse("Policy missing conditions");
  }
  PostPolicy policy;
  const std::string until = expiration->get<std::string>();
  const auto time = until.contains('T') ? parse_policy_date(until) : std::nullopt;
  if (!time) return refuse("Invalid expiration");
  policy.expiration_ = *time;
  for (const json& condition : *conditions) STRATOS_CHECK(Reader::read(condition, policy));
  return policy;
}

Result<void> PostPolicy::check(const Form& form, std::string_view bucket, WallTime now) const {
  const auto denied = [](const std::string& why) {
    return fail(Errc::access_denied, "Invalid according to Policy: " + why);
  };
  if (expiration_ < now) return denied("Policy expired.");
  for (const Condition& condition : conditions_) {
    const std::string* sent = form.find(condition.field);
    std::string_view value = sent ? std::string_view(*sent) : std::string_view();
    if (condition.field == "bucket") value = bucket;
    const bool absent = !sent && condition.field != "bucket";
    const bool holds =
        condition.is_prefix ? value.starts_with(condition.value) : value == condition.value;
    if (absent || !holds) return denied("Policy Condition failed: " + condition.field);
  }
  const auto is_covered = [this](std::string_view field) {
    return std::ranges::count(conditions_, field, &Condition::field) != 0;
  };
  if (!is_covered("bucket")) return denied("Extra input fields: bucket");
  for (const auto& [name, value] : form.fields) {
    const std::string field = lower_case(name);
    if (needs_condition(field) && !is_covered(field)) return denied("Extra input fields: " + field);
  }
  return {};
}

}  // namespace stratos::gateway::s3
