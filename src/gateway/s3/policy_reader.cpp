// Reading a policy: whatever is not understood is refused, never passed over.
#include <algorithm>
#include <array>

#include "gateway/s3/acl.hpp"
#include "gateway/s3/json_reader.hpp"
#include "gateway/s3/policy.hpp"
#include "gateway/s3/policy_values.hpp"

namespace stratos::gateway::s3 {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxStatements = 200;
constexpr std::string_view kResourcePrefix = "arn:aws:s3:::";

auto refuse(std::string why) { return fail(Errc::malformed_policy, std::move(why)); }

struct OperatorName {
  std::string_view name;
  ConditionOperator compare;
};
constexpr ConditionOperator make(ValueKind kind, Comparison comparison, bool negated = false,
                                 bool any_case = false) {
  ConditionOperator compare;
  compare.kind = kind;
  compare.comparison = comparison;
  compare.negated = negated;
  compare.any_case = any_case;
  return compare;
}
constexpr std::array kOperators = {
    OperatorName{"StringEquals", make(ValueKind::text, Comparison::equal)},
    OperatorName{"StringNotEquals", make(ValueKind::text, Comparison::equal, true)},
    OperatorName{"StringEqualsIgnoreCase", make(ValueKind::text, Comparison::equal, false, true)},
    OperatorName{"StringNotEqualsIgnoreCase", make(ValueKind::text, Comparison::equal, true, true)},
    OperatorName{"StringLike", make(ValueKind::text, Comparison::like)},
    OperatorName{"StringNotLike", make(ValueKind::text, Comparison::like, true)},
    OperatorName{"NumericEquals", make(ValueKind::number, Comparison::equal)},
    OperatorName{"NumericNotEquals", make(ValueKind::number, Comparison::equal, true)},
    OperatorName{"NumericLessThan", make(ValueKind::number, Comparison::less)},
    OperatorName{"NumericLessThanEquals", make(ValueKind::number, Comparison::less_equal)},
    OperatorName{"NumericGreaterThan", make(ValueKind::number, Comparison::greater)},
    OperatorName{"NumericGreaterThanEquals", make(ValueKind::number, Comparison::greater_equal)},
    OperatorName{"DateEquals", make(ValueKind::date, Comparison::equal)},
    OperatorName{"DateNotEquals", make(ValueKind::date, Comparison::equal, true)},
    OperatorName{"DateLessThan", make(ValueKind::date, Comparison::less)},
    OperatorName{"DateLessThanEquals", make(ValueKind::date, Comparison::less_equal)},
    OperatorName{"DateGreaterThan", make(ValueKind::date, Comparison::greater)},
    OperatorName{"DateGreaterThanEquals", make(ValueKind::date, Comparison::greater_equal)},
    OperatorName{"Bool", make(ValueKind::flag, Comparison::equal)},
    OperatorName{"IpAddress", make(ValueKind::address, Comparison::equal)},
    OperatorName{"NotIpAddress", make(ValueKind::address, Comparison::equal, true)},
    OperatorName{"Null", make(ValueKind::null, Comparison::equal)},
};

// Keys that requests have values for; those that end in a slash or a dash are families.
constexpr std::array<std::string_view, 18> kKeys = {
    "aws:sourceip",
    "aws:securetransport",
    "aws:referer",
    "aws:useragent",
    "aws:currenttime",
    "aws:epochtime",
    "s3:prefix",
    "s3:delimiter",
    "s3:max-keys",
    "s3:versionid",
    "s3:authtype",
    "s3:signatureversion",
    "s3:existingobjecttag/",
    "s3:requestobjecttag/",
    "s3:requestobjecttagkeys",
    "s3:x-amz-content-sha256",
    "s3:x-amz-",
    "s3:if-none-match",
};

bool is_known_key(std::string_view key) {
  return std::ranges::any_of(kKeys, [key](std::string_view known) {
    const bool is_family = known.ends_with('/') || known.ends_with('-');
    return is_family ? key.size() > known.size() && key.starts_with(known) : key == known;
  });
}

// Text, a number or a flag; each as text.
Result<std::string> scalar_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
  if (value.is_number()) return value.dump();
  return refuse("a value is neither text nor number nor flag");
}

// One or a list of them, at least one.
Result<std::vector<std::string>> text_list(const json& value, std::string_view where) {
  std::vector<std::string> out;
  const auto add = [&out](const json& item) -> Result<void> {
    STRATOS_TRY(std::string text, scalar_text(item));
    // Variables would have to be replaced to be obeyed.
    if (text.contains("${")) return refuse("policy variables are not supported");
    out.push_back(std::move(text));
    return {};
  };
  if (value.is_array()) {
    for (const json& item : value) STRATOS_CHECK(add(item));
  } else {
    STRATOS_CHECK(add(value));
  }
  if (out.empty()) return refuse(std::string(where) + " is empty");
  return out;
}

