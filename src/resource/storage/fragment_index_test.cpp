#include "resource/storage/fragment_index.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace stratos::resource {
namespace {

FragmentId id_of(std::uint8_t number, std::uint8_t index = 0) {
  FragmentId id;
  id.segment.value[0] = number;
  id.index = index;
  return id;
}

StoredFragment fragment(std::uint32_t volume, std::uint64_t position, std::int64_t lease) {
  StoredFragment out;
  out.lease_until = {lease};
  out.length = 5000;
  out.k = 4;
  out.m = 2;
  out.records = {{volume, position, 8192, 0, 128, 5000}};
  out.seal_at = 5128;
  return out;
}

class FragmentIndexTest : public ::testing::Test {
 protected:
  void put(const FragmentId& id, const StoredFragment& after) {
    FragmentIndex::Change change = index_->begin();
    change.put(id, change.find(id).value(), after);
    ASSERT_TRUE(change.write());
  }
  VolumeUse use(std::uint32_t volume) { return index_->uses()[volume]; }

  std::unique_ptr<FragmentIndex> index_ = FragmentIndex::open(kv::make_memory_store()).value();
};

TEST_F(FragmentIndexTest, FindsWhatWasPut) {
  put(id_of(1), fragment(1, 4096, 100));
  const auto found = index_->find(id_of(1)).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->length, 5000U);
  EXPECT_EQ(found->lease_until.ms, 100);
  EXPECT_EQ(found->records[0].place(), (Place{1, 4096}));
  EXPECT_EQ(found->seal_at, 5128U);
  EXPECT_FALSE(index_->find(id_of(2)).value());
  EXPECT_EQ(fragment_of(key_of(id_of(3, 9))).value(), id_of(3, 9));
  EXPECT_FALSE(fragment_of(Bytes(16)));
}

TEST_F(FragmentIndexTest, FindsAgainWhatIsTrueNow) {
  EXPECT_EQ(index_->find_again(id_of(1)).value(), nullptr);
  for (std::uint8_t i = 0; i < 200; ++i) put(id_of(i), fragment(1, 4096, i));
  for (std::uint8_t i = 0; i < 200; ++i) {
    const auto first = index_->find_again(id_of(i)).value();
    EXPECT_EQ(first->lease_until.ms, i);
    EXPECT_EQ(index_->find_again(id_of(i)).value(), first) << "read once";
  }
  put(id_of(199), fragment(1, 4096, 1000));
  EXPECT_EQ(index_->find_again(id_of(199)).value()->lease_until.ms, 1000);
  FragmentIndex::Change change = index_->begin();
  change.remove(id_of(199), *change.find(id_of(199)).value());
  EXPECT_NE(index_->find_again(id_of(199)).value(), nullptr) << "not yet written";
  ASSERT_TRUE(change.write());
  EXPECT_EQ(index_->find_again(id_of(199)).value(), nullptr);
}

// Nothing that a reader puts aside may outlive the change that made it old.
TEST_F(FragmentIndexTest, FindsAgainBesideChanges) {
  put(id_of(1), fragment(1, 4096, 0));
  std::atomic<std::int64_t> written{0};
  std::jthread reader([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const std::int64_t least = written.load();
      EXPECT_GE(index_->find_again(id_of(1)).value()->lease_until.ms, least);
    }
  });
  for (std::int64_t i = 1; i <= 20'000; ++i) {
    put(id_of(1), fragment(1, 4096, i));
    written.store(i);
  }
}

TEST_F(FragmentIndexTest, CountsBytesByStateAndVolume) {
  StoredFragment kept = fragment(1, 4096, 100);
  kept.state = FragmentState::kept;
  put(id_of(1), kept);
  put(id_of(2), fragment(2, 4096, 100));
  EXPECT_EQ(use(1).live_bytes, 8192U);
  EXPECT_EQ(use(2).live_fragments, 1U);
  StoredFragment trashed = kept;
  trashed.state = FragmentState::trashed;
  trashed.purge_at = {500};
  put(id_of(1), trashed);
  EXPECT_EQ(use(1).live_bytes, 0U);
  EXPECT_EQ(use(1).trash_bytes, 8192U);
  EXPECT_EQ(use(1).trash_fragments, 1U);
  FragmentIndex::Change change = index_->begin();
  change.remove(id_of(1), trashed);
  ASSERT_TRUE(change.write());
  EXPECT_EQ(use(1).trash_bytes, 0U);
  EXPECT_EQ(use(1).dead_bytes, 8192U);
}

TEST_F(FragmentIndexTest, ListsDeadRecordsUntilTheyAreForgotten) {
  put(id_of(1), fragment(1, 4096, 100));
  {
    FragmentIndex::Change change = index_->begin();
    change.remove(id_of(1), *change.find(id_of(1)).value());
    // A change sees itself.
    EXPECT_FALSE(change.find(id_of(1)).value());
    ASSERT_TRUE(change.write());
  }
  const auto dead = index_->dead(10).value();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].place, (Place{1, 4096}));
  EXPECT_EQ(dead[0].bytes, 8192U);
  {
    FragmentIndex::Change change = index_->begin();
    change.forget_dead(dead[0]);
    ASSERT_TRUE(change.write());
  }
  EXPECT_TRUE(index_->dead(10)->empty());
  EXPECT_EQ(use(1).dead_bytes, 0U);
  {
    FragmentIndex::Change change = index_->begin();
    change.forget_volume(1);
    ASSERT_TRUE(change.write());
  }
  EXPECT_FALSE(index_->uses().contains(1));
}

TEST_F(FragmentIndexTest, OrdersLeasesAndTrashByTime) {
  for (std::uint8_t i = 1; i <= 5; ++i) put(id_of(i), fragment(1, i * 8192U, 100 - i));
  EXPECT_EQ(index_->expired({97}, 10).value(), (std::vector{id_of(5), id_of(4)}));
  EXPECT_EQ(index_->expired({1000}, 3)->size(), 3U);
  StoredFragment trashed = fragment(1, 5 * 8192U, 95);
  trashed.state = FragmentState::trashed;
  trashed.purge_at = {300};
  put(id_of(5), trashed);
  EXPECT_EQ(index_->expired({97}, 10).value(), std::vector{id_of(4)});
  EXPECT_TRUE(index_->to_purge({300}, 10)->empty());
  EXPECT_EQ(index_->to_purge({301}, 10).value(), std::vector{id_of(5)});
}

TEST_F(FragmentIndexTest, ListsInOrderOfId) {
  for (const std::uint8_t i : Bytes{3, 1, 2}) put(id_of(i), fragment(1, i * 8192U, 1));
  put(id_of(1, 7), fragment(1, 10 * 8192U, 1));
  const auto first = index_->list(std::nullopt, 2).value();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].id, id_of(1));
  EXPECT_EQ(first[1].id, id_of(1, 7));
  const auto rest = index_->list(first[1].id, 10).value();
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[1].id, id_of(3));
}

TEST_F(FragmentIndexTest, KeepsNotesAndOrders) {
  FragmentIndex::Change change = index_->begin();
  change.set_meta("mark", Bytes{1});
  change.put_order(Bytes{1}, Bytes{10});
  change.put_order(Bytes{2}, Bytes{20});
  change.remove_order(Bytes{1});
  ASSERT_TRUE(change.write());
  EXPECT_EQ(index_->get_meta("mark").value(), Bytes{1});
  EXPECT_EQ(index_->get_meta("other").value(), std::nullopt);
  EXPECT_EQ(index_->list_orders(10).value(), (std::vector<Bytes>{Bytes{20}}));
}

}  // namespace
}  // namespace stratos::resource
