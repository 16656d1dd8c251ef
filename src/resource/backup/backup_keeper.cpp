#include "resource/backup/backup_keeper.hpp"

#include <algorithm>

namespace stratos::resource {
namespace {

constexpr Duration kTurnTimeout = 15s;  // the asker waits longer
constexpr Duration kReadCost = 1ms;
constexpr Duration kWriteCost = 5ms;
constexpr std::size_t kMaxFiles = 20'000;
constexpr std::string_view kOwnerFile = "owner";

// Names with a dash are files; the two without are the shelf's own.
bool is_file_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return name.size() <= meta::kMaxBackupNameBytes && name.find('-') != name.npos &&
         std::ranges::all_of(name, is_plain);
}

}  // namespace

// --- on disk
// -------------------------------------------------------------------------------------

Result<void> BackupShelf::open() {
  STRATOS_CHECK(fs_.make_dirs(folder_));
  STRATOS_TRY(const std::vector<std::string> names, fs_.list(folder_));
  std::uint64_t bytes = 0;
  for (const std::string& name : names) {
    if (name == kOwnerFile) continue;
    if (!is_file_name(name)) {
      STRATOS_CHECK(fs_.remove(path_of(name)));
      continue;
    }
    STRATOS_TRY(const auto file, fs_.open(path_of(name), io::OpenMode::read));
    STRATOS_TRY(const std::uint64_t size, file->size());
    files_[name] = size;
    bytes += size;
  }
  bytes_ = bytes;
  return {};
}

Result<void> BackupShelf::put(const meta::PutBackup& request, ByteView part) {
  const bool is_sound = is_file_name(request.name) && !part.empty() &&
                        part.size() <= meta::kMaxBackupPart && request.offset <= request.size &&
                        part.size() <= request.size - request.offset;
  if (!is_sound) return fail(Errc::invalid_argument, "part of a backup's file");
  if (request.offset == 0) STRATOS_CHECK(begin_part(request));
  if (request.name != part_name_ || request.offset != part_bytes_) {
    return fail(Errc::extent_out_of_order, request.name);
  }
  const auto mode = request.offset == 0 ? io::OpenMode::create_truncated : io::OpenMode::read_write;
  STRATOS_TRY(const auto file, fs_.open(part_path(), mode));
  STRATOS_CHECK(file->write(request.offset, part));
  part_bytes_ += part.size();
  bytes_ += part.size();
  if (part_bytes_ < request.size) return {};
  STRATOS_CHECK(file->sync());
  return finish_part(request);
}

Result<void> BackupShelf::begin_part(const meta::PutBackup& request) {
  forget_part();
  const auto before = files_.find(request.name);
  const std::uint64_t freed = before == files_.end() ? 0 : before->second;
  const bool fits = request.size <= max_bytes_ && bytes_ - freed <= max_bytes_ - request.size;
  if (!fits || files_.size() >= kMaxFiles) {
    return fail(Errc::store_full, "no room for more of the index's backup");
  }
  part_name_ = request.name;
  return {};
}

Result<void> BackupShelf::finish_part(const meta::PutBackup& request) {
  STRATOS_CHECK(fs_.rename(part_path(), path_of(request.name)));
  STRATOS_CHECK(fs_.sync_dir(folder_));
  part_name_.clear();
  part_bytes_ = 0;
  std::uint64_t& size = files_[request.name];
  bytes_ -= size;
  size = request.size;
  return {};
}

void BackupShelf::forget_part() {
  bytes_ -= part_bytes_;
  part_bytes_ = 0;
  part_name_.clear();
}

Result<BackupShelf::Part> BackupShelf::get(const meta::GetBackup& request) const {
  const auto known = files_.find(request.name);
  if (known == files_.end()) return fail(Errc::file_not_found, request.name);
  if (request.offset >= known->second) return fail(Errc::invalid_argument, "offset");
  STRATOS_TRY(const auto file, fs_.open(path_of(request.name), io::OpenMode::read));
  Part part;
  part.size = known->second;
  part.bytes.resize(std::min<std::uint64_t>(meta::kMaxBackupPart, part.size - request.offset));
  STRATOS_TRY(const std::size_t got, file->read(request.offset, part.bytes));
  if (got != part.bytes.size()) return fail(Errc::corrupt_file, request.name);
  return part;
}

meta::ListBackupReply BackupShelf::list(const meta::ListBackup& request) const {
  meta::ListBackupReply reply;
  for (auto at = files_.upper_bound(request.after); at != files_.end(); ++at) {
    reply.more = reply.names.size() == meta::kMaxBackupNames;
    if (reply.more) break;
    reply.names.push_back(at->first);
  }
  return reply;
}

Result<void> BackupShelf::remove(const std::vector<std::string>& names) {
  bool is_changed = false;
  for (const std::string& name : names) {
    const auto known = files_.find(name);
    if (known == files_.end()) continue;
    STRATOS_CHECK(fs_.remove(path_of(name)));
    bytes_ -= known->second;
    files_.erase(known);
    is_changed = true;
  }
  return is_changed ? fs_.sync_dir(folder_) : Result<void>();
}

std::optional<crypto::MachineKey> BackupShelf::owner() const {
  const auto text = io::read_file(fs_, path_of(std::string(kOwnerFile)), 128);
  if (!text) return std::nullopt;
  const auto key = crypto::MachineKey::from_hex_text(as_text(*text));
  return key ? std::optional(*key) : std::nullopt;
}

Result<void> BackupShelf::set_owner(const crypto::MachineKey& owner) {
  return io::write_file_atomic(fs_, path_of(std::string(kOwnerFile)), as_bytes(owner.hex()));
}

// --- the service
// ---------------------------------------------------------------------------------

