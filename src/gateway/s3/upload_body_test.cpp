#include "gateway/s3/upload_body.hpp"

#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

class UploadBodyTest : public testing::Test {
 protected:
  ~UploadBodyTest() override { runtime_.stop(); }

  struct Taken {
    std::string data;
    Result<client::Attributes> attributes = fail(Errc::internal);
  };
  // Reads `count` bytes at least, or all, then finishes.
  static Task<Taken> take(Runtime& runtime, http::BodyReader& reader, std::uint64_t size,
                          std::size_t step, std::size_t count) {
    client::Attributes attributes;
    attributes.headers["content-type"] = "x/y";
    BodyDigester digester(runtime, runtime);
    UploadBody body(digester, reader, size, BodyDigests(BodyPromise()), std::move(attributes));
    Taken taken;
    while (taken.data.size() < count) {
      auto part = co_await body.next(step);
      if (!part) {
        taken.attributes = fail(std::move(part).error());
        break;
      }
      EXPECT_LE(part->size(), step);
      taken.data += as_text(part->view());
      if (part->empty()) {
        taken.attributes = body.finish();
        break;
      }
    }
    co_await body.stop();
    co_return taken;
  }
  Taken take(http::BodyReader& reader, std::uint64_t size, std::size_t step,
             std::size_t count = SIZE_MAX) {
    return block_on(runtime_, take(runtime_, reader, size, step, count));
  }

  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "upload_test"};
};

TEST_F(UploadBodyTest, GivesEveryByteAndItsDigest) {
  for (const std::size_t size : {0UL, 1UL, 65'536UL, 65'537UL, 262'144UL, 3'000'001UL}) {
    const std::string data = noise(size);
    for (const std::size_t piece : {1'000UL, 300'000UL, 5'000'000UL}) {
      for (const std::size_t step : {10'000UL, 262'144UL, 1UL << 20}) {
        SentBody reader(data, piece);
        const Taken taken = take(reader, size, step);
        EXPECT_TRUE(taken.data == data) << size << " " << piece << " " << step;
        ASSERT_TRUE(taken.attributes);
        EXPECT_EQ(taken.attributes->etag.md5, crypto::md5(as_bytes(data)));
        EXPECT_EQ(taken.attributes->headers.at("content-type"), "x/y");
      }
    }
  }
}

TEST_F(UploadBodyTest, ReadsAheadButNotWithoutBound) {
  const std::string data = noise(30 << 20);
  SentBody reader(data, 100'000);
  const Taken taken = take(reader, data.size(), 262'144, 1);
  EXPECT_GE(taken.data.size(), 1U);
  EXPECT_LE(reader.taken, 3U << 20);
}

TEST_F(UploadBodyTest, MayBeLeftAtAnyPoint) {
  const std::string data = noise(2'000'000);
  for (std::size_t count = 1; count < data.size(); count += 333'333) {
    SentBody reader(data, 50'000);
    const Taken taken = take(reader, data.size(), 100'000, count);
    EXPECT_EQ(taken.attributes.error().code(), Errc::internal);
    EXPECT_TRUE(data.starts_with(taken.data));
  }
}

TEST_F(UploadBodyTest, PassesErrorsOnAndNamesASlowPeer) {
  for (const std::size_t size : {50'000UL, 2'000'000UL}) {
    SentBody reader(noise(size), 10'000);
    reader.fail_after = size / 2;
    EXPECT_EQ(take(reader, size, 100'000).attributes.error().code(), Errc::body_incomplete);
    SentBody slow(noise(size), 10'000);
    slow.fail_after = size / 2;
    slow.failure = Errc::deadline_exceeded;
    EXPECT_EQ(take(slow, size, 100'000).attributes.error().code(), Errc::request_timeout);
  }
}

TEST_F(UploadBodyTest, IsIncompleteWhenItEndsEarly) {
  for (const std::size_t size : {50'000UL, 2'000'000UL}) {
    SentBody reader(noise(size - 1), 10'000);
    EXPECT_EQ(take(reader, size, 100'000).attributes.error().code(), Errc::incomplete_body);
  }
}

}  // namespace
}  // namespace stratos::gateway::s3
