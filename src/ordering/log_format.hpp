// Bytes of the ordering log: docs/formats/ordering-log.md. Pure functions over foreign bytes.
#pragma once
#include "ordering/state_machine.hpp"

namespace stratos::ordering {

constexpr std::size_t kFileHeaderBytes = 128;
constexpr std::size_t kBlockHeaderBytes = 112;
constexpr std::size_t kBlockAlignment = 16;
constexpr std::size_t kMaxPayloadBytes = 64 << 20;

struct FileHeader {
  std::uint64_t salt = 0;
  Height first;
  Hash previous;  // hash of the block before the first
  Hash network;
};
Hash network_hash(std::string_view network);
Bytes encode_file_header(const FileHeader& header);
// Errc::log_corrupt, Errc::unknown_format.
Result<FileHeader> decode_file_header(ByteView bytes);
// Of a header that was decoded.
std::uint8_t format_of(ByteView file_header);

// A block and the state its proposer had last applied.
struct LoggedBlock {
  Block block;
  Height root_height;
  Hash root;
};
struct EncodedBlock {
  Bytes bytes;  // padded to kBlockAlignment
  Hash hash;
};
// Bytes that an entry takes in a payload.
constexpr std::size_t entry_size(std::size_t entry_bytes) { return 4 + entry_bytes; }
EncodedBlock encode_block(const LoggedBlock& block, const Hash& previous, std::uint64_t salt);

struct BlockHeader {
  std::uint32_t crc = 0;
  std::uint32_t payload_bytes = 0;
  Height height;
  WallTime time;
  Height root_height;
  Hash root;
  Hash previous;
  std::uint32_t entries = 0;

  // Of the whole record, padding included.
  std::size_t record_bytes() const {
    return (kBlockHeaderBytes + payload_bytes + kBlockAlignment - 1) / kBlockAlignment *
           kBlockAlignment;
  }
};
// Reads kBlockHeaderBytes; nothing is verified but magic, format and bounds.
Result<BlockHeader> decode_block_header(ByteView bytes);

struct DecodedBlock {
  LoggedBlock block;
  Hash previous;  // hash of the block before
  Hash hash;
};
// `record` begins with the header; Errc::log_corrupt when checksum or structure do not fit.
Result<DecodedBlock> decode_block(ByteView record, std::uint64_t salt);

Bytes encode_flushed(Height height);
Result<Height> decode_flushed(ByteView bytes);

}  // namespace stratos::ordering
