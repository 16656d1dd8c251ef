// BackupPlace: where the files of a backup lie. It sees names and sealed bytes, nothing else.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "runtime/runtime.hpp"

namespace stratos::ordering {

constexpr std::uint64_t kMaxBackupFileBytes = 128ULL << 20;

// Belongs to one runtime. One call at a time.
class BackupPlace {
 public:
  virtual ~BackupPlace() = default;
  // For people: "/srv/backup".
  virtual std::string describe() const = 0;
  // Whether what it lists is there and is what was written. Else names may be made up, and files
  // lost or damaged without anybody's fault.
  virtual bool is_trusted() const = 0;
  // Names of others may be among them.
  virtual Task<Result<std::vector<std::string>>> list() = 0;
  // Hands the file to `accept`, and further copies of it until one is accepted; else the last
  // error. Errc::file_not_found.
  using Accept = std::function<Result<void>(ByteView file)>;
  virtual Task<Result<void>> read(std::string name, Accept accept) = 0;
  // Durable when it returns; replaces what had the name.
  virtual Task<Result<void>> write(std::string name, Bytes file) = 0;
  // Of no effect when there is none.
  virtual Task<Result<void>> remove(std::string name) = 0;
  // After removals: they are durable, and what an older backup left is gone too.
  virtual Task<Result<void>> tidy() = 0;
};

// A folder. `runtime` and `fs` outlive it.
class FolderPlace final : public BackupPlace {
 public:
  // Creates the folder when it is absent, and holds it. Errc::folder_locked.
  static Result<std::unique_ptr<FolderPlace>> open(Runtime& runtime, io::FileSystem& fs,
                                                   std::string folder);
  // Without the lock: beside one that writes, too.
  FolderPlace(Runtime& runtime, io::FileSystem& fs, std::string folder)
      : runtime_(runtime), fs_(fs), folder_(std::move(folder)) {}

  std::string describe() const override { return folder_; }
  bool is_trusted() const override { return true; }
  Task<Result<std::vector<std::string>>> list() override;
  Task<Result<void>> read(std::string name, Accept accept) override;
  Task<Result<void>> write(std::string name, Bytes file) override;
  Task<Result<void>> remove(std::string name) override;
  Task<Result<void>> tidy() override;

 private:
  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }

  Runtime& runtime_;
  io::FileSystem& fs_;
  std::string folder_;
  std::unique_ptr<io::FolderLock> lock_;
};

}  // namespace stratos::ordering
