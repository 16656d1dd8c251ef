// An ordered key-value store: RocksDB, or a twin in memory with the same behaviour.
// Keys sort as unsigned bytes. All calls block and are safe from any thread.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "io/file_system.hpp"

namespace stratos::kv {

// A group of changes that take effect at once, in order.
class Batch {
 public:
  struct Change {
    Bytes key;
    std::optional<Bytes> value;  // nullopt deletes
  };
  void put(ByteView key, ByteView value);
  void remove(ByteView key);
  const std::vector<Change>& changes() const { return changes_; }
  std::size_t size_bytes() const { return size_bytes_; }
  bool empty() const { return changes_.empty(); }
  void clear();

 private:
  std::vector<Change> changes_;
  std::size_t size_bytes_ = 0;
};

// Walks keys in [lower, upper) of the state it was made from; an empty upper bound means no bound.
// Begins at the first key. key(), value(), next() and previous() require valid().
// The bytes of key() and value() are valid until the next move. One thread at a time.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual bool valid() const = 0;
  virtual ByteView key() const = 0;
  virtual ByteView value() const = 0;
  virtual void next() = 0;
  // The first key >= target.
  virtual void seek(ByteView target) = 0;
  // The last key < target.
  virtual void seek_before(ByteView target) = 0;
  virtual void previous() = 0;
  // Ok, or why the walk stopped early.
  virtual Result<void> status() const = 0;
};

// A state that later writes do not change. Readers and iterators may outlive their store; a RocksDB
// folder stays open until the last of them is gone.
class Reader {
 public:
  virtual ~Reader() = default;
  // nullopt when the key is absent.
  virtual Result<std::optional<Bytes>> get(ByteView key) const = 0;
  virtual std::unique_ptr<Iterator> iterate(ByteView lower, ByteView upper) const = 0;
};

class Store : public Reader {
 public:
  // Visible at once; durable only after flush(): whoever needs more keeps a log and replays it.
  // A crash leaves a prefix of the batches, never part of one.
  virtual Result<void> write(const Batch& batch) = 0;
  // Makes every batch written so far durable. An error of write() or flush() is final: both repeat
  // it from then on, reads go on. Destroy the store, open it again and replay the log.
  virtual Result<void> flush() = 0;
  virtual std::unique_ptr<Reader> snapshot() const = 0;
  // Bytes written since the last flush.
  virtual std::uint64_t unflushed_bytes() const = 0;
};

struct RocksOptions {
  std::uint64_t write_buffer_bytes = 32ULL << 20;
  std::uint64_t block_cache_bytes = 32ULL << 20;
  // Files change only inside flush(), which write() calls by itself when the buffer is full, and in
  // an order that the calls alone decide: for the simulator. Wants one thread at a time.
  bool deterministic = false;
};

// Opens or creates the RocksDB database in `path`; every file goes through `fs`, which must outlive
// the store. Takes the lock of the folder: Errc::folder_locked. Errc::store_corrupt when files are
// damaged or missing. What was not flushed before is gone, also after an orderly end.
Result<std::unique_ptr<Store>> open_rocks(io::FileSystem& fs, const std::string& path,
                                          const RocksOptions& options);
// The database as it was flushed last, for reading alone, also while another process has it open.
Result<std::unique_ptr<Reader>> read_rocks(io::FileSystem& fs, const std::string& path);
// Keeps everything in memory, flush() included, and versions only as long as a reader needs them.
std::unique_ptr<Store> make_memory_store();

// The smallest key greater than every key that begins with `prefix`; empty when there is none.
Bytes prefix_end(ByteView prefix);

}  // namespace stratos::kv
