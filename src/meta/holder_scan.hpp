// HolderScan: compares what storage nodes really hold with the index, and puts holders that the
// index does not know onto the records of their segments: after a restore from a backup that is
// older than some repairs and moves. Nodes that come later are compared when they come, until
// drops resume. Fragments of segments that the index does not know are counted
// and left alone.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/metrics.hpp"
#include "meta/dialer.hpp"
#include "meta/granter.hpp"
#include "meta/holder_plan.hpp"
#include "meta/node_orders.hpp"
#include "meta/scan_status.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {

struct ScanOptions {
  Duration interval = 500ms;   // between two looks whether there is something to do
  Duration gather = 15s;       // for nodes to be heard, before the first scan begins
  Duration first_retry = 10s;  // after a scan with failures; doubles up to the last
  Duration last_retry = 10min;
  std::uint32_t page = 2048;  // fragments
  std::size_t at_once = 8;    // segments
};

// Belongs to one runtime. References outlive it.
class HolderScan {
 public:
  struct Parts {
    Runtime& runtime;
    const kv::Store& store;
    Granter::Order order;
    Dialer& dialer;
    std::function<bool(NodeId)> is_heard;  // the node speaks to the meta layer
    metrics::Registry& metrics;
  };
  HolderScan(Parts parts, ScanOptions options);

  void start() { tasks_.spawn(run()); }
  Task<void> stop();
  // One more scan, unless one runs.
  void ask_for_scan();
  // Before the first scan of a restored zone is done: what looks missing may be found yet.
  bool holds_up_repair() const { return status_.is_wanted && !status_.finished; }
  const ScanStatus& status() const { return status_; }

 private:
  struct Stream;  // a node's fragments, page by page
  struct Group;   // what all nodes hold of one segment
  struct Work;    // a segment whose record is to be changed
  struct Looked;
  using Streams = std::vector<std::unique_ptr<Stream>>;

  Task<void> run();
  bool is_due();
  bool all_heard(const std::vector<NodeRecord>& nodes) const;
  std::vector<NodeRecord> nodes() const;
  Task<void> scan();
  void begin(Streams& streams);
  Task<void> merge(Streams& streams);
  Task<void> fill(Stream& stream);
  static Group take_group(Streams& streams);
  Task<void> settle_groups(const Streams& streams, std::vector<Group> groups);
  Looked look(const std::vector<Group>& groups, const std::set<NodeId>& answering) const;
  Task<void> attach(std::shared_ptr<const Work> work);
  Task<Result<void>> attach_now(const Work& work);
  Task<Result<Receipt>> attest(const SegmentRecord& segment, const HeldCopy& copy);
  void finish(const Streams& streams);
  void note_failure(const Error& error);
  std::shared_ptr<net::Channel> channel_to(const NodeRecord& node);

  Parts parts_;
  ScanOptions options_;
  std::map<NodeId, NodeRecord> nodes_;  // as this scan began
  std::map<NodeId, std::shared_ptr<net::Channel>> channels_;
  std::set<NodeId> answered_;  // in the last scan, to its end
  ScanStatus status_;
  MonotonicTime gather_until_;
  MonotonicTime retry_at_;
  Duration retry_pause_;
  bool asked_ = false;
  bool stopping_ = false;
  metrics::Counter& attached_;
  metrics::Counter& failures_;
  Semaphore free_;
  WaitQueue woken_;
  TaskGroup works_;
  TaskGroup tasks_;
};

}  // namespace stratos::meta
