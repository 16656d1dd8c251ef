// Buckets and listings.
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

using Texts = std::vector<std::string>;

class S3Buckets : public ServiceFixture {};

std::string location_of(std::string_view region) {
  return "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
         "<LocationConstraint>" +
         std::string(region) + "</LocationConstraint></CreateBucketConfiguration>";
}

TEST_F(S3Buckets, AreCreatedOnce) {
  const Answer created = ask("PUT", "/box");
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(created.header("location"), "/box");
  const Answer again = ask("PUT", "/box");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.error(), "BucketAlreadyOwnedByYou");
  EXPECT_EQ(again.at("BucketName"), "box");
  EXPECT_EQ(ask({.method = "PUT", .target = "/box", .user = 1}).error(), "BucketAlreadyExists");
}

TEST_F(S3Buckets, AreCreatedOnlyInThisRegion) {
  EXPECT_EQ(ask("PUT", "/one", {}, location_of("us-east-1")).status, 200);
  EXPECT_EQ(ask("PUT", "/two", {}, location_of("eu-west-1")).error(), "InvalidLocationConstraint");
  EXPECT_EQ(ask("PUT", "/two", {}, "<Create").error(), "MalformedXML");
  EXPECT_EQ(ask("PUT", "/two", {{"x-amz-object-ownership", "Mine"}}).error(), "InvalidArgument");
  EXPECT_EQ(ask("PUT", "/two", {{"x-amz-mfa", "123"}}).error(), "NotImplemented");
  EXPECT_EQ(ask("HEAD", "/two").status, 404);
  EXPECT_EQ(ask("PUT", "/two", {{"x-amz-object-ownership", "BucketOwnerEnforced"}}).status, 200);
}

TEST_F(S3Buckets, TellWhereTheyAre) {
  make_box();
  const Answer head = ask("HEAD", "/box");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("x-amz-bucket-region"), "us-east-1");
  EXPECT_EQ(head.body, "");
  EXPECT_NE(ask("GET", "/box?location").body.find("LocationConstraint"), std::string::npos);
  const Answer versioning = ask("GET", "/box?versioning");
  EXPECT_EQ(versioning.status, 200);
  EXPECT_NE(versioning.body.find("VersioningConfiguration"), std::string::npos);
  EXPECT_EQ(versioning.at("Status"), "(none)");
  ServiceOptions elsewhere = options();
  elsewhere.region = "eu-west-1";
  restart(elsewhere);
  EXPECT_EQ(ask("GET", "/box?location").error(), "AuthorizationHeaderMalformed");
}

TEST_F(S3Buckets, AreDeletedWhenEmpty) {
  make_box();
  put("key", "x");
  EXPECT_EQ(ask("DELETE", "/box").error(), "BucketNotEmpty");
  ask("DELETE", "/box/key");
  EXPECT_EQ(ask("DELETE", "/box").status, 204);
  EXPECT_EQ(ask("HEAD", "/box").status, 404);
  EXPECT_EQ(ask("DELETE", "/box").error(), "NoSuchBucket");
  EXPECT_EQ(ask("PUT", "/box/key", {}, "x").error(), "NoSuchBucket");
}

TEST_F(S3Buckets, OfAnotherOwnerAreNotOnesOwnAfterTheyWereCreatedAnew) {
  make_box();
  EXPECT_EQ(ask("DELETE", "/box").status, 204);
  ASSERT_EQ(ask({.method = "PUT", .target = "/box", .user = 1}).status, 200);
  EXPECT_EQ(ask("GET", "/box").error(), "AccessDenied");
}

