#include "gateway/s3/s3_request.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace stratos::gateway::s3 {
namespace {

const std::vector<std::string> kDomains = {"s3.example.com", "example.com", "localhost"};

Result<S3Request> parse(std::string method, std::string target, std::string host = "127.0.0.1:9000",
                        http::Headers headers = {}) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  headers.add("Host", std::move(host));
  request.headers = std::move(headers);
  return parse_request(request, kDomains);
}

Errc code_of(const Result<S3Request>& result) {
  return result ? Errc::internal : result.error().code();
}

http::Headers header(std::string name, std::string value) {
  http::Headers headers;
  headers.add(std::move(name), std::move(value));
  return headers;
}

TEST(S3Request, FindsBucketAndKeyInThePath) {
  const S3Request request = parse("GET", "/bucket/a/b%20c?versionId=null").value();
  EXPECT_EQ(request.bucket, "bucket");
  EXPECT_EQ(request.key, "a/b c");
  EXPECT_EQ(request.operation, Operation::get_object);
  EXPECT_FALSE(request.virtual_host);
  EXPECT_EQ(*request.query("versionId"), "null");
}

TEST(S3Request, KeepsTheExactBytesOfKeys) {
  const std::pair<std::string_view, std::string_view> keys[] = {
      {"/bucket//a", "/a"},           {"/bucket/a//b/", "a//b/"}, {"/bucket/../x", "../x"},
      {"/bucket/./.", "./."},         {"/bucket/a+b", "a+b"},     {"/bucket/a%2Bb", "a+b"},
      {"/bucket/a%2Fb", "a/b"},       {"/bucket/%2Fa", "/a"},     {"/bucket/%E2%82%AC", "€"},
      {"/bucket/%01%0A", "\x01\x0a"}, {"/bucket/%20", " "},       {"/bucket/a%3Fb", "a?b"},
      {"/bucket/%25zz", "%zz"},       {"/bucket/a;b=c", "a;b=c"},
  };
  for (const auto& [target, key] : keys) {
    const auto request = parse("GET", std::string(target));
    ASSERT_TRUE(request) << target;
    EXPECT_EQ(request->key, key);
    EXPECT_EQ(request->bucket, "bucket");
  }
}

TEST(S3Request, FindsTheBucketInTheHost) {
  const std::tuple<std::string, std::string, std::string> hosts[] = {
      {"photos.s3.example.com", "photos", "k"},       {"Photos.S3.Example.COM:9000", "photos", "k"},
      {"my.photos.s3.example.com", "my.photos", "k"}, {"photos.localhost:80", "photos", "k"},
      {"photos.example.com", "photos", "k"},
  };
  for (const auto& [host, bucket, key] : hosts) {
    const S3Request request = parse("GET", "/k", host).value();
    EXPECT_EQ(request.bucket, bucket) << host;
    EXPECT_EQ(request.key, key);
    EXPECT_TRUE(request.virtual_host);
  }
  EXPECT_EQ(parse("GET", "/", "photos.localhost")->operation, Operation::list_objects);
  EXPECT_EQ(parse("GET", "//k", "photos.localhost")->key, "/k");
}

TEST(S3Request, TakesEveryOtherHostAsPathStyle) {
  for (const char* host : {"s3.example.com", "example.com:9000", "localhost", "10.0.0.1",
                           "[::1]:9000", "", "other.org", "notlocalhost", ".localhost"}) {
    const S3Request request = parse("GET", "/bucket/k", host).value();
    EXPECT_EQ(request.bucket, "bucket") << host;
    EXPECT_FALSE(request.virtual_host) << host;
  }
}

