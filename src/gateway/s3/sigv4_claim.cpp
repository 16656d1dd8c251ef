// Reading what a request claims, and the checks that need no secret.
#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/sigv4.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::size_t kMaxSignedHeaders = 128;

struct PayloadName {
  std::string_view name;
  PayloadKind kind;
};
constexpr std::array kPayloadNames = {
    PayloadName{"UNSIGNED-PAYLOAD", PayloadKind::unsigned_body},
    PayloadName{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", PayloadKind::streaming_signed},
    PayloadName{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                PayloadKind::streaming_signed_trailer},
    PayloadName{"STREAMING-UNSIGNED-PAYLOAD-TRAILER", PayloadKind::streaming_unsigned_trailer},
};

// Which error a fault in the authorization is: of the header or of the query.
struct Source {
  Errc fault;
  std::unexpected<Error> error(std::string why) const { return fail(fault, std::move(why)); }
};
constexpr Source kHeader{Errc::malformed_authorization};
constexpr Source kQuery{Errc::malformed_presign};

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Cuts `text` at the last `separator`; both halves.
bool cut_back(std::string_view& text, std::string_view& tail) {
  const std::size_t slash = text.rfind('/');
  if (slash == text.npos) return false;
  tail = text.substr(slash + 1);
  text = text.substr(0, slash);
  return true;
}

// From the back, because an access key id may hold slashes.
Result<void> parse_credential(std::string_view text, Claim& claim, Source source) {
  std::string_view end, service, region, date;
  if (!cut_back(text, end) || !cut_back(text, service) || !cut_back(text, region) ||
      !cut_back(text, date) || text.empty()) {
    return source.error(
        "the Credential is malformed; expecting "
        "\"<access key id>/YYYYMMDD/REGION/SERVICE/aws4_request\"");
  }
  if (end != "aws4_request") return source.error("the Credential does not end in aws4_request");
  claim.access_key_id = text;
  claim.scope = {std::string(date), std::string(region), std::string(service)};
  return {};
}

Result<void> parse_signed_headers(std::string_view text, Claim& claim, Source source) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    if (claim.signed_headers.size() == kMaxSignedHeaders) {
      return source.error("too many signed headers");
    }
    claim.signed_headers.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (claim.signed_headers.empty()) return source.error("SignedHeaders is empty");
  return {};
}

Result<void> parse_signature(std::string_view text, Claim& claim, Source source) {
  if (text.size() != 64 || !is_lower_hex(text)) {
    return source.error("the Signature is not 64 lower-case hexadecimal digits");
  }
  claim.signature = text;
  return {};
}

bool is_signed(const Claim& claim, std::string_view name) {
  return std::ranges::any_of(claim.signed_headers, [name](const std::string& signed_name) {
    return http::equal_ignoring_case(signed_name, name);
  });
}

bool must_be_signed(std::string_view name) {
  return http::equal_ignoring_case(name, "host") ||
         http::equal_ignoring_case(name.substr(0, 6), "x-amz-");
}

Result<void> check_signed_headers(const Claim& claim, const http::Headers& headers) {
  if (!is_signed(claim, "host")) return fail(Errc::access_denied, "the host header is not signed");
  for (const auto& [name, value] : headers.items()) {
    if (must_be_signed(name) && !is_signed(claim, name)) {
      return fail(Errc::access_denied,
                  "There were headers present in the request which were not signed: " + name);
    }
  }
  return {};
}

// x-amz-date, or Date in any of its forms.
Result<std::string> timestamp_of(const http::Headers& headers) {
  const auto amz = headers.get("x-amz-date");
  const auto text = amz ? amz : headers.get("date");
  if (text) {
    if (parse_amz_date(*text)) return std::string(*text);
    if (const auto time = parse_http_date(*text)) return format_amz_date(*time);
  }
  return fail(Errc::access_denied, "AWS authentication requires a valid Date or x-amz-date header");
}

Result<Claim> parse_header_claim(std::string_view value, const http::Headers& headers) {
  if (!value.starts_with(kAlgorithm) || !value.substr(kAlgorithm.size()).starts_with(' ')) {
    return fail(Errc::invalid_request,
                "The authorization mechanism you have provided is not supported. Please use "
                "AWS4-HMAC-SHA256.");
  }
  value.remove_prefix(kAlgorithm.size());
  Claim claim;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(','), value.size());
    const std::string_view item = trim(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
    const std::size_t equals = std::min(item.find('='), item.size());
    const std::string_view name = item.substr(0, equals);
    const std::string_view content = item.substr(std::min(equals + 1, item.size()));
    if (name == "Credential") {
      STRATOS_CHECK(parse_credential(content, claim, kHeader));
    } else if (name == "SignedHeaders" && claim.signed_headers.empty()) {
      STRATOS_CHECK(parse_signed_headers(content, claim, kHeader));
    } else if (name == "Signature") {
      STRATOS_CHECK(parse_signature(content, claim, kHeader));
    } else if (!item.empty()) {
      return kHeader.error("the header holds something unexpected");
    }
  }
  if (claim.access_key_id.empty() || claim.signed_headers.empty() || claim.signature.empty()) {
    return kHeader.error("the header needs Credential, SignedHeaders and Signature");
  }
  STRATOS_TRY(claim.timestamp, timestamp_of(headers));
  const auto content_sha256 = headers.get("x-amz-content-sha256");
  if (!content_sha256) {
    return fail(Errc::invalid_request,
                "Missing required header for this request: x-amz-content-sha256");
  }
  claim.content_sha256 = *content_sha256;
  return claim;
}

