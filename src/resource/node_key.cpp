#include "resource/node_key.hpp"

namespace stratos::resource {
namespace {

constexpr std::size_t kSeedBytes = 32;

std::string key_path(const std::string& folder) { return folder + "/node.key"; }
std::string succession_path(const std::string& folder) { return key_path(folder) + ".succession"; }

struct StoredSuccession {
  static constexpr std::uint8_t kFormat = 1;
  meta::KeySuccession succession;
  bool taken = false;  // by the index
  static void fields(auto& self, auto&& field) {
    field(1, self.succession);
    field(2, self.taken);
  }
};

Result<std::optional<StoredSuccession>> read_succession(io::FileSystem& fs,
                                                        const std::string& folder) {
  constexpr std::uint64_t kMostBytes = 1024;
  if (!fs.exists(succession_path(folder))) return std::nullopt;
  STRATOS_TRY(const Bytes bytes, io::read_file(fs, succession_path(folder), kMostBytes));
  return codec::decode<StoredSuccession>(bytes);
}

Result<void> write_succession(io::FileSystem& fs, const std::string& folder,
                              const StoredSuccession& stored) {
  return io::write_file_atomic(fs, succession_path(folder), codec::encode(stored));
}

// A rotation that was broken off leaves the word for a key that nobody has.
bool is_for(const StoredSuccession& stored, const crypto::MachineKey& key) {
  return meta::verify_succession(stored.succession, key).has_value();
}

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
  STRATOS_TRY(const auto last, read_succession(fs, folder));
  if (last && !last->taken && is_for(*last, current.public_key())) {
    return fail(Errc::precondition_failed, "start the node with its new key first");
  }
  const crypto::MachineSigner next = crypto::MachineSigner::draw(random);
  StoredSuccession stored;
  stored.succession = meta::make_succession(current, next.public_key());
  STRATOS_CHECK(write_succession(fs, folder, stored));
  STRATOS_CHECK(io::write_secret_file(fs, key_path(folder), next.seed().view()));
  return next.public_key();
}

Result<std::optional<meta::KeySuccession>> load_succession(io::FileSystem& fs,
                                                           const std::string& folder,
                                                           const crypto::MachineKey& key) {
  STRATOS_TRY(const auto stored, read_succession(fs, folder));
  if (!stored || !is_for(*stored, key)) return std::nullopt;
  return stored->succession;
}

Result<void> note_succession_taken(io::FileSystem& fs, const std::string& folder) {
  STRATOS_TRY(auto stored, read_succession(fs, folder));
  if (!stored || stored->taken) return {};
  stored->taken = true;
  return write_succession(fs, folder, *stored);
}

}  // namespace stratos::resource
