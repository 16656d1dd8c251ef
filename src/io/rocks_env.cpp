#include "io/rocks_env.hpp"

#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "base/log.hpp"

namespace stratos::io {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus status_of(const Error& error) {
  const std::string text = error.to_string();
  switch (error.code()) {
    case Errc::file_not_found:
      return IOStatus::PathNotFound(text);
    case Errc::disk_full:
      return IOStatus::NoSpace(text);
    case Errc::sync_failed:
      return IOStatus::IOFenced(text);
    case Errc::folder_locked:
      return IOStatus::Busy(text);
    default:
      return IOStatus::IOError(text);
  }
}

template <class T>
IOStatus status_of(const Result<T>& result) {
  return result ? IOStatus::OK() : status_of(result.error());
}

ByteView bytes_of(const Slice& slice) {
  return {reinterpret_cast<const std::uint8_t*>(slice.data()), slice.size()};
}

IOStatus read_into(const File& file, std::uint64_t offset, std::size_t length, Slice* result,
                   char* scratch) {
  const auto got = file.read(offset, {reinterpret_cast<std::uint8_t*>(scratch), length});
  *result = Slice(scratch, got ? *got : 0);
  return status_of(got);
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  IOStatus Read(std::size_t length, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus status = read_into(*file_, offset_, length, result, scratch);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(std::uint64_t length) override {
    offset_ += length;
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  IOStatus Read(std::uint64_t offset, std::size_t length, const IOOptions&, Slice* result,
                char* scratch, IODebugContext*) const override {
    return read_into(*file_, offset, length, result, scratch);
  }

 private:
  std::unique_ptr<File> file_;
};

// RocksDB collects small appends before they come here.
class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<File> file, std::uint64_t size_bytes, const FileOptions& options)
      : FSWritableFile(options), file_(std::move(file)), size_bytes_(size_bytes) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    IOStatus status = status_of(file_->write(size_bytes_, bytes_of(data)));
    if (status.ok()) size_bytes_ += data.size();
    return status;
  }
  IOStatus Truncate(std::uint64_t size_bytes, const IOOptions&, IODebugContext*) override {
    if (size_bytes == size_bytes_) return IOStatus::OK();
    IOStatus status = status_of(file_->truncate(size_bytes));
    if (status.ok()) size_bytes_ = size_bytes;
    return status;
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return status_of(file_->sync()); }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_bytes_; }
  IOStatus RangeSync(std::uint64_t offset, std::uint64_t length, const IOOptions&,
                     IODebugContext*) override {
    file_->start_writeback(offset, length);
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t size_bytes_;
};

class Folder final : public rocksdb::FSDirectory {
 public:
  Folder(FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return status_of(fs_.sync_dir(path_));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  FileSystem& fs_;
  std::string path_;
};

class HeldFolder final : public rocksdb::FileLock {
 public:
  explicit HeldFolder(std::unique_ptr<FolderLock> lock) : lock_(std::move(lock)) {}

 private:
  std::unique_ptr<FolderLock> lock_;
};

class RocksLogger final : public rocksdb::Logger {
 public:
  RocksLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  void LogHeader(const char*, va_list) override {}
  // Reached only by calls that name no level: information.
  void Logv(const char*, va_list) override {}
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    char text[512];
    const int length = std::vsnprintf(text, sizeof text, format, arguments);
    if (length < 0) return;
    const bool error = level >= rocksdb::InfoLogLevel::ERROR_LEVEL;
    log::write(error ? log::Level::error : log::Level::warn, "rocksdb", {{"message", text}});
  }
};

class RocksFileSystem final : public rocksdb::FileSystem {
 public:
  explicit RocksFileSystem(io::FileSystem& fs) : fs_(fs) {}

