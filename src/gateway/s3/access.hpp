// Who asks, and whether the bucket is theirs.
#pragma once
#include "client/object_client.hpp"
#include "gateway/s3/brief_cache.hpp"
#include "gateway/s3/s3_request.hpp"
#include "gateway/s3/sigv4.hpp"

namespace stratos::gateway::s3 {

// What the answers of the index are good for without asking again. A revoked key and a bucket that
// changed hands may be used that much longer.
constexpr Duration kAccessLifetime = 1s;

struct Identity {
  client::Principal who;
  Claim claim;
  ChunkSigner signer;  // goes on with the chunks of a signed stream
};

// Belongs to one runtime, which outlives it, as does the client.
class Access {
 public:
  Access(Runtime& runtime, client::ObjectClient& objects, std::string region);

  // Errc::access_denied for a request without a signature, Errc::no_such_access_key,
  // Errc::signature_mismatch and all of parse_claim() and check_claim().
  Task<Result<Identity>> authenticate(const http::Request& request, const S3Request& s3);

  // Errc::no_such_bucket, or Errc::access_denied for somebody else's.
  Task<Result<client::BucketInfo>> own_bucket(client::Principal who, std::string bucket);
  void forget_bucket(const std::string& bucket) { buckets_.forget(bucket); }

 private:
  using Credential = client::ObjectClient::Credential;
  Task<Result<Credential>> credential(std::string access_key);

  Runtime& runtime_;
  client::ObjectClient& objects_;
  std::string region_;
  SigningKeys keys_;
  BriefCache<Credential> credentials_;
  BriefCache<client::BucketInfo> buckets_;
};

}  // namespace stratos::gateway::s3
