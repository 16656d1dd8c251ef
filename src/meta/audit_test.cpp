#include "meta/audit.hpp"

#include <gtest/gtest.h>

#include <array>

#include "crypto/leaf_path.hpp"

namespace stratos::meta {
namespace {

Hash hash_of(std::uint8_t n) { return crypto::blake3(Bytes{n}); }

TEST(AuditDraw, FallsOnEveryPartAlike) {
  constexpr std::uint64_t kBytes = 1'000'003;
  std::array<int, 10> hits{};
  for (std::uint64_t number = 0; number < 10'000; ++number) {
    const std::uint64_t position = draw_position(hash_of(1), NodeId(7), number, kBytes);
    ASSERT_LT(position, kBytes);
    ++hits[position * 10 / kBytes];
  }
  for (const int hit : hits) EXPECT_NEAR(hit, 1000, 150);
}

TEST(AuditDraw, DependsOnRandomnessNodeAndNumber) {
  const auto draw = [](std::uint8_t root, std::uint32_t node, std::uint64_t number) {
    return draw_position(hash_of(root), NodeId(node), number, ~0ULL);
  };
  EXPECT_EQ(draw(1, 2, 3), draw(1, 2, 3));
  EXPECT_NE(draw(1, 2, 3), draw(2, 2, 3));
  EXPECT_NE(draw(1, 2, 3), draw(1, 3, 3));
  EXPECT_NE(draw(1, 2, 3), draw(1, 2, 4));
  EXPECT_EQ(draw_position(hash_of(1), NodeId(1), 1, 1), 0U);
}

class AuditAnswer : public testing::Test {
 protected:
  AuditAnswer() : data_(40'000) {
    for (std::size_t i = 0; i < data_.size(); ++i) data_[i] = static_cast<std::uint8_t>(i / 7);
    const auto groups = crypto::group_chaining_values(data_, 0);
    const ByteView group = ByteView(data_).subspan(crypto::kGroupBytes, crypto::kGroupBytes);
    for (const auto& step : crypto::leaf_path(group, groups, data_.size(), 20)) {
      append(reply_.path, step);
    }
  }
  Errc check(ByteView leaf) const {
    const auto checked = check_audit(crypto::blake3(data_), data_.size(), 20, reply_, leaf);
    return checked ? Errc{} : checked.error().code();
  }
  ByteView leaf() const { return ByteView(data_).subspan(20 * 1024, 1024); }

  Bytes data_;
  AuditReply reply_;
};

TEST_F(AuditAnswer, IsRightWhenLeafAndPathLeadToTheRoot) { EXPECT_EQ(check(leaf()), Errc{}); }

TEST_F(AuditAnswer, IsWrongForOtherBytes) {
  EXPECT_EQ(check(ByteView(data_).subspan(21 * 1024, 1024)), Errc::hash_mismatch);
  EXPECT_EQ(check(leaf().first(10)), Errc::hash_mismatch);
  EXPECT_EQ(check({}), Errc::hash_mismatch);
}

TEST_F(AuditAnswer, IsWrongForAnotherPath) {
  reply_.path[5] ^= 1;
  EXPECT_EQ(check(leaf()), Errc::hash_mismatch);
  reply_.path.resize(reply_.path.size() - 32);
  EXPECT_EQ(check(leaf()), Errc::hash_mismatch);
  reply_.path.push_back(0);
  EXPECT_EQ(check(leaf()), Errc::malformed_message);
  reply_.path.assign(32 * (kMaxAuditPath + 1), 0);
  EXPECT_EQ(check(leaf()), Errc::malformed_message);
}

TEST(AuditVerdicts, TellMissingDamagedAndSilentApart) {
  EXPECT_EQ(verdict_of(Errc::no_such_fragment), AuditVerdict::missing);
  for (const Errc code : {Errc::fragment_corrupt, Errc::hash_mismatch, Errc::malformed_message,
                          Errc::bad_encoding, Errc::invalid_argument}) {
    EXPECT_EQ(verdict_of(code), AuditVerdict::damaged);
  }
  for (const Errc code : {Errc::deadline_exceeded, Errc::connection_lost, Errc::unavailable,
                          Errc::overloaded, Errc::unknown_method, Errc::permission_denied}) {
    EXPECT_EQ(verdict_of(code), AuditVerdict::silent);
  }
}

}  // namespace
}  // namespace stratos::meta
