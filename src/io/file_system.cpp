#include "io/file_system.hpp"

namespace stratos::io {
namespace {

Result<void> write_and_sync(FileSystem& fs, const std::string& path, OpenMode mode, ByteView data) {
  STRATOS_TRY(const auto file, fs.open(path, mode));
  STRATOS_CHECK(file->write(0, data));
  return file->sync();
}

Result<void> replace_file(FileSystem& fs, const std::string& path, OpenMode mode, ByteView data) {
  const std::string temporary = path + ".tmp";
  Result<void> result = write_and_sync(fs, temporary, mode, data);
  if (result) result = fs.rename(temporary, path);
  if (!result) {
    (void)fs.remove(temporary);  // the first error is the one that counts
    return result;
  }
  return fs.sync_dir(parent_of(path));
}

}  // namespace

std::string parent_of(const std::string& path) {
  const auto last = path.find_last_not_of('/');
  if (last == std::string::npos) return path.empty() ? "." : "/";
  const auto slash = path.find_last_of('/', last);
  if (slash == std::string::npos) return ".";
  const auto end = path.find_last_not_of('/', slash);
  return end == std::string::npos ? "/" : path.substr(0, end + 1);
}

Result<void> write_file_atomic(FileSystem& fs, const std::string& path, ByteView data) {
  return replace_file(fs, path, OpenMode::create_truncated, data);
}

Result<void> write_secret_file(FileSystem& fs, const std::string& path, ByteView data) {
  return replace_file(fs, path, OpenMode::create_secret, data);
}

Result<Bytes> read_file(FileSystem& fs, const std::string& path, std::uint64_t limit_bytes) {
  STRATOS_TRY(const auto file, fs.open(path, OpenMode::read));
  STRATOS_TRY(const std::uint64_t size, file->size());
  if (size > limit_bytes) return fail(Errc::too_large, path + " is larger than expected");
  Bytes content(size);
  STRATOS_TRY(const std::size_t got, file->read(0, content));
  content.resize(got);
  return content;
}

}  // namespace stratos::io
