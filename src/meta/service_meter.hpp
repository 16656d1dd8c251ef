// ServiceMeter: what readers report of storage nodes, gathered until the hour's score. No reader
// moves a score alone where three report: the median of what they saw counts.
#pragma once
#include <map>
#include <vector>

#include "crypto/keys.hpp"
#include "meta/audit_commands.hpp"

namespace stratos::meta {

// One node as one reader saw it since its last report. The reader is who the connection proves.
struct NodeReads {
  NodeId node;
  std::uint64_t reads = 0;     // of at most kSmallReadBytes
  std::uint64_t read_us = 0;   // their times together
  std::uint64_t bulk_kib = 0;  // of larger ones
  std::uint64_t bulk_us = 0;   // their times together
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.reads);
    field(3, self.read_us);
    field(4, self.bulk_kib);
    field(5, self.bulk_us);
  }
};
// An answer of this length tells how soon a first byte comes.
constexpr std::uint64_t kSmallReadBytes = 64 * 1024;

struct ServiceReport {
  static constexpr std::size_t kMax = 1024;
  std::vector<NodeReads> nodes;
  static void fields(auto& self, auto&& field) { field(1, self.nodes); }
};
struct ServiceReportReply {
  static void fields(auto&, auto&&) {}
};

class ServiceMeter {
 public:
  // Errc::too_large.
  Result<void> note(const crypto::MachineKey& reader, const ServiceReport& report);
  // Everything since the last call, by node; `heard` is left to the caller.
  std::map<NodeId, NodeService> take();

 private:
  static constexpr std::size_t kMaxNodes = 65'536;
  std::map<NodeId, std::map<crypto::MachineKey, NodeReads>> nodes_;
};

}  // namespace stratos::meta
