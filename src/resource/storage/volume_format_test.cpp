#include "resource/storage/volume_format.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace stratos::resource {
namespace {

RecordHeader sample() {
  RecordHeader header;
  header.fragment.segment.value.fill(0xab);
  header.fragment.index = 5;
  header.zone = ZoneId(2);
  header.k = 8;
  header.m = 4;
  header.offset = 1 << 20;
  header.data_bytes = 70'000;
  header.seal_bytes = seal_size(1'118'576);
  header.layout = plan_record(header.data_bytes, header.seal_bytes);
  header.position = 3 * kBlockBytes;
  header.durable = {1, 2 * kBlockBytes};
  return header;
}

Seal sample_seal(std::uint64_t length) {
  Seal seal;
  seal.length = length;
  seal.root.value.fill(7);
  seal.lease_until = {-5};
  if (length > crypto::kGroupBytes) {
    seal.groups.resize((length + crypto::kGroupBytes - 1) / crypto::kGroupBytes);
    for (std::size_t i = 0; i < seal.groups.size(); ++i) {
      seal.groups[i].fill(static_cast<std::uint8_t>(i));
    }
  }
  return seal;
}

TEST(VolumeFormat, KeepsHeaders) {
  const RecordHeader header = sample();
  Bytes bytes(kRecordHeaderBytes);
  encode_record_header(header, 99, bytes);
  const auto back = decode_record_header(bytes, 99, header.position);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->fragment, header.fragment);
  EXPECT_EQ(back->zone, header.zone);
  EXPECT_EQ(back->k, header.k);
  EXPECT_EQ(back->m, header.m);
  EXPECT_EQ(back->offset, header.offset);
  EXPECT_EQ(back->data_bytes, header.data_bytes);
  EXPECT_EQ(back->seal_bytes, header.seal_bytes);
  EXPECT_EQ(back->durable, header.durable);
  EXPECT_EQ(back->layout.record_bytes, header.layout.record_bytes);
}

TEST(VolumeFormat, NoticesEveryFlippedBitOfAHeader) {
  const RecordHeader header = sample();
  Bytes bytes(kRecordHeaderBytes);
  encode_record_header(header, 99, bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(decode_record_header(bytes, 99, header.position)) << bit;
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  EXPECT_FALSE(decode_record_header(bytes, 98, header.position));
  EXPECT_FALSE(decode_record_header(bytes, 99, header.position + kBlockBytes));
  EXPECT_FALSE(decode_record_header(ByteView(bytes).first(100), 99, header.position));
}

TEST(VolumeFormat, KeepsSealsAndNoticesEveryFlippedBit) {
  for (const std::uint64_t length : {0ULL, 1ULL, 16'384ULL, 16'385ULL, 100'000ULL}) {
    const Seal seal = sample_seal(length);
    Bytes bytes(seal_size(length));
    encode_seal(seal, 3, bytes);
    const auto back = decode_seal(bytes, 3);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->length, seal.length);
    EXPECT_EQ(back->root, seal.root);
    EXPECT_EQ(back->lease_until, seal.lease_until);
    EXPECT_EQ(back->groups, seal.groups);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      EXPECT_FALSE(decode_seal(bytes, 3)) << bit;
      bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    }
    EXPECT_FALSE(decode_seal(bytes, 4));
    EXPECT_FALSE(decode_seal(ByteView(bytes).first(bytes.size() - 1), 3));
  }
}

TEST(VolumeFormat, LaysRecordsOutWithoutOverlap) {
  for (const std::uint32_t data : {0U, 1U, 4096U, 65'536U, 65'537U, 262'144U, 1U << 20}) {
    for (const std::uint64_t length : {0ULL, 100'000ULL, 1'900'000ULL, 2'200'000ULL, 80ULL << 20}) {
      const std::uint32_t seal = length == 0 ? 0 : seal_size(length);
      const RecordLayout layout = plan_record(data, seal);
      EXPECT_EQ(layout.record_bytes % kBlockBytes, 0U);
      EXPECT_GE(layout.data_at, kRecordHeaderBytes);
      EXPECT_LE(layout.data_at + data, layout.record_bytes);
      EXPECT_LE(layout.record_bytes, kMaxRecordBytes);
      if (data > kInlineDataBytes) {
        EXPECT_EQ(layout.data_at % kBlockBytes, 0U);
      }
      if (seal == 0) continue;
      EXPECT_GE(layout.seal_at, kRecordHeaderBytes);
      EXPECT_LE(layout.seal_at + seal, layout.record_bytes);
      const bool before = layout.seal_at + seal <= layout.data_at;
      EXPECT_TRUE(before || layout.seal_at >= layout.data_at + data);
    }
  }
}

TEST(VolumeFormat, KeepsASmallFragmentInOneRun) {
  EXPECT_EQ(plan_record(16'384, seal_size(16'384)).record_bytes, 5 * kBlockBytes);
  EXPECT_EQ(plan_record(3000, seal_size(3000)).record_bytes, kBlockBytes);
  EXPECT_EQ(plan_record(262'144, seal_size(262'144)).record_bytes, 65 * kBlockBytes);
}

TEST(VolumeFormat, RefusesForeignVolumes) {
  Bytes block = encode_volume_header({7, 1234});
  const auto header = decode_volume_header(block);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->number, 7U);
  EXPECT_EQ(header->salt, 1234U);
  block[9] ^= 1;
  block[kBlockBytes / 2 + 9] ^= 1;
  EXPECT_EQ(decode_volume_header(block).error().code(), Errc::corrupt_file);
  EXPECT_EQ(decode_volume_header(Bytes(10)).error().code(), Errc::corrupt_file);
  EXPECT_EQ(decode_volume_header(Bytes(kBlockBytes)).error().code(), Errc::corrupt_file);
}

TEST(VolumeFormat, SurvivesAnyRottenBitOfAHeader) {
  Bytes block = encode_volume_header({7, 1234});
  for (std::size_t bit = 0; bit < 8 * block.size(); ++bit) {
    block[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const auto header = decode_volume_header(block);
    ASSERT_TRUE(header) << bit;
    EXPECT_EQ(header->salt, 1234U);
    block[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
}

TEST(VolumeFormat, SurvivesNoise) {
  SeededRandom random(11);
  Bytes noise(kBlockBytes);
  for (int i = 0; i < 2000; ++i) {
    random.fill(noise);
    std::memcpy(noise.data(), "SREC", 4);
    EXPECT_FALSE(decode_record_header(noise, 1, 0));
    EXPECT_FALSE(decode_seal(ByteView(noise).first(random.below(noise.size())), 1));
    EXPECT_FALSE(decode_volume_header(noise));
  }
}

}  // namespace
}  // namespace stratos::resource
