// Whether the caller may: questions of handlers to the bucket's rules.
#include <algorithm>

#include "base/assert.hpp"
#include "gateway/s3/s3_call.hpp"
#include "gateway/s3/s3_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

std::optional<AccountId> caller_of(const Call& call) {
  if (call.anonymous()) return std::nullopt;
  return call.who().account;
}

ConditionValues values_of(const Call& call) {
  return condition_values(call.request, call.s3, *call.identity,
                          call.backend.runtime.outside_now());
}

Result<void> ask(const Call& call, const BucketRules& rules, const AccessRule& rule,
                 std::string_view key, const client::ObjectInfo* object,
                 const client::Tags& requested) {
  const ConditionValues others = values_of(call);
  const ConditionValues values = [&](std::string_view name) {
    if (object && name.starts_with("s3:existingobjecttag/")) {
      return tag_values(object->attributes.tags, name);
    }
    if (!requested.empty() && name.starts_with("s3:requestobjecttag")) {
      return tag_values(requested, name);
    }
    return others(name);
  };
  const client::ObjectAccess* access = object ? &object->attributes.access : nullptr;
  return decide(rules, {caller_of(call), rule.action, key, rule.permission, access, values});
}

constexpr AccessRule kReadSource{"s3:GetObject", Permission::read, true, "s3:GetObjectVersion"};

// The key is what a listing that showed it would have had as its prefix.
Result<void> may_list(const Call& call, const BucketRules& rules, const std::string& key) {
  const ConditionValues others = values_of(call);
  const ConditionValues values = [&others, &key](std::string_view name) {
    return name == "s3:prefix" ? std::vector<std::string>{key} : others(name);
  };
  return decide(rules, {caller_of(call), "s3:ListBucket", {}, Permission::read, nullptr, values});
}

// With ownership enforced only lists that say what holds anyway are taken.
Result<void> check_enforced(const http::Headers& headers) {
  for (const auto& [name, value] : headers.items()) {
    if (http::equal_ignoring_case(std::string_view(name).substr(0, 12), "x-amz-grant-")) {
      return fail(Errc::acl_not_supported);
    }
  }
  const auto canned = headers.get("x-amz-acl");
  if (!canned || *canned == "bucket-owner-full-control") return {};
  return fail(Errc::acl_not_supported);
}

}  // namespace

Result<void> authorize(const Call& call, const BucketRules& rules, std::string_view action,
                       std::string_view key, std::optional<Permission> permission) {
  return ask(call, rules, {action, permission}, key, nullptr, {});
}

Result<void> authorize_object(Call& call, const client::ObjectInfo& info,
                              const client::Tags& requested) {
  const AccessRule* rule = access_rule_of(call.s3.operation);
  STRATOS_ASSERT(rule && rule->on_object, "not decided by an object");
  const AccessRule asked = names_version(call.s3) ? of_version(*rule) : *rule;
  STRATOS_CHECK(ask(call, *call.rules, asked, call.s3.key, &info, requested));
  call.undecided = false;
  return {};
}

Result<void> authorize_lock(const Call& call, const client::ObjectLock& lock) {
  const BucketRules& rules = *call.rules;
  if (lock.mode != client::LockMode::none) {
    STRATOS_CHECK(authorize(call, rules, "s3:PutObjectRetention", call.s3.key, std::nullopt));
  }
  if (!lock.hold) return {};
  return authorize(call, rules, "s3:PutObjectLegalHold", call.s3.key, std::nullopt);
}

bool bypasses_governance(const Call& call, std::string_view key) {
  const auto header = call.headers().get("x-amz-bypass-governance-retention");
  if (!header || !http::equal_ignoring_case(*header, "true")) return false;
  const auto may = authorize(call, *call.rules, "s3:BypassGovernanceRetention", key, std::nullopt);
  return may.has_value();
}

Result<void> authorize_source(Call& call, const client::ObjectInfo& info) {
  STRATOS_ASSERT(call.source, "there is no source to decide on");
  const Call::Source& source = *call.source;
  const AccessRule rule = source.names_version ? of_version(kReadSource) : kReadSource;
  STRATOS_CHECK(ask(call, *source.rules, rule, source.key, &info, {}));
  call.source_undecided = false;
  return {};
}

Result<void> check_missing(const Call& call) {
  if (call.undecided) return may_list(call, *call.rules, call.s3.key);
  if (!call.source_undecided) return {};
  return may_list(call, *call.source->rules, call.source->key);
}

Task<Result<void>> check_grantees(Call& call, Acl acl) {
  for (const Grant& grant : acl.grants) {
    if (grant.kind != GranteeKind::account) continue;
    const auto name = co_await call.backend.access.account_name(grant.account);
    if (name) continue;
    if (name.error().code() == Errc::no_such_account) {
      co_return fail(Errc::invalid_argument, "Invalid id");
    }
    co_return fail(name.error());
  }
  co_return Result<void>{};
}

Task<Result<client::ObjectAccess>> new_object_access(Call& call, http::Headers headers) {
  const BucketRules& rules = *call.rules;
  client::ObjectAccess access;
  if (!rules.acls_count()) {
    STRATOS_CO_CHECK(check_enforced(headers));
    co_return access;
  }
  const AccountId& bucket_owner = rules.info.owner;
  // What the anonymous bring is the bucket owner's.
  AccountId owner = call.anonymous() ? bucket_owner : call.who().account;
  const bool given_up = rules.ownership == ObjectOwnership::bucket_owner_preferred &&
                        headers.get("x-amz-acl") == "bucket-owner-full-control";
  if (given_up) owner = bucket_owner;
  STRATOS_CO_TRY(const std::optional<Acl> acl, parse_acl_headers(headers, owner, bucket_owner));
  if (acl) {
    if (rules.block.block_public_acls && is_public(*acl)) co_return fail(Errc::access_denied);
    STRATOS_CO_CHECK(co_await check_grantees(call, *acl));
    access.acl = encode_acl(*acl, owner);
  }
  if (owner != bucket_owner) access.owner = owner;
  co_return access;
}

Task<Result<Owners>> named_owners(Call& call, std::vector<AccountId> accounts) {
  Owners owners;
  STRATOS_CO_TRY(owners[AccountId()], co_await named_owner(call, call.bucket.owner));
  for (const AccountId& account : accounts) {
    if (owners.contains(account)) continue;
    STRATOS_CO_TRY(owners[account],
                   co_await named_owner(call, call.rules->owner_of({account, {}})));
  }
  co_return owners;
}

Task<Result<Owner>> named_owner(Call& call, AccountId account) {
  Owner owner;
  owner.id = account_text(account);
  auto name = co_await call.backend.access.account_name(account);
  if (!name && name.error().code() != Errc::no_such_account) co_return fail(name.error());
  owner.display_name = name && !name->empty() ? std::move(*name) : owner.id;
  co_return owner;
}

}  // namespace stratos::gateway::s3
