#include "resource/storage/volume_set.hpp"

#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"

namespace stratos::resource {
namespace {

class VolumeSetTest : public ::testing::Test {
 protected:
  void open() { volumes_ = VolumeSet::open(fs_, "/v", 5).value(); }
  Result<void> write(VolumeLog& log, const VolumeLog::Slot& slot, const Bytes& data) {
    RecordHeader header;
    header.fragment.index = 1;
    return log.write(slot, header, nullptr, data);
  }

  io::FaultyFileSystem fs_;
  std::unique_ptr<VolumeSet> volumes_;
};

TEST_F(VolumeSetTest, CreatesFindsAndRemoves) {
  open();
  EXPECT_TRUE(volumes_->numbers().empty());
  const std::uint64_t salt = volumes_->create(1).value()->salt;
  ASSERT_TRUE(volumes_->create(2));
  EXPECT_NE(volumes_->get(2).value()->salt, salt);
  open();
  EXPECT_EQ(volumes_->numbers(), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(volumes_->get(1).value()->salt, salt);
  ASSERT_TRUE(volumes_->remove(1));
  EXPECT_EQ(volumes_->get(1).error().code(), Errc::file_not_found);
}

TEST_F(VolumeSetTest, DropsALastVolumeWithoutAHeader) {
  open();
  ASSERT_TRUE(volumes_->create(1));
  ASSERT_TRUE(fs_.open("/v/00000002", io::OpenMode::create_or_open));
  open();
  EXPECT_EQ(volumes_->numbers(), std::vector<std::uint32_t>{1});
}

TEST_F(VolumeSetTest, RenewsARottenHeader) {
  open();
  const std::uint64_t salt = volumes_->create(1).value()->salt;
  ASSERT_TRUE(volumes_->create(2));
  const auto rot = [&](std::uint64_t at) {
    const auto file = fs_.open("/v/00000001", io::OpenMode::read_write).value();
    Bytes byte(1);
    ASSERT_TRUE(file->read(at, byte));
    byte[0] ^= 0x10;
    ASSERT_TRUE(file->write(at, byte));
  };
  for (const std::uint64_t at : {20UL, kBlockBytes / 2 + 20UL, 20UL}) {
    rot(at);
    open();
    const auto volume = volumes_->get(1);
    ASSERT_TRUE(volume) << at;
    EXPECT_EQ((*volume)->salt, salt);
  }
  rot(20);
  rot(kBlockBytes / 2 + 20);
  open();
  EXPECT_EQ(volumes_->get(1).error().code(), Errc::corrupt_file);
}

TEST_F(VolumeSetTest, RollsToTheNextVolume) {
  open();
  VolumeLog log(*volumes_, 64 * 1024, {});
  std::vector<Place> places;
  for (int i = 0; i < 10; ++i) places.push_back(log.reserve(16 * 1024, false)->place());
  EXPECT_EQ(places[0], (Place{1, kBlockBytes}));
  EXPECT_EQ(places[2], (Place{1, kBlockBytes + 32 * 1024}));
  EXPECT_EQ(places[3], (Place{2, kBlockBytes}));
  EXPECT_EQ(places[9], (Place{4, kBlockBytes}));
}

TEST_F(VolumeSetTest, VouchesOnlyForWhatWasWrittenBeforeTheSync) {
  open();
  VolumeLog log(*volumes_, 1 << 20, {});
  const auto first = log.reserve(kBlockBytes, false).value();
  const auto second = log.reserve(kBlockBytes, false).value();
  ASSERT_TRUE(write(log, second, Bytes(100, 1)));
  ASSERT_TRUE(log.sync());
  // The first one is still to be written.
  EXPECT_EQ(log.durable(), first.place());
  ASSERT_TRUE(write(log, first, Bytes(100, 1)));
  EXPECT_EQ(log.durable(), first.place());
  ASSERT_TRUE(log.sync());
  EXPECT_EQ(log.durable(), log.end());
}

TEST_F(VolumeSetTest, KeepsTheMarkAtTheFirstPinnedRecord) {
  open();
  VolumeLog log(*volumes_, 1 << 20, {});
  const Place first = log.reserve(kBlockBytes, true)->place();
  const Place second = log.reserve(kBlockBytes, true)->place();
  EXPECT_EQ(log.mark(), first);
  log.unpin(first);
  EXPECT_EQ(log.mark(), second);
  log.unpin(second);
  EXPECT_EQ(log.mark(), log.end());
}

TEST_F(VolumeSetTest, WritesRecordsThatCanBeReadBack) {
  open();
  VolumeLog log(*volumes_, 4 << 20, {});
  for (const std::size_t size : {10UL, 70'000UL, 1UL << 20}) {
    const Bytes data(size, 7);
    const RecordLayout layout = plan_record(static_cast<std::uint32_t>(size), 0);
    const auto slot = log.reserve(layout.record_bytes, false).value();
    ASSERT_TRUE(write(log, slot, data));
    Bytes head(kRecordHeaderBytes);
    ASSERT_TRUE(slot.volume->file->read(slot.position, head));
    const auto header = decode_record_header(head, slot.volume->salt, slot.position);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->data_bytes, size);
    Bytes back(size);
    ASSERT_TRUE(slot.volume->file->read(slot.position + layout.data_at, back));
    EXPECT_EQ(back, data);
  }
}

}  // namespace
}  // namespace stratos::resource
