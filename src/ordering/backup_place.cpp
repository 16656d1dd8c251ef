#include "ordering/backup_place.hpp"

namespace stratos::ordering {
namespace {
constexpr Duration kListCost = 1ms;
constexpr Duration kReadCost = 2ms;
constexpr Duration kWriteCost = 10ms;
}  // namespace

Result<std::unique_ptr<FolderPlace>> FolderPlace::open(Runtime& runtime, io::FileSystem& fs,
                                                       std::string folder) {
  STRATOS_CHECK(fs.make_dirs(folder));
  auto place = std::make_unique<FolderPlace>(runtime, fs, std::move(folder));
  STRATOS_TRY(place->lock_, fs.lock(place->folder_));
  return place;
}

Task<Result<std::vector<std::string>>> FolderPlace::list() {
  auto work = [this] { return fs_.list(folder_); };
  co_return co_await runtime_.offload(std::move(work), kListCost);
}

Task<Result<void>> FolderPlace::read(std::string name, Accept accept) {
  auto work = [this, path = path_of(name)] {
    return io::read_file(fs_, path, kMaxBackupFileBytes);
  };
  const Result<Bytes> file = co_await runtime_.offload(std::move(work), kReadCost);
  if (!file) co_return fail(file.error());
  co_return accept(*file);
}

Task<Result<void>> FolderPlace::write(std::string name, Bytes file) {
  auto work = [this, path = path_of(name), file = std::move(file)] {
    return io::write_file_atomic(fs_, path, file);
  };
  co_return co_await runtime_.offload(std::move(work), kWriteCost);
}

Task<Result<void>> FolderPlace::remove(std::string name) {
  auto work = [this, path = path_of(name)]() -> Result<void> {
    return fs_.exists(path) ? fs_.remove(path) : Result<void>();
  };
  co_return co_await runtime_.offload(std::move(work), kListCost);
}

Task<Result<void>> FolderPlace::tidy() {
  auto work = [this] { return fs_.sync_dir(folder_); };
  co_return co_await runtime_.offload(std::move(work), kWriteCost);
}

}  // namespace stratos::ordering
