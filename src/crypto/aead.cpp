#include <openssl/crypto.h>

#include <algorithm>

#include "base/assert.hpp"
#include "crypto/keys.hpp"
#include "crypto/openssl.hpp"

namespace stratos::crypto {
namespace {

// OpenSSL counts in int.
constexpr std::size_t kStepBytes = std::size_t{1} << 30;

// `out` null: associated data.
void feed(EVP_CIPHER_CTX* context, std::uint8_t* out, ByteView in) {
  while (!in.empty()) {
    const ByteView step = in.first(std::min(in.size(), kStepBytes));
    int written = 0;
    require(EVP_CipherUpdate(context, out, &written, step.data(), static_cast<int>(step.size())) ==
            1);
    in = in.subspan(step.size());
    if (out != nullptr) out += step.size();
  }
}

}  // namespace

// One context a direction, each with the expanded key; a message only sets the nonce.
struct Aead::Context {
  CipherContext sealing;
  CipherContext opening;
};

Aead::Aead(const SecretKey& key) : context_(std::make_unique<Context>()) {
  context_->sealing.reset(EVP_CIPHER_CTX_new());
  context_->opening.reset(EVP_CIPHER_CTX_new());
  const EVP_CIPHER* cipher = algorithms().aes256_gcm;
  require(context_->sealing && context_->opening &&
          EVP_CipherInit_ex2(context_->sealing.get(), cipher, key.view().data(), nullptr, 1,
                             nullptr) == 1 &&
          EVP_CipherInit_ex2(context_->opening.get(), cipher, key.view().data(), nullptr, 0,
                             nullptr) == 1);
}

Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

void Aead::seal(const Nonce& nonce, ByteView associated, ByteView plain, MutableByteView out) {
  STRATOS_ASSERT(out.size() == plain.size() + kTagBytes, "no room for exactly text and tag");
  EVP_CIPHER_CTX* context = context_->sealing.get();
  require(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), -1, nullptr) == 1);
  feed(context, nullptr, associated);
  feed(context, out.data(), plain);
  std::uint8_t* tag = out.data() + plain.size();
  int none = 0;
  require(EVP_CipherFinal_ex(context, tag, &none) == 1 &&
          EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, int{kTagBytes}, tag) == 1);
}

Result<void> Aead::open(const Nonce& nonce, ByteView associated, ByteView sealed,
                        MutableByteView out) {
  STRATOS_ASSERT(sealed.size() == out.size() + kTagBytes, "no room for exactly the text");
  std::array<std::uint8_t, kTagBytes> tag;
  std::memcpy(tag.data(), sealed.data() + out.size(), kTagBytes);
  EVP_CIPHER_CTX* context = context_->opening.get();
  require(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), -1, nullptr) == 1);
  feed(context, nullptr, associated);
  feed(context, out.data(), sealed.first(out.size()));
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, int{kTagBytes}, tag.data()) == 1);
  std::uint8_t unused = 0;
  int none = 0;
  if (EVP_CipherFinal_ex(context, &unused, &none) == 1) return {};
  OPENSSL_cleanse(out.data(), out.size());
  return fail(Errc::decryption_failed, "wrong key or altered bytes");
}

Bytes seal_with_random_nonce(const SecretKey& key, Random& random, ByteView associated,
                             ByteView plain) {
  Nonce nonce;
  random.fill(nonce);
  Bytes out(nonce.size() + plain.size() + kTagBytes);
  std::ranges::copy(nonce, out.begin());
  Aead(key).seal(nonce, associated, plain, MutableByteView(out).subspan(nonce.size()));
  return out;
}

Result<Bytes> open_with_nonce(const SecretKey& key, ByteView associated, ByteView sealed) {
  Nonce nonce;
  if (sealed.size() < nonce.size() + kTagBytes) {
    return fail(Errc::decryption_failed, "shorter than a nonce and a tag");
  }
  std::memcpy(nonce.data(), sealed.data(), nonce.size());
  Bytes plain(sealed.size() - nonce.size() - kTagBytes);
  STRATOS_CHECK(Aead(key).open(nonce, associated, sealed.subspan(nonce.size()), plain));
  return plain;
}

}  // namespace stratos::crypto
