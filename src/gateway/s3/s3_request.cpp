#include "gateway/s3/s3_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/routes.hpp"
#include "gateway/s3/utf8.hpp"

namespace stratos::gateway::s3 {
namespace {

using enum Operation;

constexpr std::array kOperations = {
    OperationInfo{list_buckets, "ListBuckets", "GET", Level::service, "", false},
    OperationInfo{create_bucket, "CreateBucket", "PUT", Level::bucket, "", false},
    OperationInfo{delete_bucket, "DeleteBucket", "DELETE", Level::bucket, "", false},
    OperationInfo{head_bucket, "HeadBucket", "HEAD", Level::bucket, "", false},
    OperationInfo{get_bucket_location, "GetBucketLocation", "GET", Level::bucket, "location",
                  false},
    OperationInfo{get_bucket_versioning, "GetBucketVersioning", "GET", Level::bucket, "versioning",
                  false},
    OperationInfo{put_bucket_versioning, "PutBucketVersioning", "PUT", Level::bucket, "versioning",
                  false},
    OperationInfo{get_object_lock_configuration, "GetObjectLockConfiguration", "GET", Level::bucket,
                  "object-lock", false},
    OperationInfo{put_object_lock_configuration, "PutObjectLockConfiguration", "PUT", Level::bucket,
                  "object-lock", false},
    OperationInfo{list_objects, "ListObjects", "GET", Level::bucket, "", false},
    OperationInfo{list_objects_v2, "ListObjectsV2", "GET", Level::bucket, "list-type", false},
    OperationInfo{list_object_versions, "ListObjectVersions", "GET", Level::bucket, "versions",
                  false},
    OperationInfo{list_multipart_uploads, "ListMultipartUploads", "GET", Level::bucket, "uploads",
                  false},
    OperationInfo{delete_objects, "DeleteObjects", "POST", Level::bucket, "delete", false},
    OperationInfo{post_object, "PostObject", "POST", Level::bucket, "", false},
    OperationInfo{get_object, "GetObject", "GET", Level::object, "", false},
    OperationInfo{head_object, "HeadObject", "HEAD", Level::object, "", false},
    OperationInfo{put_object, "PutObject", "PUT", Level::object, "", false},
    OperationInfo{copy_object, "CopyObject", "PUT", Level::object, "", true},
    OperationInfo{delete_object, "DeleteObject", "DELETE", Level::object, "", false},
    OperationInfo{get_object_attributes, "GetObjectAttributes", "GET", Level::object, "attributes",
                  false},
    OperationInfo{get_object_tagging, "GetObjectTagging", "GET", Level::object, "tagging", false},
    OperationInfo{put_object_tagging, "PutObjectTagging", "PUT", Level::object, "tagging", false},
    OperationInfo{delete_object_tagging, "DeleteObjectTagging", "DELETE", Level::object, "tagging",
                  false},
    OperationInfo{get_object_retention, "GetObjectRetention", "GET", Level::object, "retention",
                  false},
    OperationInfo{put_object_retention, "PutObjectRetention", "PUT", Level::object, "retention",
                  false},
    OperationInfo{get_object_legal_hold, "GetObjectLegalHold", "GET", Level::object, "legal-hold",
                  false},
    OperationInfo{put_object_legal_hold, "PutObjectLegalHold", "PUT", Level::object, "legal-hold",
                  false},
    OperationInfo{create_multipart_upload, "CreateMultipartUpload", "POST", Level::object,
                  "uploads", false},
    OperationInfo{upload_part, "UploadPart", "PUT", Level::object, "uploadId", false},
    OperationInfo{upload_part_copy, "UploadPartCopy", "PUT", Level::object, "uploadId", true},
    OperationInfo{complete_multipart_upload, "CompleteMultipartUpload", "POST", Level::object,
                  "uploadId", false},
    OperationInfo{abort_multipart_upload, "AbortMultipartUpload", "DELETE", Level::object,
                  "uploadId", false},
    OperationInfo{list_parts, "ListParts", "GET", Level::object, "uploadId", false},
    OperationInfo{get_bucket_acl, "GetBucketAcl", "GET", Level::bucket, "acl", false},
    OperationInfo{put_bucket_acl, "PutBucketAcl", "PUT", Level::bucket, "acl", false},
    OperationInfo{get_object_acl, "GetObjectAcl", "GET", Level::object, "acl", false},
    OperationInfo{put_object_acl, "PutObjectAcl", "PUT", Level::object, "acl", false},
    OperationInfo{get_bucket_policy, "GetBucketPolicy", "GET", Level::bucket, "policy", false},
    OperationInfo{put_bucket_policy, "PutBucketPolicy", "PUT", Level::bucket, "policy", false},
    OperationInfo{delete_bucket_policy, "DeleteBucketPolicy", "DELETE", Level::bucket, "policy",
                  false},
    OperationInfo{get_bucket_cors, "GetBucketCors", "GET", Level::bucket, "cors", false},
    OperationInfo{put_bucket_cors, "PutBucketCors", "PUT", Level::bucket, "cors", false},
    OperationInfo{delete_bucket_cors, "DeleteBucketCors", "DELETE", Level::bucket, "cors", false},
    OperationInfo{get_public_access_block, "GetPublicAccessBlock", "GET", Level::bucket,
                  "publicAccessBlock", false},
    OperationInfo{put_public_access_block, "PutPublicAccessBlock", "PUT", Level::bucket,
                  "publicAccessBlock", false},
    OperationInfo{delete_public_access_block, "DeletePublicAccessBlock", "DELETE", Level::bucket,
                  "publicAccessBlock", false},
    OperationInfo{get_ownership_controls, "GetBucketOwnershipControls", "GET", Level::bucket,
                  "ownershipControls", false},
    OperationInfo{put_ownership_controls, "PutBucketOwnershipControls", "PUT", Level::bucket,
                  "ownershipControls", false},
    OperationInfo{delete_ownership_controls, "DeleteBucketOwnershipControls", "DELETE",
                  Level::bucket, "ownershipControls", false},
    OperationInfo{get_bucket_tagging, "GetBucketTagging", "GET", Level::bucket, "tagging", false},
    OperationInfo{put_bucket_tagging, "PutBucketTagging", "PUT", Level::bucket, "tagging", false},
    OperationInfo{delete_bucket_tagging, "DeleteBucketTagging", "DELETE", Level::bucket, "tagging",
                  false},
    OperationInfo{get_bucket_encryption, "GetBucketEncryption", "GET", Level::bucket, "encryption",
                  false},
    OperationInfo{put_bucket_encryption, "PutBucketEncryption", "PUT", Level::bucket, "encryption",
                  false},
    OperationInfo{delete_bucket_encryption, "DeleteBucketEncryption", "DELETE", Level::bucket,
                  "encryption", false},
    OperationInfo{get_bucket_policy_status, "GetBucketPolicyStatus", "GET", Level::bucket,
                  "policyStatus", false},
    OperationInfo{get_bucket_notification, "GetBucketNotificationConfiguration", "GET",
                  Level::bucket, "notification", false},
    OperationInfo{put_bucket_notification, "PutBucketNotificationConfiguration", "PUT",
                  Level::bucket, "notification", false},
    OperationInfo{get_bucket_logging, "GetBucketLogging", "GET", Level::bucket, "logging", false},
    OperationInfo{get_bucket_accelerate, "GetBucketAccelerateConfiguration", "GET", Level::bucket,
                  "accelerate", false},
    OperationInfo{get_bucket_request_payment, "GetBucketRequestPayment", "GET", Level::bucket,
                  "requestPayment", false},
    OperationInfo{get_bucket_lifecycle, "GetBucketLifecycleConfiguration", "GET", Level::bucket,
                  "lifecycle", false},
    OperationInfo{put_bucket_lifecycle, "PutBucketLifecycleConfiguration", "PUT", Level::bucket,
                  "lifecycle", false},
    OperationInfo{delete_bucket_lifecycle, "DeleteBucketLifecycle", "DELETE", Level::bucket,
                  "lifecycle", false},
    OperationInfo{get_bucket_website, "GetBucketWebsite", "GET", Level::bucket, "website", false},
    OperationInfo{put_bucket_website, "PutBucketWebsite", "PUT", Level::bucket, "website", false},
    OperationInfo{delete_bucket_website, "DeleteBucketWebsite", "DELETE", Level::bucket, "website",
                  false},
    OperationInfo{get_bucket_replication, "GetBucketReplication", "GET", Level::bucket,
                  "replication", false},
    OperationInfo{get_object_paid_through, "GetObjectPaidThrough", "GET", Level::object,
                  "paid-through", false},
    OperationInfo{put_object_paid_through, "PutObjectPaidThrough", "PUT", Level::object,
                  "paid-through", false},
    OperationInfo{get_bucket_renewal, "GetBucketRenewal", "GET", Level::bucket, "renewal", false},
    OperationInfo{put_bucket_renewal, "PutBucketRenewal", "PUT", Level::bucket, "renewal", false},
    OperationInfo{delete_bucket_renewal, "DeleteBucketRenewal", "DELETE", Level::bucket, "renewal",
                  false},
};

constexpr std::array<std::string_view, 32> kBucketSubresources = {
    "accelerate",     "acl",          "analytics",
    "cors",           "delete",       "encryption",
    "inventory",      "lifecycle",    "intelligent-tiering",
    "list-type",      "location",     "logging",
    "metrics",        "notification", "metadataConfiguration",
    "object-lock",    "policy",       "metadataTable",
    "policyStatus",   "replication",  "ownershipControls",
    "requestPayment", "session",      "publicAccessBlock",
    "tagging",        "uploads",      "metadataInventoryTable",
    "versioning",     "versions",     "metadataJournalTable",
    "website",        "renewal"};
constexpr std::array<std::string_view, 13> kObjectSubresources = {
    "acl",     "attributes", "encryption",   "legal-hold", "restore", "retention",   "select",
    "tagging", "torrent",    "renameObject", "uploadId",   "uploads", "paid-through"};
constexpr std::array<std::string_view, 6> kMethods = {"GET",  "HEAD",   "PUT",
                                                      "POST", "DELETE", "OPTIONS"};

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_bucket_character(char c) { return is_lower_alnum(c) || c == '-' || c == '.'; }

// Four numbers with dots between.
bool looks_like_ipv4(std::string_view name) {
  return std::ranges::count(name, '.') == 3 &&
         std::ranges::all_of(name, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

constexpr std::array<std::string_view, 3> kReservedPrefixes = {"xn--", "sthree-", "amzn-s3-demo-"};
constexpr std::array<std::string_view, 5> kReservedSuffixes = {"-s3alias", "--ol-s3", ".mrap",
                                                               "--x-s3", "--table-s3"};

bool is_reserved(std::string_view name) {
  return std::ranges::any_of(kReservedPrefixes,
                             [name](std::string_view p) { return name.starts_with(p); }) ||
         std::ranges::any_of(kReservedSuffixes,
                             [name](std::string_view s) { return name.ends_with(s); });
}

struct Place {
  std::string bucket;
  std::string key;
};

// Cut first, decoded after: an escaped slash belongs to the key, never to the bucket.
Result<Place> place_of_path(std::string_view raw_path, std::string host_bucket) {
  raw_path.remove_prefix(1);
  Place place;
  if (!host_bucket.empty()) {
    place.bucket = std::move(host_bucket);
  } else {
    const std::size_t slash = std::min(raw_path.find('/'), raw_path.size());
    STRATOS_TRY(place.bucket, http::percent_decode(raw_path.substr(0, slash), false));
    raw_path.remove_prefix(std::min(slash + 1, raw_path.size()));
    if (place.bucket.empty() && !raw_path.empty()) return fail(Errc::bad_bucket_name);
  }
  STRATOS_TRY(place.key, http::percent_decode(raw_path, false));
  return place;
}

Level level_of(const Place& place) {
  if (place.bucket.empty()) return Level::service;
  return place.key.empty() ? Level::bucket : Level::object;
}

// The one subresource in the query, or "".
Result<std::string_view> subresource_of(const http::Target& target, Level level) {
  std::string_view found;
  for (std::string_view name : known_subresources(level)) {
    const std::string* value = target.find(name);
    if (!value) continue;
    // list-type=1 is how some clients ask for the first form.
    if (name == "list-type" && *value != "2") continue;
    if (!found.empty()) {
      return fail(Errc::invalid_argument, "Conflicting query string parameters: " +
                                              std::string(found) + ", " + std::string(name));
    }
    found = name;
  }
  return found;
}

Operation select_operation(std::string_view method, Level level, std::string_view subresource,
                           bool has_copy_source) {
  for (const OperationInfo& row : kOperations) {
    if (row.level != level || row.method != method || row.subresource != subresource) continue;
    if (method != "PUT" || level != Level::object || row.from_copy_source == has_copy_source) {
      return row.operation;
    }
  }
  return unsupported;
}

std::string query_text(const S3Request& request, std::string_view name) {
  const std::string* value = request.query(name);
  return value ? *value : std::string();
}

// What each header may say; anything else is not implemented. No values: any value is too much.
struct HeaderRule {
  std::string_view prefix;
  std::array<std::string_view, 3> allowed;
};
constexpr std::array kHeaderRules = {
    HeaderRule{"x-amz-server-side-encryption-context", {}},
    HeaderRule{"x-amz-server-side-encryption-bucket-key-enabled", {"false", "", ""}},
    HeaderRule{"x-amz-website-redirect-location", {}},
    HeaderRule{"x-amz-mfa", {}},
    HeaderRule{"x-amz-write-offset-bytes", {}},
};

bool matches(const HeaderRule& rule, std::string_view name) {
  const bool is_family = rule.prefix.ends_with('-');
  if (name.size() < rule.prefix.size() || (!is_family && name.size() != rule.prefix.size())) {
    return false;
  }
  return http::equal_ignoring_case(name.substr(0, rule.prefix.size()), rule.prefix);
}

bool is_allowed(const HeaderRule& rule, std::string_view value) {
  return !value.empty() &&
         std::ranges::any_of(rule.allowed, [value](std::string_view v) { return v == value; });
}

}  // namespace

std::span<const OperationInfo> all_operations() { return kOperations; }

std::string_view name_of(Operation operation) {
  for (const OperationInfo& row : kOperations) {
    if (row.operation == operation) return row.name;
  }
  return "Unsupported";
}

std::span<const std::string_view> known_subresources(Level level) {
  switch (level) {
    case Level::service:
      break;
    case Level::bucket:
      return kBucketSubresources;
    case Level::object:
      return kObjectSubresources;
  }
  return {};
}

std::string bucket_of_host(std::string_view host, std::span<const std::string> base_domains) {
  const std::string name = host_name(host);
  std::string bucket;
  for (const std::string& domain : base_domains) {
    // A base domain may itself lie under another one.
    if (name == domain) return {};
    if (name.size() <= domain.size() + 1 || !name.ends_with(domain)) continue;
    const std::size_t dot = name.size() - domain.size() - 1;
    if (name[dot] != '.') continue;
    if (bucket.empty() || dot < bucket.size()) bucket = name.substr(0, dot);
  }
  return bucket;
}

Result<S3Request> parse_request(const http::Request& request,
                                std::span<const std::string> base_domains) {
  S3Request out;
  STRATOS_TRY(out.target, http::parse_target(request.target));
  std::string host_bucket = bucket_of_host(request.headers.get("host").value_or(""), base_domains);
  out.virtual_host = !host_bucket.empty();
  STRATOS_TRY(Place place, place_of_path(out.target.raw_path, std::move(host_bucket)));
  out.level = level_of(place);
  if (out.level != Level::service) STRATOS_CHECK(validate_bucket_name(place.bucket));
  if (out.level == Level::object) STRATOS_CHECK(validate_key(place.key));
  out.bucket = std::move(place.bucket);
  out.key = std::move(place.key);
  if (std::ranges::count(kMethods, request.method) == 0) return fail(Errc::method_not_allowed);
  STRATOS_TRY(const std::string_view subresource, subresource_of(out.target, out.level));
  out.operation = select_operation(request.method, out.level, subresource,
                                   request.headers.has("x-amz-copy-source"));
  return out;
}

Result<void> validate_bucket_name(std::string_view name) {
  const bool well_formed = name.size() >= 3 && name.size() <= 63 &&
                           std::ranges::all_of(name, is_bucket_character) &&
                           is_lower_alnum(name.front()) && is_lower_alnum(name.back()) &&
                           !name.contains("..") && !name.contains(".-") && !name.contains("-.");
  if (!well_formed || looks_like_ipv4(name) || is_reserved(name)) {
    return fail(Errc::bad_bucket_name);
  }
  return {};
}

Result<void> validate_key(std::string_view key) {
  if (key.size() > kMaxKeyBytes) return fail(Errc::key_too_long);
  if (key.empty() || !is_utf8(key)) return fail(Errc::invalid_uri, "The key is not UTF-8.");
  return {};
}

Result<std::uint64_t> query_number(const S3Request& request, std::string_view name,
                                   std::uint64_t fallback, std::uint64_t max) {
  const std::string* text = request.query(name);
  if (!text || text->empty()) return fallback;
  std::uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || stop != end || number > max) {
    return fail(Errc::invalid_argument, "Argument " + std::string(name) +
                                            " must be an integer between 0 and " +
                                            std::to_string(max));
  }
  return number;
}

Result<ListQuery> parse_list_query(const S3Request& request) {
  constexpr std::uint64_t kMaxInt = 2'147'483'647;
  const bool uploads = request.operation == list_multipart_uploads;
  const bool second_form = request.operation == list_objects_v2;
  const bool first_form = request.operation == list_objects;
  ListQuery query;
  query.prefix = query_text(request, "prefix");
  query.delimiter = query_text(request, "delimiter");
  query.after = query_text(request, second_form  ? "start-after"
                                    : first_form ? "marker"
                                                 : "key-marker");
  STRATOS_TRY(query.max_keys,
              query_number(request, uploads ? "max-uploads" : "max-keys", 1000, kMaxInt));
  query.max_keys = std::min<std::uint64_t>(query.max_keys, 1000);
  if (const std::string* token = request.query("continuation-token"); token && second_form) {
    if (token->empty()) {
      return fail(Errc::invalid_argument, "The continuation token provided is incorrect");
    }
    query.continuation_token = *token;
  }
  const std::string encoding = query_text(request, "encoding-type");
  if (!encoding.empty() && !http::equal_ignoring_case(encoding, "url")) {
    return fail(Errc::invalid_argument, "Invalid Encoding Method specified in Request");
  }
  query.url_encoding = !encoding.empty();
  query.fetch_owner = query_text(request, "fetch-owner") == "true";
  return query;
}

Result<void> check_headers_implemented(const http::Headers& headers) {
  for (const auto& [name, value] : headers.items()) {
    for (const HeaderRule& rule : kHeaderRules) {
      if (!matches(rule, name) || is_allowed(rule, value)) continue;
      return fail(Errc::not_implemented,
                  "A header you provided implies functionality that is not implemented: " + name);
    }
  }
  return {};
}

}  // namespace stratos::gateway::s3