TEST(S3Request, EveryRowOfTheTableIsReached) {
  for (const OperationInfo& row : all_operations()) {
    std::string target = row.level == Level::service  ? "/"
                         : row.level == Level::bucket ? "/bucket"
                                                      : "/bucket/key";
    if (!row.subresource.empty()) {
      target += "?" + std::string(row.subresource) + (row.subresource == "list-type" ? "=2" : "");
    }
    const auto request =
        parse(std::string(row.method), target, "h",
              row.from_copy_source ? header("x-amz-copy-source", "/b/k") : http::Headers{});
    ASSERT_TRUE(request) << row.name;
    EXPECT_EQ(request->operation, row.operation) << row.name;
    EXPECT_EQ(name_of(row.operation), row.name);
  }
}

TEST(S3Request, EverythingOutsideTheTableIsUnsupported) {
  for (const Level level : {Level::bucket, Level::object}) {
    for (const std::string_view subresource : known_subresources(level)) {
      for (const std::string_view method : {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"}) {
        const bool in_table = std::ranges::any_of(all_operations(), [&](const OperationInfo& row) {
          return row.level == level && row.method == method && row.subresource == subresource;
        });
        std::string target = level == Level::bucket ? "/bucket?" : "/bucket/key?";
        target += std::string(subresource) + "=2";
        const auto request = parse(std::string(method), target);
        ASSERT_TRUE(request) << method << target;
        EXPECT_EQ(request->operation == Operation::unsupported, !in_table) << method << target;
      }
    }
  }
  EXPECT_EQ(parse("POST", "/bucket")->operation, Operation::post_object);
  EXPECT_EQ(parse("POST", "/bucket/key")->operation, Operation::unsupported);
  EXPECT_EQ(parse("DELETE", "/")->operation, Operation::unsupported);
  EXPECT_EQ(parse("OPTIONS", "/bucket/key")->operation, Operation::unsupported);
}

TEST(S3Request, OperationsAreNamedOnce) {
  std::set<std::string_view> names;
  for (const OperationInfo& row : all_operations()) EXPECT_TRUE(names.insert(row.name).second);
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Operation::unsupported));
  EXPECT_EQ(name_of(Operation::unsupported), "Unsupported");
}

TEST(S3Request, IgnoresQueryItDoesNotKnow) {
  EXPECT_EQ(parse("GET", "/bucket/key?x-id=GetObject&partNumber=1&response-expires=0")->operation,
            Operation::get_object);
  EXPECT_EQ(parse("GET", "/bucket?prefix=a&list-type=1")->operation, Operation::list_objects);
  EXPECT_EQ(parse("GET", "/bucket/?list-type=2&prefix=acl")->operation, Operation::list_objects_v2);
  EXPECT_EQ(parse("GET", "/bucket/key?list-type=2")->operation, Operation::get_object);
}

TEST(S3Request, RefusesTwoOperationsAtOnce) {
  EXPECT_EQ(code_of(parse("GET", "/bucket?acl&policy")), Errc::invalid_argument);
  EXPECT_EQ(code_of(parse("POST", "/bucket/key?uploads&uploadId=1")), Errc::invalid_argument);
}

TEST(S3Request, RefusesBadTargets) {
  EXPECT_EQ(code_of(parse("GET", "/bucket/%zz")), Errc::invalid_uri);
  EXPECT_EQ(code_of(parse("GET", "/bucket/%ff")), Errc::invalid_uri);
  EXPECT_EQ(code_of(parse("GET", "bucket")), Errc::invalid_uri);
  EXPECT_EQ(code_of(parse("GET", "//key")), Errc::bad_bucket_name);
  EXPECT_EQ(code_of(parse("GET", "/Bucket/key")), Errc::bad_bucket_name);
  EXPECT_EQ(code_of(parse("GET", "/buck%2Fet/key")), Errc::bad_bucket_name);
  EXPECT_EQ(code_of(parse("PATCH", "/bucket/key")), Errc::method_not_allowed);
  EXPECT_EQ(code_of(parse("GET", "/bucket/" + std::string(1025, 'k'))), Errc::key_too_long);
  EXPECT_TRUE(parse("GET", "/bucket/" + std::string(1024, 'k')));
}

