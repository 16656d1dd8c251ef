#include "sim/mesh_history.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.hpp"

namespace stratos::sim {
namespace {

MonotonicTime at(int seconds) { return {std::chrono::seconds(seconds)}; }
Access write(int begun, int over, std::uint64_t value) {
  return {at(begun), at(over), true, value};
}
Access lost_write(int begun, std::uint64_t value) { return {at(begun), {}, true, value}; }
Access read(int begun, int over, std::uint64_t value) {
  return {at(begun), at(over), false, value};
}

Linearizable check(std::vector<Access> accesses) { return check_history(accesses); }

TEST(SimHistory, FollowsTheOrderOfWhatDoesNotOverlap) {
  EXPECT_EQ(check({}), Linearizable::yes);
  EXPECT_EQ(check({read(1, 2, 0), write(3, 4, 1), read(5, 6, 1)}), Linearizable::yes);
  EXPECT_EQ(check({write(1, 2, 1), read(3, 4, 0)}), Linearizable::no);
  EXPECT_EQ(check({write(1, 2, 1), write(3, 4, 2), read(5, 6, 1)}), Linearizable::no);
  EXPECT_EQ(check({write(1, 2, 1), write(3, 4, 0), read(5, 6, 0)}), Linearizable::yes);
  EXPECT_EQ(check({write(3, 4, 1), read(1, 2, 1)}), Linearizable::no);
}

TEST(SimHistory, LetsWhatOverlapsHappenInAnyOrder) {
  EXPECT_EQ(check({write(1, 9, 1), read(2, 3, 0), read(4, 5, 1)}), Linearizable::yes);
  EXPECT_EQ(check({write(1, 9, 1), write(1, 9, 2), read(10, 11, 1)}), Linearizable::yes);
  EXPECT_EQ(check({write(1, 9, 1), write(1, 9, 2), read(10, 11, 2)}), Linearizable::yes);
}

TEST(SimHistory, NeedsOneOrderForAllReaders) {
  // Each reader by itself could be right.
  EXPECT_EQ(check({write(1, 9, 1), write(1, 9, 2), read(2, 3, 1), read(4, 5, 2), read(6, 7, 1)}),
            Linearizable::no);
  EXPECT_EQ(
      check({write(1, 20, 1), write(1, 20, 2), read(2, 3, 1), read(4, 5, 2), read(21, 22, 1)}),
      Linearizable::no);
  EXPECT_EQ(check({write(1, 9, 1), read(2, 3, 1), read(4, 5, 0)}), Linearizable::no);
}

TEST(SimHistory, TakesAWriteWithoutAnAnswerOrLeavesIt) {
  EXPECT_EQ(check({write(1, 2, 1), lost_write(3, 0), read(4, 5, 1)}), Linearizable::yes);
  EXPECT_EQ(check({write(1, 2, 1), lost_write(3, 0), read(4, 5, 1), read(6, 7, 0)}),
            Linearizable::yes);
  EXPECT_EQ(check({write(1, 2, 1), lost_write(3, 0), read(4, 5, 0), read(6, 7, 1)}),
            Linearizable::no);
  EXPECT_EQ(check({write(1, 2, 1), lost_write(5, 0), read(3, 4, 0)}), Linearizable::no);
}

TEST(SimHistory, SaysWhenItGivesUp) {
  std::vector<Access> accesses;
  for (std::uint64_t i = 1; i <= 12; ++i) accesses.push_back(write(1, 9, i));
  accesses.push_back(read(10, 11, 99));
  EXPECT_EQ(check_history(accesses, 50), Linearizable::undecided);
}

// Histories made by a register pass; a value put into one that nobody could have seen does not.
TEST(SimHistory, AgreesWithARegister) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    std::vector<Access> accesses;
    std::uint64_t value = 0;
    for (int i = 0; i < 60; ++i) {
      const int effect = 10 * i;
      const int before = static_cast<int>(random.below(25));
      const int after = static_cast<int>(random.below(25));
      if (random.below(2) == 0)
        value = random.below(5) == 0 ? 0 : static_cast<std::uint64_t>(i + 1);
      const bool writes = accesses.empty() || value != accesses.back().value;
      accesses.push_back({at(effect - before + 100), at(effect + after + 100), writes, value});
    }
    EXPECT_EQ(check_history(accesses), Linearizable::yes) << seed;
    accesses.push_back(read(2000, 2001, 1'000));
    EXPECT_EQ(check_history(accesses), Linearizable::no) << seed;
  }
}

}  // namespace
}  // namespace stratos::sim
