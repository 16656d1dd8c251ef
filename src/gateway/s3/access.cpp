#include "gateway/s3/access.hpp"

#include <array>

#include "gateway/s3/policy_values.hpp"
#include "gateway/s3/s3_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kCachedEntries = 4096;
// Rules are larger than names: a policy may have 20 KiB.
constexpr std::size_t kCachedBuckets = 1024;

using enum Operation;
using Needed = std::optional<Permission>;

struct Row {
  Operation operation;
  AccessRule rule;
};
constexpr Needed kOwnerOnly = std::nullopt;
constexpr Needed kRead = Permission::read;
constexpr Needed kWrite = Permission::write;

constexpr std::array kRows = {
    Row{delete_bucket, {"s3:DeleteBucket", kOwnerOnly}},
    Row{head_bucket, {"s3:ListBucket", kRead}},
    Row{get_bucket_location, {"s3:GetBucketLocation", kOwnerOnly}},
    Row{get_bucket_versioning, {"s3:GetBucketVersioning", kOwnerOnly}},
    Row{list_objects, {"s3:ListBucket", kRead}},
    Row{list_objects_v2, {"s3:ListBucket", kRead}},
    Row{list_object_versions, {"s3:ListBucketVersions", kRead}},
    Row{list_multipart_uploads, {"s3:ListBucketMultipartUploads", kRead}},
    Row{get_object, {"s3:GetObject", kRead, true, "s3:GetObjectVersion"}},
    Row{head_object, {"s3:GetObject", kRead, true, "s3:GetObjectVersion"}},
    Row{get_object_attributes,
        {"s3:GetObjectAttributes", kRead, true, "s3:GetObjectVersionAttributes"}},
    Row{put_object, {"s3:PutObject", kWrite}},
    Row{copy_object, {"s3:PutObject", kWrite}},
    Row{delete_object, {"s3:DeleteObject", kWrite, false, "s3:DeleteObjectVersion"}},
    Row{create_multipart_upload, {"s3:PutObject", kWrite}},
    Row{upload_part, {"s3:PutObject", kWrite}},
    Row{upload_part_copy, {"s3:PutObject", kWrite}},
    Row{complete_multipart_upload, {"s3:PutObject", kWrite}},
    Row{abort_multipart_upload, {"s3:AbortMultipartUpload", kWrite}},
    Row{list_parts, {"s3:ListMultipartUploadParts", kWrite}},
    Row{get_bucket_acl, {"s3:GetBucketAcl", Permission::read_acp}},
    Row{put_bucket_acl, {"s3:PutBucketAcl", Permission::write_acp}},
    Row{get_object_acl, {"s3:GetObjectAcl", Permission::read_acp, true, "s3:GetObjectVersionAcl"}},
    Row{put_object_acl, {"s3:PutObjectAcl", Permission::write_acp, true, "s3:PutObjectVersionAcl"}},
    Row{get_bucket_policy, {"s3:GetBucketPolicy", kOwnerOnly}},
    Row{put_bucket_policy, {"s3:PutBucketPolicy", kOwnerOnly}},
    Row{delete_bucket_policy, {"s3:DeleteBucketPolicy", kOwnerOnly}},
    Row{get_bucket_policy_status, {"s3:GetBucketPolicyStatus", kOwnerOnly}},
    Row{get_bucket_cors, {"s3:GetBucketCORS", kOwnerOnly}},
    Row{put_bucket_cors, {"s3:PutBucketCORS", kOwnerOnly}},
    Row{delete_bucket_cors, {"s3:PutBucketCORS", kOwnerOnly}},
    Row{get_public_access_block, {"s3:GetBucketPublicAccessBlock", kOwnerOnly}},
    Row{put_public_access_block, {"s3:PutBucketPublicAccessBlock", kOwnerOnly}},
    Row{delete_public_access_block, {"s3:PutBucketPublicAccessBlock", kOwnerOnly}},
    Row{get_ownership_controls, {"s3:GetBucketOwnershipControls", kOwnerOnly}},
    Row{put_ownership_controls, {"s3:PutBucketOwnershipControls", kOwnerOnly}},
    Row{delete_ownership_controls, {"s3:PutBucketOwnershipControls", kOwnerOnly}},
    Row{get_bucket_tagging, {"s3:GetBucketTagging", kOwnerOnly}},
    Row{put_bucket_tagging, {"s3:PutBucketTagging", kOwnerOnly}},
    Row{delete_bucket_tagging, {"s3:PutBucketTagging", kOwnerOnly}},
    Row{get_bucket_encryption, {"s3:GetEncryptionConfiguration", kOwnerOnly}},
    Row{put_bucket_encryption, {"s3:PutEncryptionConfiguration", kOwnerOnly}},
    Row{delete_bucket_encryption, {"s3:PutEncryptionConfiguration", kOwnerOnly}},
    Row{get_bucket_notification, {"s3:GetBucketNotification", kOwnerOnly}},
    Row{put_bucket_notification, {"s3:PutBucketNotification", kOwnerOnly}},
    Row{get_bucket_logging, {"s3:GetBucketLogging", kOwnerOnly}},
    Row{get_bucket_accelerate, {"s3:GetAccelerateConfiguration", kOwnerOnly}},
    Row{get_bucket_request_payment, {"s3:GetBucketRequestPayment", kOwnerOnly}},
    Row{get_bucket_lifecycle, {"s3:GetLifecycleConfiguration", kOwnerOnly}},
    Row{put_bucket_lifecycle, {"s3:PutLifecycleConfiguration", kOwnerOnly}},
    Row{delete_bucket_lifecycle, {"s3:PutLifecycleConfiguration", kOwnerOnly}},
    Row{get_bucket_website, {"s3:GetBucketWebsite", kOwnerOnly}},
    Row{put_bucket_website, {"s3:PutBucketWebsite", kOwnerOnly}},
    Row{delete_bucket_website, {"s3:DeleteBucketWebsite", kOwnerOnly}},
    Row{put_bucket_versioning, {"s3:PutBucketVersioning", kOwnerOnly}},
    Row{get_object_lock_configuration, {"s3:GetBucketObjectLockConfiguration", kOwnerOnly}},
    Row{put_object_lock_configuration, {"s3:PutBucketObjectLockConfiguration", kOwnerOnly}},
    Row{get_object_tagging,
        {"s3:GetObjectTagging", kOwnerOnly, true, "s3:GetObjectVersionTagging"}},
    Row{put_object_tagging,
        {"s3:PutObjectTagging", kOwnerOnly, true, "s3:PutObjectVersionTagging"}},
    Row{delete_object_tagging,
        {"s3:DeleteObjectTagging", kOwnerOnly, true, "s3:DeleteObjectVersionTagging"}},
    Row{get_object_retention, {"s3:GetObjectRetention", kOwnerOnly, true}},
    Row{put_object_retention, {"s3:PutObjectRetention", kOwnerOnly, true}},
    Row{get_object_legal_hold, {"s3:GetObjectLegalHold", kOwnerOnly, true}},
    Row{put_object_legal_hold, {"s3:PutObjectLegalHold", kOwnerOnly, true}},
    Row{get_bucket_replication, {"s3:GetReplicationConfiguration", kOwnerOnly}},
    Row{get_object_paid_through, {"s3:GetObjectPaidThrough", kOwnerOnly, true}},
    Row{put_object_paid_through, {"s3:PutObjectPaidThrough", kOwnerOnly, true}},
    Row{get_bucket_renewal, {"s3:GetBucketRenewal", kOwnerOnly}},
    Row{put_bucket_renewal, {"s3:PutBucketRenewal", kOwnerOnly}},
    Row{delete_bucket_renewal, {"s3:PutBucketRenewal", kOwnerOnly}},
};

