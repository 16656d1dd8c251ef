#include "client/unit_format.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace stratos::client {
namespace {

constexpr std::uint8_t kUnitFormat = 1;

crypto::SecretKey segment_key(const crypto::SecretKey& data_key, const SegmentId& segment) {
  return crypto::SecretKey(
      crypto::hkdf_sha256(data_key.view(), segment.view(), as_bytes("stratos.segment.v1")));
}

crypto::Nonce nonce_of(std::uint64_t unit) {
  crypto::Nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) {
    nonce[4 + i] = static_cast<std::uint8_t>(unit >> (56 - 8 * i));
  }
  return nonce;
}

std::uint64_t last_unit_bytes(std::uint64_t k, std::uint64_t rest) {
  if (rest == 0) return 0;
  const std::uint64_t share = (rest + k - 1) / k + crypto::kTagBytes;
  return std::min(kUnitBytes, (share + kUnitAlignment - 1) / kUnitAlignment * kUnitAlignment);
}

}  // namespace

SegmentLayout::SegmentLayout(std::uint8_t k, std::uint64_t length) : k_(k), length_(length) {
  STRATOS_ASSERT(k > 0 && length > 0, "a segment has data fragments and bytes");
  full_stripes_ = length / stripe_plain_bytes();
  last_unit_ = last_unit_bytes(k_, length % stripe_plain_bytes());
}

std::uint64_t SegmentLayout::fragment_bytes(std::uint64_t first_stripe,
                                            std::uint64_t end_stripe) const {
  return std::min(end_stripe * kUnitBytes, fragment_length()) - first_stripe * kUnitBytes;
}

std::uint64_t SegmentLayout::max_length(std::uint8_t k) {
  return kMaxSegmentBytes / (k * kUnitBytes) * k * kUnitPlainBytes;
}

UnitCipher::UnitCipher(const crypto::SecretKey& data_key, const SegmentId& segment)
    : segment_(segment), aead_(segment_key(data_key, segment)) {}

Bytes UnitCipher::associated_data(std::uint64_t unit, bool last) const {
  Bytes data = {kUnitFormat};
  append(data, segment_.view());
  put_be(data, unit);
  data.push_back(last ? 1 : 0);
  return data;
}

void UnitCipher::seal(std::uint64_t unit, bool last, ByteView plain, MutableByteView out) {
  const std::size_t capacity = out.size() - crypto::kTagBytes;
  Bytes filled_up;
  if (plain.size() < capacity) {
    filled_up.assign(plain.begin(), plain.end());
    filled_up.resize(capacity);
    plain = filled_up;
  }
  aead_.seal(nonce_of(unit), associated_data(unit, last), plain, out);
}

Result<void> UnitCipher::open(std::uint64_t unit, bool last, ByteView sealed, MutableByteView out) {
  const Result<void> opened = aead_.open(nonce_of(unit), associated_data(unit, last), sealed, out);
  if (!opened) return fail(Errc::unit_corrupt, segment_.hex() + " unit " + std::to_string(unit));
  return {};
}

SegmentEncoder::SegmentEncoder(erasure::Shape shape, const erasure::ReedSolomon& code,
                               const crypto::SecretKey& data_key, const SegmentId& segment)
    : shape_(shape), code_(code), cipher_(data_key, segment), trees_(shape.n()) {}

std::vector<Buffer> SegmentEncoder::encode(ByteView plain) {
  STRATOS_ASSERT(plain.size() % (shape_.k * kUnitPlainBytes) == 0, "only full stripes");
  return encode_stripes(plain, false);
}

SegmentEncoder::Last SegmentEncoder::finish(ByteView plain) {
  Last last;
  last.fragments = encode_stripes(plain, true);
  for (crypto::TreeHasher& tree : trees_) last.roots.push_back(tree.finish().root);
  last.length = plain_done_;
  return last;
}

std::vector<Buffer> SegmentEncoder::encode_stripes(ByteView plain, bool is_last) {
  STRATOS_ASSERT(!plain.empty(), "stripes hold bytes");
  const SegmentLayout layout(shape_.k, plain.size());
  std::vector<Buffer> fragments;
  std::vector<const std::uint8_t*> data;
  std::vector<std::uint8_t*> parity;
  for (std::size_t i = 0; i < shape_.n(); ++i) {
    fragments.push_back(Buffer::allocate(layout.fragment_length()));
    std::uint8_t* bytes = fragments.back().mutable_view().data();
    if (i < shape_.k)
      data.push_back(bytes);
    else
      parity.push_back(bytes);
  }
  for (std::uint64_t stripe = 0; stripe < layout.stripes(); ++stripe) {
    for (std::uint64_t unit = 0; unit < shape_.k; ++unit) {
      const std::uint64_t begin =
          std::min<std::uint64_t>(layout.plain_begin(stripe, unit), plain.size());
      const std::uint64_t size = std::min(layout.unit_plain_bytes(stripe), plain.size() - begin);
      const bool last_unit = is_last && stripe * shape_.k + unit + 1 == layout.units();
      cipher_.seal((stripes_done_ + stripe) * shape_.k + unit, last_unit,
                   plain.subspan(begin, size),
                   fragments[unit].mutable_view().subspan(layout.fragment_offset(stripe),
                                                          layout.unit_bytes(stripe)));
    }
  }
  code_.encode(layout.fragment_length(), data, parity);
  for (std::size_t i = 0; i < shape_.n(); ++i) trees_[i].update(fragments[i].view());
  stripes_done_ += layout.stripes();
  plain_done_ += plain.size();
  return fragments;
}

}  // namespace stratos::client
