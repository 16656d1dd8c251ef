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
constexpr std::uint64_t kMaxFileBytes = 128ULL << 20;

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

Result<std::unique_ptr<BackupFiles>> BackupFiles::open(io::FileSystem& fs, std::string folder,
                                                       std::string network, crypto::SecretKey key,
                                                       Random& random) {
  STRATOS_CHECK(fs.make_dirs(folder));
  std::unique_ptr<BackupFiles> files =
      for_reading(fs, std::move(folder), std::move(network), std::move(key), random);
  STRATOS_TRY(files->lock_, fs.lock(files->folder_));
  return files;
}

std::unique_ptr<BackupFiles> BackupFiles::for_reading(io::FileSystem& fs, std::string folder,
                                                      std::string network, crypto::SecretKey key,
                                                      Random& random) {
  return std::unique_ptr<BackupFiles>(
      new BackupFiles(fs, std::move(folder), std::move(network), std::move(key), random));
}

Result<BackupListing> BackupFiles::list() const {
  STRATOS_TRY(const std::vector<std::string> names, fs_.list(folder_));
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
  return listing;
}

Result<void> BackupFiles::write(const std::string& name, ByteView plain) {
  Bytes salt(kSaltBytes);
  random_.fill(salt);
  const crypto::SecretKey key(crypto::hkdf_sha256(key_.view(), salt, as_bytes(kPurpose)));
  const std::string bound = network_ + "/" + name;
  Bytes file = to_bytes(as_bytes(kMagic));
  file.push_back(kFormat);
  append(file, salt);
  append(file, crypto::seal_with_random_nonce(key, random_, as_bytes(bound), plain));
  return io::write_file_atomic(fs_, path_of(name), file);
}

Result<Bytes> BackupFiles::read(const std::string& name) const {
  STRATOS_TRY(const Bytes file, io::read_file(fs_, path_of(name), kMaxFileBytes));
  const ByteView view = file;
  if (view.size() < kHeaderBytes || as_text(view.first(kMagic.size())) != kMagic) {
    return fail(Errc::corrupt_file, name + " is no file of a backup");
  }
  if (view[kMagic.size()] != kFormat) return fail(Errc::unknown_format, name);
  const ByteView salt = view.subspan(kMagic.size() + 1, kSaltBytes);
  const crypto::SecretKey key(crypto::hkdf_sha256(key_.view(), salt, as_bytes(kPurpose)));
  const std::string bound = network_ + "/" + name;
  return crypto::open_with_nonce(key, as_bytes(bound), view.subspan(kHeaderBytes));
}

Result<void> BackupFiles::write_chunk(const SnapshotFile& file, ByteView chunk) {
  return write(chunk_name(file), chunk);
}

Result<void> BackupFiles::finish_snapshot(const Snapshot& snapshot) {
  const StoredSnapshot stored{snapshot.height, snapshot.format, snapshot.chunks, snapshot.hash};
  return write(done_name(snapshot.height), codec::encode(stored));
}

Result<Snapshot> BackupFiles::read_snapshot(Height height) const {
  STRATOS_TRY(const Bytes plain, read(done_name(height)));
  STRATOS_TRY(const StoredSnapshot stored, codec::decode<StoredSnapshot>(plain));
  return Snapshot{stored.height, stored.format, stored.chunks, stored.hash};
}

Result<Bytes> BackupFiles::read_chunk(const SnapshotFile& file) const {
  return read(chunk_name(file));
}

Result<void> BackupFiles::write_blocks(const std::vector<RecordedBlock>& blocks) {
  if (blocks.empty()) return {};
  StoredBlocks stored;
  for (const RecordedBlock& recorded : blocks) {
    const Block& block = recorded.block;
    stored.blocks.push_back({block.height, block.time, block.entries, recorded.root});
  }
  const BlocksFile file{blocks.front().block.height, blocks.back().block.height};
  return write(blocks_name(file), codec::encode(stored));
}

Result<std::vector<RecordedBlock>> BackupFiles::read_blocks(const BlocksFile& file) const {
  STRATOS_TRY(const Bytes plain, read(blocks_name(file)));
  STRATOS_TRY(StoredBlocks stored, codec::decode<StoredBlocks>(plain));
  std::vector<RecordedBlock> blocks;
  for (StoredBlock& block : stored.blocks) {
    blocks.push_back({{block.height, block.time, std::move(block.entries)}, block.root});
  }
  return blocks;
}

Result<void> BackupFiles::prune(std::size_t snapshots) {
  STRATOS_TRY(const BackupListing listing, list());
  for (const std::string& name : listing.unfinished) STRATOS_CHECK(fs_.remove(path_of(name)));
  if (listing.snapshots.size() <= snapshots) return {};
  const Height oldest = *(listing.snapshots.end() - static_cast<std::ptrdiff_t>(snapshots));
  for (const Height height : listing.snapshots) {
    if (height >= oldest) break;
    STRATOS_TRY(const Snapshot snapshot, read_snapshot(height));
    // First what makes it count: half a snapshot must not be listed.
    STRATOS_CHECK(fs_.remove(path_of(done_name(height))));
    for (std::uint32_t chunk = 0; chunk < snapshot.chunks; ++chunk) {
      STRATOS_CHECK(fs_.remove(path_of(chunk_name({height, chunk}))));
    }
  }
  for (const BlocksFile& file : listing.blocks) {
    if (file.last <= oldest) STRATOS_CHECK(fs_.remove(path_of(blocks_name(file))));
  }
  return fs_.sync_dir(folder_);
}

}  // namespace stratos::ordering
