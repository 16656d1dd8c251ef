#include "cli/s3_wire.hpp"

#include <gtest/gtest.h>

namespace stratos::cli {
namespace {

TEST(S3Wire, EscapesTargets) {
  EXPECT_EQ(object_target({"b", ""}), "/b");
  EXPECT_EQ(object_target({"b", "a b/c?d"}), "/b/a%20b/c%3Fd");
  EXPECT_EQ(listing_target({"b", "a/"}, true, ""), "/b?encoding-type=url&list-type=2&prefix=a%2F");
  EXPECT_EQ(listing_target({"b", ""}, false, "t/1"),
            "/b?encoding-type=url&list-type=2&prefix=&delimiter=%2F&continuation-token=t%2F1");
}

TEST(S3Wire, ReadsListings) {
  constexpr std::string_view kText =
      "<ListBucketResult><Contents><Key>a%2Bb</Key><Size>7</Size><LastModified>then</LastModified>"
      "<ETag>e</ETag></Contents><CommonPrefixes><Prefix>p%2F</Prefix></CommonPrefixes>"
      "<NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
  const S3Listing listing = parse_listing(as_bytes(kText)).value();
  ASSERT_EQ(listing.objects.size(), 1U);
  EXPECT_EQ(listing.objects[0].key, "a+b");
  EXPECT_EQ(listing.objects[0].size, 7U);
  EXPECT_EQ(listing.objects[0].modified, "then");
  EXPECT_EQ(listing.objects[0].etag, "e");
  EXPECT_EQ(listing.prefixes, std::vector<std::string>{"p/"});
  EXPECT_EQ(listing.next, "t");
  for (const char* text : {"", "<html/>", "{}",
                           "<ListBucketResult><Contents><Key>%zz</Key>"
                           "</Contents></ListBucketResult>"}) {
    EXPECT_FALSE(parse_listing(as_bytes(text))) << text;
  }
}

TEST(S3Wire, NamesTheServicesOwnErrors) {
  const Error error = error_of_answer(
      404, as_bytes("<Error><Code>NoSuchBucket</Code><Message>it is gone</Message></Error>"));
  EXPECT_EQ(error.code(), Errc::not_found);
  EXPECT_NE(error.to_string().find("NoSuchBucket: it is gone"), std::string::npos);
  EXPECT_EQ(error_of_answer(502, as_bytes("nginx")).code(), Errc::internal);
  EXPECT_NE(error_of_answer(502, {}).to_string().find("HTTP 502"), std::string::npos);
}

}  // namespace
}  // namespace stratos::cli
