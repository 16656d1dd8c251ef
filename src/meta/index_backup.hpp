// IndexBackup: keeps sealed files from which a lost index comes back, in a folder, on the storage
// nodes or elsewhere, and brings it back. Format and rules: docs/formats/backup.md.
#pragma once
#include <functional>

#include "meta/index_machine.hpp"
#include "meta/mesh_place.hpp"
#include "meta/wire.hpp"
#include "ordering/backup.hpp"
#include "runtime/sync.hpp"

namespace stratos::meta {

struct BackupTarget {
  std::string folder;     // empty: none
  bool on_nodes = false;  // on the storage nodes too
  crypto::SecretKey key;
  Duration interval = 30s;
  // A place elsewhere that is reached over the network; null: none.
  std::function<std::unique_ptr<ordering::BackupPlace>(Runtime& runtime)> remote = nullptr;
};

// One copy of the index, in one place. Lives on the meta node's runtime.
class IndexBackup {
 public:
  // What it is given outlives it.
  IndexBackup(Runtime& runtime, ordering::StateMachine& machine);
  // What blocks are to be applied to: `machine`, watched.
  ordering::StateMachine& machine() { return recorder_; }
  // Once the log is open.
  void open(std::unique_ptr<ordering::BackupPlace> place, std::string network,
            const BackupTarget& target);
  // Errc::bad_config when the place holds more than the index: then that is to be restored, not
  // written over.
  Task<Result<void>> check_heir() { return backup_->check_heir(); }
  Task<void> run() { return backup_->run(); }
  // Writes what is new, now.
  Task<Result<void>> step() { return backup_->step(); }
  BackupReply::Place status() const;

 private:
  Runtime& runtime_;
  SystemRandom random_;
  ordering::RecordingMachine recorder_;
  std::string where_;
  std::unique_ptr<ordering::Backup> backup_;
};

struct RestoredIndex {
  ordering::Restored state;
  Generation generation;
};
struct RestoreOptions {
  bool scan = false;  // then, when it runs: holders that the backup does not know of are found
  std::size_t max_silent = 1;  // nodes: each file is on two at least
  kv::RocksOptions rocks;
};
// Makes `folder` a meta node's folder (index and log) from the newest state in a backup, as a new
// generation of the zone, or leaves no such folder. Errc::already_exists, and what
// ordering::restore() answers. What is given outlives the task.
Task<Result<RestoredIndex>> restore_index(Runtime& runtime, io::FileSystem& fs,
                                          ordering::BackupFiles& files, std::string network,
                                          std::string folder, const MetaIdentity& identity,
                                          RestoreOptions options = {});
// The same from the copies that nodes hold: of the latest generation that leads to an index.
// Errc::unavailable when more nodes are silent than may be.
Task<Result<RestoredIndex>> restore_index_from_nodes(Runtime& runtime, io::FileSystem& fs,
                                                     MeshPlace::Choose nodes, crypto::SecretKey key,
                                                     std::string network, std::string folder,
                                                     const MetaIdentity& identity,
                                                     RestoreOptions options = {});
// Restores into `scratch`, an empty folder, and lets go of it.
Task<Result<ordering::Restored>> verify_backup(io::FileSystem& fs, ordering::BackupFiles& files,
                                               std::string scratch);

}  // namespace stratos::meta