BackupKeeper::BackupKeeper(Runtime& runtime, io::FileSystem& fs, std::string folder,
                           std::uint64_t max_bytes, metrics::Registry& metrics)
    : runtime_(runtime),
      shelf_(fs, std::move(folder), max_bytes),
      bytes_(metrics.gauge("stratos_backup_kept_bytes")),
      turn_(runtime, 1) {}

Task<Result<std::unique_ptr<BackupKeeper>>> BackupKeeper::open(Runtime& runtime, io::FileSystem& fs,
                                                               std::string folder,
                                                               std::uint64_t max_bytes,
                                                               metrics::Registry& metrics) {
  auto keeper = std::make_unique<BackupKeeper>(runtime, fs, std::move(folder), max_bytes, metrics);
  auto work = [&shelf = keeper->shelf_] { return shelf.open(); };
  STRATOS_CO_CHECK(co_await runtime.offload(std::move(work), kReadCost));
  auto find = [&shelf = keeper->shelf_] { return shelf.owner(); };
  keeper->stored_owner_ = co_await runtime.offload(std::move(find), kReadCost);
  keeper->owner_ = keeper->stored_owner_;
  co_return keeper;
}

void BackupKeeper::joined(const Membership& membership) { owner_ = membership.meta_key; }

void BackupKeeper::report(meta::HeartbeatRequest&) const {
  bytes_.set(static_cast<std::int64_t>(shelf_.bytes().load()));
}

Task<void> BackupKeeper::stop() {
  draining_ = true;
  // Whoever is at the shelf leaves first.
  if (co_await turn_.acquire(kTurnTimeout)) turn_.release();
}

Task<Result<void>> BackupKeeper::enter(crypto::MachineKey peer) {
  if (peer != owner_) co_return fail(Errc::permission_denied, "backups are the meta layer's");
  co_return co_await turn_.acquire(kTurnTimeout);
}

void BackupKeeper::add_routes(net::Router& router) {
  const auto number = [](meta::BackupMethod method) { return static_cast<std::uint16_t>(method); };
  router.on<meta::PutBackup, meta::PutBackupReply>(
      number(meta::BackupMethod::put), "backup.put",
      [this](net::CallContext context, meta::PutBackup request, Buffer body) {
        return put(std::move(context), std::move(request), std::move(body));
      });
  router.on<meta::GetBackup, meta::GetBackupReply>(
      number(meta::BackupMethod::get), "backup.get",
      [this](net::CallContext context, meta::GetBackup request, Buffer) {
        return get(std::move(context), std::move(request));
      });
  router.on<meta::ListBackup, meta::ListBackupReply>(
      number(meta::BackupMethod::list), "backup.list",
      [this](net::CallContext context, meta::ListBackup request, Buffer) {
        return list(std::move(context), std::move(request));
      });
  router.on<meta::RemoveBackup, meta::RemoveBackupReply>(
      number(meta::BackupMethod::remove), "backup.remove",
      [this](net::CallContext context, meta::RemoveBackup request, Buffer) {
        return remove(std::move(context), std::move(request));
      });
}

BackupKeeper::Answer<meta::PutBackupReply> BackupKeeper::put(net::CallContext context,
                                                             meta::PutBackup request, Buffer body) {
  if (draining_) co_return fail(Errc::unavailable, "the node takes no new data");
  STRATOS_CO_CHECK(co_await enter(context.peer));
  // Who restores when the node has not spoken to a meta node yet.
  const bool is_new_owner = owner_ != stored_owner_;
  auto work = [this, is_new_owner, owner = *owner_, request = std::move(request),
               body = std::move(body)]() -> Result<void> {
    if (is_new_owner) STRATOS_CHECK(shelf_.set_owner(owner));
    return shelf_.put(request, body.view());
  };
  const Result<void> done = co_await runtime_.offload(std::move(work), kWriteCost);
  if (done) stored_owner_ = owner_;
  turn_.release();
  if (!done) co_return fail(done.error());
  co_return net::Reply<meta::PutBackupReply>{};
}

BackupKeeper::Answer<meta::GetBackupReply> BackupKeeper::get(net::CallContext context,
                                                             meta::GetBackup request) {
  STRATOS_CO_CHECK(co_await enter(context.peer));
  auto work = [this, request = std::move(request)] { return shelf_.get(request); };
  const Result<BackupShelf::Part> part = co_await runtime_.offload(std::move(work), kReadCost);
  turn_.release();
  if (!part) co_return fail(part.error());
  net::Reply<meta::GetBackupReply> reply;
  reply.head.size = part->size;
  reply.body = Buffer::copy_of(part->bytes);
  co_return reply;
}

BackupKeeper::Answer<meta::ListBackupReply> BackupKeeper::list(net::CallContext context,
                                                               meta::ListBackup request) {
  STRATOS_CO_CHECK(co_await enter(context.peer));
  net::Reply<meta::ListBackupReply> reply;
  reply.head = shelf_.list(request);
  turn_.release();
  co_return reply;
}

BackupKeeper::Answer<meta::RemoveBackupReply> BackupKeeper::remove(net::CallContext context,
                                                                   meta::RemoveBackup request) {
  if (request.names.size() > meta::kMaxBackupNames) co_return fail(Errc::too_large, "names");
  STRATOS_CO_CHECK(co_await enter(context.peer));
  auto work = [this, names = std::move(request.names)] { return shelf_.remove(names); };
  const Result<void> done = co_await runtime_.offload(std::move(work), kWriteCost);
  turn_.release();
  if (!done) co_return fail(done.error());
  co_return net::Reply<meta::RemoveBackupReply>{};
}

}  // namespace stratos::resource
