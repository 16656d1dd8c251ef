// An ordered key-value store: RocksDB, or a twin in memory with the same behaviour.
// Keys sort as unsigned bytes. All calls block and are safe from any thread.
#pragma once
#include <functional>
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

// Walks keys in [lower, upper); an empty upper bound means no bound.
// The bytes of key() and value() are valid until the next move.
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

// A state that later writes do not change.
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
  // Makes every batch written so far durable.
  virtual Result<void> flush() = 0;
  virtual std::unique_ptr<Reader> snapshot() const = 0;
  // Bytes written since the last flush.
  virtual std::uint64_t unflushed_bytes() const = 0;
};

struct RocksOptions {
  std::uint64_t write_buffer_bytes = 32ULL << 20;
  std::uint64_t block_cache_bytes = 32ULL << 20;
  // Everything happens inside the caller's calls: for the simulator and the power-loss tests.
  bool deterministic = false;
};

// Opens or creates the RocksDB database in `path`; every file goes through `fs`.
Result<std::unique_ptr<Store>> open_rocks(io::FileSystem& fs, const std::string& path,
                                          const RocksOptions& options);
std::unique_ptr<Store> make_memory_store();

// The smallest key greater than every key that begins with `prefix`; empty when there is none.
Bytes prefix_end(ByteView prefix);

}  // namespace stratos::kv
