// How a segment's plain bytes become fragments: stripes of k data units, each encrypted by itself,
// and m parity units. Format: docs/formats/segment.md.
#pragma once
#include <memory>
#include <vector>

#include "base/buffer.hpp"
#include "base/ids.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "erasure/reed_solomon.hpp"

namespace stratos::client {

constexpr std::uint64_t kUnitBytes = 64 * 1024;
constexpr std::uint64_t kUnitPlainBytes = kUnitBytes - crypto::kTagBytes;
constexpr std::uint64_t kUnitAlignment = 1024;        // of the last stripe's units
constexpr std::uint64_t kMaxSegmentBytes = 64 << 20;  // encrypted, without parity

// Where bytes lie in a segment of `length` plain bytes and k data fragments.
class SegmentLayout {
 public:
  // length > 0
  SegmentLayout(std::uint8_t k, std::uint64_t length);

  std::uint64_t stripe_plain_bytes() const { return k_ * kUnitPlainBytes; }
  std::uint64_t stripes() const { return full_stripes_ + (last_unit_ > 0 ? 1 : 0); }
  std::uint64_t units() const { return stripes() * k_; }
  std::uint64_t fragment_length() const { return full_stripes_ * kUnitBytes + last_unit_; }
  // Of the units of one stripe.
  std::uint64_t unit_bytes(std::uint64_t stripe) const {
    return stripe < full_stripes_ ? kUnitBytes : last_unit_;
  }
  std::uint64_t unit_plain_bytes(std::uint64_t stripe) const {
    return unit_bytes(stripe) - crypto::kTagBytes;
  }
  // Bytes [begin, end) of each fragment that hold these stripes.
  std::uint64_t fragment_offset(std::uint64_t stripe) const { return stripe * kUnitBytes; }
  std::uint64_t fragment_bytes(std::uint64_t first_stripe, std::uint64_t end_stripe) const;
  // The stripe that holds a plain byte, and the byte's place.
  std::uint64_t stripe_of(std::uint64_t offset) const { return offset / stripe_plain_bytes(); }
  std::uint64_t plain_begin(std::uint64_t stripe, std::uint64_t unit) const {
    return stripe * stripe_plain_bytes() + unit * unit_plain_bytes(stripe);
  }
  std::uint8_t k() const { return static_cast<std::uint8_t>(k_); }
  std::uint64_t length() const { return length_; }

  // The most plain bytes a segment may hold.
  static std::uint64_t max_length(std::uint8_t k);

 private:
  std::uint64_t k_;
  std::uint64_t length_;
  std::uint64_t full_stripes_;
  std::uint64_t last_unit_;  // 0 when the last stripe is a full one
};

// Encrypts and decrypts the units of one segment. One thread at a time.
class UnitCipher {
 public:
  UnitCipher(const crypto::SecretKey& data_key, const SegmentId& segment);
  // plain may be shorter than the unit holds: zeros fill it up. out is the whole unit.
  void seal(std::uint64_t unit, bool last, ByteView plain, MutableByteView out);
  // out.size() + kTagBytes == sealed.size(). Errc::unit_corrupt.
  Result<void> open(std::uint64_t unit, bool last, ByteView sealed, MutableByteView out);

 private:
  Bytes associated_data(std::uint64_t unit, bool last) const;
  SegmentId segment_;
  crypto::Aead aead_;
};

// Turns plain bytes into fragments, batch by batch, and keeps each fragment's BLAKE3 tree.
// One thread at a time: meant to run inside Runtime::offload.
class SegmentEncoder {
 public:
  SegmentEncoder(erasure::Shape shape, const erasure::ReedSolomon& code,
                 const crypto::SecretKey& data_key, const SegmentId& segment);

  // The next full stripes; `plain` is a multiple of the stripe's plain bytes. One buffer for each
  // of the k+m fragments.
  std::vector<Buffer> encode(ByteView plain);
  struct Last {
    std::vector<Buffer> fragments;
    std::vector<Hash> roots;
    std::uint64_t length = 0;  // plain bytes of the whole segment
  };
  // The rest, at least one byte unless something came before.
  Last finish(ByteView plain);

 private:
  std::vector<Buffer> encode_stripes(ByteView plain, bool is_last);

  erasure::Shape shape_;
  const erasure::ReedSolomon& code_;
  UnitCipher cipher_;
  std::vector<crypto::TreeHasher> trees_;
  std::uint64_t stripes_done_ = 0;
  std::uint64_t plain_done_ = 0;
};

}  // namespace stratos::client
