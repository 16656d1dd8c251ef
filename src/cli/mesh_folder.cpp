#include "cli/mesh_folder.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace stratos::cli {
namespace {

using nlohmann::json;
constexpr std::uint64_t kMaxFileBytes = 1 << 20;
constexpr std::int64_t kMostFragments = 32;
constexpr std::int64_t kMostNodes = 10'000;
constexpr std::int64_t kMostAccounts = 10'000;
constexpr std::int64_t kMostEpochSeconds = 24 * 3600;
constexpr std::int64_t kMostStorageSeconds = 10LL * 366 * 86'400;
constexpr std::int64_t kMostNozPerGibDay = 1LL << 32;
constexpr std::int64_t kMostAheadMs = 100LL * 366 * 86'400'000;

Result<json> read_json(io::FileSystem& fs, const std::string& path) {
  STRATOS_TRY(const Bytes bytes, io::read_file(fs, path, kMaxFileBytes));
  json value = json::parse(as_text(bytes), nullptr, false);
  if (!value.is_object()) return fail(Errc::bad_config, path + " is not a JSON object");
  return value;
}

// Reads members of the expected types; anything else is a damaged file.
template <class Fn>
auto parsed(const std::string& path, Fn fn) -> Result<decltype(fn())> {
  try {
    return fn();
  } catch (const json::exception& error) {
    return fail(Errc::bad_config, path + ": " + error.what());
  }
}

// A number within its range; a damaged file must not become another mesh.
template <class Int>
void read_number(const json& from, const char* name, std::int64_t highest, Int& out) {
  const json& value = from.at(name);
  const bool fits = value.is_number_integer() && value >= 1 && value <= highest;
  if (!fits) throw json::out_of_range::create(401, std::string(name) + " is out of range", &from);
  out = value.get<Int>();
}

std::uint64_t read_from_zero(const json& from, const char* name, std::int64_t highest) {
  const json& value = from.at(name);
  const bool fits = value.is_number_integer() && value >= 0 && value <= highest;
  if (!fits) throw json::out_of_range::create(401, std::string(name) + " is out of range", &from);
  return value.get<std::uint64_t>();
}

void fill_in(StorageSettings& storage) {
  storage.term_seconds = storage.term_seconds.value_or(0);
  storage.noz_per_gib_day = storage.noz_per_gib_day.value_or(kUsualNozPerGibDay);
  storage.grace_seconds = storage.grace_seconds.value_or(kUsualGraceSeconds);
  storage.warning_seconds = storage.warning_seconds.value_or(kUsualWarningSeconds);
}

// Whether what is wanted, as far as anything is, is what the mesh was made with.
bool is_alike(const StorageSettings& wanted, const StorageSettings& stored) {
  const auto same = [](const auto& a, const auto& b) { return !a || a == b; };
  return same(wanted.term_seconds, stored.term_seconds) &&
         same(wanted.noz_per_gib_day, stored.noz_per_gib_day) &&
         same(wanted.grace_seconds, stored.grace_seconds) &&
         same(wanted.warning_seconds, stored.warning_seconds);
}

StorageSettings read_storage(const json& value) {
  StorageSettings storage;
  if (const auto stored = value.find("storage"); stored != value.end()) {
    storage.term_seconds = read_from_zero(*stored, "term_seconds", kMostStorageSeconds);
    storage.noz_per_gib_day = read_from_zero(*stored, "noz_per_gib_day", kMostNozPerGibDay);
    storage.grace_seconds = read_from_zero(*stored, "grace_seconds", kMostStorageSeconds);
    storage.warning_seconds = read_from_zero(*stored, "warning_seconds", kMostStorageSeconds);
  }
  fill_in(storage);
  return storage;
}

}  // namespace

