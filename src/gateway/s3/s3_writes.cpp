// Writing, copying and deleting objects.
#include <charconv>

#include "gateway/s3/copying.hpp"
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_headers.hpp"
#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/s3_versions.hpp"

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

// What a DELETE says about the version that it removes.
Result<client::Removal> parse_removal(const Call& call) {
  const http::Headers& headers = call.headers();
  client::Removal removal;
  STRATOS_TRY(removal.version, parse_version_id(call.s3));
  STRATOS_TRY(removal.condition, parse_write_condition(headers));
  removal.bypass_governance = bypasses_governance(call, call.s3.key);
  removal.cause = call.cause();
  if (removal.condition.if_none_match || removal.condition.exists == false) {
    return fail(Errc::not_implemented, "If-None-Match of a delete is not implemented");
  }
  if (const auto size = headers.get("x-amz-if-match-size")) {
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(size->data(), size->data() + size->size(), number);
    if (error != std::errc() || stop != size->data() + size->size()) {
      return fail(Errc::invalid_argument, "x-amz-if-match-size is not a number");
    }
    removal.condition.size = number;
  }
  if (const auto time = headers.get("x-amz-if-match-last-modified-time")) {
    removal.condition.modified = parse_http_date(*time);
    if (!removal.condition.modified) removal.condition.modified = parse_iso8601(*time);
    if (!removal.condition.modified) {
      return fail(Errc::invalid_argument, "x-amz-if-match-last-modified-time is no time");
    }
  }
  return removal;
}

enum class Directive : std::uint8_t { copy, replace };
Result<Directive> parse_directive(const http::Headers& headers, std::string_view header) {
  const auto text = headers.get(header).value_or("COPY");
  if (text == "COPY") return Directive::copy;
  if (text == "REPLACE") return Directive::replace;
  return fail(Errc::invalid_argument, "Unknown directive in " + std::string(header) + ".");
}

// What a CopyObject asks for.
struct CopyOrder {
  CopySource source;
  client::VersionChoice version;  // of the source
  Directive directive = Directive::copy;
  Directive tagging = Directive::copy;
  client::Attributes attributes;  // what a directive replaces, the lock, the copy's access
  std::optional<CustomerKey> source_key;
  std::optional<CustomerKey> key;  // that the copy is stored under
  client::Condition condition;
  std::optional<ChecksumAlgorithm> algorithm;
};

