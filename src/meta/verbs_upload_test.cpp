#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

class Uploads : public ::testing::Test {
 protected:
  Uploads() { index_.make_bucket(); }

  CreateUpload creation(std::uint8_t n = 1, const std::string& key = "key") {
    CreateUpload command;
    command.bucket = "bucket";
    command.key = key;
    command.upload = upload_id(n);
    command.initiator = TestIndex::owner();
    command.data_key = wrapped_key("upload");
    command.sealed_attributes = text("attributes");
    return command;
  }
  PutPart part(std::uint32_t number, const SegmentCommit& segment, std::uint8_t n = 1) {
    PutPart command;
    command.bucket = "bucket";
    command.key = "key";
    command.upload = upload_id(n);
    command.number = number;
    command.slices = TestIndex::slices_of({segment});
    command.size = segment.length;
    command.segments = {segment};
    command.mac = text("mac");
    return command;
  }
  SegmentCommit big() { return index_.commit_of(index_.next_segment_id(), kPartBytes); }
  VersionId put(std::uint32_t number, const SegmentCommit& segment) {
    const auto reply = index_.run(part(number, segment));
    EXPECT_TRUE(reply);
    return reply->version;
  }
  CompleteUpload completion(std::vector<CompleteUpload::Part> parts, std::size_t pages = 1) {
    CompleteUpload command;
    command.bucket = "bucket";
    command.key = "key";
    command.upload = upload_id(1);
    command.parts = std::move(parts);
    command.sealed_summary = text("etag");
    command.page_macs.assign(pages, text("mac"));
    return command;
  }
  AbortUpload abortion() {
    AbortUpload command;
    command.bucket = "bucket";
    command.key = "key";
    command.upload = upload_id(1);
    return command;
  }
  // A part of a slice of a known segment, as a ranged copy makes it.
  PutPart slice_part(std::uint32_t number, const SegmentId& id, std::uint64_t offset) {
    PutPart command;
    command.bucket = "bucket";
    command.key = "key";
    command.upload = upload_id(1);
    command.number = number;
    command.slices.keys = {wrapped_key()};
    command.slices.slices = {{id, offset, kPartBytes, 0}};
    command.size = kPartBytes;
    return command;
  }
  SegmentId shared_segment() {
    const SegmentCommit whole = index_.commit_of(index_.next_segment_id(), kMaxSegmentLength, 4, 2);
    CommitSegments command;
    command.segments = {whole};
    EXPECT_TRUE(index_.run(command));
    return whole.id;
  }
  // Parts 1 to `count`, all of one segment; their revisions.
  std::vector<CompleteUpload::Part> put_many(std::uint32_t count, const SegmentId& id) {
    std::vector<CompleteUpload::Part> parts;
    std::vector<Item> items;
    const auto flush = [&] {
      for (const ItemResult& result : index_.apply_items(items)) {
        EXPECT_EQ(result.code, 0);
        parts.push_back({static_cast<std::uint32_t>(parts.size() + 1),
                         codec::decode<PutPart::Reply>(result.value)->version});
      }
      items.clear();
    };
    for (std::uint32_t n = 1; n <= count; ++n) {
      items.push_back(TestIndex::item(slice_part(n, id, n % 1000)));
      if (items.size() == 1000) flush();
    }
    if (!items.empty()) flush();
    return parts;
  }

  TestIndex index_;
};