std::vector<std::string> values_of(std::optional<std::string_view> value) {
  if (!value) return {};
  return {std::string(*value)};
}

std::vector<std::string> values_of(const std::string* value) {
  if (!value) return {};
  return {*value};
}

std::vector<std::string> names_of(const client::Tags& tags) {
  std::vector<std::string> names;
  for (const auto& [name, value] : tags) names.push_back(name);
  return names;
}

// "127.0.0.1:4711" and "[::1]:4711" without the port.
std::string epoch_text(WallTime now) { return std::to_string(now.ms / 1000); }

std::vector<std::string> auth_values(const Identity& identity, bool version) {
  if (!identity.who) return {};
  if (version) return {"AWS4-HMAC-SHA256"};
  return {identity.claim.expires_s ? "REST-QUERY-STRING" : "REST-HEADER"};
}

}  // namespace

std::string address_of(std::string_view remote) {
  if (remote.starts_with('[')) return std::string(remote.substr(1, remote.find(']') - 1));
  return std::string(remote.substr(0, remote.rfind(':')));
}

const AccessRule* access_rule_of(Operation operation) {
  for (const Row& row : kRows) {
    if (row.operation == operation) return &row.rule;
  }
  return nullptr;
}

AccessRule of_version(const AccessRule& rule) {
  AccessRule named = rule;
  if (!rule.version_action.empty()) named.action = rule.version_action;
  // Lists let others hide an object, never remove its versions.
  if (rule.permission == Permission::write) named.permission = std::nullopt;
  return named;
}

std::vector<std::string> tag_values(const client::Tags& tags, std::string_view condition_key) {
  const std::size_t slash = condition_key.find('/');
  if (slash == condition_key.npos) return names_of(tags);
  const auto tag = tags.find(std::string(condition_key.substr(slash + 1)));
  if (tag == tags.end()) return {};
  return {tag->second};
}

