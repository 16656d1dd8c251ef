// Uploads by HTML forms: POST on a bucket.
#include <algorithm>
#include <array>

#include "crypto/hmac_sha1.hpp"
#include "gateway/s3/form_body.hpp"
#include "gateway/s3/operations.hpp"
#include "gateway/s3/policy_values.hpp"
#include "gateway/s3/post_policy.hpp"
#include "gateway/s3/s3_headers.hpp"
#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/s3_versions.hpp"
#include "gateway/s3/s3_xml_versions.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kFileName = "${filename}";

// The last part of a path that some browsers send whole.
std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.find_last_of("/\\");
  return slash == path.npos ? path : path.substr(slash + 1);
}

void fill_in_file_name(Form& form) {
  const std::string name(base_name(form.file_name));
  for (auto& [field, value] : form.fields) {
    if (http::equal_ignoring_case(field, "policy")) continue;
    for (std::size_t at = value.find(kFileName); at != value.npos;
         at = value.find(kFileName, at + name.size())) {
      value.replace(at, kFileName.size(), name);
    }
  }
}

bool is_header_field(std::string_view name) {
  constexpr std::array<std::string_view, 8> kHeaders = {
      "cache-control", "content-type", "content-disposition", "content-encoding",
      "expires",       "content-md5",  "content-language",    "x-amz-acl"};
  if (std::ranges::count(kHeaders, name) != 0) return true;
  const bool is_signing = name == "x-amz-algorithm" || name == "x-amz-credential" ||
                          name == "x-amz-date" || name == "x-amz-signature" ||
                          name == "x-amz-security-token";
  return name.starts_with("x-amz-") && !is_signing;
}

// The fields as the headers that a PUT of the same object would have; what the HTTP request itself
// says about an object does not count.
Result<http::Headers> headers_of(const http::Headers& sent, const Form& form) {
  http::Headers headers;
  for (const auto& [name, value] : sent.items()) {
    const std::string lower = lower_case(name);
    if (!is_header_field(lower) && !lower.starts_with("x-amz-")) headers.add(name, value);
  }
  for (const auto& [name, value] : form.fields) {
    const std::string lower = lower_case(name);
    if (lower == "acl") {
      headers.add("x-amz-acl", value);
    } else if (is_header_field(lower)) {
      headers.add(lower, value);
    } else if (lower == "tagging") {
      STRATOS_TRY(const client::Tags tags, parse_tagging(as_bytes(value)));
      headers.add("x-amz-tagging", tag_header(tags));
    }
  }
  if (!headers.has("content-type") && !form.file_type.empty()) {
    headers.add("content-type", form.file_type);
  }
  return headers;
}

Result<std::string> require_field(const Form& form, std::string_view name) {
  const std::string* value = form.find(name);
  if (value) return *value;
  return fail(Errc::invalid_argument,
              "Bucket POST must contain a field named '" + std::string(name) + "'.");
}

Task<Result<client::Principal>> verify_version_4(Call& call, const Form& form, std::string policy) {
  STRATOS_CO_TRY(const std::string credential, require_field(form, "x-amz-credential"));
  STRATOS_CO_TRY(const std::string signature, require_field(form, "x-amz-signature"));
  STRATOS_CO_TRY(const std::string date, require_field(form, "x-amz-date"));
  STRATOS_CO_TRY(const FormClaim claim, parse_form_claim(credential, date));
  if (claim.scope.region != call.backend.options.region || claim.scope.service != "s3") {
    co_return fail(Errc::malformed_authorization, "the credential is not of this region");
  }
  STRATOS_CO_TRY(const auto known, co_await call.backend.access.credential(claim.access_key_id));
  const crypto::SecretKey key = derive_signing_key(known.secret, claim.scope);
  const std::string expected = to_hex(crypto::hmac_sha256(key.view(), as_bytes(policy)));
  if (!crypto::constant_time_equal(as_bytes(expected), as_bytes(signature))) {
    co_return fail(Errc::signature_mismatch);
  }
  co_return client::Principal{known.account};
}

// The older form of signature, which form uploads still use; only for policies.
Task<Result<client::Principal>> verify_version_2(Call& call, const Form& form, std::string policy) {
  STRATOS_CO_TRY(const std::string access_key, require_field(form, "AWSAccessKeyId"));
  STRATOS_CO_TRY(const std::string signature, require_field(form, "signature"));
  STRATOS_CO_TRY(const auto known, co_await call.backend.access.credential(access_key));
  const std::string expected =
      to_base64(crypto::hmac_sha1(as_bytes(known.secret), as_bytes(policy)));
  if (!crypto::constant_time_equal(as_bytes(expected), as_bytes(signature))) {
    co_return fail(Errc::signature_mismatch);
  }
  co_return client::Principal{known.account};
}

