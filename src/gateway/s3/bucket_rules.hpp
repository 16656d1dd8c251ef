// What a bucket's owner set about it, read once, and the decision that follows for a request.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "client/object_client.hpp"
#include "gateway/s3/acl.hpp"
#include "gateway/s3/bucket_documents.hpp"
#include "gateway/s3/cors.hpp"
#include "gateway/s3/lifecycle.hpp"
#include "gateway/s3/policy.hpp"

namespace stratos::gateway::s3 {

struct BucketRules {
  client::BucketInfo info;
  Acl acl;
  std::optional<Policy> policy;
  bool policy_unreadable = false;  // nothing is allowed until the owner replaced it
  PublicAccessBlock block;
  ObjectOwnership ownership = ObjectOwnership::writer;
  std::vector<CorsRule> cors;
  LifecycleRules lifecycle;
  // As they were stored; those of XML and JSON are answers already.
  client::BucketConfigs documents;

  bool acls_count() const { return ownership != ObjectOwnership::bucket_owner_enforced; }
  AccountId owner_of(const client::ObjectAccess& object) const;
  // Errc::bad_encoding.
  Result<Acl> acl_of(const client::ObjectAccess& object) const;
};
// Errors of documents that cannot be read: who may do what is unknown then.
Result<BucketRules> read_bucket_rules(client::BucketSettings settings);

struct AccessQuestion {
  std::optional<AccountId> who;          // nullopt: anonymous
  std::string_view action;               // s3:GetObject
  std::string_view key;                  // empty: the bucket itself
  std::optional<Permission> permission;  // that a list may grant; nullopt: none can
  // The object whose list counts; nullptr: the bucket's list does.
  const client::ObjectAccess* object = nullptr;
  const ConditionValues& values;
};
// The one place that decides. An explicit deny of the policy outranks everything but the owner's
// right to see, replace and remove the policy itself; then the policy, ownership or the list must
// allow. Errc::access_denied.
Result<void> decide(const BucketRules& rules, const AccessQuestion& question);

}  // namespace stratos::gateway::s3
