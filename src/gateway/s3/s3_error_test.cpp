#include "gateway/s3/s3_error.hpp"

#include <gtest/gtest.h>

#include <pugixml.hpp>

namespace stratos::gateway::s3 {
namespace {

TEST(S3Error, HasTheCodesAndStatusesThatClientsRelyOn) {
  const std::tuple<Errc, std::string_view, int> rows[] = {
      {Errc::no_such_object, "NoSuchKey", 404},
      {Errc::no_such_bucket, "NoSuchBucket", 404},
      {Errc::no_such_upload, "NoSuchUpload", 404},
      {Errc::no_such_version, "NoSuchVersion", 404},
      {Errc::bucket_exists, "BucketAlreadyExists", 409},
      {Errc::bucket_owned_by_you, "BucketAlreadyOwnedByYou", 409},
      {Errc::bucket_not_empty, "BucketNotEmpty", 409},
      {Errc::precondition_failed, "PreconditionFailed", 412},
      {Errc::not_modified, "NotModified", 304},
      {Errc::bad_bucket_name, "InvalidBucketName", 400},
      {Errc::invalid_range, "InvalidRange", 416},
      {Errc::range_not_satisfiable, "InvalidRange", 416},
      {Errc::entity_too_large, "EntityTooLarge", 400},
      {Errc::entity_too_small, "EntityTooSmall", 400},
      {Errc::part_too_small, "EntityTooSmall", 400},
      {Errc::no_such_part, "InvalidPart", 400},
      {Errc::invalid_part_order, "InvalidPartOrder", 400},
      {Errc::malformed_xml, "MalformedXML", 400},
      {Errc::bad_digest, "BadDigest", 400},
      {Errc::digest_mismatch, "BadDigest", 400},
      {Errc::invalid_digest, "InvalidDigest", 400},
      {Errc::content_sha256_mismatch, "XAmzContentSHA256Mismatch", 400},
      {Errc::incomplete_body, "IncompleteBody", 400},
      {Errc::body_incomplete, "IncompleteBody", 400},
      {Errc::missing_length, "MissingContentLength", 411},
      {Errc::slow_down, "SlowDown", 503},
      {Errc::overloaded, "SlowDown", 503},
      {Errc::unavailable, "ServiceUnavailable", 503},
      {Errc::deadline_exceeded, "ServiceUnavailable", 503},
      {Errc::too_few_domains, "ServiceUnavailable", 503},
      {Errc::object_unreadable, "ServiceUnavailable", 503},
      {Errc::internal, "InternalError", 500},
      {Errc::io_error, "InternalError", 500},
      {Errc::unit_corrupt, "InternalError", 500},
      {Errc::store_full, "InsufficientStorage", 507},
      {Errc::grant_exhausted, "QuotaExceeded", 403},
      {Errc::not_implemented, "NotImplemented", 501},
      {Errc::method_not_allowed, "MethodNotAllowed", 405},
      {Errc::access_denied, "AccessDenied", 403},
      {Errc::request_expired, "AccessDenied", 403},
      {Errc::no_such_access_key, "InvalidAccessKeyId", 403},
      {Errc::signature_mismatch, "SignatureDoesNotMatch", 403},
      {Errc::clock_skewed, "RequestTimeTooSkewed", 403},
      {Errc::malformed_authorization, "AuthorizationHeaderMalformed", 400},
      {Errc::malformed_presign, "AuthorizationQueryParametersError", 400},
      {Errc::key_too_long, "KeyTooLongError", 400},
      {Errc::metadata_too_large, "MetadataTooLarge", 400},
      {Errc::invalid_argument, "InvalidArgument", 400},
      {Errc::invalid_request, "InvalidRequest", 400},
      {Errc::invalid_uri, "InvalidURI", 400},
      {Errc::too_many_buckets, "TooManyBuckets", 400},
      {Errc::request_timeout, "RequestTimeout", 400},
      {Errc::invalid_storage_class, "InvalidStorageClass", 400},
      {Errc::invalid_location, "InvalidLocationConstraint", 400},
      {Errc::malformed_trailer, "MalformedTrailerError", 400},
  };
  for (const auto& [code, name, status] : rows) {
    EXPECT_EQ(s3_error_of(code).code, name);
    EXPECT_EQ(s3_error_of(code).http_status, status) << name;
  }
}

// Every code there is, in the order of the table.
constexpr Errc kAllCodes[] = {
#define STRATOS_ERROR(number, name, kind) Errc::name,
#include "base/error_codes.def"
#undef STRATOS_ERROR
};

TEST(S3Error, EveryErrorHasAnAnswer) {
  for (Errc code : kAllCodes) {
    const S3Error& row = s3_error_of(code);
    EXPECT_FALSE(row.code.empty());
    EXPECT_FALSE(row.message.empty());
    EXPECT_GE(row.http_status, 304) << name_of(code);
    EXPECT_LE(row.http_status, 599) << name_of(code);
  }
}

TEST(S3Error, WhatMaySucceedLaterIsAnswered5xxOrRetriedByClients) {
  for (Errc code : kAllCodes) {
    if (kind_of(code) != ErrorKind::unavailable || code == Errc::request_timeout) continue;
    EXPECT_EQ(s3_error_of(code).http_status, 503) << name_of(code);
  }
}

TEST(S3Error, OnlyNotModifiedHasNoBody) {
  for (Errc code : kAllCodes) EXPECT_EQ(has_error_body(code), s3_error_of(code).http_status != 304);
}

TEST(S3Error, WritesADocumentThatParsersRead) {
  const std::string text = error_document(Error(Errc::no_such_object, "row 17 of table x"),
                                          {.resource = "/b/a<b>&\x01",
                                           .request_id = "0011223344556677",
                                           .extras = {{"Key", "a<b>&\x01"}}});
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(text.c_str()));
  const pugi::xml_node error = document.child("Error");
  EXPECT_STREQ(error.child_value("Code"), "NoSuchKey");
  EXPECT_STREQ(error.child_value("Message"), "The specified key does not exist.");
  EXPECT_STREQ(error.child_value("Key"), "a<b>&\xef\xbf\xbd");
  EXPECT_STREQ(error.child_value("Resource"), "/b/a<b>&\xef\xbf\xbd");
  EXPECT_STREQ(error.child_value("RequestId"), "0011223344556677");
}

TEST(S3Error, TellsClientsAboutTheirRequestAndNothingOfOurInsides) {
  EXPECT_EQ(public_message(Error(Errc::invalid_argument, "Argument max-keys must be a number")),
            "Argument max-keys must be a number");
  EXPECT_EQ(public_message(Error(Errc::io_error, "/var/lib/x: disk on fire")),
            s3_error_of(Errc::io_error).message);
  EXPECT_EQ(public_message(Error(Errc::malformed_xml)), s3_error_of(Errc::malformed_xml).message);
}

}  // namespace
}  // namespace stratos::gateway::s3
