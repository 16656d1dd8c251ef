#include "resource/storage/order_ledger.hpp"

#include <algorithm>

namespace stratos::resource {
namespace {

constexpr std::chrono::milliseconds kClockSlack{30'000};

std::unexpected<Error> refused(std::string why) {
  return fail(Errc::limit_refused, std::move(why));
}

bool fits(meta::Action action, Direction direction) {
  switch (action) {
    case meta::Action::put:
      return direction == Direction::store;
    case meta::Action::get:
    case meta::Action::audit:
      return direction == Direction::fetch;
    case meta::Action::repair:
      return true;
  }
  return false;
}

}  // namespace

Bytes key_of(const LimitKey& key) {
  Bytes bytes;
  put_be(bytes, key.grant.value);
  put_be(bytes, key.serial);
  return bytes;
}

void OrderLedger::set_identity(NodeId node, const crypto::MachineKey& meta_key,
                               Generation generation) {
  node_ = node;
  meta_key_ = meta_key;
  generation_ = generation;
}

void OrderLedger::restore(const KeptOrder& order) {
  const auto limit = codec::decode<meta::Limit>(order.limit.limit);
  if (!limit || limits_.size() >= kMaxLimits) return;
  Entry entry;
  entry.limit = *limit;
  entry.kept = order;
  entry.used = order.bytes;
  limits_[{limit->grant, limit->serial}] = std::move(entry);
}

Result<void> OrderLedger::check_limit(const meta::SignedLimit& signed_limit,
                                      const meta::Limit& limit, const meta::Order& order) {
  if (limit.grant != order.grant || limit.serial != order.serial) {
    return refused("the limit is another one than the order's");
  }
  if (limit.node != node_) return refused("the limit is for another node");
  // Epochs turn at meta first; what is older ends with its expiry.
  if (limit.epoch.value > epoch_.value + 1 || limit.epoch.value + 1 < epoch_.value) {
    return refused("the limit is of another epoch");
  }
  if (limit.generation < generation_) return refused("the limit is of an index that was replaced");
  if (signed_limit.signer != meta_key_) return refused("the limit's signer is not our meta node");
  ++signatures_checked_;
  const auto verified = crypto::verify(signed_limit.signer, meta::Limit::kDomain,
                                       signed_limit.limit, signed_limit.signature);
  if (!verified) return refused("the limit's signature is wrong");
  return {};
}

Result<OrderLedger::Entry*> OrderLedger::find_or_add(const meta::Order& order, WallTime now) {
  const LimitKey key{order.grant, order.serial};
  if (const auto found = limits_.find(key); found != limits_.end()) {
    if (found->second.limit.epoch < frozen_before_) return refused("the epoch is being settled");
    return &found->second;
  }
  if (!order.limit) return refused("unknown limit: send the order with its limit");
  auto limit = codec::decode<meta::Limit>(order.limit->limit);
  if (!limit) return refused("the limit cannot be read: " + limit.error().message());
  STRATOS_CHECK(check_limit(*order.limit, *limit, order));
  if (limit->epoch < frozen_before_) return refused("the epoch is being settled");
  if (limits_.size() >= kMaxLimits) {
    // Orders wait for their settlement.
    (void)forget_unused(now);
    if (limits_.size() >= kMaxLimits) return refused("too many limits are in use");
  }
  Entry entry;
  entry.limit = std::move(*limit);
  entry.kept.limit = *order.limit;
  return &(limits_[key] = std::move(entry));
}

// True when the payer signed for `bytes`.
bool OrderLedger::raise(const LimitKey& key, Entry& entry, std::uint64_t bytes,
                        const crypto::MachineSignature& signature) {
  if (bytes <= entry.kept.bytes) return true;
  if (bytes > entry.limit.bytes) return false;
  ++signatures_checked_;
  const Bytes message = meta::order_message(key.grant, key.serial, bytes);
  if (!crypto::verify(entry.limit.session, meta::Order::kDomain, message, signature)) return false;
  entry.kept.bytes = bytes;
  entry.kept.signature = signature;
  if (entry.unchecked && entry.unchecked->first <= bytes) entry.unchecked.reset();
  changed_[key] = true;
  return true;
}

Result<void> OrderLedger::admit(const meta::Order& order, Direction direction, std::uint64_t bytes,
                                WallTime now) {
  STRATOS_TRY(Entry* const entry, find_or_add(order, now));
  const LimitKey key{order.grant, order.serial};
  if (!fits(entry->limit.action, direction)) return refused("the limit is for another action");
  if (entry->limit.expires + kClockSlack < now) return refused("the limit has expired");
  const std::uint64_t total = entry->used + bytes;
  if (total > entry->limit.bytes) return refused("the limit is exhausted");
  if (total > entry->kept.bytes + meta::kOrderStepBytes) {
    if (!raise(key, *entry, order.bytes, order.signature)) {
      return refused("the order's signature is wrong or exceeds the limit");
    }
    if (total > entry->kept.bytes + meta::kOrderStepBytes) {
      return refused("the order is signed for too few bytes");
    }
  } else if (order.bytes > entry->kept.bytes &&
             (!entry->unchecked || entry->unchecked->first < order.bytes)) {
    entry->unchecked = {order.bytes, order.signature};
    changed_.try_emplace(key, false);
  }
  entry->used = total;
  return {};
}

Result<void> OrderLedger::take(const meta::Order& order, WallTime now) {
  STRATOS_TRY(Entry* const entry, find_or_add(order, now));
  const LimitKey key{order.grant, order.serial};
  if (!raise(key, *entry, order.bytes, order.signature)) {
    return refused("the order's signature is wrong or exceeds the limit");
  }
  return {};
}

void OrderLedger::refund(const meta::Order& order, std::uint64_t bytes) {
  const auto found = limits_.find({order.grant, order.serial});
  if (found == limits_.end()) return;
  found->second.used -= std::min(found->second.used, bytes);
}

std::vector<std::pair<LimitKey, KeptOrder>> OrderLedger::take_changed(std::size_t limit) {
  std::vector<std::pair<LimitKey, KeptOrder>> out;
  std::size_t checked = 0;
  for (auto it = changed_.begin(); it != changed_.end() && checked < limit;) {
    const auto found = limits_.find(it->first);
    bool grew = it->second;
    if (found != limits_.end() && found->second.unchecked) {
      const auto [bytes, signature] = *found->second.unchecked;
      found->second.unchecked.reset();
      const std::uint64_t before = found->second.kept.bytes;
      ++checked;
      (void)raise(it->first, found->second, bytes, signature);  // a false one is worth nothing
      grew = grew || found->second.kept.bytes > before;
    }
    if (grew && found != limits_.end()) out.emplace_back(it->first, found->second.kept);
    it = changed_.erase(it);
  }
  return out;
}

template <class Drop>
std::vector<LimitKey> OrderLedger::forget_if(Drop drop) {
  std::vector<LimitKey> gone;
  for (auto it = limits_.begin(); it != limits_.end();) {
    if (drop(it->second)) {
      gone.push_back(it->first);
      changed_.erase(it->first);
      it = limits_.erase(it);
    } else {
      ++it;
    }
  }
  return gone;
}

std::vector<LimitKey> OrderLedger::forget_unused(WallTime time) {
  return forget_if([time](const Entry& entry) {
    return entry.limit.expires < time && entry.kept.bytes == 0 && !entry.unchecked;
  });
}

std::vector<LimitKey> OrderLedger::forget_epoch(Epoch epoch) {
  return forget_if([epoch](const Entry& entry) { return entry.limit.epoch == epoch; });
}

std::optional<Epoch> OrderLedger::oldest_epoch() const {
  std::optional<Epoch> oldest;
  for (const auto& [key, entry] : limits_) {
    const bool has_order = entry.kept.bytes > 0 || entry.unchecked;
    if (has_order && (!oldest || entry.limit.epoch < *oldest)) oldest = entry.limit.epoch;
  }
  return oldest;
}

std::vector<std::pair<LimitKey, KeptOrder>> OrderLedger::orders_of(Epoch first, Epoch end) const {
  std::vector<std::pair<LimitKey, KeptOrder>> orders;
  for (const auto& [key, entry] : limits_) {
    const bool wanted = entry.limit.epoch >= first && entry.limit.epoch < end;
    if (wanted && entry.kept.bytes > 0) orders.emplace_back(key, entry.kept);
  }
  return orders;
}

}  // namespace stratos::resource
