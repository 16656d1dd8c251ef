// Reading objects: bodies, heads and attributes.
#include <algorithm>
#include <charconv>

#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_headers.hpp"
#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/s3_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

// Set where nothing else was given at upload.
constexpr std::string_view kDefaultType = "binary/octet-stream";

Result<std::uint64_t> header_number(const http::Headers& headers, std::string_view name,
                                    std::uint64_t fallback) {
  const auto text = headers.get(name);
  if (!text) return fallback;
  std::uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (error == std::errc() && stop == end && number <= INT32_MAX) return number;
  return fail(Errc::invalid_argument, std::string(name) + " is not a number");
}

// A range counts only for the object that If-Range names.
bool range_applies(const http::Headers& headers, const client::ObjectInfo& info) {
  const auto if_range = headers.get("if-range");
  if (!if_range) return true;
  if (const auto date = parse_http_date(*if_range))
    return info.modified.ms / 1000 * 1000 <= date->ms;
  return *if_range == quoted(info.attributes.etag);
}

// The part that the query names; an object of one piece is its own first part.
Result<std::optional<ByteRange>> part_range(const Call& call, const client::ObjectInfo& info) {
  if (call.headers().has("range")) {
    return fail(Errc::invalid_request,
                "Cannot specify both Range header and partNumber query parameter");
  }
  constexpr std::string_view kWhy = "Part number must be an integer between 1 and 10000, inclusive";
  const auto number = query_number(call.s3, "partNumber", 0, kMaxParts);
  if (!number || *number == 0) return fail(Errc::invalid_argument, std::string(kWhy));
  if (info.attributes.etag.parts == 0 && *number == 1) {
    if (info.size == 0) return std::nullopt;
    return ByteRange{0, info.size};
  }
  const auto part = info.attributes.parts.find(static_cast<std::uint32_t>(*number));
  if (!part) return fail(Errc::invalid_part, "The requested partnumber is not satisfiable");
  if (part->size == 0) return std::nullopt;
  return ByteRange{part->offset, part->size};
}

