// Repairer: brings segments back to all their fragments. It looks for fragments that are missing or
// whose node is gone, has the most endangered segments rebuilt first, each fragment by the node
// that will hold it, and orders the result by compare-and-set.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/metrics.hpp"
#include "meta/dialer.hpp"
#include "meta/granter.hpp"
#include "meta/node_orders.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {

struct RepairOptions {
  Duration interval = 1s;       // between two looks when there was nothing to do
  Duration gone_after = 15min;  // silent for longer: its fragments are made anew elsewhere
  std::size_t at_once = 4;      // fragments
  std::uint64_t bytes_per_second = 256ULL << 20;  // read from nodes, on average
};

struct RepairStatus {
  std::uint64_t running = 0;
  std::uint64_t repaired_fragments = 0;
  std::uint64_t repaired_bytes = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes_per_second = 0;  // of rebuilt fragments, of late
  std::string last_error;
  static void fields(auto& self, auto&& field) {
    field(1, self.running);
    field(2, self.repaired_fragments);
    field(3, self.repaired_bytes);
    field(4, self.failed);
    field(5, self.bytes_per_second);
    field(6, self.last_error);
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
    metrics::Registry& metrics;
  };
  Repairer(Parts parts, ZoneId zone, RepairOptions options);

  RepairStatus status() const;
  void start() { tasks_.spawn(run()); }
  Task<void> stop();

 private:
  struct Node {
    NodeRecord record;
    bool serves = false;  // answers reads
    bool takes = false;   // new fragments too
    bool gone = false;    // what it holds must be made anew
  };
  struct View {
    std::map<NodeId, Node> nodes;
    NodeTable table;
    const Node* find(NodeId id) const;
  };
  // A fragment to make and where.
  struct Job {
    SegmentRecord segment;
    std::uint8_t index = 0;
    std::optional<NodeId> replaces;
    NodeId target;
    std::int32_t margin = 0;
  };

  Task<void> run();
  Result<View> look() const;
  Result<std::vector<Job>> find_jobs(const View& view);
  Result<std::set<SegmentId>> find_suspects(const View& view);
  void add_job(const View& view, const SegmentRecord& segment, std::vector<Job>& jobs) const;
  std::optional<NodeId> choose_target(const View& view, const SegmentRecord& segment,
                                      std::optional<NodeId> replaced) const;
  Task<void> do_job(std::shared_ptr<const View> view, Job job);
  Task<Result<void>> repair(const View& view, const Job& job);
  Task<Result<RebuildRequest>> request_for(const View& view, const Job& job);
  Task<Result<void>> keep_to_budget(std::uint64_t bytes);
  std::shared_ptr<net::Channel> channel_to(const NodeRecord& node);
  void count(std::uint64_t bytes);

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
  RepairStatus status_;
  double rate_ = 0;
  MonotonicTime window_begin_;
  std::uint64_t window_bytes_ = 0;
  MonotonicTime budget_free_;  // when the budget is in balance again
  bool stopping_ = false;
  metrics::Counter& fragments_;
  metrics::Counter& bytes_;
  metrics::Counter& failures_;
  Semaphore free_;
  WaitQueue woken_;
  TaskGroup jobs_;
  TaskGroup tasks_;
};

}  // namespace stratos::meta
