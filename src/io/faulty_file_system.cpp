#include "io/faulty_file_system.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "io/volatile_content.hpp"

namespace stratos::io {
namespace {

struct Node;
using NodePtr = std::shared_ptr<Node>;
using Names = std::map<std::string, NodePtr>;

// A file or a folder.
struct Node {
  explicit Node(bool folder) : is_folder(folder) {}
  const bool is_folder;
  VolatileContent content;
  Names names;         // as processes see them
  Names synced_names;  // as the disk holds them
  std::uint32_t links = 0;
  std::uint32_t handles = 0;
  std::uint64_t modified = 0;
};

using NameKey = std::pair<const Node*, std::string>;

// One name and what it stands for afterwards; nullptr removes it.
struct NameChange {
  NodePtr folder;
  std::string name;
  NodePtr target;
  NameKey key() const { return {folder.get(), name}; }
};

// Name changes that reach the disk together or not at all, with the sync of `home` at the latest.
struct NameOperation {
  NodePtr home;
  std::vector<NameChange> changes;
};

struct Place {
  NodePtr folder;
  std::string name;
};

Result<std::vector<std::string>> split(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    if (part == "..") return fail(Errc::invalid_argument, "'..' in " + path);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    begin = end + 1;
  }
  return parts;
}

std::unexpected<Error> not_found(const std::string& path) {
  return fail(Errc::file_not_found, "no such file or folder: " + path);
}

std::unexpected<Error> refused(const char* why, const std::string& path) {
  return fail(Errc::invalid_argument, std::string(why) + ": " + path);
}

void assign(Names& names, const std::string& name, const NodePtr& target) {
  if (target) {
    names[name] = target;
  } else {
    names.erase(name);
  }
}

bool touches(const NameOperation& operation, const std::set<NameKey>& keys) {
  return std::ranges::any_of(operation.changes,
                             [&](const NameChange& change) { return keys.contains(change.key()); });
}

void insert_keys(const NameOperation& operation, std::set<NameKey>& keys) {
  for (const NameChange& change : operation.changes) keys.insert(change.key());
}

void settle(const NameOperation& operation) {
  for (const NameChange& change : operation.changes) {
    assign(change.folder->synced_names, change.name, change.target);
  }
}

}  // namespace

struct FaultyFileSystem::Disk {
  explicit Disk(std::uint64_t seed) : random(seed) {}

  mutable std::mutex mutex;
  SeededRandom random;
  NodePtr root = std::make_shared<Node>(true);
  std::vector<NameOperation> unsynced_names;   // in the order they were made
  std::map<const Node*, std::uint64_t> locks;  // folder to the number of its lock
  std::uint64_t last_lock = 0;
  bool powered = true;
  std::uint64_t generation = 0;  // handles of an older one are dead
  std::uint64_t operations = 0;
  std::optional<std::uint64_t> operations_left;
  Observer observer;
  std::string failing_syncs, ignored_syncs;
  std::uint32_t failures_left = 0;
  std::uint64_t capacity = ~std::uint64_t{0};
  std::uint64_t used = 0;

  Result<void> check_power();
  void count(std::string_view operation, std::string_view path);
  Result<NodePtr> find(const std::string& path) const;
  Result<NodePtr> find_folder(const std::string& path) const;
  Result<NodePtr> find_file(const std::string& path) const;
  Result<Place> find_place(const std::string& path) const;
  Result<NodePtr> open_node(const std::string& path, OpenMode mode);
  void change_names(std::vector<NameChange> changes, const NodePtr& home);
  void unlink(const NodePtr& node);
  void free_if_unused(Node& node);
  Result<void> write(Node& node, std::uint64_t offset, ByteView data, const std::string& path);
  // Runs a change of the content and keeps account of the space.
  template <class Change>
  void change_content(Node& node, Change change);
  bool sync_is_ignored(const std::string& path) const;
  bool sync_fails(const std::string& path);
  void sync_names(const Node* folder);
  void lose_power(std::uint64_t seed);
  template <class Arrive>
  void visit(Node& node, std::set<const Node*>& met, const Arrive& arrive);
  void restart();
};

Result<void> FaultyFileSystem::Disk::check_power() {
  if (operations_left == 0U) powered = false;
  if (!powered) return fail(Errc::io_error, "the power is off");
  return {};
}

void FaultyFileSystem::Disk::count(std::string_view operation, std::string_view path) {
  if (observer) observer(operation, path);
  ++operations;
  if (operations_left) --*operations_left;
}

