// Randomness as an interface, so that the simulator draws everything from its seed.
#pragma once
#include <cstdint>

#include "base/bytes.hpp"

namespace stratos {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableByteView out) = 0;

  std::uint64_t next_u64();
  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  template <class Id>
  Id draw_id() {
    Id id;
    fill(id.value);
    return id;
  }
};

// The operating system's generator: the only one that may make keys outside the simulator.
class SystemRandom final : public Random {
 public:
  void fill(MutableByteView out) override;
};

// Reproducible and fast (xoshiro256**); never for keys outside the simulator.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  void fill(MutableByteView out) override;

 private:
  std::uint64_t step();
  std::uint64_t state_[4];
};

}  // namespace stratos
