#include "sim/mesh_history.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace stratos::sim {
namespace {

class Search {
 public:
  Search(std::span<const Access> accesses, std::size_t most_states)
      : accesses_(accesses.begin(), accesses.end()),
        placed_(accesses.size(), '0'),
        states_left_(most_states) {
    std::ranges::sort(accesses_, {}, &Access::begun);
    for (const Access& access : accesses_) left_ += access.over.has_value();
  }

  Linearizable run() {
    const bool found = place_next(0);
    if (found) return Linearizable::yes;
    return states_left_ == 0 ? Linearizable::undecided : Linearizable::no;
  }

 private:
  // Whether what is left fits behind what is placed, which left this value.
  bool place_next(std::uint64_t value) {
    const std::vector<std::size_t> reads = place_reads(value);
    if (left_ == 0) return true;
    if (states_left_ > 0 && dead_.insert(placed_ + std::to_string(value)).second) {
      --states_left_;
      for (const std::size_t write : candidates()) {
        if (!accesses_[write].writes) continue;
        place(write);
        if (place_next(accesses_[write].value)) return true;
        take_back(write);
      }
    }
    for (const std::size_t read : reads) take_back(read);
    return false;
  }

  // Reads of the value that stands need no choice.
  std::vector<std::size_t> place_reads(std::uint64_t value) {
    std::vector<std::size_t> reads;
    for (bool more = true; more;) {
      more = false;
      for (const std::size_t at : candidates()) {
        if (accesses_[at].writes || accesses_[at].value != value) continue;
        place(at);
        reads.push_back(at);
        more = true;
      }
    }
    return reads;
  }

  // Those that had begun when the first of the others was over.
  std::vector<std::size_t> candidates() const {
    std::optional<MonotonicTime> first;
    for (std::size_t i = 0; i < accesses_.size(); ++i) {
      if (placed_[i] == '1' || !accesses_[i].over) continue;
      first = std::min(first.value_or(*accesses_[i].over), *accesses_[i].over);
    }
    std::vector<std::size_t> found;
    for (std::size_t i = 0; first && i < accesses_.size() && accesses_[i].begun <= *first; ++i) {
      if (placed_[i] == '0') found.push_back(i);
    }
    return found;
  }

  void place(std::size_t at) {
    placed_[at] = '1';
    left_ -= accesses_[at].over.has_value();
  }
  void take_back(std::size_t at) {
    placed_[at] = '0';
    left_ += accesses_[at].over.has_value();
  }

  std::vector<Access> accesses_;
  std::string placed_;
  std::size_t left_ = 0;  // that must be placed
  std::size_t states_left_;
  std::set<std::string> dead_;
};

}  // namespace

Linearizable check_history(std::span<const Access> accesses, std::size_t most_states) {
  return Search(accesses, most_states).run();
}

}  // namespace stratos::sim
