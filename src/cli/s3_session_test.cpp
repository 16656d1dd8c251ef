#include "cli/s3_session.hpp"

#include <gtest/gtest.h>

#include "cli/admin_session.hpp"
#include "io/faulty_file_system.hpp"

namespace stratos::cli {
namespace {

// Answers what it is told to; keeps the requests.
class ToldHandler final : public http::Handler {
 public:
  Task<void> handle(http::Request& request, http::ResponseWriter& response) override {
    last_method = request.method;
    last_target = request.target;
    has_signature = request.headers.has("authorization");
    if (reads) {
      while (true) {
        const auto part = co_await request.body->read(1 << 20);
        if (!part || part->empty()) break;
        received += part->size();
      }
    }
    [[maybe_unused]] const auto sent =
        co_await response.send(status, http::Headers(), Buffer::copy_of(as_bytes(body)));
  }

  int status = 200;
  std::string body;
  bool reads = true;
  std::string last_method;
  std::string last_target;
  bool has_signature = false;
  std::uint64_t received = 0;
};

class S3SessionTest : public testing::Test {
 protected:
  S3SessionTest() {
    EXPECT_TRUE(fs_.make_dirs("/mesh"));
    server_ = block_on(runtime_, start(runtime_, handler_)).value();
    MeshAccount first, second;
    first.name = "dev";
    first.access_key = "A1";
    first.secret_key = "s1";
    second.name = "dev2";
    second.access_key = "A2";
    second.secret_key = "s2";
    EXPECT_TRUE(folder_.store_accounts({first, second}));
    run_at("http://" + server_->address());
  }
  ~S3SessionTest() override {
    block_on(runtime_, server_->stop(0s));
    runtime_.stop();
  }
  static Task<Result<std::unique_ptr<http::Server>>> start(Runtime& runtime,
                                                           http::Handler& handler) {
    co_return http::Server::start(runtime, "127.0.0.1:0", handler, {});
  }
  void run_at(const std::string& endpoint) {
    MeshRun run;
    run.pid = 1;
    run.s3_endpoint = endpoint;
    EXPECT_TRUE(folder_.store_run(run));
  }
  std::unique_ptr<S3Session> open(const std::string& account = {}) {
    return S3Session::open(folder_, account).value();
  }
  void refuse(int status, std::string_view code) {
    handler_.status = status;
    handler_.body = "<?xml version=\"1.0\"?><Error><Code>" + std::string(code) +
                    "</Code><Message>why &amp; what</Message></Error>";
  }

