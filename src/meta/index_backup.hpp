// IndexBackup: keeps a folder of sealed files from which a lost index comes back, and brings it
// back. Format and rules: docs/formats/backup.md.
#pragma once
#include "meta/index_machine.hpp"
#include "meta/wire.hpp"
#include "ordering/backup.hpp"
#include "runtime/sync.hpp"

namespace stratos::meta {

struct BackupTarget {
  std::string folder;
  crypto::SecretKey key;
  Duration interval = 30s;
};

// Lives on the meta node's runtime.
class IndexBackup {
 public:
  // What it is given outlives it.
  IndexBackup(Runtime& runtime, io::FileSystem& fs, ordering::StateMachine& machine,
              std::string network, BackupTarget target);
  // What blocks are to be applied to: `machine`, watched.
  ordering::StateMachine& machine() { return recorder_; }
  // Once the log is open. Errc::folder_locked, Errc::bad_config when the folder holds more than the
  // index: then that is to be restored, not written over.
  Result<void> open();
  Task<void> run() { return backup_->run(); }
  // Writes what is new, now.
  Task<Result<BackupReply>> step();

 private:
  Runtime& runtime_;
  io::FileSystem& fs_;
  std::string network_;
  BackupTarget target_;
  SystemRandom random_;
  ordering::RecordingMachine recorder_;
  std::unique_ptr<ordering::Backup> backup_;
};

struct RestoredIndex {
  ordering::Restored state;
  Generation generation;
};
struct RestoreOptions {
  bool scan = false;  // then, when it runs: holders that the backup does not know of are found
  kv::RocksOptions rocks;
};
// Makes `folder` a meta node's folder (index and log) from the newest state in a backup, as a new
// generation of the zone, or leaves no such folder. Errc::already_exists, and what
// ordering::restore() answers. What is given outlives the task.
Task<Result<RestoredIndex>> restore_index(Runtime& runtime, io::FileSystem& fs,
                                          const ordering::BackupFiles& files, std::string network,
                                          std::string folder, const MetaIdentity& identity,
                                          RestoreOptions options = {});
// Restores into `scratch`, an empty folder, and lets go of it.
Result<ordering::Restored> verify_backup(io::FileSystem& fs, const ordering::BackupFiles& files,
                                         const std::string& scratch);

}  // namespace stratos::meta
