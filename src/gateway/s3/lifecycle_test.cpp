#include "gateway/s3/lifecycle.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

constexpr WallTime kNoon{1'700'049'600'000};  // 2023-11-15T12:00:00Z
constexpr WallTime kMidnight{1'700'092'800'000};
constexpr Duration kDay = 24h;

std::string rule(const std::string& body, const std::string& filter = "<Prefix></Prefix>") {
  return "<LifecycleConfiguration><Rule><ID>one</ID>" + filter + "<Status>Enabled</Status>" + body +
         "</Rule></LifecycleConfiguration>";
}
Result<LifecycleRules> parse(const std::string& text) { return parse_lifecycle(as_bytes(text)); }
Errc code(const std::string& text) {
  const auto rules = parse(text);
  return rules ? Errc{} : rules.error().code();
}
WallTime later(WallTime from, std::chrono::hours hours) { return from + hours; }

TEST(LifecycleRules, AreWrittenAsTheyWereRead) {
  for (const std::string& text :
       {rule("<Expiration><Days>1</Days></Expiration>"),
        rule("<Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration>"),
        rule(
            "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"),
        rule("<NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays>"
             "<NewerNoncurrentVersions>5</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
             "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>"),
        rule("<Expiration><Days>1</Days></Expiration>",
             "<Filter><And><Prefix>p/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag>"
             "<ObjectSizeGreaterThan>0</ObjectSizeGreaterThan>"
             "<ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>"),
        rule("<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>"
             "</AbortIncompleteMultipartUpload>",
             "<Filter><Prefix></Prefix></Filter>")}) {
    const auto rules = parse(text);
    ASSERT_TRUE(rules) << text << rules.error().to_string();
    const std::string written = lifecycle_document(*rules);
    EXPECT_NE(written.find(text.substr(text.find("<Rule>"))), written.npos) << written;
  }
}

TEST(LifecycleRules, RefuseWhatTheyCannotDo) {
  EXPECT_EQ(code("<LifecycleConfiguration/>"), Errc::malformed_xml);
  EXPECT_EQ(code(rule("<Expiration><Days>0</Days></Expiration>")), Errc::invalid_argument);
  EXPECT_EQ(code(rule("<Expiration><Days>-1</Days></Expiration>")), Errc::malformed_xml);
  EXPECT_EQ(code(rule("<Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>")),
            Errc::malformed_xml);
  EXPECT_EQ(code(rule("<Expiration><Date>2030-01-01T00:00:01Z</Date></Expiration>")),
            Errc::invalid_argument);
  EXPECT_EQ(
      code(rule("<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>")),
      Errc::not_implemented);
  EXPECT_EQ(code(rule("")), Errc::invalid_request);
  EXPECT_EQ(code(rule("<Expiration><Days>1</Days></Expiration>", "")), Errc::malformed_xml);
  EXPECT_EQ(
      code(rule("<Expiration><Days>1</Days></Expiration><ID>" + std::string(256, 'x') + "</ID>")),
      Errc::invalid_argument);
  const std::string one =
      "<Rule><ID>a</ID><Prefix/><Status>Disabled</Status><Expiration><Days>1"
      "</Days></Expiration></Rule>";
  EXPECT_EQ(code("<LifecycleConfiguration>" + one + "</LifecycleConfiguration>"), Errc{});
  EXPECT_EQ(code("<LifecycleConfiguration>" + one + one + "</LifecycleConfiguration>"),
            Errc::invalid_argument);
}

TEST(LifecycleRules, CountDaysToTheNextMidnight) {
  EXPECT_EQ(due_after(kNoon, 1, kDay), later(kMidnight, 24h));
  EXPECT_EQ(due_after(kMidnight, 1, kDay), later(kMidnight, 24h));
  EXPECT_EQ(due_after(kNoon, 3, 10s), kNoon + 30s);
}

