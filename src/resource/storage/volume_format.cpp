#include "resource/storage/volume_format.hpp"

#include "base/assert.hpp"

namespace stratos::resource {
namespace {

constexpr std::string_view kVolumeMagic = "SVOL";
constexpr std::string_view kRecordMagic = "SREC";
constexpr std::uint8_t kFormat = 1;
constexpr std::uint32_t kSealHeadBytes = 56;
constexpr std::size_t kRecordCrcOffset = 8;
constexpr std::size_t kVolumeHeaderBytes = 64;
constexpr std::size_t kVolumeCrcOffset = 60;
constexpr std::size_t kVolumeCopyOffset = kBlockBytes / 2;

void put(std::uint8_t* at, ByteView bytes) { std::memcpy(at, bytes.data(), bytes.size()); }

bool begins_with(ByteView bytes, std::string_view magic) {
  return as_text(bytes.first(magic.size())) == magic;
}

// Over salt and bytes, with the four bytes at `crc_offset` as zero.
std::uint32_t salted_crc(ByteView bytes, std::size_t crc_offset, std::uint64_t salt) {
  constexpr std::array<std::uint8_t, 4> kZero{};
  std::array<std::uint8_t, 8> salt_bytes;
  store_le(salt_bytes.data(), salt);
  std::uint32_t crc = crypto::crc32c(salt_bytes);
  crc = crypto::crc32c(bytes.first(crc_offset), crc);
  crc = crypto::crc32c(kZero, crc);
  return crypto::crc32c(bytes.subspan(crc_offset + 4), crc);
}

std::uint64_t groups_of(std::uint64_t length) {
  return length <= crypto::kGroupBytes ? 0
                                       : (length + crypto::kGroupBytes - 1) / crypto::kGroupBytes;
}

std::unexpected<Error> corrupt(std::string what) {
  return fail(Errc::corrupt_file, std::move(what));
}

Result<VolumeHeader> decode_header(ByteView bytes) {
  if (bytes.size() < kVolumeHeaderBytes || !begins_with(bytes, kVolumeMagic)) {
    return corrupt("not a volume");
  }
  const auto crc = load_le<std::uint32_t>(bytes.data() + kVolumeCrcOffset);
  if (crypto::crc32c(bytes.first(kVolumeCrcOffset)) != crc) {
    return corrupt("volume header fails its checksum");
  }
  if (bytes[4] != kFormat) {
    return fail(Errc::unknown_format, "volume of format " + std::to_string(bytes[4]));
  }
  return VolumeHeader{load_le<std::uint32_t>(bytes.data() + 8),
                      load_le<std::uint64_t>(bytes.data() + 16), bytes[4]};
}

}  // namespace

Bytes encode_volume_header(const VolumeHeader& header) {
  Bytes out(kBlockBytes, 0);
  put(out.data(), as_bytes(kVolumeMagic));
  out[4] = kFormat;
  store_le(out.data() + 8, header.number);
  store_le(out.data() + 16, header.salt);
  store_le(out.data() + kVolumeCrcOffset, crypto::crc32c(ByteView(out).first(kVolumeCrcOffset)));
  std::copy_n(out.begin(), kVolumeHeaderBytes, out.begin() + kVolumeCopyOffset);
  return out;
}

Result<VolumeHeader> decode_volume_header(ByteView block) {
  Result<VolumeHeader> header = decode_header(block);
  const bool is_rotten = !header && header.error().code() == Errc::corrupt_file;
  if (!is_rotten || block.size() < kVolumeCopyOffset) return header;
  Result<VolumeHeader> copy = decode_header(block.subspan(kVolumeCopyOffset));
  return copy ? copy : header;
}

RecordLayout plan_record(std::uint32_t data_bytes, std::uint32_t seal_bytes) {
  RecordLayout layout;
  std::uint64_t end = 0;
  if (data_bytes <= kInlineDataBytes) {
    layout.data_at = kRecordHeaderBytes;
    layout.seal_at = static_cast<std::uint32_t>(round_up(layout.data_at + data_bytes, 8));
    end = layout.seal_at + seal_bytes;
  } else {
    layout.data_at = kBlockBytes;
    end = layout.data_at + data_bytes;
    const bool fits_before = kRecordHeaderBytes + seal_bytes <= kBlockBytes;
    layout.seal_at =
        fits_before ? kRecordHeaderBytes : static_cast<std::uint32_t>(round_up(end, 8));
    if (!fits_before) end = layout.seal_at + seal_bytes;
  }
  layout.record_bytes = static_cast<std::uint32_t>(round_up(end, kBlockBytes));
  return layout;
}

void encode_record_header(const RecordHeader& header, std::uint64_t salt, MutableByteView out) {
  STRATOS_ASSERT(out.size() >= kRecordHeaderBytes, "room for a record header");
  std::uint8_t* const at = out.data();
  std::memset(at, 0, kRecordHeaderBytes);
  put(at, as_bytes(kRecordMagic));
  at[4] = kFormat;
  at[5] = header.fragment.index;
  at[6] = header.k;
  at[7] = header.m;
  store_le(at + 12, header.zone.value);
  put(at + 16, header.fragment.segment.view());
  store_le(at + 32, header.offset);
  store_le(at + 40, header.position);
  store_le(at + 48, header.data_bytes);
  store_le(at + 52, header.seal_bytes);
  store_le(at + 56, header.durable.volume);
  store_le(at + 64, header.durable.position);
  store_le(at + kRecordCrcOffset,
           salted_crc(out.first(kRecordHeaderBytes), kRecordCrcOffset, salt));
}

Result<RecordHeader> decode_record_header(ByteView bytes, std::uint64_t salt,
                                          std::uint64_t position) {
  if (bytes.size() < kRecordHeaderBytes || !begins_with(bytes, kRecordMagic)) {
    return corrupt("no record here");
  }
  bytes = bytes.first(kRecordHeaderBytes);
  const std::uint8_t* const at = bytes.data();
  if (salted_crc(bytes, kRecordCrcOffset, salt) != load_le<std::uint32_t>(at + kRecordCrcOffset)) {
    return corrupt("record header fails its checksum");
  }
  if (at[4] != kFormat) return fail(Errc::unknown_format, "record of an unknown format");
  RecordHeader header;
  std::memcpy(header.fragment.segment.value.data(), at + 16, SegmentId::kSize);
  header.fragment.index = at[5];
  header.k = at[6];
  header.m = at[7];
  header.zone = ZoneId(load_le<std::uint32_t>(at + 12));
  header.offset = load_le<std::uint64_t>(at + 32);
  header.position = load_le<std::uint64_t>(at + 40);
  header.data_bytes = load_le<std::uint32_t>(at + 48);
  header.seal_bytes = load_le<std::uint32_t>(at + 52);
  header.durable = {load_le<std::uint32_t>(at + 56), load_le<std::uint64_t>(at + 64)};
  if (header.data_bytes > kMaxDataBytes || header.seal_bytes > kMaxRecordBytes ||
      header.offset > kMaxFragmentBytes) {
    return corrupt("record larger than its format");
  }
  header.layout = plan_record(header.data_bytes, header.seal_bytes);
  if (header.layout.record_bytes > kMaxRecordBytes || header.position != position) {
    return corrupt("record out of place");
  }
  return header;
}

std::uint32_t seal_size(std::uint64_t length) {
  STRATOS_ASSERT(length <= kMaxFragmentBytes, "fragment larger than its format");
  return static_cast<std::uint32_t>(kSealHeadBytes +
                                    groups_of(length) * sizeof(crypto::ChainingValue));
}

void encode_seal(const Seal& seal, std::uint64_t salt, MutableByteView out) {
  STRATOS_ASSERT(seal.groups.size() == groups_of(seal.length), "one chaining value per group");
  std::uint8_t* const at = out.data();
  std::memset(at, 0, kSealHeadBytes);
  store_le(at + 8, seal.length);
  store_le(at + 16, seal.lease_until.ms);
  put(at + 24, seal.root.view());
  std::uint8_t* next = at + kSealHeadBytes;
  for (const crypto::ChainingValue& group : seal.groups) {
    put(next, group);
    next += group.size();
  }
  store_le(at, salted_crc(out.first(seal_size(seal.length)), 0, salt));
}

Result<Seal> decode_seal(ByteView bytes, std::uint64_t salt) {
  if (bytes.size() < kSealHeadBytes) return corrupt("seal cut off");
  const std::uint8_t* const at = bytes.data();
  Seal seal;
  seal.length = load_le<std::uint64_t>(at + 8);
  if (seal.length > kMaxFragmentBytes || bytes.size() != seal_size(seal.length)) {
    return corrupt("seal of another length");
  }
  if (salted_crc(bytes, 0, salt) != load_le<std::uint32_t>(at)) {
    return corrupt("seal fails its checksum");
  }
  seal.lease_until.ms = load_le<std::int64_t>(at + 16);
  std::memcpy(seal.root.value.data(), at + 24, Hash::kSize);
  seal.groups.resize(groups_of(seal.length));
  for (std::size_t i = 0; i < seal.groups.size(); ++i) {
    std::memcpy(seal.groups[i].data(), at + kSealHeadBytes + i * 32, 32);
  }
  return seal;
}

}  // namespace stratos::resource
