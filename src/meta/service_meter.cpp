#include "meta/service_meter.hpp"

#include <algorithm>

namespace stratos::meta {
namespace {

constexpr std::uint64_t kMaxReads = 100'000;  // more of one hour weigh no more
constexpr std::uint64_t kMaxKib = 100'000'000;
constexpr std::uint64_t kMaxReadUs = 10'000'000;  // of one read
constexpr std::uint64_t kMaxUsPerKib = 10'000;
constexpr std::uint64_t kMaxOfReport = 1ULL << 40;

void add(std::uint64_t& sum, std::uint64_t more) {
  sum = std::min(sum + std::min(more, kMaxOfReport), kMaxOfReport);
}

// The lower one of the middle two.
std::uint64_t median(std::vector<std::uint64_t> values) {
  std::ranges::sort(values);
  return values[(values.size() - 1) / 2];
}

NodeService combine(const std::map<crypto::MachineKey, NodeReads>& readers) {
  NodeService service;
  std::vector<std::uint64_t> read_us;
  std::vector<std::uint64_t> kib_ns;
  for (const auto& [reader, seen] : readers) {
    if (seen.reads > 0) read_us.push_back(std::min(seen.read_us / seen.reads, kMaxReadUs));
    if (seen.bulk_kib > 0) {
      kib_ns.push_back(std::min(seen.bulk_us * 1000 / seen.bulk_kib, kMaxUsPerKib * 1000));
    }
    service.reads = std::min(service.reads + seen.reads, kMaxReads);
    service.bulk_kib = std::min(service.bulk_kib + seen.bulk_kib, kMaxKib);
  }
  if (!read_us.empty()) service.read_us = service.reads * median(std::move(read_us));
  if (!kib_ns.empty()) service.bulk_us = service.bulk_kib * median(std::move(kib_ns)) / 1000;
  return service;
}

}  // namespace

Result<void> ServiceMeter::note(const crypto::MachineKey& reader, const ServiceReport& report) {
  if (report.nodes.size() > ServiceReport::kMax) return fail(Errc::too_large, "report");
  for (const NodeReads& seen : report.nodes) {
    if (nodes_.size() >= kMaxNodes && !nodes_.contains(seen.node)) continue;
    NodeReads& sum = nodes_[seen.node][reader];
    add(sum.reads, seen.reads);
    add(sum.read_us, seen.read_us);
    add(sum.bulk_kib, seen.bulk_kib);
    add(sum.bulk_us, seen.bulk_us);
  }
  return {};
}

std::map<NodeId, NodeService> ServiceMeter::take() {
  std::map<NodeId, NodeService> services;
  for (const auto& [node, readers] : nodes_) {
    services[node] = combine(readers);
    services[node].node = node;
  }
  nodes_.clear();
  return services;
}

}  // namespace stratos::meta
