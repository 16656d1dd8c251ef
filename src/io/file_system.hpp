// Files as an interface: the real disk, and a twin that loses power.
// Calls block. Services reach them through Runtime::offload; RocksDB through kv's Env.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace stratos::io {

// Safe for concurrent calls from several threads as long as writes do not overlap reads.
class File {
 public:
  virtual ~File() = default;
  // Fewer bytes than asked only at the end of the file.
  virtual Result<std::size_t> read(std::uint64_t offset, MutableByteView out) const = 0;
  virtual Result<void> write(std::uint64_t offset, ByteView data) = 0;
  // write() past the system's cache, where the file system can: steady for much data that is not
  // read soon. Offset, size and memory are multiples of kDirectBytes. Not durable before sync().
  static constexpr std::size_t kDirectBytes = 4096;
  virtual Result<void> write_direct(std::uint64_t offset, ByteView data) {
    return write(offset, data);
  }
  // Data and size are durable when it returns. After Errc::sync_failed what was written since the
  // last sync is in an unknown state: stop acknowledging and reopen; never call sync again.
  virtual Result<void> sync() = 0;
  virtual Result<std::uint64_t> size() const = 0;
  virtual Result<void> truncate(std::uint64_t size_bytes) = 0;
  // A hint to begin writing the range to disk now, so that a later sync is short. Promises nothing.
  virtual void start_writeback(std::uint64_t /*offset*/, std::uint64_t /*length*/) {}
  // Frees the blocks that lie wholly inside the range; it reads as zeros afterwards.
  virtual Result<void> punch_hole(std::uint64_t offset, std::uint64_t length) = 0;
  // Bytes of disk in use, after holes.
  virtual Result<std::uint64_t> allocated_bytes() const = 0;
};

enum class OpenMode : std::uint8_t {
  read,        // Errc::file_not_found when absent
  read_write,  // the same
  create_or_open,
  create_truncated,
  create_secret,  // create_truncated, and only the owner may read or write it (mode 0600)
};

// Holds a folder for one process; released when destroyed.
class FolderLock {
 public:
  virtual ~FolderLock() = default;
};

// Paths are absolute or relative to the process; parents must exist unless stated.
// A new, renamed or removed name is durable only after sync_dir of its folder.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  // Replaces the target atomically.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> link(const std::string& from, const std::string& to) = 0;
  // Creates missing parents as well; an existing folder is fine. What it creates is durable when it
  // returns.
  virtual Result<void> make_dirs(const std::string& path) = 0;
  virtual Result<void> remove_dir(const std::string& path) = 0;
  virtual Result<void> sync_dir(const std::string& path) = 0;
  // Names, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  virtual bool is_dir(const std::string& path) = 0;
  virtual Result<std::uint64_t> modified_time_s(const std::string& path) = 0;
  // Bytes that may still be written to the file system that holds `path`.
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
  // Errc::folder_locked when somebody holds it already. Creates `path`/LOCK.
  virtual Result<std::unique_ptr<FolderLock>> lock(const std::string& path) = 0;
};

// The operating system's files.
FileSystem& real_file_system();

// The folder a path lies in: "." for a bare name.
std::string parent_of(const std::string& path);

// Writes a whole small file durably: temporary name (`path`.tmp), sync, rename, sync of the folder.
// A reader sees the old content or the new, also after power loss. One writer per path at a time.
Result<void> write_file_atomic(FileSystem& fs, const std::string& path, ByteView data);
// The same with mode 0600, from the first byte on.
Result<void> write_secret_file(FileSystem& fs, const std::string& path, ByteView data);
// Errc::too_large when the file is longer than the limit.
Result<Bytes> read_file(FileSystem& fs, const std::string& path, std::uint64_t limit_bytes);

}  // namespace stratos::io
