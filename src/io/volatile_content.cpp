#include "io/volatile_content.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace stratos::io {
namespace {

constexpr std::size_t kMaxOlderStates = 3;
constexpr std::uint64_t kSectorsPerPage =
    VolatileContent::kPageBytes / VolatileContent::kSectorBytes;

}  // namespace

std::size_t VolatileContent::read(std::uint64_t offset, MutableByteView out) const {
  if (offset >= size_) return 0;
  const std::size_t length = std::min<std::uint64_t>(out.size(), size_ - offset);
  for (std::size_t done = 0; done < length;) {
    const std::uint64_t at = (offset + done) % kPageBytes;
    const std::size_t part = std::min<std::uint64_t>(length - done, kPageBytes - at);
    const auto page = pages_.find((offset + done) / kPageBytes);
    if (page == pages_.end()) {
      std::fill_n(out.data() + done, part, std::uint8_t{0});
    } else {
      std::memcpy(out.data() + done, page->second->data() + at, part);
    }
    done += part;
  }
  return length;
}

void VolatileContent::write(std::uint64_t offset, ByteView data) {
  for (std::size_t done = 0; done < data.size();) {
    const std::uint64_t position = offset + done;
    const std::uint64_t at = position % kSectorBytes;
    const std::size_t part = std::min<std::uint64_t>(data.size() - done, kSectorBytes - at);
    remember(position / kSectorBytes);
    std::memcpy(page_at(position / kPageBytes) + position % kPageBytes, data.data() + done, part);
    done += part;
  }
  if (!data.empty()) size_ = std::max<std::uint64_t>(size_, offset + data.size());
}

void VolatileContent::truncate(std::uint64_t size_bytes) {
  if (size_bytes < size_) {
    for (auto page = pages_.lower_bound(size_bytes / kPageBytes); page != pages_.end(); ++page) {
      const std::uint64_t first = std::max(page->first * kPageBytes, size_bytes) / kSectorBytes;
      const std::uint64_t end = (page->first + 1) * kSectorsPerPage;
      for (std::uint64_t sector = first; sector < end; ++sector) remember(sector);
    }
  }
  size_ = size_bytes;
  cut_to_size();
}

void VolatileContent::punch_hole(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t hole_end = offset + std::min(length, ~offset);
  const std::uint64_t end = std::min(size_, hole_end);
  if (offset >= end) return;
  auto page = pages_.lower_bound(offset / kPageBytes);
  while (page != pages_.end() && page->first * kPageBytes < end) {
    const std::uint64_t page_begin = page->first * kPageBytes;
    const std::uint64_t zero_begin = std::max(page_begin, offset);
    const std::uint64_t zero_end = std::min(page_begin + kPageBytes, end);
    for (std::uint64_t at = zero_begin; at < zero_end; at += kSectorBytes - at % kSectorBytes) {
      remember(at / kSectorBytes);
    }
    const bool whole = zero_begin == page_begin && hole_end >= page_begin + kPageBytes;
    if (!whole) zero(zero_begin, zero_end);
    page = whole ? pages_.erase(page) : std::next(page);
  }
}

std::uint64_t VolatileContent::needed_bytes(std::uint64_t offset, std::uint64_t length) const {
  if (length == 0) return 0;
  const std::uint64_t first = offset / kPageBytes;
  const std::uint64_t end = (offset + length - 1) / kPageBytes + 1;
  const auto present = std::distance(pages_.lower_bound(first), pages_.lower_bound(end));
  return (end - first - static_cast<std::uint64_t>(present)) * kPageBytes;
}

void VolatileContent::sync() {
  unsynced_.clear();
  synced_size_ = size_;
}

void VolatileContent::drop_unsynced() {
  for (const auto& [sector, state] : unsynced_) {
    restore(sector, state.absent_on_disk ? nullptr : &state.older.front());
  }
  size_ = synced_size_;
  cut_to_size();
  sync();
}

void VolatileContent::lose_power(Random& random) {
  enum class Fate : std::uint8_t { all_lost, all_kept, each_by_itself };
  const auto draw_fate = [&] {
    return static_cast<Fate>(std::min<std::uint64_t>(random.below(4), 2));
  };

  const Fate data = draw_fate();
  for (const auto& [sector, state] : unsynced_) {
    const std::size_t older = state.older.size() + (state.absent_on_disk ? 1 : 0);
    std::size_t chosen = data == Fate::all_kept ? older : 0;
    if (data == Fate::each_by_itself) chosen = random.below(older + 1);
    if (chosen == older) continue;  // what readers saw reached the disk
    if (state.absent_on_disk) {
      restore(sector, chosen == 0 ? nullptr : &state.older[chosen - 1]);
    } else {
      restore(sector, &state.older[chosen]);
    }
  }
  const auto [low, high] = std::minmax(size_, synced_size_);
  const Fate size = draw_fate();
  if (size == Fate::all_lost) size_ = synced_size_;
  if (size == Fate::each_by_itself) size_ = low + random.below(high - low + 1);
  cut_to_size();
  sync();
}

void VolatileContent::flip_bit(std::uint64_t position_bits) {
  const std::uint64_t position = position_bits / 8;
  STRATOS_ASSERT(position < size_, "bit outside of the file");
  page_at(position / kPageBytes)[position % kPageBytes] ^=
      static_cast<std::uint8_t>(1U << (position_bits % 8));
}

std::uint8_t* VolatileContent::page_at(std::uint64_t page) {
  auto& slot = pages_[page];
  if (!slot) slot = std::make_unique<Page>();
  return slot->data();
}

// Call before a sector changes.
void VolatileContent::remember(std::uint64_t sector) {
  const auto [entry, first_change] = unsynced_.try_emplace(sector);
  const auto page = pages_.find(sector / kSectorsPerPage);
  if (first_change && page == pages_.end()) {
    entry->second.absent_on_disk = true;
    return;
  }
  Sector current{};
  if (page != pages_.end()) {
    std::memcpy(current.data(), page->second->data() + sector % kSectorsPerPage * kSectorBytes,
                kSectorBytes);
  }
  auto& older = entry->second.older;
  if (older.size() < kMaxOlderStates) {
    older.push_back(current);
  } else {
    older.back() = current;
  }
}

void VolatileContent::zero(std::uint64_t begin, std::uint64_t end) {
  std::fill_n(page_at(begin / kPageBytes) + begin % kPageBytes, end - begin, std::uint8_t{0});
}

// nullptr restores zeros.
void VolatileContent::restore(std::uint64_t sector, const Sector* content) {
  const std::uint64_t begin = sector * kSectorBytes;
  if (content != nullptr) {
    std::memcpy(page_at(begin / kPageBytes) + begin % kPageBytes, content->data(), kSectorBytes);
  } else if (pages_.contains(begin / kPageBytes)) {
    zero(begin, begin + kSectorBytes);
  }
}

// Frees pages beyond the size and keeps the rest of the last page zero.
void VolatileContent::cut_to_size() {
  const std::uint64_t end_page = (size_ + kPageBytes - 1) / kPageBytes;
  pages_.erase(pages_.lower_bound(end_page), pages_.end());
  if (size_ % kPageBytes != 0 && pages_.contains(size_ / kPageBytes)) {
    zero(size_, end_page * kPageBytes);
  }
}

}  // namespace stratos::io
