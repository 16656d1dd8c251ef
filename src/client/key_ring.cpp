#include "client/key_ring.hpp"

#include "crypto/hash.hpp"
#include "crypto/passphrase.hpp"

namespace stratos::client {
namespace {

constexpr std::string_view kFileDomain = "stratos.keyring.v1";
constexpr std::string_view kWrapPurpose = "stratos.datakey.v1";
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kSecretCharacters = 40;

// What the sealed part of the file holds.
struct Contents {
  static constexpr std::uint8_t kFormat = 1;
  struct Version {
    std::uint32_t number = 0;
    Bytes key;
    static void fields(auto& self, auto&& field) {
      field(1, self.number);
      field(2, self.key);
    }
  };
  std::string name;
  Bytes derivation;
  std::vector<Version> versions;
  static void fields(auto& self, auto&& field) {
    field(1, self.name);
    field(2, self.derivation);
    field(3, self.versions);
  }
};

struct File {
  static constexpr std::uint8_t kFormat = 1;
  std::string domain;
  Bytes salt;
  Bytes sealed;
  static void fields(auto& self, auto&& field) {
    field(1, self.domain);
    field(2, self.salt);
    field(3, self.sealed);
  }
};

Result<File> read_sealed(ByteView sealed) {
  STRATOS_TRY(File file, codec::decode<File>(sealed));
  if (file.domain != kFileDomain) return fail(Errc::unknown_format, "not a key ring");
  return file;
}

}  // namespace

KeyRing KeyRing::create(std::string name, Random& random) {
  KeyRing ring;
  ring.name_ = std::move(name);
  ring.derivation_ = crypto::SecretKey::draw(random);
  ring.rotate(random);
  return ring;
}

Result<Bytes> KeyRing::seal(ByteView passphrase, Random& random) const {
  Contents contents;
  contents.name = name_;
  contents.derivation = to_bytes(derivation_.view());
  for (const auto& [number, key] : versions_) {
    contents.versions.push_back({number, to_bytes(key.view())});
  }
  File file;
  file.domain = kFileDomain;
  file.salt.resize(kSaltBytes);
  random.fill(file.salt);
  STRATOS_TRY(const crypto::SecretKey key, crypto::key_from_passphrase(passphrase, file.salt));
  file.sealed =
      crypto::seal_with_random_nonce(key, random, as_bytes(kFileDomain), codec::encode(contents));
  return codec::encode(file);
}

Result<void> KeyRing::check_format(ByteView sealed) {
  STRATOS_CHECK(read_sealed(sealed));
  return {};
}

Result<KeyRing> KeyRing::open(ByteView sealed, ByteView passphrase) {
  STRATOS_TRY(const File file, read_sealed(sealed));
  STRATOS_TRY(const crypto::SecretKey key, crypto::key_from_passphrase(passphrase, file.salt));
  STRATOS_TRY(const Bytes plain, crypto::open_with_nonce(key, as_bytes(kFileDomain), file.sealed));
  STRATOS_TRY(const Contents contents, codec::decode<Contents>(plain));
  KeyRing ring;
  ring.name_ = contents.name;
  STRATOS_TRY(ring.derivation_, crypto::SecretKey::from(contents.derivation));
  for (const Contents::Version& version : contents.versions) {
    STRATOS_TRY(ring.versions_[version.number], crypto::SecretKey::from(version.key));
  }
  if (ring.versions_.empty()) return fail(Errc::bad_key, "key ring without keys");
  return ring;
}

void KeyRing::rotate(Random& random) {
  versions_[newest_version() + 1] = crypto::SecretKey::draw(random);
}

std::uint32_t KeyRing::newest_version() const {
  return versions_.empty() ? 0 : versions_.rbegin()->first;
}

std::string KeyRing::fingerprint() const {
  Bytes all = to_bytes(as_bytes("stratos.keyring.fingerprint.v1"));
  append(all, as_bytes(name_));
  append(all, crypto::hkdf_sha256(derivation_.view(), {}, as_bytes("fingerprint")));
  for (const auto& [number, key] : versions_) {
    put_be(all, number);
    append(all, crypto::hkdf_sha256(key.view(), {}, as_bytes("fingerprint")));
  }
  return to_hex(ByteView(crypto::sha256(all)).first(8));
}

Result<crypto::SecretKey> KeyRing::key_of(std::uint32_t version, std::string_view purpose) const {
  const auto slot = std::pair(version, std::string(purpose));
  if (const auto known = derived_.find(slot); known != derived_.end()) return known->second;
  const auto found = versions_.find(version);
  if (found == versions_.end()) {
    return fail(Errc::key_not_in_ring, name_ + " version " + std::to_string(version));
  }
  const crypto::SecretKey key(
      crypto::hkdf_sha256(found->second.view(), as_bytes(name_), as_bytes(purpose)));
  derived_[slot] = key;
  return key;
}

meta::WrappedKey KeyRing::wrap(const crypto::SecretKey& data_key, Random& random) const {
  meta::WrappedKey wrapped;
  wrapped.ring = name_;
  wrapped.version = newest_version();
  const crypto::SecretKey key = *key_of(wrapped.version, kWrapPurpose);
  wrapped.sealed =
      crypto::seal_with_random_nonce(key, random, as_bytes(kWrapPurpose), data_key.view());
  return wrapped;
}

Result<crypto::SecretKey> KeyRing::unwrap(const meta::WrappedKey& wrapped) const {
  if (wrapped.ring != name_) {
    return fail(Errc::key_not_in_ring, "ring " + wrapped.ring + ", this gateway has " + name_);
  }
  STRATOS_TRY(const crypto::SecretKey key, key_of(wrapped.version, kWrapPurpose));
  STRATOS_TRY(const Bytes plain,
              crypto::open_with_nonce(key, as_bytes(kWrapPurpose), wrapped.sealed));
  return crypto::SecretKey::from(plain);
}

Bytes KeyRing::seal_record(std::string_view purpose, ByteView plain, Random& random) const {
  Bytes out;
  put_be(out, newest_version());
  const crypto::SecretKey key = *key_of(newest_version(), purpose);
  append(out, crypto::seal_with_random_nonce(key, random, as_bytes(purpose), plain));
  return out;
}

Result<Bytes> KeyRing::open_record(std::string_view purpose, ByteView sealed) const {
  if (sealed.size() < 4) return fail(Errc::bad_encoding, "sealed record cut off");
  STRATOS_TRY(const crypto::SecretKey key, key_of(get_be<std::uint32_t>(sealed), purpose));
  return crypto::open_with_nonce(key, as_bytes(purpose), sealed.subspan(4));
}

std::string KeyRing::s3_secret(std::string_view access_key) const {
  const auto bytes = crypto::hkdf_sha256(derivation_.view(), as_bytes("stratos.s3secret.v1"),
                                         as_bytes(access_key));
  return to_base64(bytes).substr(0, kSecretCharacters);
}

}  // namespace stratos::client