Result<CopyOrder> parse_copy(const Call& call) {
  const http::Headers& headers = call.headers();
  CopyOrder order;
  STRATOS_TRY(order.source, parse_copy_source(headers.get("x-amz-copy-source").value_or("")));
  STRATOS_TRY(order.version, parse_version_id(order.source.version_id));
  STRATOS_TRY(order.directive, parse_directive(headers, "x-amz-metadata-directive"));
  STRATOS_TRY(order.tagging, parse_directive(headers, "x-amz-tagging-directive"));
  STRATOS_TRY(order.attributes, parse_attributes(headers));
  STRATOS_TRY(order.source_key, parse_customer_key(headers, kSourceSsePrefix));
  STRATOS_TRY(order.key, parse_write_encryption(headers));
  STRATOS_TRY(order.condition, parse_write_condition(headers));
  if (const auto name = headers.get("x-amz-checksum-algorithm")) {
    STRATOS_TRY(order.algorithm, parse_checksum_algorithm(*name));
  }
  const bool onto_itself = order.source.bucket == call.s3.bucket && order.source.key == call.s3.key;
  const bool encrypts = order.key || headers.has(kSsePrefix);
  if (onto_itself && !order.version && order.directive == Directive::copy && !encrypts) {
    return fail(Errc::invalid_request,
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes.");
  }
  return order;
}

// Whether sharing the source's segments is not enough.
bool needs_bytes(const CopyOrder& order, const client::ObjectInfo& source) {
  if (order.key || order.source_key) return true;
  if (!order.algorithm) return false;
  const auto known = known_checksum(source.attributes.checksums);
  return !known || known->checksum.algorithm != *order.algorithm;
}

Task<Result<client::ObjectInfo>> copy_bytes(Call& call, CopyOrder order) {
  STRATOS_CO_TRY(const std::unique_ptr<client::ObjectReader> reader,
                 co_await call.objects().get(order.source.bucket, order.source.key, order.version));
  const client::ObjectInfo& info = reader->info();
  STRATOS_CO_CHECK(authorize_source(call, info));
  STRATOS_CO_CHECK(check_customer_key(order.source_key, info.attributes.key_check));
  if (order.source_key) reader->unlock(order.source_key->key);
  STRATOS_CO_CHECK(check_source(call.headers(), info));
  client::Attributes attributes = info.attributes;
  if (order.directive == Directive::replace) {
    attributes.headers = std::move(order.attributes.headers);
    attributes.metadata = std::move(order.attributes.metadata);
  }
  if (order.tagging == Directive::replace) attributes.tags = std::move(order.attributes.tags);
  attributes.lock = order.attributes.lock;
  attributes.access = std::move(order.attributes.access);
  attributes.parts = {};
  attributes.key_check.clear();
  const auto algorithm = order.algorithm.value_or(ChecksumAlgorithm::crc64nvme);
  BodyDigests digests(BodyPromise{}, algorithm);
  ObjectBody bytes(*reader);
  UploadBody body(call.backend.digester, bytes, info.size, std::move(digests),
                  std::move(attributes));
  if (order.key) body.seal_with(*order.key);
  auto stored =
      co_await call.objects().put(call.who(), call.s3.bucket, call.s3.key, body, order.condition);
  co_await body.stop();
  co_return stored;
}

// The copy, and the version that it was made of.
struct Copied {
  client::ObjectInfo source;
  client::ObjectInfo copy;
};

client::CopyOptions options_of(CopyOrder order) {
  client::CopyOptions options;
  options.source_version = order.version;
  options.lock = order.attributes.lock;
  options.access = std::move(order.attributes.access);
  options.condition = order.condition;
  if (order.tagging == Directive::replace) options.tags = order.attributes.tags;
  if (order.directive == Directive::replace) options.attributes = std::move(order.attributes);
  return options;
}

Task<Result<Copied>> run_copy(Call& call, CopyOrder order) {
  const CopySource from = order.source;
  Copied copied;
  STRATOS_CO_TRY(copied.source, co_await call.objects().head(from.bucket, from.key, order.version));
  STRATOS_CO_CHECK(authorize_source(call, copied.source));
  STRATOS_CO_CHECK(check_customer_key(order.source_key, copied.source.attributes.key_check));
  STRATOS_CO_CHECK(check_source(call.headers(), copied.source));
  if (needs_bytes(order, copied.source)) {
    STRATOS_CO_TRY(copied.copy, co_await copy_bytes(call, std::move(order)));
    co_return copied;
  }
  const bool pinned = !order.version && pins_source(call);
  client::CopyOptions options = options_of(std::move(order));
  if (pinned) options.source_version = copied.source.version;
  auto done = co_await call.objects().copy(call.who(), from.bucket, from.key, call.s3.bucket,
                                           call.s3.key, std::move(options));
  if (!done && pinned && done.error().code() == Errc::no_such_version) {
    co_return fail(Errc::precondition_failed);
  }
  STRATOS_CO_TRY(copied.copy, std::move(done));
  co_return copied;
}

// Items of a DeleteObjects that go together, and where their results belong.
struct DeleteBatch {
  std::vector<client::RemovalItem> items;
  std::vector<std::size_t> places;
};

Result<client::Removal> to_removal(const Call& call, const DeleteItem& item) {
  client::Removal removal;
  STRATOS_TRY(removal.version, parse_version_id(item.version_id));
  STRATOS_CHECK(validate_key(item.key));
  const AccessRule& plain = *access_rule_of(Operation::delete_object);
  const AccessRule rule = removal.version ? of_version(plain) : plain;
  STRATOS_CHECK(authorize(call, *call.rules, rule.action, item.key, rule.permission));
  removal.bypass_governance = bypasses_governance(call, item.key);
  removal.cause = call.cause();
  removal.condition.size = item.size_bytes;
  removal.condition.modified = item.modified;
  if (item.etag == "*") {
    removal.condition.exists = true;
  } else if (!item.etag.empty()) {
    removal.condition.if_match = parse_wanted_tag(item.etag);
  }
  return removal;
}

void take_result(Result<client::Removed> removed, DeletedItem& item) {
  if (!removed) {
    item.error = std::move(removed).error();
    return;
  }
  item.marker = removed->marker;
  if (item.marker) item.marker_version_id = version_text(removed->version, removed->versioned);
}

// Decides the items that cannot be deleted in bulk; the others are left to the batch.
Task<DeleteBatch> sort_deletions(Call& call, const std::vector<DeleteItem>& items,
                                 std::vector<DeletedItem>& results) {
  DeleteBatch batch;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const DeleteItem& item = items[i];
    results[i].key = item.key;
    results[i].version_id = item.version_id;
    Result<client::Removal> removal = to_removal(call, item);
    if (!removal) {
      results[i].error = std::move(removal).error();
    } else if (removal->condition.if_match) {
      auto removed = co_await call.objects().remove(call.s3.bucket, item.key, std::move(*removal));
      take_result(std::move(removed), results[i]);
    } else {
      batch.items.push_back({item.key, std::move(*removal)});
      batch.places.push_back(i);
    }
  }
  co_return batch;
}

}  // namespace

