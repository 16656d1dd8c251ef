// Multipart uploads.
#include "client/customer_key.hpp"
#include "gateway/s3/completion.hpp"
#include "gateway/s3/copying.hpp"
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_headers.hpp"
#include "gateway/s3/s3_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxCompletionBytes = 8 << 20;
constexpr std::uint64_t kMaxPage = 1000;

Result<UploadId> parse_upload_id(const S3Request& request) {
  const std::string* text = request.query("uploadId");
  if (!text) return fail(Errc::no_such_upload);
  const auto id = UploadId::from_hex_text(*text);
  // One spelling only, so that answers repeat what was asked.
  if (!id || id->hex() != *text) return fail(Errc::no_such_upload);
  return *id;
}

Result<std::uint32_t> parse_part_number(const S3Request& request) {
  constexpr std::string_view kWhy = "Part number must be an integer between 1 and 10000, inclusive";
  const auto number = query_number(request, "partNumber", 0, kMaxParts);
  if (!number || *number == 0) return fail(Errc::invalid_argument, std::string(kWhy));
  return static_cast<std::uint32_t>(*number);
}

Task<Result<client::UploadInfo>> upload_info(Call& call, UploadId id) {
  auto& cache = call.backend.uploads;
  std::string name = id.hex() + call.s3.bucket + "/" + call.s3.key;
  if (const auto* known = cache.find(name, call.backend.runtime.now())) co_return *known;
  auto found = co_await call.objects().head_upload(call.s3.bucket, call.s3.key, id);
  if (found) cache.store(std::move(name), *found, call.backend.runtime.now());
  co_return found;
}

struct ChecksumChoice {
  std::optional<ChecksumAlgorithm> algorithm;
  std::optional<ChecksumType> type;
};

ChecksumChoice choice_of(const client::UploadInfo& upload) {
  ChecksumChoice choice;
  if (upload.checksum_algorithm.empty()) return choice;
  if (const auto algorithm = parse_checksum_algorithm(upload.checksum_algorithm)) {
    choice.algorithm = *algorithm;
    if (const auto type = resolve_checksum_type(*algorithm, upload.checksum_type)) {
      choice.type = *type;
    }
  }
  return choice;
}

Result<ChecksumChoice> parse_checksum_choice(const http::Headers& headers) {
  ChecksumChoice choice;
  const auto name = headers.get("x-amz-checksum-algorithm");
  const auto type = headers.get("x-amz-checksum-type");
  if (!name) {
    if (!type) return choice;
    return fail(Errc::invalid_request,
                "x-amz-checksum-type needs a value for x-amz-checksum-algorithm.");
  }
  STRATOS_TRY(choice.algorithm, parse_checksum_algorithm(*name));
  STRATOS_TRY(choice.type, resolve_checksum_type(*choice.algorithm, type));
  return choice;
}

Result<void> check_part_algorithm(const ChecksumChoice& upload, const BodyPromise& promise) {
  if (!upload.algorithm || !promise.algorithm || *upload.algorithm == *promise.algorithm) return {};
  return fail(Errc::invalid_request,
              "Checksum Type mismatch occurred, expected checksum Type: " +
                  std::string(info_of(*upload.algorithm).name) +
                  ", actual checksum Type: " + std::string(info_of(*promise.algorithm).name));
}

void add_part_checksum(http::Headers& headers, const std::vector<client::Checksum>& checksums) {
  if (const auto known = known_checksum(checksums)) {
    headers.add(std::string(info_of(known->checksum.algorithm).header), known->checksum.text());
  }
}

std::string location_of(const Call& call) {
  std::string location = "http://";
  location.append(call.headers().get("host").value_or("")).append("/");
  if (!call.s3.virtual_host) location.append(call.s3.bucket).append("/");
  return location.append(http::percent_encode(call.s3.key, true));
}