class LifecycleVerdicts : public ::testing::Test {
 protected:
  bool expires(const LifecycleItem& item, WallTime now, const client::Tags* tags = nullptr) const {
    return judge(rules_, item, now, kDay, tags) == LifecycleVerdict::expire;
  }
  void set(const std::string& body, const std::string& filter = "<Prefix>a/</Prefix>") {
    rules_ = parse(rule(body, filter)).value();
  }
  LifecycleRules rules_;
  LifecycleItem item_{.key = "a/1", .size = 5, .modified = kNoon};
};

TEST_F(LifecycleVerdicts, GoByPrefixAndAge) {
  set("<Expiration><Days>1</Days></Expiration>");
  EXPECT_FALSE(expires(item_, later(kMidnight, 23h)));
  EXPECT_TRUE(expires(item_, later(kMidnight, 24h)));
  item_.key = "b/1";
  EXPECT_FALSE(expires(item_, later(kMidnight, 240h)));
  item_.key = "a/1";
  rules_[0].enabled = false;
  EXPECT_FALSE(expires(item_, later(kMidnight, 240h)));
}

TEST_F(LifecycleVerdicts, GoByDateAndSize) {
  set("<Expiration><Date>2023-11-16T00:00:00Z</Date></Expiration>",
      "<Filter><And><ObjectSizeGreaterThan>4</ObjectSizeGreaterThan>"
      "<ObjectSizeLessThan>6</ObjectSizeLessThan></And></Filter>");
  EXPECT_FALSE(expires(item_, kNoon));
  EXPECT_TRUE(expires(item_, kMidnight));
  item_.size = 4;
  EXPECT_FALSE(expires(item_, kMidnight));
  item_.size = 6;
  EXPECT_FALSE(expires(item_, kMidnight));
}

TEST_F(LifecycleVerdicts, AskForTagsOnlyWhenTheyDecide) {
  set("<Expiration><Days>1</Days></Expiration>",
      "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>");
  const WallTime due = later(kMidnight, 24h);
  EXPECT_FALSE(needs_tags(rules_, item_, kNoon, kDay));
  EXPECT_TRUE(needs_tags(rules_, item_, due, kDay));
  EXPECT_FALSE(expires(item_, due));
  const client::Tags fits{{"k", "v"}, {"x", "y"}};
  const client::Tags other{{"k", "w"}};
  EXPECT_TRUE(expires(item_, due, &fits));
  EXPECT_FALSE(expires(item_, due, &other));
}

TEST_F(LifecycleVerdicts, RemoveMarkersThatHideNothing) {
  set("<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>");
  EXPECT_FALSE(expires(item_, later(kNoon, 240h)));
  item_.marker = true;
  EXPECT_FALSE(expires(item_, kNoon));
  item_.only = true;
  EXPECT_TRUE(expires(item_, kNoon));
  set("<Expiration><Days>1</Days></Expiration>");
  EXPECT_FALSE(expires(item_, kNoon));
  EXPECT_TRUE(expires(item_, later(kMidnight, 24h)));
}

TEST_F(LifecycleVerdicts, KeepTheNewestOfTheOthers) {
  set("<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
      "<NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>");
  item_.latest = false;
  item_.noncurrent_since = kMidnight;
  item_.newer_others = 1;
  EXPECT_FALSE(expires(item_, later(kMidnight, 240h)));
  item_.newer_others = 2;
  EXPECT_FALSE(expires(item_, later(kMidnight, 23h)));
  EXPECT_TRUE(expires(item_, later(kMidnight, 24h)));
}

TEST_F(LifecycleVerdicts, TellWhenAnObjectGoes) {
  set("<Expiration><Days>1</Days></Expiration>");
  client::ObjectInfo info;
  info.size = 5;
  info.modified = kNoon;
  EXPECT_EQ(expiration_header(rules_, "a/1", info, kDay),
            R"(expiry-date="Fri, 17 Nov 2023 00:00:00 GMT", rule-id="one")");
  EXPECT_EQ(expiration_header(rules_, "b/1", info, kDay), std::nullopt);
}

}  // namespace
}  // namespace stratos::gateway::s3
