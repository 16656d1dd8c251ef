// The files of a backup: each sealed on its own, so that it may lie with strangers. Format:
// docs/formats/backup.md.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "crypto/keys.hpp"
#include "io/file_system.hpp"
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

// A folder that holds one network's backup. All calls block; one thread at a time.
class BackupFiles {
 public:
  // Creates the folder when it is absent. Errc::folder_locked.
  static Result<std::unique_ptr<BackupFiles>> open(io::FileSystem& fs, std::string folder,
                                                   std::string network, crypto::SecretKey key,
                                                   Random& random);

  // Without the lock: beside one that writes, too.
  static std::unique_ptr<BackupFiles> for_reading(io::FileSystem& fs, std::string folder,
                                                  std::string network, crypto::SecretKey key,
                                                  Random& random);

  // Files of other makers are left alone and not listed.
  Result<BackupListing> list() const;

  Result<void> write_chunk(const SnapshotFile& file, ByteView chunk);
  // Makes the snapshot count: what it consists of is durable already.
  Result<void> finish_snapshot(const Snapshot& snapshot);
  Result<Snapshot> read_snapshot(Height height) const;
  Result<Bytes> read_chunk(const SnapshotFile& file) const;

  // Durable when it returns. In order, without gaps between them.
  Result<void> write_blocks(const std::vector<RecordedBlock>& blocks);
  Result<std::vector<RecordedBlock>> read_blocks(const BlocksFile& file) const;

  // Removes all snapshots but the newest `snapshots`, what only the others needed, and chunks of
  // snapshots that were never finished.
  Result<void> prune(std::size_t snapshots);

 private:
  BackupFiles(io::FileSystem& fs, std::string folder, std::string network, crypto::SecretKey key,
              Random& random)
      : fs_(fs),
        folder_(std::move(folder)),
        network_(std::move(network)),
        key_(std::move(key)),
        random_(random) {}
  Result<void> write(const std::string& name, ByteView plain);
  Result<Bytes> read(const std::string& name) const;
  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }

  io::FileSystem& fs_;
  std::string folder_;
  std::string network_;
  crypto::SecretKey key_;
  Random& random_;
  std::unique_ptr<io::FolderLock> lock_;
};

}  // namespace stratos::ordering
