// BackupKeeper: keeps sealed files of the index's backup for the meta layer, in a folder of the
// node and within a bound. Format: docs/formats/backup.md.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <optional>

#include "base/metrics.hpp"
#include "io/file_system.hpp"
#include "meta/backup_wire.hpp"
#include "resource/host/service.hpp"
#include "runtime/sync.hpp"

namespace stratos::resource {

// Files on disk. All calls block; one thread at a time.
class BackupShelf {
 public:
  BackupShelf(io::FileSystem& fs, std::string folder, std::uint64_t max_bytes)
      : fs_(fs), folder_(std::move(folder)), max_bytes_(max_bytes) {}
  Result<void> open();
  // Of all that it holds, parts of files too. Any thread.
  const std::atomic<std::uint64_t>& bytes() const { return bytes_; }

  Result<void> put(const meta::PutBackup& request, ByteView part);
  struct Part {
    Bytes bytes;
    std::uint64_t size = 0;
  };
  Result<Part> get(const meta::GetBackup& request) const;
  meta::ListBackupReply list(const meta::ListBackup& request) const;
  Result<void> remove(const std::vector<std::string>& names);

  // Who may use it, as it said itself when it was last asked. None: nobody yet.
  std::optional<crypto::MachineKey> owner() const;
  Result<void> set_owner(const crypto::MachineKey& owner);

 private:
  Result<void> begin_part(const meta::PutBackup& request);
  Result<void> finish_part(const meta::PutBackup& request);
  void forget_part();
  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }
  std::string part_path() const { return path_of("part"); }

  io::FileSystem& fs_;
  std::string folder_;
  std::uint64_t max_bytes_;
  std::map<std::string, std::uint64_t> files_;
  // One file arrives at a time: there is one who sends.
  std::string part_name_;
  std::uint64_t part_bytes_ = 0;
  std::atomic<std::uint64_t> bytes_{0};
};

// Belongs to the node's runtime. What it is given outlives it.
class BackupKeeper final : public Service {
 public:
  static Task<Result<std::unique_ptr<BackupKeeper>>> open(Runtime& runtime, io::FileSystem& fs,
                                                          std::string folder,
                                                          std::uint64_t max_bytes,
                                                          metrics::Registry& metrics);
  BackupKeeper(Runtime& runtime, io::FileSystem& fs, std::string folder, std::uint64_t max_bytes,
               metrics::Registry& metrics);

  const std::atomic<std::uint64_t>& bytes() const { return shelf_.bytes(); }
  std::string_view name() const override { return "backup"; }
  std::uint64_t capability() const override { return 0; }
  void add_routes(net::Router& router) override;
  void joined(const Membership& membership) override;
  void report(meta::HeartbeatRequest&) const override;
  void heard(const meta::HeartbeatReply&) override {}
  std::vector<std::string> unready() const override { return {}; }
  void drain() override { draining_ = true; }
  Task<void> stop() override;

 private:
  template <class Response>
  using Answer = Task<Result<net::Reply<Response>>>;
  Answer<meta::PutBackupReply> put(net::CallContext context, meta::PutBackup request, Buffer body);
  Answer<meta::GetBackupReply> get(net::CallContext context, meta::GetBackup request);
  Answer<meta::ListBackupReply> list(net::CallContext context, meta::ListBackup request);
  Answer<meta::RemoveBackupReply> remove(net::CallContext context, meta::RemoveBackup request);
  // One call at a time, of the meta layer alone.
  Task<Result<void>> enter(crypto::MachineKey peer);

  Runtime& runtime_;
  BackupShelf shelf_;
  std::optional<crypto::MachineKey> owner_;
  std::optional<crypto::MachineKey> stored_owner_;
  bool draining_ = false;
  metrics::Gauge& bytes_;
  Semaphore turn_;
};

}  // namespace stratos::resource
