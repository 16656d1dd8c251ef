#include "gateway/s3/s3_call.hpp"

#include "base/assert.hpp"
#include "gateway/s3/s3_headers.hpp"
#include "gateway/s3/s3_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr Duration kUploadLifetime = 60s;
constexpr std::size_t kCachedUploads = 4096;

bool has_digest(const Payload& payload) {
  const BodyPromise& promise = payload.promise;
  return promise.md5 || promise.sha256 || promise.checksum || promise.checksum_in_trailer;
}

Task<Result<Bytes>> read_verified(Call& call, Payload payload) {
  Bytes body;
  body.reserve(static_cast<std::size_t>(payload.size_bytes));
  BodyDigests digests(std::move(payload.promise));
  while (true) {
    STRATOS_CO_TRY(const Buffer part, co_await payload.reader->read(kInlineBodyBytes));
    if (part.empty()) break;
    digests.update(part.view());
    append(body, part.view());
  }
  call.bytes_in += body.size();
  STRATOS_CO_CHECK(digests.finish(payload.reader->trailers()));
  co_return body;
}

}  // namespace

Backend::Backend(Runtime& runtime_in, client::ObjectClient& objects_in, ServiceOptions options_in)
    : runtime(runtime_in),
      objects(objects_in),
      options(std::move(options_in)),
      access(runtime, objects, options.region),
      digester(runtime, options.hashing != nullptr ? *options.hashing : runtime),
      uploads(kUploadLifetime, kCachedUploads) {}

void add_common_headers(const Call& call, http::Headers& headers) {
  STRATOS_ASSERT(!call.undecided && !call.source_undecided, "an answer before the decision");
  headers.add("x-amz-request-id", call.request.request_id);
  headers.add("x-amz-id-2", call.request.request_id);
  headers.add("Server", "Stratos");
  for (const auto& [name, value] : call.cors.items()) headers.add(name, value);
}

Task<Result<void>> answer(Call& call, int status, http::Headers headers, std::string body) {
  add_common_headers(call, headers);
  const std::size_t size = body.size();
  Buffer data = Buffer::copy_of(as_bytes(body));
  STRATOS_CO_CHECK(co_await call.response.send(status, std::move(headers), std::move(data)));
  call.status = status;
  call.bytes_out += size;
  co_return Result<void>{};
}

Task<Result<void>> answer_empty(Call& call, int status, http::Headers headers) {
  std::string nothing;
  co_return co_await answer(call, status, std::move(headers), std::move(nothing));
}

Task<Result<void>> answer_document(Call& call, http::Headers headers, std::string document) {
  headers.add("Content-Type", "application/xml");
  co_return co_await answer(call, 200, std::move(headers), std::move(document));
}

Result<Payload> open_payload(Call& call, const http::Headers& digests, std::uint64_t max_bytes) {
  const Claim& claim = call.identity->claim;
  Payload payload;
  STRATOS_TRY(payload.promise, parse_body_promise(digests, claim.payload, claim.content_sha256));
  if (is_aws_chunked(claim.payload)) {
    STRATOS_TRY(AwsChunkedOptions options,
                aws_chunked_options(call.headers(), claim.payload, call.identity->signer));
    payload.size_bytes = options.decoded_length;
    payload.decoder = std::make_unique<AwsChunkedBody>(call.backend.runtime, *call.request.body,
                                                       std::move(options));
    payload.reader = payload.decoder.get();
  } else {
    const auto length = call.request.body->length();
    if (!length) return fail(Errc::missing_length);
    payload.size_bytes = *length;
    payload.reader = call.request.body;
  }
  if (payload.size_bytes > max_bytes) return fail(Errc::entity_too_large);
  return payload;
}

