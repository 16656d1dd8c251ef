#include "resource/node.hpp"
#include "resource/node_key.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "resource/backup/backup_keeper.hpp"
#include "resource/storage/fragment_store.hpp"
#include "resource/storage/storage_service.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::resource {
namespace {

constexpr std::string_view kFormat = "stratos node 1\n";
constexpr Duration kOpenCost = 1ms;
constexpr Duration kRetryDelay = 200ms;
constexpr Duration kMaxRetryDelay = 5s;

std::string format_path(const std::string& folder) { return folder + "/FORMAT"; }
std::string storage_folder(const std::string& folder) { return folder + "/storage"; }

Result<void> check_format(io::FileSystem& fs, const std::string& folder) {
  STRATOS_TRY(const Bytes format, io::read_file(fs, format_path(folder), 64));
  if (as_text(format) != kFormat) {
    return fail(Errc::unknown_format, folder + " has the format " + std::string(as_text(format)));
  }
  return {};
}

Result<std::unique_ptr<io::FolderLock>> claim_folder(io::FileSystem& fs,
                                                     const std::string& folder) {
  STRATOS_CHECK(fs.make_dirs(folder));
  STRATOS_TRY(auto lock, fs.lock(folder));
  const std::string path = format_path(folder);
  if (!fs.exists(path)) {
    STRATOS_CHECK(io::write_file_atomic(fs, path, as_bytes(kFormat)));
    return lock;
  }
  STRATOS_CHECK(check_format(fs, folder));
  return lock;
}

class StorageNodeImpl final : public StorageNode {
 public:
  StorageNodeImpl(Runtime& runtime, io::FileSystem& fs, std::unique_ptr<net::Channel> meta,
                  crypto::MachineSigner key, NodeOptions options)
      : runtime_(runtime),
        fs_(fs),
        meta_(std::move(meta)),
        key_(std::move(key)),
        options_(std::move(options)),
        incarnation_(runtime.random().next_u64() | 1),
        woken_(runtime),
        tasks_(runtime, "node") {}

  Task<Result<void>> start(metrics::Registry& metrics) {
    auto claim = [&fs = fs_, folder = options_.folder] { return claim_folder(fs, folder); };
    auto claimed = co_await runtime_.offload(std::move(claim), kOpenCost);
    STRATOS_CO_TRY(lock_, std::move(claimed));
    const std::uint64_t capacity = options_.storage.store.capacity_bytes;
    const std::uint64_t most =
        capacity == 0 ? options_.backup_bytes : std::min(options_.backup_bytes, capacity / 10);
    STRATOS_CO_TRY(auto keeper, co_await BackupKeeper::open(
                                    runtime_, fs_, options_.folder + "/backup", most, metrics));
    options_.storage.store.beside_bytes = &keeper->bytes();
    STRATOS_CO_TRY(auto storage,
                   co_await StorageService::open(runtime_, fs_, storage_folder(options_.folder),
                                                 *meta_, key_, metrics, options_.storage));
    services_.push_back(std::move(storage));  // goes before what it looks at
    services_.push_back(std::move(keeper));
    router_.measure(runtime_, metrics);
    for (const auto& service : services_) service->add_routes(router_);
    co_return Result<void>{};
  }

  Task<Result<void>> join(std::string endpoint, Duration timeout) override {
    endpoint_ = std::move(endpoint);
    const MonotonicTime begin = runtime_.now();
    Duration delay = kRetryDelay;
    Result<void> registered = co_await register_now();
    while (!registered && runtime_.now() - begin < timeout && !stopping_) {
      (void)co_await woken_.wait(jittered(delay));
      delay = std::min(2 * delay, kMaxRetryDelay);
      registered = co_await register_now();
    }
    tasks_.spawn(heartbeat_loop());
    co_return registered;
  }

  const net::Router& router() const override { return router_; }
  NodeId id() const override { return membership_ ? membership_->node : NodeId(); }
  const crypto::MachineKey& key() const override { return key_.public_key(); }

  std::vector<std::string> unready() const override {
    std::vector<std::string> reasons;
    if (!problem_.empty()) reasons.push_back("meta: " + problem_);
    for (const auto& service : services_) {
      for (const std::string& reason : service->unready()) {
        reasons.push_back(std::string(service->name()) + ": " + reason);
      }
    }
    return reasons;
  }

  void drain() override {
    for (const auto& service : services_) service->drain();
  }

  Task<void> stop() override {
    stopping_ = true;
    woken_.wake_all();
    tasks_.cancel();
    co_await tasks_.join();
    for (const auto& service : services_) co_await service->stop();
    lock_.reset();
  }

 private:
  Duration jittered(Duration delay) {
    const auto half = static_cast<std::uint64_t>(delay.count() / 2);
    return Duration(static_cast<std::int64_t>(half + runtime_.random().below(half + 1)));
  }

