// VolatileContent: the bytes of one simulated file, and what a power cut would leave of them.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace stratos::io {

// Readers see `live` bytes. For every 512-byte sector changed since the last sync the older states
// are kept: the one on disk and some of those in between, since the cache may have been written out
// at any time. Not thread safe.
class VolatileContent {
 public:
  static constexpr std::uint64_t kSectorBytes = 512;
  static constexpr std::uint64_t kPageBytes = 4096;  // unit of allocation

  std::uint64_t size() const { return size_; }
  std::uint64_t allocated_bytes() const { return pages_.size() * kPageBytes; }
  // Fewer bytes than asked only at the end.
  std::size_t read(std::uint64_t offset, MutableByteView out) const;
  void write(std::uint64_t offset, ByteView data);
  void truncate(std::uint64_t size_bytes);
  // Zeros the range and frees the pages that lie wholly inside.
  void punch_hole(std::uint64_t offset, std::uint64_t length);
  // Bytes of new pages that a write there would take.
  std::uint64_t needed_bytes(std::uint64_t offset, std::uint64_t length) const;

  // The disk now holds what readers see.
  void sync();
  // Readers now see what the disk holds: what Linux leaves after a failed fsync.
  void drop_unsynced();
  // Each unsynced sector becomes one of its states, the size anything between old and new.
  void lose_power(Random& random);
  // Changes a bit behind everybody's back; the position must be inside the size.
  void flip_bit(std::uint64_t position_bits);

 private:
  using Sector = std::array<std::uint8_t, kSectorBytes>;
  using Page = std::array<std::uint8_t, kPageBytes>;
  struct Unsynced {
    bool absent_on_disk = false;  // the disk holds zeros, which `older` does not list
    std::vector<Sector> older;    // oldest first
  };

  std::uint8_t* page_at(std::uint64_t page);
  void remember(std::uint64_t sector);
  void zero(std::uint64_t begin, std::uint64_t end);
  void restore(std::uint64_t sector, const Sector* content);
  void cut_to_size();

  std::uint64_t size_ = 0;
  std::uint64_t synced_size_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;  // absent pages read as zeros
  std::map<std::uint64_t, Unsynced> unsynced_;            // by sector
};

}  // namespace stratos::io