TEST_F(Uploads, AreFoundUntilTheyEnd) {
  ASSERT_TRUE(index_.run(creation()));
  const auto found = index_.ask(GetUpload{"bucket", "key", upload_id(1)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->initiator, TestIndex::owner());
  EXPECT_EQ(found->sealed_attributes, text("attributes"));
  EXPECT_EQ(index_.ask(GetUpload{"bucket", "other", upload_id(1)}).error().code(),
            Errc::no_such_upload);
  ASSERT_TRUE(index_.run(abortion()));
  EXPECT_EQ(index_.code(abortion()), Errc::no_such_upload);
  EXPECT_EQ(index_.code(part(1, big())), Errc::no_such_upload);
  EXPECT_EQ(index_.code(completion({{1, {}}})), Errc::no_such_upload);
}

TEST_F(Uploads, ShareNoIds) {
  ASSERT_TRUE(index_.run(creation()));
  EXPECT_EQ(index_.code(creation()), Errc::already_exists);
  EXPECT_EQ(index_.code(creation(1, "other")), Errc::already_exists);
  index_.make_bucket("second");
  CreateUpload elsewhere = creation();
  elsewhere.bucket = "second";
  EXPECT_EQ(index_.code(elsewhere), Errc::already_exists);
  ASSERT_TRUE(index_.run(abortion()));
  EXPECT_TRUE(index_.run(creation())) << "its parts are gone";
}

TEST_F(Uploads, RefuseWhatIsTooLong) {
  EXPECT_EQ(index_.code(creation(1, "")), Errc::invalid_argument);
  EXPECT_EQ(index_.code(creation(1, std::string(1025, 'k'))), Errc::too_large);
  CreateUpload command = creation();
  command.sealed_attributes = Bytes(kMaxAttributesBytes + 1);
  EXPECT_EQ(index_.code(command), Errc::too_large);
}

TEST_F(Uploads, BecomeObjectsOfAllTheirSlices) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentCommit first = big();
  const SegmentCommit second = big();
  const SegmentCommit last = index_.commit_of_new(100);
  const VersionId v2 = put(2, second);
  const VersionId v1 = put(1, first);
  const VersionId v3 = put(3, last);
  ASSERT_TRUE(index_.run(completion({{1, v1}, {2, v2}, {3, v3}})));
  const auto found = index_.get("key");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version.size, 2 * kPartBytes + 100);
  EXPECT_EQ(found->version.context, to_bytes(upload_id(1).view()));
  EXPECT_EQ(found->version.key, wrapped_key("upload"));
  std::vector<SegmentId> order;
  for (const Slice& slice : found->version.page->slices) order.push_back(slice.segment);
  EXPECT_EQ(order, (std::vector<SegmentId>{first.id, second.id, last.id}));
  for (const SegmentId& id : order) EXPECT_EQ(index_.references(id), 1U);
  using enum keys::Family;
  EXPECT_EQ(index_.count(upload) + index_.count(part) + index_.count(upload_id), 0U);
}

TEST_F(Uploads, FreePartsThatWereNotChosen) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentCommit chosen = big();
  const SegmentCommit left = big();
  const VersionId v1 = put(1, chosen);
  put(2, left);
  ASSERT_TRUE(index_.run(completion({{1, v1}})));
  EXPECT_EQ(index_.references(chosen.id), 1U);
  EXPECT_FALSE(index_.segment(left.id));
}

TEST_F(Uploads, APartSentAgainReplacesTheFirst) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentCommit first = big();
  const SegmentCommit second = big();
  const VersionId old = put(1, first);
  const VersionId fresh = put(1, second);
  EXPECT_NE(old, fresh);
  EXPECT_FALSE(index_.segment(first.id));
  EXPECT_EQ(index_.references(second.id), 1U);
  EXPECT_EQ(index_.code(completion({{1, old}})), Errc::no_such_part);
  EXPECT_TRUE(index_.run(completion({{1, fresh}})));
}

TEST_F(Uploads, APartSentAgainWithTheSameSliceKeepsTheSegment) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentCommit segment = big();
  put(1, segment);
  PutPart again = part(1, segment);
  again.segments.clear();
  ASSERT_TRUE(index_.run(again));
  EXPECT_EQ(index_.references(segment.id), 1U);
}

TEST_F(Uploads, CompleteOnlyWithPartsInOrderThatExist) {
  ASSERT_TRUE(index_.run(creation()));
  const VersionId v1 = put(1, big());
  const VersionId v2 = put(2, big());
  EXPECT_EQ(index_.code(completion({{2, v2}, {1, v1}})), Errc::invalid_part_order);
  EXPECT_EQ(index_.code(completion({{1, v1}, {1, v1}})), Errc::invalid_part_order);
  EXPECT_EQ(index_.code(completion({{1, v1}, {3, v2}})), Errc::no_such_part);
  EXPECT_EQ(index_.code(completion({{1, v2}})), Errc::no_such_part);
  EXPECT_EQ(index_.code(completion({})), Errc::invalid_argument);
  EXPECT_EQ(index_.code(completion({{1, v1}, {2, v2}}, 2)), Errc::invalid_argument);
  EXPECT_EQ(index_.code(completion({{1, v1}, {2, v2}}, 0)), Errc::invalid_argument);
  EXPECT_TRUE(index_.run(completion({{1, v1}, {2, v2}})));
}

