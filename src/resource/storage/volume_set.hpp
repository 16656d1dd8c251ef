// VolumeSet: the volume files of a store, opened when they are needed.
// VolumeLog: where new records go, and up to where they are durable.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "io/file_system.hpp"
#include "resource/storage/volume_format.hpp"

namespace stratos::resource {

struct Volume {
  std::uint32_t number = 0;
  std::uint64_t salt = 0;
  std::unique_ptr<io::File> file;
};

// Safe from any thread; files are opened and created outside of its lock.
class VolumeSet {
 public:
  // Creates `folder`. Salts of new volumes come from `salt_seed`, which writers must not know.
  static Result<std::unique_ptr<VolumeSet>> open(io::FileSystem& fs, std::string folder,
                                                 std::uint64_t salt_seed);
  // The formats of the volumes in a folder, which somebody may write to. Errc::unknown_format,
  // Errc::corrupt_file.
  static Result<std::set<std::uint8_t>> stored_formats(io::FileSystem& fs,
                                                       const std::string& folder);
  // Errc::file_not_found, Errc::corrupt_file.
  Result<std::shared_ptr<Volume>> get(std::uint32_t number);
  // Durable with its name when it returns.
  Result<std::shared_ptr<Volume>> create(std::uint32_t number);
  Result<void> remove(std::uint32_t number);
  // Ascending.
  std::vector<std::uint32_t> numbers() const;
  // Free bytes of the disk below.
  Result<std::uint64_t> free_bytes() const { return fs_.free_bytes(folder_); }

 private:
  VolumeSet(io::FileSystem& fs, std::string folder, std::uint64_t salt_seed)
      : fs_(fs), folder_(std::move(folder)), salt_seed_(salt_seed) {}
  Result<void> load();
  std::string path_of(std::uint32_t number) const;
  void remember(std::shared_ptr<Volume> volume);

  io::FileSystem& fs_;
  std::string folder_;
  std::uint64_t salt_seed_;
  mutable std::mutex mutex_;
  std::set<std::uint32_t> numbers_;
  std::map<std::uint32_t, std::shared_ptr<Volume>> open_;
};

// Safe from any thread.
class VolumeLog {
 public:
  struct Slot {
    std::shared_ptr<Volume> volume;
    std::uint64_t position = 0;
    std::uint32_t record_bytes = 0;
    Place place() const { return {volume->number, position}; }
  };

  // Appends behind `start`; everything before it is durable.
  VolumeLog(VolumeSet& volumes, std::uint64_t volume_bytes, Place start)
      : volumes_(volumes), volume_bytes_(volume_bytes), end_(start), durable_(start) {}

  // Space for a record. With `pin`, mark() stays at or before it until unpin().
  Result<Slot> reserve(std::uint32_t record_bytes, bool pin);
  void unpin(const Place& place);
  // Writes a record into its slot; `header.layout`, position and durable place are filled in. Once
  // per slot, whatever the outcome.
  Result<void> write(const Slot& slot, RecordHeader header, const Seal* seal, ByteView data);
  // Everything written before the call is durable when it returns.
  Result<void> sync();
  Place durable() const;
  // No record that is pinned or still to come lies before it.
  Place mark() const;
  Place end() const;

 private:
  Result<void> roll(std::uint32_t record_bytes);
  Result<void> write_record(const Slot& slot, const RecordHeader& header, const Seal* seal,
                            ByteView data);

  VolumeSet& volumes_;
  std::uint64_t volume_bytes_;
  // Held during I/O, but only against calls of the same kind.
  std::mutex roll_mutex_;
  std::mutex sync_mutex_;
  mutable std::mutex mutex_;
  Place end_;
  Place durable_;
  std::shared_ptr<Volume> active_;
  std::multiset<Place> pinned_;
  std::set<Place> writing_;
  std::map<std::uint32_t, std::shared_ptr<Volume>> dirty_;
};

}  // namespace stratos::resource
