// Incremental digests and the CRCs.
#include "base/assert.hpp"
#include "crypto/hash.hpp"
#include "crypto/openssl.hpp"
#include "stratos_native.h"

namespace stratos::crypto {
namespace {

class OpensslDigest final : public Digest {
 public:
  explicit OpensslDigest(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new()) {
    require(context_ && EVP_DigestInit_ex2(context_.get(), algorithm, nullptr) == 1);
  }

  void update(ByteView data) override {
    STRATOS_ASSERT(context_ != nullptr, "digest used after finish");
    require(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
  }

  Bytes finish() override {
    STRATOS_ASSERT(context_ != nullptr, "digest used after finish");
    Bytes out(static_cast<std::size_t>(EVP_MD_CTX_get_size(context_.get())));
    require(EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1);
    context_.reset();
    return out;
  }

 private:
  MdContext context_;
};

template <class Crc, Crc (*kUpdate)(Crc, const std::uint8_t*, std::size_t)>
class CrcDigest final : public Digest {
 public:
  void update(ByteView data) override {
    STRATOS_ASSERT(!finished_, "digest used after finish");
    crc_ = kUpdate(crc_, data.data(), data.size());
  }

  Bytes finish() override {
    STRATOS_ASSERT(!finished_, "digest used after finish");
    finished_ = true;
    Bytes out;
    put_be(out, crc_);
    return out;
  }

 private:
  Crc crc_ = 0;
  bool finished_ = false;
};

// A CRC's modulus, reflected as the CRC itself is: the coefficient of x^0 is the topmost of `width`
// bits.
struct Modulus {
  std::uint64_t polynomial;
  int width;
};
constexpr Modulus kCrc32{0xedb88320, 32};
constexpr Modulus kCrc32c{0x82f63b78, 32};
constexpr Modulus kCrc64Nvme{0x9a6c9329ac4bc9b5, 64};

// a · b modulo the CRC's polynomial, without a branch on the data.
constexpr std::uint64_t product(Modulus modulus, std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  for (int bit = modulus.width - 1; bit >= 0; --bit) {
    sum ^= b & (0 - (a >> bit & 1));
    b = (b >> 1) ^ (modulus.polynomial & (0 - (b & 1)));
  }
  return sum;
}

// x^(8 · 2^i): what appending 2^i zero bytes multiplies a CRC by.
constexpr std::array<std::uint64_t, 64> powers_of(Modulus modulus) {
  std::array<std::uint64_t, 64> powers{};
  powers[0] = std::uint64_t{1} << (modulus.width - 1 - 8);
  for (std::size_t i = 1; i < powers.size(); ++i) {
    powers[i] = product(modulus, powers[i - 1], powers[i - 1]);
  }
  return powers;
}

// Appending b multiplies the CRC of a by x^(8 · length of b) and adds the CRC of b; the initial and
// the final inversion cancel out.
template <Modulus kModulus>
std::uint64_t combined(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t length_b) {
  static constexpr std::array<std::uint64_t, 64> kPowers = powers_of(kModulus);
  for (std::size_t i = 0; length_b != 0; ++i, length_b >>= 1) {
    if ((length_b & 1) != 0) crc_a = product(kModulus, kPowers[i], crc_a);
  }
  return crc_a ^ crc_b;
}

}  // namespace

std::unique_ptr<Digest> make_digest(DigestKind kind) {
  switch (kind) {
    case DigestKind::md5:
      return std::make_unique<OpensslDigest>(algorithms().md5);
    case DigestKind::sha1:
      return std::make_unique<OpensslDigest>(algorithms().sha1);
    case DigestKind::sha256:
      return std::make_unique<OpensslDigest>(algorithms().sha256);
    case DigestKind::crc32:
      return std::make_unique<CrcDigest<std::uint32_t, stratos_crc32>>();
    case DigestKind::crc32c:
      return std::make_unique<CrcDigest<std::uint32_t, stratos_crc32c>>();
    case DigestKind::crc64nvme:
      return std::make_unique<CrcDigest<std::uint64_t, stratos_crc64nvme>>();
  }
  STRATOS_ASSERT(false, "unknown kind of digest");
}

std::uint32_t crc32c(ByteView data, std::uint32_t crc) {
  return stratos_crc32c(crc, data.data(), data.size());
}

std::uint64_t combine_crc(DigestKind kind, std::uint64_t crc_a, std::uint64_t crc_b,
                          std::uint64_t length_b) {
  switch (kind) {
    case DigestKind::crc32:
      return combined<kCrc32>(crc_a, crc_b, length_b);
    case DigestKind::crc32c:
      return combined<kCrc32c>(crc_a, crc_b, length_b);
    case DigestKind::crc64nvme:
      return combined<kCrc64Nvme>(crc_a, crc_b, length_b);
    case DigestKind::md5:
    case DigestKind::sha1:
    case DigestKind::sha256:
      break;
  }
  STRATOS_ASSERT(false, "only CRCs combine");
}

}  // namespace stratos::crypto
