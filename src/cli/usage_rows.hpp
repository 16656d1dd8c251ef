// The traffic of an epoch by account, bucket and node, as `stratos usage` shows it.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "meta/settlement_wire.hpp"

namespace stratos::cli {

// What a row's bytes are known to be.
enum class UsageKind : std::uint8_t {
  bucket,       // of one bucket
  unsplit,      // settled, and no client has said for which buckets
  undelivered,  // signed for and settled, and never delivered to the client
};

struct UsageRow {
  struct Bytes {
    std::uint64_t delivered = 0;  // what the client acknowledged
    std::uint64_t settled = 0;    // what the node is paid for
    Bytes& operator+=(const Bytes& more);
  };
  AccountId account;
  UsageKind kind = UsageKind::bucket;
  BucketId bucket;
  NodeId node;
  Epoch epoch;
  std::map<meta::Action, Bytes> by_action;
  Bytes total() const;
};

// Gathers sessions. A split counts where it sums to what its node settled, and nowhere else.
class UsageTable {
 public:
  void add(Epoch epoch, const meta::GetUsage::Session& session);
  // By account, epoch, kind, bucket and node.
  std::vector<UsageRow> rows() const;

 private:
  using Key = std::tuple<AccountId, Epoch, UsageKind, BucketId, NodeId>;
  UsageRow::Bytes& cell(const Key& key, meta::Action action);
  void add_place(Epoch epoch, const meta::GetUsage::Session& session, NodeId node,
                 meta::Action action);

  std::map<Key, UsageRow> rows_;
};

}  // namespace stratos::cli
