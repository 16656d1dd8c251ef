#include "gateway/s3/s3_error.hpp"

#include <unordered_map>

#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr S3Error kInternalError{"InternalError", 500,
                                 "We encountered an internal error. Please try again."};
constexpr S3Error kServiceUnavailable{"ServiceUnavailable", 503,
                                      "Please reduce your request rate or try again later."};
constexpr S3Error kSlowDown{"SlowDown", 503, "Please reduce your request rate."};
constexpr S3Error kAccessDenied{"AccessDenied", 403, "Access Denied"};
constexpr S3Error kInvalidRequest{"InvalidRequest", 400, "Invalid Request"};
constexpr S3Error kInvalidArgument{"InvalidArgument", 400, "Invalid Argument"};
constexpr S3Error kNotImplemented{
    "NotImplemented", 501,
    "A header or query you provided implies functionality that is not implemented."};
constexpr S3Error kBadDigest{"BadDigest", 400,
                             "The Content-MD5 or checksum value that you specified did not match."};
constexpr S3Error kIncompleteBody{
    "IncompleteBody", 400,
    "The request body ended before the number of bytes given by its length was read."};
constexpr S3Error kInvalidRange{"InvalidRange", 416, "The requested range is not satisfiable"};
constexpr S3Error kNoSuchKey{"NoSuchKey", 404, "The specified key does not exist."};
constexpr S3Error kMethodNotAllowed{"MethodNotAllowed", 405,
                                    "The specified method is not allowed against this resource."};
constexpr S3Error kOperationAborted{
    "OperationAborted", 409,
    "A conflicting operation is in progress against this resource. Please try again."};
constexpr S3Error kEntityTooSmall{"EntityTooSmall", 400,
                                  "Your proposed upload is smaller than the minimum allowed size"};
constexpr S3Error kInvalidPart{
    "InvalidPart", 400,
    "One or more of the specified parts could not be found. The part may not have been uploaded, "
    "or its entity tag may not match."};
constexpr S3Error kQuotaExceeded{"QuotaExceeded", 403, "The account's allowance is used up."};
constexpr S3Error kStorageFull{"InsufficientStorage", 507, "The storage has no room left."};