  Task<Result<void>> register_now() {
    meta::RegisterRequest request;
    request.key = key_.public_key();
    request.endpoint = endpoint_;
    request.labels = options_.labels;
    request.capabilities = 0;
    for (const auto& service : services_) request.capabilities |= service->capability();
    meta::HeartbeatRequest figures = heartbeat();
    request.capacity_bytes = options_.storage.store.capacity_bytes != 0
                                 ? options_.storage.store.capacity_bytes
                                 : figures.used_bytes + figures.trash_bytes + figures.free_bytes;
    request.incarnation = incarnation_;
    auto find = [&fs = fs_, folder = options_.folder, key = key_.public_key()] {
      return load_succession(fs, folder, key);
    };
    STRATOS_CO_TRY(request.succession, co_await runtime_.offload(std::move(find), kOpenCost));
    auto called = co_await net::call<meta::RegisterReply>(
        *meta_, static_cast<std::uint16_t>(meta::MetaMethod::register_node), request, Buffer(),
        options_.call_timeout);
    if (!called) {
      note_problem(called.error());
      co_return fail(std::move(called).error());
    }
    const meta::RegisterReply& reply = called->head;
    membership_ = Membership{reply.node, reply.meta_key, reply.zone, reply.generation};
    problem_.clear();
    if (request.succession) {
      auto finish = [&fs = fs_, folder = options_.folder] {
        return note_succession_taken(fs, folder);
      };
      STRATOS_CO_CHECK(co_await runtime_.offload(std::move(finish), kOpenCost));
    }
    for (const auto& service : services_) service->joined(*membership_);
    log::info("node.joined", {{"node", to_string(reply.node)}, {"endpoint", endpoint_}});
    co_return Result<void>{};
  }

  meta::HeartbeatRequest heartbeat() const {
    meta::HeartbeatRequest request;
    request.node = id();
    request.incarnation = incarnation_;
    request.release = STRATOS_VERSION;
    for (const auto& service : services_) service->report(request);
    return request;
  }

  Task<void> heartbeat_loop() {
    while (!stopping_) {
      if (!membership_) {
        (void)co_await register_now();
      } else {
        co_await beat();
      }
      const Duration pause = problem_.empty() ? options_.heartbeat_interval
                                              : jittered(2 * options_.heartbeat_interval);
      const Result<void> woken = co_await woken_.wait(pause);
      if (!woken && woken.error().code() == Errc::cancelled) co_return;
    }
  }

  Task<void> beat() {
    const meta::HeartbeatRequest request = heartbeat();
    auto called = co_await net::call<meta::HeartbeatReply>(
        *meta_, static_cast<std::uint16_t>(meta::MetaMethod::heartbeat), request, Buffer(),
        options_.call_timeout);
    if (called) {
      problem_.clear();
      // A restored index knows us by another number, or not at all.
      if (called->head.generation != membership_->generation) {
        membership_.reset();
        woken_.wake_all();
        co_return;
      }
      for (const auto& service : services_) service->heard(called->head);
      co_return;
    }
    note_problem(called.error());
    // The meta layer lost us, or another process took our place and may be gone by now.
    const Errc code = called.error().code();
    const bool is_lost = code == Errc::no_such_node || code == Errc::duplicate_node_key ||
                         code == Errc::permission_denied;
    if (is_lost) membership_.reset();
  }

  void note_problem(const Error& error) {
    if (error.code() == Errc::cancelled || stopping_) return;
    const std::string text = error.to_string();
    if (text != problem_) log::warn("node.meta_unreachable", {{"error", text}});
    problem_ = text;
  }

  Runtime& runtime_;
  io::FileSystem& fs_;
  std::unique_ptr<net::Channel> meta_;
  crypto::MachineSigner key_;
  NodeOptions options_;
  std::uint64_t incarnation_;
  std::string endpoint_;
  std::unique_ptr<io::FolderLock> lock_;
  net::Router router_;
  std::vector<std::unique_ptr<Service>> services_;
  std::optional<Membership> membership_;
  std::string problem_;
  bool stopping_ = false;
  WaitQueue woken_;
  TaskGroup tasks_;
};

}  // namespace

Task<Result<std::unique_ptr<StorageNode>>> StorageNode::open(Runtime& runtime, io::FileSystem& fs,
                                                             std::unique_ptr<net::Channel> meta,
                                                             crypto::MachineSigner key,
                                                             metrics::Registry& metrics,
                                                             NodeOptions options) {
  auto node = std::make_unique<StorageNodeImpl>(runtime, fs, std::move(meta), std::move(key),
                                                std::move(options));
  STRATOS_CO_CHECK(co_await node->start(metrics));
  co_return node;
}

Result<std::set<std::uint8_t>> stored_formats(io::FileSystem& fs, const std::string& folder) {
  STRATOS_CHECK(check_format(fs, folder));
  return FragmentStore::stored_formats(fs, storage_folder(folder));
}

}  // namespace stratos::resource
