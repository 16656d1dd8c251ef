#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/assert.hpp"
#include "io/rocks_env.hpp"
#include "kv/store.hpp"

namespace stratos::kv {
namespace {

// RocksDB's bookkeeping for one change in its write buffer, generously.
constexpr std::uint64_t kOverheadPerChange = 96;
// Without background work, sorted runs are merged by the flush that finds this many.
constexpr std::uint64_t kMaxRunsDeterministic = 8;

constexpr int kCacheShardBits = 2;

Error error_of(const rocksdb::Status& status) {
  const auto code = [&] {
    if (status.IsCorruption() || status.IsPathNotFound()) return Errc::store_corrupt;
    if (status.IsNoSpace()) return Errc::disk_full;
    if (status.IsBusy()) return Errc::folder_locked;
    if (!status.IsIOError()) return Errc::store_error;
    const bool fenced = status.subcode() == rocksdb::Status::kIOFenced;
    return fenced ? Errc::sync_failed : Errc::io_error;
  };
  return Error(code(), status.ToString());
}

Result<void> check(const rocksdb::Status& status) {
  if (!status.ok()) return fail(error_of(status));
  return {};
}

rocksdb::Slice slice_of(ByteView bytes) {
  if (bytes.empty()) return {"", 0};  // RocksDB refuses null pointers
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ByteView view_of(const rocksdb::Slice& slice) {
  return {reinterpret_cast<const std::uint8_t*>(slice.data()), slice.size()};
}

// Destroyed in reverse: the database before the environment it runs in.
struct Database {
  std::unique_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> rocks;
};
using DatabasePtr = std::shared_ptr<Database>;

// Frees its snapshot, if it has one.
class State {
 public:
  State(DatabasePtr database, const rocksdb::Snapshot* snapshot)
      : database_(std::move(database)), snapshot_(snapshot) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (snapshot_ != nullptr) rocks().ReleaseSnapshot(snapshot_);
  }

  rocksdb::DB& rocks() const { return *database_->rocks; }
  rocksdb::ReadOptions read_options() const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    return options;
  }

 private:
  DatabasePtr database_;
  const rocksdb::Snapshot* snapshot_;
};
using StatePtr = std::shared_ptr<const State>;

class RocksIterator final : public Iterator {
 public:
  RocksIterator(StatePtr state, ByteView lower, ByteView upper)
      : state_(std::move(state)),
        lower_(to_bytes(lower)),
        upper_(to_bytes(upper)),
        lower_slice_(slice_of(lower_)),
        upper_slice_(slice_of(upper_)) {
    rocksdb::ReadOptions options = state_->read_options();
    if (!lower_.empty()) options.iterate_lower_bound = &lower_slice_;
    if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
    walk_.reset(state_->rocks().NewIterator(options));
    seek(lower_);
  }

  bool valid() const override { return inside_ && walk_->Valid(); }
  ByteView key() const override {
    STRATOS_ASSERT(valid(), "the iterator stands on no key");
    return view_of(walk_->key());
  }
  ByteView value() const override {
    STRATOS_ASSERT(valid(), "the iterator stands on no key");
    return view_of(walk_->value());
  }
  void next() override {
    STRATOS_ASSERT(valid(), "the iterator stands on no key");
    walk_->Next();
  }
  void previous() override {
    STRATOS_ASSERT(valid(), "the iterator stands on no key");
    walk_->Prev();
  }

  void seek(ByteView target) override {
    const rocksdb::Slice wanted = slice_of(target);
    inside_ = upper_.empty() || wanted.compare(upper_slice_) < 0;
    if (inside_) walk_->Seek(wanted.compare(lower_slice_) < 0 ? lower_slice_ : wanted);
  }

  void seek_before(ByteView target) override {
    rocksdb::Slice wanted = slice_of(target);
    if (!upper_.empty() && wanted.compare(upper_slice_) > 0) wanted = upper_slice_;
    inside_ = wanted.compare(lower_slice_) > 0;
    if (!inside_) return;
    walk_->SeekForPrev(wanted);
    if (walk_->Valid() && walk_->key() == wanted) walk_->Prev();
  }

  Result<void> status() const override { return check(walk_->status()); }

