#include "gateway/s3/s3_xml_versions.hpp"
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

using Texts = std::vector<std::string>;

std::string tagging(const client::Tags& tags) {
  std::string text = "<Tagging><TagSet>";
  for (const auto& [key, value] : tags) {
    text += "<Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag>";
  }
  return text + "</TagSet></Tagging>";
}

TEST(Tagging, DocumentsComeBack) {
  const client::Tags tags = {{"a", "1"}, {"b", ""}};
  EXPECT_EQ(parse_tagging(as_bytes(tagging_document(tags))).value(), tags);
  EXPECT_TRUE(parse_tagging(as_bytes(tagging_document({}))).value().empty());
  EXPECT_EQ(parse_tagging(as_bytes("<Tagging/>")).error().code(), Errc::malformed_xml);
  EXPECT_EQ(parse_tagging(as_bytes("<Tagging><TagSet><Tag><Key>a</Key></Tag><Tag><Key>a</Key>"
                                   "</Tag></TagSet></Tagging>"))
                .error()
                .code(),
            Errc::invalid_tag);
  EXPECT_EQ(parse_tagging(as_bytes("<Tagging><TagSet><Tag/></TagSet></Tagging>")).error().code(),
            Errc::malformed_xml);
  EXPECT_EQ(parse_tagging(as_bytes(tagging(tags)), 1).error().code(), Errc::invalid_tag);
}

TEST(Tagging, IsLimited) {
  const auto code = [](const std::string& key, const std::string& value) {
    const auto checked = check_tags({{key, value}});
    return checked ? Errc{} : checked.error().code();
  };
  EXPECT_EQ(code(std::string(128, 'k'), std::string(256, 'v')), Errc{});
  EXPECT_EQ(code(std::string(129, 'k'), "v"), Errc::invalid_tag);
  EXPECT_EQ(code("k", std::string(257, 'v')), Errc::invalid_tag);
  EXPECT_EQ(code("aws:k", "v"), Errc::invalid_tag);
  std::string umlauts;
  for (int i = 0; i < 128; ++i) umlauts += "\xc3\xa4";
  EXPECT_EQ(code(umlauts, ""), Errc{}) << "characters count, not bytes";
}

class S3Tagging : public ServiceFixture {
 protected:
  void SetUp() override { make_box(); }
};

TEST_F(S3Tagging, IsPutToldAndRemoved) {
  put("key", "x");
  EXPECT_TRUE(ask("GET", "/box/key?tagging").all("TagSet/Tag/Key").empty());
  EXPECT_EQ(ask("PUT", "/box/key?tagging", {}, tagging({{"b", "2"}, {"a", "1"}})).status, 200);
  EXPECT_EQ(ask("GET", "/box/key?tagging").all("TagSet/Tag/Key"), (Texts{"a", "b"}));
  EXPECT_EQ(ask("HEAD", "/box/key").header("x-amz-tagging-count"), "2");
  EXPECT_EQ(ask("DELETE", "/box/key?tagging").status, 204);
  EXPECT_FALSE(ask("HEAD", "/box/key").has("x-amz-tagging-count"));
  EXPECT_EQ(ask("GET", "/box/none?tagging").error(), "NoSuchKey");
}

TEST_F(S3Tagging, ComesWithTheUploadAndGoesWithACopy) {
  put("key", "x", {{"x-amz-tagging", "a=1"}});
  const auto tags_of_copy = [this](HeaderList headers) {
    headers.emplace_back("x-amz-copy-source", "/box/key");
    EXPECT_EQ(ask("PUT", "/box/copy", headers).status, 200);
    return ask("GET", "/box/copy?tagging").all("TagSet/Tag/Key");
  };
  EXPECT_EQ(tags_of_copy({}), Texts{"a"});
  EXPECT_EQ(tags_of_copy({{"x-amz-tagging-directive", "REPLACE"}, {"x-amz-tagging", "b=2"}}),
            Texts{"b"});
  EXPECT_EQ(tags_of_copy({{"x-amz-checksum-algorithm", "SHA256"}}), Texts{"a"});
  EXPECT_EQ(ask("PUT", "/box/copy",
                {{"x-amz-copy-source", "/box/key"}, {"x-amz-tagging-directive", "MERGE"}})
                .error(),
            "InvalidArgument");
}

TEST_F(S3Tagging, OfVersionsIsTheirOwn) {
  ASSERT_EQ(ask("PUT", "/box?versioning", {},
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
                .status,
            200);
  const std::string first = put("key", "x").header("x-amz-version-id");
  put("key", "y", {{"x-amz-tagging", "a=1"}});
  const Answer changed =
      ask("PUT", "/box/key?tagging&versionId=" + first, {}, tagging({{"old", "1"}}));
  EXPECT_EQ(changed.header("x-amz-version-id"), first);
  EXPECT_EQ(ask("GET", "/box/key?tagging&versionId=" + first).all("TagSet/Tag/Key"), Texts{"old"});
  EXPECT_EQ(ask("GET", "/box/key?tagging").all("TagSet/Tag/Key"), Texts{"a"});
}

}  // namespace
}  // namespace stratos::gateway::s3
