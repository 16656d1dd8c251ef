// EmbeddedLog: orders entries for one machine. A block is the group of entries that arrived while
// the one before was being synced; it is durable in the log before it is applied and answered.
#pragma once
#include <memory>

#include "io/file_system.hpp"
#include "ordering/state_machine.hpp"
#include "runtime/runtime.hpp"

namespace stratos::ordering {

struct LogOptions {
  std::string network = "dev";
  std::size_t max_block_bytes = 4 << 20;
  std::size_t max_pending_entries = 4096;     // more: Errc::overloaded
  std::uint64_t segment_bytes = 64ULL << 20;  // size of one log file
  // The state is flushed, and the log before it dropped, when replay would exceed this.
  std::uint64_t flush_after_bytes = 64ULL << 20;
  // A block without entries, so that ordered time moves on and due work is done.
  Duration idle_block_interval = 1s;
  // Allows an empty folder beside a state that is past its genesis (from a snapshot). Otherwise
  // that means a lost log: Errc::log_corrupt.
  bool start_at_state = false;
};

// The result of an entry and where it was ordered.
struct Ordered {
  Height height;
  std::uint32_t index = 0;
  WallTime time;
  EntryResult result;
};

// Runs on one runtime. `open` replays what the state machine has not yet, verifying each block's
// checksum and each recorded root: Errc::log_corrupt, Errc::root_mismatch. A torn last block, which
// nobody was told of, is cut off.
class EmbeddedLog {
 public:
  static Task<Result<std::unique_ptr<EmbeddedLog>>> open(Runtime& runtime, io::FileSystem& fs,
                                                         std::string folder, StateMachine& machine,
                                                         Genesis genesis, LogOptions options);
  virtual ~EmbeddedLog() = default;
  // Returns when the entry is durable, applied and committed. The error of StateMachine::admit,
  // Errc::entry_refused when build() leaves it out for good, Errc::too_large, Errc::overloaded,
  // Errc::log_stopped after a failed sync or during shutdown: the entry may or may not be ordered.
  virtual Task<Result<Ordered>> submit(Bytes entry) = 0;
  virtual Height committed_height() const = 0;
  // Orders what is pending, flushes the state, releases the files.
  virtual Task<void> stop() = 0;
};

}  // namespace stratos::ordering
