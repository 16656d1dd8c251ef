// MeshFolder: where a mesh of one machine keeps its things, and how its commands find it.
//
//   mesh.json         settings, written at the first start
//   run.json          endpoints of the running mesh
//   clock.json        how far the mesh's clock was set ahead
//   credentials.json  access keys with their secrets (mode 0600)
//   keys/             keys (0600): meta, gateway, admin, backup, account-N
//   gateway/          keyring, keyring.secret (0600), exports.json
//   meta/             index and log
//   nodes/nN/         one folder for each storage node, its key in it
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "crypto/keys.hpp"
#include "io/file_system.hpp"

namespace stratos::cli {

// For how long a write pays, of a new mesh; nothing takes what the mesh was made with.
struct StorageSettings {
  std::optional<std::uint64_t> term_seconds;  // 0: objects are kept without an end
  std::optional<std::uint64_t> noz_per_gib_day;
  std::optional<std::uint64_t> grace_seconds;
  std::optional<std::uint64_t> warning_seconds;
};
// A month costs about what delivering the bytes once does.
constexpr std::uint64_t kUsualNozPerGibDay = 1ULL << 25;
constexpr std::uint64_t kUsualGraceSeconds = 7 * 86'400;
constexpr std::uint64_t kUsualWarningSeconds = 7 * 86'400;

struct MeshSettings {
  std::uint32_t nodes = 8;
  std::uint8_t k = 4;
  std::uint8_t m = 2;
  std::uint32_t accounts = 1;
  std::string region = "us-east-1";
  std::uint32_t epoch_seconds = 0;  // wanted: 0 takes what the mesh was made with
  StorageSettings storage;          // stored: each has a value
};

constexpr int kFolderFormat = 1;  // of mesh.json
constexpr std::uint32_t kUsualEpochSeconds = 600;
constexpr std::string_view kNetwork = "dev";

struct MeshAccount {
  std::string name;
  std::string address;
  std::string access_key;
  std::string secret_key;
};

// "STR" and 17 characters made of the id.
std::string access_key_of(const AccountId& id);

// What a running mesh tells the commands that look for it.
struct MeshRun {
  std::int64_t pid = 0;
  std::string s3_endpoint;    // http://host:port
  std::string meta_endpoint;  // host:port
  std::string meta_key;       // hex
  std::string ops_endpoint;   // http://host:port
};

class MeshFolder {
 public:
  MeshFolder(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string meta_path() const { return path_ + "/meta"; }
  std::string node_path(std::uint32_t number) const {
    return path_ + "/nodes/n" + std::to_string(number);
  }

  // The stored settings, or `wanted` stored now. Errc::bad_config when a stored mesh differs in
  // what cannot change (profile, epoch, storage), or its format is of another release.
  Result<MeshSettings> settings(const MeshSettings& wanted);
  Result<MeshSettings> stored_settings() const;
  Result<void> store_settings(const MeshSettings& settings);
  // How far ahead of this machine's clock the mesh's is.
  Result<std::chrono::milliseconds> clock_ahead() const;
  // At least so far from now on: it never goes back. Returns how far it is.
  Result<std::chrono::milliseconds> set_clock_ahead(std::chrono::milliseconds ahead);
  Result<void> store_run(const MeshRun& run);
  // Errc::not_found when no mesh runs here.
  Result<MeshRun> run() const;
  void clear_run();
  Result<void> store_accounts(const std::vector<MeshAccount>& accounts);
  Result<std::vector<MeshAccount>> accounts() const;
  std::string key_path(const std::string& name) const { return path_ + "/keys/" + name; }
  // The machine key of this name, made at the first call.
  Result<crypto::MachineSigner> machine_key(const std::string& name, Random& random);

 private:
  io::FileSystem& fs_;
  std::string path_;
};

// What a file of a key says. Errc::file_not_found, Errc::bad_encoding.
Result<crypto::MachineSigner> read_machine_key(io::FileSystem& fs, const std::string& path);

// --dir, else STRATOS_DIR, else the user's data folder.
std::string default_mesh_path();

}  // namespace stratos::cli
