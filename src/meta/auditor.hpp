// Auditor: asks storage nodes for random bytes of what they should hold and orders what came of it;
// once an hour it has the scores of all nodes computed. A challenge that is not answered in time is
// contained: the same leaf is asked for again until the node answers or need not hold it any more.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/metrics.hpp"
#include "meta/audit.hpp"
#include "meta/audit_commands.hpp"
#include "meta/dialer.hpp"
#include "meta/granter.hpp"
#include "meta/inventory.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {

constexpr std::uint32_t kLeastAuditsPerDay = 5;

struct AuditorOptions {
  std::uint32_t audits_per_day = 24;  // of each node that holds something
  Duration interval = 1s;             // between two looks at what is due
  Duration timeout = 10s;             // for an answer
  Duration first_retry = 1min;        // of a contained challenge; doubles up to the last
  Duration last_retry = 1h;
  Duration score_every = 1h;
  std::size_t at_once = 8;
};

// Belongs to one runtime. References outlive it.
class Auditor {
 public:
  struct Parts {
    Runtime& runtime;
    const kv::Store& store;
    const OrderedRandomness& randomness;
    Granter::Order order;
    Dialer& dialer;
    std::function<bool(NodeId)> is_heard;  // the node speaks to the meta layer
    // Has a fragment that failed taken off the node's record.
    std::function<Task<Result<void>>(FragmentId, NodeId, bool damaged)> lose;
    // What readers said since the last call, by node.
    std::function<std::map<NodeId, NodeService>()> take_services;
    metrics::Registry& metrics;
  };
  Auditor(Parts parts, AuditorOptions options);

  void start() { tasks_.spawn(run()); }
  Task<void> stop();

 private:
  // What is asked of a node.
  struct Challenge {
    NodeRecord node;
    InventoryLeaf held;
    std::uint64_t leaf = 0;
  };
  struct Plan {
    MonotonicTime next;  // draw
    bool busy = false;
    std::string endpoint;
    crypto::MachineKey key;
    std::shared_ptr<net::Channel> channel;
  };
  using Contained = std::pair<NodeId, FragmentId>;
  struct Retry {
    MonotonicTime at;
    Duration pause{};
  };

  Task<void> run();
  std::vector<NodeRecord> nodes() const;
  void start_due(const std::vector<NodeRecord>& known);
  void start_draw(const NodeRecord& node);
  void start_retry(const NodeRecord& node);
  Duration pause_of(const NodeRecord& node);
  std::optional<Challenge> draw(const NodeRecord& node) const;
  std::optional<Challenge> again(const NodeRecord& node, const FragmentId& fragment) const;
  Task<void> audit(Challenge challenge);
  Task<Result<void>> ask(const Challenge& challenge);
  Task<void> settle(Challenge challenge, AuditOutcome outcome, bool is_damaged);
  Task<void> record(AuditResult result);
  Task<void> forget(NodeId node, FragmentId fragment);
  void plan_retry(const Contained& contained, bool is_answered);
  void count(AuditOutcome outcome);
  Task<void> score_all(std::vector<NodeRecord> known);

  Parts parts_;
  AuditorOptions options_;
  std::map<NodeId, Plan> plans_;
  std::map<Contained, Retry> retries_;
  MonotonicTime scores_due_;
  bool stopping_ = false;
  metrics::Counter& passed_;
  metrics::Counter& failed_;
  metrics::Counter& contained_;
  metrics::Histogram& seconds_;
  Semaphore free_;
  WaitQueue woken_;
  TaskGroup audits_;
  TaskGroup tasks_;
};

}  // namespace stratos::meta
