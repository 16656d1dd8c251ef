#include "gateway/s3/body_digester.hpp"

#include <gtest/gtest.h>

#include "runtime/real_runtime.hpp"
#include "runtime/task_group.hpp"

namespace stratos::gateway::s3 {
namespace {

BodyPromise with_crc32c() {
  BodyPromise promise;
  promise.algorithm = ChecksumAlgorithm::crc32c;
  return promise;
}

struct Body {
  Bytes data;
  std::shared_ptr<BodyDigests> digests = std::make_shared<BodyDigests>(with_crc32c());
};

class BodyDigesterTest : public testing::Test {
 protected:
  ~BodyDigesterTest() override {
    runtime_.stop();
    hashing_.stop();
  }

  Body body_of(std::size_t size) {
    Body body;
    body.data.resize(size);
    random_.fill(body.data);
    return body;
  }
  // In several calls, each of parts of any size.
  Task<void> digest(Body& body) {
    for (ByteView rest = body.data; !rest.empty();) {
      std::vector<Buffer> parts;
      for (int i = 0; i < 3; ++i) {
        const ByteView part = rest.first(random_.below(std::min(rest.size(), kMostBytes) + 1));
        parts.push_back(Buffer::copy_of(part));
        rest = rest.subspan(part.size());
      }
      const Result<void> done = co_await digester_.update(body.digests, std::move(parts));
      EXPECT_TRUE(done);
    }
  }
  Task<void> digest_all(std::vector<Body>& bodies) {
    TaskGroup tasks(runtime_, "digester_test");
    for (Body& body : bodies) tasks.spawn(digest(body));
    co_await tasks.join();
  }
  static Task<void> digest_whole(BodyDigester& digester, Body& body, bool& has_ended) {
    std::vector<Buffer> parts(3);
    parts[1] = Buffer::copy_of(body.data);
    const Result<void> done = co_await digester.update(body.digests, std::move(parts));
    has_ended = done.has_value();
  }
  // Every second one is given up early.
  Task<void> digest_and_leave(std::vector<Body>& bodies, std::span<bool> has_ended) {
    TaskGroup staying(runtime_, "staying");
    TaskGroup leaving(runtime_, "leaving");
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      (i % 2 == 0 ? staying : leaving).spawn(digest_whole(digester_, bodies[i], has_ended[i]));
    }
    EXPECT_TRUE(co_await runtime_.sleep(1ms));
    leaving.cancel();
    co_await leaving.join();
    co_await staying.join();
  }
  static void expect_digests(const Body& body) {
    const BodyDigests::Outcome outcome = body.digests->finish({}).value();
    EXPECT_EQ(outcome.md5, crypto::md5(body.data));
    const auto crc = crypto::make_digest(crypto::DigestKind::crc32c);
    crc->update(body.data);
    EXPECT_EQ(outcome.checksum->value, crc->finish());
  }

  static constexpr std::size_t kMostBytes = 500'000;
  SeededRandom random_{1};
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "gateway"};
  RealRuntime hashing_{pool_, "digests"};
  BodyDigester digester_{runtime_, hashing_};
};

TEST_F(BodyDigesterTest, GivesEachBodyItsOwn) {
  std::vector<Body> bodies;
  for (std::size_t i = 0; i < 2 * crypto::kMd5Lanes + 1; ++i) {
    bodies.push_back(body_of(random_.below(2'000'000)));
  }
  block_on(runtime_, digest_all(bodies));
  for (const Body& body : bodies) expect_digests(body);
}

TEST_F(BodyDigesterTest, WorksOnTheCallersExecutorToo) {
  BodyDigester here(runtime_, runtime_);
  Body body = body_of(1'000'000);
  bool has_ended = false;
  block_on(runtime_, digest_whole(here, body, has_ended));
  EXPECT_TRUE(has_ended);
  expect_digests(body);
}

TEST_F(BodyDigesterTest, TakesNothing) {
  Body body;
  bool has_ended = false;
  block_on(runtime_, digest_whole(digester_, body, has_ended));
  EXPECT_TRUE(has_ended);
  expect_digests(body);
}

// An upload that is given up leaves at once; those in the same lanes end as if it had not been.
TEST_F(BodyDigesterTest, LosesNothingWhenOthersLeave) {
  std::vector<Body> bodies;
  for (std::size_t i = 0; i < 12; ++i) bodies.push_back(body_of(3'000'000));
  std::array<bool, 12> has_ended{};
  block_on(runtime_, digest_and_leave(bodies, has_ended));
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    if (i % 2 == 0) EXPECT_TRUE(has_ended[i]);
    if (has_ended[i]) expect_digests(bodies[i]);
  }
}

}  // namespace
}  // namespace stratos::gateway::s3