Result<NodePtr> FaultyFileSystem::Disk::find(const std::string& path) const {
  STRATOS_TRY(const auto parts, split(path));
  NodePtr node = root;
  for (const std::string& part : parts) {
    const auto entry = node->names.find(part);
    if (entry == node->names.end()) return not_found(path);
    node = entry->second;
  }
  return node;
}

Result<NodePtr> FaultyFileSystem::Disk::find_folder(const std::string& path) const {
  STRATOS_TRY(NodePtr node, find(path));
  if (!node->is_folder) return refused("not a folder", path);
  return node;
}

Result<NodePtr> FaultyFileSystem::Disk::find_file(const std::string& path) const {
  STRATOS_TRY(NodePtr node, find(path));
  if (node->is_folder) return refused("a folder", path);
  return node;
}

// The folder must exist, the name need not.
Result<Place> FaultyFileSystem::Disk::find_place(const std::string& path) const {
  STRATOS_TRY(const auto parts, split(path));
  if (parts.empty()) return refused("not the name of a file", path);
  STRATOS_TRY(NodePtr folder, find_folder(parent_of(path)));
  return Place{std::move(folder), parts.back()};
}

Result<NodePtr> FaultyFileSystem::Disk::open_node(const std::string& path, OpenMode mode) {
  const bool creates = mode != OpenMode::read && mode != OpenMode::read_write;
  STRATOS_TRY(const Place place, find_place(path));
  const auto entry = place.folder->names.find(place.name);
  if (entry == place.folder->names.end()) {
    if (!creates) return not_found(path);
    count("create", path);
    auto node = std::make_shared<Node>(false);
    change_names({{place.folder, place.name, node}}, place.folder);
    return node;
  }
  if (entry->second->is_folder) return refused("a folder", path);
  if (creates && mode != OpenMode::create_or_open && entry->second->content.size() > 0) {
    count("truncate", path);
    change_content(*entry->second, [](VolatileContent& content) { content.truncate(0); });
  }
  return entry->second;
}

void FaultyFileSystem::Disk::change_names(std::vector<NameChange> changes, const NodePtr& home) {
  for (const NameChange& change : changes) {
    const auto entry = change.folder->names.find(change.name);
    const NodePtr before = entry == change.folder->names.end() ? nullptr : entry->second;
    if (change.target) ++change.target->links;
    assign(change.folder->names, change.name, change.target);
    change.folder->modified = operations;
    if (before) unlink(before);
  }
  unsynced_names.push_back({home, std::move(changes)});
}

void FaultyFileSystem::Disk::unlink(const NodePtr& node) {
  --node->links;
  free_if_unused(*node);
}

// The space of a removed file is free once the last handle is closed.
void FaultyFileSystem::Disk::free_if_unused(Node& node) {
  if (node.links == 0 && node.handles == 0) used -= node.content.allocated_bytes();
}

template <class Change>
void FaultyFileSystem::Disk::change_content(Node& node, Change change) {
  used -= node.content.allocated_bytes();
  change(node.content);
  used += node.content.allocated_bytes();
  node.modified = operations;
}

Result<void> FaultyFileSystem::Disk::write(Node& node, std::uint64_t offset, ByteView data,
                                           const std::string& path) {
  const auto fits = [&](std::size_t length) {
    return used + node.content.needed_bytes(offset, length) <= capacity;
  };
  std::size_t length = data.size();
  constexpr std::size_t kPage = VolatileContent::kPageBytes;
  while (length > 0 && !fits(length)) {
    const std::size_t in_last_page = (offset + length - 1) % kPage + 1;
    length -= std::min(length, in_last_page);
  }
  change_content(node,
                 [&](VolatileContent& content) { content.write(offset, data.first(length)); });
  if (length < data.size()) return fail(Errc::disk_full, "no space left for " + path);
  return {};
}

bool FaultyFileSystem::Disk::sync_is_ignored(const std::string& path) const {
  return !ignored_syncs.empty() && ::fnmatch(ignored_syncs.c_str(), path.c_str(), 0) == 0;
}

bool FaultyFileSystem::Disk::sync_fails(const std::string& path) {
  if (failures_left == 0 || ::fnmatch(failing_syncs.c_str(), path.c_str(), 0) != 0) return false;
  --failures_left;
  return true;
}

