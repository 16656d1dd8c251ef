// Backup of a state machine while it runs: a snapshot now and then, and all blocks since. Restoring
// applies them to an empty machine and checks every root on the way.
#pragma once
#include <deque>
#include <optional>

#include "ordering/backup_files.hpp"
#include "runtime/sync.hpp"

namespace stratos::ordering {

// Stands between the driver and a state machine and notes the blocks that were committed. What
// nobody takes is dropped when it grows beyond a bound; the next take() says so.
class RecordingMachine final : public StateMachine {
 public:
  // `inner` outlives it.
  RecordingMachine(StateMachine& inner, std::size_t max_bytes)
      : inner_(inner), max_bytes_(max_bytes) {}

  struct Taken {
    std::vector<RecordedBlock> blocks;
    bool is_whole = true;  // false: blocks before these are missing
  };
  Taken take();
  std::size_t recorded_bytes() const { return bytes_; }

  Info info() const override { return inner_.info(); }
  Result<Hash> init(const Genesis& genesis) override { return inner_.init(genesis); }
  Result<void> admit(ByteView entry) const override { return inner_.admit(entry); }
  std::vector<Bytes> build(std::vector<Bytes> candidates, std::size_t max_bytes) const override {
    return inner_.build(std::move(candidates), max_bytes);
  }
  bool check(const Block& block) const override { return inner_.check(block); }
  Result<Applied> apply(const Block& block) override;
  Result<void> commit() override;
  Result<void> flush() override { return inner_.flush(); }
  std::uint64_t unflushed_bytes() const override { return inner_.unflushed_bytes(); }
  Result<Bytes> query(std::string_view path, ByteView request) const override {
    return inner_.query(path, request);
  }
  std::unique_ptr<PinnedState> pin() const override { return inner_.pin(); }
  std::vector<Snapshot> list_snapshots() const override { return inner_.list_snapshots(); }
  Result<Bytes> load_chunk(const Snapshot& snapshot, std::uint32_t chunk) const override {
    return inner_.load_chunk(snapshot, chunk);
  }
  Offer offer(const Snapshot& snapshot) override { return inner_.offer(snapshot); }
  Result<void> apply_chunk(std::uint32_t chunk, ByteView data) override {
    return inner_.apply_chunk(chunk, data);
  }

 private:
  StateMachine& inner_;
  std::size_t max_bytes_;
  std::optional<RecordedBlock> applied_;
  std::vector<RecordedBlock> blocks_;
  std::size_t bytes_ = 0;
  bool is_whole_ = true;
};

struct BackupOptions {
  Duration interval = 30s;                      // between two steps
  Duration retry = 2s;                          // after a step that failed; doubles up to that
  std::size_t step_after = 16 << 20;            // bytes of blocks, at once
  std::uint64_t snapshot_after = 256ULL << 20;  // bytes of blocks, at least
  std::size_t snapshot_after_files = 1000;      // of blocks
  std::size_t keep_snapshots = 2;
};

struct BackupStatus {
  Height height;               // up to which everything is in the backup
  WallTime at;                 // of the last step that succeeded; 0: none did
  std::uint64_t failures = 0;  // steps in a row that did not
  std::string last_error;      // of the last one that did not, until one succeeds
};

// Belongs to the runtime of the driver. What it is given outlives it.
class Backup {
 public:
  Backup(Runtime& runtime, RecordingMachine& machine, std::unique_ptr<BackupFiles> files,
         BackupOptions options);

  // Steps until the task is cancelled.
  Task<void> run();
  // Writes what was committed since the last step, or a snapshot where the chain has none yet. One
  // step at a time; others wait. Errc::bad_config when the place holds more than the machine: then
  // that is to be restored, not written over.
  Task<Result<void>> step();
  // Whether the place holds nothing that the machine lacked when this was made.
  Task<Result<void>> check_heir();
  const BackupStatus& status() const { return status_; }

 private:
  Task<Result<void>> step_now();
  Task<Result<void>> wait_for_blocks();
  Task<Result<void>> write_snapshot(std::shared_ptr<PinnedState> state);
  Task<Result<void>> write_blocks(std::vector<RecordedBlock> blocks);

  Runtime& runtime_;
  RecordingMachine& machine_;
  std::unique_ptr<BackupFiles> files_;
  BackupOptions options_;
  Semaphore turn_;
  Height height_at_start_;
  bool is_heir_ = false;
  bool has_snapshot_ = false;         // of this chain
  std::uint64_t snapshot_bytes_ = 0;  // of the last one
  std::uint64_t blocks_bytes_ = 0;    // since then
  std::size_t block_files_ = 0;
  BackupStatus status_{};
};

struct Restored {
  Info info;
  WallTime time;                 // of the last block; 0 when the snapshot had none after it
  Height snapshot;               // that it began with
  std::uint64_t blocks = 0;      // applied on top
  std::uint64_t unreadable = 0;  // files that were named and could not be read
};
// Brings an empty machine to the newest state that the backup holds. Errc::not_found without a
// snapshot, Errc::log_corrupt when blocks are missing before others, Errc::root_mismatch when a
// block leads elsewhere than it did, Errc::decryption_failed for another key or network.
// From a place that is not trusted, what cannot be read counts as if it were not there, as long as
// an older snapshot or what is left leads on.
Task<Result<Restored>> restore(BackupFiles& files, StateMachine& machine);

}  // namespace stratos::ordering
