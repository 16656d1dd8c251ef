#include "resource/storage/recovery.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"

namespace stratos::resource {
namespace {

constexpr std::size_t kHashStep = 1 << 20;
constexpr std::size_t kManyDead = 1 << 22;

struct Interval {
  Place from;
  std::uint64_t bytes = 0;
};

// A fragment as the volumes tell it, record by record.
struct Attempt {
  StoredFragment fragment;
  std::uint64_t next = 0;
};

class Scan {
 public:
  Scan(VolumeSet& volumes, FragmentIndex& index) : volumes_(volumes), index_(index) {}

  Result<Recovered> run() {
    STRATOS_CHECK(read_notes());
    STRATOS_TRY(const std::vector<DeadRecord> dead, index_.dead(kManyDead));
    for (const DeadRecord& record : dead) dead_.insert(record.place);
    for (const std::uint32_t number : volumes_.numbers()) {
      if (number < mark_.volume) continue;
      STRATOS_CHECK(scan_volume(number));
    }
    STRATOS_CHECK(settle_doubts());
    STRATOS_CHECK(index_found());
    STRATOS_CHECK(punch_gaps());
    STRATOS_CHECK(write_mark());
    return out_;
  }

 private:
  Result<void> read_notes() {
    STRATOS_TRY(const auto mark, index_.get_meta(kMarkNote));
    if (mark) {
      STRATOS_TRY(mark_, decode_place(*mark));
    }
    STRATOS_TRY(const auto durable, index_.get_meta(kDurableNote));
    if (durable) {
      STRATOS_TRY(durable_, decode_place(*durable));
    }
    return {};
  }

  Result<void> scan_volume(std::uint32_t number) {
    STRATOS_TRY(const auto volume, volumes_.get(number));
    STRATOS_TRY(const std::uint64_t size, volume->file->size());
    const std::uint64_t end = std::max<std::uint64_t>(round_up(size, kBlockBytes), kBlockBytes);
    std::uint64_t at = number == mark_.volume ? mark_.position : kBlockBytes;
    at = std::max<std::uint64_t>(at, kBlockBytes);
    scanned_.push_back({{number, at}, end > at ? end - at : 0});
    while (at < end) {
      STRATOS_TRY(const std::uint64_t used, read_record(*volume, at));
      at += used;
    }
    out_.end = {number, end};
    return {};
  }

  // Takes in the record at `at`; returns how far to go on.
  Result<std::uint64_t> read_record(const Volume& volume, std::uint64_t at) {
    Bytes block(kBlockBytes);
    STRATOS_TRY(const std::size_t got, volume.file->read(at, block));
    block.resize(got);
    const auto header = decode_record_header(block, volume.salt, at);
    if (!header && header.error().code() == Errc::unknown_format) return fail(header.error());
    if (!header) return kBlockBytes;
    ++out_.records;
    durable_ = std::max(durable_, header->durable);
    const Place place{volume.number, at};
    if (!dead_.contains(place)) STRATOS_CHECK(take(volume, block, *header, place));
    return header->layout.record_bytes;
  }

  Result<void> take(const Volume& volume, ByteView block, const RecordHeader& header,
                    const Place& place) {
    STRATOS_TRY(const auto known, index_.find(header.fragment));
    const auto is_here = [&](const StoredRecord& record) { return record.place() == place; };
    if (known && std::ranges::any_of(known->records, is_here)) {
      live_.push_back({place, header.layout.record_bytes});
      return {};
    }
    // A copy from before, whose removal the crash undid.
    if (known && place < known->records.front().place()) return {};
    Attempt& attempt = attempts_[header.fragment];
    if (header.offset == 0) attempt = Attempt{};
    if (header.offset != attempt.next) return {};  // of an attempt that was given up
    attempt.next += header.data_bytes;
    attempt.fragment.zone = header.zone;
    attempt.fragment.k = header.k;
    attempt.fragment.m = header.m;
    attempt.fragment.records.push_back({place.volume, place.position, header.layout.record_bytes,
                                        header.offset, header.layout.data_at, header.data_bytes});
    if (header.seal_bytes == 0) return {};
    return close(volume, block, header, place);
  }

  Result<void> close(const Volume& volume, ByteView block, const RecordHeader& header,
                     const Place& place) {
    Attempt attempt = std::move(attempts_[header.fragment]);
    attempts_.erase(header.fragment);
    Bytes bytes(header.seal_bytes);
    if (header.layout.seal_at + bytes.size() <= block.size()) {
      std::memcpy(bytes.data(), block.data() + header.layout.seal_at, bytes.size());
    } else {
      STRATOS_TRY(const std::size_t got,
                  volume.file->read(place.position + header.layout.seal_at, bytes));
      bytes.resize(got);
    }
    const auto seal = decode_seal(bytes, volume.salt);
    if (!seal || seal->length != attempt.next) {
      ++out_.torn;
      return {};
    }
    StoredFragment& fragment = attempt.fragment;
    fragment.length = seal->length;
    fragment.root = seal->root;
    fragment.lease_until = seal->lease_until;
    fragment.seal_at = header.layout.seal_at;
    found_[header.fragment] = std::move(fragment);
    return {};
  }