  const char* Name() const override { return "StratosFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext*) override {
    auto file = fs_.open(path, OpenMode::read);
    if (file) *result = std::make_unique<SequentialFile>(std::move(*file));
    return status_of(file);
  }

  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    auto file = fs_.open(path, OpenMode::read);
    if (file) *result = std::make_unique<RandomAccessFile>(std::move(*file));
    return status_of(file);
  }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    auto file = fs_.open(path, OpenMode::create_truncated);
    if (file) *result = std::make_unique<WritableFile>(std::move(*file), 0, options);
    return status_of(file);
  }

  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext*) override {
    auto file = fs_.open(path, OpenMode::create_or_open);
    if (!file) return status_of(file);
    const auto size = (*file)->size();
    if (size) *result = std::make_unique<WritableFile>(std::move(*file), *size, options);
    return status_of(size);
  }

  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    if (!fs_.is_dir(path)) return IOStatus::PathNotFound(path);
    *result = std::make_unique<Folder>(fs_, path);
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    return fs_.exists(path) ? IOStatus::OK() : IOStatus::NotFound();
  }

  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    auto names = fs_.list(path);
    if (names) *result = std::move(*names);
    if (!names && names.error().code() == Errc::file_not_found) return IOStatus::NotFound();
    return status_of(names);
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.remove(path));
  }

  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (fs_.exists(path)) return IOStatus::IOError(path + " exists");
    return status_of(fs_.make_dirs(path));
  }

  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.make_dirs(path));
  }

  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(fs_.remove_dir(path));
  }

  IOStatus GetFileSize(const std::string& path, const IOOptions&, std::uint64_t* result,
                       IODebugContext*) override {
    const auto file = fs_.open(path, OpenMode::read);
    if (!file) return status_of(file);
    const auto size = (*file)->size();
    if (size) *result = *size;
    return status_of(size);
  }

  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, std::uint64_t* result,
                                   IODebugContext*) override {
    const auto time = fs_.modified_time_s(path);
    if (time) *result = *time;
    return status_of(time);
  }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    if (const auto synced = fs_.sync_dir(parent_of(from)); !synced) return status_of(synced);
    return status_of(fs_.rename(from, to));
  }

  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                    IODebugContext*) override {
    return status_of(fs_.link(from, to));
  }

  // RocksDB locks nothing but the LOCK file of a folder.
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** result,
                    IODebugContext*) override {
    *result = nullptr;
    auto lock = fs_.lock(parent_of(path));
    if (lock) *result = new HeldFolder(std::move(*lock));
    return status_of(lock);
  }

  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }

  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("no test folder");
  }

  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>* result,
                     IODebugContext*) override {
    *result = make_rocks_logger();
    return IOStatus::OK();
  }

  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                           IODebugContext*) override {
    *result = path;
    return IOStatus::OK();
  }

  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, std::uint64_t* result,
                        IODebugContext*) override {
    const auto bytes = fs_.free_bytes(path);
    if (bytes) *result = *bytes;
    return status_of(bytes);
  }

  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* result,
                       IODebugContext*) override {
    if (!fs_.exists(path)) return IOStatus::PathNotFound(path);
    *result = fs_.is_dir(path);
    return IOStatus::OK();
  }

 private:
  io::FileSystem& fs_;
};

// RocksDB's background thread sleeps a second after a failed flush or compaction. A failed database
// here is reopened instead of retried, and its end would wait for that sleep.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(SystemClock::Default()) {}
  const char* Name() const override { return "StratosClock"; }
  void SleepForMicroseconds(int duration_us) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(duration_us, kLongestSleepUs));
  }

 private:
  static constexpr int kLongestSleepUs = 2000;
};

// Files and clock of our own, everything else from the environment below.
class RocksEnv final : public rocksdb::EnvWrapper {
 public:
  explicit RocksEnv(FileSystem& fs)
      : EnvWrapper(rocksdb::NewCompositeEnv(std::make_shared<RocksFileSystem>(fs))) {
    file_system_ = target()->GetFileSystem();
    system_clock_ = std::make_shared<ImpatientClock>();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_rocks_env(FileSystem& fs) {
  return std::make_unique<RocksEnv>(fs);
}

std::shared_ptr<rocksdb::Logger> make_rocks_logger() { return std::make_shared<RocksLogger>(); }

}  // namespace stratos::io
