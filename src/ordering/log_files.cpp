#include "ordering/log_files.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "crypto/hash.hpp"

namespace stratos::ordering {
namespace {

constexpr std::string_view kPrefix = "log-";
constexpr std::string_view kFlushedName = "flushed";
constexpr std::uint64_t kZeroStep = 256 * 1024;
// Larger blocks do not repay writing zeros first.
constexpr std::size_t kZeroAheadUpTo = 64 * 1024;
constexpr std::size_t kWindowBytes = 1 << 20;

std::optional<Height> height_of_name(std::string_view name) {
  if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + 16) return std::nullopt;
  const auto bytes = from_hex(name.substr(kPrefix.size()));
  if (!bytes) return std::nullopt;
  return Height(get_be<std::uint64_t>(*bytes));
}

Result<Bytes> read_range(const io::File& file, std::uint64_t offset, std::size_t length) {
  Bytes out(length);
  STRATOS_TRY(const std::size_t got, file.read(offset, out));
  out.resize(got);
  return out;
}

std::uint64_t derive_salt(std::uint64_t seed, Height first) {
  Bytes message = to_bytes(as_bytes("stratos.ordering.salt.v1"));
  put_be(message, seed);
  put_be(message, first.value);
  return load_le<std::uint64_t>(crypto::blake3(message).value.data());
}

std::unexpected<Error> corrupt(const std::string& what, Height after) {
  return fail(Errc::log_corrupt, what + " after height " + std::to_string(after.value));
}

}  // namespace

LogFiles::LogFiles(io::FileSystem& fs, std::string folder, LogFilesOptions options)
    : fs_(fs), folder_(std::move(folder)), options_(std::move(options)) {}
LogFiles::~LogFiles() = default;

Result<std::unique_ptr<LogFiles>> LogFiles::open(io::FileSystem& fs, std::string folder,
                                                 LogFilesOptions options) {
  std::unique_ptr<LogFiles> log(new LogFiles(fs, std::move(folder), std::move(options)));
  STRATOS_CHECK(fs.make_dirs(log->folder_));
  STRATOS_TRY(log->lock_, fs.lock(log->folder_));
  STRATOS_CHECK(log->load());
  return log;
}

Result<std::set<std::uint8_t>> LogFiles::stored_formats(io::FileSystem& fs,
                                                        const std::string& folder) {
  std::set<std::uint8_t> formats;
  STRATOS_TRY(const auto names, fs.list(folder));
  for (const std::string& name : names) {
    if (!height_of_name(name)) continue;
    STRATOS_TRY(const auto file, fs.open(folder + "/" + name, io::OpenMode::read));
    STRATOS_TRY(const Bytes header, read_range(*file, 0, kFileHeaderBytes));
    // Begun as the power failed.
    if (std::ranges::all_of(header, [](std::uint8_t byte) { return byte == 0; })) continue;
    STRATOS_CHECK(decode_file_header(header));
    formats.insert(format_of(header));
  }
  return formats;
}

std::string LogFiles::path_of(Height first) const {
  Bytes name;
  put_be(name, first.value);
  return folder_ + "/" + std::string(kPrefix) + to_hex(name);
}

std::size_t LogFiles::file_count() const {
  const std::lock_guard lock(files_mutex_);
  return files_.size();
}

Result<void> LogFiles::load_flushed() {
  const std::string path = folder_ + "/" + std::string(kFlushedName);
  if (!fs_.exists(path)) return {};
  STRATOS_TRY(const Bytes bytes, io::read_file(fs_, path, 64));
  STRATOS_TRY(flushed_, decode_flushed(bytes));
  return {};
}

Result<void> LogFiles::load() {
  STRATOS_CHECK(load_flushed());
  STRATOS_TRY(const auto names, fs_.list(folder_));
  for (const std::string& name : names) {
    if (const auto first = height_of_name(name)) files_.push_back(*first);
  }
  if (flushed_ > options_.state_height) {
    return fail(Errc::log_corrupt, "the state is older than what was recorded as durable");
  }
  STRATOS_CHECK(drop_headless_tail());
  if (files_.empty()) {
    if (!options_.start_at_state && options_.state_height.value != 0) {
      return fail(Errc::log_corrupt, "there is a state but no log");
    }
    last_ = options_.state_height;
    last_hash_ = network_hash(options_.network);
    STRATOS_CHECK(create_file(Height(last_.value + 1)));
    reading_ = false;
    return {};
  }
  // A crash may have undone some removals of files below the flushed height.
  while (files_.size() > 1 && files_[1].value <= flushed_.value + 1) {
    STRATOS_CHECK(fs_.remove(path_of(files_.front())));
    files_.erase(files_.begin());
  }
  if (files_[0].value > options_.state_height.value + 1) {
    return fail(Errc::log_corrupt, "the log begins above the state");
  }
  return open_for_reading(0);
}

