// Reading objects: bodies, heads and attributes.
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_headers.hpp"
#include "gateway/s3/s3_time.hpp"

namespace stratos::gateway::s3 {
namespace {

// Set where nothing else was given at upload.
constexpr std::string_view kDefaultType = "binary/octet-stream";

Result<void> check_read_request(const S3Request& request) {
  STRATOS_CHECK(check_version(request));
  if (request.query("partNumber")) {
    return fail(Errc::not_implemented, "partNumber of a read is not implemented");
  }
  return {};
}

// A range counts only for the object that If-Range names.
bool range_applies(const http::Headers& headers, const client::ObjectInfo& info) {
  const auto if_range = headers.get("if-range");
  if (!if_range) return true;
  if (const auto date = parse_http_date(*if_range))
    return info.modified.ms / 1000 * 1000 <= date->ms;
  return *if_range == quoted(info.attributes.etag);
}

Result<std::optional<ByteRange>> select_range(Call& call, const client::ObjectInfo& info) {
  if (!range_applies(call.headers(), info)) return std::nullopt;
  const auto header = call.headers().get("range");
  auto range = resolve_range(header, info.size);
  if (!range) {
    call.error_headers.add("Content-Range", "bytes */" + std::to_string(info.size));
    call.error_details.emplace_back("RangeRequested", std::string(*header));
    call.error_details.emplace_back("ActualObjectSize", std::to_string(info.size));
  }
  return range;
}

// What identifies the object also where its body is not sent.
http::Headers validators(const client::ObjectInfo& info) {
  http::Headers headers;
  headers.reserve(20);
  headers.add("ETag", quoted(info.attributes.etag));
  headers.add("Last-Modified", to_http_date(info.modified));
  return headers;
}

http::Headers object_headers(const Call& call, const client::ObjectInfo& info,
                             const std::optional<ByteRange>& range) {
  http::Headers headers = validators(info);
  headers.add("Accept-Ranges", "bytes");
  StoredHeaders stored(info.attributes.headers.begin(), info.attributes.headers.end());
  if (!info.attributes.headers.contains("content-type")) {
    stored.emplace_back("content-type", kDefaultType);
  }
  for (auto& [name, value] : apply_response_overrides(std::move(stored), call.s3.target)) {
    headers.add(name, value);
  }
  for (const auto& [name, value] : info.attributes.metadata) {
    headers.add("x-amz-meta-" + name, value);
  }
  headers.add("x-amz-server-side-encryption", "AES256");
  if (range) {
    headers.add("Content-Range", content_range(*range, info.size));
  } else if (http::equal_ignoring_case(call.headers().get("x-amz-checksum-mode").value_or(""),
                                       "ENABLED")) {
    add_checksum_headers(headers, info.attributes.checksums);
  }
  add_common_headers(call, headers);
  return headers;
}

// 304 has no body and is no error; everything else is one.
Task<Result<void>> refuse_read(Call& call, const client::ObjectInfo& info, Error error) {
  if (error.code() != Errc::not_modified) co_return fail(std::move(error));
  co_return co_await answer_empty(call, 304, validators(info));
}

Result<void> check_conditions(const Call& call, const client::ObjectInfo& info) {
  return check_read(parse_conditions(call.headers(), ""), info.attributes.etag.to_string(),
                    info.modified);
}

Task<Result<void>> send_body(Call& call, client::ObjectReader& reader, Buffer part) {
  while (!part.empty()) {
    const std::size_t size = part.size();
    STRATOS_CO_CHECK(co_await call.response.write(std::move(part)));
    call.bytes_out += size;
    STRATOS_CO_TRY(part, co_await reader.next());
  }
  co_return co_await call.response.finish();
}

Result<ObjectAttributes> choose_attributes(std::string_view names, const client::ObjectInfo& info) {
  ObjectAttributes chosen;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(','), names.size());
    std::string_view name = names.substr(0, end);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    names.remove_prefix(std::min(end + 1, names.size()));
    if (name == "ETag") {
      chosen.etag = info.attributes.etag.to_string();
    } else if (name == "ObjectSize") {
      chosen.size_bytes = info.size;
    } else if (name == "StorageClass") {
      chosen.storage_class = "STANDARD";
    } else if (name == "ObjectParts") {
      if (info.attributes.etag.parts != 0) chosen.parts = info.attributes.etag.parts;
    } else if (name == "Checksum") {
      if (auto known = known_checksum(info.attributes.checksums)) {
        known->checksum.parts = 0;  // shown without its number of parts here
        chosen.checksum = std::move(known->checksum);
        chosen.checksum_type = known->type;
      }
    } else {
      return fail(Errc::invalid_argument, "Invalid attribute name specified.");
    }
  }
  return chosen;
}

}  // namespace

Task<Result<void>> get_object(Call& call) {
  STRATOS_CO_CHECK(check_read_request(call.s3));
  STRATOS_CO_TRY(const std::unique_ptr<client::ObjectReader> reader,
                 co_await call.objects().get(call.s3.bucket, call.s3.key));
  const client::ObjectInfo& info = reader->info();
  STRATOS_CO_CHECK(authorize_object(call, info));
  if (auto passed = check_conditions(call, info); !passed) {
    co_return co_await refuse_read(call, info, std::move(passed).error());
  }
  STRATOS_CO_TRY(const std::optional<ByteRange> range, select_range(call, info));
  if (range) {
    const client::ByteRange wanted{range->offset, range->offset + range->length - 1};
    STRATOS_CO_CHECK(reader->select(wanted));
  }
  http::Headers headers = object_headers(call, info, range);
  const int status = range ? 206 : 200;
  // Read before the head is sent: an object that cannot be read is still an error then.
  STRATOS_CO_TRY(Buffer first, co_await reader->next());
  STRATOS_CO_CHECK(co_await call.response.send_head(status, std::move(headers), reader->length()));
  call.status = status;
  co_return co_await send_body(call, *reader, std::move(first));
}

Task<Result<void>> head_object(Call& call) {
  STRATOS_CO_CHECK(check_read_request(call.s3));
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key));
  STRATOS_CO_CHECK(authorize_object(call, info));
  if (auto passed = check_conditions(call, info); !passed) {
    co_return co_await refuse_read(call, info, std::move(passed).error());
  }
  STRATOS_CO_TRY(const std::optional<ByteRange> range, select_range(call, info));
  http::Headers headers = object_headers(call, info, range);
  const int status = range ? 206 : 200;
  const std::uint64_t length = range ? range->length : info.size;
  STRATOS_CO_CHECK(co_await call.response.send_head(status, std::move(headers), length));
  call.status = status;
  co_return co_await call.response.finish();
}

Task<Result<void>> get_object_attributes(Call& call) {
  STRATOS_CO_CHECK(check_version(call.s3));
  const auto names = call.headers().get("x-amz-object-attributes");
  if (!names || names->empty()) {
    co_return fail(Errc::invalid_argument, "The x-amz-object-attributes header is missing");
  }
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key));
  STRATOS_CO_CHECK(authorize_object(call, info));
  STRATOS_CO_TRY(const ObjectAttributes chosen, choose_attributes(*names, info));
  http::Headers headers;
  headers.add("Last-Modified", to_http_date(info.modified));
  co_return co_await answer_document(call, std::move(headers), object_attributes_document(chosen));
}

}  // namespace stratos::gateway::s3