Result<MeshSettings> MeshFolder::settings(const MeshSettings& wanted) {
  Result<MeshSettings> stored = stored_settings();
  if (!stored && stored.error().code() != Errc::file_not_found) return stored;
  MeshSettings settings = stored ? *stored : wanted;
  if (stored && (stored->k != wanted.k || stored->m != wanted.m)) {
    return fail(Errc::bad_config, "this mesh was made with profile " + std::to_string(stored->k) +
                                      "+" + std::to_string(stored->m) +
                                      "; --reset makes a new one");
  }
  const std::uint32_t epoch = wanted.epoch_seconds;
  if (stored && epoch != 0 && stored->epoch_seconds != epoch) {
    return fail(Errc::bad_config, "this mesh was made with epochs of " +
                                      std::to_string(stored->epoch_seconds) +
                                      " s; --reset makes a new one");
  }
  if (stored && !is_alike(wanted.storage, stored->storage)) {
    return fail(Errc::bad_config,
                "this mesh was made with other terms of storage; --reset makes a new one");
  }
  if (settings.epoch_seconds == 0) settings.epoch_seconds = kUsualEpochSeconds;
  fill_in(settings.storage);
  // A mesh may grow; it never forgets nodes or accounts.
  settings.nodes = std::max(settings.nodes, wanted.nodes);
  settings.accounts = std::max(settings.accounts, wanted.accounts);
  STRATOS_CHECK(store_settings(settings));
  return settings;
}

Result<MeshSettings> MeshFolder::stored_settings() const {
  const std::string path = path_ + "/mesh.json";
  STRATOS_TRY(const json value, read_json(fs_, path));
  if (const auto format = value.find("format"); format == value.end() || *format != kFolderFormat) {
    return fail(Errc::unknown_format, path + ": made by another release");
  }
  return parsed(path, [&value] {
    MeshSettings settings;
    read_number(value, "nodes", kMostNodes, settings.nodes);
    read_number(value, "k", kMostFragments, settings.k);
    read_number(value, "m", kMostFragments, settings.m);
    read_number(value, "accounts", kMostAccounts, settings.accounts);
    settings.region = value.at("region").get<std::string>();
    settings.epoch_seconds = kUsualEpochSeconds;
    if (value.contains("epoch_seconds")) {
      read_number(value, "epoch_seconds", kMostEpochSeconds, settings.epoch_seconds);
    }
    settings.storage = read_storage(value);
    return settings;
  });
}

Result<void> MeshFolder::store_settings(const MeshSettings& settings) {
  StorageSettings storage = settings.storage;
  fill_in(storage);
  const json value = {{"format", kFolderFormat},
                      {"nodes", settings.nodes},
                      {"k", settings.k},
                      {"m", settings.m},
                      {"accounts", settings.accounts},
                      {"region", settings.region},
                      {"epoch_seconds", settings.epoch_seconds},
                      {"storage",
                       {{"term_seconds", *storage.term_seconds},
                        {"noz_per_gib_day", *storage.noz_per_gib_day},
                        {"grace_seconds", *storage.grace_seconds},
                        {"warning_seconds", *storage.warning_seconds}}}};
  return io::write_file_atomic(fs_, path_ + "/mesh.json", as_bytes(value.dump(2) + "\n"));
}

Result<std::chrono::milliseconds> MeshFolder::clock_ahead() const {
  const std::string path = path_ + "/clock.json";
  const Result<json> value = read_json(fs_, path);
  if (!value && value.error().code() == Errc::file_not_found) return std::chrono::milliseconds(0);
  if (!value) return fail(value.error());
  return parsed(path, [&value] {
    const std::uint64_t ms = read_from_zero(*value, "ahead_ms", kMostAheadMs);
    return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
  });
}

Result<std::chrono::milliseconds> MeshFolder::set_clock_ahead(std::chrono::milliseconds ahead) {
  STRATOS_TRY(const std::chrono::milliseconds now, clock_ahead());
  if (ahead <= now) return now;
  if (ahead.count() > kMostAheadMs)
    return fail(Errc::invalid_argument, "more than 100 years ahead");
  const json value = {{"ahead_ms", ahead.count()}};
  STRATOS_CHECK(io::write_file_atomic(fs_, path_ + "/clock.json", as_bytes(value.dump(2) + "\n")));
  return ahead;
}

