#include "client/mesh_fixture.hpp"
#include "client/mesh_object_client_impl.hpp"

namespace stratos::client {
namespace {

constexpr std::size_t kLeastPart = 5 << 20;

class Uploads : public MeshTest {
 protected:
  UploadId begin(const std::string& key = "key", CreateUploadRequest request = {}) {
    return run(client_->create_upload(who(), "bucket", key, std::move(request))).value();
  }
  Result<PartInfo> send(UploadId upload, std::uint32_t number, Buffer data) {
    GivenBody body(std::move(data));
    return run(client_->put_part(who(), "bucket", "key", upload, number, body));
  }
  CompletedPart sent(UploadId upload, std::uint32_t number, Buffer data) {
    return {number, send(upload, number, std::move(data)).value().etag};
  }
  Result<PartInfo> copy(UploadId upload, std::uint32_t number, const std::string& source,
                        std::optional<ByteRange> range = std::nullopt) {
    return run(
        client_->copy_part(who(), "bucket", source, {}, range, "bucket", "key", upload, number));
  }
  Result<ObjectInfo> complete(UploadId upload, std::vector<CompletedPart> parts,
                              Condition condition = {}) {
    ETag etag;
    etag.parts = static_cast<std::uint32_t>(parts.size());
    if (!parts.empty()) etag.md5 = parts.back().etag.md5;
    return run(client_->complete_upload(who(), "bucket", "key", upload, std::move(parts), etag, {},
                                        condition));
  }
  Result<std::vector<PartInfo>> list(UploadId upload, std::uint32_t after = 0,
                                     std::uint32_t limit = 1000) {
    return run(client_->list_parts("bucket", "key", upload, after, limit));
  }
  ObjectClient::UploadPage list_uploads(std::string prefix, std::string delimiter = "",
                                        std::uint32_t limit = 100, std::string marker = "",
                                        UploadId upload_marker = {}) {
    return run(client_->list_uploads("bucket", std::move(prefix), std::move(delimiter),
                                     std::move(marker), upload_marker, limit))
        .value();
  }
};

TEST_F(Uploads, BecomeOneObjectOfTheirParts) {
  CreateUploadRequest request;
  request.attributes.headers["content-type"] = "text/plain";
  request.attributes.metadata["colour"] = "blue";
  request.checksum_algorithm = "CRC32C";
  request.checksum_type = "COMPOSITE";
  const UploadId upload = begin("key", request);
  const auto info = run(client_->head_upload("bucket", "key", upload));
  ASSERT_TRUE(info) << info.error().to_string();
  EXPECT_EQ(info->checksum_algorithm, "CRC32C");
  EXPECT_EQ(info->checksum_type, "COMPOSITE");
  const Buffer first = pattern(1, kLeastPart);
  const Buffer last = pattern(2, 1);
  const auto part_two = sent(upload, 7, last);  // in any order
  const auto part_one = sent(upload, 1, first);
  const auto done = complete(upload, {part_one, part_two});
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->size, kLeastPart + 1);
  EXPECT_EQ(done->attributes.etag.parts, 2U);
  const auto head = run(client_->head("bucket", "key"));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->version, done->version);
  EXPECT_EQ(head->attributes.headers.at("content-type"), "text/plain");
  EXPECT_EQ(head->attributes.metadata.at("colour"), "blue");
  Bytes whole = to_bytes(first.view());
  whole.push_back(last.view()[0]);
  EXPECT_TRUE(same(get("key"), whole));
  EXPECT_EQ(run(client_->head_upload("bucket", "key", upload)).error().code(),
            Errc::no_such_upload);
}

