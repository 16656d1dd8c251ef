#include "ordering/backup.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"

namespace stratos::ordering {
namespace {

constexpr Duration kReadCost = 5ms;
constexpr Duration kLook = 1s;
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

Height newest_of(const BackupListing& listing) {
  Height newest;
  for (const Height height : listing.snapshots) newest = std::max(newest, height);
  for (const BlocksFile& file : listing.blocks) newest = std::max(newest, file.last);
  return newest;
}

Task<Result<void>> restore_snapshot(BackupFiles& files, Height height, StateMachine& machine) {
  STRATOS_CO_TRY(const Snapshot snapshot, co_await files.read_snapshot(height));
  if (machine.offer(snapshot) != Offer::accept) {
    co_return fail(Errc::unknown_format, "the state machine does not take this snapshot");
  }
  for (std::uint32_t chunk = 0; chunk < snapshot.chunks; ++chunk) {
    const SnapshotFile file{height, chunk};
    STRATOS_CO_TRY(const Bytes data, co_await files.read_chunk(file));
    STRATOS_CO_CHECK(machine.apply_chunk(chunk, data));
  }
  co_return Result<void>{};
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
      turn_(runtime, 1),
      height_at_start_(machine.info().height) {}

Task<void> Backup::run() {
  Duration retry = options_.retry;
  Result<void> waited;
  while (waited) {
    if (co_await step()) {
      retry = options_.retry;
      waited = co_await wait_for_blocks();
    } else {
      waited = co_await runtime_.sleep(std::min(options_.interval, retry));
      retry = std::min(options_.interval, 2 * retry);
    }
  }
}

// An interval, or less when much was committed: blocks that nobody takes are dropped in the end.
Task<Result<void>> Backup::wait_for_blocks() {
  const MonotonicTime until = runtime_.now() + options_.interval;
  while (runtime_.now() < until && machine_.recorded_bytes() < options_.step_after) {
    STRATOS_CO_CHECK(co_await runtime_.sleep(std::min(kLook, until - runtime_.now())));
  }
  co_return Result<void>{};
}

Task<Result<void>> Backup::step() {
  STRATOS_CO_CHECK(co_await turn_.acquire(kStepTimeout));
  Result<void> done = co_await check_heir();
  if (done) done = co_await step_now();
  turn_.release();
  if (done) {
    status_.failures = 0;
    status_.last_error.clear();
  } else if (done.error().code() != Errc::cancelled) {
    ++status_.failures;
    status_.last_error = done.error().to_string();
    log::warn("backup.failed",
              {{"place", files_->place().describe()}, {"error", status_.last_error}});
  }
  co_return done;
}

Task<Result<void>> Backup::check_heir() {
  if (is_heir_) co_return Result<void>{};
  STRATOS_CO_TRY(const BackupListing listing, co_await files_->list());
  const Height newest = newest_of(listing);
  const Height height = height_at_start_;
  if (newest > height) {
    co_return fail(Errc::bad_config, "the backup in " + files_->place().describe() +
                                         " reaches block " + std::to_string(newest.value) +
                                         ", the index only block " + std::to_string(height.value) +
                                         ": restore it (stratos meta restore) or name another "
                                         "place");
  }
  is_heir_ = true;
  co_return Result<void>{};
}

Task<Result<void>> Backup::step_now() {
  RecordingMachine::Taken taken = machine_.take();
  const bool follows =
      taken.blocks.empty() || taken.blocks.front().block.height.value == status_.height.value + 1;
  const bool is_long = blocks_bytes_ > std::max(options_.snapshot_after, snapshot_bytes_) ||
                       block_files_ >= options_.snapshot_after_files;
  const bool needs_snapshot = !has_snapshot_ || !taken.is_whole || !follows || is_long;
  if (needs_snapshot || !taken.blocks.empty()) {
    // A step that fails leaves a gap, which the next one closes with a snapshot.
    has_snapshot_ = false;
    if (needs_snapshot) {
      // Pinned in the same breath as the blocks were taken: it holds them all.
      std::shared_ptr<PinnedState> state = machine_.pin();
      STRATOS_CO_CHECK(co_await write_snapshot(std::move(state)));
    } else {
      STRATOS_CO_CHECK(co_await write_blocks(std::move(taken.blocks)));
    }
    has_snapshot_ = true;
  }
  status_.at = runtime_.wall_now();
  co_return Result<void>{};
}

Task<Result<void>> Backup::write_blocks(std::vector<RecordedBlock> blocks) {
  const Height last = blocks.back().block.height;
  blocks_bytes_ += bytes_of(blocks);
  ++block_files_;
  STRATOS_CO_CHECK(co_await files_->write_blocks(std::move(blocks)));
  status_.height = last;
  co_return Result<void>{};
}

Task<Result<void>> Backup::write_snapshot(std::shared_ptr<PinnedState> state) {
  std::uint64_t bytes = 0;
  SnapshotFile file;
  file.height = state->height();
  for (;; ++file.chunk) {
    auto next = [state] { return state->next(); };
    Result<Bytes> chunk = co_await runtime_.offload(std::move(next), kReadCost);
    if (!chunk) co_return fail(chunk.error());
    if (chunk->empty()) break;
    bytes += chunk->size();
    STRATOS_CO_CHECK(co_await files_->write_chunk(file, std::move(*chunk)));
  }
  STRATOS_CO_CHECK(co_await files_->finish_snapshot(state->snapshot()));
  snapshot_bytes_ = bytes;
  blocks_bytes_ = 0;
  block_files_ = 0;
  status_.height = file.height;
  co_return co_await files_->prune(options_.keep_snapshots);
}

namespace {

// Walks from the state of a snapshot along the blocks that can be read.
class BlockWalk {
 public:
  BlockWalk(BackupFiles& files, StateMachine& machine, Restored& restored)
      : files_(files), machine_(machine), restored_(restored) {}

  Task<Result<void>> run(std::vector<BlocksFile> listed) {
    std::ranges::sort(listed, {},
                      [](const BlocksFile& file) { return std::pair(file.first, file.last); });
    for (const BlocksFile& file : listed) {
      if (file.last <= machine_.info().height) continue;
      const auto blocks = co_await files_.read_blocks(file);
      if (!blocks && files_.place().is_trusted()) co_return fail(blocks.error());
      if (!blocks) {
        ++restored_.unreadable;
        continue;
      }
      STRATOS_CO_CHECK(apply(*blocks));
    }
    co_return Result<void>{};
  }

 private:
  Result<void> apply(const std::vector<RecordedBlock>& blocks) {
    for (const RecordedBlock& recorded : blocks) {
      const std::uint64_t next = machine_.info().height.value + 1;
      if (recorded.block.height.value < next) continue;
      if (recorded.block.height.value > next) {
        return fail(Errc::log_corrupt, "the backup lacks block " + std::to_string(next));
      }
      STRATOS_CHECK(restore_block(recorded, machine_));
      restored_.time = recorded.block.time;
      ++restored_.blocks;
    }
    return {};
  }

  BackupFiles& files_;
  StateMachine& machine_;
  Restored& restored_;
};

}  // namespace

Task<Result<Restored>> restore(BackupFiles& files, StateMachine& machine) {
  STRATOS_CO_TRY(const BackupListing listing, co_await files.list());
  std::vector<Height> snapshots = listing.snapshots;
  std::ranges::sort(snapshots, std::greater{});
  Restored restored;
  Result<void> begun = fail(Errc::not_found, "the backup has no snapshot");
  for (const Height height : snapshots) {
    restored.snapshot = height;
    begun = co_await restore_snapshot(files, height, machine);
    if (begun || files.place().is_trusted()) break;
    ++restored.unreadable;
  }
  if (!begun) co_return fail(begun.error());
  BlockWalk walk(files, machine, restored);
  STRATOS_CO_CHECK(co_await walk.run(listing.blocks));
  STRATOS_CO_CHECK(machine.flush());
  restored.info = machine.info();
  co_return restored;
}

}  // namespace stratos::ordering
