// Durability model: how often a segment of k + m fragments is lost, from a Markov chain over its
// lost fragments. Fragments are lost with their nodes, repair brings them back, and the chain is
// absorbed when fewer than k are left.
//
// States. `i` fragments lost and repair waiting (i < repair_at), or `i` lost and repair under way
// until all are back (1 <= i <= m). With repair_at = 1, as the repairer works, this is the
// birth-death chain of redundant systems.
// Rates. Loss: (k + m - i) / node_lifetime. Repair with i lost: 1 / (delay / i + queue(i)), where
// delay / i is the mean wait until the first of i silent nodes counts as gone, and queue(i) reads
// everything of equal or greater urgency at the mesh's repair bandwidth:
//   queue(i) = segments * Π (n - j) / (nodes - j) * segment_bytes / bandwidth,  0 <= j < j_max
// with j_max = max(1, i - repair_at + 1): of all segments, those that share the nodes just lost.
// Solution. Absorption leads back to a fresh segment, so losses per time are the stationary flow
// into absorption (renewal reward), and the mean time to loss is its inverse. The stationary
// distribution comes from state reduction without subtraction: W. K. Grassmann, M. I. Taksar, D. P.
// Heyman, "Regenerative analysis and steady state distributions for Markov chains", Operations
// Research 33 (5), 1985. Every figure keeps its relative precision however small it is.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace stratos::sim {

constexpr double kHour = 3600;
constexpr double kDay = 24 * kHour;
constexpr double kYear = 365.25 * kDay;

struct CodeShape {
  std::string name;
  std::uint32_t k = 0;
  std::uint32_t m = 0;
  std::uint32_t total() const { return k + m; }
};
// dev, standard, resilient.
const std::vector<CodeShape>& usual_shapes();

// What is assumed of the mesh; seconds and bytes.
struct MeshAssumptions {
  double node_lifetime_s = kYear;                 // mean, until a node and all it holds are gone
  double repair_delay_s = 900;                    // of silence until a node counts as gone
  double repair_bytes_per_s = 256.0 * (1 << 20);  // read from nodes by all repairs together
  double segments = 1e6;
  double segment_bytes = 64.0 * (1 << 20);
  std::uint32_t nodes = 100;
  std::uint32_t repair_at = 1;  // fragments lost before repair of a segment begins
};

struct Durability {
  double losses_per_segment_year = 0;
  double mean_years_to_loss = 0;
  double loss_of_any_in_a_year = 0;  // probability that the mesh loses a segment at all
  double repairs_per_segment_year = 0;
  double repair_load = 0;  // share of the repair bandwidth in use
};

// Errc::invalid_argument: a shape or an assumption outside what the model describes, also a mesh
// whose repair cannot keep up.
Result<Durability> durability_of(const CodeShape& shape, const MeshAssumptions& mesh);

// The rates of the chain, for who simulates it. Per second; 1 <= lost <= m for repair_rate.
double loss_rate(const CodeShape& shape, const MeshAssumptions& mesh, std::uint32_t lost);
double repair_rate(const CodeShape& shape, const MeshAssumptions& mesh, std::uint32_t lost);

// Rates between states: rates[from][to], the diagonal ignored, irreducible. Gives the share of time
// in each state.
using Rates = std::vector<std::vector<double>>;
std::vector<double> stationary_distribution(Rates rates);

}  // namespace stratos::sim
