// Tags of objects.
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_versions.hpp"
#include "gateway/s3/s3_xml_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxDocumentBytes = 64 * 1024;

Task<Result<void>> store_tags(Call& call, client::Tags tags, int status) {
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key, version));
  STRATOS_CO_CHECK(authorize_object(call, info, tags));
  STRATOS_CO_TRY(const client::ChangedVersion changed,
                 co_await call.objects().put_tags(call.who(), call.s3.bucket, call.s3.key,
                                                  info.version, std::move(tags)));
  http::Headers headers;
  add_version_header(call, headers, changed.version, changed.versioned);
  co_return co_await answer_empty(call, status, std::move(headers));
}

}  // namespace

Task<Result<void>> get_object_tagging(Call& call) {
  STRATOS_CO_TRY(const client::VersionChoice version, parse_version_id(call.s3));
  STRATOS_CO_TRY(const client::ObjectInfo info,
                 co_await call.objects().head(call.s3.bucket, call.s3.key, version));
  STRATOS_CO_CHECK(authorize_object(call, info));
  http::Headers headers;
  add_version_header(call, headers, info.version, info.versioned);
  co_return co_await answer_document(call, std::move(headers),
                                     tagging_document(info.attributes.tags));
}

Task<Result<void>> put_object_tagging(Call& call) {
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(client::Tags tags, parse_tagging(document));
  co_return co_await store_tags(call, std::move(tags), 200);
}

Task<Result<void>> delete_object_tagging(Call& call) {
  client::Tags none;
  co_return co_await store_tags(call, std::move(none), 204);
}

}  // namespace stratos::gateway::s3
