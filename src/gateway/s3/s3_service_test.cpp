// Who is let in, how errors look, and what is refused.
#include "gateway/s3/s3_service.hpp"

#include "gateway/s3/s3_request.hpp"
#include "gateway/s3/service_fixture.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::gateway::s3 {
namespace {

class S3Service : public ServiceFixture {};

TEST_F(S3Service, RefusesWhatIsNotSigned) {
  make_box();
  Ask anonymous;
  anonymous.sign = false;
  for (const std::string target : {"/", "/box", "/box/key"}) {
    anonymous.target = target;
    const Answer answer = ask(anonymous);
    EXPECT_EQ(answer.status, 403) << target;
    EXPECT_EQ(answer.error(), "AccessDenied");
  }
  anonymous.target = "/nobody-has-this";
  EXPECT_EQ(ask(anonymous).error(), "NoSuchBucket");
}

TEST_F(S3Service, TellsUnknownKeysFromWrongSecrets) {
  objects_.add_key(credentials(1).access_key_id, account(1), "another secret");
  Ask wanted;
  wanted.user = 1;
  EXPECT_EQ(ask(wanted).error(), "SignatureDoesNotMatch");
  objects_.remove_key(credentials(0).access_key_id);
  const Answer answer = ask("GET", "/");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.error(), "InvalidAccessKeyId");
}

TEST_F(S3Service, SeesAChangedRequest) {
  http::Request request;
  prepare({.target = "/box?prefix=a"}, request);
  request.target = "/box?prefix=b";
  SentBody body("", 1);
  EXPECT_EQ(exchange(request, body).error(), "SignatureDoesNotMatch");
}

TEST_F(S3Service, NamesTheRegionThatASignatureShouldHaveHad) {
  http::Request request;
  request.method = "GET";
  request.target = "/";
  request.request_id = "1";
  request.headers.add("Host", "localhost");
  Credentials elsewhere = credentials(0);
  elsewhere.region = "eu-west-1";
  ASSERT_TRUE(
      sign_request("GET", "/", request.headers, hex_sha256(""), elsewhere, runtime_.wall_now()));
  SentBody body("", 1);
  const Answer answer = exchange(request, body);
  EXPECT_EQ(answer.error(), "AuthorizationHeaderMalformed");
  EXPECT_EQ(answer.at("Region"), "us-east-1");
}

TEST_F(S3Service, RefusesAnOldSignature) {
  http::Request request;
  request.method = "GET";
  request.target = "/";
  request.request_id = "1";
  request.headers.add("Host", "localhost");
  ASSERT_TRUE(sign_request("GET", "/", request.headers, hex_sha256(""), credentials(0),
                           {runtime_.wall_now().ms - 16 * 60 * 1000}));
  SentBody body("", 1);
  EXPECT_EQ(exchange(request, body).error(), "RequestTimeTooSkewed");
}

TEST_F(S3Service, LetsNobodyIntoTheBucketsOfOthers) {
  make_box();
  put("key", "mine");
  const HeaderList copied = {{"x-amz-copy-source", "/box/key"}};
  for (const auto& [method, target] : HeaderList{{"GET", "/box"},
                                                 {"HEAD", "/box"},
                                                 {"DELETE", "/box"},
                                                 {"GET", "/box?location"},
                                                 {"GET", "/box?uploads"},
                                                 {"GET", "/box/key"},
                                                 {"HEAD", "/box/key"},
                                                 {"PUT", "/box/key"},
                                                 {"DELETE", "/box/key"},
                                                 {"POST", "/box/key?uploads"},
                                                 {"POST", "/box?delete"}}) {
    const Answer answer = ask({.method = method, .target = target, .user = 1});
    EXPECT_EQ(answer.status, 403) << method << target;
    EXPECT_EQ(answer.error(), "AccessDenied") << method << target;
  }
  ASSERT_EQ(ask({.method = "PUT", .target = "/other", .user = 1}).status, 200);
  EXPECT_EQ(ask({.method = "PUT", .target = "/other/x", .headers = copied, .user = 1}).error(),
            "AccessDenied");
  EXPECT_EQ(objects_.body_of("box", "key"), "mine");
}

TEST_F(S3Service, HoldsTheExpectedOwnerAgainstTheRealOne) {
  make_box();
  const auto answer = [this](std::string owner) {
    return ask("GET", "/box", {{"x-amz-expected-bucket-owner", std::move(owner)}});
  };
  EXPECT_EQ(answer(account(0).hex()).status, 200);
  EXPECT_EQ(answer("0x" + account(0).hex()).status, 200);
  EXPECT_EQ(answer("123456789012").error(), "AccessDenied");
}

TEST_F(S3Service, AsksOnceForKeysAndOwnersOfManyRequests) {
  make_box();
  objects_.calls.clear();
  for (int i = 0; i < 20; ++i) put("k" + std::to_string(i), "x");
  EXPECT_LE(objects_.calls["credential"] + objects_.calls["bucket_settings"], 3);
  EXPECT_EQ(objects_.calls["put"], 20);
}