// Who sends the form. Without a policy nobody in particular.
Task<Result<void>> authenticate_form(Call& call, const Form& form, FormBody& body) {
  const std::string* policy = form.find("policy");
  if (!policy) co_return Result<void>{};
  const bool version_4 = form.find("x-amz-algorithm") != nullptr;
  if (version_4 && *form.find("x-amz-algorithm") != "AWS4-HMAC-SHA256") {
    co_return fail(Errc::invalid_argument, "X-Amz-Algorithm only supports AWS4-HMAC-SHA256");
  }
  if (version_4) {
    STRATOS_CO_TRY(call.identity->who, co_await verify_version_4(call, form, *policy));
  } else {
    STRATOS_CO_TRY(call.identity->who, co_await verify_version_2(call, form, *policy));
  }
  const auto json = from_base64(*policy);
  if (!json) co_return fail(Errc::invalid_policy_document);
  STRATOS_CO_TRY(const PostPolicy read, PostPolicy::parse(as_text(*json)));
  STRATOS_CO_CHECK(read.check(form, call.s3.bucket, call.backend.runtime.outside_now()));
  body.limit(read.min_bytes(), std::min(read.max_bytes(), call.backend.options.max_body_bytes));
  co_return Result<void>{};
}

Task<Result<client::ObjectInfo>> store_file(Call& call, FormBody& file) {
  STRATOS_CO_CHECK(authorize(call, *call.rules, "s3:PutObject", call.s3.key, Permission::write));
  STRATOS_CO_CHECK(check_headers_implemented(call.headers()));
  STRATOS_CO_TRY(client::Attributes attributes, parse_attributes(call.headers()));
  STRATOS_CO_TRY(attributes.access, co_await new_object_access(call, call.headers()));
  STRATOS_CO_CHECK(authorize_lock(call, attributes.lock));
  STRATOS_CO_TRY(const std::optional<CustomerKey> key, parse_write_encryption(call.headers()));
  STRATOS_CO_TRY(BodyPromise promise,
                 parse_body_promise(call.headers(), PayloadKind::unsigned_body, ""));
  BodyDigests digests(std::move(promise), ChecksumAlgorithm::crc64nvme);
  UploadBody body(call.backend.digester, file, std::nullopt, std::move(digests),
                  std::move(attributes));
  if (key) body.seal_with(*key);
  const client::Condition unconditional;
  auto stored =
      co_await call.objects().put(call.who(), call.s3.bucket, call.s3.key, body, unconditional);
  co_await body.stop();
  call.bytes_in += body.received();
  co_return stored;
}

std::string location_of(const Call& call) {
  std::string location = "http://";
  location.append(call.headers().get("host").value_or("")).append("/");
  if (!call.s3.virtual_host) location.append(call.s3.bucket).append("/");
  return location.append(http::percent_encode(call.s3.key, true));
}

std::string redirect_of(const Call& call, const std::string& target, const std::string& etag) {
  std::string out = target;
  out.append(target.contains('?') ? "&" : "?");
  out.append("bucket=").append(http::percent_encode(call.s3.bucket, false));
  out.append("&key=").append(http::percent_encode(call.s3.key, false));
  return out.append("&etag=").append(http::percent_encode(etag, false));
}

bool is_web_address(std::string_view text) {
  const bool scheme = text.starts_with("http://") || text.starts_with("https://");
  return scheme && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

Task<Result<void>> answer_stored(Call& call, Form form, client::ObjectInfo stored) {
  const std::string etag = quoted(stored.attributes.etag);
  http::Headers headers;
  headers.add("ETag", etag);
  add_checksum_headers(headers, stored.attributes.checksums);
  add_paid_header(headers, stored.paid_through);
  STRATOS_CO_TRY(const std::optional<CustomerKey> key,
                 parse_customer_key(call.headers(), kSsePrefix));
  add_encryption_headers(headers, key);
  const std::string* redirect = form.find("success_action_redirect");
  if (!redirect) redirect = form.find("redirect");
  if (redirect && is_web_address(*redirect)) {
    headers.add("Location", redirect_of(call, *redirect, etag));
    co_return co_await answer_empty(call, 303, std::move(headers));
  }
  const std::string location = location_of(call);
  headers.add("Location", location);
  const std::string* status = form.find("success_action_status");
  if (status && *status == "200") co_return co_await answer_empty(call, 200, std::move(headers));
  if (!status || *status != "201") co_return co_await answer_empty(call, 204, std::move(headers));
  XmlWriter xml;
  xml.open("PostResponse").element("Location", location);
  xml.element("Bucket", call.s3.bucket).element("Key", call.s3.key);
  xml.etag(stored.attributes.etag.to_string()).close("PostResponse");
  headers.add("Content-Type", "application/xml");
  co_return co_await answer(call, 201, std::move(headers), std::move(xml).take());
}

}  // namespace

Task<Result<void>> post_object(Call& call) {
  if (!call.anonymous()) {
    co_return fail(Errc::invalid_argument, "A form is signed by its own fields");
  }
  const auto boundary = form_boundary(call.headers().get("content-type").value_or(""));
  if (!boundary) {
    co_return fail(Errc::bad_request,
                   "Bucket POST must be of the enclosure-type multipart/form-data");
  }
  FormBody body(*call.request.body, *boundary);
  STRATOS_CO_TRY(Form form, co_await body.read_form());
  fill_in_file_name(form);
  body.limit(0, call.backend.options.max_body_bytes);
  STRATOS_CO_TRY(call.s3.key, require_field(form, "key"));
  STRATOS_CO_CHECK(validate_key(call.s3.key));
  STRATOS_CO_CHECK(co_await authenticate_form(call, form, body));
  STRATOS_CO_TRY(call.request.headers, headers_of(call.headers(), form));
  STRATOS_CO_TRY(client::ObjectInfo stored, co_await store_file(call, body));
  co_return co_await answer_stored(call, std::move(form), std::move(stored));
}

}  // namespace stratos::gateway::s3
