// Bytes of volume files: docs/formats/volume.md. Pure functions over bytes that a disk returned.
#pragma once
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "crypto/hash.hpp"

namespace stratos::resource {

constexpr std::uint32_t kBlockBytes = 4096;
constexpr std::uint32_t kRecordHeaderBytes = 128;
// Longer extents begin on a block of their own.
constexpr std::uint32_t kInlineDataBytes = 64 * 1024;
constexpr std::uint64_t kMaxFragmentBytes = 80 << 20;
constexpr std::uint32_t kMaxDataBytes = 1 << 20;
constexpr std::uint32_t kMaxRecordBytes = 2 << 20;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// A place in a store: volume, then byte.
struct Place {
  std::uint32_t volume = 0;
  std::uint64_t position = 0;
  friend constexpr auto operator<=>(const Place&, const Place&) = default;
};

struct VolumeHeader {
  std::uint32_t number = 0;
  std::uint64_t salt = 0;
  std::uint8_t format = 1;
};
// One block, which holds the header twice.
Bytes encode_volume_header(const VolumeHeader& header);
// From either copy. Errc::corrupt_file, Errc::unknown_format.
Result<VolumeHeader> decode_volume_header(ByteView block);

// Where the parts of a record lie, counted from its start.
struct RecordLayout {
  std::uint32_t data_at = 0;
  std::uint32_t seal_at = 0;
  std::uint32_t record_bytes = 0;  // a multiple of kBlockBytes
};
RecordLayout plan_record(std::uint32_t data_bytes, std::uint32_t seal_bytes);

struct RecordHeader {
  FragmentId fragment;
  ZoneId zone;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::uint64_t offset = 0;  // of the data within the fragment
  std::uint32_t data_bytes = 0;
  std::uint32_t seal_bytes = 0;  // 0: the record does not seal
  RecordLayout layout;
  std::uint64_t position = 0;  // of the record in its volume
  // Everything before this place was durable when the record was written.
  Place durable;
};
// Writes kRecordHeaderBytes.
void encode_record_header(const RecordHeader& header, std::uint64_t salt, MutableByteView out);
// Errc::corrupt_file unless a valid header of this volume stands here, written for `position`.
Result<RecordHeader> decode_record_header(ByteView bytes, std::uint64_t salt,
                                          std::uint64_t position);

// What closes a fragment.
struct Seal {
  std::uint64_t length = 0;
  Hash root;
  WallTime lease_until;
  std::vector<crypto::ChainingValue> groups;  // empty for a single group
};
std::uint32_t seal_size(std::uint64_t length);
// Writes seal_size(seal.length) bytes.
void encode_seal(const Seal& seal, std::uint64_t salt, MutableByteView out);
Result<Seal> decode_seal(ByteView bytes, std::uint64_t salt);

}  // namespace stratos::resource
