// Who asks, what the bucket's owner set, and whether the operation may go on.
#pragma once
#include "client/object_client.hpp"
#include "gateway/s3/brief_cache.hpp"
#include "gateway/s3/bucket_rules.hpp"
#include "gateway/s3/s3_request.hpp"
#include "gateway/s3/sigv4.hpp"

namespace stratos::gateway::s3 {

// What the answers of the index are good for without asking again. A revoked key, a bucket that
// changed hands and rules that were set through another gateway count that much later.
constexpr Duration kAccessLifetime = 1s;
// Names of accounts never change.
constexpr Duration kNameLifetime = 60s;

struct Identity {
  std::optional<client::Principal> who;  // nullopt: anonymous
  Claim claim;                           // of an anonymous request, only how its body comes
  std::optional<ChunkSigner> signer;     // goes on with the chunks of a signed stream
};

// The address of a request's `remote`, without its port.
std::string address_of(std::string_view remote);

// What an operation needs to be allowed.
struct AccessRule {
  std::string_view action;               // of policies
  std::optional<Permission> permission;  // that a list may give; nullopt: the owner's alone
  bool on_object = false;                // decided by the object's list, when it has been read
  std::string_view version_action = {};  // of a request that names a version
};
// nullptr for operations that need no bucket, or whose items are decided one by one.
const AccessRule* access_rule_of(Operation operation);
// With the action and the permission that a request needs when it names a version.
AccessRule of_version(const AccessRule& rule);

// The value of a key like "s3:existingobjecttag/NAME" among tags; the names for "…tagkeys".
std::vector<std::string> tag_values(const client::Tags& tags, std::string_view condition_key);
// The values that a request has for conditions of policies; refers to its arguments.
ConditionValues condition_values(const http::Request& request, const S3Request& s3,
                                 const Identity& identity, WallTime now);

// Belongs to one runtime, which outlives it, as does the client.
class Access {
 public:
  Access(Runtime& runtime, client::ObjectClient& objects, std::string region);

  // Anonymous without a signature. Errc::no_such_access_key, Errc::signature_mismatch and all of
  // parse_claim() and check_claim().
  Task<Result<Identity>> authenticate(const http::Request& request, const S3Request& s3);
  // Errc::no_such_access_key.
  Task<Result<client::ObjectClient::Credential>> credential(std::string access_key);

  using Rules = std::shared_ptr<const BucketRules>;
  // Errc::no_such_bucket.
  Task<Result<Rules>> rules_of(std::string bucket);
  void forget_bucket(const std::string& bucket) { buckets_.forget(bucket); }

  // Errc::no_such_account.
  Task<Result<std::string>> account_name(AccountId account);

 private:
  using Credential = client::ObjectClient::Credential;

  Runtime& runtime_;
  client::ObjectClient& objects_;
  std::string region_;
  SigningKeys keys_;
  BriefCache<Credential> credentials_;
  BriefCache<Rules> buckets_;
  BriefCache<std::string> names_;
};

}  // namespace stratos::gateway::s3
