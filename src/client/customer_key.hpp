// Keys that a client brings with each request and that nobody keeps: an object stored under one
// opens with that key and the key ring together. Format: docs/formats/key-ring.md.
#pragma once
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "crypto/keys.hpp"

namespace stratos::client {

// What data is encrypted with, from the key that the ring wraps and the client's.
crypto::SecretKey customer_data_key(const crypto::SecretKey& wrapped,
                                    const crypto::SecretKey& customer);

class BodySource;
// The same for a body that may have brought a key.
crypto::SecretKey body_key(const crypto::SecretKey& wrapped, const BodySource& body);

// What is stored to know the key again: a random salt and a derived value that tells nothing.
Bytes make_key_check(const crypto::SecretKey& customer, Random& random);
// In constant time. False for a check that is none.
bool fits_key_check(const crypto::SecretKey& customer, ByteView check);

}  // namespace stratos::client
