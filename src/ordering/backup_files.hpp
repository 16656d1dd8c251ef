// The files of a backup: each sealed on its own, so that it may lie with strangers. Format:
// docs/formats/backup.md.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "crypto/keys.hpp"
#include "ordering/backup_place.hpp"
#include "ordering/state_machine.hpp"

namespace stratos::ordering {

// One block and the root that it led to.
struct RecordedBlock {
  Block block;
  Hash root;
};

// Where a file stands in a backup; its name says so.
struct SnapshotFile {
  Height height;
  std::uint32_t chunk = 0;
};
struct BlocksFile {
  Height first;
  Height last;
};
struct BackupListing {
  std::vector<Height> snapshots;        // complete ones, ascending
  std::vector<BlocksFile> blocks;       // ascending
  std::vector<std::string> unfinished;  // chunks of snapshots that were never finished
};

// One network's backup in a place. Belongs to the place's runtime; one call at a time.
class BackupFiles {
 public:
  // `runtime` and `random` outlive it.
  BackupFiles(Runtime& runtime, std::unique_ptr<BackupPlace> place, std::string network,
              crypto::SecretKey key, Random& random)
      : runtime_(runtime),
        place_(std::move(place)),
        network_(std::move(network)),
        key_(std::move(key)),
        random_(random) {}
  const BackupPlace& place() const { return *place_; }

  // Files of other makers are left alone and not listed.
  Task<Result<BackupListing>> list();

  Task<Result<void>> write_chunk(SnapshotFile file, Bytes chunk);
  // Makes the snapshot count: what it consists of is durable already.
  Task<Result<void>> finish_snapshot(Snapshot snapshot);
  Task<Result<Snapshot>> read_snapshot(Height height);
  Task<Result<Bytes>> read_chunk(SnapshotFile file);

  // Durable when it returns. In order, without gaps between them; in several files when they are
  // long.
  Task<Result<void>> write_blocks(std::vector<RecordedBlock> blocks);
  Task<Result<std::vector<RecordedBlock>>> read_blocks(BlocksFile file);

  // Removes all snapshots but the newest `snapshots`, what only the others needed, and chunks of
  // snapshots that were never finished.
  Task<Result<void>> prune(std::size_t snapshots);

 private:
  Task<Result<void>> write(std::string name, Bytes plain);
  Task<Result<Bytes>> read(std::string name);
  Bytes seal(const std::string& name, ByteView plain);
  Result<Bytes> unseal(const std::string& name, ByteView file) const;
  Task<Result<void>> remove_snapshot(Height height);

  Runtime& runtime_;
  std::unique_ptr<BackupPlace> place_;
  std::string network_;
  crypto::SecretKey key_;
  Random& random_;
};

}  // namespace stratos::ordering
