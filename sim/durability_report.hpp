// What `stratos sim durability` prints and docs/formats/durability.md shows.
#pragma once
#include <string>
#include <vector>

#include "sim/durability.hpp"
#include "sim/durability_trial.hpp"

namespace stratos::sim {

// The assumptions in a sentence and the figures as a Markdown table, one row for each shape.
Result<std::string> durability_table(const std::vector<CodeShape>& shapes,
                                     const MeshAssumptions& mesh);

// The model against both trials, under assumptions at which losses are frequent. The model must lie
// within the interval of single segments. A whole mesh may do somewhat better than the model, which
// has every fragment wait for its node's whole queue, and never worse.
struct TrialReport {
  MeshAssumptions mesh;
  double model = 0;  // losses per segment-year
  Estimate segments;
  Estimate whole_mesh;
  static constexpr double kPessimism = 1.5;
  bool ok() const {
    return segments.holds(model) && model >= whole_mesh.low &&
           model <= kPessimism * whole_mesh.high;
  }
};
// Errc::invalid_argument as durability_of. Takes seconds.
Result<TrialReport> check_durability(const CodeShape& shape, std::uint64_t seed);
// In one line.
std::string trial_line(const CodeShape& shape, const TrialReport& report);

}  // namespace stratos::sim
