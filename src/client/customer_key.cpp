#include "client/customer_key.hpp"

#include "client/object_client.hpp"
#include "crypto/hash.hpp"

namespace stratos::client {
namespace {

constexpr std::string_view kDataPurpose = "stratos.sse-c.v1";
constexpr std::string_view kCheckPurpose = "stratos.sse-c-check.v1";
constexpr std::size_t kSaltBytes = 16;

}  // namespace

crypto::SecretKey customer_data_key(const crypto::SecretKey& wrapped,
                                    const crypto::SecretKey& customer) {
  return crypto::SecretKey(
      crypto::hkdf_sha256(customer.view(), wrapped.view(), as_bytes(kDataPurpose)));
}

crypto::SecretKey body_key(const crypto::SecretKey& wrapped, const BodySource& body) {
  const crypto::SecretKey* customer = body.customer_key();
  return customer ? customer_data_key(wrapped, *customer) : wrapped;
}

Bytes make_key_check(const crypto::SecretKey& customer, Random& random) {
  Bytes check(kSaltBytes);
  random.fill(check);
  const auto value = crypto::hkdf_sha256(customer.view(), check, as_bytes(kCheckPurpose));
  append(check, value);
  return check;
}

bool fits_key_check(const crypto::SecretKey& customer, ByteView check) {
  if (check.size() != kSaltBytes + 32) return false;
  const auto value =
      crypto::hkdf_sha256(customer.view(), check.first(kSaltBytes), as_bytes(kCheckPurpose));
  return crypto::constant_time_equal(value, check.subspan(kSaltBytes));
}

}  // namespace stratos::client
