#include "client/allocator.hpp"

#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

class Allocation : public MeshTest {
 protected:
  Result<Place> allocate(erasure::Shape shape = kCoded) {
    return run(mesh_->allocator.allocate(shape));
  }
};

TEST_F(Allocation, NeverGivesAnIdTwice) {
  std::set<SegmentId> ids;
  for (int i = 0; i < 300; ++i) {
    const auto place = allocate(i % 3 == 0 ? kCopies : kCoded);
    ASSERT_TRUE(place) << place.error().to_string();
    EXPECT_TRUE(ids.insert(place->segment).second);
    if (i == 100) mesh_->allocator.forget();
    if (i == 200) runtime_.advance(10s);
  }
}

TEST_F(Allocation, GivesDifferentIdsToThoseWhoAskAtOnce) {
  static constexpr std::size_t kAskers = 50;
  const auto ask = [](Mesh* mesh, std::set<SegmentId>* ids) -> Task<void> {
    const auto place = co_await mesh->allocator.allocate(kCoded);
    if (place) ids->insert(place->segment);
  };
  std::set<SegmentId> ids;
  there([&] {
    for (std::size_t i = 0; i < kAskers; ++i) mesh_->background.spawn(ask(mesh_.get(), &ids));
  });
  settle();
  EXPECT_EQ(ids.size(), kAskers);
}

TEST_F(Allocation, RanksEveryNodeOnce) {
  const auto place = allocate();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->ranked.size(), kNodes);
  EXPECT_EQ(std::set(place->ranked.begin(), place->ranked.end()).size(), kNodes);
  EXPECT_GT(place->table_version, 0U);
}

TEST_F(Allocation, PlacesAnewWhatHasGrownOld) {
  const auto before = allocate();
  ASSERT_TRUE(before);
  start_node("/late");
  const auto same_stock = allocate();
  ASSERT_TRUE(same_stock);
  EXPECT_EQ(same_stock->table_version, before->table_version);
  runtime_.advance(3s);
  const auto after = allocate();
  ASSERT_TRUE(after);
  EXPECT_GT(after->table_version, before->table_version);
  EXPECT_EQ(after->ranked.size(), kNodes + 1);
}

TEST_F(Allocation, PlacesAnewAfterForgetting) {
  ASSERT_TRUE(allocate());
  start_node("/late");
  mesh_->allocator.forget();
  EXPECT_EQ(allocate()->ranked.size(), kNodes + 1);
}

TEST_F(Allocation, SaysWhenTooFewDomainsAreThere) {
  erasure::Shape wide;
  wide.k = 16;
  wide.m = 4;
  EXPECT_EQ(allocate(wide).error().code(), Errc::too_few_domains);
  EXPECT_TRUE(allocate());
}

}  // namespace
}  // namespace stratos::client
