// LogFiles: the ordering log on disk. Read from its beginning to its end once, then appended to.
// Format and rules of recovery: docs/formats/ordering-log.md.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "ordering/log_format.hpp"

namespace stratos::ordering {

struct LogFilesOptions {
  std::string network;
  std::uint64_t segment_bytes = 64ULL << 20;
  std::uint64_t salt_seed = 0;  // unpredictable to submitters
  Height state_height;          // of the state machine now
  bool start_at_state = false;  // see LogOptions
};

// All calls block. One thread at a time, but record_flushed() may run beside append().
class LogFiles {
 public:
  // Takes the folder's lock, creating the folder when it is absent.
  static Result<std::unique_ptr<LogFiles>> open(io::FileSystem& fs, std::string folder,
                                                LogFilesOptions options);
  ~LogFiles();
  // The formats of a log's files, which somebody may write to. Errc::unknown_format,
  // Errc::log_corrupt.
  static Result<std::set<std::uint8_t>> stored_formats(io::FileSystem& fs,
                                                       const std::string& folder);

  // The next blocks in order, about `bytes` of them; empty at the end of the log, which is then
  // ready for append().
  Result<std::vector<DecodedBlock>> read_next(std::size_t bytes);
  // Durable when it returns; `previous` is the log's own. Returns the bytes written. After an error
  // nothing may be appended any more.
  Result<std::uint64_t> append(const LoggedBlock& block);
  // Remembers the height durably, then removes the files that it makes unnecessary.
  Result<void> record_flushed(Height height);

  Height flushed() const { return flushed_; }
  Height last_height() const { return last_; }
  std::size_t file_count() const;

 private:
  LogFiles(io::FileSystem& fs, std::string folder, LogFilesOptions options);

  Result<void> load();
  Result<void> load_flushed();
  Result<void> drop_headless_tail();
  Result<void> open_for_reading(std::size_t index);
  Result<std::optional<DecodedBlock>> read_block();
  Result<void> check_chain(const DecodedBlock& decoded) const;
  Result<void> end_of_file();
  Result<bool> valid_block_follows(std::uint64_t from, std::uint64_t size) const;
  Result<bool> zeros_follow(std::uint64_t from, std::uint64_t size) const;
  Result<void> make_tail_durable(std::uint64_t size);
  Result<void> create_file(Height first);
  Result<void> zero_ahead();
  std::string path_of(Height first) const;

  io::FileSystem& fs_;
  std::string folder_;
  LogFilesOptions options_;
  std::unique_ptr<io::FolderLock> lock_;
  Height flushed_;

  mutable std::mutex files_mutex_;
  std::vector<Height> files_;  // first heights, ascending

  // The open file: while reading the one being read, then the last one.
  std::size_t current_ = 0;
  std::unique_ptr<io::File> file_;
  std::uint64_t salt_ = 0;
  std::uint64_t position_ = 0;   // end of the last block
  std::uint64_t zeroed_to_ = 0;  // the file is allocated and zero from position_ up to here
  std::uint64_t last_record_ = 0;
  Height last_;
  Hash last_hash_;
  bool reading_ = true;
};

}  // namespace stratos::ordering
