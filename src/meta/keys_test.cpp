#include "meta/keys.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "kv/store.hpp"

namespace stratos::meta {
namespace {

using namespace std::string_literals;

// Names of few different bytes, so that prefixes of each other are frequent.
rc::Gen<std::string> odd_names() {
  return rc::gen::container<std::string>(rc::gen::element('\0', '\x01', 'a', '/', '\xff'));
}

bool begins_with(ByteView bytes, ByteView prefix) {
  return bytes.size() >= prefix.size() && std::ranges::equal(bytes.first(prefix.size()), prefix);
}

VersionId version_id(std::uint8_t n) {
  VersionId id;
  id.value[15] = n;
  return id;
}

RC_GTEST_PROP(KeysProperty, VersionsSortByKeyThenFromTheNewest, ()) {
  const std::string a = *odd_names();
  const std::string b = *odd_names();
  const VersionId first = version_id(*rc::gen::arbitrary<std::uint8_t>());
  const VersionId second = version_id(*rc::gen::arbitrary<std::uint8_t>());
  const BucketId bucket(1);
  const Bytes left = keys::version(bucket, a, &first);
  const Bytes right = keys::version(bucket, b, &second);
  RC_ASSERT((left < right) == (a < b || (a == b && first > second)));
  RC_ASSERT((left == right) == (std::pair(a, first) == std::pair(b, second)));
}

RC_GTEST_PROP(KeysProperty, ThePrefixOfAKeysVersionsHoldsNoOthers, ()) {
  const std::string a = *odd_names();
  const std::string b = *odd_names();
  const VersionId id = version_id(*rc::gen::arbitrary<std::uint8_t>());
  const Bytes prefix = keys::version(BucketId(1), a, nullptr);
  RC_ASSERT(begins_with(keys::version(BucketId(1), b, &id), prefix) == (a == b));
}

RC_GTEST_PROP(KeysProperty, TheObjectKeyComesBackFromAVersionsKey, ()) {
  const std::string name = *odd_names();
  const std::string prefix = *odd_names();
  const VersionId id = version_id(*rc::gen::arbitrary<std::uint8_t>());
  const Bytes key = keys::version(BucketId(1), name, &id);
  RC_ASSERT(keys::parse_versioned_key(key) == name);
  RC_ASSERT(begins_with(key, keys::versions_under(BucketId(1), prefix)) ==
            name.starts_with(prefix));
  RC_ASSERT(begins_with(key, keys::versions_of(BucketId(1))));
}

RC_GTEST_PROP(KeysProperty, UploadsUnderAPrefixAreThoseOfKeysThatBeginWithIt, ()) {
  const std::string prefix = *odd_names();
  const std::string key = *odd_names();
  const UploadId id;
  const Bytes whole = keys::upload(BucketId(1), key, &id);
  RC_ASSERT(begins_with(whole, keys::uploads_under(BucketId(1), prefix)) ==
            key.starts_with(prefix));
}

TEST(Keys, AZeroByteInAKeyIsNoEnd) {
  const VersionId id = version_id(1);
  const Bytes a = keys::version(BucketId(1), "a", nullptr);
  const Bytes with_zero = keys::version(BucketId(1), "a\0"s, &id);
  const Bytes with_two = keys::version(BucketId(1), "a\0\0"s, &id);
  EXPECT_FALSE(begins_with(with_zero, a));
  EXPECT_FALSE(begins_with(with_two, a));
  EXPECT_FALSE(begins_with(with_two, keys::version(BucketId(1), "a\0"s, nullptr)));
  EXPECT_LT(keys::version(BucketId(1), "a", &id), with_zero);
  EXPECT_LT(with_zero, with_two);
}

TEST(Keys, ListRowsKeepTheBytesOfTheKey) {
  const Bytes row = keys::list_row(BucketId(1), "a\0b"s);
  EXPECT_EQ(to_hex(row), "6c0000000000000001610062");
  EXPECT_LT(keys::list_row(BucketId(1), "\xff\xff"), keys::list_row(BucketId(2), ""));
}

TEST(Keys, BucketsDoNotMix) {
  const Bytes one = keys::uploads_of(BucketId(1));
  const UploadId id;
  EXPECT_TRUE(begins_with(keys::upload(BucketId(1), "k", &id), one));
  EXPECT_FALSE(begins_with(keys::upload(BucketId(257), "k", &id), one));
}

TEST(Keys, FamiliesHaveDistinctBytes) {
  using enum keys::Family;
  const std::vector<keys::Family> all = {
      machine,    counter,       params,      account,    access_key,  bucket,    owned_bucket,
      list_row,   version,       inline_body, slice_page, upload,      upload_id, part,
      segment,    spent_segment, fragment,    feed,       node_ledger, node,      node_key,
      node_table, grant,         result,      results_of, due,         event};
  EXPECT_EQ(std::set<keys::Family>(all.begin(), all.end()).size(), all.size());
}

TEST(Keys, NumbersSortAsNumbers) {
  EXPECT_LT(keys::event(255), keys::event(256));
  EXPECT_LT(keys::feed(NodeId(1), 1ULL << 40), keys::feed(NodeId(2), 1));
  EXPECT_LT(keys::node_table(9), keys::node_table(10));
  const UploadId upload;
  EXPECT_LT(keys::part(upload, 9), keys::part(upload, 10));
  EXPECT_LT(keys::part(upload, 255), keys::part(upload, 256));
}

TEST(Keys, DueItemsSortByTimeAndComeBack) {
  const Bytes subject = {1, 2, 3};
  const Bytes early = keys::due({1000}, DueKind::forget_results, subject);
  const Bytes late = keys::due({1001}, DueKind::orphan_segment, subject);
  EXPECT_LT(early, late);
  const keys::DueItem item = keys::parse_due(early);
  EXPECT_EQ(item.time.ms, 1000);
  EXPECT_EQ(item.kind, DueKind::forget_results);
  EXPECT_EQ(item.subject, subject);
  EXPECT_TRUE(keys::parse_due(keys::due({5}, DueKind::free_bucket, {})).subject.empty());
}

TEST(Keys, SegmentIdsAreGrantAndCounter) {
  const SegmentId id = keys::segment_id(GrantId(0x0102030405060708), 0xf1f2f3f4f5f6f7f8);
  EXPECT_EQ(id.hex(), "0102030405060708f1f2f3f4f5f6f7f8");
  EXPECT_EQ(keys::grant_of(id), GrantId(0x0102030405060708));
  EXPECT_EQ(keys::counter_of(id), 0xf1f2f3f4f5f6f7f8);
  EXPECT_TRUE(begins_with(keys::spent_segment(id), keys::spent_segments_of(keys::grant_of(id))));
}

TEST(Keys, FragmentsComeBackAndSortByNode) {
  const FragmentId id{keys::segment_id(GrantId(1), 2), 200};
  const Bytes key = keys::fragment(NodeId(77), id);
  EXPECT_EQ(keys::parse_fragment(key), id);
  EXPECT_TRUE(begins_with(key, keys::fragments_of(NodeId(77))));
  EXPECT_LT(key, keys::fragment(NodeId(78), {}));
}

TEST(Keys, PagesOfInventoriesComeBackAndSortByNodeAndLevel) {
  const Bytes key = keys::inventory(NodeId(77), 3, 0xf0000001);
  EXPECT_EQ(to_hex(key), "490000004d03f0000001");
  const keys::InventoryPage page = keys::parse_inventory(key);
  EXPECT_EQ(page.node, NodeId(77));
  EXPECT_EQ(page.level, 3);
  EXPECT_EQ(page.page, 0xf0000001U);
  EXPECT_LT(key, keys::inventory(NodeId(77), 4, 0));
  EXPECT_LT(key, keys::inventory(NodeId(78), 0, 0));
}

TEST(Keys, GoldenLayout) {
  const VersionId id = version_id(3);
  UploadId upload;
  upload.value[0] = 9;
  EXPECT_EQ(to_hex(keys::version(BucketId(2), "a\0"s, &id)),
            "76"
            "0000000000000002"
            "6100ff0000"
            "fffffffffffffffffffffffffffffffc");
  EXPECT_EQ(to_hex(keys::null_version(BucketId(2), "a\0"s)),
            "77"
            "0000000000000002"
            "6100ff0000");
  EXPECT_EQ(to_hex(keys::slice_page(BucketId(2), id, 4)),
            "70"
            "0000000000000002"
            "00000000000000000000000000000003"
            "00000004");
  EXPECT_EQ(to_hex(keys::part(upload, 4)),
            "50"
            "09000000000000000000000000000000"
            "00000004");
  EXPECT_EQ(to_hex(keys::upload_id(upload)),
            "55"
            "09000000000000000000000000000000");
  EXPECT_EQ(to_hex(keys::due({258}, DueKind::close_grant, {})),
            "71"
            "0000000000000102"
            "02");
  EXPECT_EQ(to_hex(keys::feed(NodeId(3), 5)),
            "64"
            "00000003"
            "0000000000000005");
}

}  // namespace
}  // namespace stratos::meta
