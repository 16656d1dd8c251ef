// StateMachine: bytes in, state change out. What the ordering drivers (embedded log, CometBFT)
// call. The verbs are those of ABCI 2.0, so that one state machine runs under either driver. No
// clock, thread, network, unordered iteration or floating point inside.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace stratos::ordering {

struct Info {
  Height height;  // of the last commit; 0 before the first block
  Hash root;      // state root at that height
  std::uint32_t format = 0;
};

struct Validator {
  Bytes public_key;  // Ed25519
  std::uint64_t power = 0;
};

struct Genesis {
  std::string network;
  WallTime time;
  std::vector<Validator> validators;
  Bytes state;  // of the state machine's own format
};

struct Block {
  Height height;
  WallTime time;  // never before the block before it
  std::vector<Bytes> entries;
};

struct EntryResult {
  Errc code{};  // zero when the entry took effect
  Bytes value;
  bool ok() const { return code == Errc{}; }
};

struct Applied {
  std::vector<EntryResult> results;  // one per entry, in order
  Hash root;
  std::vector<Validator> validator_updates;
};

struct Snapshot {
  Height height;
  std::uint32_t format = 0;
  std::uint32_t chunks = 0;
  Hash hash;
};
constexpr std::size_t kMaxChunkBytes = 10'000'000;
constexpr std::size_t kMaxEntryBytes = 1 << 20;

// A committed state that later blocks do not change, read chunk by chunk. Any thread, one at a
// time; may outlive its state machine.
class PinnedState {
 public:
  virtual ~PinnedState() = default;
  virtual Height height() const = 0;
  // The next chunk, as apply_chunk() takes it; empty after the last.
  virtual Result<Bytes> next() = 0;
  // What the chunks make up; after the last.
  virtual Snapshot snapshot() const = 0;
};

enum class Offer : std::uint8_t { accept, reject };

class StateMachine {
 public:
  virtual ~StateMachine() = default;

  virtual Info info() const = 0;
  // Before the first block; again when a crash lost that state, as long as info().height is 0.
  // Returns the root of the first state.
  virtual Result<Hash> init(const Genesis& genesis) = 0;
  // Cheap test whether an entry may be proposed; changes nothing. Repeatable, also after commits.
  virtual Result<void> admit(ByteView entry) const = 0;
  // Chooses entries for the next block, within the size; may drop or reorder. What it drops is
  // offered again for a few blocks when it chose others, refused when it chose none.
  virtual std::vector<Bytes> build(std::vector<Bytes> candidates, std::size_t max_bytes) const = 0;
  // Whether a proposed block is acceptable.
  virtual bool check(const Block& block) const = 0;
  // Computes the block's effect and root; nothing is written or visible. Called again with the same
  // height (after a lost round or a crash) it starts over from the last commit.
  virtual Result<Applied> apply(const Block& block) = 0;
  // Makes the last applied block visible: one atomic batch of state, height and root.
  // Durable only as far as flush() or the driver's log reaches.
  virtual Result<void> commit() = 0;
  // Makes the committed state durable, so that the driver may drop its log up to the info().height
  // it saw before the call. The driver calls it from another thread while all other verbs go on.
  virtual Result<void> flush() = 0;
  // How much replay a crash would cost now.
  virtual std::uint64_t unflushed_bytes() const = 0;
  // Reads the committed state. `path` names the query, the bytes are its own.
  virtual Result<Bytes> query(std::string_view path, ByteView request) const = 0;

  // The last commit. Cheap: nothing is copied.
  virtual std::unique_ptr<PinnedState> pin() const = 0;
  virtual std::vector<Snapshot> list_snapshots() const = 0;
  virtual Result<Bytes> load_chunk(const Snapshot& snapshot, std::uint32_t chunk) const = 0;
  virtual Offer offer(const Snapshot& snapshot) = 0;
  // In order; after the last one the state and its root are the snapshot's, or an error and the
  // state machine is as empty as before.
  virtual Result<void> apply_chunk(std::uint32_t chunk, ByteView data) = 0;
};

}  // namespace stratos::ordering
