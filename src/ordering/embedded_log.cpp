#include "ordering/embedded_log.hpp"

#include <algorithm>
#include <deque>
#include <ranges>
#include <tuple>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "ordering/log_files.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::ordering {
namespace {

constexpr Duration kSyncCost = 60us;
constexpr Duration kFlushCost = 5ms;
constexpr std::size_t kReplayBytes = 4 << 20;
// Blocks that may pass over an entry which build() leaves out.
constexpr std::uint32_t kMaxTurns = 16;
// Bounds pending bytes in blocks, and unflushed bytes in flushes.
constexpr std::uint64_t kSlack = 16;
constexpr std::size_t kRememberedRoots = 8;
constexpr std::size_t kMaxUnapplied = 2;

// One submit() that waits for its answer.
struct Ticket {
  explicit Ticket(Runtime& runtime) : done(runtime) {}
  WaitQueue done;
  std::optional<Result<Ordered>> answer;
};
struct Pending {
  Bytes entry;
  std::shared_ptr<Ticket> ticket;
  std::uint32_t turns = 0;
};
// A block on its way; tickets[i] belongs to entries[i] and is null for an entry of build()'s own.
struct Proposal {
  LoggedBlock logged;
  std::vector<std::shared_ptr<Ticket>> tickets;
};

void answer(Ticket* ticket, Result<Ordered> result) {
  if (ticket == nullptr || ticket->answer) return;
  ticket->answer = std::move(result);
  ticket->done.wake_all();
}

// Takes the ticket of a submitter of exactly this entry. build() mostly keeps the order, so the
// search begins behind the one found last.
std::shared_ptr<Ticket> claim(std::vector<Pending>& waiting, const Bytes& entry,
                              std::size_t& next) {
  for (std::size_t tried = 0; tried < waiting.size(); ++tried, ++next) {
    Pending& pending = waiting[next % waiting.size()];
    if (pending.ticket == nullptr || pending.entry != entry) continue;
    ++next;
    return std::exchange(pending.ticket, nullptr);
  }
  return nullptr;
}

class EmbeddedLogImpl final : public EmbeddedLog {
 public:
  EmbeddedLogImpl(Runtime& runtime, StateMachine& machine, LogOptions options)
      : runtime_(runtime),
        machine_(machine),
        options_(std::move(options)),
        arrivals_(runtime),
        durable_(runtime),
        applied_(runtime),
        tasks_(runtime, "ordering.log") {}

  Task<Result<void>> start(io::FileSystem& fs, std::string folder, Genesis genesis);
  Task<Result<Ordered>> submit(Bytes entry) override;
  Height committed_height() const override { return machine_.info().height; }
  Task<void> stop() override;

 private:
  Task<Result<void>> replay();
  Result<void> replay_block(const LoggedBlock& logged);
  Result<void> check_root(const LoggedBlock& logged) const;
  Result<Applied> apply_and_commit(const Block& block);
  void remember_root(Height height, const Hash& root);

  Task<void> write_loop();
  Task<bool> wait_for_work();
  Proposal propose();
  std::vector<Pending> take_candidates();
  void put_back(std::vector<Pending> left, bool chose_none);
  Task<void> apply_loop();
  void apply(const Proposal& proposal);
  void maybe_flush();
  Task<void> flush_task();
  Task<Result<void>> flush();
  bool flush_is_behind() const;
  void fail_all(const Error& error);
  bool idle_block_due() const;

  Runtime& runtime_;
  StateMachine& machine_;
  LogOptions options_;
  // Shared with offloaded work, which may outlive a cancelled wait.
  std::shared_ptr<LogFiles> files_;

  std::deque<Pending> queue_;
  std::uint64_t queued_bytes_ = 0;
  std::shared_ptr<const Proposal> in_flight_;             // being written
  std::deque<std::shared_ptr<const Proposal>> to_apply_;  // durable
  std::deque<std::pair<Height, Hash>> roots_;             // newest last
  Height last_proposed_;
  WallTime last_time_;
  MonotonicTime last_block_at_;
  std::uint64_t written_since_flush_ = 0;
  bool flushing_ = false;
  bool stopping_ = false;
  bool writer_ended_ = false;
  bool failed_to_apply_ = false;
  std::optional<Error> failure_;

