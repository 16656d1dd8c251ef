// HMAC-SHA1, for foreign protocols that ask for it; nothing of our own does.
#pragma once
#include "crypto/hash.hpp"

namespace stratos::crypto {

Sha1Digest hmac_sha1(ByteView key, ByteView data);

}  // namespace stratos::crypto