Result<ConditionOperator> parse_operator(std::string_view name) {
  Quantifier quantifier = Quantifier::one;
  constexpr std::string_view kAny = "ForAnyValue:";
  constexpr std::string_view kAll = "ForAllValues:";
  constexpr std::string_view kIfExists = "IfExists";
  if (name.starts_with(kAny)) {
    quantifier = Quantifier::any;
    name.remove_prefix(kAny.size());
  } else if (name.starts_with(kAll)) {
    quantifier = Quantifier::all;
    name.remove_prefix(kAll.size());
  }
  const bool if_exists = name.ends_with(kIfExists);
  if (if_exists) name.remove_suffix(kIfExists.size());
  const auto row = std::ranges::find(kOperators, name, &OperatorName::name);
  const bool known =
      row != kOperators.end() && !(if_exists && row->compare.kind == ValueKind::null);
  if (!known) return refuse("Invalid Condition type : " + std::string(name));
  ConditionOperator compare = row->compare;
  compare.quantifier = quantifier;
  compare.if_exists = if_exists;
  return compare;
}

Result<void> check_value(const ConditionOperator& compare, const std::string& value) {
  const std::string lower = lower_case(value);
  const std::string_view base = std::string_view(value).substr(0, value.find('/'));
  bool good = true;
  switch (compare.kind) {
    case ValueKind::number:
      good = parse_policy_number(value).has_value();
      break;
    case ValueKind::date:
      good = parse_policy_date(value).has_value();
      break;
    case ValueKind::flag:
    case ValueKind::null:
      good = lower == "true" || lower == "false";
      break;
    case ValueKind::address:
      good = in_address_range(value, base);
      break;
    case ValueKind::text:
      break;
  }
  if (!good) return refuse("Invalid value in a condition: " + value);
  return {};
}

// "123…", "0x123…", "arn:aws:iam::0x123…:root". Others are nobody here, which is well-formed.
Result<std::optional<AccountId>> parse_principal(std::string_view text) {
  constexpr std::string_view kArn = "arn:aws:iam::";
  constexpr std::string_view kRoot = ":root";
  std::string_view account = text;
  if (text.starts_with(kArn)) {
    account.remove_prefix(kArn.size());
    const std::size_t colon = account.find(':');
    if (colon == account.npos || colon + 1 == account.size()) {
      return refuse("Invalid principal in policy");
    }
    const bool is_root = account.substr(colon) == kRoot;
    account = account.substr(0, colon);
    if (!is_root) return std::optional<AccountId>();
  } else if (!parse_account(text)) {
    return refuse("Invalid principal in policy");
  }
  return parse_account(account);
}

// Whether a pattern could fit the bucket or keys in it.
bool may_name_bucket(std::string_view pattern, std::string_view bucket) {
  const std::string_view name = pattern.substr(0, pattern.find('/'));
  return matches_wildcard(name, bucket) || name.contains('*');
}

}  // namespace

struct Policy::Reader {
  std::string_view bucket;

  Result<void> read_principal(const json& value, Statement& out) const;
  Result<void> read_actions(const json& value, Statement& out) const;
  Result<void> read_resources(const json& value, Statement& out) const;
  Result<void> read_conditions(const json& value, Statement& out) const;
  Result<Statement> read_statement(const json& value) const;
};

Result<void> Policy::Reader::read_principal(const json& value, Statement& out) const {
  if (value.is_string()) {
    if (value.get<std::string>() != "*") return refuse("Invalid principal in policy");
    out.everybody = true;
    return {};
  }
  if (!value.is_object() || value.empty()) return refuse("Invalid principal in policy");
  for (const auto& [kind, names] : value.items()) {
    if (kind != "AWS" && kind != "CanonicalUser") return refuse("Invalid principal in policy");
    STRATOS_TRY(const std::vector<std::string> list, text_list(names, "Principal"));
    for (const std::string& name : list) {
      if (name == "*" && kind == "AWS") {
        out.everybody = true;
        continue;
      }
      STRATOS_TRY(const std::optional<AccountId> account, parse_principal(name));
      if (account) out.principals.push_back(*account);
    }
  }
  return {};
}

