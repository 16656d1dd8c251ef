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
  const auto a = static_cast<std::uint32_t>(crc_a);
  const auto b = static_cast<std::uint32_t>(crc_b);
  switch (kind) {
    case DigestKind::crc32:
      return stratos_crc32_combine(a, b, length_b);
    case DigestKind::crc32c:
      return stratos_crc32c_combine(a, b, length_b);
    case DigestKind::crc64nvme:
      return stratos_crc64nvme_combine(crc_a, crc_b, length_b);
    case DigestKind::md5:
    case DigestKind::sha1:
    case DigestKind::sha256:
      break;
  }
  STRATOS_ASSERT(false, "only CRCs combine");
}

}  // namespace stratos::crypto
