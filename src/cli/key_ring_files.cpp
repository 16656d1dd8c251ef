#include "cli/key_ring_files.hpp"

namespace stratos::cli {
namespace {
constexpr std::uint64_t kMaxFileBytes = 1 << 20;
}

Result<Bytes> KeyRingFiles::secret() const {
  return io::read_file(fs_, folder_ + "/keyring.secret", kMaxFileBytes);
}

Result<client::KeyRing> KeyRingFiles::open() const {
  STRATOS_TRY(const Bytes sealed, io::read_file(fs_, folder_ + "/keyring", kMaxFileBytes));
  STRATOS_TRY(const Bytes passphrase, secret());
  return client::KeyRing::open(sealed, passphrase);
}

Result<client::KeyRing> KeyRingFiles::create(Random& random) {
  // Whatever was sealed under it would be lost.
  if (fs_.exists(folder_ + "/keyring")) return fail(Errc::already_exists, folder_ + "/keyring");
  Bytes id(4);
  random.fill(id);
  client::KeyRing ring = client::KeyRing::create("ring-" + to_hex(id), random);
  STRATOS_CHECK(store(ring, random));
  return ring;
}

Result<void> KeyRingFiles::store(const client::KeyRing& ring, Random& random) {
  STRATOS_CHECK(fs_.make_dirs(folder_));
  if (!fs_.exists(folder_ + "/keyring.secret")) {
    const std::string text = to_hex(crypto::SecretKey::draw(random).view());
    STRATOS_CHECK(io::write_secret_file(fs_, folder_ + "/keyring.secret", as_bytes(text)));
  }
  STRATOS_TRY(const Bytes passphrase, secret());
  STRATOS_TRY(const Bytes sealed, ring.seal(passphrase, random));
  return io::write_secret_file(fs_, folder_ + "/keyring", sealed);
}

bool KeyRingFiles::has_verified_export(const client::KeyRing& ring) const {
  const auto noted = io::read_file(fs_, folder_ + "/keyring.exported", kMaxFileBytes);
  return noted && as_text(*noted) == ring.fingerprint();
}

Result<void> KeyRingFiles::note_export(const client::KeyRing& ring) {
  const std::string text = ring.fingerprint();
  return io::write_file_atomic(fs_, folder_ + "/keyring.exported", as_bytes(text));
}

}  // namespace stratos::cli
