#include "sim/durability.hpp"

#include <algorithm>
#include <cmath>

#include "base/assert.hpp"

namespace stratos::sim {
namespace {

// The states in order: 0 .. repair_at-1 lost and waiting, then 1 .. m lost under repair.
class Chain {
 public:
  Chain(const CodeShape& shape, const MeshAssumptions& mesh);
  Durability solve() const;

 private:
  std::size_t waiting(std::uint32_t lost) const { return lost; }
  std::size_t repairing(std::uint32_t lost) const { return mesh_.repair_at + lost - 1; }
  std::size_t after_loss(std::uint32_t lost) const {
    return lost < mesh_.repair_at ? waiting(lost) : repairing(lost);
  }

  const CodeShape& shape_;
  const MeshAssumptions& mesh_;
  Rates rates_;
};

Chain::Chain(const CodeShape& shape, const MeshAssumptions& mesh) : shape_(shape), mesh_(mesh) {
  const std::size_t states = mesh.repair_at + shape.m;
  rates_.assign(states, std::vector<double>(states, 0));
  for (std::uint32_t lost = 0; lost < mesh.repair_at; ++lost) {
    rates_[waiting(lost)][after_loss(lost + 1)] = loss_rate(shape, mesh, lost);
  }
  for (std::uint32_t lost = 1; lost <= shape.m; ++lost) {
    const std::size_t state = repairing(lost);
    rates_[state][lost == 1 ? waiting(0) : repairing(lost - 1)] = repair_rate(shape, mesh, lost);
    // The last loss ends the segment; a fresh one takes its place.
    const std::size_t worse = lost == shape.m ? waiting(0) : repairing(lost + 1);
    rates_[state][worse] += loss_rate(shape, mesh, lost);
  }
}

Durability Chain::solve() const {
  const std::vector<double> share = stationary_distribution(rates_);
  Durability result;
  for (std::uint32_t lost = 1; lost <= shape_.m; ++lost) {
    result.repairs_per_segment_year +=
        share[repairing(lost)] * repair_rate(shape_, mesh_, lost) * kYear;
  }
  const double last = share[repairing(shape_.m)];
  result.losses_per_segment_year = last * loss_rate(shape_, mesh_, shape_.m) * kYear;
  result.mean_years_to_loss = 1 / result.losses_per_segment_year;
  result.loss_of_any_in_a_year = -std::expm1(-result.losses_per_segment_year * mesh_.segments);
  result.repair_load = result.repairs_per_segment_year * mesh_.segments * mesh_.segment_bytes /
                       mesh_.repair_bytes_per_s / kYear;
  return result;
}

bool is_positive(double value) { return std::isfinite(value) && value > 0; }

Result<void> check(const CodeShape& shape, const MeshAssumptions& mesh) {
  if (shape.k == 0 || shape.m == 0 || shape.total() > 255) {
    return fail(Errc::invalid_argument, "a profile is K+M with K and M at least 1, 255 together");
  }
  if (mesh.repair_at == 0 || mesh.repair_at > shape.m) {
    return fail(Errc::invalid_argument, "repair begins at 1 to M lost fragments");
  }
  if (mesh.nodes < shape.total()) {
    return fail(Errc::invalid_argument, "fewer nodes than a segment has fragments");
  }
  if (!is_positive(mesh.node_lifetime_s) || !is_positive(mesh.repair_bytes_per_s) ||
      !is_positive(mesh.segments) || !is_positive(mesh.segment_bytes) ||
      !std::isfinite(mesh.repair_delay_s) || mesh.repair_delay_s < 0) {
    return fail(Errc::invalid_argument, "times, sizes and counts are positive");
  }
  return {};
}

}  // namespace

const std::vector<CodeShape>& usual_shapes() {
  static const std::vector<CodeShape> shapes{
      {"dev", 4, 2}, {"standard", 8, 4}, {"resilient", 12, 20}};
  return shapes;
}

double loss_rate(const CodeShape& shape, const MeshAssumptions& mesh, std::uint32_t lost) {
  return (shape.total() - lost) / mesh.node_lifetime_s;
}

double repair_rate(const CodeShape& shape, const MeshAssumptions& mesh, std::uint32_t lost) {
  const std::uint32_t shared = lost < mesh.repair_at ? 1 : lost - mesh.repair_at + 1;
  double urgent = mesh.segments;
  for (std::uint32_t j = 0; j < shared; ++j) {
    urgent *= static_cast<double>(shape.total() - j) / (mesh.nodes - j);
  }
  // Its own fragment at least is read.
  const double queue = std::max(urgent, 1.0) * mesh.segment_bytes / mesh.repair_bytes_per_s;
  return 1 / (mesh.repair_delay_s / lost + queue);
}

std::vector<double> stationary_distribution(Rates rates) {
  const std::size_t states = rates.size();
  std::vector<double> share(states, 0);
  if (states == 0) return share;
  // Takes the last state out of the chain and gives its paths to those before it.
  for (std::size_t last = states - 1; last > 0; --last) {
    double leaving = 0;
    for (std::size_t to = 0; to < last; ++to) leaving += rates[last][to];
    STRATOS_ASSERT(leaving > 0, "a state that nothing leaves");
    for (std::size_t from = 0; from < last; ++from) {
      rates[from][last] /= leaving;
      for (std::size_t to = 0; to < last; ++to) {
        if (to != from) rates[from][to] += rates[from][last] * rates[last][to];
      }
    }
  }
  share[0] = 1;
  double sum = 1;
  for (std::size_t state = 1; state < states; ++state) {
    for (std::size_t from = 0; from < state; ++from)
      share[state] += share[from] * rates[from][state];
    sum += share[state];
  }
  for (double& value : share) value /= sum;
  return share;
}

Result<Durability> durability_of(const CodeShape& shape, const MeshAssumptions& mesh) {
  STRATOS_CHECK(check(shape, mesh));
  const Durability result = Chain(shape, mesh).solve();
  if (result.repair_load >= 1) {
    return fail(Errc::invalid_argument,
                "repair cannot keep up: more bandwidth, fewer segments or longer-lived nodes");
  }
  return result;
}

}  // namespace stratos::sim