Task<Result<void>> put_object(Call& call) {
  STRATOS_CO_TRY(client::Attributes attributes, parse_attributes(call.headers()));
  STRATOS_CO_TRY(const std::optional<CustomerKey> key, parse_write_encryption(call.headers()));
  STRATOS_CO_TRY(attributes.access, co_await new_object_access(call, call.headers()));
  STRATOS_CO_CHECK(authorize_lock(call, attributes.lock));
  STRATOS_CO_TRY(const client::Condition condition, parse_write_condition(call.headers()));
  STRATOS_CO_TRY(Payload payload,
                 open_payload(call, call.headers(), call.backend.options.max_body_bytes));
  STRATOS_CO_CHECK(co_await peek_condition(call, condition, payload.size_bytes));
  // Without a checksum of the client's choice S3 computes this one.
  BodyDigests digests(std::move(payload.promise), ChecksumAlgorithm::crc64nvme);
  UploadBody body(call.backend.digester, *payload.reader, payload.size_bytes, std::move(digests),
                  std::move(attributes));
  if (key) body.seal_with(*key);
  const auto stored =
      co_await call.objects().put(call.who(), call.s3.bucket, call.s3.key, body, condition);
  co_await body.stop();
  call.bytes_in += body.received();
  if (!stored) co_return fail(stored.error());
  http::Headers headers;
  headers.add("ETag", quoted(stored->attributes.etag));
  add_checksum_headers(headers, stored->attributes.checksums);
  add_encryption_headers(headers, key);
  add_new_version_header(headers, stored->version, stored->versioned);
  add_expiration_header(call, headers, *stored);
  add_paid_header(headers, stored->paid_through);
  co_return co_await answer_empty(call, 200, std::move(headers));
}

Task<Result<void>> copy_object(Call& call) {
  STRATOS_CO_TRY(CopyOrder order, parse_copy(call));
  STRATOS_CO_TRY(order.attributes.access, co_await new_object_access(call, call.headers()));
  STRATOS_CO_CHECK(authorize_lock(call, order.attributes.lock));
  STRATOS_CO_CHECK(co_await open_source(call, order.source));
  const std::optional<CustomerKey> key = order.key;
  STRATOS_CO_TRY(const Copied done, co_await run_copy(call, std::move(order)));
  const client::ObjectInfo& copied = done.copy;
  CopyResult result;
  result.etag = copied.attributes.etag.to_string();
  result.modified = copied.modified;
  if (const auto known = known_checksum(copied.attributes.checksums)) {
    result.checksum = known->checksum;
    result.checksum_type = known->type;
  }
  http::Headers headers;
  add_encryption_headers(headers, key);
  add_new_version_header(headers, copied.version, copied.versioned);
  add_expiration_header(call, headers, copied);
  add_paid_header(headers, copied.paid_through);
  if (done.source.versioned) {
    headers.add("x-amz-copy-source-version-id", done.source.version.hex());
  }
  co_return co_await answer_document(call, std::move(headers), copy_object_document(result));
}

Task<Result<void>> delete_object(Call& call) {
  STRATOS_CO_TRY(client::Removal removal, parse_removal(call));
  STRATOS_CO_TRY(const client::Removed removed,
                 co_await call.objects().remove(call.s3.bucket, call.s3.key, std::move(removal)));
  http::Headers headers;
  if (!removed.version.is_zero()) {
    add_version_header(call, headers, removed.version, removed.versioned);
  }
  if (removed.marker) headers.add("x-amz-delete-marker", "true");
  co_return co_await answer_empty(call, 204, std::move(headers));
}

Task<Result<void>> delete_objects(Call& call) {
  // Only a policy tells keys apart.
  if (!call.rules->policy) {
    STRATOS_CO_CHECK(authorize(call, *call.rules, "s3:DeleteObject", {}, Permission::write));
  }
  STRATOS_CO_TRY(Bytes document,
                 co_await read_document(call, kMaxDeleteDocumentBytes, Integrity::required));
  STRATOS_CO_TRY(const DeleteRequest request,
                 co_await parse_document(call, std::move(document), &parse_delete));
  std::vector<DeletedItem> results(request.items.size());
  DeleteBatch batch = co_await sort_deletions(call, request.items, results);
  if (!batch.items.empty()) {
    STRATOS_CO_TRY(auto removed,
                   co_await call.objects().remove_many(call.s3.bucket, std::move(batch.items)));
    for (std::size_t i = 0; i < removed.size() && i < batch.places.size(); ++i) {
      take_result(std::move(removed[i]), results[batch.places[i]]);
    }
  }
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     delete_result_document(results, request.quiet));
}

}  // namespace stratos::gateway::s3
