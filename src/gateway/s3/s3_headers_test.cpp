#include "gateway/s3/s3_headers.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

http::Headers headers_of(std::initializer_list<std::pair<std::string, std::string>> items) {
  http::Headers headers;
  for (const auto& [name, value] : items) headers.add(name, value);
  return headers;
}

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc::internal : result.error().code();
}

TEST(UserMetadata, IsReadInLowerCaseAndInOrder) {
  const auto metadata = parse_user_metadata(headers_of({{"X-Amz-Meta-Colour", " blue "},
                                                        {"Content-Type", "x"},
                                                        {"x-amz-meta-a", "1"},
                                                        {"x-amz-meta-colour", "red"},
                                                        {"x-amz-meta", "no"}}));
  EXPECT_EQ(metadata.value(), (UserMetadata{{"colour", "blue,red"}, {"a", "1"}}));
}

TEST(UserMetadata, HasTwoKibibytes) {
  EXPECT_TRUE(parse_user_metadata(headers_of({{"x-amz-meta-key", std::string(2045, 'v')}})));
  EXPECT_EQ(code_of(parse_user_metadata(headers_of({{"x-amz-meta-key", std::string(2046, 'v')}}))),
            Errc::metadata_too_large);
  EXPECT_EQ(code_of(parse_user_metadata(headers_of({{"x-amz-meta-a", std::string(1024, 'v')},
                                                    {"x-amz-meta-b", std::string(1024, 'v')}}))),
            Errc::metadata_too_large);
}

TEST(StoredHeaders, LeaveOutTheTransferEncodingOfTheBody) {
  EXPECT_EQ(parse_stored_headers(headers_of({{"Content-Type", "text/html"},
                                             {"Content-Encoding", "aws-chunked,gzip"},
                                             {"X-Other", "1"}})),
            (StoredHeaders{{"content-type", "text/html"}, {"content-encoding", "gzip"}}));
  EXPECT_TRUE(parse_stored_headers(headers_of({{"Content-Encoding", "aws-chunked"}})).empty());
}

TEST(StoredHeaders, GiveWayToTheResponseParameters) {
  const http::Target target =
      http::parse_target("/b/k?response-content-type=text%2Fcss&response-expires=never").value();
  EXPECT_EQ(
      apply_response_overrides({{"content-type", "a"}, {"cache-control", "b"}}, target),
      (StoredHeaders{{"content-type", "text/css"}, {"cache-control", "b"}, {"expires", "never"}}));
}

TEST(StorageClass, IsOneWeKeep) {
  EXPECT_EQ(parse_storage_class({}), "STANDARD");
  EXPECT_EQ(parse_storage_class(headers_of({{"x-amz-storage-class", "REDUCED_REDUNDANCY"}})),
            "REDUCED_REDUNDANCY");
  EXPECT_EQ(code_of(parse_storage_class(headers_of({{"x-amz-storage-class", "GLACIER"}}))),
            Errc::invalid_storage_class);
}

std::string range(std::string_view header, std::uint64_t size) {
  const auto result = resolve_range(header, size);
  if (!result) return result.error().code() == Errc::invalid_range ? "416" : "other";
  if (!*result) return "whole";
  return content_range(**result, size);
}

TEST(Range, ReadsTheThreeForms) {
  EXPECT_EQ(range("bytes=0-9", 100), "bytes 0-9/100");
  EXPECT_EQ(range("bytes=90-", 100), "bytes 90-99/100");
  EXPECT_EQ(range("bytes=-10", 100), "bytes 90-99/100");
  EXPECT_EQ(range("Bytes= 5-5 ", 100), "bytes 5-5/100");
  EXPECT_EQ(range("bytes=90-1000", 100), "bytes 90-99/100");
  EXPECT_EQ(range("bytes=-1000", 100), "bytes 0-99/100");
  EXPECT_EQ(range("bytes=1-99999999999999999999999", 100), "bytes 1-99/100");
  EXPECT_EQ(range("bytes=0-0", 1), "bytes 0-0/1");
  EXPECT_FALSE(*resolve_range(std::nullopt, 5));
}

TEST(Range, RefusesWhatLiesOutside) {
  for (const auto& [header, size] :
       std::initializer_list<std::pair<std::string_view, std::uint64_t>>{
           {"bytes=100-", 100},
           {"bytes=100-200", 100},
           {"bytes=-0", 100},
           {"bytes=0-0", 0},
           {"bytes=0-", 0},
           {"bytes=-5", 0},
           {"bytes=99999999999999999999-", 100}}) {
    EXPECT_EQ(range(header, size), "416") << header;
  }
}

TEST(Range, IgnoresWhatItCannotRead) {
  for (std::string_view header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=9-5", "bytes=a-b", "bytes=0-1,3-4",
        "lines=0-1", "bytes=0x1-2", "bytes=-1-2", "bytes=+1-2", "0-1"}) {
    EXPECT_EQ(range(header, 100), "whole") << header;
  }
}

TEST(CopyRange, IsExact) {
  const auto whole = parse_copy_range("bytes=0-99", 100);
  EXPECT_EQ(whole->offset, 0U);
  EXPECT_EQ(whole->length, 100U);
  for (std::string_view header : {"bytes=0-100", "bytes=0-", "bytes=-5", "0-5", "bytes=5-1", ""}) {
    EXPECT_EQ(code_of(parse_copy_range(header, 100)), Errc::invalid_argument) << header;
  }
}