  bool in_doubt(const StoredFragment& fragment) const {
    return std::ranges::any_of(
        fragment.records, [&](const StoredRecord& record) { return record.place() >= durable_; });
  }

  // Sealed, but perhaps in the page cache only, or in part.
  Result<void> settle_doubts() {
    std::set<std::uint32_t> touched;
    for (auto it = found_.begin(); it != found_.end();) {
      if (!in_doubt(it->second)) {
        ++it;
        continue;
      }
      STRATOS_TRY(const bool whole, is_whole(it->second));
      if (!whole) {
        log::warn("storage.torn_fragment", {{"fragment", to_string(it->first)}});
        ++out_.torn;
        it = found_.erase(it);
        continue;
      }
      for (const StoredRecord& record : it->second.records) {
        if (record.place() < durable_) continue;
        STRATOS_CHECK(write_again(record));
        touched.insert(record.volume);
      }
      ++it;
    }
    for (const std::uint32_t number : touched) {
      STRATOS_TRY(const auto volume, volumes_.get(number));
      STRATOS_CHECK(volume->file->sync());
    }
    return {};
  }

  Result<bool> is_whole(const StoredFragment& fragment) {
    crypto::TreeHasher hasher;
    Bytes step(kHashStep);
    for (const StoredRecord& record : fragment.records) {
      STRATOS_TRY(const auto volume, volumes_.get(record.volume));
      const MutableByteView part = MutableByteView(step).first(record.data_bytes);
      STRATOS_TRY(const std::size_t got,
                  volume->file->read(record.position + record.data_at, part));
      if (got != part.size()) return false;
      hasher.update(part);
    }
    return hasher.finish().root == fragment.root;
  }

  Result<void> write_again(const StoredRecord& record) {
    STRATOS_TRY(const auto volume, volumes_.get(record.volume));
    Bytes bytes(record.record_bytes);
    STRATOS_TRY(const std::size_t got, volume->file->read(record.position, bytes));
    return volume->file->write(record.position, ByteView(bytes).first(got));
  }

  Result<void> index_found() {
    if (found_.empty()) return {};
    FragmentIndex::Change change = index_.begin();
    for (auto& [id, fragment] : found_) {
      STRATOS_TRY(const auto before, change.find(id));
      if (before) {
        // Written again after it was damaged, or moved by compaction.
        change.remove(id, *before);
        if (before->state == FragmentState::kept) fragment.state = FragmentState::kept;
      }
      change.put(id, std::nullopt, fragment);
      for (const StoredRecord& record : fragment.records) {
        live_.push_back({record.place(), record.record_bytes});
      }
      ++out_.fragments;
    }
    return change.write();
  }

  // Everything that was read again and is no live record. Synced, because the next durable place
  // vouches for it: a torn record must not come back.
  Result<void> punch_gaps() {
    std::ranges::sort(live_, {}, &Interval::from);
    auto live = live_.begin();
    for (const Interval& range : scanned_) {
      STRATOS_TRY(const auto volume, volumes_.get(range.from.volume));
      std::uint64_t at = range.from.position;
      const std::uint64_t end = at + range.bytes;
      while (live != live_.end() && live->from < range.from) ++live;
      for (; live != live_.end() && live->from.volume == range.from.volume; ++live) {
        STRATOS_CHECK(punch(*volume, at, live->from.position));
        at = std::max(at, live->from.position + live->bytes);
      }
      STRATOS_CHECK(punch(*volume, at, end));
      if (range.bytes != 0) STRATOS_CHECK(volume->file->sync());
    }
    return {};
  }

  static Result<void> punch(const Volume& volume, std::uint64_t from, std::uint64_t to) {
    if (to <= from) return {};
    return volume.file->punch_hole(from, to - from);
  }

  Result<void> write_mark() {
    FragmentIndex::Change change = index_.begin();
    change.set_meta(kMarkNote, encode_place(out_.end));
    change.set_meta(kDurableNote, encode_place(std::max(durable_, out_.end)));
    return change.write();
  }

  VolumeSet& volumes_;
  FragmentIndex& index_;
  Recovered out_;
  Place mark_;
  Place durable_;
  std::set<Place> dead_;
  std::map<FragmentId, Attempt> attempts_;
  std::map<FragmentId, StoredFragment> found_;
  std::vector<Interval> live_;
  std::vector<Interval> scanned_;
};

}  // namespace

Bytes encode_place(const Place& place) {
  Bytes out;
  put_be(out, place.volume);
  put_be(out, place.position);
  return out;
}

Result<Place> decode_place(ByteView bytes) {
  if (bytes.size() != 12) return fail(Errc::store_corrupt, "place of another size");
  return Place{get_be<std::uint32_t>(bytes), get_be<std::uint64_t>(bytes.subspan(4))};
}

Result<Recovered> recover(VolumeSet& volumes, FragmentIndex& index) {
  return Scan(volumes, index).run();
}

}  // namespace stratos::resource
