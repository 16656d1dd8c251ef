// io::FileSystem on Linux system calls.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <system_error>

#include "io/file_system.hpp"

namespace stratos::io {
namespace {

struct ErrnoCode {
  int number;
  Errc code;
};
constexpr ErrnoCode kErrnoCodes[] = {
    {ENOENT, Errc::file_not_found},
    {ENOSPC, Errc::disk_full},
    {EDQUOT, Errc::disk_full},
    {EACCES, Errc::permission_denied},
    {EPERM, Errc::permission_denied},
    {EROFS, Errc::permission_denied},
    {EEXIST, Errc::already_exists},
    {ENOTEMPTY, Errc::invalid_argument},
    {EISDIR, Errc::invalid_argument},
    {ENOTDIR, Errc::invalid_argument},
    {EINVAL, Errc::invalid_argument},
    {EBADF, Errc::invalid_argument},
    {ENAMETOOLONG, Errc::invalid_argument},
    {EFBIG, Errc::too_large},
    {EMFILE, Errc::resource_exhausted},
    {ENFILE, Errc::resource_exhausted},
    {ENOMEM, Errc::resource_exhausted},
    {EOPNOTSUPP, Errc::not_implemented},
};

std::string describe(const char* call, const std::string& path, int number) {
  return std::string(call) + " " + path + ": " + std::generic_category().message(number);
}

std::unexpected<Error> fail_with(const char* call, const std::string& path, int number) {
  const auto* entry = std::ranges::find(kErrnoCodes, number, &ErrnoCode::number);
  const Errc code = entry == std::end(kErrnoCodes) ? Errc::io_error : entry->code;
  return fail(code, describe(call, path, number));
}

// For a call that answers 0 or more when it went well.
Result<void> check(long returned, const char* call, const std::string& path) {
  if (returned < 0) return fail_with(call, path, errno);
  return {};
}

// Repeats a system call that a signal interrupted.
template <class Call>
auto retrying(Call call) {
  auto returned = call();
  while (returned < 0 && errno == EINTR) returned = call();
  return returned;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

Result<Descriptor> open_descriptor(const std::string& path, int flags, mode_t mode) {
  const int number = retrying([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (number < 0) return fail_with("open", path, errno);
  return Descriptor(number);
}

class RealFile final : public File {
 public:
  RealFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto got = retrying([&] {
        return ::pread(fd(), out.data() + done, out.size() - done, position(offset + done));
      });
      if (got < 0) return fail_with("read", path_, errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<void> write(std::uint64_t offset, ByteView data) override {
    return write_to(fd(), offset, data);
  }

  Result<void> write_direct(std::uint64_t offset, ByteView data) override {
    std::call_once(direct_opened_, [this] { open_direct(); });
    if (!direct_) return write(offset, data);
    const Result<void> written = write_to(direct_->get(), offset, data);
    // Of a device with larger blocks.
    const bool is_refused = !written && written.error().code() == Errc::invalid_argument;
    return is_refused ? write(offset, data) : written;
  }

  // fdatasync also writes the metadata without which the data could not be read back: size, blocks.
  Result<void> sync() override {
    if (::fdatasync(fd()) == 0) return {};
    return fail(Errc::sync_failed, describe("fdatasync", path_, errno));
  }

  Result<std::uint64_t> size() const override {
    STRATOS_TRY(const auto status, stat());
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> truncate(std::uint64_t size_bytes) override {
    return check(retrying([&] { return ::ftruncate(fd(), position(size_bytes)); }), "truncate",
                 path_);
  }

  void start_writeback(std::uint64_t offset, std::uint64_t length) override {
    (void)::sync_file_range(fd(), position(offset), position(length), SYNC_FILE_RANGE_WRITE);
  }

  Result<void> punch_hole(std::uint64_t offset, std::uint64_t length) override {
    if (length == 0) return {};
    return check(retrying([&] {
                   return ::fallocate(fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                      position(offset), position(length));
                 }),
                 "punch hole in", path_);
  }

  Result<std::uint64_t> allocated_bytes() const override {
    STRATOS_TRY(const auto status, stat());
    return static_cast<std::uint64_t>(status.st_blocks) * 512;  // the unit of st_blocks, always
  }

 private:
  int fd() const { return descriptor_.get(); }
  static off_t position(std::uint64_t offset) { return static_cast<off_t>(offset); }
  Result<struct stat> stat() const {
    struct stat status;
    if (::fstat(fd(), &status) != 0) return fail_with("stat", path_, errno);
    return status;
  }

  Result<void> write_to(int descriptor, std::uint64_t offset, ByteView data) const {
    std::size_t done = 0;
    while (done < data.size()) {
      const auto put = retrying([&] {
        return ::pwrite(descriptor, data.data() + done, data.size() - done,
                        position(offset + done));
      });
      if (put < 0) return fail_with("write", path_, errno);
      done += static_cast<std::size_t>(put);
    }
    return {};
  }
  // The same file, whatever its name is by now.
  void open_direct() {
    auto opened = open_descriptor("/proc/self/fd/" + std::to_string(fd()), O_RDWR | O_DIRECT, 0);
    if (opened) direct_.emplace(std::move(*opened));
  }

  Descriptor descriptor_;
  std::string path_;
  std::once_flag direct_opened_;
  std::optional<Descriptor> direct_;  // past the cache; absent where there is no such thing
};

class RealLock final : public FolderLock {
 public:
  explicit RealLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read:
      return O_RDONLY;
    case OpenMode::read_write:
      return O_RDWR;
    case OpenMode::create_or_open:
      return O_RDWR | O_CREAT;
    case OpenMode::create_truncated:
    case OpenMode::create_secret:
      break;
  }
  return O_RDWR | O_CREAT | O_TRUNC;
}

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const bool secret = mode == OpenMode::create_secret;
    STRATOS_TRY(Descriptor descriptor, open_descriptor(path, flags_of(mode), secret ? 0600 : 0644));
    // The file may have been there before, with a wider mode.
    if (secret) STRATOS_CHECK(check(::fchmod(descriptor.get(), 0600), "chmod", path));
    return std::make_unique<RealFile>(std::move(descriptor), path);
  }

  Result<void> remove(const std::string& path) override {
    return check(::unlink(path.c_str()), "remove", path);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    return check(::rename(from.c_str(), to.c_str()), "rename", from);
  }

  Result<void> link(const std::string& from, const std::string& to) override {
    return check(::link(from.c_str(), to.c_str()), "link", to);
  }

  Result<void> make_dirs(const std::string& path) override {
    if (is_dir(path)) return {};
    const std::string parent = parent_of(path);
    if (parent == path) return fail(Errc::file_not_found, "no folder " + path);
    STRATOS_CHECK(make_dirs(parent));
    if (::mkdir(path.c_str(), 0755) != 0 && (errno != EEXIST || !is_dir(path))) {
      return fail_with("make folder", path, errno);
    }
    return sync_dir(parent);
  }

  Result<void> remove_dir(const std::string& path) override {
    return check(::rmdir(path.c_str()), "remove folder", path);
  }

  Result<void> sync_dir(const std::string& path) override {
    STRATOS_TRY(const Descriptor folder, open_descriptor(path, O_RDONLY | O_DIRECTORY, 0));
    if (::fsync(folder.get()) == 0) return {};
    return fail(Errc::sync_failed, describe("fsync", path, errno));
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
    if (!folder) return fail_with("list", path, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return fail_with("list", path, errno);
    std::ranges::sort(names);
    return names;
  }

  bool exists(const std::string& path) override {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0;
  }

  bool is_dir(const std::string& path) override {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  }

  Result<std::uint64_t> modified_time_s(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) return fail_with("stat", path, errno);
    return static_cast<std::uint64_t>(status.st_mtim.tv_sec);
  }

  Result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status;
    if (::statvfs(path.c_str(), &status) != 0) return fail_with("statvfs", path, errno);
    return std::uint64_t{status.f_bavail} * status.f_frsize;
  }

  Result<std::unique_ptr<FolderLock>> lock(const std::string& path) override {
    const std::string name = path + "/LOCK";
    STRATOS_TRY(Descriptor descriptor, open_descriptor(name, O_RDWR | O_CREAT, 0644));
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return fail(Errc::folder_locked, path + " is in use");
      return fail_with("lock", name, errno);
    }
    return std::make_unique<RealLock>(std::move(descriptor));
  }
};

}  // namespace

FileSystem& real_file_system() {
  static RealFileSystem fs;
  return fs;
}

}  // namespace stratos::io
