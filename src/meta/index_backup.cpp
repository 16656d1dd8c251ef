#include "meta/index_backup.hpp"

#include "meta/index_upkeep.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::meta {
namespace {
// Of blocks between two steps; beyond, the next step writes a snapshot.
constexpr std::size_t kMaxRecordedBytes = 64 << 20;

void remove_tree(io::FileSystem& fs, const std::string& path) {
  if (!fs.is_dir(path)) {
    if (fs.exists(path)) (void)fs.remove(path);
    return;
  }
  const auto names = fs.list(path);
  if (!names) return;
  for (const std::string& name : *names) remove_tree(fs, path + "/" + name);
  (void)fs.remove_dir(path);
}

Task<Result<Generation>> begin_generation(Runtime& runtime, ordering::EmbeddedLog& log,
                                          const IndexMachine& machine, const MetaIdentity& identity,
                                          bool scan) {
  STRATOS_CO_CHECK(co_await take_seat(runtime, log, machine, identity.signer, identity.chain));
  BeginGeneration begin;
  begin.scan = scan;
  Bytes command = codec::encode(begin);
  STRATOS_CO_TRY(const Bytes reply,
                 co_await order_alone(runtime, log, machine, identity.signer,
                                      Verb::begin_generation, std::move(command)));
  STRATOS_CO_TRY(const auto begun, codec::decode<BeginGeneration::Reply>(reply));
  co_return begun.generation;
}

Task<Result<RestoredIndex>> restore_into(Runtime& runtime, io::FileSystem& fs,
                                         ordering::BackupFiles& files, std::string network,
                                         std::string folder, const MetaIdentity& identity,
                                         RestoreOptions wanted) {
  STRATOS_CO_CHECK(fs.make_dirs(folder));
  STRATOS_CO_TRY(const std::unique_ptr<kv::Store> store,
                 kv::open_rocks(fs, folder + "/index", wanted.rocks));
  STRATOS_CO_TRY(const std::unique_ptr<IndexMachine> machine, IndexMachine::open(*store));
  RestoredIndex restored;
  STRATOS_CO_TRY(restored.state, co_await ordering::restore(files, *machine));
  ordering::LogOptions options;
  options.network = network;
  options.start_at_state = true;
  ordering::Genesis genesis;
  genesis.network = std::move(network);
  STRATOS_CO_TRY(const std::unique_ptr<ordering::EmbeddedLog> log,
                 co_await ordering::EmbeddedLog::open(runtime, fs, folder + "/log", *machine,
                                                      std::move(genesis), options));
  const auto begun = co_await begin_generation(runtime, *log, *machine, identity, wanted.scan);
  co_await log->stop();
  if (!begun) co_return fail(begun.error());
  restored.generation = *begun;
  co_return restored;
}

}  // namespace

IndexBackup::IndexBackup(Runtime& runtime, ordering::StateMachine& machine)
    : runtime_(runtime), recorder_(machine, kMaxRecordedBytes) {}

void IndexBackup::open(std::unique_ptr<ordering::BackupPlace> place, std::string network,
                       const BackupTarget& target) {
  where_ = place->describe();
  auto files = std::make_unique<ordering::BackupFiles>(runtime_, std::move(place),
                                                       std::move(network), target.key, random_);
  ordering::BackupOptions options;
  options.interval = target.interval;
  backup_ = std::make_unique<ordering::Backup>(runtime_, recorder_, std::move(files), options);
}

BackupReply::Place IndexBackup::status() const {
  const ordering::BackupStatus& status = backup_->status();
  BackupReply::Place place;
  place.where = where_;
  place.height = status.height;
  place.at = status.at;
  place.failures = status.failures;
  place.last_error = status.last_error;
  return place;
}

Task<Result<RestoredIndex>> restore_index(Runtime& runtime, io::FileSystem& fs,
                                          ordering::BackupFiles& files, std::string network,
                                          std::string folder, const MetaIdentity& identity,
                                          RestoreOptions options) {
  if (fs.exists(folder)) co_return fail(Errc::already_exists, folder);
  // Under another name until it is whole.
  const std::string partial = folder + ".partial";
  if (fs.exists(partial)) {
    co_return fail(Errc::already_exists, partial + " is left of a restore that was broken off");
  }
  auto restored =
      co_await restore_into(runtime, fs, files, std::move(network), partial, identity, options);
  if (!restored) co_return restored;
  STRATOS_CO_CHECK(fs.rename(partial, folder));
  STRATOS_CO_CHECK(fs.sync_dir(io::parent_of(folder)));
  co_return restored;
}

Task<Result<RestoredIndex>> restore_index_from_nodes(Runtime& runtime, io::FileSystem& fs,
                                                     MeshPlace::Choose nodes, crypto::SecretKey key,
                                                     std::string network, std::string folder,
                                                     const MetaIdentity& identity,
                                                     RestoreOptions options) {
  const HeldGenerations held = co_await held_generations(nodes);
  if (held.silent > options.max_silent) {
    co_return fail(Errc::unavailable, std::to_string(held.silent) +
                                          " nodes do not answer: what is newest may be on them");
  }
  SystemRandom random;
  Result<RestoredIndex> restored = fail(Errc::not_found, "the nodes hold no backup");
  for (auto at = held.generations.rbegin(); at != held.generations.rend(); ++at) {
    // Of what nodes made up, or have no longer, nothing may stay.
    remove_tree(fs, folder + ".partial");
    auto place = std::make_unique<MeshPlace>(nodes, *at, MeshPlace::Use::restore);
    ordering::BackupFiles files(runtime, std::move(place), network, key, random);
    restored = co_await restore_index(runtime, fs, files, network, folder, identity, options);
    if (restored || restored.error().code() == Errc::already_exists) break;
  }
  if (!restored) remove_tree(fs, folder + ".partial");
  co_return restored;
}

Task<Result<ordering::Restored>> verify_backup(io::FileSystem& fs, ordering::BackupFiles& files,
                                               std::string scratch) {
  STRATOS_CO_TRY(const std::unique_ptr<kv::Store> store,
                 kv::open_rocks(fs, scratch, kv::RocksOptions{}));
  STRATOS_CO_TRY(const std::unique_ptr<IndexMachine> machine, IndexMachine::open(*store));
  co_return co_await ordering::restore(files, *machine);
}

}  // namespace stratos::meta
