#include "gateway/s3/sigv4.hpp"

#include <algorithm>
#include <array>

#include "gateway/s3/s3_time.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string hex_sha256(std::string_view text) { return to_hex(crypto::sha256(as_bytes(text))); }

crypto::SecretKey hmac(ByteView key, std::string_view text) {
  return crypto::SecretKey(crypto::hmac_sha256(key, as_bytes(text)));
}

// Each segment decoded and encoded again, so that every spelling of a path is signed as one. An
// escaped slash stays escaped: it was signed so.
std::string canonical_path(std::string_view raw_path) {
  std::string out;
  out.reserve(raw_path.size() + 16);
  while (true) {
    const std::size_t end = std::min(raw_path.find('/'), raw_path.size());
    const std::string_view segment = raw_path.substr(0, end);
    const Result<std::string> decoded = http::percent_decode(segment, false);
    out += http::percent_encode(decoded ? std::string_view(*decoded) : segment, false);
    if (end == raw_path.size()) return out;
    out += '/';
    raw_path.remove_prefix(end + 1);
  }
}

std::string canonical_query(const http::Target& target) {
  std::vector<std::pair<std::string, std::string>> items;
  items.reserve(target.query.size());
  for (const auto& [name, value] : target.query) {
    if (name == "X-Amz-Signature") continue;
    items.emplace_back(http::percent_encode(name, false), http::percent_encode(value, false));
  }
  std::ranges::sort(items);
  std::string out;
  for (const auto& [name, value] : items) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

// Without the spaces at both ends, runs of inner spaces folded into one.
void append_folded(std::string& out, std::string_view value) {
  bool pending_space = false;
  const std::size_t start = out.size();
  for (char c : value) {
    if (c == ' ' || c == '\t') {
      pending_space = out.size() != start;
    } else {
      if (pending_space) out += ' ';
      pending_space = false;
      out += c;
    }
  }
}

void append_canonical_header(std::string& out, const http::Headers& headers,
                             std::string_view name) {
  out.append(name).append(":");
  bool first = true;
  for (const auto& [key, value] : headers.items()) {
    if (!http::equal_ignoring_case(key, name)) continue;
    if (!first) out += ',';
    first = false;
    append_folded(out, value);
  }
  out += '\n';
}

std::string join(const std::vector<std::string>& parts, char separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string sign_text(const crypto::SecretKey& key, std::string_view text) {
  return to_hex(crypto::hmac_sha256(key.view(), as_bytes(text)));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

bool is_amz_header(std::string_view name) {
  return name.size() > 6 && http::equal_ignoring_case(name.substr(0, 6), "x-amz-");
}

// Host and all x-amz-* headers, sorted.
std::vector<std::string> headers_to_sign(const http::Headers& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers.items()) {
    if (is_amz_header(name) || http::equal_ignoring_case(name, "host"))
      names.push_back(lower(name));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

struct Signature {
  crypto::SecretKey key;
  std::string hex;
};

Signature compute_signature(const Claim& claim, const SignedRequest& request,
                            crypto::SecretKey key) {
  const std::string canonical =
      canonical_request(request, claim.signed_headers, claim.content_sha256);
  std::string hex = sign_text(key, string_to_sign(claim.timestamp, claim.scope, canonical));
  return {std::move(key), std::move(hex)};
}

Claim make_claim(const Credentials& credentials, WallTime now) {
  Claim claim;
  claim.access_key_id = credentials.access_key_id;
  claim.timestamp = format_amz_date(now);
  claim.scope = {.date = claim.timestamp.substr(0, 8), .region = credentials.region};
  return claim;
}

std::string cache_key(std::string_view access_key_id, const Scope& scope) {
  std::string key(access_key_id);
  key.append("\n").append(scope.text());
  return key;
}

}  // namespace

std::string Scope::text() const { return date + "/" + region + "/" + service + "/aws4_request"; }

std::string canonical_request(const SignedRequest& request,
                              const std::vector<std::string>& signed_headers,
                              std::string_view content_sha256) {
  std::string out;
  out.reserve(1024);
  out.append(request.method).append("\n");
  out.append(canonical_path(request.target.raw_path)).append("\n");
  out.append(canonical_query(request.target)).append("\n");
  for (const std::string& name : signed_headers) {
    append_canonical_header(out, request.headers, name);
  }
  out.append("\n").append(join(signed_headers, ';')).append("\n").append(content_sha256);
  return out;
}

std::string string_to_sign(std::string_view timestamp, const Scope& scope,
                           std::string_view canonical) {
  std::string out(kAlgorithm);
  out.append("\n").append(timestamp).append("\n").append(scope.text());
  out.append("\n").append(hex_sha256(canonical));
  return out;
}

crypto::SecretKey derive_signing_key(std::string_view secret, const Scope& scope) {
  std::string first = "AWS4";
  first += secret;
  crypto::SecretKey key = hmac(as_bytes(first), scope.date);
  std::ranges::fill(first, '\0');
  key = hmac(key.view(), scope.region);
  key = hmac(key.view(), scope.service);
  return hmac(key.view(), "aws4_request");
}

crypto::SecretKey SigningKeys::get(std::string_view access_key_id, std::string_view secret,
                                   const Scope& scope) {
  const crypto::SecretKey digest(crypto::sha256(as_bytes(secret)));
  std::string name = cache_key(access_key_id, scope);
  const auto found = entries_.find(name);
  if (found != entries_.end() &&
      crypto::constant_time_equal(found->second.secret_digest.view(), digest.view())) {
    return found->second.signing_key;
  }
  // Filling up again costs four HMACs a key: not worth an order of use.
  if (entries_.size() >= capacity_) entries_.clear();
  crypto::SecretKey key = derive_signing_key(secret, scope);
  entries_.insert_or_assign(std::move(name), Entry{digest, key});
  return key;
}

Result<ChunkSigner> verify_claim(const Claim& claim, const SignedRequest& request,
                                 std::string_view secret, SigningKeys& keys) {
  const Signature expected =
      compute_signature(claim, request, keys.get(claim.access_key_id, secret, claim.scope));
  if (!crypto::constant_time_equal(as_bytes(expected.hex), as_bytes(claim.signature))) {
    return fail(Errc::signature_mismatch);
  }
  return ChunkSigner(expected.key, claim.timestamp, claim.scope, expected.hex);
}

ChunkSigner::ChunkSigner(crypto::SecretKey key, std::string timestamp, const Scope& scope,
                         std::string seed_signature)
    : key_(std::move(key)),
      timestamp_(std::move(timestamp)),
      scope_(scope.text()),
      previous_(std::move(seed_signature)) {}

const std::string& ChunkSigner::next_chunk(const crypto::Sha256Digest& digest) {
  std::string digests(kEmptySha256);
  digests.append("\n").append(to_hex(digest));
  return advance("AWS4-HMAC-SHA256-PAYLOAD", digests);
}

const std::string& ChunkSigner::trailer(std::string_view canonical) {
  return advance("AWS4-HMAC-SHA256-TRAILER", hex_sha256(canonical));
}

const std::string& ChunkSigner::advance(std::string_view kind, std::string_view digests) {
  std::string text(kind);
  text.append("\n").append(timestamp_).append("\n").append(scope_);
  text.append("\n").append(previous_).append("\n").append(digests);
  previous_ = sign_text(key_, text);
  return previous_;
}

Result<ChunkSigner> sign_request(std::string_view method, std::string_view target,
                                 http::Headers& headers, std::string_view content_sha256,
                                 const Credentials& credentials, WallTime now) {
  if (!headers.has("host")) return fail(Errc::invalid_argument, "a signed request needs a host");
  STRATOS_TRY(const http::Target parsed, http::parse_target(target));
  Claim claim = make_claim(credentials, now);
  claim.content_sha256 = content_sha256;
  headers.set("x-amz-date", claim.timestamp);
  headers.set("x-amz-content-sha256", claim.content_sha256);
  claim.signed_headers = headers_to_sign(headers);
  Signature signature = compute_signature(claim, {method, parsed, headers},
                                          derive_signing_key(credentials.secret, claim.scope));
  std::string value(kAlgorithm);
  value.append(" Credential=").append(claim.access_key_id).append("/").append(claim.scope.text());
  value.append(", SignedHeaders=").append(join(claim.signed_headers, ';'));
  value.append(", Signature=").append(signature.hex);
  headers.set("Authorization", std::move(value));
  return ChunkSigner(std::move(signature.key), claim.timestamp, claim.scope,
                     std::move(signature.hex));
}

Result<std::string> presign(std::string_view method, std::string_view target, std::string_view host,
                            const Credentials& credentials, WallTime now,
                            std::chrono::seconds expires) {
  if (expires.count() < 1 || expires.count() > kMaxPresignSeconds) {
    return fail(Errc::invalid_argument, "a presigned request lives 1 to 604,800 seconds");
  }
  Claim claim = make_claim(credentials, now);
  claim.content_sha256 = "UNSIGNED-PAYLOAD";
  claim.signed_headers = {"host"};
  std::string out(target);
  out.append(target.contains('?') ? "&" : "?").append("X-Amz-Algorithm=").append(kAlgorithm);
  const std::string credential = claim.access_key_id + "/" + claim.scope.text();
  out.append("&X-Amz-Credential=").append(http::percent_encode(credential, false));
  out.append("&X-Amz-Date=").append(claim.timestamp);
  out.append("&X-Amz-Expires=").append(std::to_string(expires.count()));
  out.append("&X-Amz-SignedHeaders=host");
  STRATOS_TRY(const http::Target parsed, http::parse_target(out));
  http::Headers headers;
  headers.add("host", std::string(host));
  const Signature signature = compute_signature(
      claim, {method, parsed, headers}, derive_signing_key(credentials.secret, claim.scope));
  return out.append("&X-Amz-Signature=").append(signature.hex);
}

}  // namespace stratos::gateway::s3
