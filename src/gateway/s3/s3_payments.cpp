// Until when objects are paid: what their owner sees and extends, and whether a bucket renews.
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_versions.hpp"
#include "gateway/s3/s3_xml_payments.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxDocumentBytes = 16 * 1024;

// The version that the call is about, once the caller may know of it.
Task<Result<VersionId>> payable_version(Call& call) {
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key, version));
  STRATOS_CO_CHECK(authorize_object(call, info));
  co_return info.version;
}

Task<Result<void>> answer_payment(Call& call, VersionId version,
                                  std::optional<std::uint64_t> taken_noz) {
  STRATOS_CO_TRY(const client::PaymentInfo info,
                 co_await call.objects().payment(call.s3.bucket, call.s3.key, version));
  http::Headers headers;
  add_new_version_header(headers, info.version, info.versioned);
  add_paid_header(headers, info.payment.through);
  co_return co_await answer_document(call, std::move(headers),
                                     paid_through_document(info, taken_noz));
}

Task<Result<void>> set_renewal(Call& call, bool renews, int status) {
  STRATOS_CO_CHECK(co_await call.objects().set_renewal(call.s3.bucket, renews));
  call.backend.access.forget_bucket(call.s3.bucket);
  http::Headers headers;
  co_return co_await answer_empty(call, status, std::move(headers));
}

}  // namespace

Task<Result<void>> get_object_paid_through(Call& call) {
  STRATOS_CO_TRY(const VersionId version, co_await payable_version(call));
  co_return co_await answer_payment(call, version, std::nullopt);
}

Task<Result<void>> put_object_paid_through(Call& call) {
  STRATOS_CO_TRY(const VersionId version, co_await payable_version(call));
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(const client::PaymentExtension extension, parse_paid_through(document));
  STRATOS_CO_TRY(
      const client::ExtendedPayment extended,
      co_await call.objects().extend_payment(call.s3.bucket, call.s3.key, version, extension));
  co_return co_await answer_payment(call, version, extended.noz);
}

Task<Result<void>> get_bucket_renewal(Call& call) {
  STRATOS_CO_TRY(const client::BucketInfo bucket,
                 co_await call.objects().head_bucket(call.s3.bucket));
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers), renewal_document(bucket.renews));
}

Task<Result<void>> put_bucket_renewal(Call& call) {
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(const bool renews, parse_renewal(document));
  co_return co_await set_renewal(call, renews, 200);
}

Task<Result<void>> delete_bucket_renewal(Call& call) {
  co_return co_await set_renewal(call, false, 204);
}

}  // namespace stratos::gateway::s3
