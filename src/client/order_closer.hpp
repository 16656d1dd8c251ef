// OrderCloser: keeps the books of a client's traffic. It tells nodes the last orders of limits that
// rest or end, and hands in how each epoch's bytes spread over buckets.
#pragma once
#include <deque>
#include <memory>

#include "client/order_book.hpp"

namespace stratos::client {

// Belongs to one runtime. References outlive it.
class OrderCloser {
 public:
  OrderCloser(Runtime& runtime, meta::MetaClient& meta, NodeDirectory& directory, OrderBook& orders)
      : runtime_(runtime), meta_(meta), directory_(directory), orders_(orders) {}

  // Until it is cancelled.
  Task<void> run();
  // Ends the use of all limits and hands in what can be within `timeout`; the rest stays unsplit.
  // Nothing is ordered from the book afterwards.
  Task<void> finish(Duration timeout);

 private:
  struct Waiting {
    std::shared_ptr<TrafficTally> tally;
    std::uint32_t attempts = 0;
    MonotonicTime next;
  };
  Task<Result<void>> close_all();
  Task<void> sign_off(bool all);
  Task<void> tell(NodeId node, std::vector<meta::Order> orders);
  void collect();
  // Whether the split needs no further attempt.
  Task<bool> hand_in(TrafficTally& tally);
  Task<void> leave_out_mismatches(TrafficTally& tally);
  Task<void> hand_in_some(bool all);

  Runtime& runtime_;
  meta::MetaClient& meta_;
  NodeDirectory& directory_;
  OrderBook& orders_;
  std::deque<Waiting> waiting_;
};

}  // namespace stratos::client