Result<std::int64_t> parse_expires(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || stop != text.data() + text.size()) {
    return kQuery.error("X-Amz-Expires should be a number");
  }
  if (seconds < 1) return kQuery.error("X-Amz-Expires must be positive");
  if (seconds > kMaxPresignSeconds) {
    return kQuery.error(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given "
        "X-Amz-Expires must be less than 604800 seconds");
  }
  return seconds;
}

Result<Claim> parse_query_claim(const SignedRequest& request) {
  const http::Target& target = request.target;
  const std::string* credential = target.find("X-Amz-Credential");
  const std::string* date = target.find("X-Amz-Date");
  const std::string* expires = target.find("X-Amz-Expires");
  const std::string* signed_headers = target.find("X-Amz-SignedHeaders");
  const std::string* signature = target.find("X-Amz-Signature");
  if (!credential || !date || !expires || !signed_headers || !signature) {
    return kQuery.error(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  if (*target.find("X-Amz-Algorithm") != kAlgorithm) {
    return kQuery.error("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  }
  Claim claim;
  STRATOS_CHECK(parse_credential(*credential, claim, kQuery));
  STRATOS_CHECK(parse_signed_headers(*signed_headers, claim, kQuery));
  STRATOS_CHECK(parse_signature(*signature, claim, kQuery));
  STRATOS_TRY(claim.expires_s, parse_expires(*expires));
  if (!parse_amz_date(*date)) {
    return kQuery.error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  claim.timestamp = *date;
  const std::string* in_query = target.find("X-Amz-Content-Sha256");
  const auto in_header = request.headers.get("x-amz-content-sha256");
  claim.content_sha256 = in_query ? *in_query : std::string(in_header.value_or("UNSIGNED-PAYLOAD"));
  return claim;
}

Result<Claim> parse_any_claim(const SignedRequest& request) {
  const auto header = request.headers.get("authorization");
  const bool in_query = request.target.find("X-Amz-Algorithm") != nullptr;
  if (header && in_query) {
    return fail(Errc::invalid_argument,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                "Signature query string parameter or the Authorization header should be specified");
  }
  if (in_query) return parse_query_claim(request);
  if (header) return parse_header_claim(*header, request.headers);
  return fail(Errc::invalid_request,
              "The authorization mechanism you have provided is not supported. Please use "
              "AWS4-HMAC-SHA256.");
}

bool is_anonymous(const SignedRequest& request) {
  const bool version_2 = request.target.find("AWSAccessKeyId") != nullptr &&
                         request.target.find("Signature") != nullptr;
  const bool version_4 = request.target.find("X-Amz-Algorithm") != nullptr ||
                         request.target.find("X-Amz-Signature") != nullptr ||
                         request.target.find("X-Amz-Credential") != nullptr;
  return !version_2 && !version_4 && !request.headers.has("authorization");
}

}  // namespace

Result<PayloadKind> parse_payload_kind(std::string_view content_sha256) {
  for (const PayloadName& row : kPayloadNames) {
    if (content_sha256 == row.name) return row.kind;
  }
  if (content_sha256.size() == 64 && is_lower_hex(content_sha256)) return PayloadKind::literal;
  return fail(Errc::invalid_argument,
              "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
              "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a "
              "valid sha256 value.");
}

Result<std::optional<Claim>> parse_claim(const SignedRequest& request) {
  if (is_anonymous(request)) return std::nullopt;
  const bool misses_algorithm = request.target.find("X-Amz-Algorithm") == nullptr &&
                                request.target.find("X-Amz-Signature") != nullptr;
  if (misses_algorithm && !request.headers.has("authorization")) {
    return kQuery.error("X-Amz-Algorithm is missing");
  }
  STRATOS_TRY(Claim claim, parse_any_claim(request));
  STRATOS_TRY(claim.payload, parse_payload_kind(claim.content_sha256));
  STRATOS_CHECK(check_signed_headers(claim, request.headers));
  return claim;
}

Result<FormClaim> parse_form_claim(std::string_view credential, std::string_view date) {
  Claim claim;
  STRATOS_CHECK(parse_credential(credential, claim, kHeader));
  if (!parse_amz_date(date) || !date.starts_with(claim.scope.date) ||
      claim.scope.date.size() != 8) {
    return kHeader.error("the date of the Credential is not the date of the form");
  }
  return FormClaim{std::move(claim.access_key_id), std::move(claim.scope)};
}

Result<void> check_claim(const Claim& claim, const VerifyRules& rules) {
  const Source source = claim.expires_s ? kQuery : kHeader;
  if (claim.scope.region != rules.region) {
    return source.error("The authorization header is malformed; the region '" + claim.scope.region +
                        "' is wrong; expecting '" + std::string(rules.region) + "'");
  }
  if (claim.scope.service != "s3") {
    return source.error("incorrect service \"" + claim.scope.service +
                        "\". This endpoint belongs to \"s3\".");
  }
  if (!claim.timestamp.starts_with(claim.scope.date) || claim.scope.date.size() != 8) {
    return source.error("the date of the Credential is not the date of the request");
  }
  const auto time = parse_amz_date(claim.timestamp);
  if (!time) return source.error("bad date");
  if (!claim.expires_s) {
    const bool early = rules.now + kMaxClockSkew < *time;
    const bool late = *time + kMaxClockSkew < rules.now;
    if (early || late) return fail(Errc::clock_skewed);
    return {};
  }
  if (rules.now + kMaxClockSkew < *time) {
    return fail(Errc::access_denied, "Request is not yet valid");
  }
  if (*time + std::chrono::seconds(*claim.expires_s) < rules.now) {
    return fail(Errc::request_expired);
  }
  return {};
}

}  // namespace stratos::gateway::s3
