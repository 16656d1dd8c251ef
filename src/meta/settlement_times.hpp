// When the orders of an epoch are settled. Format: docs/formats/settlement.md.
#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"

namespace stratos::meta {

// Counted from the end of each epoch. Zero, as networks made before have it, stands for the usual
// time.
struct SettlementTimes {
  std::uint64_t open_ms = 0;   // a fifth of the epoch: nodes may hand in
  std::uint64_t close_ms = 0;  // 24 hours: nothing is taken any more
  std::uint64_t keep_ms = 0;   // 35 days after closing: what was settled is forgotten
  ZoneId zone;                 // that reports name
  friend bool operator==(const SettlementTimes&, const SettlementTimes&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.open_ms);
    field(2, self.close_ms);
    field(3, self.keep_ms);
    field(4, self.zone);
  }
};

// The times that hold in one network.
struct Calendar {
  std::uint64_t epoch_ms = 0;
  std::uint64_t open_ms = 0;
  std::uint64_t close_ms = 0;
  std::uint64_t keep_ms = 0;

  static Calendar of(std::uint64_t epoch_ms, const SettlementTimes& times);
  Epoch epoch_at(WallTime time) const;
  WallTime ends(Epoch epoch) const;
  WallTime opens(Epoch epoch) const { return after_end(epoch, open_ms); }
  WallTime closes(Epoch epoch) const { return after_end(epoch, close_ms); }
  // Limits may be used a little beyond their epoch, so that streams move to the next ones, and
  // nodes take orders under them a little longer; both end before hand-in begins.
  WallTime limits_turn(Epoch epoch) const { return after_end(epoch, open_ms / 4); }
  WallTime limits_expire(Epoch epoch) const { return after_end(epoch, open_ms / 2); }
  // The epochs [first, end) may be handed in.
  Epoch first_open(WallTime time) const;
  Epoch end_open(WallTime time) const;

 private:
  WallTime after_end(Epoch epoch, std::uint64_t ms) const;
};

}  // namespace stratos::meta
