#include "gateway/s3/access.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kCachedEntries = 4096;

}  // namespace

Access::Access(Runtime& runtime, client::ObjectClient& objects, std::string region)
    : runtime_(runtime),
      objects_(objects),
      region_(std::move(region)),
      credentials_(kAccessLifetime, kCachedEntries),
      buckets_(kAccessLifetime, kCachedEntries) {}

Task<Result<Identity>> Access::authenticate(const http::Request& request, const S3Request& s3) {
  const SignedRequest signed_request{request.method, s3.target, request.headers};
  STRATOS_CO_TRY(std::optional<Claim> claim, parse_claim(signed_request));
  if (!claim) co_return fail(Errc::access_denied);
  const VerifyRules rules{region_, runtime_.wall_now()};
  STRATOS_CO_CHECK(check_claim(*claim, rules));
  STRATOS_CO_TRY(const Credential known, co_await credential(claim->access_key_id));
  STRATOS_CO_TRY(ChunkSigner signer, verify_claim(*claim, signed_request, known.secret, keys_));
  co_return Identity{client::Principal{known.account}, std::move(*claim), std::move(signer)};
}

Task<Result<Access::Credential>> Access::credential(std::string access_key) {
  if (const Credential* known = credentials_.find(access_key, runtime_.now())) co_return *known;
  Result<Credential> found = co_await objects_.credential(access_key);
  if (found) credentials_.store(std::move(access_key), *found, runtime_.now());
  co_return found;
}

Task<Result<client::BucketInfo>> Access::own_bucket(client::Principal who, std::string bucket) {
  const client::BucketInfo* known = buckets_.find(bucket, runtime_.now());
  client::BucketInfo info;
  if (known) {
    info = *known;
  } else {
    STRATOS_CO_TRY(info, co_await objects_.head_bucket(bucket));
    buckets_.store(std::move(bucket), info, runtime_.now());
  }
  if (info.owner != who.account) co_return fail(Errc::access_denied);
  co_return info;
}

}  // namespace stratos::gateway::s3
