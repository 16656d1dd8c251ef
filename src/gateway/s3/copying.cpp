#include "gateway/s3/copying.hpp"

#include "gateway/s3/s3_headers.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kPrefix = "x-amz-copy-source-";

}  // namespace

Task<Result<void>> open_source(Call& call, const CopySource& source) {
  auto rules = co_await call.backend.access.rules_of(source.bucket);
  if (!rules) {
    call.error_details.emplace_back("BucketName", source.bucket);
    co_return fail(std::move(rules).error());
  }
  STRATOS_CO_CHECK(
      check_owner_header(call, "x-amz-source-expected-bucket-owner", (*rules)->info.owner));
  call.source = Call::Source{std::move(*rules), source.key, !source.version_id.empty()};
  call.source_undecided = true;
  co_return Result<void>{};
}

bool pins_source(const Call& call) {
  const bool own_source = call.source->rules->info.owner == call.who().account;
  const Conditions asked = parse_conditions(call.headers(), kPrefix);
  return !own_source || asked.if_match || asked.if_none_match || asked.if_modified_since ||
         asked.if_unmodified_since;
}

Result<void> check_source(const http::Headers& headers, const client::ObjectInfo& source) {
  return check_copy_source(parse_conditions(headers, kPrefix), source.attributes.etag.to_string(),
                           source.modified);
}

}  // namespace stratos::gateway::s3
