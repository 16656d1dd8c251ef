// OrderBook: the client's limits and the orders it has signed under them.
#pragma once
#include <map>
#include <memory>

#include "client/node_directory.hpp"
#include "meta/limit.hpp"
#include "runtime/sync.hpp"

namespace stratos::client {

// Belongs to one runtime. References outlive it.
class OrderBook {
 public:
  OrderBook(Runtime& runtime, meta::MetaClient& meta, const NodeDirectory& directory,
            AccountId payer);

  // An order that covers `bytes` more at this node. Limits are fetched for all known nodes at once
  // and reused until they are used up or expire; a signature is made once a step.
  Task<Result<meta::Order>> order(NodeId node, meta::Action action, std::uint64_t bytes);
  // The node knows the limit now: it need not travel again.
  void note_accepted(NodeId node, meta::Action action, const meta::Order& order);
  // The node refused: the limit travels again, or a new one is taken.
  void note_refused(NodeId node, meta::Action action, const meta::Order& order);

 private:
  struct Open {
    meta::SignedLimit signed_limit;
    meta::Limit limit;
    std::shared_ptr<const crypto::MachineSigner> session;
    std::uint64_t used = 0;
    std::uint64_t signed_bytes = 0;
    crypto::MachineSignature signature;
    bool accepted = false;
    std::uint32_t refusals = 0;
  };
  using Key = std::pair<NodeId, meta::Action>;

  bool usable(const Open& open, std::uint64_t bytes);
  Task<Result<void>> fetch(NodeId node, meta::Action action);
  meta::Order draw(Open& open, std::uint64_t bytes);

  Runtime& runtime_;
  meta::MetaClient& meta_;
  const NodeDirectory& directory_;
  AccountId payer_;
  std::map<Key, Open> open_;
  Semaphore fetching_;
};

}  // namespace stratos::client
