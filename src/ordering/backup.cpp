#include "ordering/backup.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"

namespace stratos::ordering {
namespace {

constexpr Duration kWriteCost = 10ms;
constexpr Duration kStepTimeout = 10min;

std::size_t bytes_of(const Block& block) {
  std::size_t bytes = 64;
  for (const Bytes& entry : block.entries) bytes += entry.size();
  return bytes;
}

std::size_t bytes_of(const std::vector<RecordedBlock>& blocks) {
  std::size_t bytes = 0;
  for (const RecordedBlock& recorded : blocks) bytes += bytes_of(recorded.block);
  return bytes;
}

Result<void> restore_snapshot(const BackupFiles& files, Height height, StateMachine& machine) {
  STRATOS_TRY(const Snapshot snapshot, files.read_snapshot(height));
  if (machine.offer(snapshot) != Offer::accept) {
    return fail(Errc::unknown_format, "the state machine does not take this snapshot");
  }
  for (std::uint32_t chunk = 0; chunk < snapshot.chunks; ++chunk) {
    STRATOS_TRY(const Bytes data, files.read_chunk({height, chunk}));
    STRATOS_CHECK(machine.apply_chunk(chunk, data));
  }
  return {};
}

Result<void> restore_block(const RecordedBlock& recorded, StateMachine& machine) {
  STRATOS_TRY(const Applied applied, machine.apply(recorded.block));
  if (applied.root == recorded.root) return machine.commit();
  return fail(Errc::root_mismatch, "block " + std::to_string(recorded.block.height.value));
}

}  // namespace

RecordingMachine::Taken RecordingMachine::take() {
  Taken taken{std::move(blocks_), is_whole_};
  blocks_.clear();
  bytes_ = 0;
  is_whole_ = true;
  return taken;
}

Result<Applied> RecordingMachine::apply(const Block& block) {
  auto applied = inner_.apply(block);
  applied_.reset();
  if (applied) applied_ = RecordedBlock{block, applied->root};
  return applied;
}

Result<void> RecordingMachine::commit() {
  STRATOS_CHECK(inner_.commit());
  STRATOS_ASSERT(applied_.has_value(), "commit follows apply");
  bytes_ += bytes_of(applied_->block);
  blocks_.push_back(std::move(*applied_));
  applied_.reset();
  if (bytes_ <= max_bytes_) return {};
  blocks_.clear();
  bytes_ = 0;
  is_whole_ = false;
  return {};
}

Backup::Backup(Runtime& runtime, RecordingMachine& machine, std::unique_ptr<BackupFiles> files,
               BackupOptions options)
    : runtime_(runtime),
      machine_(machine),
      files_(std::move(files)),
      options_(options),
      turn_(runtime, 1) {}

Task<void> Backup::run() {
  do {
    const auto done = co_await step();
    status_.failures = done ? 0 : status_.failures + 1;
    if (!done) log::warn("backup.failed", {{"error", done.error().to_string()}});
  } while (co_await runtime_.sleep(options_.interval));
}

Task<Result<void>> Backup::step() {
  STRATOS_CO_CHECK(co_await turn_.acquire(kStepTimeout));
  const Result<void> done = co_await step_now();
  turn_.release();
  co_return done;
}

Task<Result<void>> Backup::step_now() {
  RecordingMachine::Taken taken = machine_.take();
  const bool follows =
      taken.blocks.empty() || taken.blocks.front().block.height.value == status_.height.value + 1;
  const bool is_long = blocks_bytes_ > std::max(options_.snapshot_after, snapshot_bytes_) ||
                       block_files_ >= options_.snapshot_after_files;
  if (!has_snapshot_ || !taken.is_whole || !follows || is_long) {
    // Pinned in the same breath as the blocks were taken: it holds them all.
    std::shared_ptr<PinnedState> state = machine_.pin();
    has_snapshot_ = false;
    auto write = [this, state] { return write_snapshot(*state); };
    STRATOS_CO_TRY(snapshot_bytes_, co_await runtime_.offload(std::move(write), kWriteCost));
    has_snapshot_ = true;
    blocks_bytes_ = 0;
    block_files_ = 0;
    status_.height = state->height();
  } else if (!taken.blocks.empty()) {
    blocks_bytes_ += bytes_of(taken.blocks);
    ++block_files_;
    const Height last = taken.blocks.back().block.height;
    auto blocks = std::make_shared<std::vector<RecordedBlock>>(std::move(taken.blocks));
    // A step that fails leaves a gap, which the next one closes with a snapshot.
    has_snapshot_ = false;
    auto write = [this, blocks] { return files_->write_blocks(*blocks); };
    STRATOS_CO_CHECK(co_await runtime_.offload(std::move(write), kWriteCost));
    has_snapshot_ = true;
    status_.height = last;
  }
  status_.at = runtime_.wall_now();
  co_return Result<void>{};
}

Result<std::uint64_t> Backup::write_snapshot(PinnedState& state) {
  std::uint64_t bytes = 0;
  for (std::uint32_t chunk = 0;; ++chunk) {
    STRATOS_TRY(const Bytes data, state.next());
    if (data.empty()) break;
    bytes += data.size();
    STRATOS_CHECK(files_->write_chunk({state.height(), chunk}, data));
  }
  STRATOS_CHECK(files_->finish_snapshot(state.snapshot()));
  STRATOS_CHECK(files_->prune(options_.keep_snapshots));
  return bytes;
}

Result<Restored> restore(const BackupFiles& files, StateMachine& machine) {
  STRATOS_TRY(const BackupListing listing, files.list());
  if (listing.snapshots.empty()) return fail(Errc::not_found, "the backup has no snapshot");
  Restored restored;
  restored.snapshot = listing.snapshots.back();
  STRATOS_CHECK(restore_snapshot(files, restored.snapshot, machine));
  for (const BlocksFile& file : listing.blocks) {
    if (file.last <= machine.info().height) continue;
    STRATOS_TRY(const std::vector<RecordedBlock> blocks, files.read_blocks(file));
    for (const RecordedBlock& recorded : blocks) {
      const std::uint64_t next = machine.info().height.value + 1;
      if (recorded.block.height.value < next) continue;
      if (recorded.block.height.value > next) {
        return fail(Errc::log_corrupt, "the backup lacks block " + std::to_string(next));
      }
      STRATOS_CHECK(restore_block(recorded, machine));
      restored.time = recorded.block.time;
      ++restored.blocks;
    }
  }
  STRATOS_CHECK(machine.flush());
  restored.info = machine.info();
  return restored;
}

}  // namespace stratos::ordering
