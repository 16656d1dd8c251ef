#include "client/object_reader.hpp"

#include "client/mesh_fixture.hpp"
#include "client/unit_format.hpp"

namespace stratos::client {
namespace {

ByteRange from(std::uint64_t first, std::optional<std::uint64_t> last = std::nullopt) {
  return {first, last};
}
ByteRange suffix(std::uint64_t length) { return {std::nullopt, length}; }

class Reading : public MeshTest {
 protected:
  // Every range with both ends beside one of the edges.
  void expect_ranges(const std::string& key, ByteView whole,
                     const std::vector<std::uint64_t>& edges) {
    std::set<std::uint64_t> points;
    for (const std::uint64_t edge : edges) {
      for (std::uint64_t at = edge == 0 ? 0 : edge - 1; at <= edge + 1; ++at) {
        if (at < whole.size()) points.insert(at);
      }
    }
    for (auto first = points.begin(); first != points.end(); ++first) {
      for (auto last = first; last != points.end(); ++last) {
        const auto wanted = whole.subspan(*first, *last - *first + 1);
        EXPECT_TRUE(same(get(key, from(*first, *last)), wanted)) << *first << '-' << *last;
      }
    }
  }
  ETag put_part(UploadId upload, std::uint32_t number, Buffer data) {
    GivenBody body(std::move(data));
    return run(client_->put_part(who(), "bucket", "parts", upload, number, body))->etag;
  }
};

TEST_F(Reading, DeliversEveryKindOfObjectWhole) {
  const std::size_t stripe = 4 * kUnitPlainBytes;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{4097}, std::size_t{131'072},
        std::size_t{131'073}, stripe - 1, stripe, stripe + 1, 4 * stripe, 9 * stripe + 5}) {
    const Buffer whole = pattern(size, size);
    ASSERT_TRUE(put("key", whole)) << size;
    EXPECT_TRUE(same(get("key"), whole.view())) << size;
  }
}

TEST_F(Reading, DeliversRangesAroundEveryEdgeOfACodedObject) {
  const std::uint64_t stripe = 4 * kUnitPlainBytes;
  const Buffer whole = pattern(1, 5 * stripe + 1000);
  ASSERT_TRUE(put("key", whole));
  expect_ranges(
      "key", whole.view(),
      {0, kUnitPlainBytes, 3 * kUnitPlainBytes, stripe, 4 * stripe, 5 * stripe, 5 * stripe + 1000});
}

TEST_F(Reading, DeliversRangesOfCopiedAndInlineObjects) {
  const Buffer copied = pattern(1, 100'000);
  const Buffer small = pattern(2, 3000);
  ASSERT_TRUE(put("copied", copied));
  ASSERT_TRUE(put("small", small));
  expect_ranges("copied", copied.view(), {0, kUnitPlainBytes, 100'000});
  expect_ranges("small", small.view(), {0, 1500, 3000});
}

TEST_F(Reading, CutsOpenAndSuffixRangesAtTheEnd) {
  const Buffer whole = pattern(1, 300'000);
  ASSERT_TRUE(put("key", whole));
  EXPECT_TRUE(same(get("key", from(299'999)), whole.view().last(1)));
  EXPECT_TRUE(same(get("key", from(5, UINT64_MAX)), whole.view().subspan(5)));
  EXPECT_TRUE(same(get("key", suffix(1)), whole.view().last(1)));
  EXPECT_TRUE(same(get("key", suffix(299'999)), whole.view().last(299'999)));
  EXPECT_TRUE(same(get("key", suffix(UINT64_MAX)), whole.view()));
}

TEST_F(Reading, RefusesRangesThatHoldNoByte) {
  ASSERT_TRUE(put("key", pattern(1, 10'000)));
  ASSERT_TRUE(put("empty", Buffer()));
  const auto refused = [this](const std::string& key, ByteRange range) {
    const auto read = get(key, range);
    return !read && read.error().code() == Errc::range_not_satisfiable;
  };
  EXPECT_TRUE(refused("key", from(10'000)));
  EXPECT_TRUE(refused("key", from(UINT64_MAX)));
  EXPECT_TRUE(refused("key", from(5, 4)));
  EXPECT_TRUE(refused("key", suffix(0)));
  EXPECT_TRUE(refused("empty", from(0)));
  EXPECT_TRUE(refused("empty", suffix(1)));
}

TEST_F(Reading, GoesFromSegmentToSegmentAndThroughSlicesOfCopiedParts) {
  const Buffer source = pattern(3, 700'000);
  ASSERT_TRUE(put("source", source));
  const UploadId upload = run(client_->create_upload(who(), "bucket", "parts", {})).value();
  const Buffer first = pattern(4, 5 << 20);
  const ETag sent = put_part(upload, 1, first);
  const auto copied = run(client_->copy_part(who(), "bucket", "source", {}, from(65'519, 600'000),
                                             "bucket", "parts", upload, 2));
  ASSERT_TRUE(copied) << copied.error().to_string();
  // The last part is short; the one before it is not, by the rules of uploads, so it stands last.
  const auto done = run(client_->complete_upload(who(), "bucket", "parts", upload,
                                                 {{1, sent}, {2, copied->etag}}, ETag(), {}, {}));
  ASSERT_TRUE(done) << done.error().to_string();
  Bytes whole = to_bytes(first.view());
  const ByteView shared = source.view().subspan(65'519, 600'001 - 65'519);
  whole.insert(whole.end(), shared.begin(), shared.end());
  EXPECT_EQ(done->size, whole.size());
  EXPECT_TRUE(same(get("parts"), whole));
  expect_ranges("parts", whole, {first.size(), first.size() + 1000, whole.size()});
}

TEST_F(Reading, GivesNothingOfAnObjectWhoseSlicesWereExchanged) {
  ASSERT_TRUE(put("a", pattern(1, 10'000)));
  ASSERT_TRUE(put("b", pattern(2, 10'000)));
  auto forged = record_of("a");
  const auto other = record_of("b");
  forged.version.page = other.version.page;
  forged.segments = other.segments;
  ObjectInfo info;
  info.size = 10'000;
  const auto read = [](Mesh* mesh, ObjectInfo claimed,
                       meta::GetObject::Reply object) -> Task<Result<Buffer>> {
    STRATOS_CO_TRY(const auto reader,
                   make_object_reader(*mesh, std::move(claimed), std::move(object)));
    co_return co_await reader->next();
  };
  EXPECT_EQ(run(read(mesh_.get(), info, forged)).error().code(), Errc::hash_mismatch);
  EXPECT_TRUE(run(read(mesh_.get(), info, other)));
}

}  // namespace
}  // namespace stratos::client