  io::FaultyFileSystem fs_{1};
  MeshFolder folder_{fs_, "/mesh"};
  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "server"};
  ToldHandler handler_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(S3SessionTest, FindsMeshAndAccount) {
  EXPECT_EQ(open()->credentials().access_key_id, "A1");
  EXPECT_EQ(open("dev2")->credentials().access_key_id, "A2");
  EXPECT_EQ(S3Session::open(folder_, "nobody").error().code(), Errc::not_found);
  folder_.clear_run();
  EXPECT_EQ(S3Session::open(folder_, "").error().code(), Errc::not_found);
}

TEST_F(S3SessionTest, SaysThatAMeshRunsWithoutAGateway) {
  for (const char* endpoint : {"", "http:", "https://127.0.0.1:1"}) {
    run_at(endpoint);
    EXPECT_EQ(S3Session::open(folder_, "").error().code(), Errc::not_found) << endpoint;
  }
}

TEST_F(S3SessionTest, NeedsAReadableListOfAccounts) {
  ASSERT_TRUE(folder_.store_accounts({}));
  EXPECT_EQ(S3Session::open(folder_, "").error().code(), Errc::not_found);
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/credentials.json", as_bytes("{}")));
  EXPECT_EQ(S3Session::open(folder_, "").error().code(), Errc::bad_config);
}

TEST_F(S3SessionTest, SignsAndEscapesItsRequests) {
  const auto session = open();
  EXPECT_TRUE(session->remove({"bucket", "a b/c+d?e"}));
  EXPECT_EQ(handler_.last_method, "DELETE");
  EXPECT_EQ(handler_.last_target, "/bucket/a%20b/c%2Bd%3Fe");
  EXPECT_TRUE(handler_.has_signature);
}

TEST_F(S3SessionTest, TurnsRefusalsIntoErrorsOfTheirKind) {
  const auto session = open();
  const std::tuple<int, const char*, Errc> cases[] = {
      {400, "InvalidRequest", Errc::invalid_argument},
      {403, "AccessDenied", Errc::access_denied},
      {404, "NoSuchKey", Errc::not_found},
      {409, "BucketNotEmpty", Errc::already_exists},
      {412, "PreconditionFailed", Errc::precondition_failed},
      {500, "InternalError", Errc::internal},
      {501, "NotImplemented", Errc::not_implemented},
      {503, "SlowDown", Errc::unavailable},
      {507, "Full", Errc::resource_exhausted}};
  for (const auto& [status, code, errc] : cases) {
    refuse(status, code);
    const auto refused = session->remove({"bucket", "key"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), errc) << code;
    EXPECT_EQ(refused.error().message(), std::string(code) + ": why & what");
  }
  handler_.body = "no document";
  handler_.status = 502;
  EXPECT_EQ(session->remove({"bucket", "key"}).error().message(), "HTTP 502");
}

TEST_F(S3SessionTest, ShowsTheRefusalOfALargeUploadThatIsNotRead) {
  handler_.reads = false;
  refuse(403, "AccessDenied");
  const auto session = open();
  std::uint64_t handed_out = 0;
  constexpr std::uint64_t kSize = 256 << 20;
  const auto refused = session->put(
      {"bucket", "key"},
      [&handed_out](std::size_t max_bytes) -> Result<Buffer> {
        handed_out += max_bytes;
        return Buffer::zeroed(max_bytes);
      },
      kSize);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::access_denied);
  EXPECT_EQ(refused.error().message(), "AccessDenied: why & what");
  EXPECT_LT(handed_out, kSize);
}

TEST_F(S3SessionTest, UploadsAndReportsABrokenSource) {
  const auto session = open();
  std::uint64_t left = 3'000'000;
  const auto some = [&left](std::size_t max_bytes) -> Result<Buffer> {
    const std::size_t size = std::min<std::uint64_t>(max_bytes, left);
    left -= size;
    return Buffer::zeroed(size);
  };
  EXPECT_TRUE(session->put({"bucket", "key"}, some, 3'000'000));
  EXPECT_EQ(handler_.received, 3'000'000U);
  const auto broken = [](std::size_t) -> Result<Buffer> { return fail(Errc::io_error, "disk"); };
  EXPECT_EQ(session->put({"bucket", "key"}, broken, 10).error().code(), Errc::io_error);
  left = 5;
  EXPECT_EQ(session->put({"bucket", "key"}, some, 10).error().code(), Errc::body_incomplete);
  EXPECT_TRUE(session->remove({"bucket", "key"})) << "the session stays usable";
}

TEST_F(S3SessionTest, UnderstandsListings) {
  handler_.body =
      "<ListBucketResult><Contents><Key>a%2Bb+c</Key><Size>7</Size><ETag>\"x\"</ETag></Contents>"
      "<CommonPrefixes><Prefix>dir/</Prefix></CommonPrefixes>"
      "<NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
  const auto session = open();
  const S3Listing listing = session->list({"bucket", "a&b"}, false, "to ken").value();
  ASSERT_EQ(listing.objects.size(), 1U);
  EXPECT_EQ(listing.objects[0].key, "a+b c");
  EXPECT_EQ(listing.objects[0].size, 7U);
  EXPECT_EQ(listing.prefixes, std::vector<std::string>{"dir/"});
  EXPECT_EQ(listing.next, "t");
  EXPECT_NE(handler_.last_target.find("prefix=a%26b"), std::string::npos) << handler_.last_target;
  EXPECT_NE(handler_.last_target.find("continuation-token=to%20ken"), std::string::npos);
  handler_.body = "<ListBucketResult><Contents><Key>%zz</Key></Contents></ListBucketResult>";
  EXPECT_FALSE(session->list({"bucket", ""}, true, ""));
}

TEST_F(S3SessionTest, EndsADownloadThatItsSinkRefuses) {
  handler_.body = std::string(2'000'000, 'x');
  const auto session = open();
  std::uint64_t total = 0;
  const auto note = [&total](std::uint64_t bytes) { total = bytes; };
  const S3Session::Sink full = [](ByteView) -> Result<void> { return fail(Errc::disk_full); };
  EXPECT_EQ(session->get({"bucket", "key"}, full, note).error().code(), Errc::disk_full);
  EXPECT_EQ(total, 2'000'000U);
  std::uint64_t taken = 0;
  const S3Session::Sink take = [&taken](ByteView bytes) -> Result<void> {
    taken += bytes.size();
    return {};
  };
  EXPECT_TRUE(session->get({"bucket", "key"}, take, note));
  EXPECT_EQ(taken, 2'000'000U);
}

TEST_F(S3SessionTest, SaysThatNobodyAnswers) {
  run_at("http://127.0.0.1:1");
  EXPECT_EQ(open()->list_buckets().error().code(), Errc::connection_refused);
}

TEST_F(S3SessionTest, AdminSessionsSayWhatIsWrong) {
  EXPECT_EQ(AdminSession::open(folder_).error().code(), Errc::bad_encoding) << "no meta key";
  MeshRun run;
  run.meta_key = std::string(64, 'a');
  run.meta_endpoint = "127.0.0.1:1";
  ASSERT_TRUE(folder_.store_run(run));
  const auto admin = AdminSession::open(folder_);
  ASSERT_TRUE(admin);
  const auto status = (*admin)->node_status();
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().retryable()) << status.error().to_string();
  folder_.clear_run();
  EXPECT_EQ(AdminSession::open(folder_).error().code(), Errc::not_found);
}

}  // namespace
}  // namespace stratos::cli
