#include "meta/mesh_place.hpp"

#include <algorithm>
#include <charconv>

#include "base/log.hpp"
#include "meta/backup_wire.hpp"

namespace stratos::meta {
namespace {

constexpr Duration kPartTimeout = 20s;
constexpr std::size_t kPagesOfNames = 100;
constexpr std::size_t kDigits = 16;

constexpr std::uint16_t number(BackupMethod method) { return static_cast<std::uint16_t>(method); }

std::string prefix_of(Generation generation) {
  Bytes bytes;
  put_be(bytes, generation.value);
  return to_hex(bytes) + "-";
}

}  // namespace

// --- one node
// ------------------------------------------------------------------------------------

Task<Result<std::vector<std::string>>> NodePlace::list() {
  std::vector<std::string> names;
  ListBackup request;
  for (std::size_t page = 0; page < kPagesOfNames; ++page) {
    auto called = co_await net::call<ListBackupReply>(*channel_, number(BackupMethod::list),
                                                      request, Buffer(), kPartTimeout);
    STRATOS_CO_TRY(net::Reply<ListBackupReply> reply, std::move(called));
    for (std::string& name : reply.head.names) names.push_back(std::move(name));
    if (!reply.head.more || names.empty() || names.back() <= request.after) break;
    request.after = names.back();
  }
  co_return names;
}

Task<Result<void>> NodePlace::read(std::string name, Accept accept) {
  GetBackup request;
  request.name = std::move(name);
  Bytes file;
  std::uint64_t size = 0;
  do {
    request.offset = file.size();
    auto called = co_await net::call<GetBackupReply>(*channel_, number(BackupMethod::get), request,
                                                     Buffer(), kPartTimeout);
    STRATOS_CO_TRY(const net::Reply<GetBackupReply> reply, std::move(called));
    size = reply.head.size;
    const bool is_sound = size <= ordering::kMaxBackupFileBytes && !reply.body.empty() &&
                          reply.body.size() <= size - file.size();
    if (!is_sound) co_return fail(Errc::malformed_message, "part of a backup's file");
    append(file, reply.body.view());
  } while (file.size() < size);
  co_return accept(file);
}

Task<Result<void>> NodePlace::write(std::string name, Bytes file) {
  PutBackup request;
  request.name = std::move(name);
  request.size = file.size();
  const Buffer whole = Buffer::copy_of(file);
  while (request.offset < request.size) {
    Buffer part = whole.slice(request.offset,
                              std::min<std::size_t>(kMaxBackupPart, file.size() - request.offset));
    const std::size_t bytes = part.size();
    const auto called = co_await net::call<PutBackupReply>(*channel_, number(BackupMethod::put),
                                                           request, std::move(part), kPartTimeout);
    if (!called) co_return fail(called.error());
    request.offset += bytes;
  }
  co_return Result<void>{};
}

Task<Result<void>> NodePlace::remove(std::string name) {
  removed_.push_back(std::move(name));
  if (removed_.size() < kMaxBackupNames) co_return Result<void>{};
  co_return co_await tidy();
}

Task<Result<void>> NodePlace::tidy() {
  if (removed_.empty()) co_return Result<void>{};
  RemoveBackup request;
  request.names.swap(removed_);
  const auto called = co_await net::call<RemoveBackupReply>(*channel_, number(BackupMethod::remove),
                                                            request, Buffer(), kPartTimeout);
  if (!called) co_return fail(called.error());
  co_return Result<void>{};
}

// --- many
// ----------------------------------------------------------------------------------------

Generation backup_generation(std::string_view name) {
  std::uint64_t value = 0;
  if (name.size() <= kDigits || name[kDigits] != '-') return {};
  const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, value, 16);
  return error == std::errc() && end == name.data() + kDigits ? Generation(value) : Generation();
}

