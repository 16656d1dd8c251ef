// Objects and their versions as they stand in the index; see meta/records.hpp.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "codec/record.hpp"

namespace stratos::meta {

// What a bucket does with the versions that a write replaces.
enum class Versioning : std::uint8_t { never = 0, enabled = 1, suspended = 2 };

enum class LockMode : std::uint8_t { none = 0, governance = 1, compliance = 2 };

// What keeps a version from being removed.
struct ObjectLock {
  LockMode mode = LockMode::none;
  WallTime retain_until;
  bool hold = false;
  bool empty() const { return mode == LockMode::none && !hold; }
  friend bool operator==(const ObjectLock&, const ObjectLock&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.mode);
    field(2, self.retain_until);
    field(3, self.hold);
  }
};
bool is_locked(const ObjectLock& lock, WallTime now, bool bypass_governance);

// The retention of versions that are written without one: days, or years of 365 days.
struct DefaultRetention {
  LockMode mode = LockMode::none;
  std::uint32_t days = 0;
  std::uint32_t years = 0;
  friend bool operator==(const DefaultRetention&, const DefaultRetention&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.mode);
    field(2, self.days);
    field(3, self.years);
  }
};

// How far a version is on its way from paid to removed.
enum class PaymentStage : std::uint8_t { paid = 0, warned = 1, grace = 2 };

// Until when a version is paid for; without a time where objects are kept without an end.
struct Payment {
  WallTime through;
  std::uint64_t stored_bytes = 0;  // over all copies
  PaymentStage stage = PaymentStage::paid;
  WallTime due;  // of the next step
  bool is_needed() const { return through.ms != 0; }
  friend bool operator==(const Payment&, const Payment&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.through);
    field(2, self.stored_bytes);
    field(3, self.stage);
    field(4, self.due);
  }
};

// A data key, sealed under a version of a named key ring.
struct WrappedKey {
  std::string ring;
  std::uint32_t version = 0;
  Bytes sealed;
  friend bool operator==(const WrappedKey&, const WrappedKey&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.ring);
    field(2, self.version);
    field(3, self.sealed);
  }
};

// A run of an object's bytes.
struct Slice {
  SegmentId segment;
  std::uint64_t offset = 0;  // in the segment's plain bytes
  std::uint64_t length = 0;
  std::uint32_t key = 0;  // which of its page's keys
  static void fields(auto& self, auto&& field) {
    field(1, self.segment);
    field(2, self.offset);
    field(3, self.length);
    field(4, self.key);
  }
};
struct SlicePage {
  std::vector<WrappedKey> keys;
  std::vector<Slice> slices;
  static void fields(auto& self, auto&& field) {
    field(1, self.keys);
    field(2, self.slices);
  }
};
constexpr std::size_t kSlicesPerPage = 512;
std::uint64_t length_of(const SlicePage& page);
// Lays the slices of parts out in pages, the same way for the writer (who authenticates each page)
// and for the index.
std::vector<SlicePage> paginate(const std::vector<SlicePage>& parts);

// What a listing needs of the current version of a key.
struct ListRow {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t size = 0;
  WallTime modified;
  VersionId version;
  Bytes sealed_summary;  // ETag and the like, sealed by the gateway
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.size);
    field(2, self.modified);
    field(3, self.version);
    field(4, self.sealed_summary);
  }
};

struct VersionRecord {
  static constexpr std::uint8_t kFormat = 1;
  VersionId id;
  std::uint64_t size = 0;
  WallTime modified;
  Bytes sealed_attributes;
  Bytes context;            // what the page MACs and an inline body are bound to
  WrappedKey key;           // of the MACs and of an inline body
  bool is_inline = false;   // the body is a row of its own
  std::uint32_t pages = 0;  // 1: `page`; more: rows of their own
  std::optional<SlicePage> page;
  std::vector<Bytes> page_macs;
  bool versioned = false;  // has an id of its own to the outside; else it is the null version
  bool marker = false;     // says that the key was deleted; without a body
  // Where the list row does not hold it: of versions with an id and of all that are not current.
  Bytes sealed_summary;
  Bytes sealed_tags;
  ObjectLock lock;
  Payment payment;
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.size);
    field(3, self.modified);
    field(4, self.sealed_attributes);
    field(5, self.context);
    field(6, self.key);
    field(7, self.is_inline);
    field(8, self.pages);
    field(9, self.page);
    field(10, self.page_macs);
    field(11, self.versioned);
    field(12, self.marker);
    field(13, self.sealed_summary);
    field(14, self.sealed_tags);
    field(15, self.lock);
    field(16, self.payment);
  }
};

}  // namespace stratos::meta