// Settles the operations at home in the folder, and earlier ones of the same names.
void FaultyFileSystem::Disk::sync_names(const Node* folder) {
  std::set<NameKey> needed;
  std::vector<bool> settled(unsynced_names.size());
  for (std::size_t i = unsynced_names.size(); i-- > 0;) {
    settled[i] = unsynced_names[i].home.get() == folder || touches(unsynced_names[i], needed);
    if (settled[i]) insert_keys(unsynced_names[i], needed);
  }
  std::vector<NameOperation> rest;
  for (std::size_t i = 0; i < settled.size(); ++i) {
    if (settled[i]) {
      settle(unsynced_names[i]);
    } else {
      rest.push_back(std::move(unsynced_names[i]));
    }
  }
  unsynced_names = std::move(rest);
}

// Calls `arrive` once for every file and folder that can be reached, a folder before its content,
// and brings the counts of links, handles and space up to date.
template <class Arrive>
void FaultyFileSystem::Disk::visit(Node& node, std::set<const Node*>& met, const Arrive& arrive) {
  if (&node == root.get()) used = 0;
  if (!met.insert(&node).second) {
    ++node.links;
    return;
  }
  arrive(node);
  node.links = 1;
  node.handles = 0;
  used += node.content.allocated_bytes();
  for (const auto& [name, child] : node.names) visit(*child, met, arrive);
}

void FaultyFileSystem::Disk::lose_power(std::uint64_t seed) {
  SeededRandom fate(seed);
  std::set<NameKey> lost;
  for (const NameOperation& operation : unsynced_names) {
    if (touches(operation, lost) || fate.below(2) == 0) {
      insert_keys(operation, lost);
    } else {
      settle(operation);
    }
  }
  unsynced_names.clear();

  std::set<const Node*> met;
  visit(*root, met, [&](Node& node) {
    node.names = node.synced_names;
    node.content.lose_power(fate);
  });
}

// Handles of before are dead and hold nothing any more.
void FaultyFileSystem::Disk::restart() {
  ++generation;
  locks.clear();
  powered = true;
  operations_left.reset();
}

class FaultyFileSystem::OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<Disk> disk, NodePtr node, std::string path, bool writable)
      : disk_(std::move(disk)),
        node_(std::move(node)),
        path_(std::move(path)),
        generation_(disk_->generation),
        writable_(writable) {
    ++node_->handles;
  }
  ~OpenFile() override {
    const std::lock_guard hold(disk_->mutex);
    if (generation_ != disk_->generation) return;
    --node_->handles;
    disk_->free_if_unused(*node_);
  }

  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) const override {
    const std::lock_guard hold(disk_->mutex);
    STRATOS_CHECK(check_alive());
    return node_->content.read(offset, out);
  }

  Result<void> write(std::uint64_t offset, ByteView data) override {
    const std::lock_guard hold(disk_->mutex);
    STRATOS_CHECK(begin_change("write"));
    return disk_->write(*node_, offset, data, path_);
  }

  Result<void> sync() override {
    const std::lock_guard hold(disk_->mutex);
    STRATOS_CHECK(check_alive());
    disk_->count("sync", path_);
    if (disk_->sync_fails(path_)) {
      disk_->change_content(*node_, [](VolatileContent& content) { content.drop_unsynced(); });
      return fail(Errc::sync_failed, "sync of " + path_);
    }
    if (!disk_->sync_is_ignored(path_)) node_->content.sync();
    return {};
  }

  Result<std::uint64_t> size() const override {
    const std::lock_guard hold(disk_->mutex);
    STRATOS_CHECK(check_alive());
    return node_->content.size();
  }

  Result<void> truncate(std::uint64_t size_bytes) override {
    const std::lock_guard hold(disk_->mutex);
    STRATOS_CHECK(begin_change("truncate"));
    disk_->change_content(*node_, [&](VolatileContent& content) { content.truncate(size_bytes); });
    return {};
  }

  Result<void> punch_hole(std::uint64_t offset, std::uint64_t length) override {
    const std::lock_guard hold(disk_->mutex);
    STRATOS_CHECK(begin_change("punch_hole"));
    disk_->change_content(*node_,
                          [&](VolatileContent& content) { content.punch_hole(offset, length); });
    return {};
  }

  Result<std::uint64_t> allocated_bytes() const override {
    const std::lock_guard hold(disk_->mutex);
    STRATOS_CHECK(check_alive());
    return node_->content.allocated_bytes();
  }

 private:
  Result<void> check_alive() const {
    STRATOS_CHECK(disk_->check_power());
    if (generation_ != disk_->generation) return fail(Errc::io_error, "handle of a former process");
    return {};
  }
  Result<void> begin_change(std::string_view operation) {
    STRATOS_CHECK(check_alive());
    if (!writable_) return refused("opened for reading only", path_);
    disk_->count(operation, path_);
    return {};
  }

  std::shared_ptr<Disk> disk_;
  NodePtr node_;
  std::string path_;
  std::uint64_t generation_;
  bool writable_;
};

