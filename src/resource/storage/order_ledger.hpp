// OrderLedger: which requests are paid for. Holds the largest order of each limit, gives credit of
// one step, and checks signatures only where an order has to grow. Rules: docs/formats/orders.md.
#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "meta/limit.hpp"

namespace stratos::resource {

struct LimitKey {
  GrantId grant;
  std::uint64_t serial = 0;
  friend constexpr auto operator<=>(const LimitKey&, const LimitKey&) = default;
};

// The largest order under a limit, as it is kept and handed in.
struct KeptOrder {
  static constexpr std::uint8_t kFormat = 1;
  meta::SignedLimit limit;
  std::uint64_t bytes = 0;
  crypto::MachineSignature signature;
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.limit);
    field(2, self.bytes);
    field(3, self.signature);
  }
};

enum class Direction : std::uint8_t { store, fetch };

// Belongs to one executor; does no I/O.
class OrderLedger {
 public:
  static constexpr std::size_t kMaxLimits = 16'384;

  // Whose limits count, and for whom.
  void set_identity(NodeId node, const crypto::MachineKey& meta_key, Generation generation);
  void set_epoch(Epoch epoch) { epoch_ = epoch; }
  // What was kept before a restart.
  void restore(const KeptOrder& order);

  // Charges `bytes` to the order's limit. Errc::limit_refused says why: no limit known (the client
  // sends it again), a bad signature, another node, direction or epoch, expired, exhausted, or not
  // signed for enough.
  Result<void> admit(const meta::Order& order, Direction direction, std::uint64_t bytes,
                     WallTime now);
  // Takes an order for bytes that were moved before. Errc::limit_refused.
  Result<void> take(const meta::Order& order, WallTime now);
  // Takes back what a failed or shorter request did not use.
  void refund(const meta::Order& order, std::uint64_t bytes);

  // Orders that grew since the last call, to be made durable. Also checks orders that were not
  // needed for credit so far, at most `limit` signatures.
  std::vector<std::pair<LimitKey, KeptOrder>> take_changed(std::size_t limit);
  bool has_changed() const { return !changed_.empty(); }

  // Settlement: orders of epochs before `epoch` are refused from now on, so that they stay as they
  // are handed in.
  void freeze_before(Epoch epoch) { frozen_before_ = std::max(frozen_before_, epoch); }
  Epoch frozen_before() const { return frozen_before_; }
  // The first epoch with an order; nullopt when there is none.
  std::optional<Epoch> oldest_epoch() const;
  // Those of the epochs [first, end), in the order of their keys; limits without an order left out.
  std::vector<std::pair<LimitKey, KeptOrder>> orders_of(Epoch first, Epoch end) const;
  // Forgets the limits of an epoch; returns their keys.
  std::vector<LimitKey> forget_epoch(Epoch epoch);
  // Forgets limits that ended before `time` without an order; returns their keys.
  std::vector<LimitKey> forget_unused(WallTime time);
  std::size_t size() const { return limits_.size(); }
  std::uint64_t signatures_checked() const { return signatures_checked_; }

 private:
  struct Entry {
    meta::Limit limit;
    KeptOrder kept;
    std::uint64_t used = 0;
    // A larger order that nobody had to check yet.
    std::optional<std::pair<std::uint64_t, crypto::MachineSignature>> unchecked;
  };
  template <class Drop>
  std::vector<LimitKey> forget_if(Drop drop);
  Result<Entry*> find_or_add(const meta::Order& order, WallTime now);
  Result<void> check_limit(const meta::SignedLimit& signed_limit, const meta::Limit& limit,
                           const meta::Order& order);
  bool raise(const LimitKey& key, Entry& entry, std::uint64_t bytes,
             const crypto::MachineSignature& signature);

  NodeId node_;
  crypto::MachineKey meta_key_;
  Generation generation_;
  Epoch epoch_;
  Epoch frozen_before_;
  std::map<LimitKey, Entry> limits_;
  std::map<LimitKey, bool> changed_;
  std::uint64_t signatures_checked_ = 0;
};

Bytes key_of(const LimitKey& key);

}  // namespace stratos::resource