  WaitQueue arrivals_;  // something for the writer
  WaitQueue durable_;   // something for the applier
  WaitQueue applied_;   // the applier took or finished a block, or a flush ended
  TaskGroup tasks_;
};

// --- opening
// ---------------------------------------------------------------------------------------

Task<Result<void>> EmbeddedLogImpl::start(io::FileSystem& fs, std::string folder, Genesis genesis) {
  Info info = machine_.info();
  if (info.height.value == 0) {
    STRATOS_CO_TRY(info.root, machine_.init(genesis));
  }
  remember_root(info.height, info.root);
  LogFilesOptions files_options;
  files_options.network = options_.network;
  files_options.segment_bytes = options_.segment_bytes;
  files_options.salt_seed = runtime_.random().next_u64();
  files_options.state_height = info.height;
  files_options.start_at_state = options_.start_at_state;
  auto open_files = [&fs, folder, files_options] {
    return LogFiles::open(fs, folder, files_options);
  };
  auto opened = co_await runtime_.offload(std::move(open_files), kSyncCost);
  STRATOS_CO_TRY(files_, std::move(opened));
  STRATOS_CO_CHECK(co_await replay());
  last_proposed_ = files_->last_height();
  last_block_at_ = runtime_.now();
  tasks_.spawn(write_loop());
  tasks_.spawn(apply_loop());
  co_return Result<void>{};
}

Task<Result<void>> EmbeddedLogImpl::replay() {
  std::uint64_t replayed = 0;
  while (true) {
    auto read = [files = files_] { return files->read_next(kReplayBytes); };
    auto chunk = co_await runtime_.offload(std::move(read), kSyncCost);
    STRATOS_CO_TRY(const std::vector<DecodedBlock> blocks, std::move(chunk));
    if (blocks.empty()) break;
    for (const DecodedBlock& block : blocks) {
      STRATOS_CO_CHECK(replay_block(block.block));
      ++replayed;
    }
  }
  log::info("ordering.opened", {{"network", options_.network},
                                {"height", machine_.info().height.value},
                                {"blocks_read", replayed}});
  co_return Result<void>{};
}

Result<void> EmbeddedLogImpl::replay_block(const LoggedBlock& logged) {
  STRATOS_CHECK(check_root(logged));
  last_time_ = logged.block.time;
  if (logged.block.height <= machine_.info().height) return {};
  STRATOS_TRY(const Applied applied, apply_and_commit(logged.block));
  written_since_flush_ += kBlockHeaderBytes;
  for (const Bytes& entry : logged.block.entries) written_since_flush_ += entry_size(entry.size());
  return {};
}

// A root below the state that recovery started from can no longer be checked.
Result<void> EmbeddedLogImpl::check_root(const LoggedBlock& logged) const {
  if (logged.root_height >= logged.block.height) {
    return fail(Errc::log_corrupt, "block with a root of the future");
  }
  for (const auto& [height, root] : roots_) {
    if (height == logged.root_height && root != logged.root) {
      return fail(Errc::root_mismatch, "state and log differ at height " +
                                           std::to_string(height.value) + ": state " + root.hex() +
                                           ", log " + logged.root.hex());
    }
  }
  return {};
}

Result<Applied> EmbeddedLogImpl::apply_and_commit(const Block& block) {
  STRATOS_TRY(Applied applied, machine_.apply(block));
  STRATOS_ASSERT(applied.results.size() == block.entries.size(), "one result per entry");
  STRATOS_CHECK(machine_.commit());
  STRATOS_ASSERT(machine_.info().height == block.height, "commit did not reach the block");
  remember_root(block.height, applied.root);
  return applied;
}

void EmbeddedLogImpl::remember_root(Height height, const Hash& root) {
  roots_.emplace_back(height, root);
  if (roots_.size() > kRememberedRoots) roots_.pop_front();
}

// --- submitting
// ------------------------------------------------------------------------------------

Task<Result<Ordered>> EmbeddedLogImpl::submit(Bytes entry) {
  if (failure_) co_return fail(Errc::log_stopped, "the log has failed", *failure_);
  if (stopping_) co_return fail(Errc::log_stopped, "the log is shutting down");
  const std::size_t size = entry_size(entry.size());
  if (entry.size() > kMaxEntryBytes || size > options_.max_block_bytes) {
    co_return fail(Errc::too_large, "entry of " + std::to_string(entry.size()) + " bytes");
  }
  if (queue_.size() >= options_.max_pending_entries ||
      queued_bytes_ + size > kSlack * options_.max_block_bytes) {
    co_return fail(Errc::overloaded, "too many entries wait to be ordered");
  }
  STRATOS_CO_CHECK(machine_.admit(entry));
  const auto ticket = std::make_shared<Ticket>(runtime_);
  queued_bytes_ += size;
  queue_.push_back(Pending{std::move(entry), ticket, 0});
  arrivals_.wake_one();
  STRATOS_CO_CHECK(co_await ticket->done.wait(std::nullopt));
  co_return std::move(*ticket->answer);
}

// --- writing
// ---------------------------------------------------------------------------------------

bool EmbeddedLogImpl::idle_block_due() const {
  return runtime_.now() - last_block_at_ >= options_.idle_block_interval;
}

// Replay after a crash stays bounded when flushing is slower than writing.
bool EmbeddedLogImpl::flush_is_behind() const {
  return flushing_ && written_since_flush_ > kSlack * options_.flush_after_bytes;
}

// False when the writer has to end.
Task<bool> EmbeddedLogImpl::wait_for_work() {
  while (!failure_) {
    if (to_apply_.size() >= kMaxUnapplied || flush_is_behind()) {
      if (!co_await applied_.wait(std::nullopt)) co_return false;
      continue;
    }
    if (!queue_.empty()) co_return true;
    if (stopping_) co_return false;
    if (idle_block_due()) co_return true;
    const Duration idle = options_.idle_block_interval - (runtime_.now() - last_block_at_);
    const Result<void> woken = co_await arrivals_.wait(idle);
    if (!woken && woken.error().code() == Errc::cancelled) co_return false;
  }
  co_return false;
}

std::vector<Pending> EmbeddedLogImpl::take_candidates() {
  std::vector<Pending> taken;
  std::size_t bytes = 0;
  while (!queue_.empty()) {
    const std::size_t size = entry_size(queue_.front().entry.size());
    if (bytes + size > options_.max_block_bytes) break;
    bytes += size;
    queued_bytes_ -= size;
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return taken;
}

void EmbeddedLogImpl::put_back(std::vector<Pending> left, bool chose_none) {
  for (Pending& pending : std::views::reverse(left)) {
    if (pending.ticket == nullptr) continue;
    if (const Result<void> admitted = machine_.admit(pending.entry); !admitted) {
      answer(pending.ticket.get(), fail(admitted.error()));
    } else if (chose_none || ++pending.turns >= kMaxTurns) {
      answer(pending.ticket.get(), fail(Errc::entry_refused, "left out of the block"));
    } else {
      queued_bytes_ += entry_size(pending.entry.size());
      queue_.push_front(std::move(pending));
    }
  }
}

Proposal EmbeddedLogImpl::propose() {
  std::vector<Pending> waiting = take_candidates();
  Proposal proposal;
  Block& block = proposal.logged.block;
  if (!waiting.empty()) {
    std::vector<Bytes> candidates;
    candidates.reserve(waiting.size());
    for (const Pending& pending : waiting) candidates.push_back(pending.entry);
    block.entries = machine_.build(std::move(candidates), options_.max_block_bytes);
  }
  std::size_t next = 0;
  for (const Bytes& entry : block.entries) {
    proposal.tickets.push_back(claim(waiting, entry, next));
  }
  put_back(std::move(waiting), block.entries.empty());
  block.height = Height(last_proposed_.value + 1);
  block.time = std::max(last_time_, runtime_.wall_now());
  std::tie(proposal.logged.root_height, proposal.logged.root) = roots_.back();
  return proposal;
}

Task<void> EmbeddedLogImpl::write_loop() {
  while (co_await wait_for_work()) {
    Proposal proposal = propose();
    if (proposal.logged.block.entries.empty() && !idle_block_due()) continue;
    last_proposed_ = proposal.logged.block.height;
    last_time_ = proposal.logged.block.time;
    last_block_at_ = runtime_.now();
    // Applying needs the entries as well; both only read them.
    in_flight_ = std::make_shared<const Proposal>(std::move(proposal));
    auto append = [files = files_, block = in_flight_] { return files->append(block->logged); };
    const Result<std::uint64_t> written = co_await runtime_.offload(std::move(append), kSyncCost);
    if (!written) {
      fail_all(written.error());
      break;
    }
    written_since_flush_ += *written;
    if (in_flight_) to_apply_.push_back(std::move(in_flight_));
    durable_.wake_one();
  }
  writer_ended_ = true;
  durable_.wake_all();
}

// --- applying
// --------------------------------------------------------------------------------------

Task<void> EmbeddedLogImpl::apply_loop() {
  while (true) {
    if (!to_apply_.empty()) {
      // The writer has gone on by now: the next block is synced while this one is applied.
      const std::shared_ptr<const Proposal> block = std::move(to_apply_.front());
      to_apply_.pop_front();
      apply(*block);
      applied_.wake_all();
      continue;
    }
    if (writer_ended_) co_return;
    if (!co_await durable_.wait(std::nullopt)) co_return;
  }
}

void EmbeddedLogImpl::apply(const Proposal& proposal) {
  const Block& block = proposal.logged.block;
  // After a failure the state must not move on without the blocks before.
  Result<Applied> applied =
      failed_to_apply_ ? fail(Errc::log_stopped, "the log has failed") : apply_and_commit(block);
  if (!applied) {
    failed_to_apply_ = true;
    const Error error = applied.error();
    for (const auto& ticket : proposal.tickets) {
      answer(ticket.get(), fail(Errc::log_stopped, "the block could not be applied", error));
    }
    return fail_all(error);
  }
  for (std::size_t i = 0; i < proposal.tickets.size(); ++i) {
    Ordered ordered{block.height, static_cast<std::uint32_t>(i), block.time,
                    std::move(applied->results[i])};
    answer(proposal.tickets[i].get(), std::move(ordered));
  }
  maybe_flush();
}

void EmbeddedLogImpl::fail_all(const Error& error) {
  if (!failure_) {
    failure_ = error;
    log::error("ordering.stopped", {{"network", options_.network}, {"error", error.to_string()}});
  }
  const auto stopped = [&error] { return fail(Errc::log_stopped, "the log has failed", error); };
  if (in_flight_) {
    for (const auto& ticket : in_flight_->tickets) answer(ticket.get(), stopped());
    in_flight_.reset();
  }
  for (const Pending& pending : queue_) answer(pending.ticket.get(), stopped());
  queue_.clear();
  queued_bytes_ = 0;
  arrivals_.wake_all();
  applied_.wake_all();
}

// --- flushing
// --------------------------------------------------------------------------------------

void EmbeddedLogImpl::maybe_flush() {
  const bool due = written_since_flush_ > options_.flush_after_bytes ||
                   machine_.unflushed_bytes() > options_.flush_after_bytes;
  if (!due || flushing_ || failure_) return;
  flushing_ = true;
  tasks_.spawn(flush_task());
}

Task<void> EmbeddedLogImpl::flush_task() {
  const Result<void> flushed = co_await flush();
  flushing_ = false;
  if (!flushed) fail_all(flushed.error());
  applied_.wake_all();
}

Task<Result<void>> EmbeddedLogImpl::flush() {
  const Height height = machine_.info().height;
  const std::uint64_t covered = written_since_flush_;
  auto work = [files = files_, machine = &machine_, height]() -> Result<void> {
    STRATOS_CHECK(machine->flush());
    return files->record_flushed(height);
  };
  STRATOS_CO_CHECK(co_await runtime_.offload(std::move(work), kFlushCost));
  written_since_flush_ -= covered;
  co_return Result<void>{};
}

Task<void> EmbeddedLogImpl::stop() {
  stopping_ = true;
  arrivals_.wake_all();
  co_await tasks_.join();
  if (files_ == nullptr) co_return;
  if (!failure_) {
    if (const Result<void> flushed = co_await flush(); !flushed) {
      log::error("ordering.flush_failed", {{"error", flushed.error().to_string()}});
    }
  }
  files_.reset();
}

}  // namespace

Task<Result<std::unique_ptr<EmbeddedLog>>> EmbeddedLog::open(Runtime& runtime, io::FileSystem& fs,
                                                             std::string folder,
                                                             StateMachine& machine, Genesis genesis,
                                                             LogOptions options) {
  auto log = std::make_unique<EmbeddedLogImpl>(runtime, machine, std::move(options));
  STRATOS_CO_CHECK(co_await log->start(fs, std::move(folder), std::move(genesis)));
  co_return log;
}

}  // namespace stratos::ordering