class FaultyFileSystem::HeldLock final : public FolderLock {
 public:
  HeldLock(std::shared_ptr<Disk> disk, NodePtr folder, std::uint64_t number)
      : disk_(std::move(disk)), folder_(std::move(folder)), number_(number) {}
  ~HeldLock() override {
    const std::lock_guard hold(disk_->mutex);
    const auto held = disk_->locks.find(folder_.get());
    if (held != disk_->locks.end() && held->second == number_) disk_->locks.erase(held);
  }

 private:
  std::shared_ptr<Disk> disk_;
  NodePtr folder_;
  std::uint64_t number_;
};

FaultyFileSystem::FaultyFileSystem(std::uint64_t seed) : disk_(std::make_shared<Disk>(seed)) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::power_off() {
  const std::lock_guard hold(disk_->mutex);
  disk_->powered = false;
}

void FaultyFileSystem::recover(std::uint64_t seed) {
  const std::lock_guard hold(disk_->mutex);
  disk_->lose_power(seed);
  disk_->restart();
}

void FaultyFileSystem::recover() {
  std::uint64_t seed = 0;
  {
    const std::lock_guard hold(disk_->mutex);
    seed = disk_->random.next_u64();
  }
  recover(seed);
}

void FaultyFileSystem::kill_process() {
  const std::lock_guard hold(disk_->mutex);
  disk_->restart();
  std::set<const Node*> met;
  disk_->visit(*disk_->root, met, [](Node&) {});
}

bool FaultyFileSystem::has_power() const {
  const std::lock_guard hold(disk_->mutex);
  return disk_->check_power().has_value();
}

std::uint64_t FaultyFileSystem::operations() const {
  const std::lock_guard hold(disk_->mutex);
  return disk_->operations;
}

void FaultyFileSystem::cut_power_after(std::uint64_t operations) {
  const std::lock_guard hold(disk_->mutex);
  disk_->operations_left = operations;
}

void FaultyFileSystem::observe(Observer observer) {
  const std::lock_guard hold(disk_->mutex);
  disk_->observer = std::move(observer);
}

void FaultyFileSystem::fail_syncs(std::string pattern, std::uint32_t count) {
  const std::lock_guard hold(disk_->mutex);
  disk_->failing_syncs = std::move(pattern);
  disk_->failures_left = count;
}

void FaultyFileSystem::ignore_syncs(std::string pattern) {
  const std::lock_guard hold(disk_->mutex);
  disk_->ignored_syncs = std::move(pattern);
}

void FaultyFileSystem::set_capacity(std::uint64_t size_bytes) {
  const std::lock_guard hold(disk_->mutex);
  disk_->capacity = size_bytes;
}

std::uint64_t FaultyFileSystem::used_bytes() const {
  const std::lock_guard hold(disk_->mutex);
  return disk_->used;
}

Result<void> FaultyFileSystem::flip_bits(const std::string& path, std::uint32_t count) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_TRY(const NodePtr node, disk_->find_file(path));
  if (node->content.size() == 0) return refused("an empty file", path);
  disk_->change_content(*node, [&](VolatileContent& content) {
    for (std::uint32_t i = 0; i < count; ++i) {
      content.flip_bit(disk_->random.below(content.size() * 8));
    }
  });
  return {};
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_TRY(NodePtr node, disk_->open_node(path, mode));
  return std::make_unique<OpenFile>(disk_, std::move(node), path, mode != OpenMode::read);
}

Result<void> FaultyFileSystem::remove(const std::string& path) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_CHECK(disk_->find_file(path));
  STRATOS_TRY(const Place place, disk_->find_place(path));
  disk_->count("remove", path);
  disk_->change_names({{place.folder, place.name, nullptr}}, place.folder);
  return {};
}

