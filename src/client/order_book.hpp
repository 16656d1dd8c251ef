// OrderBook: the client's limits, the orders it has signed under them, and which bucket each byte
// was for. Rules: docs/formats/orders.md.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "client/node_directory.hpp"
#include "client/traffic_tally.hpp"
#include "meta/limit.hpp"
#include "runtime/sync.hpp"

namespace stratos::client {

// Belongs to one runtime. References outlive it.
class OrderBook {
 public:
  OrderBook(Runtime& runtime, meta::MetaClient& meta, const NodeDirectory& directory,
            AccountId payer);

  // An order for a request of that many bytes at this node, which is under way until one of the
  // notes below. Limits are fetched for all known nodes at once and reused until they are used up
  // or their epoch ends; a signature is made once a step.
  Task<Result<meta::Order>> order(NodeId node, meta::Action action, std::uint64_t bytes);
  // The node answered: it knows the limit now, and `delivered` of the bytes count.
  void note_delivered(const meta::Order& order, std::uint64_t bytes, std::uint64_t delivered,
                      BucketId bucket);
  // The node refused: the limit travels again, or a new one is taken.
  void note_refused(const meta::Order& order, std::uint64_t bytes);
  // Nothing was delivered.
  void note_failed(const meta::Order& order, std::uint64_t bytes);

  // An order for exactly what was delivered, that its node has not seen yet.
  struct Final {
    NodeId node;
    meta::Order order;
  };
  // Those of limits that have been idle for a second or are used no more; `all`: of every limit,
  // none of which is used again.
  std::vector<Final> finals(bool all);
  void note_told(const meta::Order& order, bool taken);
  // Sessions whose limits are all used up, expired and signed off.
  std::vector<std::shared_ptr<TrafficTally>> take_finished();
  // How many limits still wait for their last order.
  std::size_t unfinished() const;

  // For checks: hears of every signature, with all that it is for.
  using Witness = std::function<void(const meta::Limit& limit, std::uint64_t bytes)>;
  void set_witness(Witness witness) { witness_ = std::move(witness); }

 private:
  using LimitKey = std::pair<GrantId, std::uint64_t>;
  struct Open {
    meta::SignedLimit signed_limit;
    meta::Limit limit;
    std::shared_ptr<TrafficTally> session;
    MonotonicTime good_until;
    MonotonicTime last_use;
    std::uint64_t used = 0;  // delivered and under way
    std::uint64_t signed_bytes = 0;
    std::uint64_t told_bytes = 0;  // of what is signed, the node has seen
    crypto::MachineSignature signature;
    std::size_t under_way = 0;
    bool accepted = false;
    bool sign_now = false;
    bool retired = false;  // no new requests
    std::uint32_t refusals = 0;
    std::uint32_t untold = 0;  // attempts to tell the node
  };
  using Place = std::pair<NodeId, meta::Action>;

  Open* current(const Place& place);
  bool usable(const Open& open, std::uint64_t bytes) const;
  Task<Result<void>> fetch(NodeId node, meta::Action action);
  std::shared_ptr<TrafficTally> session_for(Epoch epoch, const crypto::MachineSigner& signer);
  void add(meta::SignedLimit signed_limit, meta::Limit limit, const crypto::MachineSigner& signer,
           MonotonicTime good_until);
  void sign(Open& open, std::uint64_t bytes);
  meta::Order draw(Open& open, std::uint64_t bytes);
  meta::Order order_of(const Open& open, bool with_limit) const;
  Open* finish_request(const meta::Order& order, std::uint64_t bytes);
  void close_finished();

  Runtime& runtime_;
  meta::MetaClient& meta_;
  const NodeDirectory& directory_;
  AccountId payer_;
  std::map<LimitKey, Open> open_;
  std::map<Place, LimitKey> current_;
  // Drawn anew for each epoch.
  std::optional<crypto::MachineSigner> signer_;
  std::map<std::pair<Epoch, crypto::MachineKey>, std::shared_ptr<TrafficTally>> sessions_;
  Semaphore fetching_;
  Witness witness_;
};

}  // namespace stratos::client
