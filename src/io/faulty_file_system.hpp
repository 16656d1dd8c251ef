// FaultyFileSystem: the files of one simulated machine, with power cuts and other disk faults.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/file_system.hpp"

namespace stratos::io {

// Everything lives in memory; safe from any thread. The same calls in the same order with the same
// seeds give the same result.
//
// What a power cut leaves:
// - File data: all that was synced. Each 512-byte sector changed since is, by itself, as on disk,
// as
//   last written, or something in between; a changed size is the old, the new or one in between.
// - Names: all changes covered by sync_dir of the folder of the (new) name. Each other change
//   survives or not by itself, but a rename as a whole, and never without an earlier change of the
//   same names. A folder that is lost takes its content along, synced or not.
// modified_time_s counts changes, not seconds.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(std::uint64_t seed = 1);
  ~FaultyFileSystem() override;

  // Every later call fails with Errc::io_error, on open handles too.
  void power_off();
  // Powers on with what survived, drawn from the seed. Handles and locks from before stay dead:
  // destroy their owners before new ones open the same files. Also disarms cut_power_after.
  void recover(std::uint64_t seed);
  // The same with a seed from the constructor's generator.
  void recover();
  // The process ends and the machine does not: handles die, locks are released, nothing is lost.
  void kill_process();
  bool has_power() const;

  // Mutating operations so far: each write, truncation, hole, sync, and change of a name counts
  // one.
  std::uint64_t operations() const;
  // That many more operations succeed; the call after the last one finds the power off.
  void cut_power_after(std::uint64_t operations);
  // Called before each mutating operation, under the internal lock: it must not call back.
  using Observer = std::function<void(std::string_view operation, std::string_view path)>;
  void observe(Observer observer);

  // Patterns are those of fnmatch(3) on the path the handle was opened with; '*' matches '/' too.
  // The next `count` syncs of matching files or folders fail: a file loses what was not synced,
  // once and for good, and later syncs succeed.
  void fail_syncs(std::string pattern, std::uint32_t count = 1);
  // Syncs of matching files and folders do nothing and succeed: with it a test proves that it would
  // notice a missing sync. An empty pattern ends it.
  void ignore_syncs(std::string pattern);
  // Writes beyond it fail with Errc::disk_full, the part that fits being written. No limit at
  // first.
  void set_capacity(std::uint64_t size_bytes);
  std::uint64_t used_bytes() const;
  // Silent corruption: flips `count` bits drawn from the constructor's generator in a stored file.
  Result<void> flip_bits(const std::string& path, std::uint32_t count = 1);

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<void> make_dirs(const std::string& path) override;
  Result<void> remove_dir(const std::string& path) override;
  Result<void> sync_dir(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  bool is_dir(const std::string& path) override;
  Result<std::uint64_t> modified_time_s(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;
  Result<std::unique_ptr<FolderLock>> lock(const std::string& path) override;

 private:
  struct Disk;
  class OpenFile;
  class HeldLock;
  // Handles share it, so that they may outlive the file system.
  std::shared_ptr<Disk> disk_;
};

}  // namespace stratos::io