struct Row {
  Errc code;
  S3Error error;
};
constexpr Row kRows[] = {
    {Errc::internal, kInternalError},
    {Errc::invalid_argument, kInvalidArgument},
    {Errc::not_implemented, kNotImplemented},
    {Errc::permission_denied, kAccessDenied},
    {Errc::resource_exhausted, kSlowDown},
    {Errc::overloaded, kSlowDown},
    {Errc::too_large, {"MaxMessageLengthExceeded", 400, "Your request was too large."}},
    {Errc::disk_full, kStorageFull},
    {Errc::store_full, kStorageFull},

    {Errc::no_such_bucket, {"NoSuchBucket", 404, "The specified bucket does not exist"}},
    {Errc::no_such_object, kNoSuchKey},
    {Errc::object_deleted, kNoSuchKey},
    {Errc::delete_marker, kMethodNotAllowed},
    {Errc::object_locked,
     {"AccessDenied", 403, "Access Denied because object protected by object lock."}},
    {Errc::no_object_lock, {"InvalidRequest", 400, "Bucket is missing Object Lock Configuration"}},
    {Errc::invalid_bucket_state,
     {"InvalidBucketState", 409, "The request is not valid with the current state of the bucket."}},
    {Errc::no_object_lock_configuration,
     {"ObjectLockConfigurationNotFoundError", 404,
      "Object Lock configuration does not exist for this bucket"}},
    {Errc::no_such_retention,
     {"NoSuchObjectLockConfiguration", 404,
      "The specified object does not have a ObjectLock configuration"}},
    {Errc::invalid_retention_period,
     {"InvalidRetentionPeriod", 400, "Default retention period must be a positive integer value."}},
    {Errc::invalid_tag, {"InvalidTag", 400, "The tag provided was not a valid tag."}},
    {Errc::no_such_upload,
     {"NoSuchUpload", 404,
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
      "been aborted or completed."}},
    {Errc::bucket_exists,
     {"BucketAlreadyExists", 409,
      "The requested bucket name is not available. Bucket names are shared by all users of the "
      "network; choose another one."}},
    {Errc::bucket_owned_by_you,
     {"BucketAlreadyOwnedByYou", 409, "The bucket you tried to create exists and is yours."}},
    {Errc::bucket_not_empty,
     {"BucketNotEmpty", 409, "The bucket you tried to delete is not empty"}},
    {Errc::precondition_failed,
     {"PreconditionFailed", 412, "At least one of the preconditions you specified did not hold"}},
    {Errc::not_modified, {"NotModified", 304, "Not Modified"}},
    {Errc::bad_bucket_name, {"InvalidBucketName", 400, "The specified bucket is not valid."}},
    {Errc::too_many_buckets,
     {"TooManyBuckets", 400, "You have attempted to create more buckets than allowed"}},
    {Errc::stale_generation, kOperationAborted},
    {Errc::object_changed, kOperationAborted},
    {Errc::grant_exhausted, kQuotaExceeded},
    {Errc::ozone_exhausted,
     {"InsufficientOzone", 402,
      "The prepaid ozone of the bucket's owner does not pay for storing this."}},
    {Errc::no_such_account, kAccessDenied},
    {Errc::no_such_part, kInvalidPart},
    {Errc::invalid_part, kInvalidPart},
    {Errc::invalid_part_order,
     {"InvalidPartOrder", 400, "The list of parts was not in ascending order of part number."}},
    {Errc::part_too_small, kEntityTooSmall},

    {Errc::range_not_satisfiable, kInvalidRange},
    {Errc::body_incomplete, kIncompleteBody},
    {Errc::digest_mismatch, kBadDigest},

    {Errc::access_denied, kAccessDenied},
    {Errc::no_such_access_key,
     {"InvalidAccessKeyId", 403, "The access key ID you provided does not exist in our records."}},
    {Errc::signature_mismatch,
     {"SignatureDoesNotMatch", 403,
      "The request signature we calculated does not match the signature you provided. Check your "
      "key and signing method."}},
    {Errc::request_expired, {"AccessDenied", 403, "Request has expired"}},
    {Errc::clock_skewed,
     {"RequestTimeTooSkewed", 403,
      "The difference between the request time and the current time is too large."}},
    {Errc::malformed_xml,
     {"MalformedXML", 400,
      "The XML you provided was not well-formed or did not validate against our published "
      "schema"}},
    {Errc::missing_length,
     {"MissingContentLength", 411, "You must provide the Content-Length HTTP header."}},
    {Errc::entity_too_large,
     {"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"}},
    {Errc::entity_too_small, kEntityTooSmall},
    {Errc::key_too_long, {"KeyTooLongError", 400, "Your key is too long"}},
    {Errc::metadata_too_large,
     {"MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"}},
    {Errc::bad_digest, kBadDigest},
    {Errc::invalid_digest, {"InvalidDigest", 400, "The Content-MD5 you specified is not valid."}},
    {Errc::method_not_allowed, kMethodNotAllowed},
    {Errc::malformed_authorization,
     {"AuthorizationHeaderMalformed", 400, "The authorization header you provided is invalid."}},
    {Errc::content_sha256_mismatch,
     {"XAmzContentSHA256Mismatch", 400,
      "The provided 'x-amz-content-sha256' header does not match what was computed."}},
    {Errc::slow_down, kSlowDown},
    {Errc::invalid_range, kInvalidRange},
    {Errc::request_timeout,
     {"RequestTimeout", 400,
      "Your socket connection to the server was not read from or written to within the timeout "
      "period."}},
    {Errc::invalid_uri, {"InvalidURI", 400, "Couldn't parse the specified URI."}},
    {Errc::incomplete_body, kIncompleteBody},
    {Errc::invalid_request, kInvalidRequest},
    {Errc::malformed_presign,
     {"AuthorizationQueryParametersError", 400,
      "The authorization query parameters are not complete or not valid."}},
    {Errc::malformed_trailer,
     {"MalformedTrailerError", 400,
      "The request contained trailing data that was not well-formed or was not announced."}},
    {Errc::invalid_storage_class,
     {"InvalidStorageClass", 400, "The storage class you specified is not valid"}},
    {Errc::invalid_location,
     {"InvalidLocationConstraint", 400, "The specified location-constraint is not valid"}},
    {Errc::no_such_version, {"NoSuchVersion", 404, "The specified version does not exist."}},
    {Errc::malformed_policy,
     {"MalformedPolicy", 400, "This policy contains invalid Json or is not supported"}},
    {Errc::no_such_policy, {"NoSuchBucketPolicy", 404, "The bucket policy does not exist"}},
    {Errc::no_such_cors, {"NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"}},
    {Errc::no_such_tag_set, {"NoSuchTagSet", 404, "The TagSet does not exist"}},
    {Errc::no_such_public_access_block,
     {"NoSuchPublicAccessBlockConfiguration", 404,
      "The public access block configuration was not found"}},
    {Errc::no_ownership_controls,
     {"OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"}},
    {Errc::no_encryption_configuration,
     {"ServerSideEncryptionConfigurationNotFoundError", 404,
      "The server side encryption configuration was not found"}},
    {Errc::no_such_lifecycle,
     {"NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"}},
    {Errc::no_such_website,
     {"NoSuchWebsiteConfiguration", 404,
      "The specified bucket does not have a website configuration"}},
    {Errc::no_such_replication,
     {"ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found"}},
    {Errc::acl_not_supported,
     {"AccessControlListNotSupported", 400, "The bucket does not allow ACLs"}},
    {Errc::acl_with_ownership,
     {"InvalidBucketAclWithObjectOwnership", 400,
      "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"}},
    {Errc::unresolvable_grant,
     {"UnresolvableGrantByEmailAddress", 400,
      "The email address you provided does not match any account on record."}},
    {Errc::malformed_acl,
     {"MalformedACLError", 400,
      "The XML you provided was not well-formed or did not validate against our published "
      "schema"}},
    {Errc::invalid_tag, {"InvalidTag", 400, "The tag provided was not a valid tag."}},
    {Errc::cors_forbidden,
     {"AccessForbidden", 403, "CORSResponse: This CORS request is not allowed."}},
    {Errc::bad_request, {"BadRequest", 400, "Bad Request"}},
    {Errc::malformed_form,
     {"MalformedPOSTRequest", 400,
      "The body of your POST request is not well-formed multipart/form-data."}},
    {Errc::invalid_policy_document,
     {"InvalidPolicyDocument", 400, "Invalid Policy: Invalid JSON or condition."}},
    {Errc::malformed_chunk,
     {"InvalidChunkSizeError", 400, "The aws-chunked body is not well-formed."}},
};

