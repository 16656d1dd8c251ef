#include "ordering/backup_files.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "codec/record.hpp"
#include "crypto/hash.hpp"

namespace stratos::ordering {
namespace {

constexpr std::string_view kMagic = "SBKP";
constexpr std::uint8_t kFormat = 1;
constexpr std::string_view kPurpose = "stratos.backup.v1";
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHeaderBytes = 4 + 1 + kSaltBytes;
constexpr std::size_t kBlocksFileTarget = 4 << 20;  // of entries
constexpr Duration kSealCost = 2ms;

struct StoredBlock {
  Height height;
  WallTime time;
  std::vector<Bytes> entries;
  Hash root;
  static void fields(auto& self, auto&& field) {
    field(1, self.height);
    field(2, self.time);
    field(3, self.entries);
    field(4, self.root);
  }
};
struct StoredBlocks {
  static constexpr std::uint8_t kFormat = 1;
  std::vector<StoredBlock> blocks;
  static void fields(auto& self, auto&& field) { field(1, self.blocks); }
};
struct StoredSnapshot {
  static constexpr std::uint8_t kFormat = 1;
  Height height;
  std::uint32_t format = 0;
  std::uint32_t chunks = 0;
  Hash hash;
  static void fields(auto& self, auto&& field) {
    field(1, self.height);
    field(2, self.format);
    field(3, self.chunks);
    field(4, self.hash);
  }
};

std::string hex(std::uint64_t number) {
  Bytes bytes;
  put_be(bytes, number);
  return to_hex(bytes);
}
std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (text.size() != 16 || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

std::string chunk_name(const SnapshotFile& file) {
  return "snapshot-" + hex(file.height.value) + "-" + hex(file.chunk);
}
std::string done_name(Height height) { return "snapshot-" + hex(height.value) + "-done"; }
std::string blocks_name(const BlocksFile& file) {
  return "blocks-" + hex(file.first.value) + "-" + hex(file.last.value);
}

// "KIND-<16 hex>-REST" taken apart.
struct Name {
  std::string_view kind;
  std::uint64_t first = 0;
  std::string_view rest;
};
std::optional<Name> parse_name(std::string_view name) {
  const std::size_t dash = name.find('-');
  if (dash == name.npos || name.size() < dash + 18 || name[dash + 17] != '-') return std::nullopt;
  const auto first = parse_hex(name.substr(dash + 1, 16));
  if (!first) return std::nullopt;
  return Name{name.substr(0, dash), *first, name.substr(dash + 18)};
}

}  // namespace

Task<Result<BackupListing>> BackupFiles::list() {
  STRATOS_CO_TRY(const std::vector<std::string> names, co_await place_->list());
  BackupListing listing;
  std::map<std::uint64_t, std::vector<std::string>> chunks;
  for (const std::string& name : names) {
    const auto parsed = parse_name(name);
    if (!parsed) continue;
    const auto second = parse_hex(parsed->rest);
    if (parsed->kind == "blocks" && second) {
      listing.blocks.push_back({Height(parsed->first), Height(*second)});
    } else if (parsed->kind == "snapshot" && parsed->rest == "done") {
      listing.snapshots.emplace_back(parsed->first);
    } else if (parsed->kind == "snapshot" && second) {
      chunks[parsed->first].push_back(name);
    }
  }
  for (auto& [height, of_one] : chunks) {
    if (std::ranges::count(listing.snapshots, Height(height)) != 0) continue;
    std::ranges::move(of_one, std::back_inserter(listing.unfinished));
  }
  co_return listing;
}

Bytes BackupFiles::seal(const std::string& name, ByteView plain) {
  Bytes salt(kSaltBytes);
  random_.fill(salt);
  const crypto::SecretKey key(crypto::hkdf_sha256(key_.view(), salt, as_bytes(kPurpose)));
  const std::string bound = network_ + "/" + name;
  Bytes file = to_bytes(as_bytes(kMagic));
  file.push_back(kFormat);
  append(file, salt);
  append(file, crypto::seal_with_random_nonce(key, random_, as_bytes(bound), plain));
  return file;
}

Result<Bytes> BackupFiles::unseal(const std::string& name, ByteView file) const {
  if (file.size() < kHeaderBytes || as_text(file.first(kMagic.size())) != kMagic) {
    return fail(Errc::corrupt_file, name + " is no file of a backup");
  }
  if (file[kMagic.size()] != kFormat) return fail(Errc::unknown_format, name);
  const ByteView salt = file.subspan(kMagic.size() + 1, kSaltBytes);
  const crypto::SecretKey key(crypto::hkdf_sha256(key_.view(), salt, as_bytes(kPurpose)));
  const std::string bound = network_ + "/" + name;
  return crypto::open_with_nonce(key, as_bytes(bound), file.subspan(kHeaderBytes));
}

Task<Result<void>> BackupFiles::write(std::string name, Bytes plain) {
  auto work = [this, name, plain = std::move(plain)] { return seal(name, plain); };
  Bytes file = co_await runtime_.offload(std::move(work), kSealCost);
  co_return co_await place_->write(std::move(name), std::move(file));
}

Task<Result<Bytes>> BackupFiles::read(std::string name) {
  Bytes plain;
  BackupPlace::Accept accept = [this, &name, &plain](ByteView file) -> Result<void> {
    STRATOS_TRY(plain, unseal(name, file));
    return {};
  };
  STRATOS_CO_CHECK(co_await place_->read(name, std::move(accept)));
  co_return plain;
}

Task<Result<void>> BackupFiles::write_chunk(SnapshotFile file, Bytes chunk) {
  return write(chunk_name(file), std::move(chunk));
}

Task<Result<void>> BackupFiles::finish_snapshot(Snapshot snapshot) {
  const StoredSnapshot stored{snapshot.height, snapshot.format, snapshot.chunks, snapshot.hash};
  return write(done_name(snapshot.height), codec::encode(stored));
}

Task<Result<Snapshot>> BackupFiles::read_snapshot(Height height) {
  STRATOS_CO_TRY(const Bytes plain, co_await read(done_name(height)));
  STRATOS_CO_TRY(const StoredSnapshot stored, codec::decode<StoredSnapshot>(plain));
  co_return Snapshot{stored.height, stored.format, stored.chunks, stored.hash};
}

Task<Result<Bytes>> BackupFiles::read_chunk(SnapshotFile file) { return read(chunk_name(file)); }

Task<Result<void>> BackupFiles::write_blocks(std::vector<RecordedBlock> blocks) {
  std::size_t at = 0;
  while (at < blocks.size()) {
    StoredBlocks stored;
    const Height first = blocks[at].block.height;
    std::size_t bytes = 0;
    for (; at < blocks.size() && bytes < kBlocksFileTarget; ++at) {
      Block& block = blocks[at].block;
      for (const Bytes& entry : block.entries) bytes += entry.size();
      stored.blocks.push_back(
          {block.height, block.time, std::move(block.entries), blocks[at].root});
    }
    std::string name = blocks_name({first, stored.blocks.back().height});
    STRATOS_CO_CHECK(co_await write(std::move(name), codec::encode(stored)));
  }
  co_return Result<void>{};
}

Task<Result<std::vector<RecordedBlock>>> BackupFiles::read_blocks(BlocksFile file) {
  STRATOS_CO_TRY(const Bytes plain, co_await read(blocks_name(file)));
  STRATOS_CO_TRY(StoredBlocks stored, codec::decode<StoredBlocks>(plain));
  std::vector<RecordedBlock> blocks;
  for (StoredBlock& block : stored.blocks) {
    blocks.push_back({{block.height, block.time, std::move(block.entries)}, block.root});
  }
  co_return blocks;
}

// First what makes it count: half a snapshot must not be listed.
Task<Result<void>> BackupFiles::remove_snapshot(Height height) {
  const auto snapshot = co_await read_snapshot(height);
  const bool is_bad = !snapshot && place_->is_trusted();
  if (is_bad) co_return fail(snapshot.error());
  STRATOS_CO_CHECK(co_await place_->remove(done_name(height)));
  // Chunks of one that cannot be read are unfinished from now on, and go with the next pruning.
  const std::uint32_t chunks = snapshot ? snapshot->chunks : 0;
  for (std::uint32_t chunk = 0; chunk < chunks; ++chunk) {
    std::string name = chunk_name(SnapshotFile{height, chunk});
    STRATOS_CO_CHECK(co_await place_->remove(std::move(name)));
  }
  co_return Result<void>{};
}

Task<Result<void>> BackupFiles::prune(std::size_t snapshots) {
  STRATOS_CO_TRY(const BackupListing listing, co_await list());
  for (const std::string& name : listing.unfinished) {
    STRATOS_CO_CHECK(co_await place_->remove(name));
  }
  if (listing.snapshots.size() > snapshots) {
    const Height oldest = *(listing.snapshots.end() - static_cast<std::ptrdiff_t>(snapshots));
    for (const Height height : listing.snapshots) {
      if (height >= oldest) break;
      STRATOS_CO_CHECK(co_await remove_snapshot(height));
    }
    for (const BlocksFile& file : listing.blocks) {
      if (file.last > oldest) continue;
      std::string name = blocks_name(file);
      STRATOS_CO_CHECK(co_await place_->remove(std::move(name)));
    }
  }
  co_return co_await place_->tidy();
}

}  // namespace stratos::ordering
