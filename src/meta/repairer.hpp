// Repairer: brings segments back to all their fragments. It looks for fragments that are missing or
// whose node is gone, has the most endangered segments rebuilt first, each fragment by the node
// that will hold it, and orders the result by compare-and-set. When nothing is left to repair it
// moves fragments off nodes that are much fuller than others.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/metrics.hpp"
#include "meta/balance.hpp"
#include "meta/dialer.hpp"
#include "meta/granter.hpp"
#include "meta/node_orders.hpp"
#include "meta/node_wire.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {

struct RepairOptions {
  Duration interval = 1s;       // between two looks when there was nothing to do
  Duration gone_after = 15min;  // silent for longer: its fragments are made anew elsewhere
  std::size_t at_once = 4;      // fragments
  std::uint64_t bytes_per_second = 256ULL << 20;  // read from nodes, on average, also for balance
  // Fragments move once a node is so much fuller than another, in thousandths; kFull: never.
  std::uint32_t balance_above = 100;
};

struct RepairStatus {
  std::uint64_t running = 0;
  std::uint64_t repaired_fragments = 0;
  std::uint64_t repaired_bytes = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes_per_second = 0;  // of rebuilt fragments, of late
  std::string last_error;
  BalanceStatus balance;
  static void fields(auto& self, auto&& field) {
    field(1, self.running);
    field(2, self.repaired_fragments);
    field(3, self.repaired_bytes);
    field(4, self.failed);
    field(5, self.bytes_per_second);
    field(6, self.last_error);
    field(7, self.balance);
  }
};

// Belongs to one runtime. References outlive it.
class Repairer {
 public:
  struct Parts {
    Runtime& runtime;
    const kv::Store& store;
    Granter& granter;
    Granter::Order order;
    Dialer& dialer;
    // How long ago a node was heard.
    std::function<Duration(NodeId)> silence;
    // Its last heartbeat; zeros when there was none.
    std::function<HeartbeatRequest(NodeId)> said;
    metrics::Registry& metrics;
    // Whether what looks missing may be found yet: nothing is repaired meanwhile.
    std::function<bool()> waits;
  };
  Repairer(Parts parts, ZoneId zone, RepairOptions options);

  RepairStatus status() const;
  void start() { tasks_.spawn(run()); }
  Task<void> stop();

 private:
  struct View {
    NodeViews nodes;
    NodeTable table;
    const NodeView* find(NodeId id) const;
  };
  // A fragment to make and where.
  struct Job {
    SegmentRecord segment;
    std::uint8_t index = 0;
    std::optional<NodeId> replaces;
    NodeId target;
    std::int32_t margin = 0;
    bool is_move = false;
  };

  Task<void> run();
  Result<View> look() const;
  NodeView view_of(const State& state, NodeRecord record) const;
  Result<std::vector<Job>> find_jobs(const View& view);
  Result<std::vector<Job>> find_moves(const View& view);
  Result<std::set<SegmentId>> find_suspects(const View& view);
  void add_job(const View& view, const SegmentRecord& segment, std::vector<Job>& jobs) const;
  Task<void> do_job(std::shared_ptr<const View> view, Job job);
  Task<Result<void>> repair(const View& view, const Job& job);
  Task<Result<RebuildRequest>> request_for(const View& view, const Job& job);
  static std::uint64_t bytes_to_read(const View& view, const Job& job);
  Task<Result<void>> keep_to_budget(std::uint64_t bytes);
  std::shared_ptr<net::Channel> channel_to(const NodeRecord& node);
  void count(const Job& job);

  Parts parts_;
  ZoneId zone_;
  RepairOptions options_;
  struct Peer {
    std::string endpoint;
    crypto::MachineKey key;
    std::shared_ptr<net::Channel> channel;
  };
  std::map<NodeId, Peer> peers_;
  std::map<NodeId, MonotonicTime> resting_;  // targets that failed of late
  std::map<NodeId, Bytes> cursors_;          // how far a gone node's fragments were looked at
  Balancer balancer_;
  MonotonicTime balance_due_;
  RepairStatus status_;
  std::uint64_t done_ = 0;  // jobs
  double rate_ = 0;
  MonotonicTime window_begin_;
  std::uint64_t window_bytes_ = 0;
  MonotonicTime budget_free_;  // when the budget is in balance again
  bool stopping_ = false;
  metrics::Counter& fragments_;
  metrics::Counter& bytes_;
  metrics::Counter& failures_;
  metrics::Counter& moves_;
  metrics::Counter& moved_bytes_;
  Semaphore free_;
  WaitQueue woken_;
  TaskGroup jobs_;
  TaskGroup tasks_;
};

}  // namespace stratos::meta
