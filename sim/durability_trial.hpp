// Monte-Carlo trials that hold the durability model against what it describes, at churn so high
// that losses are seen.
#pragma once
#include <cstdint>

#include "base/random.hpp"
#include "sim/durability.hpp"

namespace stratos::sim {

// Losses per segment-year with the interval that holds the true value with 99 % confidence.
struct Estimate {
  double mean = 0;
  double low = 0;
  double high = 0;
  std::uint64_t losses = 0;
  bool holds(double value) const { return low <= value && value <= high; }
};

struct TrialSize {
  std::uint32_t runs = 40;  // independent of each other; at least 30
  double years = 1;         // of each
};

// Lives of single segments: every fragment and every repair drawn by itself, without the chain's
// matrix. Confirms the solution. `losses` ends a run, `years` is ignored.
Estimate try_segments(const CodeShape& shape, const MeshAssumptions& mesh, std::uint32_t runs,
                      std::uint64_t losses, SeededRandom& random);

// A mesh: nodes die with all they hold and are replaced by empty ones, a fixed delay passes, and
// one queue, the most endangered first, rebuilds one fragment after the other at the repair
// bandwidth. Confirms the model's rates. mesh.segments must fit into memory; repair_at is 1.
Estimate try_mesh(const CodeShape& shape, const MeshAssumptions& mesh, TrialSize size,
                  SeededRandom& random);

}  // namespace stratos::sim