// The header is durable before the first block, so a file without one holds nothing.
Result<void> LogFiles::drop_headless_tail() {
  if (files_.empty()) return {};
  const std::string path = path_of(files_.back());
  STRATOS_TRY(file_, fs_.open(path, io::OpenMode::read_write));
  STRATOS_TRY(const Bytes header, read_range(*file_, 0, kFileHeaderBytes));
  if (const auto decoded = decode_file_header(header); decoded) return {};
  STRATOS_TRY(const std::uint64_t size, file_->size());
  STRATOS_TRY(const bool empty, zeros_follow(kFileHeaderBytes, size));
  if (!empty) return {};  // refused when it is read
  file_.reset();
  log::warn("ordering.headless_file_removed", {{"path", path}});
  STRATOS_CHECK(fs_.remove(path));
  STRATOS_CHECK(fs_.sync_dir(folder_));
  files_.pop_back();
  return {};
}

Result<void> LogFiles::open_for_reading(std::size_t index) {
  current_ = index;
  STRATOS_TRY(file_, fs_.open(path_of(files_[index]), io::OpenMode::read_write));
  STRATOS_TRY(const Bytes bytes, read_range(*file_, 0, kFileHeaderBytes));
  STRATOS_TRY(const FileHeader header, decode_file_header(bytes));
  if (header.network != network_hash(options_.network)) {
    return fail(Errc::bad_config, "the log belongs to another network");
  }
  if (header.first != files_[index]) return fail(Errc::log_corrupt, "log file under a wrong name");
  if (index == 0) {
    last_ = Height(header.first.value - 1);
    last_hash_ = header.previous;
  }
  if (header.first.value != last_.value + 1 || header.previous != last_hash_) {
    return corrupt("a log file is missing", last_);
  }
  salt_ = header.salt;
  position_ = kFileHeaderBytes;
  last_record_ = kFileHeaderBytes;
  return {};
}

Result<std::vector<DecodedBlock>> LogFiles::read_next(std::size_t bytes) {
  std::vector<DecodedBlock> blocks;
  std::size_t used = 0;
  while (reading_ && used < bytes) {
    const std::uint64_t before = position_;
    STRATOS_TRY(std::optional<DecodedBlock> decoded, read_block());
    if (!decoded) {
      STRATOS_CHECK(end_of_file());
      continue;
    }
    STRATOS_CHECK(check_chain(*decoded));
    last_ = decoded->block.block.height;
    last_hash_ = decoded->hash;
    last_record_ = before;
    used += position_ - before;
    blocks.push_back(std::move(*decoded));
  }
  return blocks;
}

// nullopt when no valid record stands at position_.
Result<std::optional<DecodedBlock>> LogFiles::read_block() {
  std::optional<DecodedBlock> none;
  STRATOS_TRY(const Bytes head, read_range(*file_, position_, kBlockHeaderBytes));
  const auto header = decode_block_header(head);
  if (!header) return none;
  STRATOS_TRY(const Bytes record, read_range(*file_, position_, header->record_bytes()));
  auto decoded = decode_block(record, salt_);
  if (!decoded) return none;
  position_ += header->record_bytes();
  return std::optional<DecodedBlock>(std::move(*decoded));
}

Result<void> LogFiles::check_chain(const DecodedBlock& decoded) const {
  if (decoded.block.block.height.value != last_.value + 1) return corrupt("a gap", last_);
  if (decoded.previous != last_hash_) return corrupt("a block of another log", last_);
  return {};
}

Result<void> LogFiles::end_of_file() {
  STRATOS_TRY(const std::uint64_t size, file_->size());
  STRATOS_TRY(const bool clean, zeros_follow(position_, size));
  if (current_ + 1 < files_.size()) {
    if (!clean) return corrupt("a damaged block", last_);
    return open_for_reading(current_ + 1);
  }
  if (last_ < options_.state_height)
    return corrupt("the state is ahead: blocks are missing", last_);
  if (!clean) {
    STRATOS_TRY(const bool valid, valid_block_follows(position_, size));
    if (valid) return corrupt("a damaged block", last_);
    log::warn("ordering.torn_tail_cut", {{"height", last_.value}, {"bytes", size - position_}});
    STRATOS_CHECK(file_->truncate(position_));
  }
  STRATOS_CHECK(make_tail_durable(clean ? std::max(size, position_) : position_));
  reading_ = false;
  return {};
}

