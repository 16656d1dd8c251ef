#include "ordering/conformance.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace stratos::ordering {
namespace {

constexpr std::size_t kBlockBytes = 4 << 20;
constexpr std::int64_t kBlockTimeMs = 1000;

Result<void> expect(bool holds, const std::string& what, Height at) {
  if (holds) return {};
  return fail(Errc::invalid_argument, what + " at height " + std::to_string(at.value));
}

bool equal(const EntryResult& a, const EntryResult& b) {
  return a.code == b.code && a.value == b.value;
}
bool equal(const Applied& a, const Applied& b) {
  return a.root == b.root &&
         std::ranges::equal(a.results, b.results, [](auto& x, auto& y) { return equal(x, y); });
}
bool equal(const Info& a, const Info& b) {
  return a.height == b.height && a.root == b.root && a.format == b.format;
}

class Driver {
 public:
  explicit Driver(const ConformanceSubject& subject) : subject_(subject) {}

  Result<void> run() {
    STRATOS_CHECK(restart());
    for (const auto& entries : subject_.blocks) STRATOS_CHECK(play(entries));
    STRATOS_CHECK(compare_with_undisturbed());
    STRATOS_CHECK(reopen_after_flush());
    return restore_snapshot();
  }

 private:
  Block block_at(std::size_t index) const {
    Block block;
    block.height = Height(index + 1);
    block.time = {subject_.genesis.time.ms + static_cast<std::int64_t>(index + 1) * kBlockTimeMs};
    block.entries = subject_.blocks[index];
    return block;
  }

  // A crash before the first flush may lose the first state.
  Result<void> begin(StateMachine& machine) {
    if (machine.info().height.value != 0) return {};
    STRATOS_TRY(const Hash root, machine.init(subject_.genesis));
    if (!genesis_root_) genesis_root_ = root;
    return expect(root == *genesis_root_, "init gives another root", Height(0));
  }

  // Ends the machine without flush, reopens it and replays as a driver does.
  Result<void> restart() {
    machine_.reset();
    machine_ = subject_.reopen();
    STRATOS_CHECK(begin(*machine_));
    const Height reached = machine_->info().height;
    STRATOS_CHECK(expect(reached.value <= applied_.size(), "state ahead of the log", reached));
    if (reached.value > 0) {
      STRATOS_CHECK(expect(machine_->info().root == applied_[reached.value - 1].root,
                           "reopened with another root", reached));
    }
    for (std::size_t i = reached.value; i < applied_.size(); ++i) {
      STRATOS_TRY(const Applied replayed, machine_->apply(block_at(i)));
      STRATOS_CHECK(
          expect(equal(replayed, applied_[i]), "replay gives another result", Height(i + 1)));
      STRATOS_CHECK(machine_->commit());
    }
    return {};
  }

  Result<void> admit(const std::vector<Bytes>& entries, Height at) const {
    const Info before = machine_->info();
    for (int round = 0; round < 2; ++round) {
      for (const Bytes& entry : entries) {
        if (const auto admitted = machine_->admit(entry); !admitted) {
          return fail(Errc::invalid_argument, "an admissible entry is refused", admitted.error());
        }
      }
      for (const Bytes& entry : subject_.inadmissible) {
        STRATOS_CHECK(expect(!machine_->admit(entry), "an inadmissible entry is admitted", at));
      }
    }
    return expect(equal(before, machine_->info()), "admit has an effect", at);
  }

  Result<void> build_and_check(const Block& block) const {
    std::size_t bytes = 0;
    for (const Bytes& entry : machine_->build(block.entries, kBlockBytes)) bytes += entry.size();
    STRATOS_CHECK(expect(bytes <= kBlockBytes, "build exceeds the size", block.height));
    const auto none = machine_->build(block.entries, 0);
    STRATOS_CHECK(expect(none.empty(), "build exceeds a size of zero", block.height));
    const bool acceptable = machine_->check(block) && machine_->check(block);
    return expect(acceptable, "check refuses a valid block", block.height);
  }

