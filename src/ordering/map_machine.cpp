#include "ordering/map_machine.hpp"

#include <utility>

#include "base/assert.hpp"
#include "codec/record.hpp"
#include "crypto/hash.hpp"

namespace stratos::ordering {
namespace {

struct Stored {
  Height height;
  MapMachine::Table table;
  static void fields(auto& self, auto&& field) {
    field(1, self.height);
    field(2, self.table);
  }
};

constexpr std::uint64_t kMaxStateBytes = 64 << 20;

class PinnedMap final : public PinnedState {
 public:
  PinnedMap(Snapshot about, Bytes bytes) : about_(about), bytes_(std::move(bytes)) {}
  Height height() const override { return about_.height; }
  Result<Bytes> next() override { return std::exchange(bytes_, {}); }
  Snapshot snapshot() const override { return about_; }

 private:
  Snapshot about_;
  Bytes bytes_;
};

}  // namespace

MapMachine::MapMachine(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {
  if (!fs_.exists(path_)) return;
  const auto bytes = io::read_file(fs_, path_, kMaxStateBytes);
  STRATOS_ASSERT(bytes && decode(*bytes), "unreadable state of a map machine");
}

Hash MapMachine::root_of(const State& state) const {
  return crypto::blake3(codec::encode(Stored{{}, state.table}));
}

Bytes MapMachine::encode() const {
  const std::lock_guard lock(mutex_);
  return codec::encode(Stored{state_.height, state_.table});
}

Result<void> MapMachine::decode(ByteView bytes) {
  STRATOS_TRY(Stored stored, codec::decode<Stored>(bytes));
  const std::lock_guard lock(mutex_);
  state_ = State{stored.height, std::move(stored.table)};
  return {};
}

Info MapMachine::info() const {
  const std::lock_guard lock(mutex_);
  Info info{state_.height, root_of(state_), 1};
  if (!salt_.empty()) info.root.value[0] ^= 1;
  return info;
}

Result<Hash> MapMachine::init(const Genesis& genesis) {
  {
    const std::lock_guard lock(mutex_);
    state_ = {};
    state_.table["genesis"] = as_text(genesis.state);
  }
  return info().root;
}

Result<void> MapMachine::admit(ByteView entry) const {
  const std::string_view text = as_text(entry);
  if (text.starts_with('!') || text.find('=') == std::string_view::npos) {
    return fail(Errc::entry_refused, "not of the form key=value");
  }
  return {};
}

std::vector<Bytes> MapMachine::build(std::vector<Bytes> candidates, std::size_t max_bytes) const {
  std::vector<Bytes> chosen;
  std::size_t bytes = 0;
  for (Bytes& entry : candidates) {
    if (as_text(entry) == left_out_ || bytes + entry.size() > max_bytes) continue;
    bytes += entry.size();
    chosen.push_back(std::move(entry));
  }
  return chosen;
}

bool MapMachine::check(const Block& block) const {
  return std::ranges::all_of(block.entries,
                             [this](const Bytes& e) { return admit(e).has_value(); });
}

Result<Applied> MapMachine::apply(const Block& block) {
  if (fail_applies_) return fail(Errc::internal, "told to fail");
  const std::lock_guard lock(mutex_);
  STRATOS_ASSERT(block.height.value == state_.height.value + 1, "block out of order");
  applied_ = state_;
  applied_->height = block.height;
  Applied out;
  for (const Bytes& entry : block.entries) {
    const std::string_view text = as_text(entry);
    const std::string key(text.substr(0, text.find('=')));
    EntryResult& result = out.results.emplace_back();
    if (key == "fail") {
      result.code = Errc::precondition_failed;
      continue;
    }
    std::string& value = applied_->table[key];
    result.value = to_bytes(as_bytes(value));
    value = text.substr(text.find('=') + 1);
    unflushed_ += entry.size();
  }
  out.root = root_of(*applied_);
  if (!salt_.empty()) out.root.value[0] ^= 1;
  return out;
}

Result<void> MapMachine::commit() {
  const std::lock_guard lock(mutex_);
  STRATOS_ASSERT(applied_, "commit without apply");
  state_ = std::move(*applied_);
  applied_.reset();
  return {};
}

Result<void> MapMachine::flush() {
  if (fail_flushes_) return fail(Errc::internal, "told to fail");
  const Bytes bytes = encode();
  STRATOS_CHECK(io::write_file_atomic(fs_, path_, bytes));
  const std::lock_guard lock(mutex_);
  unflushed_ = 0;
  return {};
}

Result<Bytes> MapMachine::query(std::string_view path, ByteView request) const {
  const std::lock_guard lock(mutex_);
  const auto found = state_.table.find(std::string(as_text(request)));
  if (path != "get" || found == state_.table.end()) return fail(Errc::not_found);
  return to_bytes(as_bytes(found->second));
}

std::unique_ptr<PinnedState> MapMachine::pin() const {
  Bytes bytes = encode();
  const Snapshot about{info().height, 1, 1, crypto::blake3(bytes)};
  return std::make_unique<PinnedMap>(about, std::move(bytes));
}

std::vector<Snapshot> MapMachine::list_snapshots() const {
  const Bytes bytes = encode();
  return {Snapshot{info().height, 1, 1, crypto::blake3(bytes)}};
}

Result<Bytes> MapMachine::load_chunk(const Snapshot& snapshot, std::uint32_t chunk) const {
  if (chunk != 0 || snapshot.height != info().height) return fail(Errc::not_found);
  return encode();
}

Offer MapMachine::offer(const Snapshot& snapshot) {
  offered_ = snapshot;
  return snapshot.format == 1 ? Offer::accept : Offer::reject;
}

Result<void> MapMachine::apply_chunk(std::uint32_t chunk, ByteView data) {
  STRATOS_ASSERT(chunk == 0 && offered_, "chunk without an offer");
  if (crypto::blake3(data) != offered_->hash) return fail(Errc::hash_mismatch);
  return decode(data);
}

MapMachine::Table MapMachine::table() const {
  const std::lock_guard lock(mutex_);
  return state_.table;
}

}  // namespace stratos::ordering
