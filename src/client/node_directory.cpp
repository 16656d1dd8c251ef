#include "client/node_directory.hpp"

namespace stratos::client {
namespace {
// A failing node's endpoint is looked up again, but not more often than this.
constexpr Duration kRefreshPeriod = 1s;
}  // namespace

NodeDirectory::NodeDirectory(Runtime& runtime, meta::MetaClient& meta, Dialer& dialer)
    : runtime_(runtime), meta_(meta), dialer_(dialer), refreshing_(runtime, 1) {}

Task<Result<NodeDirectory::Node*>> NodeDirectory::find(NodeId id) {
  auto found = nodes_.find(id);
  const bool stale = found != nodes_.end() && found->second->failed_last &&
                     runtime_.now() - refreshed_ > kRefreshPeriod;
  if (found == nodes_.end() || stale) {
    STRATOS_CO_CHECK(co_await refresh_since(runtime_.now()));
    found = nodes_.find(id);
  }
  if (found == nodes_.end()) co_return fail(Errc::no_such_node, to_string(id));
  co_return found->second.get();
}

Task<Result<void>> NodeDirectory::refresh() { return refresh_since(runtime_.now()); }

// Callers that wait for the same look at the registry share it.
Task<Result<void>> NodeDirectory::refresh_since(MonotonicTime asked) {
  STRATOS_CO_CHECK(co_await refreshing_.acquire(10s));
  if (refreshed_ > asked) {
    refreshing_.release();
    co_return Result<void>{};
  }
  const meta::GetNodes query;
  const auto reply = co_await meta_.query(query);
  refreshing_.release();
  if (!reply) co_return fail(reply.error());
  refreshed_ = runtime_.now();
  for (const meta::NodeRecord& record : reply->nodes) {
    std::unique_ptr<Node>& node = nodes_[record.id];
    if (!node) node = std::make_unique<Node>();
    const bool moved = !node->channel || node->record.endpoint != record.endpoint ||
                       node->record.key != record.key;
    node->record = record;
    if (!moved) continue;
    if (node->channel) retired_.push_back(std::move(node->channel));
    node->channel = dialer_.dial(record);
  }
  co_return Result<void>{};
}

std::vector<NodeId> NodeDirectory::known_nodes() const {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes_) ids.push_back(id);
  return ids;
}

void NodeDirectory::note_success(Node& node, Duration took) {
  node.latency = (node.latency * 7 + took) / 8;
  node.failed_last = false;
}

void NodeDirectory::note_failure(Node& node) { node.failed_last = true; }

}  // namespace stratos::client
