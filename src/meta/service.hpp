// MetaService: a meta node. Orders its clients' commands, answers reads, signs limits from its
// grants, watches the storage nodes.
#pragma once
#include <memory>
#include <string>

#include "base/metrics.hpp"
#include "crypto/keys.hpp"
#include "io/file_system.hpp"
#include "kv/store.hpp"
#include "meta/auditor.hpp"
#include "meta/holder_scan.hpp"
#include "meta/index_backup.hpp"
#include "meta/repairer.hpp"
#include "net/rpc.hpp"
#include "runtime/runtime.hpp"

namespace stratos::meta {

struct ServiceOptions {
  std::string folder;  // holds log/ and, unless in memory, index/
  Params params;       // of a new network
  ZoneId zone;
  Duration node_timeout = 5s;  // without a heartbeat a node counts as down
  std::uint64_t grant_noz = 1ULL << 40;
  std::uint64_t grant_segments = 1ULL << 24;
  std::uint64_t flush_after_bytes = 64ULL << 20;
  // Gateways and operators: who may submit commands, read the index and draw on grants.
  std::vector<crypto::MachineKey> clients;
  bool deterministic_store = false;  // for the simulator
  // Reaches the nodes; without it nothing is repaired or audited. Outlives the service.
  Dialer* dialer = nullptr;
  RepairOptions repair;
  AuditorOptions audit;
  std::optional<BackupTarget> backup;  // of the index
  MetaKeyChain key_chain;              // leads to the signer's key
  ScanOptions scan;
};

// Lives on one runtime.
class MetaService {
 public:
  // Opens or creates the index in the folder and begins to serve `router()`.
  static Task<Result<std::unique_ptr<MetaService>>> start(Runtime& runtime, io::FileSystem& fs,
                                                          crypto::MachineSigner signer,
                                                          metrics::Registry& metrics,
                                                          ServiceOptions options);
  virtual ~MetaService() = default;
  virtual const net::Router& router() const = 0;
  // Whether a machine with this key may connect: registered nodes, and machines that register.
  virtual bool knows_node(const crypto::MachineKey& key) const = 0;
  virtual Height height() const = 0;
  virtual Task<void> stop() = 0;
};

}  // namespace stratos::meta
