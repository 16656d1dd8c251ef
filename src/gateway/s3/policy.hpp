// Bucket policies: a strict reader of their JSON, and the decision for one request.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace stratos::gateway::s3 {

constexpr std::size_t kMaxPolicyBytes = 20 << 10;

enum class Effect : std::uint8_t { none, allow, deny };

// The values that a request has for a condition key (in lower case); empty: it has none.
using ConditionValues = std::function<std::vector<std::string>(std::string_view key)>;

struct PolicyQuestion {
  std::optional<AccountId> who;  // nullopt: anonymous
  std::string_view action;       // s3:GetObject
  std::string_view resource;     // "bucket" or "bucket/key"
  const ConditionValues& values;
};

// What condition values are compared as.
enum class ValueKind : std::uint8_t { text, number, date, flag, address, null };
enum class Comparison : std::uint8_t { equal, less, less_equal, greater, greater_equal, like };
enum class Quantifier : std::uint8_t { one, any, all };

struct ConditionOperator {
  ValueKind kind = ValueKind::text;
  Comparison comparison = Comparison::equal;
  bool negated = false;
  bool any_case = false;
  bool if_exists = false;
  Quantifier quantifier = Quantifier::one;
};

class Policy {
 public:
  // Errc::malformed_policy for everything that S3 does not know, that cannot be obeyed, or that
  // speaks of other buckets; the message says where.
  static Result<Policy> parse(std::string_view text, std::string_view bucket);

  // Deny outranks allow.
  Effect evaluate(const PolicyQuestion& question) const;
  // Whether it allows anything to everybody without holding them to fixed addresses.
  bool is_public() const;

 private:
  struct Condition {
    ConditionOperator compare;
    std::string key;  // lower case
    std::vector<std::string> values;
  };
  struct Statement {
    bool allow = false;
    bool everybody = false;
    std::vector<AccountId> principals;
    bool not_principal = false;
    std::vector<std::string> actions;  // lower case
    bool not_action = false;
    std::vector<std::string> resources;  // without "arn:aws:s3:::"
    bool not_resource = false;
    std::vector<Condition> conditions;
  };
  struct Reader;

  static bool names(const Statement& statement, const PolicyQuestion& question);
  static bool holds(const Condition& condition, const ConditionValues& values);

  std::vector<Statement> statements_;
};

// Whether `text` fits a pattern in which * stands for any run and ? for any one character.
bool matches_wildcard(std::string_view pattern, std::string_view text);
// Whether `address` is, or lies in, the address or CIDR range.
bool in_address_range(std::string_view range, std::string_view address);

}  // namespace stratos::gateway::s3
