#include "resource/storage/fragment_store.hpp"

#include "resource/storage/store_fixture.hpp"

namespace stratos::resource {
namespace {

class FragmentStoreTest : public StoreFixture {
 protected:
  FragmentStoreTest() { reopen(); }
  std::string volume_path(std::uint32_t number) {
    Bytes name;
    put_be(name, number);
    return folder() + "/volumes/" + to_hex(name);
  }
  StoredFragment stored(const FragmentId& id) { return store_->index().find(id).value().value(); }
  void flip_byte(const Place& place, std::uint64_t at) {
    const auto file = fs().open(volume_path(place.volume), io::OpenMode::read_write).value();
    Bytes byte(1);
    ASSERT_TRUE(file->read(place.position + at, byte));
    byte[0] ^= 0x10;
    ASSERT_TRUE(file->write(place.position + at, byte));
    ASSERT_TRUE(file->sync());
  }
  void remove_index() {
    for (const std::string& name : fs().list(folder() + "/index").value()) {
      ASSERT_TRUE(fs().remove(folder() + "/index/" + name));
    }
  }
};

constexpr std::size_t kGroup = crypto::kGroupBytes;
constexpr std::size_t kUnit = 64 * 1024;

TEST_F(FragmentStoreTest, ReturnsWhatWasStoredAtEverySizeThatMatters) {
  const std::vector<std::size_t> sizes = {0,
                                          1,
                                          1023,
                                          1024,
                                          4095,
                                          4096,
                                          kGroup - 1,
                                          kGroup,
                                          kGroup + 1,
                                          2 * kGroup,
                                          kUnit - 1,
                                          kUnit,
                                          kUnit + 1,
                                          200'000,
                                          kMaxExtentBytes - 1,
                                          kMaxExtentBytes,
                                          kMaxExtentBytes + 1,
                                          2 * kMaxExtentBytes + kGroup + 5,
                                          3 * kMaxExtentBytes};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Buffer whole = random_bytes(i, sizes[i]);
    const auto receipt = store_fragment(fragment_id(i), whole);
    ASSERT_TRUE(receipt) << sizes[i] << ": " << receipt.error().to_string();
    EXPECT_TRUE(meta::verify_receipt(*receipt));
    EXPECT_EQ(receipt->root, crypto::blake3(whole.view()));
    EXPECT_EQ(receipt->length, sizes[i]);
    EXPECT_EQ(receipt->node, NodeId(3));
    EXPECT_EQ(receipt->lease_until, now_ + options_.lease);
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      expect_stored(fragment_id(i), random_bytes(i, sizes[i]));
    }
    reopen();
  }
}

