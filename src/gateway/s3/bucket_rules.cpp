#include "gateway/s3/bucket_rules.hpp"

#include <algorithm>
#include <array>

namespace stratos::gateway::s3 {
namespace {

using client::ConfigKind;

constexpr std::array<std::string_view, 3> kPolicyActions = {
    "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"};

const Bytes* find(const client::BucketConfigs& documents, ConfigKind kind) {
  const auto found = documents.find(kind);
  return found == documents.end() ? nullptr : &found->second;
}

bool list_allows(const BucketRules& rules, const AccessQuestion& question) {
  if (!question.permission || !rules.acls_count()) return false;
  const bool with_groups = !rules.block.ignore_public_acls;
  if (!question.object) return allows(rules.acl, *question.permission, question.who, with_groups);
  const Result<Acl> acl = rules.acl_of(*question.object);
  return acl && allows(*acl, *question.permission, question.who, with_groups);
}

Effect policy_effect(const BucketRules& rules, const AccessQuestion& question) {
  if (rules.policy_unreadable) return Effect::deny;
  if (!rules.policy) return Effect::none;
  std::string resource = rules.info.name;
  if (!question.key.empty()) resource.append("/").append(question.key);
  return rules.policy->evaluate({question.who, question.action, resource, question.values});
}

}  // namespace

AccountId BucketRules::owner_of(const client::ObjectAccess& object) const {
  return object.owner.is_zero() || !acls_count() ? info.owner : object.owner;
}

Result<Acl> BucketRules::acl_of(const client::ObjectAccess& object) const {
  const AccountId owner = owner_of(object);
  if (!acls_count()) return private_acl(owner);
  return decode_acl(object.acl, owner);
}

Result<BucketRules> read_bucket_rules(client::BucketSettings settings) {
  BucketRules rules;
  rules.info = std::move(settings.info);
  rules.documents = std::move(settings.configs);
  const Bytes* acl = find(rules.documents, ConfigKind::acl);
  STRATOS_TRY(rules.acl, decode_acl(acl ? *acl : Bytes{}, rules.info.owner));
  if (const Bytes* text = find(rules.documents, ConfigKind::policy)) {
    auto policy = Policy::parse(as_text(*text), rules.info.name);
    rules.policy_unreadable = !policy;
    if (policy) rules.policy = std::move(*policy);
  }
  if (const Bytes* text = find(rules.documents, ConfigKind::public_access_block)) {
    STRATOS_TRY(rules.block, parse_public_access_block(*text));
  }
  if (const Bytes* text = find(rules.documents, ConfigKind::ownership_controls)) {
    STRATOS_TRY(rules.ownership, parse_ownership(*text));
  }
  if (const Bytes* text = find(rules.documents, ConfigKind::cors)) {
    STRATOS_TRY(rules.cors, parse_cors(*text));
  }
  if (const Bytes* text = find(rules.documents, ConfigKind::lifecycle)) {
    STRATOS_TRY(rules.lifecycle, parse_lifecycle(*text));
  }
  return rules;
}

Result<void> decide(const BucketRules& rules, const AccessQuestion& question) {
  const bool is_owner = question.who == rules.info.owner;
  const AccountId object_owner =
      question.object ? rules.owner_of(*question.object) : rules.info.owner;
  const Effect effect = policy_effect(rules, question);
  if (effect == Effect::deny) {
    const bool about_policy = std::ranges::count(kPolicyActions, question.action) != 0;
    return is_owner && about_policy ? Result<void>{} : fail(Errc::access_denied);
  }
  if (effect == Effect::allow) {
    const bool shut = rules.block.restrict_public_buckets && rules.policy->is_public();
    // A bucket's owner can give away only what is the owner's.
    if ((!shut || is_owner) && object_owner == rules.info.owner) return {};
  }
  if (question.who == object_owner) return {};
  if (list_allows(rules, question)) return {};
  return fail(Errc::access_denied);
}

}  // namespace stratos::gateway::s3