Task<Result<void>> answer_completed(Call& call, const client::ObjectInfo& info) {
  const client::Attributes& attributes = info.attributes;
  CompleteResult result;
  result.location = location_of(call);
  result.bucket = call.s3.bucket;
  result.key = call.s3.key;
  result.etag = attributes.etag.to_string();
  if (const auto known = known_checksum(attributes.checksums)) {
    result.checksum = known->checksum;
    result.checksum_type = known->type;
  }
  STRATOS_CO_TRY(const std::optional<CustomerKey> key,
                 parse_customer_key(call.headers(), kSsePrefix));
  http::Headers headers;
  add_encryption_headers(headers, key);
  add_new_version_header(headers, info.version, info.versioned);
  add_expiration_header(call, headers, info);
  add_paid_header(headers, info.paid_through);
  co_return co_await answer_document(call, std::move(headers), complete_upload_document(result));
}

// A completion whose answer was lost is asked for again when the upload is gone: the object that
// stands there and was made of the same parts is its result.
Task<Result<void>> answer_repeated(Call& call, std::vector<CompletedPart> wanted, Error error) {
  if (error.code() != Errc::no_such_upload) co_return fail(std::move(error));
  const auto etag = etag_of_parts(wanted);
  if (!etag) co_return fail(std::move(error));
  const auto found = co_await call.objects().head(call.s3.bucket, call.s3.key);
  if (!found || found->attributes.etag != *etag) co_return fail(std::move(error));
  co_return co_await answer_completed(call, *found);
}

Task<Result<client::ObjectInfo>> run_completion(Call& call, UploadId id,
                                                const std::vector<CompletedPart>& wanted) {
  STRATOS_CO_TRY(const CompletionPromise promise, parse_completion_promise(call.headers()));
  STRATOS_CO_TRY(const client::Condition condition, parse_write_condition(call.headers()));
  STRATOS_CO_TRY(const client::UploadInfo upload, co_await upload_info(call, id));
  STRATOS_CO_TRY(const std::vector<client::PartInfo> stored,
                 co_await call.objects().list_parts(call.s3.bucket, call.s3.key, id, 0, kMaxParts));
  STRATOS_CO_TRY(Completion plan, plan_completion(upload, wanted, stored, promise));
  co_return co_await call.objects().complete_upload(call.who(), call.s3.bucket, call.s3.key, id,
                                                    std::move(plan.parts), plan.etag,
                                                    std::move(plan.checksums), condition);
}

// What an UploadPartCopy takes of its source.
struct PartSource {
  client::VersionChoice version;
  bool pinned = false;  // to the version that was decided on
  std::optional<CustomerKey> key;
  std::optional<client::ByteRange> range;
};

Task<Result<PartSource>> find_source(Call& call, const CopySource& source) {
  PartSource found;
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(source.version_id));
  STRATOS_CO_TRY(found.key, parse_customer_key(call.headers(), kSourceSsePrefix));
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(source.bucket, source.key, version));
  STRATOS_CO_CHECK(authorize_source(call, info));
  STRATOS_CO_CHECK(check_customer_key(found.key, info.attributes.key_check));
  STRATOS_CO_CHECK(check_source(call.headers(), info));
  found.pinned = !version && pins_source(call);
  found.version = found.pinned ? info.version : version;
  if (const auto header = call.headers().get("x-amz-copy-source-range")) {
    STRATOS_CO_TRY(const ByteRange wanted, parse_copy_range(*header, info.size));
    found.range = client::ByteRange{wanted.offset, wanted.offset + wanted.length - 1};
  }
  co_return found;
}

// The client's key of a part: the one that the upload began with.
Result<std::optional<CustomerKey>> key_of_part(const Call& call, const client::UploadInfo& upload) {
  STRATOS_TRY(std::optional<CustomerKey> key, parse_customer_key(call.headers(), kSsePrefix));
  STRATOS_CHECK(check_customer_key(key, upload.key_check));
  return key;
}

struct PartTarget {
  UploadId id;
  std::uint32_t number = 0;
  std::optional<ChecksumAlgorithm> algorithm;
  std::optional<CustomerKey> key;
};

