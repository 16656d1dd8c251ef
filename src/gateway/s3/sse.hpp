// Headers of server-side encryption: what a request asks for, and what an answer says.
#pragma once
#include <optional>
#include <string>

#include "crypto/keys.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {

// A key of the client's, alive as long as the request.
struct CustomerKey {
  crypto::SecretKey key;
  std::string md5;  // Base64, as it was sent
};

constexpr std::string_view kSsePrefix = "x-amz-server-side-encryption";
constexpr std::string_view kSourceSsePrefix = "x-amz-copy-source-server-side-encryption";

// `prefix` is one of the two above. Errc::invalid_argument unless algorithm, key and MD5 are there
// together and fit.
Result<std::optional<CustomerKey>> parse_customer_key(const http::Headers& headers,
                                                      std::string_view prefix);

// What a write asks for. Errc::not_implemented for keys of a key service, Errc::invalid_argument
// for unknown algorithms and for two at once.
Result<std::optional<CustomerKey>> parse_write_encryption(const http::Headers& headers);

// Reads name no algorithm but a customer key's. Errc::invalid_argument.
Result<std::optional<CustomerKey>> parse_read_encryption(const http::Headers& headers);

// Whether `key` opens what was stored with `check` (client::Attributes::key_check).
// Errc::invalid_request, or access_denied for another key.
Result<void> check_customer_key(const std::optional<CustomerKey>& key, ByteView check);

void add_encryption_headers(http::Headers& headers, const std::optional<CustomerKey>& key);

}  // namespace stratos::gateway::s3