  Result<void> play(const std::vector<Bytes>& entries) {
    const Block block = block_at(applied_.size());
    const Info before = machine_->info();
    STRATOS_CHECK(admit(entries, block.height));
    STRATOS_CHECK(build_and_check(block));
    STRATOS_TRY(const Applied first, machine_->apply(block));
    STRATOS_CHECK(
        expect(first.results.size() == entries.size(), "not one result per entry", block.height));
    STRATOS_CHECK(expect(equal(before, machine_->info()), "apply is visible", block.height));
    STRATOS_TRY(const Applied second, machine_->apply(block));
    STRATOS_CHECK(expect(equal(first, second), "apply twice differs", block.height));

    STRATOS_CHECK(restart());
    STRATOS_CHECK(expect(equal(before, machine_->info()), "apply survived a crash", block.height));
    STRATOS_TRY(const Applied third, machine_->apply(block));
    STRATOS_CHECK(expect(equal(first, third), "apply after a crash differs", block.height));
    STRATOS_CHECK(machine_->commit());
    const Info after = machine_->info();
    STRATOS_CHECK(expect(after.height == block.height && after.root == first.root,
                         "commit does not reach the applied state", block.height));
    applied_.push_back(first);
    // A crash after every other commit too, with what was flushed so far.
    if (applied_.size() % 2 == 0) STRATOS_CHECK(restart());
    if (applied_.size() % 3 == 0) STRATOS_CHECK(machine_->flush());
    return {};
  }

  Result<void> compare_with_undisturbed() {
    const auto other = subject_.fresh();
    STRATOS_CHECK(begin(*other));
    for (std::size_t i = 0; i < applied_.size(); ++i) {
      STRATOS_TRY(const Applied applied, other->apply(block_at(i)));
      STRATOS_CHECK(expect(equal(applied, applied_[i]), "two machines differ", Height(i + 1)));
      STRATOS_CHECK(other->commit());
    }
    return {};
  }

  Result<void> reopen_after_flush() {
    const Info before = machine_->info();
    STRATOS_CHECK(machine_->flush());
    machine_.reset();
    machine_ = subject_.reopen();
    return expect(equal(before, machine_->info()), "flushed state is not durable", before.height);
  }

  Result<void> restore_snapshot() const {
    const Height at = machine_->info().height;
    const std::vector<Snapshot> snapshots = machine_->list_snapshots();
    if (!subject_.has_snapshots) return expect(snapshots.empty(), "unexpected snapshots", at);
    STRATOS_CHECK(expect(!snapshots.empty(), "no snapshot", at));
    const Snapshot& newest = snapshots.back();
    const auto other = subject_.fresh();
    const bool accepted = other->offer(newest) == Offer::accept;
    STRATOS_CHECK(expect(accepted, "own snapshot rejected", at));
    for (std::uint32_t chunk = 0; chunk < newest.chunks; ++chunk) {
      STRATOS_TRY(const Bytes data, machine_->load_chunk(newest, chunk));
      STRATOS_CHECK(expect(data.size() <= kMaxChunkBytes, "chunk too large", at));
      STRATOS_CHECK(other->apply_chunk(chunk, data));
    }
    const Hash& root = applied_[newest.height.value - 1].root;
    STRATOS_CHECK(expect(other->info().height == newest.height && other->info().root == root,
                         "restored snapshot has another root", newest.height));
    return compare_pinned(newest);
  }

  // A pinned state gives the same chunks.
  Result<void> compare_pinned(const Snapshot& snapshot) const {
    const auto pinned = machine_->pin();
    for (std::uint32_t chunk = 0; chunk < snapshot.chunks; ++chunk) {
      STRATOS_TRY(const Bytes data, pinned->next());
      STRATOS_TRY(const Bytes wanted, machine_->load_chunk(snapshot, chunk));
      STRATOS_CHECK(expect(data == wanted, "a pinned chunk is another", snapshot.height));
    }
    STRATOS_TRY(const Bytes rest, pinned->next());
    const Snapshot about = pinned->snapshot();
    return expect(rest.empty() && about.hash == snapshot.hash && about.chunks == snapshot.chunks &&
                      about.height == snapshot.height && pinned->height() == snapshot.height,
                  "a pinned state is another snapshot", snapshot.height);
  }

  const ConformanceSubject& subject_;
  std::unique_ptr<StateMachine> machine_;
  std::optional<Hash> genesis_root_;
  std::vector<Applied> applied_;
};

}  // namespace

Result<void> check_conformance(const ConformanceSubject& subject) { return Driver(subject).run(); }

}  // namespace stratos::ordering
