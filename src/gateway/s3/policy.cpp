// Deciding by a policy. Its reader: policy_reader.cpp.
#include "gateway/s3/policy.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/s3/policy_values.hpp"

namespace stratos::gateway::s3 {
namespace {

template <class Value>
bool compares(Comparison comparison, const Value& left, const Value& right) {
  switch (comparison) {
    case Comparison::less:
      return left < right;
    case Comparison::less_equal:
      return left <= right;
    case Comparison::greater:
      return left > right;
    case Comparison::greater_equal:
      return left >= right;
    case Comparison::equal:
    case Comparison::like:
      break;
  }
  return left == right;
}

bool text_fits(const ConditionOperator& compare, std::string_view wanted, std::string_view actual) {
  if (compare.comparison == Comparison::like) return matches_wildcard(wanted, actual);
  if (compare.any_case) return lower_case(wanted) == lower_case(actual);
  return wanted == actual;
}

// The request's value on the left, the policy's on the right.
bool value_fits(const ConditionOperator& compare, std::string_view wanted,
                std::string_view actual) {
  switch (compare.kind) {
    case ValueKind::number: {
      const auto left = parse_policy_number(actual);
      const auto right = parse_policy_number(wanted);
      return left && right && compares(compare.comparison, *left, *right);
    }
    case ValueKind::date: {
      const auto left = parse_policy_date(actual);
      const auto right = parse_policy_date(wanted);
      return left && right && compares(compare.comparison, left->ms, right->ms);
    }
    case ValueKind::flag:
      return lower_case(wanted) == lower_case(actual);
    case ValueKind::address:
      return in_address_range(wanted, actual);
    case ValueKind::text:
    case ValueKind::null:
      break;
  }
  return text_fits(compare, wanted, actual);
}

bool any_pattern_fits(const std::vector<std::string>& patterns, std::string_view text) {
  return std::ranges::any_of(
      patterns, [text](const std::string& pattern) { return matches_wildcard(pattern, text); });
}

// A range that names so many addresses that it keeps nobody out.
bool is_broad(std::string_view range) {
  const std::size_t slash = range.find('/');
  if (slash == range.npos) return false;
  unsigned bits = 0;
  std::from_chars(range.data() + slash + 1, range.data() + range.size(), bits);
  return bits < (range.contains(':') ? 32U : 8U);
}

}  // namespace

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = pattern.npos;
  std::size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Effect Policy::evaluate(const PolicyQuestion& question) const {
  Effect effect = Effect::none;
  for (const Statement& statement : statements_) {
    if (effect == Effect::allow && statement.allow) continue;
    if (!names(statement, question)) continue;
    const bool met = std::ranges::all_of(statement.conditions, [&](const Condition& condition) {
      return holds(condition, question.values);
    });
    if (!met) continue;
    if (!statement.allow) return Effect::deny;
    effect = Effect::allow;
  }
  return effect;
}

bool Policy::names(const Statement& statement, const PolicyQuestion& question) {
  const bool in_list = question.who && std::ranges::count(statement.principals, *question.who) != 0;
  if ((statement.everybody || in_list) == statement.not_principal) return false;
  if (any_pattern_fits(statement.actions, lower_case(question.action)) == statement.not_action) {
    return false;
  }
  return any_pattern_fits(statement.resources, question.resource) != statement.not_resource;
}

bool Policy::holds(const Condition& condition, const ConditionValues& values) {
  const ConditionOperator& compare = condition.compare;
  const std::vector<std::string> actual = values(condition.key);
  if (compare.kind == ValueKind::null) {
    return std::ranges::any_of(condition.values, [&actual](const std::string& wanted) {
      return (lower_case(wanted) == "true") == actual.empty();
    });
  }
  if (actual.empty()) {
    return compare.negated || compare.if_exists || compare.quantifier == Quantifier::all;
  }
  // One value passes: it fits one of the policy's, or none of them when negated.
  const auto passes = [&](const std::string& value) {
    return compare.negated != std::ranges::any_of(condition.values, [&](const std::string& wanted) {
             return value_fits(compare, wanted, value);
           });
  };
  if (compare.quantifier == Quantifier::any) return std::ranges::any_of(actual, passes);
  return std::ranges::all_of(actual, passes);
}

bool Policy::is_public() const {
  return std::ranges::any_of(statements_, [](const Statement& statement) {
    if (!statement.allow || !statement.everybody) return false;
    return std::ranges::none_of(statement.conditions, [](const Condition& condition) {
      return condition.key == "aws:sourceip" && !condition.compare.negated &&
             !condition.compare.if_exists && std::ranges::none_of(condition.values, is_broad);
    });
  });
}

}  // namespace stratos::gateway::s3