TEST_F(Uploads, LeaveOutPartsThatAreNotNamed) {
  const UploadId upload = begin();
  sent(upload, 1, pattern(1, 10'000));
  const auto kept = sent(upload, 2, pattern(2, 10'000));
  ASSERT_TRUE(complete(upload, {kept}));
  EXPECT_TRUE(same(get("key"), pattern(2, 10'000).view()));
}

TEST_F(Uploads, RefuseWrongPartsAndStayOpen) {
  const UploadId upload = begin();
  const auto one = sent(upload, 1, pattern(1, 1000));
  const auto two = sent(upload, 2, pattern(2, 1000));
  EXPECT_EQ(complete(upload, {{1, two.etag}}).error().code(), Errc::no_such_part);
  EXPECT_EQ(complete(upload, {{3, one.etag}}).error().code(), Errc::no_such_part);
  EXPECT_EQ(complete(upload, {two, one}).error().code(), Errc::invalid_part_order);
  EXPECT_EQ(complete(upload, {one, two}).error().code(), Errc::part_too_small);
  EXPECT_FALSE(complete(upload, {}));
  EXPECT_EQ(send(upload, 0, pattern(1, 10)).error().code(), Errc::invalid_argument);
  EXPECT_EQ(send(upload, 10'001, pattern(1, 10)).error().code(), Errc::invalid_argument);
  EXPECT_TRUE(complete(upload, {two}));
}

TEST_F(Uploads, TakeAPartThatIsSentAgain) {
  const UploadId upload = begin();
  const auto before = sent(upload, 1, pattern(1, 6000));
  const auto after = sent(upload, 1, pattern(2, 7000));
  EXPECT_EQ(complete(upload, {before}).error().code(), Errc::no_such_part);
  ASSERT_TRUE(complete(upload, {after}));
  EXPECT_TRUE(same(get("key"), pattern(2, 7000).view()));
}

TEST_F(Uploads, GiveTheSameObjectWhenCompletedAgain) {
  const UploadId upload = begin();
  const auto one = sent(upload, 1, pattern(1, 6000));
  Condition absent;
  absent.exists = false;
  const auto done = complete(upload, {one}, absent);
  ASSERT_TRUE(done);
  const auto again = complete(upload, {one}, absent);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->version, done->version);
  EXPECT_EQ(again->size, 6000U);
  // Not for other parts, and not when another object stands there.
  EXPECT_EQ(complete(upload, {one, one}).error().code(), Errc::no_such_upload);
  ASSERT_TRUE(put("key", pattern(3, 10)));
  EXPECT_EQ(complete(upload, {one}).error().code(), Errc::no_such_upload);
}

TEST_F(Uploads, ObeyTheConditionOfTheirCompletion) {
  const auto before = put("key", pattern(9, 10));
  ASSERT_TRUE(before);
  const UploadId upload = begin();
  const auto one = sent(upload, 1, pattern(1, 6000));
  Condition condition;
  condition.exists = false;
  EXPECT_EQ(complete(upload, {one}, condition).error().code(), Errc::precondition_failed);
  condition = {};
  condition.if_match = etag_of(as_bytes("other"));
  EXPECT_EQ(complete(upload, {one}, condition).error().code(), Errc::precondition_failed);
  condition.if_match = before->attributes.etag;
  EXPECT_TRUE(complete(upload, {one}, condition));
}

TEST_F(Uploads, AreGoneWhenAborted) {
  const UploadId upload = begin();
  const auto one = sent(upload, 1, pattern(1, 6000));
  ASSERT_TRUE(run(client_->abort_upload("bucket", "key", upload)));
  EXPECT_EQ(list(upload).error().code(), Errc::no_such_upload);
  EXPECT_EQ(send(upload, 2, pattern(1, 10)).error().code(), Errc::no_such_upload);
  EXPECT_EQ(complete(upload, {one}).error().code(), Errc::no_such_upload);
  EXPECT_EQ(run(client_->abort_upload("bucket", "key", upload)).error().code(),
            Errc::no_such_upload);
  EXPECT_TRUE(list_uploads("").uploads.empty());
}

TEST_F(Uploads, ListTheirPartsInOrderAndByPages) {
  const UploadId upload = begin();
  for (const std::uint32_t number : {9U, 2U, 5U})
    sent(upload, number, pattern(number, 100 + number));
  const auto all = list(upload);
  ASSERT_TRUE(all) << all.error().to_string();
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[0].number, 2U);
  EXPECT_EQ((*all)[0].size, 102U);
  EXPECT_EQ((*all)[0].etag, etag_of(pattern(2, 102).view()));
  EXPECT_EQ((*all)[2].number, 9U);
  const auto page = list(upload, 2, 1);
  ASSERT_EQ(page->size(), 1U);
  EXPECT_EQ((*page)[0].number, 5U);
  EXPECT_TRUE(list(upload, 9)->empty());
}

TEST_F(Uploads, CopyRangesOfOtherObjectsWithoutTheirBytes) {
  const Buffer coded = pattern(1, 400'000);
  const Buffer small = pattern(2, 2000);
  ASSERT_TRUE(put("coded", coded));
  ASSERT_TRUE(put("small", small));
  struct Case {
    std::string source;
    ByteRange range;
    ByteView wanted;
  };
  const std::vector<Case> cases = {
      {"coded", {0, 0}, coded.view().first(1)},
      {"coded", {65'519, 300'000}, coded.view().subspan(65'519, 300'001 - 65'519)},
      {"coded", {399'999, std::nullopt}, coded.view().last(1)},
      {"small", {10, 19}, small.view().subspan(10, 10)},
  };
  for (const Case& given : cases) {
    const UploadId upload = begin();
    const auto part = copy(upload, 1, given.source, given.range);
    ASSERT_TRUE(part) << part.error().to_string();
    EXPECT_EQ(part->size, given.wanted.size());
    EXPECT_EQ(part->etag, etag_of(given.wanted));
    ASSERT_TRUE(complete(upload, {{1, part->etag}}));
    EXPECT_TRUE(same(get("key"), given.wanted)) << given.source;
  }
  const UploadId upload = begin();
  EXPECT_EQ(copy(upload, 1, "coded", ByteRange{400'000, 400'001}).error().code(),
            Errc::range_not_satisfiable);
  EXPECT_EQ(copy(upload, 1, "nothing").error().code(), Errc::no_such_object);
}

TEST_F(Uploads, ShareACopiedSourceThatIsRemovedLater) {
  const Buffer whole = pattern(1, 200'000);
  ASSERT_TRUE(put("source", whole));
  const UploadId upload = begin();
  const auto part = copy(upload, 1, "source");
  ASSERT_TRUE(part);
  ASSERT_TRUE(run(client_->remove("bucket", "source", Removal{})));
  ASSERT_TRUE(complete(upload, {{1, part->etag}}));
  EXPECT_TRUE(same(get("key"), whole.view()));
  // And an object that was copied from can be copied from again.
  const UploadId next = begin();
  const auto again = copy(next, 1, "key", ByteRange{100, 150'000});
  ASSERT_TRUE(again);
  ASSERT_TRUE(complete(next, {{1, again->etag}}));
  EXPECT_TRUE(same(get("key"), whole.view().subspan(100, 149'901)));
}

TEST_F(Uploads, AreListedByKeyWithPrefixesAndMarkers) {
  const UploadId a = begin("a");
  const UploadId b1 = begin("b/1");
  begin("b/2");
  const auto all = list_uploads("");
  ASSERT_EQ(all.uploads.size(), 3U);
  EXPECT_EQ(all.uploads[0].id, a);
  EXPECT_EQ(list_uploads("b/").uploads.size(), 2U);
  const auto folded = list_uploads("", "/");
  EXPECT_EQ(folded.uploads.size(), 1U);
  EXPECT_EQ(folded.common_prefixes, std::vector<std::string>{"b/"});
  const auto page = list_uploads("", "", 2);
  EXPECT_TRUE(page.truncated);
  ASSERT_EQ(page.uploads.size(), 2U);
  EXPECT_EQ(page.uploads[1].id, b1);
  const auto rest = list_uploads("", "", 2, page.next_key_marker, page.next_upload_marker);
  ASSERT_EQ(rest.uploads.size(), 1U);
  EXPECT_EQ(rest.uploads[0].key, "b/2");
  EXPECT_FALSE(rest.truncated);
}

}  // namespace
}  // namespace stratos::client
