// MetaHost: one meta node as this program runs it, inside `stratos dev` or as `stratos meta start`.
#pragma once
#include <memory>

#include "base/metrics.hpp"
#include "cli/dialer.hpp"
#include "cli/mesh_folder.hpp"
#include "meta/service.hpp"
#include "net/rpc.hpp"

namespace stratos::cli {

// A backup that is older is not what it should be.
constexpr std::int64_t kOldBackupSeconds = 60;
// What --backup says for the storage nodes.
constexpr std::string_view kBackupOnNodes = "nodes";

struct MetaHostOptions {
  // A node that is silent for longer is taken for gone: its fragments are made anew elsewhere.
  std::uint32_t repair_after_seconds = 60;
  std::uint32_t balance_above_percent = 10;  // fragments move from nodes that are fuller by more
  std::uint32_t audits_per_day = 24;         // of each storage node
  std::vector<std::string> backups;          // of the index: a folder, a bucket's URL, `nodes`
};

// Lives on one runtime; what it is given outlives it.
class MetaHost {
 public:
  static Task<Result<std::unique_ptr<MetaHost>>> start(Runtime& runtime, io::FileSystem& fs,
                                                       MeshFolder& folder,
                                                       const MeshSettings& settings,
                                                       metrics::Registry& metrics,
                                                       MetaHostOptions options);
  std::string address() const { return server_->address(); }
  const crypto::MachineKey& key() const { return key_.public_key(); }
  const net::Router& router() const { return service_->router(); }
  Task<void> stop();

 private:
  explicit MetaHost(crypto::MachineSigner key) : key_(std::move(key)) {}
  crypto::MachineSigner key_;
  std::unique_ptr<net::StreamSecurity> security_;
  std::unique_ptr<ProcessDialer> dialer_;
  std::unique_ptr<meta::MetaService> service_;
  std::unique_ptr<net::RpcServer> server_;
};

}  // namespace stratos::cli