// What was read may so far stand in the page cache only: after a failed sync, or when the process
// died before one. Writing it again makes the next sync cover it.
Result<void> LogFiles::make_tail_durable(std::uint64_t size) {
  STRATOS_TRY(const Bytes header, read_range(*file_, 0, kFileHeaderBytes));
  STRATOS_CHECK(file_->write(0, header));
  if (last_record_ < position_) {
    STRATOS_TRY(const Bytes record, read_range(*file_, last_record_, position_ - last_record_));
    STRATOS_CHECK(file_->write(last_record_, record));
  }
  STRATOS_CHECK(file_->sync());
  STRATOS_CHECK(fs_.sync_dir(folder_));
  zeroed_to_ = size;
  return {};
}

Result<bool> LogFiles::zeros_follow(std::uint64_t from, std::uint64_t size) const {
  while (from < size) {
    STRATOS_TRY(const Bytes window, read_range(*file_, from, kWindowBytes));
    if (window.empty()) break;
    if (window[0] != 0) return false;
    if (std::memcmp(window.data(), window.data() + 1, window.size() - 1) != 0) return false;
    from += window.size();
  }
  return true;
}

Result<bool> LogFiles::valid_block_follows(std::uint64_t from, std::uint64_t size) const {
  for (std::uint64_t at = from; at < size; at += kWindowBytes) {
    STRATOS_TRY(const Bytes window, read_range(*file_, at, kWindowBytes + kBlockHeaderBytes));
    for (std::size_t i = 0; i + kBlockHeaderBytes <= window.size() && i < kWindowBytes;
         i += kBlockAlignment) {
      const auto header = decode_block_header(ByteView(window).subspan(i));
      if (!header || header->height <= last_) continue;
      if (header->record_bytes() > size - (at + i)) continue;
      STRATOS_TRY(const Bytes record, read_range(*file_, at + i, header->record_bytes()));
      if (decode_block(record, salt_)) return true;
    }
  }
  return false;
}

Result<void> LogFiles::create_file(Height first) {
  FileHeader header;
  header.salt = derive_salt(options_.salt_seed, first);
  header.first = first;
  header.previous = last_hash_;
  header.network = network_hash(options_.network);
  STRATOS_TRY(file_, fs_.open(path_of(first), io::OpenMode::create_truncated));
  STRATOS_CHECK(file_->write(0, encode_file_header(header)));
  STRATOS_CHECK(file_->sync());
  STRATOS_CHECK(fs_.sync_dir(folder_));
  salt_ = header.salt;
  position_ = zeroed_to_ = last_record_ = kFileHeaderBytes;
  const std::lock_guard lock(files_mutex_);
  files_.push_back(first);
  return {};
}

Result<std::uint64_t> LogFiles::append(const LoggedBlock& block) {
  STRATOS_ASSERT(!reading_, "append before the log was read to its end");
  STRATOS_ASSERT(block.block.height.value == last_.value + 1, "block out of order");
  if (position_ >= options_.segment_bytes) STRATOS_CHECK(create_file(block.block.height));
  const EncodedBlock encoded = encode_block(block, last_hash_, salt_);
  STRATOS_CHECK(file_->write(position_, encoded.bytes));
  last_record_ = position_;
  position_ += encoded.bytes.size();
  if (position_ > zeroed_to_ && encoded.bytes.size() < kZeroAheadUpTo) STRATOS_CHECK(zero_ahead());
  STRATOS_CHECK(file_->sync());
  last_ = block.block.height;
  last_hash_ = encoded.hash;
  return encoded.bytes.size();
}

Result<void> LogFiles::zero_ahead() {
  static const Bytes kZeros(2 * kZeroStep, 0);
  const std::uint64_t to =
      std::min((position_ / kZeroStep + 2) * kZeroStep, options_.segment_bytes);
  if (to <= position_) return {};
  STRATOS_CHECK(file_->write(position_, ByteView(kZeros).first(to - position_)));
  zeroed_to_ = to;
  return {};
}

Result<void> LogFiles::record_flushed(Height height) {
  const std::string path = folder_ + "/" + std::string(kFlushedName);
  STRATOS_CHECK(io::write_file_atomic(fs_, path, encode_flushed(height)));
  flushed_ = height;
  std::vector<Height> needless;
  {
    const std::lock_guard lock(files_mutex_);
    while (files_.size() > 1 && files_[1].value <= height.value + 1) {
      needless.push_back(files_.front());
      files_.erase(files_.begin());
    }
  }
  for (const Height first : needless) STRATOS_CHECK(fs_.remove(path_of(first)));
  return {};
}

}  // namespace stratos::ordering