// Segments under a client's key are not shared: the bytes are read and stored again.
Task<Result<client::PartInfo>> copy_part_bytes(Call& call, const CopySource& source,
                                               const PartSource& found, const PartTarget& target) {
  STRATOS_CO_TRY(const std::unique_ptr<client::ObjectReader> reader,
                 co_await call.objects().get(source.bucket, source.key, found.version));
  STRATOS_CO_CHECK(authorize_source(call, reader->info()));
  STRATOS_CO_CHECK(check_customer_key(found.key, reader->info().attributes.key_check));
  if (found.key) reader->unlock(found.key->key);
  if (found.range) STRATOS_CO_CHECK(reader->select(*found.range));
  BodyDigests digests(BodyPromise{}, target.algorithm.value_or(ChecksumAlgorithm::crc64nvme));
  ObjectBody bytes(*reader);
  UploadBody body(call.backend.digester, bytes, reader->length(), std::move(digests),
                  client::Attributes());
  if (target.key) body.seal_with(*target.key);
  auto part = co_await call.objects().put_part(call.who(), call.s3.bucket, call.s3.key, target.id,
                                               target.number, body);
  co_await body.stop();
  co_return part;
}

Task<Result<client::PartInfo>> copy_part(Call& call, const CopySource& source,
                                         const PartSource& found, const PartTarget& target) {
  if (found.key || target.key) co_return co_await copy_part_bytes(call, source, found, target);
  co_return co_await call.objects().copy_part(call.who(), source.bucket, source.key, found.version,
                                              found.range, call.s3.bucket, call.s3.key, target.id,
                                              target.number);
}

Task<Result<UploadItem>> to_item(Call& call, client::UploadInfo upload) {
  const ChecksumChoice choice = choice_of(upload);
  UploadItem item;
  STRATOS_CO_TRY(item.initiator, co_await named_owner(call, upload.initiator));
  STRATOS_CO_TRY(item.owner, co_await named_owner(call, call.rules->owner_of({upload.owner, {}})));
  item.key = std::move(upload.key);
  item.upload_id = upload.id.hex();
  item.initiated = upload.created;
  item.checksum_algorithm = choice.algorithm;
  item.checksum_type = choice.type;
  co_return item;
}

Result<UploadId> parse_upload_marker(const S3Request& request, const std::string& key_marker) {
  const std::string* text = request.query("upload-id-marker");
  // S3 ignores it where there is no key to go with it.
  if (!text || text->empty() || key_marker.empty()) return UploadId{};
  const auto id = UploadId::from_hex_text(*text);
  if (!id) return fail(Errc::invalid_argument, "Invalid uploadId marker");
  return *id;
}

}  // namespace

Task<Result<void>> create_multipart_upload(Call& call) {
  STRATOS_CO_TRY(const ChecksumChoice choice, parse_checksum_choice(call.headers()));
  client::CreateUploadRequest request;
  STRATOS_CO_TRY(request.attributes, parse_attributes(call.headers()));
  STRATOS_CO_TRY(request.attributes.access, co_await new_object_access(call, call.headers()));
  STRATOS_CO_CHECK(authorize_lock(call, request.attributes.lock));
  if (choice.algorithm) request.checksum_algorithm = info_of(*choice.algorithm).name;
  if (choice.type) request.checksum_type = name_of(*choice.type);
  STRATOS_CO_TRY(const std::optional<CustomerKey> key, parse_write_encryption(call.headers()));
  if (key) {
    request.attributes.key_check = client::make_key_check(key->key, call.backend.runtime.random());
  }
  http::Headers headers;
  add_encryption_headers(headers, key);
  if (choice.algorithm) headers.add("x-amz-checksum-algorithm", request.checksum_algorithm);
  if (choice.type) headers.add("x-amz-checksum-type", request.checksum_type);
  STRATOS_CO_TRY(const UploadId id,
                 co_await call.objects().create_upload(call.who(), call.s3.bucket, call.s3.key,
                                                       std::move(request)));
  const UploadName name{call.s3.bucket, call.s3.key, id.hex()};
  co_return co_await answer_document(call, std::move(headers), initiate_upload_document(name));
}

