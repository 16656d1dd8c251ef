// StorageNode: a machine of the resource layer. Holds the data folder, its identity and its place
// in the registry, and hosts services.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "crypto/keys.hpp"
#include "io/file_system.hpp"
#include "meta/labels.hpp"
#include "net/rpc.hpp"
#include "resource/host/service.hpp"
#include "resource/storage/storage_options.hpp"

namespace stratos::resource {

struct NodeOptions {
  std::string folder;
  std::vector<meta::Label> labels;  // at least at the levels of the network's spread
  Duration heartbeat_interval = 1s;
  Duration call_timeout = 5s;
  std::uint64_t backup_bytes = 4ULL << 30;  // of the index's backup, that it may keep here
  StorageOptions storage;
};

// Lives on one runtime.
//   auto node = co_await StorageNode::open(...);     // folder locked, store recovered
//   ... serve node->router() at some endpoint ...
//   co_await node->join(endpoint, 30s);
class StorageNode {
 public:
  // Errc::folder_locked, Errc::unknown_format, or what the store says. `fs` and `metrics` outlive
  // the node.
  static Task<Result<std::unique_ptr<StorageNode>>> open(Runtime& runtime, io::FileSystem& fs,
                                                         std::unique_ptr<net::Channel> meta,
                                                         crypto::MachineSigner key,
                                                         metrics::Registry& metrics,
                                                         NodeOptions options);
  virtual ~StorageNode() = default;

  // Registers under this endpoint (empty inside one process) and sends heartbeats from then on.
  // Tries again until `timeout`, and in the background afterwards.
  virtual Task<Result<void>> join(std::string endpoint, Duration timeout) = 0;
  virtual const net::Router& router() const = 0;
  // Zero before join().
  virtual NodeId id() const = 0;
  virtual const crypto::MachineKey& key() const = 0;
  // For /readyz: empty when the node does its whole work.
  virtual std::vector<std::string> unready() const = 0;
  virtual void drain() = 0;
  // Before destruction.
  virtual Task<void> stop() = 0;
};

// The formats of the volumes in a node's folder, which a node may use. Errc::unknown_format,
// Errc::corrupt_file, Errc::file_not_found.
Result<std::set<std::uint8_t>> stored_formats(io::FileSystem& fs, const std::string& folder);

}  // namespace stratos::resource
