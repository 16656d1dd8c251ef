// Which operation a request asks for, on which bucket and key.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace stratos::gateway::s3 {

constexpr std::size_t kMaxKeyBytes = 1024;

enum class Operation : std::uint8_t {
  list_buckets,
  create_bucket,
  delete_bucket,
  head_bucket,
  get_bucket_location,
  get_bucket_versioning,
  put_bucket_versioning,
  get_object_lock_configuration,
  put_object_lock_configuration,
  list_objects,
  list_objects_v2,
  list_object_versions,
  list_multipart_uploads,
  delete_objects,
  get_object,
  head_object,
  put_object,
  delete_object,
  copy_object,
  get_object_attributes,
  get_object_tagging,
  put_object_tagging,
  delete_object_tagging,
  get_object_retention,
  put_object_retention,
  get_object_legal_hold,
  put_object_legal_hold,
  create_multipart_upload,
  upload_part,
  upload_part_copy,
  complete_multipart_upload,
  abort_multipart_upload,
  list_parts,
  get_bucket_acl,
  put_bucket_acl,
  get_object_acl,
  put_object_acl,
  get_bucket_policy,
  put_bucket_policy,
  delete_bucket_policy,
  get_bucket_policy_status,
  get_bucket_cors,
  put_bucket_cors,
  delete_bucket_cors,
  get_public_access_block,
  put_public_access_block,
  delete_public_access_block,
  get_ownership_controls,
  put_ownership_controls,
  delete_ownership_controls,
  get_bucket_tagging,
  put_bucket_tagging,
  delete_bucket_tagging,
  get_bucket_encryption,
  put_bucket_encryption,
  delete_bucket_encryption,
  get_bucket_notification,
  put_bucket_notification,
  get_bucket_logging,
  get_bucket_accelerate,
  get_bucket_request_payment,
  get_bucket_lifecycle,
  put_bucket_lifecycle,
  delete_bucket_lifecycle,
  get_bucket_website,
  put_bucket_website,
  delete_bucket_website,
  get_bucket_replication,
  get_object_paid_through,
  put_object_paid_through,
  get_bucket_renewal,
  put_bucket_renewal,
  delete_bucket_renewal,
  post_object,
  unsupported,  // answered with NotImplemented after authentication
};

enum class Level : std::uint8_t { service, bucket, object };

// One row of the table of operations: everything that is not a row is Operation::unsupported.
struct OperationInfo {
  Operation operation;
  std::string_view name;  // S3's: GetObject
  std::string_view method;
  Level level;
  std::string_view subresource;  // the query parameter that selects it; empty: none
  bool from_copy_source;         // with the header x-amz-copy-source
};
std::span<const OperationInfo> all_operations();
std::string_view name_of(Operation operation);
// Query parameters that select an operation on a bucket or an object, supported or not.
std::span<const std::string_view> known_subresources(Level level);

struct S3Request {
  Operation operation = Operation::unsupported;
  Level level = Level::service;
  std::string bucket;  // valid name, or empty at service level
  std::string key;     // decoded, exactly as sent: "..", "//" and a leading slash are kept
  bool virtual_host = false;
  http::Target target;

  const std::string* query(std::string_view name) const { return target.find(name); }
};

// The bucket in front of the longest domain that fits; empty when none does.
std::string bucket_of_host(std::string_view host, std::span<const std::string> base_domains);

// `base_domains` are the host names under which buckets are subdomains, in lower case without port;
// any other host is path style. Errc::invalid_uri, bad_bucket_name, key_too_long,
// method_not_allowed, or invalid_argument for two operations in one query.
Result<S3Request> parse_request(const http::Request& request,
                                std::span<const std::string> base_domains);

// S3's rules for general-purpose buckets. Errc::bad_bucket_name.
Result<void> validate_bucket_name(std::string_view name);
// 1 to 1,024 bytes of UTF-8. Errc::key_too_long, Errc::invalid_uri.
Result<void> validate_key(std::string_view key);

// The number in a query parameter; `fallback` without it. Errc::invalid_argument.
Result<std::uint64_t> query_number(const S3Request& request, std::string_view name,
                                   std::uint64_t fallback, std::uint64_t max);

// Query of the listings. max_keys is capped at 1,000 as S3 does.
struct ListQuery {
  std::string prefix;
  std::string delimiter;
  std::string after;  // marker, start-after, key-marker
  std::optional<std::string> continuation_token;
  std::uint64_t max_keys = 1000;
  bool url_encoding = false;
  bool fetch_owner = false;
};
// For both listings of objects, of versions and of uploads. Errc::invalid_argument.
Result<ListQuery> parse_list_query(const S3Request& request);

// Headers that ask for what is not implemented (customer keys, ACL grants, …) are
// refused with Errc::not_implemented, never ignored.
Result<void> check_headers_implemented(const http::Headers& headers);

}  // namespace stratos::gateway::s3
