// Commands about a zone as a whole: what a restore from a backup changes of it. Rules:
// docs/formats/backup.md.
#pragma once
#include "meta/commands.hpp"
#include "meta/state.hpp"

namespace stratos::meta {

// Ordered first after an index came from a backup. What the lost blocks had promised is void:
// grants get numbers that none of them can have used, and nodes drop nothing until an operator says
// so.
struct BeginGeneration {
  static constexpr Verb kVerb = Verb::begin_generation;
  struct Reply {
    Generation generation;
    static void fields(auto& self, auto&& field) { field(1, self.generation); }
  };
  static void fields(auto&, auto&&) {}
};
// More than the grants of any blocks that a backup may lack.
constexpr std::uint64_t kGrantsSkipped = 1ULL << 20;

// The operator has seen that the restored index is the right one.
struct ResumeDrops {
  static constexpr Verb kVerb = Verb::resume_drops;
  using Reply = Nothing;
  static void fields(auto&, auto&&) {}
};

struct ZoneState {
  Generation generation{1};  // grows by one with each restore
  bool drops_pause = false;
};
ZoneState zone_state(const State& state);

}  // namespace stratos::meta