Result<void> Policy::Reader::read_actions(const json& value, Statement& out) const {
  STRATOS_TRY(out.actions, text_list(value, "Action"));
  for (std::string& action : out.actions) {
    action = lower_case(action);
    if (action != "*" && !action.starts_with("s3:")) return refuse("Policy has invalid action");
  }
  return {};
}

Result<void> Policy::Reader::read_resources(const json& value, Statement& out) const {
  STRATOS_TRY(out.resources, text_list(value, "Resource"));
  for (std::string& resource : out.resources) {
    if (resource == "*") continue;
    if (!resource.starts_with(kResourcePrefix)) return refuse("Policy has invalid resource");
    resource.erase(0, kResourcePrefix.size());
    if (!out.not_resource && !may_name_bucket(resource, bucket)) {
      return refuse("Policy has invalid resource");
    }
  }
  return {};
}

Result<void> Policy::Reader::read_conditions(const json& value, Statement& out) const {
  if (!value.is_object()) return refuse("Condition is no object");
  for (const auto& [name, keys] : value.items()) {
    STRATOS_TRY(const ConditionOperator compare, parse_operator(name));
    if (!keys.is_object() || keys.empty()) return refuse("a condition names no key");
    for (const auto& [key, values] : keys.items()) {
      Condition condition;
      condition.compare = compare;
      condition.key = lower_case(key);
      // Tags of objects keep their case behind the slash.
      if (const std::size_t slash = key.find('/'); slash != key.npos) {
        condition.key = lower_case(key.substr(0, slash)) + key.substr(slash);
      }
      if (!is_known_key(condition.key)) return refuse("Policy has an invalid condition key");
      STRATOS_TRY(condition.values, text_list(values, "a condition"));
      for (const std::string& text : condition.values) STRATOS_CHECK(check_value(compare, text));
      out.conditions.push_back(std::move(condition));
    }
  }
  return {};
}

Result<Policy::Statement> Policy::Reader::read_statement(const json& value) const {
  if (!value.is_object()) return refuse("Invalid policy syntax.");
  Statement out;
  unsigned effects = 0, principals = 0, actions = 0, resources = 0;
  for (const auto& [name, member] : value.items()) {
    if (name == "Sid" || name == "Id") {
      if (!member.is_string()) return refuse("Sid is no text");
    } else if (name == "Effect") {
      if (member != "Allow" && member != "Deny") return refuse("Invalid effect");
      out.allow = member == "Allow";
      ++effects;
    } else if (name == "Principal" || name == "NotPrincipal") {
      out.not_principal = name == "NotPrincipal";
      STRATOS_CHECK(read_principal(member, out));
      ++principals;
    } else if (name == "Action" || name == "NotAction") {
      out.not_action = name == "NotAction";
      STRATOS_CHECK(read_actions(member, out));
      ++actions;
    } else if (name == "Resource" || name == "NotResource") {
      out.not_resource = name == "NotResource";
      STRATOS_CHECK(read_resources(member, out));
      ++resources;
    } else if (name == "Condition") {
      STRATOS_CHECK(read_conditions(member, out));
    } else {
      return refuse("Unknown field " + name);
    }
  }
  if (effects != 1) return refuse("Missing required field Effect");
  if (principals != 1) return refuse("Missing required field Principal");
  if (actions != 1) return refuse("Missing required field Action");
  if (resources != 1) return refuse("Missing required field Resource");
  // Would let in everybody who is not named, the anonymous too.
  if (out.not_principal && out.allow) return refuse("Allow with NotPrincipal is not supported");
  return out;
}

Result<Policy> Policy::parse(std::string_view text, std::string_view bucket) {
  const auto document = parse_json(text, {.max_bytes = kMaxPolicyBytes});
  if (!document || !document->is_object()) {
    return refuse("This policy contains invalid Json");
  }
  Policy policy;
  const Reader reader{bucket};
  for (const auto& [name, member] : document->items()) {
    if (name == "Version") {
      if (member != "2012-10-17" && member != "2008-10-17") {
        return refuse("The policy must contain a valid version string");
      }
    } else if (name == "Statement") {
      const json statements = member.is_array() ? member : json::array({member});
      if (statements.size() > kMaxStatements) return refuse("too many statements");
      for (const json& statement : statements) {
        STRATOS_TRY(Statement read, reader.read_statement(statement));
        policy.statements_.push_back(std::move(read));
      }
    } else if (name != "Id" || !member.is_string()) {
      return refuse("Unknown field " + name);
    }
  }
  if (policy.statements_.empty()) return refuse("Missing required field Statement");
  return policy;
}

}  // namespace stratos::gateway::s3