TEST_F(S3Service, WritesErrorsAsS3Does) {
  make_box();
  const Answer answer = ask("GET", "/box/a%3Cb");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.header("content-type"), "application/xml");
  EXPECT_EQ(answer.header("server"), "Stratos");
  EXPECT_EQ(answer.error(), "NoSuchKey");
  EXPECT_EQ(answer.at("Key"), "a<b");
  EXPECT_EQ(answer.at("Resource"), "/box/a%3Cb");
  EXPECT_EQ(answer.at("RequestId"), "0123456789abcdef");
  EXPECT_EQ(answer.header("x-amz-id-2"), answer.at("HostId"));
  EXPECT_EQ(ask("GET", "/none-such").at("BucketName"), "none-such");
  EXPECT_EQ(ask("GET", "/Bad_Name").error(), "InvalidBucketName");
  EXPECT_EQ(ask("GET", "/box/%ff").error(), "InvalidURI");
}

TEST_F(S3Service, HidesItsInsides) {
  make_box();
  objects_.fails["get"] = Errc::below_quorum;
  const Answer answer = ask("GET", "/box/key");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.error(), "ServiceUnavailable");
  EXPECT_EQ(answer.body.find("10.0.0.7"), answer.body.npos);
  EXPECT_NE(log_.find("10.0.0.7"), log_.npos) << "but the log tells";
}

TEST_F(S3Service, LogsOneLineForAFailedRequest) {
  make_box();
  put("key", "x");
  EXPECT_EQ(log_, "");
  ask("GET", "/box/none");
  const std::size_t event = log_.find("\"s3_request_failed\"");
  ASSERT_NE(event, log_.npos);
  EXPECT_EQ(log_.find("\"s3_request_failed\"", event + 1), log_.npos);
  EXPECT_NE(log_.find("\"0123456789abcdef\""), log_.npos);
  EXPECT_NE(log_.find("\"GetObject\""), log_.npos);
  EXPECT_NE(log_.find("\"NoSuchKey\""), log_.npos);
  log_.clear();
  objects_.fails["get"] = Errc::internal;
  ask("GET", "/box/key");
  EXPECT_NE(log_.find("\"error\""), log_.npos);
  EXPECT_EQ(log_.find("X-Amz-Signature"), log_.npos);
}

TEST_F(S3Service, CountsRequestsErrorsAndBytes) {
  make_box();
  put("key", std::string(1000, 'x'));
  ask("GET", "/box/key");
  ask("GET", "/box/none");
  const std::string text = metrics_.expose();
  const auto has = [&text](std::string line) { return text.find(line) != text.npos; };
  EXPECT_TRUE(has("stratos_s3_requests_total{op=\"GetObject\"} 2")) << text;
  EXPECT_TRUE(has("stratos_s3_requests_total{op=\"PutObject\"} 1"));
  EXPECT_TRUE(has("stratos_s3_errors_total{op=\"GetObject\",by=\"client\"} 1"));
  EXPECT_TRUE(has("stratos_s3_errors_total{op=\"GetObject\",by=\"server\"} 0"));
  EXPECT_TRUE(has("stratos_s3_received_bytes_total 1000"));
  EXPECT_TRUE(has("stratos_s3_running_requests 0"));
}

TEST_F(S3Service, TellsClientsToSlowDownWhenItIsFull) {
  ServiceOptions none = options();
  none.admission.max_open = 0;
  restart(none);
  const Answer answer = ask("GET", "/");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.error(), "SlowDown");
  EXPECT_EQ(objects_.calls["credential"], 0);
}

TEST_F(S3Service, FindsBucketsInHostNames) {
  Ask wanted{.method = "PUT", .target = "/", .host = "box.s3.localhost:9000"};
  ASSERT_EQ(ask(wanted).status, 200);
  wanted.target = "/a/b";
  wanted.body = "by name";
  ASSERT_EQ(ask(wanted).status, 200);
  EXPECT_EQ(objects_.body_of("box", "a/b"), "by name");
  EXPECT_EQ(ask("GET", "/box/a/b").body, "by name");
  EXPECT_EQ(ask({.target = "/?location", .host = "box.s3.localhost"}).status, 200);
}

TEST_F(S3Service, ServesPresignedRequests) {
  make_box();
  put("a b", "hello");
  const auto fetch = [this](std::string method, std::string target, std::string body) {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.request_id = "1";
    request.headers.add("Host", "localhost:9000");
    SentBody bytes(std::move(body), 10);
    return exchange(request, bytes);
  };
  const auto presigned = [this](std::string method, std::string target, std::int64_t age_s) {
    return presign(method, target, "localhost:9000", credentials(0),
                   {runtime_.wall_now().ms - age_s * 1000}, std::chrono::seconds(60))
        .value();
  };
  const std::string get = presigned("GET", "/box/a%20b", 0);
  EXPECT_EQ(fetch("GET", get, "").body, "hello");
  EXPECT_EQ(fetch("HEAD", get, "").error(), "SignatureDoesNotMatch");
  EXPECT_EQ(fetch("GET", presigned("GET", "/box/a%20b", 61), "").error(), "AccessDenied");
  EXPECT_EQ(fetch("PUT", presigned("PUT", "/box/new", 0), "uploaded by a link").status, 200);
  EXPECT_EQ(objects_.body_of("box", "new"), "uploaded by a link");
  const std::string typed = presigned("GET", "/box/a%20b?response-content-type=text%2Fodd", 0);
  EXPECT_EQ(fetch("GET", typed, "").header("content-type"), "text/odd");
  EXPECT_EQ(log_.find("X-Amz-Signature"), log_.npos) << "an address with a signature is a secret";
}

