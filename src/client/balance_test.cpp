// Balance end to end: a node that comes new to a mesh takes its share.
#include "meta/balance.hpp"
#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

constexpr std::uint64_t kCapacity = 64 << 20;

class BalanceTest : public MeshTest {
 protected:
  BalanceTest() : MeshTest(true, false, kCapacity) {}

  std::vector<std::uint64_t> bytes_of_nodes() {
    std::vector<std::uint64_t> bytes;
    for (const auto& ledger : run(mesh_->meta.query(meta::GetNodes{})).value().ledgers) {
      bytes.push_back(ledger.bytes);
    }
    return bytes;
  }
  std::uint64_t spread() {
    const auto bytes = bytes_of_nodes();
    const auto [least, most] = std::ranges::minmax(bytes);
    return (most - least) * meta::kFull / kCapacity;
  }
};

TEST_F(BalanceTest, ANewNodeTakesItsShareAndNothingIsEverMissing) {
  constexpr int kObjects = 20;
  const auto key_of = [](int i) { return "k" + std::to_string(i); };
  for (int i = 0; i < kObjects; ++i) {
    ASSERT_TRUE(put(key_of(i), pattern(static_cast<std::uint64_t>(i), 3'000'000)));
  }
  settle();
  start_node("/fresh");
  ASSERT_GT(spread(), 100U);
  const auto pause = [](Runtime* runtime) -> Task<void> { (void)co_await runtime->sleep(5ms); };
  const MonotonicTime give_up = loop_.now() + 30s;
  while (spread() > 100) {
    ASSERT_LT(loop_.now(), give_up) << spread();
    for (int i = 0; i < kObjects; ++i) {
      ASSERT_GE(holders_of(key_of(i)).size(), meta::write_quorum(kCoded.k, kCoded.m));
    }
    run(pause(&loop_));
  }
  EXPECT_GT(bytes_of_nodes().back(), 0U);
  EXPECT_GT(metrics_.counter("stratos_balance_fragments_total").value(), 0U);
  for (int i = 0; i < kObjects; ++i) {
    const auto holders = holders_of(key_of(i));
    std::set<NodeId> nodes;
    for (const meta::Holder& holder : holders) nodes.insert(holder.node);
    EXPECT_EQ(nodes.size(), holders.size());
    EXPECT_TRUE(same(get(key_of(i)), pattern(static_cast<std::uint64_t>(i), 3'000'000).view()));
  }
}

}  // namespace
}  // namespace stratos::client