TEST(BucketName, FollowsS3sRules) {
  for (std::string_view name :
       {"abc", "my-bucket", "my.bucket.1", "1.2.3.4.5", "1a2", "xn-a",
        "a123456789b123456789c123456789d123456789e123456789f123456789g12"}) {
    EXPECT_TRUE(validate_bucket_name(name)) << name;
  }
  for (std::string_view name :
       {"",
        "ab",
        "Abc",
        "a_b",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "a.-b",
        "a-.b",
        "1.2.3.4",
        "xn--abc",
        "sthree-abc",
        "abc-s3alias",
        "abc--ol-s3",
        "a b",
        "abc/",
        "ab\xc3\xa9",
        "a123456789b123456789c123456789d123456789e123456789f123456789g123"}) {
    const auto result = validate_bucket_name(name);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().code(), Errc::bad_bucket_name);
  }
}

Result<ListQuery> list(std::string target) {
  STRATOS_TRY(const S3Request request, parse("GET", std::move(target)));
  return parse_list_query(request);
}

TEST(ListQuery, ReadsBothForms) {
  const ListQuery first =
      list("/bucket?prefix=a%2F&delimiter=/&marker=m&max-keys=7&encoding-type=url").value();
  EXPECT_EQ(first.prefix, "a/");
  EXPECT_EQ(first.delimiter, "/");
  EXPECT_EQ(first.after, "m");
  EXPECT_EQ(first.max_keys, 7U);
  EXPECT_TRUE(first.url_encoding);
  const ListQuery second =
      list("/bucket?list-type=2&start-after=s&continuation-token=t&fetch-owner=true&marker=m")
          .value();
  EXPECT_EQ(second.after, "s");
  EXPECT_EQ(second.continuation_token, "t");
  EXPECT_TRUE(second.fetch_owner);
  EXPECT_EQ(second.max_keys, 1000U);
  EXPECT_FALSE(second.url_encoding);
  EXPECT_EQ(list("/bucket?uploads&key-marker=k&max-uploads=3")->max_keys, 3U);
  EXPECT_EQ(list("/bucket?versions&key-marker=k")->after, "k");
}

TEST(ListQuery, BoundsAndChecksItsNumbers) {
  EXPECT_EQ(list("/bucket?max-keys=5000")->max_keys, 1000U);
  EXPECT_EQ(list("/bucket?max-keys=0")->max_keys, 0U);
  EXPECT_EQ(list("/bucket?max-keys=")->max_keys, 1000U);
  for (const char* target :
       {"/bucket?max-keys=-1", "/bucket?max-keys=x", "/bucket?max-keys=2147483648",
        "/bucket?max-keys=1%20", "/bucket?encoding-type=base64",
        "/bucket?list-type=2&continuation-token="}) {
    EXPECT_EQ(list(target).error().code(), Errc::invalid_argument) << target;
  }
}

TEST(UnimplementedHeaders, AreRefusedNotIgnored) {
  const auto refused = [](std::string name, std::string value) {
    const auto result = check_headers_implemented(header(std::move(name), std::move(value)));
    return !result && result.error().code() == Errc::not_implemented;
  };
  EXPECT_TRUE(refused("x-amz-server-side-encryption-context", "e30="));
  EXPECT_TRUE(refused("x-amz-website-redirect-location", "/"));
  EXPECT_FALSE(refused("x-amz-acl", "public-read"));
  EXPECT_FALSE(refused("X-Amz-Grant-Read", "id=1"));
  EXPECT_FALSE(refused("x-amz-server-side-encryption", "AES256"));
  EXPECT_FALSE(refused("x-amz-tagging", "a=b"));
  EXPECT_FALSE(refused("x-amz-meta-acl", "public-read"));
  EXPECT_FALSE(refused("Content-Type", "text/plain"));
}

}  // namespace
}  // namespace stratos::gateway::s3
