// KeyRing: the gateway operator's keys. Data keys and attributes are sealed under a version of the
// ring; S3 secrets are derived from it. Without a copy of the ring nothing can be read.
// Format: docs/formats/key-ring.md.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "codec/record.hpp"
#include "crypto/keys.hpp"
#include "io/file_system.hpp"
#include "meta/records.hpp"

namespace stratos::client {

class KeyRing {
 public:
  static KeyRing create(std::string name, Random& random);
  // The sealed form: everything but a salt is encrypted under the passphrase.
  Result<Bytes> seal(ByteView passphrase, Random& random) const;
  // Errc::decryption_failed for a wrong passphrase or a damaged file.
  static Result<KeyRing> open(ByteView sealed, ByteView passphrase);
  // Whether this release reads the sealed form: Errc::unknown_format, Errc::bad_encoding.
  static Result<void> check_format(ByteView sealed);

  // Adds a version; later seals use it, older ones still open.
  void rotate(Random& random);
  // A short public name of the ring's contents, to compare copies.
  std::string fingerprint() const;
  const std::string& name() const { return name_; }
  std::uint32_t newest_version() const;

  meta::WrappedKey wrap(const crypto::SecretKey& data_key, Random& random) const;
  // Errc::key_not_in_ring names the ring and version that are missing.
  Result<crypto::SecretKey> unwrap(const meta::WrappedKey& wrapped) const;
  // Seals what the mesh should not read. `purpose` separates kinds.
  Bytes seal_record(std::string_view purpose, ByteView plain, Random& random) const;
  Result<Bytes> open_record(std::string_view purpose, ByteView sealed) const;
  // The S3 secret of an access key: 40 characters, the same for every version.
  std::string s3_secret(std::string_view access_key) const;

 private:
  Result<crypto::SecretKey> key_of(std::uint32_t version, std::string_view purpose) const;

  std::string name_;
  crypto::SecretKey derivation_;  // of S3 secrets
  std::map<std::uint32_t, crypto::SecretKey> versions_;
  // Derived per purpose, so that sealing a record costs no derivation.
  mutable std::map<std::pair<std::uint32_t, std::string>, crypto::SecretKey> derived_;
};

}  // namespace stratos::client
