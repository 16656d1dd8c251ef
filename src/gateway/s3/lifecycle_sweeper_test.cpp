#include "gateway/s3/lifecycle_sweeper.hpp"

#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

// What the store holds at first was written years ago.
class Sweeper : public ServiceFixture {
 protected:
  Sweeper() { make_box(); }
  void rules(const std::string& body, const std::string& filter = "<Prefix></Prefix>") {
    const std::string text = "<LifecycleConfiguration><Rule><ID>r</ID>" + filter +
                             "<Status>Enabled</Status>" + body + "</Rule></LifecycleConfiguration>";
    ASSERT_EQ(ask("PUT", "/box?lifecycle", {}, text).status, 200);
  }
  void enable_versioning() {
    const std::string text =
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    ASSERT_EQ(ask("PUT", "/box?versioning", {}, text).status, 200);
  }
  void write_now() { objects_.now = runtime_.wall_now(); }
  void sweep() {
    LifecycleSweeper sweeper(runtime_, objects_, metrics_, {});
    const auto swept = block_on(runtime_, sweeper.sweep());
    EXPECT_TRUE(swept) << swept.error().to_string();
  }
  std::vector<std::string> versions() { return ask("GET", "/box?versions").all("Version/Key"); }
  std::vector<std::string> markers() { return ask("GET", "/box?versions").all("DeleteMarker/Key"); }
  double count(const std::string& what) {
    return static_cast<double>(metrics_.counter("stratos_s3_lifecycle_" + what + "_total").value());
  }
};

using Keys = std::vector<std::string>;
constexpr const char* kAfterADay = "<Expiration><Days>1</Days></Expiration>";

TEST_F(Sweeper, ExpiresWhatIsOldEnough) {
  put("a/old", "x");
  put("b/old", "x");
  write_now();
  put("a/new", "x");
  rules(kAfterADay, "<Prefix>a/</Prefix>");
  sweep();
  EXPECT_FALSE(objects_.has("box", "a/old"));
  EXPECT_TRUE(objects_.has("box", "b/old"));
  EXPECT_TRUE(objects_.has("box", "a/new"));
  EXPECT_EQ(count("expired"), 1);
}

TEST_F(Sweeper, LeavesBucketsWithoutRulesAlone) {
  put("key", "x");
  rules(kAfterADay);
  ASSERT_EQ(ask("DELETE", "/box?lifecycle").status, 204);
  EXPECT_EQ(ask("GET", "/box?lifecycle").error(), "NoSuchLifecycleConfiguration");
  sweep();
  EXPECT_TRUE(objects_.has("box", "key"));
}

TEST_F(Sweeper, VisitsBucketsPageByPage) {
  objects_.configured_page = 1;
  put("key", "x");
  rules(kAfterADay);
  ASSERT_EQ(ask("PUT", "/other").status, 200);
  ASSERT_EQ(ask("PUT", "/other/key", {}, "x").status, 200);
  objects_.configs_of("other") = objects_.configs_of("box");
  sweep();
  EXPECT_FALSE(objects_.has("box", "key"));
  EXPECT_FALSE(objects_.has("other", "key"));
}

TEST_F(Sweeper, HidesCurrentObjectsWhereVersionsAreKept) {
  enable_versioning();
  put("key", "x");
  write_now();
  put("young", "x");
  rules(kAfterADay);
  sweep();
  EXPECT_EQ(versions(), (Keys{"key", "young"}));
  EXPECT_EQ(markers(), Keys{"key"});
  sweep();
  EXPECT_EQ(markers(), Keys{"key"});
}

TEST_F(Sweeper, RemovesOldVersionsAndThenTheMarker) {
  enable_versioning();
  put("key", "1");
  put("key", "2");
  ask("DELETE", "/box/key");
  rules(
      "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
      "</NoncurrentVersionExpiration>"
      "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>");
  sweep();
  EXPECT_EQ(versions(), Keys{});
  EXPECT_EQ(markers(), Keys{"key"});
  sweep();
  EXPECT_EQ(markers(), Keys{});
}

TEST_F(Sweeper, KeepsAsManyOldVersionsAsWanted) {
  enable_versioning();
  for (int i = 0; i < 6; ++i) put("key", std::to_string(i));
  put("other", "x");
  rules(
      "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
      "<NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>");
  sweep();
  EXPECT_EQ(versions(), (Keys{"key", "key", "key", "other"}));
  EXPECT_EQ(ask("GET", "/box/key").body, "5");
}

TEST_F(Sweeper, LeavesLockedVersions) {
  ASSERT_EQ(ask("PUT", "/kept", {{"x-amz-bucket-object-lock-enabled", "true"}}).status, 200);
  const auto write = [this](HeaderList headers) { ask("PUT", "/kept/key", headers, "x"); };
  write({{"x-amz-object-lock-legal-hold", "ON"}});
  write({});
  rules(
      "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
      "</NoncurrentVersionExpiration>");
  objects_.configs_of("kept") = objects_.configs_of("box");
  sweep();
  EXPECT_EQ(ask("GET", "/kept?versions").all("Version/Key"), (Keys{"key", "key"}));
  EXPECT_EQ(count("failed"), 0);
}

TEST_F(Sweeper, LooksAtTagsWhereRulesDo) {
  put("red", "x", {{"x-amz-tagging", "team=red"}});
  put("blue", "x", {{"x-amz-tagging", "team=blue"}});
  put("plain", "x");
  rules(kAfterADay, "<Filter><Tag><Key>team</Key><Value>red</Value></Tag></Filter>");
  sweep();
  EXPECT_FALSE(objects_.has("box", "red"));
  EXPECT_TRUE(objects_.has("box", "blue"));
  EXPECT_TRUE(objects_.has("box", "plain"));
}

TEST_F(Sweeper, AbortsUploadsThatWereLeftAlone) {
  ask("POST", "/box/old?uploads");
  write_now();
  ask("POST", "/box/new?uploads");
  rules(
      "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>"
      "</AbortIncompleteMultipartUpload>");
  sweep();
  EXPECT_EQ(ask("GET", "/box?uploads").all("Upload/Key"), Keys{"new"});
  EXPECT_EQ(count("aborted"), 1);
}

TEST_F(Sweeper, GoesOnAfterABucketThatFails) {
  put("key", "x");
  rules(kAfterADay);
  objects_.fails["list_versions"] = Errc::deadline_exceeded;
  sweep();
  EXPECT_EQ(count("failed"), 1);
  objects_.fails.clear();
  sweep();
  EXPECT_FALSE(objects_.has("box", "key"));
}

TEST_F(Sweeper, RulesAreToldWithTheirObjects) {
  rules(kAfterADay);
  EXPECT_NE(ask("GET", "/box?lifecycle").at("Rule/ID"), "(none)");
  const Answer stored = put("key", "x");
  EXPECT_NE(stored.header("x-amz-expiration").find("rule-id=\"r\""), std::string::npos);
  EXPECT_EQ(ask("HEAD", "/box/key").header("x-amz-expiration"), stored.header("x-amz-expiration"));
}

}  // namespace
}  // namespace stratos::gateway::s3
