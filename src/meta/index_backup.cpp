#include "meta/index_backup.hpp"

#include <algorithm>

#include "meta/index_upkeep.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::meta {
namespace {
// Of blocks between two steps; beyond, the next step writes a snapshot.
constexpr std::size_t kMaxRecordedBytes = 64 << 20;

Height newest_of(const ordering::BackupListing& listing) {
  const Height snapshot = listing.snapshots.empty() ? Height() : listing.snapshots.back();
  return listing.blocks.empty() ? snapshot : std::max(snapshot, listing.blocks.back().last);
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
                                         const ordering::BackupFiles& files, std::string network,
                                         std::string folder, const MetaIdentity& identity,
                                         RestoreOptions wanted) {
  STRATOS_CO_CHECK(fs.make_dirs(folder));
  STRATOS_CO_TRY(const std::unique_ptr<kv::Store> store,
                 kv::open_rocks(fs, folder + "/index", wanted.rocks));
  STRATOS_CO_TRY(const std::unique_ptr<IndexMachine> machine, IndexMachine::open(*store));
  RestoredIndex restored;
  STRATOS_CO_TRY(restored.state, ordering::restore(files, *machine));
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

IndexBackup::IndexBackup(Runtime& runtime, io::FileSystem& fs, ordering::StateMachine& machine,
                         std::string network, BackupTarget target)
    : runtime_(runtime),
      fs_(fs),
      network_(std::move(network)),
      target_(std::move(target)),
      recorder_(machine, kMaxRecordedBytes) {}

Result<void> IndexBackup::open() {
  STRATOS_TRY(std::unique_ptr<ordering::BackupFiles> files,
              ordering::BackupFiles::open(fs_, target_.folder, network_, target_.key, random_));
  STRATOS_TRY(const ordering::BackupListing listing, files->list());
  const Height newest = newest_of(listing);
  if (newest > recorder_.info().height) {
    return fail(Errc::bad_config, "the backup in " + target_.folder + " reaches block " +
                                      std::to_string(newest.value) + ", the index only block " +
                                      std::to_string(recorder_.info().height.value) +
                                      ": restore it (stratos meta restore) or name another folder");
  }
  ordering::BackupOptions options;
  options.interval = target_.interval;
  backup_ = std::make_unique<ordering::Backup>(runtime_, recorder_, std::move(files), options);
  return {};
}

Task<Result<BackupReply>> IndexBackup::step() {
  STRATOS_CO_CHECK(co_await backup_->step());
  const ordering::BackupStatus& status = backup_->status();
  BackupReply reply;
  reply.folder = target_.folder;
  reply.height = status.height;
  reply.at = status.at;
  co_return reply;
}

Task<Result<RestoredIndex>> restore_index(Runtime& runtime, io::FileSystem& fs,
                                          const ordering::BackupFiles& files, std::string network,
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

Result<ordering::Restored> verify_backup(io::FileSystem& fs, const ordering::BackupFiles& files,
                                         const std::string& scratch) {
  STRATOS_TRY(const std::unique_ptr<kv::Store> store,
              kv::open_rocks(fs, scratch, kv::RocksOptions{}));
  STRATOS_TRY(const std::unique_ptr<IndexMachine> machine, IndexMachine::open(*store));
  return ordering::restore(files, *machine);
}

}  // namespace stratos::meta
