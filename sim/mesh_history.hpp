// Whether some order of what clients did to one key explains all that they saw of it, with each
// operation taking effect between its call and its answer: linearizability of a register (Herlihy,
// Wing, TOPLAS 12 (3), 1990), searched for as by Wing and Gong (JPDC 17, 1993) with the states
// remembered that led nowhere (Lowe, CCPE 29 (4), 2017).
#pragma once
#include <optional>
#include <span>

#include "base/time.hpp"

namespace stratos::sim {

struct Access {
  MonotonicTime begun;
  // Its effect is not later. None: a write without an answer, which may never have happened.
  std::optional<MonotonicTime> over;
  bool writes = false;
  std::uint64_t value = 0;  // 0: the key is absent
};

enum class Linearizable : std::uint8_t { yes, no, undecided };
// The key is absent at first. Undecided after `most_states` of the search.
Linearizable check_history(std::span<const Access> accesses, std::size_t most_states = 200'000);

}  // namespace stratos::sim
