#include "base/random.hpp"

#include <sys/random.h>

#include <bit>
#include <cerrno>

#include "base/assert.hpp"

namespace stratos {

std::uint64_t Random::next_u64() {
  std::uint64_t value = 0;
  fill({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  STRATOS_ASSERT(bound > 0, "a bound of zero has no numbers below it");
  // Rejection keeps the draw uniform.
  const std::uint64_t limit = ~std::uint64_t{0} - (~std::uint64_t{0} % bound + 1) % bound;
  std::uint64_t value = next_u64();
  while (value > limit) value = next_u64();
  return value % bound;
}

void SystemRandom::fill(MutableByteView out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    STRATOS_ASSERT(got > 0, "the operating system's generator failed");
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

SeededRandom::SeededRandom(std::uint64_t seed) {
  // SplitMix64 spreads the seed over the state.
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

std::uint64_t SeededRandom::step() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededRandom::fill(MutableByteView out) {
  while (!out.empty()) {
    const std::uint64_t word = step();
    const std::size_t count = out.size() < sizeof word ? out.size() : sizeof word;
    std::memcpy(out.data(), &word, count);
    out = out.subspan(count);
  }
}

}  // namespace stratos