TEST_F(S3Buckets, AreListedForTheirOwner) {
  for (const std::string name : {"bbb", "abc", "abd", "ccc"}) ask("PUT", "/" + name);
  ask({.method = "PUT", .target = "/theirs", .user = 1});
  const Answer all = ask("GET", "/");
  EXPECT_EQ(all.all("Buckets/Bucket/Name"), (Texts{"abc", "abd", "bbb", "ccc"}));
  EXPECT_EQ(all.at("Buckets/Bucket/CreationDate"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(all.at("Buckets/Bucket/BucketRegion"), "us-east-1");
  EXPECT_EQ(all.at("Owner/ID"), "0x" + account(0).hex());
  EXPECT_EQ(all.at("ContinuationToken"), "(none)");
  EXPECT_EQ(ask("GET", "/?prefix=ab").all("Buckets/Bucket/Name"), (Texts{"abc", "abd"}));
  Texts found;
  std::string query = "/?max-buckets=3";
  for (int page = 0; page < 2; ++page) {
    const Answer part = ask("GET", query);
    for (const std::string& name : part.all("Buckets/Bucket/Name")) found.push_back(name);
    query = "/?max-buckets=3&continuation-token=" + part.at("ContinuationToken");
  }
  EXPECT_EQ(found, (Texts{"abc", "abd", "bbb", "ccc"}));
  EXPECT_EQ(ask("GET", "/?max-buckets=0").error(), "InvalidArgument");
}

// --- listings ------------------------------------------------------------------------------------

class S3Listings : public ServiceFixture {
 protected:
  void SetUp() override {
    make_box();
    for (const std::string& key : kKeys) put(http::percent_encode(key, true), key);
  }
  static inline const Texts kKeys = {"\t",
                                     " x ",
                                     "%2F",
                                     "+",
                                     "a",
                                     "a&b<c>",
                                     "a//b",
                                     "a/1",
                                     "a/2",
                                     "b/x/1",
                                     "b/x/2",
                                     "b/y",
                                     "c\n d",
                                     "e\x01"
                                     "f",
                                     "z/",
                                     "ä/ü",
                                     "日本/語",
                                     "\xf0\x9f\x98\x80"};

  static std::string decoded(const std::string& text) {
    return http::percent_decode(text, false).value();
  }
  static Texts decoded(Texts texts) {
    for (std::string& text : texts) text = decoded(text);
    return texts;
  }
  // All pages; keys and prefixes in order of arrival.
  struct Walk {
    Texts keys;
    Texts prefixes;
    int pages = 0;
  };
  Walk walk(const std::string& query, bool second_form) {
    Walk out;
    std::string more;
    do {
      const Answer page = ask("GET", "/box?encoding-type=url" + query + more);
      EXPECT_EQ(page.status, 200) << page.body;
      const Texts keys = decoded(page.all("Contents/Key"));
      const Texts prefixes = decoded(page.all("CommonPrefixes/Prefix"));
      out.keys.insert(out.keys.end(), keys.begin(), keys.end());
      out.prefixes.insert(out.prefixes.end(), prefixes.begin(), prefixes.end());
      if (second_form) {
        EXPECT_EQ(page.at("KeyCount"), std::to_string(keys.size() + prefixes.size()));
      }
      if (page.at("IsTruncated") == "false") {
        EXPECT_EQ(page.at("NextContinuationToken"), "(none)");
        more.clear();
      } else if (second_form) {
        more =
            "&continuation-token=" + http::percent_encode(page.at("NextContinuationToken"), false);
      } else {
        const bool has_marker = page.at("NextMarker") != "(none)";
        EXPECT_EQ(has_marker, query.contains("delimiter"));
        const std::string marker = has_marker ? decoded(page.at("NextMarker")) : keys.back();
        more = "&marker=" + http::percent_encode(marker, false);
      }
    } while (!more.empty() && ++out.pages < 100);
    return out;
  }
};

TEST_F(S3Listings, GoOverOddKeysInPagesOfEverySize) {
  for (const int size : {1, 2, 3, 7, 18, 1000}) {
    const std::string max = "&max-keys=" + std::to_string(size);
    for (const bool second_form : {false, true}) {
      const Walk all = walk((second_form ? "&list-type=2" : "") + max, second_form);
      EXPECT_EQ(all.keys, kKeys) << size << second_form;
      const Walk rolled =
          walk((second_form ? "&list-type=2&delimiter=%2F" : "&delimiter=%2F") + max, second_form);
      EXPECT_EQ(rolled.prefixes, (Texts{"a/", "b/", "z/", "ä/", "日本/"})) << size;
      EXPECT_EQ(rolled.keys.size(), 9U) << size;
      const Walk below =
          walk((second_form ? "&list-type=2" : "") + max + "&delimiter=/&prefix=b/", second_form);
      EXPECT_EQ(below.prefixes, Texts{"b/x/"});
      EXPECT_EQ(below.keys, Texts{"b/y"});
    }
  }
}

TEST_F(S3Listings, ShowWhatObjectsAre) {
  const Answer second = ask("GET", "/box?list-type=2&prefix=a/1&fetch-owner=true");
  EXPECT_EQ(second.at("Name"), "box");
  EXPECT_EQ(second.at("Prefix"), "a/1");
  EXPECT_EQ(second.at("Contents/Key"), "a/1");
  EXPECT_EQ(second.at("Contents/Size"), "3");
  EXPECT_EQ(second.at("Contents/ETag"), "\"" + to_hex(crypto::md5(as_bytes("a/1"))) + "\"");
  EXPECT_EQ(second.at("Contents/LastModified"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(second.at("Contents/StorageClass"), "STANDARD");
  EXPECT_EQ(second.at("Contents/ChecksumAlgorithm"), "CRC64NVME");
  EXPECT_EQ(second.at("Contents/ChecksumType"), "FULL_OBJECT");
  EXPECT_EQ(second.at("Contents/Owner/ID"), "0x" + account(0).hex());
  EXPECT_EQ(ask("GET", "/box?list-type=2&prefix=a/1").at("Contents/Owner/ID"), "(none)");
  const Answer first = ask("GET", "/box?prefix=a/1");
  EXPECT_EQ(first.at("Contents/Owner/ID"), "0x" + account(0).hex());
  EXPECT_EQ(first.at("KeyCount"), "(none)");
  EXPECT_EQ(first.at("MaxKeys"), "1000");
}

TEST_F(S3Listings, BeginAfterAKey) {
  EXPECT_EQ(ask("GET", "/box?list-type=2&start-after=b/x/2").at("Contents/Key"), "b/y");
  EXPECT_EQ(ask("GET", "/box?marker=b/x/2").at("Contents/Key"), "b/y");
  EXPECT_EQ(ask("GET", "/box?list-type=2&start-after=b/x/2").at("StartAfter"), "b/x/2");
  const Answer page = ask("GET", "/box?list-type=2&max-keys=1");
  const std::string token = http::percent_encode(page.at("NextContinuationToken"), false);
  const Answer next =
      ask("GET", "/box?list-type=2&max-keys=1&start-after=z&continuation-token=" + token);
  EXPECT_EQ(next.at("Contents/Key"), " x ") << "the token outranks start-after";
  EXPECT_EQ(next.at("ContinuationToken"), page.at("NextContinuationToken"));
}

TEST_F(S3Listings, AreEmptyWhereNothingIs) {
  const Answer none = ask("GET", "/box?list-type=2&prefix=none");
  EXPECT_EQ(none.at("KeyCount"), "0");
  EXPECT_EQ(none.at("IsTruncated"), "false");
  const Answer zero = ask("GET", "/box?list-type=2&max-keys=0");
  EXPECT_EQ(zero.at("KeyCount"), "0");
  EXPECT_EQ(zero.at("IsTruncated"), "false");
  EXPECT_EQ(zero.at("MaxKeys"), "0");
}

TEST_F(S3Listings, RefuseArgumentsThatAreNone) {
  for (const std::string query :
       {"list-type=2&continuation-token=abc", "list-type=2&continuation-token=",
        "list-type=2&continuation-token=AgI=", "max-keys=-1", "max-keys=x", "encoding-type=xml",
        "versions&version-id-marker=abc", "uploads&key-marker=a&upload-id-marker=xyz"}) {
    const Answer answer = ask("GET", "/box?" + query);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(answer.error(), "InvalidArgument") << query;
  }
}

TEST_F(S3Listings, ShowVersionsAsOfABucketThatNeverHadThem) {
  const Answer page = ask("GET", "/box?versions&max-keys=2&prefix=a/");
  EXPECT_EQ(page.all("Version/Key"), (Texts{"a//b", "a/1"}));
  EXPECT_EQ(page.at("Version/VersionId"), "null");
  EXPECT_EQ(page.at("Version/IsLatest"), "true");
  EXPECT_EQ(page.at("NextKeyMarker"), "a/1");
  const Answer next = ask("GET", "/box?versions&prefix=a/&key-marker=a/1&version-id-marker=null");
  EXPECT_EQ(next.all("Version/Key"), Texts{"a/2"});
}

}  // namespace
}  // namespace stratos::gateway::s3