TEST_F(Uploads, OnlyTheLastPartMayBeSmall) {
  ASSERT_TRUE(index_.run(creation()));
  const VersionId v1 = put(1, index_.commit_of_new(kPartBytes - 1));
  const VersionId v2 = put(2, index_.commit_of_new(1));
  EXPECT_EQ(index_.code(completion({{1, v1}, {2, v2}})), Errc::part_too_small);
  EXPECT_TRUE(index_.run(completion({{1, v1}})));
}

TEST_F(Uploads, CompleteUnderAConditionOrNotAtAll) {
  ASSERT_TRUE(index_.run(creation()));
  const VersionId v1 = put(1, big());
  ASSERT_TRUE(index_.run(TestIndex::inline_put("key")));
  CompleteUpload command = completion({{1, v1}});
  command.condition.exists = false;
  EXPECT_EQ(index_.code(command), Errc::precondition_failed);
  command.condition.exists = true;
  EXPECT_TRUE(index_.run(command));
  EXPECT_EQ(index_.count(keys::Family::inline_body), 0U) << "the object before is gone";
}

TEST_F(Uploads, AbortedFreeTheirParts) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentCommit segment = big();
  put(1, segment);
  ASSERT_TRUE(index_.run(abortion()));
  EXPECT_FALSE(index_.segment(segment.id));
  EXPECT_FALSE(index_.get("key"));
}

