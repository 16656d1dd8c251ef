// Access control lists of buckets and objects.
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxDocumentBytes = 64 * 1024;

Task<Result<void>> answer_acl(Call& call, AccountId owner, Acl acl) {
  std::vector<Owner> names;
  for (const Grant& grant : acl.grants) {
    Owner name;
    if (grant.kind == GranteeKind::account) {
      STRATOS_CO_TRY(name, co_await named_owner(call, grant.account));
    }
    names.push_back(std::move(name));
  }
  STRATOS_CO_TRY(const Owner named, co_await named_owner(call, owner));
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers), acl_document(named, acl, names));
}

// The list that the request puts: in headers, or as a document.
Task<Result<Acl>> read_acl(Call& call, AccountId owner) {
  if (!call.rules->acls_count()) co_return fail(Errc::acl_not_supported);
  STRATOS_CO_TRY(const Bytes body,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(std::optional<Acl> acl,
                 parse_acl_headers(call.headers(), owner, call.bucket.owner));
  if (acl && !body.empty()) {
    co_return fail(Errc::invalid_request, "An ACL is either in the headers or in the body");
  }
  if (!acl) {
    if (body.empty()) {
      co_return fail(Errc::invalid_request, "The request names no ACL");
    }
    STRATOS_CO_TRY(AclDocument document, parse_acl_document(body));
    // Lists do not hand objects over.
    if (!document.owner.is_zero() && document.owner != owner) co_return fail(Errc::access_denied);
    acl = std::move(document.acl);
  }
  if (call.rules->block.block_public_acls && is_public(*acl)) co_return fail(Errc::access_denied);
  STRATOS_CO_CHECK(co_await check_grantees(call, *acl));
  co_return std::move(*acl);
}

}  // namespace

Task<Result<void>> get_bucket_acl(Call& call) {
  Acl acl = call.rules->acls_count() ? call.rules->acl : private_acl(call.bucket.owner);
  co_return co_await answer_acl(call, call.bucket.owner, std::move(acl));
}

Task<Result<void>> put_bucket_acl(Call& call) {
  STRATOS_CO_TRY(const Acl acl, co_await read_acl(call, call.bucket.owner));
  std::optional<Bytes> document = encode_acl(acl, call.bucket.owner);
  if (document->empty()) document.reset();
  STRATOS_CO_CHECK(co_await call.objects().set_bucket_config(
      call.s3.bucket, client::ConfigKind::acl, std::move(document)));
  call.backend.access.forget_bucket(call.s3.bucket);
  http::Headers headers;
  co_return co_await answer_empty(call, 200, std::move(headers));
}

Task<Result<void>> get_object_acl(Call& call) {
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key, version));
  STRATOS_CO_CHECK(authorize_object(call, info));
  const client::ObjectAccess& access = info.attributes.access;
  STRATOS_CO_TRY(Acl acl, call.rules->acl_of(access));
  co_return co_await answer_acl(call, call.rules->owner_of(access), std::move(acl));
}

Task<Result<void>> put_object_acl(Call& call) {
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  STRATOS_CO_TRY(client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key, version));
  STRATOS_CO_CHECK(authorize_object(call, info));
  client::ObjectAccess& access = info.attributes.access;
  const AccountId owner = call.rules->owner_of(access);
  STRATOS_CO_TRY(const Acl acl, co_await read_acl(call, owner));
  access.acl = encode_acl(acl, owner);
  STRATOS_CO_CHECK(co_await call.objects().set_attributes(call.s3.bucket, call.s3.key, info.version,
                                                          std::move(info.attributes)));
  http::Headers headers;
  add_version_header(call, headers, info.version, info.versioned);
  co_return co_await answer_empty(call, 200, std::move(headers));
}

}  // namespace stratos::gateway::s3
