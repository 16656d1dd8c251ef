#include "gateway/s3/sse.hpp"

#include <algorithm>

#include "client/customer_key.hpp"
#include "crypto/hash.hpp"

namespace stratos::gateway::s3 {
namespace {

auto refuse(std::string why) { return fail(Errc::invalid_argument, std::move(why)); }

std::optional<std::string_view> get(const http::Headers& headers, std::string_view prefix,
                                    std::string_view rest) {
  return headers.get(std::string(prefix).append(rest));
}

}  // namespace

Result<std::optional<CustomerKey>> parse_customer_key(const http::Headers& headers,
                                                      std::string_view prefix) {
  const auto algorithm = get(headers, prefix, "-customer-algorithm");
  const auto key = get(headers, prefix, "-customer-key");
  const auto md5 = get(headers, prefix, "-customer-key-md5");
  if (!algorithm && !key && !md5) return std::nullopt;
  if (!algorithm) {
    return refuse(
        "Requests specifying Server Side Encryption with Customer provided keys must provide a "
        "valid encryption algorithm.");
  }
  if (*algorithm != "AES256") {
    return refuse("The requested encryption algorithm is not valid, must be AES256.");
  }
  if (!key) {
    return refuse(
        "Requests specifying Server Side Encryption with Customer provided keys must provide an "
        "appropriate secret key.");
  }
  if (!md5) {
    return refuse(
        "Requests specifying Server Side Encryption with Customer provided keys must provide the "
        "client calculated MD5 of the secret key.");
  }
  const auto bytes = from_base64(*key);
  const auto secret =
      bytes ? crypto::SecretKey::from(*bytes) : Result<crypto::SecretKey>(fail(Errc::bad_key));
  if (!secret) return refuse("The secret key was invalid for the specified algorithm.");
  if (to_base64(crypto::md5(secret->view())) != *md5) {
    return refuse("The calculated MD5 hash of the key did not match the hash that was provided.");
  }
  return CustomerKey{*secret, std::string(*md5)};
}

Result<std::optional<CustomerKey>> parse_write_encryption(const http::Headers& headers) {
  const auto algorithm = headers.get(kSsePrefix);
  const bool has_key_id = get(headers, kSsePrefix, "-aws-kms-key-id").has_value();
  STRATOS_TRY(std::optional<CustomerKey> key, parse_customer_key(headers, kSsePrefix));
  if (algorithm && key) {
    return refuse(
        "Server Side Encryption with Customer provided key is incompatible with the encryption "
        "method specified");
  }
  if (algorithm == "aws:kms" || algorithm == "aws:kms:dsse" || (!algorithm && has_key_id)) {
    return fail(Errc::not_implemented, "Keys of a key service are not implemented");
  }
  if (algorithm && *algorithm != "AES256") {
    return refuse("The encryption method specified is not supported");
  }
  if (has_key_id) {
    return refuse(
        "Server Side Encryption with AWS KMS managed key requires HTTP header "
        "x-amz-server-side-encryption : aws:kms");
  }
  return key;
}

Result<std::optional<CustomerKey>> parse_read_encryption(const http::Headers& headers) {
  if (headers.has(kSsePrefix) || get(headers, kSsePrefix, "-aws-kms-key-id")) {
    return refuse("x-amz-server-side-encryption header is not supported for this operation.");
  }
  return parse_customer_key(headers, kSsePrefix);
}

Result<void> check_customer_key(const std::optional<CustomerKey>& key, ByteView check) {
  if (check.empty() && key) {
    return fail(Errc::invalid_request,
                "The encryption parameters are not applicable to this object.");
  }
  if (!check.empty() && !key) {
    return fail(Errc::invalid_request,
                "The object was stored using a form of Server Side Encryption. The correct "
                "parameters must be provided to retrieve the object.");
  }
  if (key && !client::fits_key_check(key->key, check)) {
    return fail(Errc::invalid_request,
                "The provided encryption parameters did not match the ones used originally.");
  }
  return {};
}

void add_encryption_headers(http::Headers& headers, const std::optional<CustomerKey>& key) {
  if (!key) {
    headers.add(std::string(kSsePrefix), "AES256");
    return;
  }
  headers.add(std::string(kSsePrefix) + "-customer-algorithm", "AES256");
  headers.add(std::string(kSsePrefix) + "-customer-key-MD5", key->md5);
}

}  // namespace stratos::gateway::s3