 private:
  StatePtr state_;
  const Bytes lower_, upper_;
  const rocksdb::Slice lower_slice_, upper_slice_;  // RocksDB keeps pointers to them
  std::unique_ptr<rocksdb::Iterator> walk_;
  bool inside_ = true;
};

Result<std::optional<Bytes>> get_from(const State& state, ByteView key) {
  rocksdb::DB& rocks = state.rocks();
  rocksdb::PinnableSlice value;
  const auto status =
      rocks.Get(state.read_options(), rocks.DefaultColumnFamily(), slice_of(key), &value);
  if (status.IsNotFound()) return std::optional<Bytes>();
  STRATOS_CHECK(check(status));
  return to_bytes(view_of(value));
}

class RocksSnapshot final : public Reader {
 public:
  explicit RocksSnapshot(StatePtr state) : state_(std::move(state)) {}
  Result<std::optional<Bytes>> get(ByteView key) const override { return get_from(*state_, key); }
  std::unique_ptr<Iterator> iterate(ByteView lower, ByteView upper) const override {
    return std::make_unique<RocksIterator>(state_, lower, upper);
  }

 private:
  StatePtr state_;
};

class RocksStore final : public Store {
 public:
  RocksStore(DatabasePtr database, const RocksOptions& options)
      : database_(std::move(database)),
        latest_(std::make_shared<State>(database_, nullptr)),
        options_(options) {}

  Result<void> write(const Batch& batch) override {
    STRATOS_CHECK(check_usable());
    const std::uint64_t size = batch.size_bytes() + batch.changes().size() * kOverheadPerChange;
    const std::uint64_t waiting = buffered_.load(std::memory_order_relaxed);
    if (options_.deterministic && waiting > 0 && waiting + size > options_.write_buffer_bytes) {
      STRATOS_CHECK(flush());
    }
    rocksdb::WriteBatch changes(size);
    for (const Batch::Change& change : batch.changes()) {
      const rocksdb::Slice key = slice_of(change.key);
      STRATOS_CHECK(
          check(change.value ? changes.Put(key, slice_of(*change.value)) : changes.Delete(key)));
    }
    rocksdb::WriteOptions without_log;
    without_log.disableWAL = true;
    STRATOS_CHECK(check_changing(rocks().Write(without_log, &changes)));
    buffered_.fetch_add(size, std::memory_order_relaxed);
    unflushed_bytes_.fetch_add(batch.size_bytes(), std::memory_order_relaxed);
    return {};
  }

  Result<void> flush() override {
    STRATOS_CHECK(check_usable());
    const std::uint64_t buffered = buffered_.load();
    const std::uint64_t unflushed = unflushed_bytes_.load();
    rocksdb::FlushOptions options;
    options.allow_write_stall = true;  // do not wait for compaction first
    STRATOS_CHECK(check_changing(rocks().Flush(options)));
    buffered_.fetch_sub(buffered);
    unflushed_bytes_.fetch_sub(unflushed);
    if (!options_.deterministic) return {};
    STRATOS_CHECK(merge_runs());
    return delete_obsolete_files();
  }

  std::unique_ptr<Reader> snapshot() const override {
    return std::make_unique<RocksSnapshot>(
        std::make_shared<State>(database_, rocks().GetSnapshot()));
  }
  std::uint64_t unflushed_bytes() const override { return unflushed_bytes_.load(); }
  Result<std::optional<Bytes>> get(ByteView key) const override { return get_from(*latest_, key); }
  std::unique_ptr<Iterator> iterate(ByteView lower, ByteView upper) const override {
    return std::make_unique<RocksIterator>(latest_, lower, upper);
  }

 private:
  rocksdb::DB& rocks() const { return *database_->rocks; }

  Result<void> merge_runs() {
    std::string runs;
    rocks().GetProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &runs);
    if (std::stoull(runs) < kMaxRunsDeterministic) return {};
    return check_changing(rocks().CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
  }

  // In this thread: otherwise a background thread does it at its own time.
  Result<void> delete_obsolete_files() {
    STRATOS_CHECK(check_changing(rocks().EnableFileDeletions()));
    return check_changing(rocks().DisableFileDeletions());
  }

  // An error is final. RocksDB could be resumed, but its flush then may answer ok too early.
  Result<void> check_usable() const {
    if (!failed_.load(std::memory_order_acquire)) return {};
    const std::lock_guard hold(failure_mutex_);
    return fail(*failure_);
  }
  Result<void> check_changing(const rocksdb::Status& status) {
    if (status.ok()) return {};
    const std::lock_guard hold(failure_mutex_);
    if (!failure_) failure_ = error_of(status);
    failed_.store(true, std::memory_order_release);
    return fail(*failure_);
  }