Task<Result<void>> upload_part(Call& call) {
  STRATOS_CO_TRY(const UploadId id, parse_upload_id(call.s3));
  STRATOS_CO_TRY(const std::uint32_t number, parse_part_number(call.s3));
  STRATOS_CO_TRY(Payload payload,
                 open_payload(call, call.headers(), call.backend.options.max_body_bytes));
  STRATOS_CO_TRY(const client::UploadInfo upload, co_await upload_info(call, id));
  STRATOS_CO_TRY(const std::optional<CustomerKey> key, key_of_part(call, upload));
  const ChecksumChoice choice = choice_of(upload);
  STRATOS_CO_CHECK(check_part_algorithm(choice, payload.promise));
  BodyDigests digests(std::move(payload.promise),
                      choice.algorithm.value_or(ChecksumAlgorithm::crc64nvme));
  UploadBody body(call.backend.digester, *payload.reader, payload.size_bytes, std::move(digests),
                  client::Attributes());
  if (key) body.seal_with(*key);
  const auto part =
      co_await call.objects().put_part(call.who(), call.s3.bucket, call.s3.key, id, number, body);
  co_await body.stop();
  call.bytes_in += body.received();
  if (!part) co_return fail(part.error());
  http::Headers headers;
  headers.add("ETag", quoted(part->etag));
  add_part_checksum(headers, part->checksums);
  add_encryption_headers(headers, key);
  co_return co_await answer_empty(call, 200, std::move(headers));
}

Task<Result<void>> upload_part_copy(Call& call) {
  STRATOS_CO_TRY(const UploadId id, parse_upload_id(call.s3));
  STRATOS_CO_TRY(const std::uint32_t number, parse_part_number(call.s3));
  STRATOS_CO_TRY(const CopySource source,
                 parse_copy_source(call.headers().get("x-amz-copy-source").value_or("")));
  STRATOS_CO_CHECK(co_await open_source(call, source));
  STRATOS_CO_TRY(const client::UploadInfo upload, co_await upload_info(call, id));
  STRATOS_CO_TRY(const std::optional<CustomerKey> key, key_of_part(call, upload));
  STRATOS_CO_TRY(const PartSource found, co_await find_source(call, source));
  const PartTarget target{id, number, choice_of(upload).algorithm, key};
  auto copied = co_await copy_part(call, source, found, target);
  if (!copied && found.pinned && copied.error().code() == Errc::no_such_version) {
    co_return fail(Errc::precondition_failed);
  }
  STRATOS_CO_TRY(const client::PartInfo part, std::move(copied));
  CopyResult result;
  result.etag = part.etag.to_string();
  result.modified = part.modified;
  if (auto known = known_checksum(part.checksums)) result.checksum = std::move(known->checksum);
  http::Headers headers;
  if (!source.version_id.empty()) headers.add("x-amz-copy-source-version-id", source.version_id);
  add_encryption_headers(headers, key);
  co_return co_await answer_document(call, std::move(headers), copy_part_document(result));
}

Task<Result<void>> complete_multipart_upload(Call& call) {
  STRATOS_CO_TRY(const UploadId id, parse_upload_id(call.s3));
  STRATOS_CO_TRY(Bytes document,
                 co_await read_document_without_checksum(call, kMaxCompletionBytes));
  STRATOS_CO_TRY(std::vector<CompletedPart> wanted,
                 co_await parse_document(call, std::move(document), &parse_complete_upload));
  auto completed = co_await run_completion(call, id, wanted);
  if (!completed) {
    co_return co_await answer_repeated(call, std::move(wanted), std::move(completed).error());
  }
  co_return co_await answer_completed(call, *completed);
}

