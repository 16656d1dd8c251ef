#include "sim/durability_trial.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <set>

#include "base/assert.hpp"

namespace stratos::sim {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
// Of the normal distribution, two-sided 99 %; runs are 30 or more.
constexpr double kQuantile = 2.7;

// In (0, 1].
double uniform(SeededRandom& random) {
  return static_cast<double>((random.next_u64() >> 11) + 1) * 0x1p-53;
}
double exponential(SeededRandom& random, double mean) { return -mean * std::log(uniform(random)); }

Estimate estimate_of(const std::vector<double>& values, std::uint64_t losses) {
  const auto count = static_cast<double>(values.size());
  Estimate estimate;
  estimate.losses = losses;
  for (const double value : values) estimate.mean += value / count;
  double squares = 0;
  for (const double value : values) squares += (value - estimate.mean) * (value - estimate.mean);
  const double half = kQuantile * std::sqrt(squares / (count - 1) / count);
  estimate.low = estimate.mean - half;
  estimate.high = estimate.mean + half;
  return estimate;
}

// Time until a fresh segment is lost.
double life_of_segment(const CodeShape& shape, const MeshAssumptions& mesh, SeededRandom& random) {
  std::vector<double> ends(shape.total());
  for (double& end : ends) end = exponential(random, mesh.node_lifetime_s);
  double now = 0;
  std::uint32_t lost = 0;
  bool repairing = false;
  while (true) {
    const auto next = std::ranges::min_element(ends);
    const double repaired =
        repairing ? now + exponential(random, 1 / repair_rate(shape, mesh, lost)) : kNever;
    now = std::min(*next, repaired);
    if (repaired < *next) {
      --lost;
      *std::ranges::find(ends, kNever) = now + exponential(random, mesh.node_lifetime_s);
    } else {
      ++lost;
      *next = kNever;
    }
    if (lost > shape.m) return now;
    repairing = lost > 0 && (repairing || lost >= mesh.repair_at);
  }
}

class MeshTrial {
 public:
  MeshTrial(const CodeShape& shape, const MeshAssumptions& mesh, SeededRandom& random);
  // Losses up to a time.
  std::uint64_t run_until(double end);

 private:
  struct Segment {
    std::vector<std::uint32_t> nodes;  // that hold a fragment
    std::uint32_t lost = 0;
    std::uint32_t due = 0;   // lost fragments that repair knows of
    std::uint64_t life = 0;  // counts the segments that had this place
  };
  struct Due {
    double at = 0;
    std::uint32_t segment = 0;
    std::uint64_t life = 0;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  void place(std::uint32_t index);
  void hold(std::uint32_t index);
  void lose_node(std::uint32_t node);
  void lose_fragment(std::uint32_t index, std::uint32_t node);
  void begin_repair();
  void end_repair();
  void leave_queue(std::uint32_t index);
  void enter_queue(std::uint32_t index);