  DatabasePtr database_;
  StatePtr latest_;
  const RocksOptions options_;
  std::atomic<std::uint64_t> buffered_{0};
  std::atomic<std::uint64_t> unflushed_bytes_{0};
  std::atomic<bool> failed_{false};
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;
};

// Keeps RocksDB from trying again by itself after an error, with a thread that polls the disk.
class NoSelfRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

rocksdb::BlockBasedTableOptions table_options(const RocksOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  // By default a shard can be smaller than one block, which then is never kept.
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes, kCacheShardBits);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Indexes and filters live in the cache too, or memory would grow with the number of keys. They
  // are cut into parts, since the filter of one file can be larger than a shard.
  table.cache_index_and_filter_blocks = true;
  table.pin_top_level_index_and_filter = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 8 << 10;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  return table;
}

rocksdb::Options rocks_options(const RocksOptions& options, rocksdb::Env* env) {
  rocksdb::Options rocks;
  rocks.env = env;
  rocks.create_if_missing = true;
  rocks.paranoid_checks = true;
  rocks.info_log = io::make_rocks_logger();
  rocks.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options)));
  const auto compressions = rocksdb::GetSupportedCompressions();
  const bool has_lz4 =
      std::ranges::find(compressions, rocksdb::kLZ4Compression) != compressions.end();
  rocks.compression = has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;

  rocks.write_buffer_size = options.write_buffer_bytes;
  // Most reads look for keys that are not there: a filter spares the walk through the memtable.
  rocks.memtable_whole_key_filtering = true;
  rocks.memtable_prefix_bloom_size_ratio = 0.05;
  rocks.max_write_buffer_number = 2;
  rocks.max_background_jobs = 2;
  rocks.max_subcompactions = 1;
  rocks.level_compaction_dynamic_level_bytes = true;
  rocks.bytes_per_sync = 1 << 20;
  rocks.compaction_readahead_size = 1 << 20;
  rocks.max_open_files = 256;
  // Every change of the set of files writes a new MANIFEST and then renames CURRENT: RocksDB
  // refuses a MANIFEST whose last append was torn by a power cut.
  rocks.max_manifest_file_size = 1;
  rocks.skip_stats_update_on_db_open = true;
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  rocks.db_host_id = "";

  // Only flush() makes durable; an error is told to the caller instead of being retried.
  rocks.avoid_flush_during_shutdown = true;
  rocks.max_bgerror_resume_count = 0;
  rocks.listeners.push_back(std::make_shared<NoSelfRecovery>());

  if (options.deterministic) {
    rocks.write_buffer_size = options.write_buffer_bytes * 2;  // never full by itself
    rocks.disable_auto_compactions = true;
    rocks.max_file_opening_threads = 1;
  }
  return rocks;
}

// A database without its root file is damaged, not new.
Result<void> refuse_headless(io::FileSystem& fs, const std::string& path) {
  if (fs.exists(path + "/CURRENT")) return {};
  STRATOS_TRY(const auto names, fs.list(path));
  const bool has_tables =
      std::ranges::any_of(names, [](const std::string& name) { return name.ends_with(".sst"); });
  if (has_tables) return fail(Errc::store_corrupt, path + " has tables and no CURRENT");
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocks(io::FileSystem& fs, const std::string& path,
                                          const RocksOptions& options) {
  STRATOS_CHECK(fs.make_dirs(path));
  STRATOS_CHECK(refuse_headless(fs, path));
  auto database = std::make_shared<Database>();
  database->env = io::make_rocks_env(fs);
  rocksdb::DB* rocks = nullptr;
  STRATOS_CHECK(
      check(rocksdb::DB::Open(rocks_options(options, database->env.get()), path, &rocks)));
  database->rocks.reset(rocks);
  if (options.deterministic) STRATOS_CHECK(check(rocks->DisableFileDeletions()));
  return std::make_unique<RocksStore>(std::move(database), options);
}

Result<std::unique_ptr<Reader>> read_rocks(io::FileSystem& fs, const std::string& path) {
  auto database = std::make_shared<Database>();
  database->env = io::make_rocks_env(fs);
  rocksdb::Options options = rocks_options({}, database->env.get());
  options.create_if_missing = false;
  rocksdb::DB* rocks = nullptr;
  STRATOS_CHECK(check(rocksdb::DB::OpenForReadOnly(options, path, &rocks)));
  database->rocks.reset(rocks);
  return std::make_unique<RocksSnapshot>(std::make_shared<State>(std::move(database), nullptr));
}

}  // namespace stratos::kv