Result<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_TRY(const NodePtr node, disk_->find(from));
  STRATOS_TRY(const Place source, disk_->find_place(from));
  STRATOS_TRY(const Place target, disk_->find_place(to));
  if (source.folder == target.folder && source.name == target.name) return {};
  STRATOS_TRY(const auto from_parts, split(from));
  STRATOS_TRY(const auto to_parts, split(to));
  if (std::ranges::mismatch(from_parts, to_parts).in1 == from_parts.end()) {
    return refused("a folder into itself", from);
  }
  if (const auto old = target.folder->names.find(target.name); old != target.folder->names.end()) {
    const Node& replaced = *old->second;
    if (old->second == node) return {};  // two names of one file: POSIX keeps both
    if (replaced.is_folder != node->is_folder) return refused("not of the same kind", to);
    if (!replaced.names.empty()) return refused("not empty", to);
  }
  disk_->count("rename", to);
  disk_->change_names({{target.folder, target.name, node}, {source.folder, source.name, nullptr}},
                      target.folder);
  return {};
}

Result<void> FaultyFileSystem::link(const std::string& from, const std::string& to) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_TRY(const NodePtr node, disk_->find_file(from));
  STRATOS_TRY(const Place place, disk_->find_place(to));
  if (place.folder->names.contains(place.name)) return fail(Errc::already_exists, to);
  disk_->count("link", to);
  disk_->change_names({{place.folder, place.name, node}}, place.folder);
  return {};
}

Result<void> FaultyFileSystem::make_dirs(const std::string& path) {
  if (is_dir(path)) return {};
  const std::string parent = parent_of(path);
  if (parent != path) STRATOS_CHECK(make_dirs(parent));
  {
    const std::lock_guard hold(disk_->mutex);
    STRATOS_CHECK(disk_->check_power());
    STRATOS_TRY(const Place place, disk_->find_place(path));
    const auto entry = place.folder->names.find(place.name);
    if (entry != place.folder->names.end()) {
      if (entry->second->is_folder) return {};
      return fail(Errc::already_exists, path);
    }
    disk_->count("make_dir", path);
    disk_->change_names({{place.folder, place.name, std::make_shared<Node>(true)}}, place.folder);
  }
  return sync_dir(parent);
}

Result<void> FaultyFileSystem::remove_dir(const std::string& path) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_TRY(const NodePtr node, disk_->find_folder(path));
  STRATOS_TRY(const Place place, disk_->find_place(path));
  if (!node->names.empty()) return refused("not empty", path);
  disk_->count("remove_dir", path);
  disk_->change_names({{place.folder, place.name, nullptr}}, place.folder);
  return {};
}

Result<void> FaultyFileSystem::sync_dir(const std::string& path) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_TRY(const NodePtr folder, disk_->find_folder(path));
  disk_->count("sync_dir", path);
  if (disk_->sync_fails(path)) return fail(Errc::sync_failed, "sync of " + path);
  if (!disk_->sync_is_ignored(path)) disk_->sync_names(folder.get());
  return {};
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& path) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_TRY(const NodePtr folder, disk_->find_folder(path));
  std::vector<std::string> names;
  for (const auto& [name, node] : folder->names) names.push_back(name);
  return names;
}

bool FaultyFileSystem::exists(const std::string& path) {
  const std::lock_guard hold(disk_->mutex);
  return disk_->check_power() && disk_->find(path);
}

bool FaultyFileSystem::is_dir(const std::string& path) {
  const std::lock_guard hold(disk_->mutex);
  return disk_->check_power() && disk_->find_folder(path);
}

Result<std::uint64_t> FaultyFileSystem::modified_time_s(const std::string& path) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_TRY(const NodePtr node, disk_->find(path));
  return node->modified;
}

Result<std::uint64_t> FaultyFileSystem::free_bytes(const std::string& path) {
  const std::lock_guard hold(disk_->mutex);
  STRATOS_CHECK(disk_->check_power());
  STRATOS_CHECK(disk_->find(path));
  return disk_->capacity - std::min(disk_->capacity, disk_->used);
}

Result<std::unique_ptr<FolderLock>> FaultyFileSystem::lock(const std::string& path) {
  STRATOS_CHECK(open(path + "/LOCK", OpenMode::create_or_open));
  const std::lock_guard hold(disk_->mutex);
  STRATOS_TRY(NodePtr folder, disk_->find_folder(path));
  if (!disk_->locks.try_emplace(folder.get(), disk_->last_lock + 1).second) {
    return fail(Errc::folder_locked, path + " is in use");
  }
  return std::make_unique<HeldLock>(disk_, std::move(folder), ++disk_->last_lock);
}

}  // namespace stratos::io