Result<void> MeshFolder::store_run(const MeshRun& run) {
  const json value = {{"pid", run.pid},
                      {"s3", run.s3_endpoint},
                      {"meta", run.meta_endpoint},
                      {"meta_key", run.meta_key},
                      {"ops", run.ops_endpoint}};
  return io::write_file_atomic(fs_, path_ + "/run.json", as_bytes(value.dump(2) + "\n"));
}

Result<MeshRun> MeshFolder::run() const {
  const std::string path = path_ + "/run.json";
  Result<json> value = read_json(fs_, path);
  if (!value && value.error().code() != Errc::file_not_found) return fail(value.error());
  if (!value) {
    return fail(Errc::not_found,
                "no mesh runs in " + path_ + "; start one with: stratos dev --dir " + path_);
  }
  return parsed(path, [&value] {
    MeshRun run;
    run.pid = value->at("pid").get<std::int64_t>();
    run.s3_endpoint = value->at("s3").get<std::string>();
    run.meta_endpoint = value->at("meta").get<std::string>();
    run.meta_key = value->at("meta_key").get<std::string>();
    run.ops_endpoint = value->at("ops").get<std::string>();
    return run;
  });
}

void MeshFolder::clear_run() {
  // A stale file only makes a later command say that nothing answers.
  [[maybe_unused]] const Result<void> ignored = fs_.remove(path_ + "/run.json");
}

Result<void> MeshFolder::store_accounts(const std::vector<MeshAccount>& accounts) {
  json list = json::array();
  for (const MeshAccount& account : accounts) {
    list.push_back({{"name", account.name},
                    {"address", account.address},
                    {"access_key", account.access_key},
                    {"secret_key", account.secret_key}});
  }
  const json value = {{"accounts", list}};
  return io::write_secret_file(fs_, path_ + "/credentials.json", as_bytes(value.dump(2) + "\n"));
}

Result<std::vector<MeshAccount>> MeshFolder::accounts() const {
  const std::string path = path_ + "/credentials.json";
  STRATOS_TRY(const json value, read_json(fs_, path));
  return parsed(path, [&value] {
    std::vector<MeshAccount> accounts;
    for (const json& item : value.at("accounts")) {
      MeshAccount account;
      account.name = item.at("name").get<std::string>();
      account.address = item.at("address").get<std::string>();
      account.access_key = item.at("access_key").get<std::string>();
      account.secret_key = item.at("secret_key").get<std::string>();
      accounts.push_back(std::move(account));
    }
    return accounts;
  });
}

Result<crypto::MachineSigner> MeshFolder::machine_key(const std::string& name, Random& random) {
  const std::string path = key_path(name);
  STRATOS_CHECK(fs_.make_dirs(path_ + "/keys"));
  Result<crypto::MachineSigner> stored = read_machine_key(fs_, path);
  if (stored || stored.error().code() != Errc::file_not_found) return stored;
  crypto::MachineSigner signer = crypto::MachineSigner::draw(random);
  const std::string text = to_hex(signer.seed().view());
  STRATOS_CHECK(io::write_secret_file(fs_, path, as_bytes(text)));
  return signer;
}

Result<crypto::MachineSigner> read_machine_key(io::FileSystem& fs, const std::string& path) {
  STRATOS_TRY(const Bytes stored, io::read_file(fs, path, kMaxFileBytes));
  STRATOS_TRY(const Bytes seed, from_hex(as_text(stored)));
  STRATOS_TRY(crypto::SecretKey key, crypto::SecretKey::from(seed));
  return crypto::MachineSigner(std::move(key));
}

std::string access_key_of(const AccountId& id) {
  std::string text = id.hex().substr(0, 17);
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return "STR" + text;
}

std::string default_mesh_path() {
  if (const char* dir = std::getenv("STRATOS_DIR"); dir != nullptr && *dir != 0) return dir;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != 0) {
    return std::string(data) + "/stratos/dev";
  }
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.local/share/stratos/dev";
}

}  // namespace stratos::cli