constexpr std::string_view kEtag = "abc";
constexpr WallTime kModified{784'111'777'900};  // Sun, 06 Nov 1994 08:49:37.9
constexpr std::string_view kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr std::string_view kSame = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";

std::string read(std::initializer_list<std::pair<std::string, std::string_view>> items,
                 std::string_view prefix = "") {
  http::Headers headers;
  for (const auto& [name, value] : items) headers.add(name, std::string(value));
  const Conditions conditions = parse_conditions(headers, prefix);
  const auto result = prefix.empty() ? check_read(conditions, kEtag, kModified)
                                     : check_copy_source(conditions, kEtag, kModified);
  return result ? "200" : result.error().code() == Errc::not_modified ? "304" : "412";
}

TEST(ReadConditions, CompareTags) {
  EXPECT_EQ(read({}), "200");
  EXPECT_EQ(read({{"If-Match", "\"abc\""}}), "200");
  EXPECT_EQ(read({{"If-Match", "abc"}}), "200");
  EXPECT_EQ(read({{"If-Match", "\"x\", W/\"abc\""}}), "200");
  EXPECT_EQ(read({{"If-Match", "*"}}), "200");
  EXPECT_EQ(read({{"If-Match", "\"abcd\""}}), "412");
  EXPECT_EQ(read({{"If-None-Match", "\"abc\""}}), "304");
  EXPECT_EQ(read({{"If-None-Match", "*"}}), "304");
  EXPECT_EQ(read({{"If-None-Match", "\"x\",\"y\""}}), "200");
}

TEST(ReadConditions, CompareTimesInWholeSeconds) {
  EXPECT_EQ(read({{"If-Modified-Since", kBefore}}), "200");
  EXPECT_EQ(read({{"If-Modified-Since", kSame}}), "304");
  EXPECT_EQ(read({{"If-Modified-Since", kAfter}}), "304");
  EXPECT_EQ(read({{"If-Unmodified-Since", kBefore}}), "412");
  EXPECT_EQ(read({{"If-Unmodified-Since", kSame}}), "200");
  EXPECT_EQ(read({{"If-Modified-Since", "nonsense"}}), "200");
}

TEST(ReadConditions, TagsOutrankTimes) {
  EXPECT_EQ(read({{"If-Match", "abc"}, {"If-Unmodified-Since", kBefore}}), "200");
  EXPECT_EQ(read({{"If-Match", "x"}, {"If-Unmodified-Since", kAfter}}), "412");
  EXPECT_EQ(read({{"If-None-Match", "abc"}, {"If-Modified-Since", kBefore}}), "304");
  EXPECT_EQ(read({{"If-None-Match", "x"}, {"If-Modified-Since", kAfter}}), "200");
  EXPECT_EQ(read({{"If-Match", "x"}, {"If-None-Match", "abc"}}), "412");
  EXPECT_EQ(read({{"If-Match", "abc"}, {"If-None-Match", "abc"}}), "304");
}

TEST(CopyConditions, AnswerOnlyPreconditionFailed) {
  constexpr std::string_view kPrefix = "x-amz-copy-source-";
  EXPECT_EQ(read({{"x-amz-copy-source-if-none-match", "abc"}}, kPrefix), "412");
  EXPECT_EQ(read({{"x-amz-copy-source-if-match", "abc"}}, kPrefix), "200");
  EXPECT_EQ(read({{"x-amz-copy-source-if-modified-since", kAfter}}, kPrefix), "412");
  EXPECT_EQ(read({{"If-Match", "x"}}, kPrefix), "200");
}

Errc write(std::string name, std::string value, std::optional<std::string_view> etag) {
  return code_of(check_write(parse_conditions(headers_of({{name, value}}), ""), etag));
}

TEST(WriteConditions, GuardCreationAndReplacement) {
  EXPECT_EQ(write("If-None-Match", "*", std::nullopt), Errc::internal);
  EXPECT_EQ(write("If-None-Match", "*", kEtag), Errc::precondition_failed);
  EXPECT_EQ(write("If-None-Match", "\"abc\"", kEtag), Errc::not_implemented);
  EXPECT_EQ(write("If-Match", "\"abc\"", kEtag), Errc::internal);
  EXPECT_EQ(write("If-Match", "\"x\"", kEtag), Errc::precondition_failed);
  EXPECT_EQ(write("If-Match", "\"abc\"", std::nullopt), Errc::no_such_object);
  EXPECT_TRUE(check_write({}, kEtag));
}

TEST(CopySource, IsReadInEveryUsualForm) {
  const std::tuple<std::string_view, std::string_view, std::string_view> rows[] = {
      {"bucket/key", "key", ""},
      {"/bucket/a/b", "a/b", ""},
      {"/bucket/a%20b%3F+c", "a b?+c", ""},
      {"bucket%2Fkey", "key", ""},
      {"%2Fbucket%2Fkey", "key", ""},
      {"/bucket/k?versionId=null", "k", "null"},
      {"/bucket//k", "/k", ""},
  };
  for (const auto& [header, key, version] : rows) {
    const auto source = parse_copy_source(header);
    ASSERT_TRUE(source) << header;
    EXPECT_EQ(source->bucket, "bucket");
    EXPECT_EQ(source->key, key);
    EXPECT_EQ(source->version_id, version);
  }
}

TEST(CopySource, RefusesWhatIsNotBucketAndKey) {
  for (std::string_view header : {"", "/", "bucket", "/bucket/", "/bucket/%zz", "/bucket/k?x=1"}) {
    EXPECT_EQ(code_of(parse_copy_source(header)), Errc::invalid_argument) << header;
  }
  EXPECT_EQ(code_of(parse_copy_source("/B/k")), Errc::bad_bucket_name);
  EXPECT_EQ(code_of(parse_copy_source("/bucket/" + std::string(1025, 'k'))), Errc::key_too_long);
}

}  // namespace
}  // namespace stratos::gateway::s3