ConditionValues condition_values(const http::Request& request, const S3Request& s3,
                                 const Identity& identity, WallTime now) {
  return [&request, &s3, &identity, now](std::string_view key) -> std::vector<std::string> {
    const http::Headers& headers = request.headers;
    if (key == "aws:sourceip") return {address_of(request.remote)};
    // TLS ends before the gateway, which knows of none.
    if (key == "aws:securetransport") return {"false"};
    if (key == "aws:referer") return values_of(headers.get("referer"));
    if (key == "aws:useragent") return values_of(headers.get("user-agent"));
    if (key == "aws:currenttime" || key == "aws:epochtime") return {epoch_text(now)};
    if (key == "s3:authtype") return auth_values(identity, false);
    if (key == "s3:signatureversion") return auth_values(identity, true);
    if (key == "s3:versionid") return values_of(s3.query("versionId"));
    if (key == "s3:prefix") return values_of(s3.query("prefix"));
    if (key == "s3:delimiter") return values_of(s3.query("delimiter"));
    if (key == "s3:max-keys") return values_of(s3.query("max-keys"));
    if (key == "s3:if-none-match") return values_of(headers.get("if-none-match"));
    if (key == "s3:x-amz-copy-source") {
      auto source = headers.get("x-amz-copy-source");
      if (source && source->starts_with('/')) source->remove_prefix(1);
      return values_of(source);
    }
    if (key.starts_with("s3:requestobjecttag")) {
      const auto tags = parse_tag_header(headers);
      return tags ? tag_values(*tags, key) : std::vector<std::string>();
    }
    constexpr std::string_view kHeaders = "s3:x-amz-";
    if (key.starts_with(kHeaders)) return values_of(headers.get(key.substr(3)));
    return {};
  };
}

Access::Access(Runtime& runtime, client::ObjectClient& objects, std::string region)
    : runtime_(runtime),
      objects_(objects),
      region_(std::move(region)),
      credentials_(kAccessLifetime, kCachedEntries),
      buckets_(kAccessLifetime, kCachedBuckets),
      names_(kNameLifetime, kCachedEntries) {}

Task<Result<Identity>> Access::authenticate(const http::Request& request, const S3Request& s3) {
  const SignedRequest signed_request{request.method, s3.target, request.headers};
  STRATOS_CO_TRY(std::optional<Claim> claim, parse_claim(signed_request));
  Identity identity;
  if (!claim) {
    const auto kind = request.headers.get("x-amz-content-sha256").value_or("UNSIGNED-PAYLOAD");
    identity.claim.content_sha256 = kind;
    STRATOS_CO_TRY(identity.claim.payload, parse_payload_kind(kind));
    const PayloadKind payload = identity.claim.payload;
    // Nobody signs the chunks of the anonymous.
    if (is_aws_chunked(payload) && payload != PayloadKind::streaming_unsigned_trailer) {
      co_return fail(Errc::access_denied);
    }
    co_return identity;
  }
  const VerifyRules rules{region_, runtime_.outside_now()};
  STRATOS_CO_CHECK(check_claim(*claim, rules));
  STRATOS_CO_TRY(const Credential known, co_await credential(claim->access_key_id));
  STRATOS_CO_TRY(identity.signer, verify_claim(*claim, signed_request, known.secret, keys_));
  identity.who = client::Principal{known.account};
  identity.claim = std::move(*claim);
  co_return identity;
}

Task<Result<Access::Credential>> Access::credential(std::string access_key) {
  if (const Credential* known = credentials_.find(access_key, runtime_.now())) co_return *known;
  Result<Credential> found = co_await objects_.credential(access_key);
  if (found) credentials_.store(std::move(access_key), *found, runtime_.now());
  co_return found;
}

Task<Result<Access::Rules>> Access::rules_of(std::string bucket) {
  if (const Rules* known = buckets_.find(bucket, runtime_.now())) co_return *known;
  STRATOS_CO_TRY(client::BucketSettings settings, co_await objects_.bucket_settings(bucket));
  STRATOS_CO_TRY(BucketRules rules, read_bucket_rules(std::move(settings)));
  Rules shared = std::make_shared<const BucketRules>(std::move(rules));
  buckets_.store(std::move(bucket), shared, runtime_.now());
  co_return shared;
}

Task<Result<std::string>> Access::account_name(AccountId account) {
  std::string id = account.hex();
  if (const std::string* known = names_.find(id, runtime_.now())) co_return *known;
  STRATOS_CO_TRY(std::string name, co_await objects_.account_name(account));
  names_.store(std::move(id), name, runtime_.now());
  co_return name;
}

}  // namespace stratos::gateway::s3