MeshPlace::MeshPlace(Choose choose, Generation generation, Use use)
    : choose_(std::move(choose)),
      prefix_(prefix_of(generation)),
      generation_(generation),
      use_(use) {}

Task<Result<std::vector<std::string>>> MeshPlace::list() {
  holders_.clear();
  std::size_t answers = 0;
  Error last(Errc::unavailable, "no storage node can be asked");
  for (const Member& member : choose_({})) {
    auto names = co_await member.place->list();
    if (!names) {
      last = Error(Errc::unavailable, "no storage node answers", names.error());
      continue;
    }
    ++answers;
    for (std::string& name : *names) holders_[std::move(name)].push_back(member);
  }
  if (answers == 0) co_return fail(std::move(last));
  std::vector<std::string> found;
  for (const auto& [name, members] : holders_) {
    const Generation generation = backup_generation(name);
    if (generation == generation_) found.push_back(name.substr(prefix_.size()));
    if (generation > generation_ && use_ == Use::keep) {
      co_return fail(Errc::bad_config, "the nodes hold a backup of a later generation, " +
                                           std::to_string(generation.value) +
                                           ": restore it (stratos meta restore)");
    }
  }
  co_return found;
}

Task<Result<void>> MeshPlace::read(std::string name, Accept accept) {
  const auto known = holders_.find(prefix_ + name);
  if (known == holders_.end()) co_return fail(Errc::file_not_found, name);
  const std::vector<Member> members = known->second;
  Result<void> done = fail(Errc::file_not_found, name);
  for (const Member& member : members) {
    done = co_await member.place->read(prefix_ + name, accept);
    if (done) co_return done;
    log::warn(
        "backup.copy_not_read",
        {{"file", name}, {"node", member.place->describe()}, {"error", done.error().to_string()}});
  }
  co_return done;
}

Task<Result<void>> MeshPlace::write(std::string name, Bytes file) {
  const std::vector<Member> members = choose_(prefix_ + name);
  const std::size_t enough = std::min<std::size_t>(members.size(), 2);
  std::size_t copies = 0;
  Error last(Errc::unavailable, "no storage node takes files of the backup");
  for (const Member& member : members) {
    if (copies == kBackupCopies) break;
    const auto written = co_await member.place->write(prefix_ + name, file);
    copies += written ? 1 : 0;
    if (!written) last = written.error();
  }
  if (copies == 0 || copies < enough) co_return fail(std::move(last));
  co_return Result<void>{};
}

// A node that does not answer keeps what it has until it does.
Task<Result<void>> MeshPlace::remove(std::string name) {
  const auto known = holders_.find(prefix_ + name);
  if (known == holders_.end()) co_return Result<void>{};
  const std::vector<Member> members = known->second;
  for (const Member& member : members) {
    touched_.insert_or_assign(member.node, member);
    (void)co_await member.place->remove(prefix_ + name);
  }
  co_return Result<void>{};
}

Task<Result<void>> MeshPlace::tidy() {
  const std::map<std::string, std::vector<Member>> holders = holders_;
  for (const auto& [name, members] : holders) {
    const Generation generation = backup_generation(name);
    if (generation >= generation_ || generation == Generation()) continue;
    for (const Member& member : members) {
      touched_.insert_or_assign(member.node, member);
      (void)co_await member.place->remove(name);
    }
  }
  const std::map<NodeId, Member> touched = std::exchange(touched_, {});
  for (const auto& [node, member] : touched) (void)co_await member.place->tidy();
  co_return Result<void>{};
}

Task<HeldGenerations> held_generations(MeshPlace::Choose nodes) {
  HeldGenerations held;
  for (const MeshPlace::Member& member : nodes({})) {
    const auto names = co_await member.place->list();
    held.silent += names ? 0 : 1;
    if (!names) continue;
    for (const std::string& name : *names) held.generations.insert(backup_generation(name));
  }
  held.generations.erase(Generation());
  co_return held;
}

}  // namespace stratos::meta
