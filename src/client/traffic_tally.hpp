// TrafficTally: what one session has signed for in one epoch, and for which buckets; at its end a
// signed split. Format: docs/formats/settlement.md.
#pragma once
#include <map>

#include "meta/settlement.hpp"

namespace stratos::client {

class TrafficTally {
 public:
  TrafficTally(Epoch epoch, crypto::MachineSigner signer, AccountId payer)
      : epoch_(epoch), signer_(std::move(signer)), payer_(payer) {}

  Epoch epoch() const { return epoch_; }
  const crypto::MachineSigner& signer() const { return signer_; }
  void add_delivered(NodeId node, meta::Action action, BucketId bucket, std::uint64_t bytes);
  // When a limit is closed.
  void add_signed(NodeId node, meta::Action action, std::uint64_t bytes);
  // Leaves a node's rows out: its settlement says otherwise, so they cannot be split.
  void leave_out(NodeId node, meta::Action action);
  // Bytes that were signed for and not delivered stand under bucket zero. Places with too many
  // buckets are left out. nullopt when nothing is left.
  std::optional<meta::HandInSplit> split() const;

  struct Sum {
    std::map<BucketId, std::uint64_t> buckets;
    std::uint64_t delivered = 0;
    std::uint64_t signed_bytes = 0;
    bool left_out = false;
  };
  using Place = std::pair<NodeId, meta::Action>;
  const std::map<Place, Sum>& sums() const { return sums_; }

 private:
  Epoch epoch_;
  crypto::MachineSigner signer_;
  AccountId payer_;
  std::map<Place, Sum> sums_;
  std::size_t rows_ = 0;
};

}  // namespace stratos::client