TEST_F(Uploads, RefuseHostileParts) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentCommit segment = big();
  const auto code = [&](auto change) {
    PutPart command = part(1, segment);
    change(command);
    return index_.code(command);
  };
  EXPECT_EQ(code([](PutPart& c) { c.number = 0; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutPart& c) { c.number = 10'001; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutPart& c) { c.number = ~0U; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutPart& c) { ++c.size; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutPart& c) { c.slices.slices[0].length = 0; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutPart& c) { c.slices.slices[0].key = 9; }), Errc::invalid_argument);
  EXPECT_EQ(code([](PutPart& c) {
              c.slices.slices.push_back({c.segments[0].id, 0, ~0ULL - kPartBytes + 1, 0});
              c.size = 0;
            }),
            Errc::invalid_argument);
  EXPECT_EQ(code([](PutPart& c) { c.mac = Bytes(kMaxMacBytes + 1); }), Errc::too_large);
  EXPECT_EQ(code([](PutPart& c) { c.bucket = "none"; }), Errc::no_such_bucket);
  EXPECT_EQ(index_.count(keys::Family::part), 0U);
  EXPECT_EQ(index_.count(keys::Family::segment), 0U);
  EXPECT_EQ(code([](PutPart& c) { c.number = 10'000; }), Errc{});
}

TEST_F(Uploads, OfTenThousandPartsCompleteInOneEntryAndFreeOverBlocks) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentId id = shared_segment();
  const auto parts = put_many(10'000, id);
  EXPECT_EQ(index_.references(id), 10'000U);
  const CompleteUpload command = completion(parts, 20);
  EXPECT_LT(make_entry({TestIndex::item(command)}, index_.meta()).size(), ordering::kMaxEntryBytes);
  ASSERT_TRUE(index_.run(command));
  const auto found = index_.get("key");
  EXPECT_EQ(found->version.pages, 20U);
  EXPECT_EQ(found->version.size, 10'000 * kPartBytes);
  EXPECT_FALSE(found->version.page);
  std::uint64_t total = 0;
  for (std::uint32_t page = 0; page < 20; ++page) {
    total += length_of(index_.ask(GetSlicePage{found->bucket, found->version.id, page}).value());
  }
  EXPECT_EQ(total, found->version.size);
  EXPECT_EQ(index_.ask(GetSlicePage{found->bucket, found->version.id, 20}).error().code(),
            Errc::no_such_object);

  CopyObject copy;
  copy.source_bucket = copy.bucket = "bucket";
  copy.source_key = copy.key = "key";
  copy.version = found->version.id;
  ASSERT_TRUE(index_.run(copy));
  index_.idle(40);
  EXPECT_EQ(index_.references(id), 10'000U) << "a copy onto itself, the old pages freed";

  DeleteObject remove;
  remove.bucket = "bucket";
  remove.key = "key";
  ASSERT_TRUE(index_.run(remove));
  const std::uint64_t first = index_.references(id);
  EXPECT_GT(first, 5000U) << "not all at once";
  index_.idle();
  EXPECT_LT(index_.references(id), first);
  index_.idle(40);
  EXPECT_FALSE(index_.segment(id));
  EXPECT_EQ(index_.count(keys::Family::slice_page), 0U);
}

TEST_F(Uploads, AbortedWithManyPartsFreeThemOverBlocks) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentId id = shared_segment();
  put_many(5000, id);
  ASSERT_TRUE(index_.run(abortion()));
  EXPECT_GT(index_.count(keys::Family::part), 2000U);
  EXPECT_EQ(index_.code(creation()), Errc::already_exists)
      << "a new upload of this id would lose its parts";
  index_.idle(10);
  EXPECT_EQ(index_.count(keys::Family::part), 0U);
  EXPECT_FALSE(index_.segment(id));
  EXPECT_TRUE(index_.run(creation()));
}

TEST_F(Uploads, TooManySlicesForACopyAreRefused) {
  ASSERT_TRUE(index_.run(creation()));
  const SegmentId id = shared_segment();
  std::vector<CompleteUpload::Part> parts;
  for (std::uint32_t n = 1; n <= 3; ++n) {
    PutPart command = slice_part(n, id, 0);
    command.slices.slices.assign(5000, {id, 0, 2000, 0});
    command.size = 5000ULL * 2000;
    parts.push_back({n, index_.run(command)->version});
  }
  ASSERT_TRUE(index_.run(completion(parts, 30)));
  CopyObject copy;
  copy.source_bucket = copy.bucket = "bucket";
  copy.source_key = "key";
  copy.key = "other";
  copy.version = index_.version_of("key");
  EXPECT_EQ(index_.code(copy), Errc::too_large);
}

class Parts : public Uploads {
 protected:
  Parts() {
    EXPECT_TRUE(index_.run(creation()));
    const SegmentId id = shared_segment();
    for (const std::uint32_t n : {1U, 2U, 5U, 300U, 10'000U}) {
      EXPECT_TRUE(index_.run(slice_part(n, id, 0)));
    }
  }
  std::pair<std::vector<std::uint32_t>, bool> list(std::uint32_t after, std::uint32_t limit) {
    ListParts query;
    query.bucket = "bucket";
    query.key = "key";
    query.upload = upload_id(1);
    query.after = after;
    query.limit = limit;
    std::vector<std::uint32_t> numbers;
    const auto reply = index_.ask(query).value();
    for (const PartRecord& part : reply.parts) numbers.push_back(part.number);
    return {numbers, reply.more};
  }
};

using Listed = std::pair<std::vector<std::uint32_t>, bool>;

TEST_F(Parts, ListByNumberInPages) {
  EXPECT_EQ(list(0, 1000), (Listed{{1, 2, 5, 300, 10'000}, false}));
  EXPECT_EQ(list(0, 2), (Listed{{1, 2}, true}));
  EXPECT_EQ(list(2, 2), (Listed{{5, 300}, true}));
  EXPECT_EQ(list(300, 2), (Listed{{10'000}, false}));
  EXPECT_EQ(list(3, 1), (Listed{{5}, true}));
}

TEST_F(Parts, ListNothingBeyondTheEnd) {
  EXPECT_EQ(list(10'000, 10), (Listed{{}, false}));
  EXPECT_EQ(list(~0U, 10), (Listed{{}, false}));
  EXPECT_EQ(list(0, 0), (Listed{{}, false}));
}

TEST_F(Parts, ListEndsAtAMebibyte) {
  PutPart command = slice_part(7,
                               index_.ask(GetUpload{"bucket", "key", upload_id(1)}).has_value()
                                   ? index_.next_segment_id()
                                   : SegmentId{},
                               0);
  const SegmentCommit segment = big();
  for (std::uint32_t n = 1000; n < 1040; ++n) {
    command = part(n, segment);
    if (n > 1000) command.segments.clear();
    command.sealed_attributes = Bytes(kMaxAttributesBytes, 1);
    ASSERT_TRUE(index_.run(command));
  }
  const auto [numbers, more] = list(900, 1000);
  EXPECT_TRUE(more);
  EXPECT_LT(numbers.size(), 17U);
  EXPECT_EQ(list(numbers.back(), 1).first, std::vector<std::uint32_t>{numbers.back() + 1});
}

}  // namespace
}  // namespace stratos::meta
