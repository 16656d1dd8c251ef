// NodeHost: one storage node as this program runs it, inside `stratos dev` or as a process of its
// own.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "crypto/keys.hpp"
#include "io/file_system.hpp"
#include "meta/labels.hpp"
#include "net/rpc.hpp"

namespace stratos::cli {

struct NodeHostOptions {
  std::string folder;
  std::string address = "127.0.0.1:0";
  std::uint64_t capacity_bytes = 0;  // of the folder; 0: what the disk has
  std::vector<meta::Label> labels;
  std::uint64_t reserve_bytes = 16 << 20;
  std::uint32_t scrub_within_seconds = 24 * 3600;
};

// Lives on one runtime; what it is given outlives it.
class NodeHost {
 public:
  // Opens the store, registers with the meta layer behind `meta` and serves.
  static Task<Result<std::unique_ptr<NodeHost>>> start(Runtime& runtime, io::FileSystem& fs,
                                                       std::unique_ptr<net::Channel> meta,
                                                       crypto::MachineSigner key,
                                                       metrics::Registry& metrics,
                                                       NodeHostOptions options);
  virtual ~NodeHost() = default;
  virtual NodeId id() const = 0;
  virtual std::string address() const = 0;
  virtual const crypto::MachineKey& key() const = 0;
  virtual const net::Router& router() const = 0;
  virtual Task<void> stop() = 0;
};

}  // namespace stratos::cli
