// Writing, copying and deleting objects.
#include "gateway/s3/copying.hpp"
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_headers.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxDeleteDocumentBytes = 2 << 20;
// Uploads above this size are not taken in before a condition that already fails.
constexpr std::uint64_t kPeekBytes = 1 << 20;

// If-None-Match: * is decided when the object is written; this only spares the transfer.
Task<Result<void>> peek_condition(Call& call, client::Condition condition, std::uint64_t size) {
  if (condition.exists != false || size < kPeekBytes) co_return Result<void>{};
  const auto found = co_await call.objects().head(call.s3.bucket, call.s3.key);
  if (found) co_return fail(Errc::precondition_failed);
  co_return Result<void>{};
}

Result<void> check_delete_headers(const http::Headers& headers) {
  if (headers.has("x-amz-if-match-size") || headers.has("x-amz-if-match-last-modified-time")) {
    return fail(Errc::not_implemented, "A delete can be conditional only on If-Match");
  }
  return {};
}

enum class Directive : std::uint8_t { copy, replace };
Result<Directive> parse_directive(const http::Headers& headers) {
  const auto text = headers.get("x-amz-metadata-directive").value_or("COPY");
  if (text == "COPY") return Directive::copy;
  if (text == "REPLACE") return Directive::replace;
  return fail(Errc::invalid_argument, "Unknown metadata directive.");
}

// What a CopyObject asks for.
struct CopyOrder {
  CopySource source;
  Directive directive = Directive::copy;
  client::Attributes attributes;  // with Directive::replace
  client::ObjectAccess access;    // of the copy
  client::Condition condition;
  std::optional<ChecksumAlgorithm> algorithm;
};

Result<CopyOrder> parse_copy(const Call& call) {
  const http::Headers& headers = call.headers();
  CopyOrder order;
  STRATOS_TRY(order.source, parse_copy_source(headers.get("x-amz-copy-source").value_or("")));
  STRATOS_CHECK(check_version(order.source.version_id));
  STRATOS_TRY(order.directive, parse_directive(headers));
  STRATOS_TRY(order.attributes, parse_attributes(headers));
  STRATOS_TRY(order.condition, parse_write_condition(headers));
  if (const auto name = headers.get("x-amz-checksum-algorithm")) {
    STRATOS_TRY(order.algorithm, parse_checksum_algorithm(*name));
  }
  const bool onto_itself = order.source.bucket == call.s3.bucket && order.source.key == call.s3.key;
  if (onto_itself && order.directive == Directive::copy) {
    return fail(Errc::invalid_request,
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes.");
  }
  return order;
}

// Whether sharing the source's segments is not enough.
bool needs_bytes(const CopyOrder& order, const client::ObjectInfo& source) {
  if (order.condition.exists || order.condition.if_match) return true;
  if (!order.algorithm) return false;
  const auto known = known_checksum(source.attributes.checksums);
  return !known || known->checksum.algorithm != *order.algorithm;
}

Task<Result<client::ObjectInfo>> copy_bytes(Call& call, CopyOrder order) {
  STRATOS_CO_TRY(const std::unique_ptr<client::ObjectReader> reader,
                 co_await call.objects().get(order.source.bucket, order.source.key));
  const client::ObjectInfo& info = reader->info();
  STRATOS_CO_CHECK(authorize_source(call, info));
  STRATOS_CO_CHECK(check_source(call.headers(), info));
  client::Attributes attributes =
      order.directive == Directive::copy ? info.attributes : std::move(order.attributes);
  attributes.access = std::move(order.access);
  const auto algorithm = order.algorithm.value_or(ChecksumAlgorithm::crc64nvme);
  BodyDigests digests(BodyPromise{}, algorithm);
  ObjectBody bytes(*reader);
  UploadBody body(call.backend.runtime, bytes, info.size, std::move(digests),
                  std::move(attributes));
  auto stored =
      co_await call.objects().put(call.who(), call.s3.bucket, call.s3.key, body, order.condition);
  co_await body.stop();
  co_return stored;
}

Task<Result<client::ObjectInfo>> run_copy(Call& call, CopyOrder order) {
  STRATOS_CO_TRY(const client::ObjectInfo source,
                 co_await call.objects().head(order.source.bucket, order.source.key));
  const bool own_source = call.source->rules->info.owner == call.who().account;
  STRATOS_CO_CHECK(authorize_source(call, source));
  STRATOS_CO_CHECK(check_source(call.headers(), source));
  if (needs_bytes(order, source)) co_return co_await copy_bytes(call, std::move(order));
  // A source that changes meanwhile would escape the conditions, and the decision.
  std::optional<VersionId> version;
  if (!own_source || has_source_conditions(call.headers())) version = source.version;
  std::optional<client::Attributes> replaced;
  if (order.directive == Directive::replace) replaced = std::move(order.attributes);
  co_return co_await call.objects().copy(call.who(), order.source.bucket, order.source.key, version,
                                         call.s3.bucket, call.s3.key, std::move(replaced),
                                         std::move(order.access));
}

// Keys of a DeleteObjects that go together, and where their results belong.
struct DeleteBatch {
  std::vector<std::string> keys;
  std::vector<std::size_t> places;
};

// Decides the items that need no deletion in bulk; the others are left to the batch.
Task<DeleteBatch> sort_deletions(Call& call, const std::vector<DeleteItem>& items,
                                 std::vector<DeletedItem>& results) {
  DeleteBatch batch;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const DeleteItem& item = items[i];
    results[i].key = item.key;
    results[i].version_id = item.version_id;
    Result<void> valid = check_version(item.version_id);
    if (valid) valid = validate_key(item.key);
    if (valid) {
      valid = authorize(call, *call.rules, "s3:DeleteObject", item.key, Permission::write);
    }
    if (valid && item.etag.empty()) {
      batch.keys.push_back(item.key);
      batch.places.push_back(i);
      continue;
    }
    if (valid) {
      client::Condition condition;
      condition.if_match = client::ETag::parse(item.etag);
      if (item.etag == "*") {
        condition.exists = true;
      } else if (!condition.if_match) {
        valid = fail(Errc::precondition_failed);
      }
      if (valid) valid = co_await call.objects().remove(call.s3.bucket, item.key, condition);
    }
    if (!valid) results[i].error = std::move(valid).error();
  }
  co_return batch;
}

}  // namespace

