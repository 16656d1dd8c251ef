#include "client/object_writer.hpp"

#include "client/mesh_fixture.hpp"
#include "client/unit_format.hpp"

namespace stratos::client {
namespace {

class ObjectWriter : public MeshTest {
 protected:
  Result<StoredBody> store(BodySource& body, bool allow_inline = true) {
    const auto key = crypto::SecretKey::draw(random_);
    StoreOptions options;
    options.coded = kCoded;
    options.allow_inline = allow_inline;
    return run(store_body(*mesh_, body, key, mesh_->ring.wrap(key, random_), options));
  }
  Result<StoredBody> store_bytes(std::size_t size, bool allow_inline = true) {
    GivenBody body(pattern(size, size), 10'000);
    return store(body, allow_inline);
  }
};

TEST_F(ObjectWriter, KeepsSmallBodiesWithTheIndex) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kMaxInlineBytes}) {
    const auto stored = store_bytes(size);
    ASSERT_TRUE(stored) << stored.error().to_string();
    ASSERT_TRUE(stored->small);
    EXPECT_TRUE(std::ranges::equal(*stored->small, pattern(size, size).view()));
    EXPECT_EQ(stored->size, size);
    EXPECT_TRUE(stored->segments.empty());
    EXPECT_TRUE(stored->slices.slices.empty());
  }
}

TEST_F(ObjectWriter, KeepsNoByteWithTheIndexWhenThatIsNotAllowed) {
  const auto stored = store_bytes(1, false);
  ASSERT_TRUE(stored) << stored.error().to_string();
  EXPECT_FALSE(stored->small);
  EXPECT_EQ(stored->segments.size(), 1U);
  EXPECT_TRUE(store_bytes(0, false)->small);
}

TEST_F(ObjectWriter, CopiesMiddlingBodiesAndCodesLargeOnes) {
  const std::size_t most_copied = 128 * 1024;
  for (const std::size_t size : {kMaxInlineBytes + 1, most_copied, most_copied + 1}) {
    const auto stored = store_bytes(size);
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_FALSE(stored->small);
    ASSERT_EQ(stored->segments.size(), 1U);
    const bool copied = size <= most_copied;
    EXPECT_EQ(stored->segments[0].k, copied ? 1 : 4);
    EXPECT_EQ(stored->segments[0].m, 2);
    EXPECT_EQ(stored->segments[0].receipts.size(), copied ? 3U : 6U);
    EXPECT_EQ(stored->segments[0].length, size);
    ASSERT_EQ(stored->slices.slices.size(), 1U);
    EXPECT_EQ(stored->slices.slices[0].length, size);
    EXPECT_EQ(stored->slices.slices[0].segment, stored->segments[0].id);
  }
}

TEST_F(ObjectWriter, CountsABodyOfUnknownSizeThatEndsAtABatch) {
  const std::size_t batch = stripes_per_batch(4) * 4 * kUnitPlainBytes;
  for (const std::size_t size : {batch - 1, batch, batch + 1, 2 * batch}) {
    GivenBody body(pattern(1, size));
    body.knows_size = false;
    const auto stored = store(body);
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(stored->size, size);
    EXPECT_EQ(stored->segments.at(0).length, size);
    EXPECT_LE(body.largest_ask, 256U * 1024);
  }
}

TEST_F(ObjectWriter, PassesOnWhatTheBodySaysAtItsEnd) {
  GivenBody body(pattern(1, 10'000));
  body.attributes.headers["content-type"] = "text/plain";
  const auto stored = store(body);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->attributes.headers.at("content-type"), "text/plain");
  EXPECT_EQ(stored->attributes.etag, body.attributes.etag);
}

TEST_F(ObjectWriter, FailsWhenTheBodyTurnsOutToBeAnother) {
  GivenBody body(pattern(1, 10'000));
  body.refusal = Errc::digest_mismatch;
  EXPECT_EQ(store(body).error().code(), Errc::digest_mismatch);
}

}  // namespace
}  // namespace stratos::client
