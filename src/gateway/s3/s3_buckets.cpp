// Operations on buckets themselves.
#include <algorithm>

#include "gateway/s3/operations.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxDocumentBytes = 64 * 1024;
constexpr std::uint64_t kMaxBucketsAtOnce = 10'000;

Result<void> check_location(std::string_view wanted, std::string_view region) {
  if (wanted.empty() || wanted == region) return {};
  return fail(Errc::invalid_location, "This endpoint is of the region " + std::string(region));
}

// What the headers set about the bucket from its beginning.
Task<Result<client::BucketConfigs>> first_configs(Call& call) {
  const AccountId owner = call.who().account;
  client::BucketConfigs configs;
  STRATOS_CO_TRY(const std::optional<Acl> acl, parse_acl_headers(call.headers(), owner, owner));
  Bytes list;
  if (acl) {
    STRATOS_CO_CHECK(co_await check_grantees(call, *acl));
    list = encode_acl(*acl, owner);
  }
  if (!list.empty()) configs[client::ConfigKind::acl] = list;
  const auto name = call.headers().get("x-amz-object-ownership");
  if (!name) co_return configs;
  STRATOS_CO_TRY(const ObjectOwnership ownership, parse_ownership_name(*name));
  if (ownership == ObjectOwnership::bucket_owner_enforced && !list.empty()) {
    co_return fail(Errc::acl_with_ownership);
  }
  configs[client::ConfigKind::ownership_controls] =
      to_bytes(as_bytes(ownership_document(ownership)));
  co_return configs;
}

}  // namespace

Task<Result<void>> list_buckets(Call& call) {
  STRATOS_CO_TRY(const std::uint64_t max_buckets,
                 query_number(call.s3, "max-buckets", kMaxBucketsAtOnce, kMaxBucketsAtOnce));
  if (max_buckets == 0) co_return fail(Errc::invalid_argument, "max-buckets must be at least 1");
  const std::string* prefix = call.s3.query("prefix");
  const std::string* token = call.s3.query("continuation-token");
  STRATOS_CO_TRY(std::vector<client::BucketInfo> found,
                 co_await call.objects().list_buckets(call.who()));
  std::ranges::sort(found, {}, &client::BucketInfo::name);
  BucketListing listing;
  STRATOS_CO_TRY(listing.owner, co_await named_owner(call, call.who().account));
  if (prefix) listing.prefix = *prefix;
  for (client::BucketInfo& bucket : found) {
    if (!bucket.name.starts_with(listing.prefix)) continue;
    // The token is the name of the last bucket that was listed.
    if (token && bucket.name <= *token) continue;
    if (listing.buckets.size() == max_buckets) {
      listing.continuation_token = listing.buckets.back().name;
      break;
    }
    listing.buckets.push_back({std::move(bucket.name), bucket.created, std::move(bucket.region)});
  }
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers), list_buckets_document(listing));
}

Task<Result<void>> create_bucket(Call& call) {
  STRATOS_CO_TRY(client::BucketConfigs configs, co_await first_configs(call));
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(const std::string location, parse_create_bucket(document));
  const std::string& region = call.backend.options.region;
  STRATOS_CO_CHECK(check_location(location, region));
  const bool object_lock = http::equal_ignoring_case(
      call.headers().get("x-amz-bucket-object-lock-enabled").value_or(""), "true");
  call.backend.access.forget_bucket(call.s3.bucket);
  client::BucketOptions options;
  options.configs = std::move(configs);
  options.object_lock = object_lock;
  STRATOS_CO_CHECK(co_await call.objects().create_bucket(call.who(), call.s3.bucket, region,
                                                         std::move(options)));
  http::Headers headers;
  headers.add("Location", "/" + call.s3.bucket);
  co_return co_await answer_empty(call, 200, std::move(headers));
}

Task<Result<void>> delete_bucket(Call& call) {
  STRATOS_CO_CHECK(co_await call.objects().delete_bucket(call.s3.bucket));
  call.backend.access.forget_bucket(call.s3.bucket);
  http::Headers headers;
  co_return co_await answer_empty(call, 204, std::move(headers));
}

Task<Result<void>> head_bucket(Call& call) {
  http::Headers headers;
  headers.add("x-amz-bucket-region", call.bucket.region);
  headers.add("Content-Type", "application/xml");
  co_return co_await answer_empty(call, 200, std::move(headers));
}

Task<Result<void>> get_bucket_location(Call& call) {
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     location_document(call.bucket.region));
}

}  // namespace stratos::gateway::s3
