#include "meta/records.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "meta/audit_commands.hpp"
#include "meta/node_orders.hpp"
#include "meta/queries.hpp"
#include "meta/service_meter.hpp"
#include "meta/wire.hpp"

namespace stratos::meta {
namespace {

WrappedKey key_named(const std::string& name) { return {"ring", 1, to_bytes(as_bytes(name))}; }

SlicePage part_of(const std::vector<std::uint64_t>& lengths, const std::string& key) {
  SlicePage page;
  page.keys = {key_named(key)};
  for (const std::uint64_t length : lengths) page.slices.push_back({{}, 0, length, 0});
  return page;
}

TEST(Paginate, OfNothingIsNothing) {
  EXPECT_TRUE(paginate({}).empty());
  EXPECT_TRUE(paginate({SlicePage{}, SlicePage{}}).empty());
}

TEST(Paginate, FillsPagesBeforeItBeginsAnother) {
  for (const std::size_t count : {1UL, 511UL, 512UL, 513UL, 1024UL, 1025UL}) {
    const auto pages = paginate({part_of(std::vector<std::uint64_t>(count, 7), "a")});
    ASSERT_EQ(pages.size(), (count + kSlicesPerPage - 1) / kSlicesPerPage);
    for (std::size_t i = 0; i + 1 < pages.size(); ++i) {
      EXPECT_EQ(pages[i].slices.size(), kSlicesPerPage);
    }
  }
}

TEST(Paginate, NamesEachKeyOncePerPage) {
  std::vector<SlicePage> parts;
  for (int i = 0; i < 1000; ++i) parts.push_back(part_of({5}, i % 3 == 0 ? "a" : "b"));
  const auto pages = paginate(parts);
  ASSERT_EQ(pages.size(), 2U);
  for (const SlicePage& page : pages) EXPECT_EQ(page.keys.size(), 2U);
}

RC_GTEST_PROP(PaginateProperty, KeepsOrderLengthsAndKeys, ()) {
  const auto shapes = *rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint8_t>>>(
      rc::gen::arbitrary<std::pair<std::uint8_t, std::uint8_t>>());
  std::vector<SlicePage> parts;
  std::vector<std::pair<std::uint64_t, WrappedKey>> expected;
  for (const auto& [count, key] : shapes) {
    const std::string name(1, static_cast<char>('a' + key % 4));
    parts.push_back(part_of(std::vector<std::uint64_t>(count, count + 1), name));
    for (int i = 0; i < count; ++i) expected.emplace_back(count + 1, key_named(name));
  }
  std::vector<std::pair<std::uint64_t, WrappedKey>> got;
  for (const SlicePage& page : paginate(parts)) {
    for (const Slice& slice : page.slices) got.emplace_back(slice.length, page.keys.at(slice.key));
  }
  RC_ASSERT(got == expected);
}

TEST(WriteQuorum, IsHalfTheParityAboveK) {
  EXPECT_EQ(write_quorum(4, 2), 5U);
  EXPECT_EQ(write_quorum(8, 4), 10U);
  EXPECT_EQ(write_quorum(12, 20), 22U);
  EXPECT_EQ(write_quorum(1, 2), 2U);
  EXPECT_EQ(write_quorum(1, 0), 1U);
}

TEST(CheckParams, RefusesShapesAndTimesThatCannotWork) {
  Params params;
  params.profiles = {{"dev", 4, 2, 3}};
  EXPECT_TRUE(check_params(params));
  const auto refused = [&params](auto change) {
    Params other = params;
    change(other);
    const auto checked = check_params(other);
    return !checked && checked.error().code() == Errc::bad_config;
  };
  EXPECT_TRUE(refused([](Params& p) { p.profiles[0].k = 0; }));
  EXPECT_TRUE(refused([](Params& p) { p.profiles[0].copies = 0; }));
  EXPECT_TRUE(refused([](Params& p) { p.profiles[0] = {"x", 200, 100, 3}; }));
  EXPECT_TRUE(refused([](Params& p) { p.epoch_ms = 0; }));
  EXPECT_TRUE(refused([](Params& p) { p.profiles.push_back(p.profiles[0]); }));
  EXPECT_TRUE(refused([](Params& p) { p.spread.clear(); }));
  EXPECT_TRUE(refused([](Params& p) { p.spread = {"zone", "zone"}; }));
  EXPECT_TRUE(refused([](Params& p) { p.orphan_ms = ~0ULL; }));
  EXPECT_TRUE(refused([](Params& p) { p.idempotency_ms = 1ULL << 62; }));
}

TEST(NodeState, HasANameForEveryNumber) {
  std::set<std::string_view> names;
  for (int i = 0; i <= 5; ++i) names.insert(name_of(static_cast<NodeState>(i)));
  EXPECT_EQ(names.size(), 6U);
  EXPECT_EQ(name_of(NodeState::draining), "draining");
  EXPECT_EQ(name_of(static_cast<NodeState>(200)), "unknown");
}

// Every record that is kept or sent: an empty one comes back, fields of later releases are kept
// where the record promises it, another format is refused.
template <class R>
class EveryRecord : public ::testing::Test {};

using Records = ::testing::Types<
    Params, AccountRecord, AccessKeyRecord, BucketRecord, WrappedKey, Slice, SlicePage, ListRow,
    VersionRecord, Holder, SegmentRecord, UploadRecord, PartRecord, NodeRecord, Candidate,
    NodeTable, GrantRecord, NodeLedger, Event, Receipt, Limit, SignedLimit, Order, Item, Entry,
    ItemList, ItemResult, ItemResults, CreateAccount, CreateAccessKey, DeleteAccessKey,
    CreateBucket, DeleteBucket, SegmentCommit, CommitSegments, AddHolder, Precondition, PutObject,
    DeleteObject, CopyObject, CreateUpload, PutPart, CompleteUpload, AbortUpload, RegisterNode,
    SetNodeState, ReserveGrant, RecordAudits, ScoreNodes, ReinstateNode, NodeHistory,
    ContainedAudit, AuditRequest, AuditReply, ServiceReport, GetScores::Reply, TrimFeed,
    SubmitRequest, QueryRequest, AllocateRequest, InventoryLeaf, Label, InventoryStep>;
TYPED_TEST_SUITE(EveryRecord, Records);

TYPED_TEST(EveryRecord, ComesBackWhenEmpty) {
  const Bytes encoded = codec::encode(TypeParam{});
  const auto decoded = codec::decode<TypeParam>(encoded);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(codec::encode(*decoded), encoded);
}

TYPED_TEST(EveryRecord, SkipsOrKeepsFieldsOfLaterReleases) {
  const Bytes plain = codec::encode(TypeParam{});
  Bytes later = plain;
  codec::put_varint_field(later, 1000, 5);
  codec::put_bytes_field(later, 1001, as_bytes("new"));
  const auto decoded = codec::decode<TypeParam>(later);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(codec::encode(*decoded), codec::KeepsUnknown<TypeParam> ? later : plain);
}

TYPED_TEST(EveryRecord, RefusesAnotherFormat) {
  if constexpr (codec::Versioned<TypeParam>) {
    Bytes encoded = codec::encode(TypeParam{});
    ++encoded[0];
    EXPECT_EQ(codec::decode<TypeParam>(encoded).error().code(), Errc::unknown_format);
    EXPECT_EQ(codec::decode<TypeParam>({}).error().code(), Errc::bad_encoding);
  }
}

TYPED_TEST(EveryRecord, RefusesATornTail) {
  Bytes encoded = codec::encode(TypeParam{});
  codec::put_bytes_field(encoded, 1000, as_bytes("0123456789"));
  encoded.resize(encoded.size() - 4);
  EXPECT_FALSE(codec::decode<TypeParam>(encoded));
}

TEST(Records, GoldenVectors) {
  VersionRecord version;
  version.id.value[15] = 1;
  version.size = 300;
  version.modified = {1'700'000'000'000};
  version.key = key_named("k");
  version.pages = 1;
  version.page = part_of({300}, "k");
  version.page_macs = {{1, 2}};
  EXPECT_EQ(to_hex(codec::encode(version)),
            "010a100000000000000000000000000000000110ac021880a0abfef962320b0a0472696e6710011a016b40"
            "014a120a"
            "0b0a0472696e6710011a016b120318ac0252020102");
  SegmentRecord segment;
  segment.id.value[0] = 1;
  segment.generation = Generation(2);
  segment.k = 4;
  segment.m = 2;
  segment.length = 1000;
  segment.fragment_length = 1024;
  segment.references = 1;
  segment.holders = {{0, NodeId(5), {}}, {3, NodeId(6), {}}};
  EXPECT_EQ(
      to_hex(codec::encode(segment)),
      "010a100100000000000000000000000000000010021804200228e807308008380152021005520408031006");
  NodeRecord node;
  node.id = NodeId(1);
  node.state = NodeState::up;
  node.free_class = 21;
  EXPECT_EQ(to_hex(codec::encode(node)), "0108013801401548e807");
}

}  // namespace
}  // namespace stratos::meta
