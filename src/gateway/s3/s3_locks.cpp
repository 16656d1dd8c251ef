// Object lock: the bucket's configuration, retention and legal hold of versions.
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_versions.hpp"
#include "gateway/s3/s3_xml_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxDocumentBytes = 64 * 1024;

Task<Result<client::ObjectInfo>> lockable_object(Call& call) {
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  STRATOS_CO_TRY(client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key, version));
  STRATOS_CO_CHECK(authorize_object(call, info));
  if (!call.bucket.object_lock) co_return fail(Errc::no_object_lock);
  co_return info;
}

Task<Result<void>> answer_changed(Call& call, Result<client::ChangedVersion> changed) {
  if (!changed) co_return fail(changed.error());
  http::Headers headers;
  add_new_version_header(headers, changed->version, changed->versioned);
  co_return co_await answer_empty(call, 200, std::move(headers));
}

}  // namespace

Task<Result<void>> get_object_lock_configuration(Call& call) {
  STRATOS_CO_TRY(const client::BucketInfo bucket,
                 co_await call.objects().head_bucket(call.s3.bucket));
  if (!bucket.object_lock) co_return fail(Errc::no_object_lock_configuration);
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     object_lock_document(bucket.default_retention));
}

Task<Result<void>> put_object_lock_configuration(Call& call) {
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(const client::DefaultRetention retention, parse_object_lock(document));
  STRATOS_CO_CHECK(co_await call.objects().set_object_lock(call.s3.bucket, retention));
  call.backend.access.forget_bucket(call.s3.bucket);
  http::Headers headers;
  co_return co_await answer_empty(call, 200, std::move(headers));
}

Task<Result<void>> get_object_retention(Call& call) {
  STRATOS_CO_TRY(const client::ObjectInfo info, co_await lockable_object(call));
  const client::ObjectLock& lock = info.attributes.lock;
  if (lock.mode == client::LockMode::none) co_return fail(Errc::no_such_retention);
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers), retention_document(lock));
}

Task<Result<void>> put_object_retention(Call& call) {
  STRATOS_CO_TRY(const client::ObjectInfo info, co_await lockable_object(call));
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(const client::ObjectLock lock, parse_retention(document));
  const bool bypass = bypasses_governance(call, call.s3.key);
  co_return co_await answer_changed(
      call, co_await call.objects().put_retention(call.s3.bucket, call.s3.key, info.version, lock,
                                                  bypass));
}

Task<Result<void>> get_object_legal_hold(Call& call) {
  STRATOS_CO_TRY(const client::ObjectInfo info, co_await lockable_object(call));
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     legal_hold_document(info.attributes.lock.hold));
}

Task<Result<void>> put_object_legal_hold(Call& call) {
  STRATOS_CO_TRY(const client::ObjectInfo info, co_await lockable_object(call));
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(const bool hold, parse_legal_hold(document));
  co_return co_await answer_changed(
      call, co_await call.objects().put_hold(call.s3.bucket, call.s3.key, info.version, hold));
}

}  // namespace stratos::gateway::s3
