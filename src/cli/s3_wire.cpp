#include "cli/s3_wire.hpp"

#include <pugixml.hpp>

#include "net/http.hpp"

namespace stratos::cli {

std::optional<S3Path> parse_s3_path(std::string_view text) {
  constexpr std::string_view kScheme = "s3://";
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const std::size_t slash = text.find('/');
  S3Path path;
  path.bucket = text.substr(0, slash);
  if (slash != text.npos) path.key = text.substr(slash + 1);
  return path;
}

std::string object_target(const S3Path& path) {
  std::string target = "/" + http::percent_encode(path.bucket, false);
  if (!path.key.empty()) target += "/" + http::percent_encode(path.key, true);
  return target;
}

std::string listing_target(const S3Path& path, bool recursive, const std::string& token) {
  std::string target =
      "/" + http::percent_encode(path.bucket, false) +
      "?encoding-type=url&list-type=2&prefix=" + http::percent_encode(path.key, false);
  if (!recursive) target += "&delimiter=%2F";
  if (!token.empty()) target += "&continuation-token=" + http::percent_encode(token, false);
  return target;
}

Result<S3Listing> parse_listing(ByteView body) {
  pugi::xml_document document;
  document.load_buffer(body.data(), body.size());
  const pugi::xml_node result = document.child("ListBucketResult");
  if (!result) return fail(Errc::bad_encoding, "not a listing of a bucket");
  S3Listing listing;
  for (const pugi::xml_node node : result.children("Contents")) {
    S3Object object;
    STRATOS_TRY(object.key, http::percent_decode(node.child_value("Key"), true));
    object.size = node.child("Size").text().as_ullong();
    object.modified = node.child_value("LastModified");
    object.etag = node.child_value("ETag");
    listing.objects.push_back(std::move(object));
  }
  for (const pugi::xml_node node : result.children("CommonPrefixes")) {
    STRATOS_TRY(std::string prefix, http::percent_decode(node.child_value("Prefix"), true));
    listing.prefixes.push_back(std::move(prefix));
  }
  listing.next = result.child_value("NextContinuationToken");
  return listing;
}

Error error_of_answer(int status, ByteView body) {
  pugi::xml_document document;
  document.load_buffer(body.data(), body.size());
  const pugi::xml_node error = document.child("Error");
  std::string message = "HTTP " + std::to_string(status);
  if (error) {
    message = std::string(error.child_value("Code")) + ": " + error.child_value("Message");
  }
  switch (status) {
    case 402:
      return Error(Errc::ozone_exhausted, message);
    case 403:
      return Error(Errc::access_denied, message);
    case 404:
      return Error(Errc::not_found, message);
    case 409:
      return Error(Errc::already_exists, message);
    case 412:
      return Error(Errc::precondition_failed, message);
    case 501:
      return Error(Errc::not_implemented, message);
    case 503:
      return Error(Errc::unavailable, message);
    case 507:
      return Error(Errc::resource_exhausted, message);
    default:
      return Error(status >= 500 ? Errc::internal : Errc::invalid_argument, message);
  }
}

}  // namespace stratos::cli