Task<Result<void>> abort_multipart_upload(Call& call) {
  STRATOS_CO_TRY(const UploadId id, parse_upload_id(call.s3));
  STRATOS_CO_CHECK(co_await call.objects().abort_upload(call.s3.bucket, call.s3.key, id));
  http::Headers headers;
  co_return co_await answer_empty(call, 204, std::move(headers));
}

Task<Result<void>> list_parts(Call& call) {
  STRATOS_CO_TRY(const UploadId id, parse_upload_id(call.s3));
  STRATOS_CO_TRY(const std::uint64_t asked,
                 query_number(call.s3, "max-parts", kMaxPage, INT32_MAX));
  STRATOS_CO_TRY(const std::uint64_t after,
                 query_number(call.s3, "part-number-marker", 0, INT32_MAX));
  STRATOS_CO_TRY(const ListQuery query, parse_list_query(call.s3));
  STRATOS_CO_TRY(const client::UploadInfo upload,
                 co_await call.objects().head_upload(call.s3.bucket, call.s3.key, id));
  const auto limit = static_cast<std::uint32_t>(std::min(asked, kMaxPage));
  const auto marker = static_cast<std::uint32_t>(after);
  std::vector<client::PartInfo> parts;
  if (limit != 0) {
    // One more tells whether there are more.
    STRATOS_CO_TRY(parts, co_await call.objects().list_parts(call.s3.bucket, call.s3.key, id,
                                                             marker, limit + 1));
  }
  const ChecksumChoice choice = choice_of(upload);
  PartListing listing;
  listing.name = {call.s3.bucket, call.s3.key, id.hex()};
  STRATOS_CO_TRY(listing.initiator, co_await named_owner(call, upload.initiator));
  STRATOS_CO_TRY(listing.owner,
                 co_await named_owner(call, call.rules->owner_of({upload.owner, {}})));
  listing.part_number_marker = marker;
  listing.max_parts = limit;
  listing.truncated = parts.size() > limit;
  listing.url_encoding = query.url_encoding;
  listing.checksum_algorithm = choice.algorithm;
  listing.checksum_type = choice.type;
  if (listing.truncated) parts.resize(limit);
  if (!parts.empty()) listing.next_part_number_marker = parts.back().number;
  for (const client::PartInfo& part : parts) {
    PartItem item{part.number, part.modified, part.etag.to_string(), part.size, std::nullopt};
    if (auto known = known_checksum(part.checksums)) item.checksum = std::move(known->checksum);
    listing.parts.push_back(std::move(item));
  }
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers), list_parts_document(listing));
}

Task<Result<void>> list_multipart_uploads(Call& call) {
  STRATOS_CO_TRY(const ListQuery query, parse_list_query(call.s3));
  STRATOS_CO_TRY(const UploadId marker, parse_upload_marker(call.s3, query.after));
  client::ObjectClient::UploadPage page;
  if (query.max_keys != 0) {
    STRATOS_CO_TRY(page, co_await call.objects().list_uploads(
                             call.s3.bucket, query.prefix, query.delimiter, query.after, marker,
                             static_cast<std::uint32_t>(query.max_keys)));
  }
  UploadListing listing;
  listing.bucket = call.s3.bucket;
  listing.prefix = query.prefix;
  listing.delimiter = query.delimiter;
  listing.key_marker = query.after;
  if (!marker.is_zero()) listing.upload_id_marker = marker.hex();
  listing.max_uploads = query.max_keys;
  listing.truncated = page.truncated;
  listing.url_encoding = query.url_encoding;
  if (page.truncated) {
    listing.next_key_marker = std::move(page.next_key_marker);
    if (!page.next_upload_marker.is_zero()) {
      listing.next_upload_id_marker = page.next_upload_marker.hex();
    }
  }
  for (auto& upload : page.uploads) {
    STRATOS_CO_TRY(listing.uploads.emplace_back(), co_await to_item(call, std::move(upload)));
  }
  listing.common_prefixes = std::move(page.common_prefixes);
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers), list_uploads_document(listing));
}

}  // namespace stratos::gateway::s3