TEST_F(FragmentStoreTest, JoinsExtentsOfAnySize) {
  for (const std::size_t step : {100UL, 1000UL, 4096UL, 70'000UL, 300'000UL}) {
    const Buffer whole = random_bytes(step, 400'123);
    const FragmentId id = fragment_id(step);
    ASSERT_TRUE(store_fragment(id, whole, step));
    expect_stored(id, whole);
  }
}

TEST_F(FragmentStoreTest, ReadsAnyRange) {
  const Buffer whole = random_bytes(1, 2 * kMaxExtentBytes + 777);
  ASSERT_TRUE(store_fragment(fragment_id(1), whole, 300'000));
  SeededRandom random(5);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t offset = random.below(whole.size() + 10);
    const auto length = static_cast<std::uint32_t>(random.below(kMaxExtentBytes));
    const bool verify = i % 2 == 0;
    const auto part = store_->read(fragment_id(1), offset, length, false, verify);
    ASSERT_TRUE(part);
    const std::size_t from = std::min<std::size_t>(offset, whole.size());
    const std::size_t count = std::min<std::size_t>(length, whole.size() - from);
    ASSERT_TRUE(std::ranges::equal(part->data.view(), whole.view().subspan(from, count)));
    EXPECT_EQ(part->fragment_length, whole.size());
  }
}

TEST_F(FragmentStoreTest, HandsOutTheTree) {
  const Buffer whole = random_bytes(1, 5 * kGroup + 99);
  ASSERT_TRUE(store_fragment(fragment_id(1), whole));
  const auto part = store_->read(fragment_id(1), kGroup, kGroup, true, false);
  ASSERT_TRUE(part);
  std::vector<crypto::ChainingValue> groups(part->groups.size() / 32);
  std::memcpy(groups.data(), part->groups.data(), part->groups.size());
  ASSERT_EQ(groups.size(), 6U);
  EXPECT_EQ(crypto::root_of_groups(groups, whole.size()), crypto::blake3(whole.view()));
}

TEST_F(FragmentStoreTest, SignsAGroupOnce) {
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(append_all(fragment_id(i), random_bytes(i, 5000)));
  }
  const auto receipts = store_->commit();
  ASSERT_TRUE(receipts);
  ASSERT_EQ(receipts->size(), 10U);
  for (const meta::Receipt& receipt : *receipts) {
    EXPECT_TRUE(meta::verify_receipt(receipt));
    EXPECT_EQ(receipt.leaves, 10U);
    EXPECT_EQ(receipt.signature, receipts->front().signature);
  }
}

TEST_F(FragmentStoreTest, AnswersRepeatedCallsAlike) {
  const Buffer whole = random_bytes(1, 300'000);
  const FragmentId id = fragment_id(1);
  ASSERT_TRUE(store_->append(extent(id, whole, 0, 100'000), now_));
  const auto again = store_->append(extent(id, whole, 0, 100'000), now_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  ASSERT_TRUE(store_->append(extent(id, whole, 100'000, 200'000), now_));
  // Sealed, not yet committed.
  EXPECT_TRUE(store_->append(extent(id, whole, 100'000, 200'000), now_)->sealed);
  const auto first = store_->commit();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->size(), 2U);
  // Committed.
  EXPECT_TRUE(store_->append(extent(id, whole, 0, 100'000), now_)->repeated);
  EXPECT_TRUE(store_->append(extent(id, whole, 100'000, 200'000), now_)->sealed);
  const auto second = store_->commit();
  ASSERT_TRUE(second);
  ASSERT_EQ(second->size(), 1U);
  EXPECT_EQ((*second)[0].root, (*first)[0].root);
  EXPECT_EQ((*second)[0].lease_until, (*first)[0].lease_until);
  EXPECT_TRUE(meta::verify_receipt((*second)[0]));
}

TEST_F(FragmentStoreTest, RefusesWhatDoesNotFit) {
  const Buffer whole = random_bytes(1, 300'000);
  const FragmentId id = fragment_id(1);
  EXPECT_EQ(store_->append(extent(id, whole, 1000, 10), now_).error().code(),
            Errc::extent_out_of_order);
  ASSERT_TRUE(store_->append(extent(id, whole, 0, 1000), now_));
  EXPECT_EQ(store_->append(extent(id, whole, 2000, 10), now_).error().code(),
            Errc::extent_out_of_order);
  Append empty = extent(id, whole, 1000, 0);
  EXPECT_EQ(store_->append(empty, now_).error().code(), Errc::invalid_argument);
  Append huge = extent(id, random_bytes(1, kMaxExtentBytes + 1), 0, kMaxExtentBytes + 1);
  EXPECT_EQ(store_->append(huge, now_).error().code(), Errc::too_large);

  Append wrong = extent(id, whole, 1000, 299'000);
  wrong.root.value[0] ^= 1;
  EXPECT_EQ(store_->append(wrong, now_).error().code(), Errc::hash_mismatch);
  // The attempt is over; a new one may begin.
  ASSERT_TRUE(store_fragment(id, whole));
  expect_stored(id, whole);

  const Buffer other = random_bytes(2, 300'000);
  EXPECT_EQ(store_->append(extent(id, other, 0, 300'000), now_).error().code(),
            Errc::fragment_sealed);
  EXPECT_EQ(load(fragment_id(9)).error().code(), Errc::no_such_fragment);
  EXPECT_EQ(store_->stat(fragment_id(9)).error().code(), Errc::no_such_fragment);
}

TEST_F(FragmentStoreTest, InterleavesAHundredSlowStreams) {
  constexpr std::size_t kStreams = 100;
  constexpr std::size_t kSize = 200'000;
  constexpr std::size_t kStep = 30'000;
  std::vector<Buffer> wholes;
  for (std::size_t i = 0; i < kStreams; ++i) wholes.push_back(random_bytes(i, kSize));
  for (std::size_t offset = 0; offset < kSize; offset += kStep) {
    const std::size_t length = std::min(kStep, kSize - offset);
    for (std::size_t i = 0; i < kStreams; ++i) {
      ASSERT_TRUE(store_->append(extent(fragment_id(i), wholes[i], offset, length), now_));
    }
    ASSERT_TRUE(store_->commit());
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < kStreams; ++i) expect_stored(fragment_id(i), wholes[i]);
    reopen();
  }
}

TEST_F(FragmentStoreTest, BoundsOpenFragmentsAndForgetsIdleOnes) {
  options_.max_open_fragments = 4;
  reopen();
  const Buffer whole = random_bytes(1, 50'000);
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(store_->append(extent(fragment_id(i), whole, 0, 10'000), now_));
  }
  const Append fifth = extent(fragment_id(4), whole, 0, 10'000);
  EXPECT_EQ(store_->append(fifth, now_).error().code(), Errc::overloaded);
  now_ = now_ + options_.open_idle;
  settle();
  EXPECT_TRUE(store_->append(fifth, now_));
  EXPECT_EQ(store_->append(extent(fragment_id(0), whole, 10'000, 10'000), now_).error().code(),
            Errc::extent_out_of_order);
}

TEST_F(FragmentStoreTest, ServesAfterTheIndexIsLost) {
  std::vector<Buffer> wholes;
  for (std::size_t i = 0; i < 60; ++i) {
    wholes.push_back(random_bytes(i, 1 + i * 9973));
    ASSERT_TRUE(store_fragment(fragment_id(i), wholes[i], 100'000));
  }
  // An unfinished stream in between is not served afterwards.
  ASSERT_TRUE(store_->append(extent(fragment_id(99), wholes[50], 0, 1000), now_));
  ASSERT_TRUE(store_fragment(fragment_id(100), wholes[10]));
  const Usage before = store_->usage();
  store_.reset();
  remove_index();
  reopen();
  for (std::size_t i = 0; i < wholes.size(); ++i) expect_stored(fragment_id(i), wholes[i]);
  expect_stored(fragment_id(100), wholes[10]);
  EXPECT_EQ(load(fragment_id(99)).error().code(), Errc::no_such_fragment);
  EXPECT_EQ(store_->usage().used_bytes, before.used_bytes);
  EXPECT_EQ(store_->usage().fragments, before.fragments);
  EXPECT_EQ(stored(fragment_id(5)).lease_until, now_ + options_.lease);
}

TEST_F(FragmentStoreTest, BuildsADamagedIndexAnew) {
  const Buffer whole = random_bytes(1, 100'000);
  ASSERT_TRUE(store_fragment(fragment_id(1), whole));
  ASSERT_TRUE(store_->flush_index());
  store_.reset();
  for (const std::string& name : fs().list(folder() + "/index").value()) {
    if (!name.starts_with("MANIFEST")) continue;
    ASSERT_TRUE(faulty_->flip_bits(folder() + "/index/" + name, 200));
  }
  reopen();
  expect_stored(fragment_id(1), whole);
}

TEST_F(FragmentStoreTest, ForgetsUnsealedExtentsAtARestart) {
  const Buffer whole = random_bytes(1, 400'000);
  ASSERT_TRUE(store_->append(extent(fragment_id(1), whole, 0, 200'000), now_));
  ASSERT_TRUE(store_fragment(fragment_id(2), whole));
  reopen();
  EXPECT_EQ(store_->append(extent(fragment_id(1), whole, 200'000, 200'000), now_).error().code(),
            Errc::extent_out_of_order);
  ASSERT_TRUE(store_fragment(fragment_id(1), whole));
  expect_stored(fragment_id(1), whole);
  expect_stored(fragment_id(2), whole);
}

TEST_F(FragmentStoreTest, NeverReturnsFlippedBitsWhenVerified) {
  const std::size_t size = 3 * kGroup + 500;
  const Buffer whole = random_bytes(1, size);
  for (std::uint64_t i = 0; i < 40; ++i) {
    const FragmentId id = fragment_id(i);
    ASSERT_TRUE(store_fragment(id, whole));
    const StoredRecord record = stored(id).records.front();
    flip_byte(record.place(), record.data_at + i * (size / 40));
    const auto bytes = load(id);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code(), Errc::fragment_corrupt);
    EXPECT_EQ(store_->stat(id).error().code(), Errc::fragment_corrupt);
    EXPECT_EQ(store_->read(id, 0, 100, true, false).error().code(), Errc::fragment_corrupt);
    // A repair may write it again.
    ASSERT_TRUE(store_fragment(id, whole));
    expect_stored(id, whole);
  }
  EXPECT_EQ(store_->corrupt_found(), 40U);
}

TEST_F(FragmentStoreTest, NoticesADamagedSealAndSmallFragment) {
  const Buffer small = random_bytes(1, 3000);
  ASSERT_TRUE(store_fragment(fragment_id(1), small));
  flip_byte(stored(fragment_id(1)).records[0].place(), stored(fragment_id(1)).seal_at + 20);
  EXPECT_EQ(load(fragment_id(1)).error().code(), Errc::fragment_corrupt);
  ASSERT_TRUE(store_fragment(fragment_id(2), small));
  flip_byte(stored(fragment_id(2)).records[0].place(), stored(fragment_id(2)).records[0].data_at);
  EXPECT_EQ(store_->verify(fragment_id(2)).error().code(), Errc::fragment_corrupt);
}

TEST_F(FragmentStoreTest, RefusesNewDataBeforeTheDiskIsFull) {
  options_.capacity_bytes = 6 << 20;
  options_.reserve_bytes = 1 << 20;
  reopen();
  const Buffer whole = random_bytes(1, 500'000);
  Result<meta::Receipt> receipt = fail(Errc::internal);
  std::uint64_t count = 0;
  do {
    receipt = store_fragment(fragment_id(count++), whole);
  } while (receipt);
  EXPECT_EQ(receipt.error().code(), Errc::store_full);
  EXPECT_GT(count, 7U);
  ASSERT_TRUE(store_->measure());
  EXPECT_LE(store_->usage().used_bytes, 5U << 20);
  EXPECT_LT(store_->usage().free_bytes, 600'000U);
  // Deleting makes room again.
  ASSERT_TRUE(feed(meta::FeedKind::drop, {fragment_id(0), fragment_id(1)}));
  now_ = now_ + options_.trash + 1ms;
  settle();
  EXPECT_TRUE(store_fragment(fragment_id(count), whole));
  expect_stored(fragment_id(2), whole);
}

TEST_F(FragmentStoreTest, SurvivesADiskThatIsFullBeforeItSaysSo) {
  const Buffer whole = random_bytes(1, 500'000);
  ASSERT_TRUE(store_fragment(fragment_id(0), whole));
  faulty_->set_capacity(faulty_->used_bytes() + 100'000);
  EXPECT_EQ(store_fragment(fragment_id(1), whole).error().code(), Errc::store_full);
  expect_stored(fragment_id(0), whole);
  faulty_->set_capacity(1ULL << 40);
  settle();
  ASSERT_TRUE(store_fragment(fragment_id(1), whole));
  expect_stored(fragment_id(1), whole);
}

TEST_F(FragmentStoreTest, NeverFindsARecordThatAFullDiskCutShort) {
  const Buffer whole = random_bytes(1, 500'000);
  faulty_->set_capacity(faulty_->used_bytes() + 100'000);
  EXPECT_EQ(store_fragment(fragment_id(1), whole).error().code(), Errc::store_full);
  faulty_->set_capacity(1ULL << 40);
  // What comes later vouches for what lies before it.
  ASSERT_TRUE(store_fragment(fragment_id(2), whole));
  ASSERT_TRUE(store_fragment(fragment_id(3), whole));
  store_.reset();
  remove_index();
  reopen();
  EXPECT_EQ(store_->stat(fragment_id(1)).error().code(), Errc::no_such_fragment);
  expect_stored(fragment_id(2), whole);
}

TEST_F(FragmentStoreTest, StopsAcknowledgingAfterAFailedSyncUntilItIsOpenedAgain) {
  const Buffer whole = random_bytes(1, 50'000);
  ASSERT_TRUE(store_fragment(fragment_id(1), whole));
  faulty_->fail_syncs("*/volumes/*", 1);
  EXPECT_EQ(store_fragment(fragment_id(2), whole).error().code(), Errc::sync_failed);
  EXPECT_EQ(store_fragment(fragment_id(3), whole).error().code(), Errc::unavailable);
  EXPECT_FALSE(store_->commit());
  expect_stored(fragment_id(1), whole);
  reopen();
  expect_stored(fragment_id(1), whole);
  EXPECT_FALSE(load(fragment_id(2)));
  ASSERT_TRUE(store_fragment(fragment_id(2), whole));
  faulty_->power_off();
  store_.reset();
  faulty_->recover(1);
  reopen();
  expect_stored(fragment_id(2), whole);
}

TEST_F(FragmentStoreTest, RefusesAVolumeWithoutAHeader) {
  options_.volume_bytes = 2 << 20;
  reopen();
  for (std::uint64_t i = 0; i < 6; ++i) {
    ASSERT_TRUE(store_fragment(fragment_id(i), random_bytes(i, 700'000)));
  }
  store_.reset();
  remove_index();
  flip_byte({1, 0}, 17);
  flip_byte({1, 0}, kBlockBytes / 2 + 17);
  EXPECT_EQ(open().error().code(), Errc::corrupt_file);
}

}  // namespace
}  // namespace stratos::resource
