// AWS Signature Version 4 with S3's rules: header and presigned requests, verifying and signing.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {

constexpr std::chrono::minutes kMaxClockSkew{15};
constexpr std::int64_t kMaxPresignSeconds = 604'800;

// The value of x-amz-content-sha256: how the body is covered by the signature.
enum class PayloadKind : std::uint8_t {
  literal,                     // a SHA-256 of the body
  unsigned_body,               // UNSIGNED-PAYLOAD
  streaming_signed,            // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
  streaming_signed_trailer,    // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
  streaming_unsigned_trailer,  // STREAMING-UNSIGNED-PAYLOAD-TRAILER
};
constexpr bool is_aws_chunked(PayloadKind kind) { return kind >= PayloadKind::streaming_signed; }
// Errc::invalid_argument for anything that is neither a hash nor one of the names.
Result<PayloadKind> parse_payload_kind(std::string_view content_sha256);

// Where a signature counts: "20130524/us-east-1/s3/aws4_request".
struct Scope {
  std::string date;
  std::string region;
  std::string service = "s3";
  std::string text() const;
};

// The parts of a request that are signed. `target` is the parsed form of what is on the wire.
struct SignedRequest {
  std::string_view method;
  const http::Target& target;
  const http::Headers& headers;
};

// What a request claims about itself, not yet believed.
struct Claim {
  std::string access_key_id;
  Scope scope;
  std::vector<std::string> signed_headers;  // lower case
  std::string signature;                    // 64 hex digits
  std::string timestamp;                    // 20130524T000000Z
  std::string content_sha256;               // as it stands in the canonical request
  PayloadKind payload = PayloadKind::unsigned_body;
  std::optional<std::int64_t> expires_s;  // presigned requests only
};

// nullopt for an anonymous request. Errc::malformed_authorization, malformed_presign,
// invalid_request, invalid_argument or access_denied.
Result<std::optional<Claim>> parse_claim(const SignedRequest& request);

// What the fields of a form upload claim; its policy is what is signed.
struct FormClaim {
  std::string access_key_id;
  Scope scope;
};
// Errc::malformed_authorization.
Result<FormClaim> parse_form_claim(std::string_view credential, std::string_view date);

// Derived signing keys by (access key id, date, region): saves four of five HMACs of a request.
// Bounded; one thread.
class SigningKeys {
 public:
  explicit SigningKeys(std::size_t capacity = 1024) : capacity_(capacity) {}
  // Recomputed when the secret of that id has changed.
  crypto::SecretKey get(std::string_view access_key_id, std::string_view secret,
                        const Scope& scope);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    crypto::SecretKey secret_digest;
    crypto::SecretKey signing_key;
  };
  std::size_t capacity_;
  std::unordered_map<std::string, Entry> entries_;
};

crypto::SecretKey derive_signing_key(std::string_view secret, const Scope& scope);

struct VerifyRules {
  std::string_view region;
  WallTime now;
};

// What does not need the secret: region, service, date, clock and expiry.
// Errc::malformed_authorization or malformed_presign, clock_skewed, request_expired, access_denied.
Result<void> check_claim(const Claim& claim, const VerifyRules& rules);

// Signs the chunks of one streaming body, each over the one before it.
class ChunkSigner {
 public:
  ChunkSigner(crypto::SecretKey key, std::string timestamp, const Scope& scope,
              std::string seed_signature);
  // The signature of the next chunk, from the SHA-256 of its bytes.
  const std::string& next_chunk(const crypto::Sha256Digest& digest);
  // The signature of the trailer: `canonical` is "name:value\n" of each field.
  const std::string& trailer(std::string_view canonical);

 private:
  const std::string& advance(std::string_view kind, std::string_view digests);

  crypto::SecretKey key_;
  std::string timestamp_;
  std::string scope_;
  std::string previous_;
};

// Holds the signature against the secret in constant time. Errc::signature_mismatch. The signer
// goes on from here when the body is a signed stream.
Result<ChunkSigner> verify_claim(const Claim& claim, const SignedRequest& request,
                                 std::string_view secret, SigningKeys& keys);

// The text whose hash is signed; errors show it to people who debug clients.
std::string canonical_request(const SignedRequest& request,
                              const std::vector<std::string>& signed_headers,
                              std::string_view content_sha256);
std::string string_to_sign(std::string_view timestamp, const Scope& scope,
                           std::string_view canonical_request);

// --- client ------------------------------------------------------------------------------------

struct Credentials {
  std::string access_key_id;
  std::string secret;
  std::string region;
};

// Adds x-amz-date, x-amz-content-sha256 and Authorization; signs Host (which must be set) and every
// x-amz-* header present. Errc::invalid_uri, or invalid_argument without Host. The result continues
// with the chunks when `content_sha256` names a signed stream.
Result<ChunkSigner> sign_request(std::string_view method, std::string_view target,
                                 http::Headers& headers, std::string_view content_sha256,
                                 const Credentials& credentials, WallTime now);

// The target with the presigned query added; `host` as the client will send it.
Result<std::string> presign(std::string_view method, std::string_view target, std::string_view host,
                            const Credentials& credentials, WallTime now,
                            std::chrono::seconds expires);

}  // namespace stratos::gateway::s3
