// One request on its way through the service: what handlers are given and how they answer.
#pragma once
#include "gateway/s3/access.hpp"
#include "gateway/s3/s3_service.hpp"
#include "gateway/s3/s3_xml.hpp"
#include "gateway/s3/sse.hpp"
#include "gateway/s3/upload_body.hpp"

namespace stratos::gateway::s3 {

// What all requests share.
struct Backend {
  Backend(Runtime& runtime_in, client::ObjectClient& objects_in, ServiceOptions options_in);

  Runtime& runtime;
  client::ObjectClient& objects;
  ServiceOptions options;
  Access access;
  BodyDigester digester;
  // An upload's settings never change: kept to save a question for every part.
  BriefCache<client::UploadInfo> uploads;
};

// Lives in the frame of Service::handle.
struct Call {
  Backend& backend;
  http::Request& request;
  http::ResponseWriter& response;
  S3Request s3;
  std::optional<Identity> identity;
  client::BucketInfo bucket;  // of operations on an existing bucket
  Access::Rules rules;        // of that bucket
  // The object that is read decides whether the caller may: nothing may be told before
  // authorize_object() was asked.
  bool undecided = false;
  // The source of a copy; authorize_source() decides about it.
  struct Source {
    Access::Rules rules;
    std::string key;
    bool names_version = false;
  };
  std::optional<Source> source;
  bool source_undecided = false;
  http::Headers cors;  // go with every answer

  // Of an answer that turns out to be an error.
  http::Headers error_headers;
  std::vector<std::pair<std::string, std::string>> error_details;

  int read_status = 200;  // of a body that is read whole

  int status = 0;  // that was sent
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;

  client::ObjectClient& objects() const { return backend.objects; }
  // The zero account for the anonymous, who own nothing.
  // With the cause of what it changes.
  client::Principal who() const;
  // Where somebody may be told of the bucket's changes; else null.
  std::shared_ptr<const client::Cause> cause() const;
  bool anonymous() const { return !identity->who; }
  const http::Headers& headers() const { return request.headers; }
};

// After a request that succeeded: somebody may be told of it.
void wake_notifier(const Call& call);

// Answers with the fields that every answer has. An error leaves the rest to the service.
Task<Result<void>> answer(Call& call, int status, http::Headers headers, std::string body);
Task<Result<void>> answer_empty(Call& call, int status, http::Headers headers);
Task<Result<void>> answer_document(Call& call, http::Headers headers, std::string document);
void add_common_headers(const Call& call, http::Headers& headers);

// Whether the caller may do this with the bucket, or with a key in it. Errc::access_denied.
Result<void> authorize(const Call& call, const BucketRules& rules, std::string_view action,
                       std::string_view key, std::optional<Permission> permission);
// Whether the caller may do what the operation does with this object; `requested` are the tags that
// it asks for.
Result<void> authorize_object(Call& call, const client::ObjectInfo& info,
                              const client::Tags& requested = {});
// Whether the caller may keep what the request writes from being removed.
Result<void> authorize_lock(const Call& call, const client::ObjectLock& lock);
// Whether the caller asks, and may, remove what governance protects.
bool bypasses_governance(const Call& call, std::string_view key);
// Whether the caller may read the object as the source of a copy; asked again when it is read
// again.
Result<void> authorize_source(Call& call, const client::ObjectInfo& info);
// Who asks for what is not there is told so only when the bucket may be listed.
Result<void> check_missing(const Call& call);

// Whose the object is that the request creates, and who may use it.
// Errc::acl_not_supported, Errc::access_denied for public lists where they are blocked,
// Errc::invalid_argument.
Task<Result<client::ObjectAccess>> new_object_access(Call& call, http::Headers headers);
// Errc::invalid_argument unless every account of the list exists.
Task<Result<void>> check_grantees(Call& call, Acl acl);
Task<Result<Owner>> named_owner(Call& call, AccountId account);
// Names of the owners of objects, zero for the bucket's owner.
Task<Result<Owners>> named_owners(Call& call, std::vector<AccountId> accounts);

// The body that a request brings, as its payload kind has it.
struct Payload {
  std::unique_ptr<AwsChunkedBody> decoder;  // of the streaming kinds
  http::BodyReader* reader = nullptr;
  std::uint64_t size_bytes = 0;
  BodyPromise promise;
};
// `digests` are the headers that speak of the body's digests. Errc::missing_length,
// Errc::entity_too_large and what the parts of the protocol say.
Result<Payload> open_payload(Call& call, const http::Headers& digests, std::uint64_t max_bytes);

enum class Integrity : std::uint8_t { optional, required };
// A small body, whole and verified. Errc::too_large; Errc::invalid_request without a digest where
// one is required.
Task<Result<Bytes>> read_document(Call& call, std::size_t max_bytes, Integrity integrity);
// The same, with checksum headers that speak of something else than the body.
Task<Result<Bytes>> read_document_without_checksum(Call& call, std::size_t max_bytes);

// parse(document), outside the event loop when the document is large. `parse` is a function that
// touches nothing else.
template <class T>
Task<Result<T>> parse_document(Call& call, Bytes document, Result<T> (*parse)(ByteView)) {
  constexpr std::size_t kParsedInline = 64 * 1024;
  if (document.size() <= kParsedInline) co_return parse(document);
  const Duration cost(static_cast<std::int64_t>(document.size()) * 10);
  auto work = [document = std::move(document), parse] { return parse(document); };
  co_return co_await call.backend.runtime.offload(std::move(work), cost);
}

// What a request says about the object that it creates, tags and lock included.
// Errc::metadata_too_large, Errc::invalid_tag, Errc::invalid_argument.
Result<client::Attributes> parse_attributes(const http::Headers& headers);
// If-Match and If-None-Match of a write. Errc::invalid_argument for both.
// What is no entity tag is nobody's.
constexpr client::ETag kNobodysTag{{}, UINT32_MAX};
client::ETag parse_wanted_tag(std::string_view text);
Result<client::Condition> parse_write_condition(const http::Headers& headers);
// Clients may name the account that they believe to be a bucket's owner. Errc::access_denied when
// it is not.
Result<void> check_owner_header(const Call& call, std::string_view header, const AccountId& owner);
client::Checksum to_client(const Checksum& checksum, ChecksumType type);
struct KnownChecksum {
  Checksum checksum;
  ChecksumType type = ChecksumType::full_object;
};
// nullopt for none, and for algorithms that S3 does not know.
std::optional<KnownChecksum> known_checksum(const std::vector<client::Checksum>& checksums);
void add_checksum_headers(http::Headers& headers, const std::vector<client::Checksum>& checksums);

std::string quoted(const client::ETag& etag);
// When a rule of the bucket will remove this current version.
void add_expiration_header(const Call& call, http::Headers& headers,
                           const client::ObjectInfo& info);
// Until when the version is paid, where storage has terms.
void add_paid_header(http::Headers& headers, WallTime paid_through);

}  // namespace stratos::gateway::s3