using Table = std::unordered_map<Errc, S3Error>;

const Table& table() {
  static const Table rows = [] {
    Table built;
    for (const Row& row : kRows) built.emplace(row.code, row.error);
    return built;
  }();
  return rows;
}

const S3Error& by_kind(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return kInvalidRequest;
    case ErrorKind::not_found:
      return kNoSuchKey;
    case ErrorKind::conflict:
      return kOperationAborted;
    case ErrorKind::denied:
      return kAccessDenied;
    case ErrorKind::unavailable:
      return kServiceUnavailable;
    case ErrorKind::exhausted:
      return kQuotaExceeded;
    case ErrorKind::unsupported:
      return kNotImplemented;
    case ErrorKind::internal:
    case ErrorKind::integrity:
      break;
  }
  return kInternalError;
}

// Only errors of the gateway and of the request's own arguments were worded for clients.
bool is_worded_for_clients(Errc code) {
  const auto number = static_cast<unsigned>(code);
  return number >= 900 || code == Errc::invalid_argument || code == Errc::not_implemented;
}

}  // namespace

const S3Error& s3_error_of(Errc code) {
  const auto row = table().find(code);
  return row == table().end() ? by_kind(kind_of(code)) : row->second;
}

bool has_error_body(Errc code) { return code != Errc::not_modified; }

std::string_view public_message(const Error& error) {
  if (!error.message().empty() && is_worded_for_clients(error.code())) return error.message();
  return s3_error_of(error.code()).message;
}

std::string error_document(const Error& error, const ErrorContext& context) {
  XmlWriter xml;
  xml.open("Error");
  xml.element("Code", s3_error_of(error.code()).code);
  xml.element("Message", public_message(error));
  for (const auto& [name, value] : context.extras) xml.element(name, value);
  xml.element("Resource", context.resource);
  xml.element("RequestId", context.request_id);
  xml.element("HostId", context.request_id);
  xml.close("Error");
  return std::move(xml).take();
}

std::string_view s3_code_of(const Error& error) { return s3_error_of(error.code()).code; }

}  // namespace stratos::gateway::s3