Task<Result<Bytes>> read_document(Call& call, std::size_t max_bytes, Integrity integrity) {
  STRATOS_CO_TRY(Payload payload, open_payload(call, call.headers(), UINT64_MAX));
  if (payload.size_bytes > max_bytes) co_return fail(Errc::too_large);
  if (integrity == Integrity::required && !has_digest(payload)) {
    co_return fail(Errc::invalid_request,
                   "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
  }
  co_return co_await read_verified(call, std::move(payload));
}

Task<Result<Bytes>> read_document_without_checksum(Call& call, std::size_t max_bytes) {
  http::Headers digests;
  if (const auto md5 = call.headers().get("content-md5")) {
    digests.add("content-md5", std::string(*md5));
  }
  STRATOS_CO_TRY(Payload payload, open_payload(call, digests, UINT64_MAX));
  if (payload.size_bytes > max_bytes) co_return fail(Errc::too_large);
  co_return co_await read_verified(call, std::move(payload));
}

Result<client::Attributes> parse_attributes(const http::Headers& headers) {
  STRATOS_CHECK(parse_storage_class(headers));
  STRATOS_TRY(UserMetadata metadata, parse_user_metadata(headers));
  client::Attributes attributes;
  for (auto& [name, value] : parse_stored_headers(headers)) attributes.headers[name] = value;
  for (auto& [name, value] : metadata) attributes.metadata[name] = std::move(value);
  STRATOS_TRY(attributes.tags, parse_tag_header(headers));
  STRATOS_TRY(attributes.lock, parse_lock_headers(headers));
  return attributes;
}

client::ETag parse_wanted_tag(std::string_view text) {
  return client::ETag::parse(text).value_or(kNobodysTag);
}

Result<client::Condition> parse_write_condition(const http::Headers& headers) {
  client::Condition condition;
  const Conditions asked = parse_conditions(headers, "");
  if (asked.if_none_match && asked.if_match) {
    return fail(Errc::invalid_argument, "If-Match and If-None-Match exclude each other");
  }
  if (asked.if_none_match == "*") {
    condition.exists = false;
  } else if (asked.if_none_match) {
    condition.if_none_match = parse_wanted_tag(*asked.if_none_match);
  }
  if (asked.if_match == "*") {
    condition.exists = true;
  } else if (asked.if_match) {
    condition.if_match = parse_wanted_tag(*asked.if_match);
  }
  return condition;
}

Result<void> check_owner_header(const Call& call, std::string_view header, const AccountId& owner) {
  auto expected = call.headers().get(header);
  if (!expected) return {};
  if (expected->starts_with("0x")) expected->remove_prefix(2);
  if (http::equal_ignoring_case(*expected, owner.hex())) return {};
  return fail(Errc::access_denied);
}

void add_expiration_header(const Call& call, http::Headers& headers,
                           const client::ObjectInfo& info) {
  auto text = expiration_header(call.rules->lifecycle, call.s3.key, info,
                                call.backend.options.lifecycle_day);
  if (text) headers.add("x-amz-expiration", std::move(*text));
}

void add_paid_header(http::Headers& headers, WallTime paid_through) {
  if (paid_through.ms != 0) headers.add("x-stratos-paid-through", to_iso8601(paid_through));
}

client::Checksum to_client(const Checksum& checksum, ChecksumType type) {
  client::Checksum out;
  out.algorithm = info_of(checksum.algorithm).name;
  out.value = checksum.value;
  out.parts = checksum.parts;
  out.composite = type == ChecksumType::composite;
  return out;
}

std::optional<KnownChecksum> known_checksum(const std::vector<client::Checksum>& checksums) {
  for (const client::Checksum& stored : checksums) {
    const auto algorithm = parse_checksum_algorithm(stored.algorithm);
    if (!algorithm) continue;
    KnownChecksum known;
    known.checksum = {*algorithm, stored.value, stored.composite ? stored.parts : 0};
    known.type = stored.composite ? ChecksumType::composite : ChecksumType::full_object;
    return known;
  }
  return std::nullopt;
}

void add_checksum_headers(http::Headers& headers, const std::vector<client::Checksum>& checksums) {
  const auto known = known_checksum(checksums);
  if (!known) return;
  headers.add(std::string(info_of(known->checksum.algorithm).header), known->checksum.text());
  headers.add("x-amz-checksum-type", std::string(name_of(known->type)));
}

std::string quoted(const client::ETag& etag) { return "\"" + etag.to_string() + "\""; }

}  // namespace stratos::gateway::s3