TEST_F(S3Service, HasAHandlerForEveryOperationOfItsTable) {
  make_box();
  for (const OperationInfo& row : all_operations()) {
    std::string target = row.level == Level::service  ? "/"
                         : row.level == Level::bucket ? "/box"
                                                      : "/box/key";
    if (!row.subresource.empty()) target += "?" + std::string(row.subresource) + "=2";
    HeaderList headers;
    if (row.from_copy_source) headers.emplace_back("x-amz-copy-source", "/box/none");
    const Answer answer = ask(std::string(row.method), target, headers);
    EXPECT_NE(answer.status, 501) << row.name;
    EXPECT_NE(answer.status, 0) << row.name;
    if (row.operation == Operation::delete_bucket) make_box();
  }
}

// Every form of S3's API that is not served, by method and query.
constexpr std::pair<std::string_view, std::string_view> kUnservedOnBuckets[] = {
    {"PUT", "accelerate"},
    {"GET", "analytics"},
    {"GET", "analytics&id=1"},
    {"PUT", "analytics&id=1"},
    {"DELETE", "analytics&id=1"},
    {"GET", "intelligent-tiering"},
    {"GET", "intelligent-tiering&id=1"},
    {"PUT", "intelligent-tiering"},
    {"DELETE", "intelligent-tiering&id=1"},
    {"GET", "inventory"},
    {"GET", "inventory&id=1"},
    {"PUT", "inventory&id=1"},
    {"DELETE", "inventory&id=1"},
    {"PUT", "logging"},
    {"GET", "metrics"},
    {"GET", "metrics&id=1"},
    {"PUT", "metrics&id=1"},
    {"DELETE", "metrics&id=1"},
    {"PUT", "replication"},
    {"DELETE", "replication"},
    {"PUT", "requestPayment"},
    {"GET", "session"},
    {"GET", "metadataTable"},
    {"POST", "metadataTable"},
    {"DELETE", "metadataTable"},
    {"GET", "metadataConfiguration"},
    {"POST", "metadataConfiguration"},
    {"DELETE", "metadataConfiguration"},
    {"PUT", "metadataInventoryTable"},
    {"PUT", "metadataJournalTable"},
    {"PUT", "location"},
    {"DELETE", "versions"},
    {"PUT", "uploads"},
};
constexpr std::pair<std::string_view, std::string_view> kUnservedOnObjects[] = {
    {"DELETE", "legal-hold"}, {"DELETE", "retention"}, {"POST", "restore"},
    {"POST", "tagging"},      {"GET", "torrent"},      {"POST", "select&select-type=2"},
    {"PUT", "renameObject"},  {"PUT", "encryption"},   {"POST", ""},
    {"PUT", "attributes"},
};

TEST_F(S3Service, AnswersNotImplementedToEverythingElse) {
  make_box();
  put("key", "x");
  const auto check = [this](std::string_view method, std::string target, std::string_view query) {
    if (!query.empty()) target.append("?").append(query);
    const Answer answer = ask(std::string(method), target);
    EXPECT_EQ(answer.status, 501) << method << " " << target;
    if (method != "HEAD") EXPECT_EQ(answer.error(), "NotImplemented") << target;
  };
  for (const auto& [method, query] : kUnservedOnBuckets) check(method, "/box", query);
  for (const auto& [method, query] : kUnservedOnObjects) check(method, "/box/key", query);
  for (const std::string_view method : {"PUT", "POST", "DELETE", "HEAD"}) {
    check(method, "/", "");
  }
  EXPECT_EQ(objects_.body_of("box", "key"), "x");
  EXPECT_EQ(ask("GET", "/box").status, 200) << "nothing of it was done";
}

TEST_F(S3Service, AnswersNotImplementedToHeadersThatAskForMore) {
  make_box();
  for (const auto& [name, value] : HeaderList{{"x-amz-server-side-encryption", "aws:kms"},
                                              {"x-amz-server-side-encryption-context", "e30="},
                                              {"x-amz-website-redirect-location", "/x"},
                                              {"x-amz-write-offset-bytes", "1"}}) {
    const Answer answer = put("key", "x", {{name, value}});
    EXPECT_EQ(answer.status, 501) << name;
    EXPECT_EQ(answer.error(), "NotImplemented") << name;
  }
  EXPECT_FALSE(objects_.has("box", "key"));
}

}  // namespace
}  // namespace stratos::gateway::s3