  const CodeShape& shape_;
  const MeshAssumptions& mesh_;
  SeededRandom& random_;
  std::vector<Segment> segments_;
  std::vector<std::set<std::uint32_t>> held_;  // segments by node
  std::priority_queue<Due, std::vector<Due>, std::greater<>> dues_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> queue_;  // (fragments left, segment)
  Due repair_{kNever, 0, 0};
  double now_ = 0;
  double next_loss_ = 0;
  std::uint64_t losses_ = 0;
};

MeshTrial::MeshTrial(const CodeShape& shape, const MeshAssumptions& mesh, SeededRandom& random)
    : shape_(shape), mesh_(mesh), random_(random) {
  segments_.resize(static_cast<std::size_t>(mesh.segments));
  held_.resize(mesh.nodes);
  for (std::uint32_t index = 0; index < segments_.size(); ++index) place(index);
  next_loss_ = exponential(random_, mesh_.node_lifetime_s / mesh_.nodes);
}

// One more fragment on a node that has none of the segment.
void MeshTrial::hold(std::uint32_t index) {
  Segment& segment = segments_[index];
  std::uint32_t node = 0;
  do {
    node = static_cast<std::uint32_t>(random_.below(mesh_.nodes));
  } while (std::ranges::find(segment.nodes, node) != segment.nodes.end());
  segment.nodes.push_back(node);
  held_[node].insert(index);
}

void MeshTrial::place(std::uint32_t index) {
  Segment& segment = segments_[index];
  for (const std::uint32_t node : segment.nodes) held_[node].erase(index);
  segment = Segment{.nodes = {}, .lost = 0, .due = 0, .life = segment.life + 1};
  for (std::uint32_t i = 0; i < shape_.total(); ++i) hold(index);
}

void MeshTrial::leave_queue(std::uint32_t index) {
  queue_.erase({shape_.total() - segments_[index].lost, index});
}

void MeshTrial::enter_queue(std::uint32_t index) {
  const Segment& segment = segments_[index];
  if (segment.due > 0) queue_.insert({shape_.total() - segment.lost, index});
}

void MeshTrial::lose_fragment(std::uint32_t index, std::uint32_t node) {
  Segment& segment = segments_[index];
  leave_queue(index);
  std::erase(segment.nodes, node);
  if (++segment.lost > shape_.m) {
    ++losses_;
    place(index);
    return;
  }
  dues_.push({now_ + mesh_.repair_delay_s, index, segment.life});
  enter_queue(index);
}

void MeshTrial::lose_node(std::uint32_t node) {
  const std::set<std::uint32_t> lost = std::move(held_[node]);
  held_[node].clear();
  for (const std::uint32_t index : lost) lose_fragment(index, node);
}

void MeshTrial::begin_repair() {
  if (repair_.at != kNever || queue_.empty()) return;
  const std::uint32_t index = queue_.begin()->second;
  const double took = mesh_.segment_bytes / mesh_.repair_bytes_per_s;
  repair_ = {now_ + took, index, segments_[index].life};
}

void MeshTrial::end_repair() {
  Segment& segment = segments_[repair_.segment];
  if (segment.life == repair_.life) {
    leave_queue(repair_.segment);
    --segment.lost;
    --segment.due;
    hold(repair_.segment);
    enter_queue(repair_.segment);
  }
  repair_.at = kNever;
}

std::uint64_t MeshTrial::run_until(double end) {
  losses_ = 0;
  while (true) {
    const double due = dues_.empty() ? kNever : dues_.top().at;
    now_ = std::min({next_loss_, due, repair_.at});
    if (now_ >= end) return losses_;
    if (now_ == next_loss_) {
      lose_node(static_cast<std::uint32_t>(random_.below(mesh_.nodes)));
      next_loss_ = now_ + exponential(random_, mesh_.node_lifetime_s / mesh_.nodes);
    } else if (now_ == due) {
      const Due known = dues_.top();
      dues_.pop();
      if (segments_[known.segment].life == known.life) {
        ++segments_[known.segment].due;
        enter_queue(known.segment);
      }
    } else {
      end_repair();
    }
    begin_repair();
  }
}

}  // namespace

Estimate try_segments(const CodeShape& shape, const MeshAssumptions& mesh, std::uint32_t runs,
                      std::uint64_t losses, SeededRandom& random) {
  // Lives have a mean without bias, losses per time have not.
  std::vector<double> lives;
  for (std::uint32_t run = 0; run < runs; ++run) {
    double lived = 0;
    for (std::uint64_t i = 0; i < losses; ++i) lived += life_of_segment(shape, mesh, random);
    lives.push_back(lived / static_cast<double>(losses) / kYear);
  }
  const Estimate life = estimate_of(lives, losses * runs);
  return {1 / life.mean, 1 / life.high, 1 / life.low, life.losses};
}

Estimate try_mesh(const CodeShape& shape, const MeshAssumptions& mesh, TrialSize size,
                  SeededRandom& random) {
  STRATOS_ASSERT(mesh.repair_at == 1, "this trial repairs at once");
  std::vector<double> values;
  std::uint64_t losses = 0;
  for (std::uint32_t run = 0; run < size.runs; ++run) {
    MeshTrial trial(shape, mesh, random);
    // Fresh segments have nothing to lose yet.
    const double begin = mesh.node_lifetime_s / 4;
    trial.run_until(begin);
    const std::uint64_t seen = trial.run_until(begin + size.years * kYear);
    values.push_back(static_cast<double>(seen) / (size.years * mesh.segments));
    losses += seen;
  }
  return estimate_of(values, losses);
}

}  // namespace stratos::sim
