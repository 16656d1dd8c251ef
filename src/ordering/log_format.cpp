#include "ordering/log_format.hpp"

#include "base/assert.hpp"
#include "crypto/hash.hpp"

namespace stratos::ordering {
namespace {

constexpr std::string_view kFileMagic = "SLOG";
constexpr std::string_view kBlockMagic = "SBLK";
constexpr std::string_view kFlushedMagic = "SFLH";
constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kCrcOffset = 8;

bool begins_with(ByteView bytes, std::string_view magic) {
  return as_text(bytes.first(magic.size())) == magic;
}

void put(std::uint8_t* at, ByteView bytes) { std::memcpy(at, bytes.data(), bytes.size()); }

Hash hash_at(const std::uint8_t* at) {
  Hash hash;
  std::memcpy(hash.value.data(), at, Hash::kSize);
  return hash;
}

// The checksum's own field counts as zero.
std::uint32_t block_crc(ByteView header_and_payload, std::uint64_t salt) {
  constexpr std::array<std::uint8_t, 4> kZero{};
  std::array<std::uint8_t, 8> salt_bytes;
  store_le(salt_bytes.data(), salt);
  std::uint32_t crc = crypto::crc32c(salt_bytes);
  crc = crypto::crc32c(header_and_payload.first(kCrcOffset), crc);
  crc = crypto::crc32c(kZero, crc);
  return crypto::crc32c(header_and_payload.subspan(kCrcOffset + 4), crc);
}

Result<std::vector<Bytes>> decode_entries(ByteView payload, std::uint32_t count) {
  std::vector<Bytes> entries;
  while (!payload.empty()) {
    if (payload.size() < 4) return fail(Errc::log_corrupt, "entry length cut off");
    const auto size = load_le<std::uint32_t>(payload.data());
    payload = payload.subspan(4);
    if (size > payload.size()) return fail(Errc::log_corrupt, "entry longer than its block");
    entries.push_back(to_bytes(payload.first(size)));
    payload = payload.subspan(size);
  }
  if (entries.size() != count) return fail(Errc::log_corrupt, "block with another entry count");
  return entries;
}

}  // namespace

Hash network_hash(std::string_view network) {
  Bytes message = to_bytes(as_bytes("stratos.ordering.network.v1"));
  append(message, as_bytes(network));
  return crypto::blake3(message);
}

Bytes encode_file_header(const FileHeader& header) {
  Bytes out(kFileHeaderBytes, 0);
  put(out.data(), as_bytes(kFileMagic));
  out[4] = kFormat;
  store_le(out.data() + 8, header.salt);
  store_le(out.data() + 16, header.first.value);
  put(out.data() + 24, header.previous.view());
  put(out.data() + 56, header.network.view());
  store_le(out.data() + 124, crypto::crc32c(ByteView(out).first(124)));
  return out;
}

Result<FileHeader> decode_file_header(ByteView bytes) {
  if (bytes.size() < kFileHeaderBytes || !begins_with(bytes, kFileMagic)) {
    return fail(Errc::log_corrupt, "not a log file");
  }
  if (crypto::crc32c(bytes.first(124)) != load_le<std::uint32_t>(bytes.data() + 124)) {
    return fail(Errc::log_corrupt, "log file header fails its checksum");
  }
  if (bytes[4] != kFormat) {
    return fail(Errc::unknown_format, "log file of format " + std::to_string(bytes[4]));
  }
  FileHeader header;
  header.salt = load_le<std::uint64_t>(bytes.data() + 8);
  header.first = Height(load_le<std::uint64_t>(bytes.data() + 16));
  header.previous = hash_at(bytes.data() + 24);
  header.network = hash_at(bytes.data() + 56);
  return header;
}

std::uint8_t format_of(ByteView file_header) { return file_header[4]; }

EncodedBlock encode_block(const LoggedBlock& logged, const Hash& previous, std::uint64_t salt) {
  std::size_t payload = 0;
  for (const Bytes& entry : logged.block.entries) payload += entry_size(entry.size());
  STRATOS_ASSERT(payload <= kMaxPayloadBytes, "block larger than its format");

  EncodedBlock out;
  const std::size_t size = kBlockHeaderBytes + payload;
  out.bytes.resize((size + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment);
  std::uint8_t* const at = out.bytes.data();
  put(at, as_bytes(kBlockMagic));
  at[4] = kFormat;
  store_le(at + 12, static_cast<std::uint32_t>(payload));
  store_le(at + 16, logged.block.height.value);
  store_le(at + 24, logged.block.time.ms);
  store_le(at + 32, logged.root_height.value);
  put(at + 40, logged.root.view());
  put(at + 72, previous.view());
  store_le(at + 104, static_cast<std::uint32_t>(logged.block.entries.size()));
  std::uint8_t* next = at + kBlockHeaderBytes;
  for (const Bytes& entry : logged.block.entries) {
    store_le(next, static_cast<std::uint32_t>(entry.size()));
    if (!entry.empty()) std::memcpy(next + 4, entry.data(), entry.size());
    next += entry_size(entry.size());
  }
  const ByteView record = ByteView(out.bytes).first(size);
  store_le(at + kCrcOffset, block_crc(record, salt));
  out.hash = crypto::blake3(record);
  return out;
}

Result<BlockHeader> decode_block_header(ByteView bytes) {
  if (bytes.size() < kBlockHeaderBytes || !begins_with(bytes, kBlockMagic)) {
    return fail(Errc::log_corrupt, "no block here");
  }
  if (bytes[4] != kFormat) {
    return fail(Errc::unknown_format, "block of format " + std::to_string(bytes[4]));
  }
  const std::uint8_t* const at = bytes.data();
  BlockHeader header;
  header.crc = load_le<std::uint32_t>(at + kCrcOffset);
  header.payload_bytes = load_le<std::uint32_t>(at + 12);
  header.height = Height(load_le<std::uint64_t>(at + 16));
  header.time.ms = load_le<std::int64_t>(at + 24);
  header.root_height = Height(load_le<std::uint64_t>(at + 32));
  header.root = hash_at(at + 40);
  header.previous = hash_at(at + 72);
  header.entries = load_le<std::uint32_t>(at + 104);
  if (header.payload_bytes > kMaxPayloadBytes) return fail(Errc::log_corrupt, "block too large");
  return header;
}

Result<DecodedBlock> decode_block(ByteView record, std::uint64_t salt) {
  STRATOS_TRY(const BlockHeader header, decode_block_header(record));
  const std::size_t size = kBlockHeaderBytes + header.payload_bytes;
  if (record.size() < size) return fail(Errc::log_corrupt, "block cut off");
  record = record.first(size);
  if (block_crc(record, salt) != header.crc) {
    return fail(Errc::log_corrupt, "block fails its checksum");
  }
  DecodedBlock out;
  out.block.block.height = header.height;
  out.block.block.time = header.time;
  STRATOS_TRY(out.block.block.entries,
              decode_entries(record.subspan(kBlockHeaderBytes), header.entries));
  out.block.root_height = header.root_height;
  out.block.root = header.root;
  out.previous = header.previous;
  out.hash = crypto::blake3(record);
  return out;
}

Bytes encode_flushed(Height height) {
  Bytes out(16, 0);
  put(out.data(), as_bytes(kFlushedMagic));
  store_le(out.data() + 4, height.value);
  store_le(out.data() + 12, crypto::crc32c(ByteView(out).first(12)));
  return out;
}

Result<Height> decode_flushed(ByteView bytes) {
  if (bytes.size() != 16 || !begins_with(bytes, kFlushedMagic) ||
      crypto::crc32c(bytes.first(12)) != load_le<std::uint32_t>(bytes.data() + 12)) {
    return fail(Errc::log_corrupt, "the file `flushed` is damaged");
  }
  return Height(load_le<std::uint64_t>(bytes.data() + 4));
}

}  // namespace stratos::ordering
