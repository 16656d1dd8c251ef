// What the program takes from Rust: BLAKE3 and its tree, Keccak-256, AES-256-GCM, the CRCs and the
// verification of Ed25519 signatures.
// Only src/crypto includes this header.
//
// Rules of every function: safe from any thread; keeps no pointer; a pointer may be null when its
// length is 0; input and output may not overlap. There are no error returns: a broken precondition
// is a bug of the caller and aborts the process.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { STRATOS_BLAKE3_GROUP_BYTES = 16384 };

void stratos_blake3(const uint8_t* data, size_t length, uint8_t out[32]);
// The first out_length bytes of BLAKE3's unbounded output.
void stratos_blake3_xof(const uint8_t* data, size_t length, uint8_t* out, size_t out_length);

// Chaining values (32 bytes each, one after the other) of the 16 KiB groups of a part of a longer
// input. The part begins at byte `offset`, a multiple of the group size; only its last group may be
// short. Writes to `out` 32 bytes for each of the ⌈length / 16 KiB⌉ groups. The whole input must be
// longer than one group: a single group has no chaining value, only a root.
void stratos_blake3_groups(const uint8_t* data, size_t length, uint64_t offset, uint8_t* out);
// The root, equal to stratos_blake3 of the whole, from the chaining values of all groups; count >= 2.
void stratos_blake3_root(const uint8_t* groups, size_t count, uint8_t out[32]);

// How a leaf of 1 KiB is proven. Leaf i of an input of `length` bytes begins at byte 1024 i; the last
// one may be short, and an empty input has one empty leaf.
//
// Writes the siblings on the way from leaf `leaf` to the root, 32 bytes each, the leaf's own first,
// and returns how many there are: at most ⌈log2(leaves)⌉. `group` holds the bytes of the 16 KiB group
// that the leaf stands in, `groups` the chaining values of all groups; none for a single group.
size_t stratos_blake3_leaf_path(const uint8_t* group, size_t group_length, const uint8_t* groups,
                                size_t group_count, size_t length, size_t leaf, uint8_t* out);
// The root to which leaf and path lead: stratos_blake3 of the whole when both are sound. The leaf's
// length and the number of steps are those of this place.
void stratos_blake3_leaf_root(const uint8_t* bytes, size_t bytes_length, const uint8_t* path,
                              size_t path_count, size_t length, size_t leaf, uint8_t out[32]);

// Keccak-256 with the original padding, as Ethereum uses it.
void stratos_keccak256(const uint8_t* data, size_t length, uint8_t out[32]);

// Whether the 64 bytes of `signature` are the key's for the message (RFC 8032, without cofactor).
// Keys and commitments of small order and encodings that are not canonical are refused.
bool stratos_ed25519_verify(const uint8_t key[32], const uint8_t* message, size_t length,
                            const uint8_t signature[64]);

// AES-256-GCM with 96-bit nonces and 128-bit tags. A key is expanded once, may be used by several
// threads at once, and is wiped when it is freed; freeing null does nothing.
typedef struct AesGcmKey AesGcmKey;
AesGcmKey* stratos_aes_gcm_key_new(const uint8_t key[32]);
void stratos_aes_gcm_key_free(AesGcmKey* key);
// Writes length + 16 bytes to `out`: the ciphertext and the tag. `length` is below 2^36 - 32.
void stratos_aes_gcm_seal(const AesGcmKey* key, const uint8_t nonce[12], const uint8_t* associated,
                          size_t associated_length, const uint8_t* plain, size_t length,
                          uint8_t* out);
// `sealed` holds length + 16 bytes; writes `length` to `out`: the text, or zeros and false when a
// byte of any of it was altered.
bool stratos_aes_gcm_open(const AesGcmKey* key, const uint8_t nonce[12], const uint8_t* associated,
                          size_t associated_length, const uint8_t* sealed, size_t length,
                          uint8_t* out);

// `crc` is the finished CRC of what came before, 0 at the beginning; the result is the finished CRC
// up to and with `data`.
uint32_t stratos_crc32(uint32_t crc, const uint8_t* data, size_t length);      // CRC-32/ISO-HDLC
uint32_t stratos_crc32c(uint32_t crc, const uint8_t* data, size_t length);     // CRC-32/ISCSI
uint64_t stratos_crc64nvme(uint64_t crc, const uint8_t* data, size_t length);  // CRC-64/NVME

#ifdef __cplusplus
}
#endif