Task<Result<void>> put_object(Call& call) {
  STRATOS_CO_TRY(client::Attributes attributes, parse_attributes(call.headers()));
  STRATOS_CO_TRY(attributes.access, co_await new_object_access(call, call.headers()));
  STRATOS_CO_TRY(const client::Condition condition, parse_write_condition(call.headers()));
  STRATOS_CO_TRY(Payload payload,
                 open_payload(call, call.headers(), call.backend.options.max_body_bytes));
  STRATOS_CO_CHECK(co_await peek_condition(call, condition, payload.size_bytes));
  // Without a checksum of the client's choice S3 computes this one.
  BodyDigests digests(std::move(payload.promise), ChecksumAlgorithm::crc64nvme);
  UploadBody body(call.backend.runtime, *payload.reader, payload.size_bytes, std::move(digests),
                  std::move(attributes));
  const auto stored =
      co_await call.objects().put(call.who(), call.s3.bucket, call.s3.key, body, condition);
  co_await body.stop();
  call.bytes_in += body.received();
  if (!stored) co_return fail(stored.error());
  http::Headers headers;
  headers.add("ETag", quoted(stored->attributes.etag));
  add_checksum_headers(headers, stored->attributes.checksums);
  headers.add("x-amz-server-side-encryption", "AES256");
  co_return co_await answer_empty(call, 200, std::move(headers));
}

Task<Result<void>> copy_object(Call& call) {
  STRATOS_CO_TRY(CopyOrder order, parse_copy(call));
  STRATOS_CO_TRY(order.access, co_await new_object_access(call, call.headers()));
  STRATOS_CO_CHECK(co_await open_source(call, order.source.bucket, order.source.key));
  STRATOS_CO_TRY(const client::ObjectInfo copied, co_await run_copy(call, std::move(order)));
  CopyResult result;
  result.etag = copied.attributes.etag.to_string();
  result.modified = copied.modified;
  if (const auto known = known_checksum(copied.attributes.checksums)) {
    result.checksum = known->checksum;
    result.checksum_type = known->type;
  }
  http::Headers headers;
  headers.add("x-amz-server-side-encryption", "AES256");
  co_return co_await answer_document(call, std::move(headers), copy_object_document(result));
}

Task<Result<void>> delete_object(Call& call) {
  STRATOS_CO_CHECK(check_version(call.s3));
  STRATOS_CO_CHECK(check_delete_headers(call.headers()));
  STRATOS_CO_TRY(const client::Condition condition, parse_write_condition(call.headers()));
  STRATOS_CO_CHECK(co_await call.objects().remove(call.s3.bucket, call.s3.key, condition));
  http::Headers headers;
  co_return co_await answer_empty(call, 204, std::move(headers));
}

Task<Result<void>> delete_objects(Call& call) {
  // Only a policy tells keys apart.
  if (!call.rules->policy) {
    STRATOS_CO_CHECK(authorize(call, *call.rules, "s3:DeleteObject", {}, Permission::write));
  }
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDeleteDocumentBytes, Integrity::required));
  STRATOS_CO_TRY(const DeleteRequest request, parse_delete(document));
  std::vector<DeletedItem> results(request.items.size());
  DeleteBatch batch = co_await sort_deletions(call, request.items, results);
  if (!batch.keys.empty()) {
    STRATOS_CO_TRY(auto removed,
                   co_await call.objects().remove_many(call.s3.bucket, std::move(batch.keys)));
    for (std::size_t i = 0; i < removed.size() && i < batch.places.size(); ++i) {
      if (!removed[i]) results[batch.places[i]].error = std::move(removed[i]).error();
    }
  }
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     delete_result_document(results, request.quiet));
}

}  // namespace stratos::gateway::s3
