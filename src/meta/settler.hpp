// Settler: the part of a meta node that takes what storage nodes hand in of an epoch. It checks
// limits and orders outside of the state machine, orders one compact command for each node and
// epoch, and signs the reports that the state machine makes.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "meta/index_machine.hpp"
#include "meta/settlement_wire.hpp"
#include "net/rpc.hpp"
#include "runtime/runtime.hpp"

namespace stratos::meta {

// Checks orders of one node and epoch and sums them up. Pure: runs where blocking is allowed.
class HandInSum {
 public:
  HandInSum(NodeId node, Epoch epoch, ZoneId zone, std::vector<crypto::MachineKey> meta_keys);
  // Errc::bad_hand_in for a limit or an order that cannot be settled, or out of order.
  Result<void> add(const std::vector<HandInOrder>& orders);
  // What is to be ordered, with the digest of what was added.
  SettleOrders finish() const;

 private:
  struct Key {
    GrantId grant;
    crypto::MachineKey session;
    Action action{};
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Sum {
    std::uint64_t limit_bytes = 0;
    std::uint64_t bytes = 0;
  };
  Result<void> add_one(const HandInOrder& order);

  NodeId node_;
  Epoch epoch_;
  ZoneId zone_;
  std::vector<crypto::MachineKey> meta_keys_;
  std::map<Key, Sum> sums_;
  HandInDigest digest_;
  std::optional<std::pair<GrantId, std::uint64_t>> last_;
  std::uint32_t orders_ = 0;
};

class Settler {
 public:
  using Order = std::function<Task<Result<Bytes>>(Verb verb, Bytes command)>;
  // References outlive the settler.
  Settler(Runtime& runtime, const crypto::MachineSigner& signer, const IndexMachine& machine,
          const kv::Store& store, ZoneId zone, Order order);

  // The caller is the node that the request names.
  Result<WindowReply> window() const;
  Task<Result<HandInReply>> hand_in(HandInRequest request);
  // Signs reports as they are made, until it is cancelled.
  Task<void> sign_reports();

 private:
  // What one node has sent so far; gone when this process ends, and sent again then.
  struct Assembly {
    Epoch epoch;
    Hash digest;
    std::uint32_t next_page = 0;
    std::uint32_t pages = 0;
    std::shared_ptr<HandInSum> sum;
    bool busy = false;
  };
  Result<void> check_request(const HandInRequest& request) const;
  // Settled before by this very hand-in; Errc::settled_differently is left to the state machine.
  bool is_settled(const HandInRequest& request) const;
  Result<void> place(const HandInRequest& request);
  Task<Result<HandInReply>> settle(const HandInRequest& request, HandInSum& sum);
  Task<void> sign_report(Epoch epoch, Bytes report);

  Runtime& runtime_;
  const crypto::MachineSigner& signer_;
  const IndexMachine& machine_;
  const kv::Store& store_;
  ZoneId zone_;
  Order order_;
  std::map<NodeId, Assembly> assemblies_;
};

}  // namespace stratos::meta
