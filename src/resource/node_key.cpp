#include "resource/node_key.hpp"

namespace stratos::resource {
namespace {

constexpr std::size_t kSeedBytes = 32;

std::string key_path(const std::string& folder) { return folder + "/node.key"; }
std::string previous_path(const std::string& folder) { return key_path(folder) + ".previous"; }

Result<crypto::MachineSigner> read_key(io::FileSystem& fs, const std::string& path) {
  STRATOS_TRY(const Bytes seed, io::read_file(fs, path, kSeedBytes));
  auto key = crypto::SecretKey::from(seed);
  if (!key) return fail(Errc::bad_key, path + " is damaged", std::move(key).error());
  return crypto::MachineSigner(*key);
}

}  // namespace

Result<crypto::MachineSigner> load_node_key(io::FileSystem& fs, const std::string& folder,
                                            Random& random) {
  STRATOS_CHECK(fs.make_dirs(folder));
  if (fs.exists(key_path(folder))) return read_key(fs, key_path(folder));
  crypto::MachineSigner signer = crypto::MachineSigner::draw(random);
  STRATOS_CHECK(io::write_secret_file(fs, key_path(folder), signer.seed().view()));
  return signer;
}

Result<crypto::MachineKey> rotate_node_key(io::FileSystem& fs, const std::string& folder,
                                           Random& random) {
  STRATOS_TRY(const auto lock, fs.lock(folder));
  STRATOS_TRY(const crypto::MachineSigner current, read_key(fs, key_path(folder)));
  STRATOS_TRY(const auto pending, pending_succession(fs, folder, current.public_key()));
  if (pending) return fail(Errc::precondition_failed, "start the node with its new key first");
  // The old one is durable beside before it is replaced.
  STRATOS_CHECK(io::write_secret_file(fs, previous_path(folder), current.seed().view()));
  const crypto::MachineSigner next = crypto::MachineSigner::draw(random);
  STRATOS_CHECK(io::write_secret_file(fs, key_path(folder), next.seed().view()));
  return next.public_key();
}

Result<std::optional<meta::KeySuccession>> pending_succession(io::FileSystem& fs,
                                                              const std::string& folder,
                                                              const crypto::MachineKey& key) {
  if (!fs.exists(previous_path(folder))) return std::nullopt;
  STRATOS_TRY(const crypto::MachineSigner previous, read_key(fs, previous_path(folder)));
  // A rotation that was broken off before the new key was stored.
  if (previous.public_key() == key) return std::nullopt;
  return meta::make_succession(previous, key);
}

Result<void> finish_succession(io::FileSystem& fs, const std::string& folder) {
  if (!fs.exists(previous_path(folder))) return {};
  STRATOS_CHECK(fs.remove(previous_path(folder)));
  return fs.sync_dir(folder);
}

}  // namespace stratos::resource
