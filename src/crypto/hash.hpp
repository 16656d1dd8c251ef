// Hash functions. One-shot calls never fail and are safe from any thread; streaming classes are for
// one thread at a time and may be used once.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.hpp"

namespace stratos::crypto {

using Md5Digest = std::array<std::uint8_t, 16>;
using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest sha256(ByteView data);
Sha1Digest sha1(ByteView data);
Md5Digest md5(ByteView data);
Hash blake3(ByteView data);
// Keccak-256 as Ethereum uses it (not SHA3-256).
Hash keccak256(ByteView data);
// Any number of BLAKE3 output bytes.
void blake3_xof(ByteView data, MutableByteView out);
Sha256Digest hmac_sha256(ByteView key, ByteView data);
// HKDF-SHA256 (RFC 5869) to 32 bytes; `info` is one of our own labels, at most kHkdfInfoMaxBytes.
constexpr std::size_t kHkdfInfoMaxBytes = 1024;
std::array<std::uint8_t, 32> hkdf_sha256(ByteView secret, ByteView salt, ByteView info);
// Equal without telling by timing where the first difference is. Different sizes are unequal.
bool constant_time_equal(ByteView a, ByteView b);

// Incremental digests of the kinds S3 knows. finish() ends the digest.
enum class DigestKind : std::uint8_t { md5, sha1, sha256, crc32, crc32c, crc64nvme };
class Digest {
 public:
  virtual ~Digest() = default;
  virtual void update(ByteView data) = 0;
  // Big-endian for the CRCs, as S3 encodes them.
  virtual Bytes finish() = 0;
};
std::unique_ptr<Digest> make_digest(DigestKind kind);

// CRC32C (Castagnoli) of `data`, continuing from `crc` (0 to begin).
std::uint32_t crc32c(ByteView data, std::uint32_t crc = 0);
// The CRC of a + b from the CRCs of both and the length of b: how S3 forms FULL_OBJECT checksums of
// multipart uploads. `kind` is one of the CRCs; values are right-aligned.
std::uint64_t combine_crc(DigestKind kind, std::uint64_t crc_a, std::uint64_t crc_b,
                          std::uint64_t length_b);

// The BLAKE3 tree of a fragment above 16 KiB groups.
constexpr std::size_t kGroupBytes = 16 * 1024;
using ChainingValue = std::array<std::uint8_t, 32>;

// Chaining values of the groups of `data`, which starts at byte `offset` (a multiple of
// kGroupBytes) of a longer input; the last group may be short. Not for an input of a single group:
// that has only a root.
std::vector<ChainingValue> group_chaining_values(ByteView data, std::uint64_t offset);

// Builds the tree while a fragment is written or read in order.
class TreeHasher {
 public:
  TreeHasher();
  ~TreeHasher();
  TreeHasher(TreeHasher&&) noexcept;
  TreeHasher& operator=(TreeHasher&&) noexcept;
  // Any size; groups are formed inside.
  void update(ByteView data);
  struct Tree {
    Hash root;                          // equals blake3(all data)
    std::vector<ChainingValue> groups;  // of ⌈length / 16 KiB⌉ groups; empty for a single group
  };
  Tree finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The root of an input of `length` bytes from the chaining values of its ⌈length / 16 KiB⌉ groups,
// at least two. The caller has checked the count: another one is a bug.
Hash root_of_groups(std::span<const ChainingValue> groups, std::uint64_t length);

// LtHash with 1,024 lanes of 16 bits over BLAKE3: the hash of a multiset, updated by what came and
// went, in any order. Elements are (key, value) pairs; removing one that is not in is not noticed.
// Layout: docs/formats/crypto.md.
class LtHash {
 public:
  static constexpr std::size_t kSizeBytes = 2048;
  void add(ByteView key, ByteView value);
  void remove(ByteView key, ByteView value);
  Hash digest() const;
  ByteView state() const;
  static Result<LtHash> from_state(ByteView state);

 private:
  std::array<std::uint16_t, kSizeBytes / 2> lanes_{};
};

}  // namespace stratos::crypto
