// Keys from passphrases.
#pragma once
#include "crypto/keys.hpp"

namespace stratos::crypto {

// scrypt (RFC 7914) with N = 2^15, r = 8, p = 1: about 0.1 s and 32 MiB.
Result<SecretKey> key_from_passphrase(ByteView passphrase, ByteView salt);

}  // namespace stratos::crypto
