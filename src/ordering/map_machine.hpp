// MapMachine: the smallest state machine with every verb, for tests of ordering and its drivers.
// Entries are "key=value"; "!…" is inadmissible; a key of "fail" gives an error as its result.
#pragma once
#include <map>
#include <mutex>
#include <optional>

#include "io/file_system.hpp"
#include "ordering/state_machine.hpp"

namespace stratos::ordering {

class MapMachine final : public StateMachine {
 public:
  using Table = std::map<std::string, std::string>;

  // The state lies in one file, which flush() replaces; loaded when it is there.
  MapMachine(io::FileSystem& fs, std::string path);

  Info info() const override;
  Result<Hash> init(const Genesis& genesis) override;
  Result<void> admit(ByteView entry) const override;
  std::vector<Bytes> build(std::vector<Bytes> candidates, std::size_t max_bytes) const override;
  bool check(const Block& block) const override;
  Result<Applied> apply(const Block& block) override;
  Result<void> commit() override;
  Result<void> flush() override;
  std::uint64_t unflushed_bytes() const override { return unflushed_; }
  Result<Bytes> query(std::string_view path, ByteView request) const override;
  std::unique_ptr<PinnedState> pin() const override;
  std::vector<Snapshot> list_snapshots() const override;
  Result<Bytes> load_chunk(const Snapshot& snapshot, std::uint32_t chunk) const override;
  Offer offer(const Snapshot& snapshot) override;
  Result<void> apply_chunk(std::uint32_t chunk, ByteView data) override;

  Table table() const;
  // Makes roots differ from those of another instance, as a bug or a damaged state would.
  void corrupt() { salt_ = "damaged"; }
  void fail_applies() { fail_applies_ = true; }
  void fail_flushes() { fail_flushes_ = true; }
  // build() leaves these entries out.
  void leave_out(std::string entry) { left_out_ = std::move(entry); }

 private:
  struct State {
    Height height;
    Table table;
  };
  Hash root_of(const State& state) const;
  Bytes encode() const;
  Result<void> decode(ByteView bytes);

  io::FileSystem& fs_;
  std::string path_;
  mutable std::mutex mutex_;  // flush() comes from another thread
  State state_;
  std::optional<State> applied_;
  std::optional<Snapshot> offered_;
  std::uint64_t unflushed_ = 0;
  std::string salt_;
  std::string left_out_;
  bool fail_applies_ = false;
  bool fail_flushes_ = false;
};

}  // namespace stratos::ordering