Result<std::optional<ByteRange>> select_range(Call& call, const client::ObjectInfo& info) {
  if (call.s3.query("partNumber")) return part_range(call, info);
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
http::Headers validators(const Call& call, const client::ObjectInfo& info) {
  http::Headers headers;
  headers.reserve(24);
  headers.add("ETag", quoted(info.attributes.etag));
  headers.add("Last-Modified", to_http_date(info.modified));
  add_version_header(call, headers, info.version, info.versioned);
  return headers;
}

// Of the part that begins there, where it was kept.
void add_part_checksum(http::Headers& headers, const client::Attributes& attributes,
                       std::uint64_t offset) {
  const auto known = known_checksum(attributes.checksums);
  if (!known) return;
  for (client::Parts::Part& part : attributes.parts.list(0, kMaxParts)) {
    if (part.offset != offset || part.size == 0 || part.checksum.empty()) continue;
    const Checksum checksum{known->checksum.algorithm, std::move(part.checksum), 0};
    headers.add(std::string(info_of(checksum.algorithm).header), checksum.text());
    headers.add("x-amz-checksum-type", std::string(name_of(known->type)));
    return;
  }
}

http::Headers object_headers(const Call& call, const client::ObjectInfo& info,
                             const std::optional<ByteRange>& range,
                             const std::optional<CustomerKey>& key) {
  http::Headers headers = validators(call, info);
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
  add_encryption_headers(headers, key);
  if (!info.attributes.tags.empty()) {
    headers.add("x-amz-tagging-count", std::to_string(info.attributes.tags.size()));
  }
  add_lock_headers(headers, info.attributes.lock);
  if (!names_version(call.s3)) add_expiration_header(call, headers, info);
  add_paid_header(headers, info.paid_through);
  if (range) headers.add("Content-Range", content_range(*range, info.size));
  const bool with_checksums =
      http::equal_ignoring_case(call.headers().get("x-amz-checksum-mode").value_or(""), "ENABLED");
  if (call.s3.query("partNumber") && info.attributes.etag.parts != 0) {
    headers.add("x-amz-mp-parts-count", std::to_string(info.attributes.etag.parts));
    if (range && with_checksums) add_part_checksum(headers, info.attributes, range->offset);
  } else if (!range && with_checksums) {
    add_checksum_headers(headers, info.attributes.checksums);
  }
  add_common_headers(call, headers);
  return headers;
}

// 304 has no body and is no error; everything else is one.
Task<Result<void>> refuse_read(Call& call, const client::ObjectInfo& info, Error error) {
  if (error.code() != Errc::not_modified) co_return fail(std::move(error));
  co_return co_await answer_empty(call, 304, validators(call, info));
}

// The client's key that opens the object, when it was stored under one.
Result<std::optional<CustomerKey>> key_of_object(const Call& call, const client::ObjectInfo& info) {
  STRATOS_TRY(std::optional<CustomerKey> key, parse_read_encryption(call.headers()));
  STRATOS_CHECK(check_customer_key(key, info.attributes.key_check));
  return key;
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

// Of the parts of an object: those after x-amz-part-number-marker, at most x-amz-max-parts.
Result<PartsPage> choose_parts(const http::Headers& headers, const client::Attributes& attributes) {
  PartsPage page;
  STRATOS_TRY(const std::uint64_t max, header_number(headers, "x-amz-max-parts", 1000));
  STRATOS_TRY(const std::uint64_t marker, header_number(headers, "x-amz-part-number-marker", 0));
  page.count = attributes.etag.parts;
  page.marker = static_cast<std::uint32_t>(marker);
  page.max_parts = std::min<std::uint64_t>(max, 1000);
  // One more tells whether there are more.
  auto parts = attributes.parts.list(page.marker, page.max_parts + 1);
  page.truncated = parts.size() > page.max_parts;
  if (page.truncated) parts.resize(page.max_parts);
  const auto known = known_checksum(attributes.checksums);
  for (client::Parts::Part& part : parts) {
    PartItem item;
    item.number = part.number;
    item.size_bytes = part.size;
    if (known && !part.checksum.empty()) {
      item.checksum = Checksum{known->checksum.algorithm, std::move(part.checksum), 0};
    }
    page.next_marker = part.number;
    page.parts.push_back(std::move(item));
  }
  return page;
}

Result<ObjectAttributes> choose_attributes(const http::Headers& headers, std::string_view names,
                                           const client::ObjectInfo& info) {
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
      if (info.attributes.etag.parts != 0) {
        STRATOS_TRY(chosen.parts, choose_parts(headers, info.attributes));
      }
    } else if (name == "Checksum") {
      if (auto known = known_checksum(info.attributes.checksums)) {
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
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  STRATOS_CO_TRY(const std::unique_ptr<client::ObjectReader> reader,
                 co_await call.objects().get(call.s3.bucket, call.s3.key, version));
  const client::ObjectInfo& info = reader->info();
  STRATOS_CO_CHECK(authorize_object(call, info));
  STRATOS_CO_TRY(const std::optional<CustomerKey> key, key_of_object(call, info));
  if (key) reader->unlock(key->key);
  if (auto passed = check_conditions(call, info); !passed) {
    co_return co_await refuse_read(call, info, std::move(passed).error());
  }
  STRATOS_CO_TRY(const std::optional<ByteRange> range, select_range(call, info));
  if (range) {
    const client::ByteRange wanted{range->offset, range->offset + range->length - 1};
    STRATOS_CO_CHECK(reader->select(wanted));
  }
  http::Headers headers = object_headers(call, info, range, key);
  const int status = range ? 206 : call.read_status;
  // Read before the head is sent: an object that cannot be read is still an error then.
  STRATOS_CO_TRY(Buffer first, co_await reader->next());
  STRATOS_CO_CHECK(co_await call.response.send_head(status, std::move(headers), reader->length()));
  call.status = status;
  co_return co_await send_body(call, *reader, std::move(first));
}

Task<Result<void>> head_object(Call& call) {
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key, version));
  STRATOS_CO_CHECK(authorize_object(call, info));
  STRATOS_CO_TRY(const std::optional<CustomerKey> key, key_of_object(call, info));
  if (auto passed = check_conditions(call, info); !passed) {
    co_return co_await refuse_read(call, info, std::move(passed).error());
  }
  STRATOS_CO_TRY(const std::optional<ByteRange> range, select_range(call, info));
  http::Headers headers = object_headers(call, info, range, key);
  const int status = range ? 206 : call.read_status;
  const std::uint64_t length = range ? range->length : info.size;
  STRATOS_CO_CHECK(co_await call.response.send_head(status, std::move(headers), length));
  call.status = status;
  co_return co_await call.response.finish();
}

Task<Result<void>> get_object_attributes(Call& call) {
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  const auto names = call.headers().get("x-amz-object-attributes");
  if (!names || names->empty()) {
    co_return fail(Errc::invalid_argument, "The x-amz-object-attributes header is missing");
  }
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key, version));
  STRATOS_CO_CHECK(authorize_object(call, info));
  STRATOS_CO_CHECK(key_of_object(call, info));
  STRATOS_CO_TRY(const ObjectAttributes chosen, choose_attributes(call.headers(), *names, info));
  http::Headers headers;
  headers.add("Last-Modified", to_http_date(info.modified));
  add_version_header(call, headers, info.version, info.versioned);
  co_return co_await answer_document(call, std::move(headers), object_attributes_document(chosen));
}

}  // namespace stratos::gateway::s3
