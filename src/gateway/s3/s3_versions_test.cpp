#include "gateway/s3/s3_versions.hpp"

#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

using Texts = std::vector<std::string>;

http::Headers header(std::string name, std::string value) {
  http::Headers headers;
  headers.add(std::move(name), std::move(value));
  return headers;
}

TEST(VersionIds, AreNullOursOrNobodys) {
  EXPECT_EQ(parse_version_id("").value(), std::nullopt);
  EXPECT_EQ(parse_version_id("null").value(), VersionId{});
  VersionId id;
  id.value[7] = 9;
  EXPECT_EQ(parse_version_id(version_text(id, true)).value(), id);
  EXPECT_EQ(version_text(id, false), "null");
  for (const std::string other : {"abc", "00000000000000000000000000000000", "Null"}) {
    EXPECT_EQ(parse_version_id(other).error().code(), Errc::no_such_version) << other;
  }
}

TEST(TagHeader, IsAQuery) {
  const auto tags = parse_tag_header(header("x-amz-tagging", "foo=bar&bar&a%20b=c+d&")).value();
  EXPECT_EQ(tags, (client::Tags{{"foo", "bar"}, {"bar", ""}, {"a b", "c d"}}));
  EXPECT_TRUE(parse_tag_header({}).value().empty());
  EXPECT_EQ(parse_tag_header(header("x-amz-tagging", tag_header(tags))).value(), tags);
  const auto code = [](const std::string& text) {
    return parse_tag_header(header("x-amz-tagging", text)).error().code();
  };
  EXPECT_EQ(code("a=1&a=2"), Errc::invalid_argument);
  EXPECT_EQ(code("a=%zz"), Errc::invalid_argument);
  EXPECT_EQ(code("=b"), Errc::invalid_tag);
  std::string many;
  for (int i = 0; i < 11; ++i) many += "k" + std::to_string(i) + "=v&";
  EXPECT_EQ(code(many), Errc::invalid_tag);
}

TEST(LockHeaders, GoTogether) {
  http::Headers headers = header("x-amz-object-lock-mode", "COMPLIANCE");
  EXPECT_EQ(parse_lock_headers(headers).error().code(), Errc::invalid_argument);
  headers.add("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z");
  headers.add("x-amz-object-lock-legal-hold", "ON");
  const client::ObjectLock lock = parse_lock_headers(headers).value();
  EXPECT_EQ(lock.mode, client::LockMode::compliance);
  EXPECT_EQ(lock.retain_until, WallTime{1'893'456'000'000});
  EXPECT_TRUE(lock.hold);
  http::Headers again;
  add_lock_headers(again, lock);
  EXPECT_EQ(parse_lock_headers(again).value(), lock);
  EXPECT_EQ(parse_lock_headers(header("x-amz-object-lock-legal-hold", "on")).error().code(),
            Errc::invalid_argument);
}

class S3Versions : public ServiceFixture {
 protected:
  void SetUp() override {
    make_box();
    set("Enabled");
  }
  void set(const std::string& status) {
    EXPECT_EQ(
        ask("PUT", "/box?versioning", {},
            "<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>")
            .status,
        200);
  }
  std::string store(std::string key, std::string body) {
    return put(std::move(key), std::move(body)).header("x-amz-version-id");
  }
  Answer get(const std::string& target, HeaderList headers = {}) {
    return ask("GET", "/box/" + target, std::move(headers));
  }
};

TEST_F(S3Versions, AreSetAndTold) {
  EXPECT_EQ(ask("GET", "/box?versioning").at("Status"), "Enabled");
  set("Suspended");
  EXPECT_EQ(ask("GET", "/box?versioning").at("Status"), "Suspended");
  EXPECT_EQ(ask("PUT", "/box?versioning", {}, "<VersioningConfiguration/>").error(),
            "MalformedXML");
  EXPECT_EQ(ask("PUT", "/box?versioning", {},
                "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"
                "</VersioningConfiguration>")
                .error(),
            "NotImplemented");
}

TEST_F(S3Versions, AreReadByTheirIds) {
  const std::string first = store("key", "one");
  const std::string second = store("key", "two");
  EXPECT_NE(first, second);
  EXPECT_EQ(get("key").body, "two");
  EXPECT_EQ(get("key").header("x-amz-version-id"), second);
  const Answer old = get("key?versionId=" + first);
  EXPECT_EQ(old.body, "one");
  EXPECT_EQ(old.header("x-amz-version-id"), first);
  EXPECT_EQ(ask("HEAD", "/box/key?versionId=" + first).header("content-length"), "(none)");
  EXPECT_EQ(get("key?versionId=null").error(), "NoSuchVersion");
  const Answer attributes = ask("GET", "/box/key?attributes&versionId=" + first,
                                {{"x-amz-object-attributes", "ObjectSize"}});
  EXPECT_EQ(attributes.header("x-amz-version-id"), first);
}

TEST_F(S3Versions, HideBehindMarkers) {
  const std::string version = store("key", "one");
  const Answer removed = ask("DELETE", "/box/key");
  EXPECT_EQ(removed.status, 204);
  EXPECT_EQ(removed.header("x-amz-delete-marker"), "true");
  const std::string marker = removed.header("x-amz-version-id");
  const Answer hidden = get("key");
  EXPECT_EQ(hidden.error(), "NoSuchKey");
  EXPECT_EQ(hidden.header("x-amz-delete-marker"), "true");
  const Answer itself = get("key?versionId=" + marker);
  EXPECT_EQ(itself.status, 405);
  EXPECT_EQ(itself.error(), "MethodNotAllowed");
  EXPECT_EQ(itself.header("allow"), "DELETE");
  EXPECT_EQ(get("key?versionId=" + version).body, "one");
  EXPECT_EQ(ask("DELETE", "/box").error(), "BucketNotEmpty");
  const Answer back = ask("DELETE", "/box/key?versionId=" + marker);
  EXPECT_EQ(back.header("x-amz-delete-marker"), "true");
  EXPECT_EQ(back.header("x-amz-version-id"), marker);
  EXPECT_EQ(get("key").body, "one");
}

TEST_F(S3Versions, AreListedFromTheNewest) {
  const std::string first = store("a", "one");
  const std::string second = store("a", "three");
  ask("DELETE", "/box/b");
  const Answer all = ask("GET", "/box?versions");
  EXPECT_EQ(all.all("Version/VersionId"), (Texts{second, first}));
  EXPECT_EQ(all.all("Version/IsLatest"), (Texts{"true", "false"}));
  EXPECT_EQ(all.all("Version/Size"), (Texts{"5", "3"}));
  EXPECT_EQ(all.all("DeleteMarker/Key"), Texts{"b"});
  EXPECT_EQ(all.at("DeleteMarker/Size"), "(none)");
  const Answer page = ask("GET", "/box?versions&max-keys=1");
  EXPECT_EQ(page.at("NextKeyMarker"), "a");
  EXPECT_EQ(page.at("NextVersionIdMarker"), second);
  const Answer next = ask("GET", "/box?versions&key-marker=a&version-id-marker=" + second);
  EXPECT_EQ(next.all("Version/VersionId"), Texts{first});
  EXPECT_EQ(ask("GET", "/box?versions&version-id-marker=" + second).error(), "InvalidArgument");
}

TEST_F(S3Versions, AreDeletedManyAtOnce) {
  const std::string version = store("a", "one");
  const Answer answer = ask("POST", "/box?delete", {},
                            "<Delete><Object><Key>a</Key><VersionId>" + version +
                                "</VersionId></Object><Object><Key>b</Key></Object>"
                                "<Object><Key>c</Key><Size>7</Size><ETag>x</ETag></Object>"
                                "</Delete>");
  EXPECT_EQ(answer.all("Deleted/Key"), (Texts{"a", "b", "c"}));
  EXPECT_EQ(answer.at("Deleted/VersionId"), version);
  EXPECT_EQ(answer.all("Deleted/DeleteMarker").size(), 2U);
  EXPECT_EQ(answer.at("Deleted/DeleteMarkerVersionId").size(), 32U);
}

TEST_F(S3Versions, AreNullWhileSuspended) {
  set("Suspended");
  EXPECT_FALSE(put("key", "one").has("x-amz-version-id"));
  EXPECT_EQ(get("key").header("x-amz-version-id"), "null");
  const Answer removed = ask("DELETE", "/box/key");
  EXPECT_EQ(removed.header("x-amz-version-id"), "null");
  EXPECT_EQ(removed.header("x-amz-delete-marker"), "true");
}

TEST_F(S3Versions, AreCopiedBack) {
  const std::string first = store("key", "one");
  store("key", "two");
  const Answer copied =
      ask("PUT", "/box/key", {{"x-amz-copy-source", "/box/key?versionId=" + first}});
  EXPECT_EQ(copied.status, 200);
  EXPECT_EQ(copied.header("x-amz-copy-source-version-id"), first);
  EXPECT_NE(copied.header("x-amz-version-id"), first);
  EXPECT_EQ(get("key").body, "one");
  EXPECT_EQ(ask("PUT", "/box/key",
                {{"x-amz-copy-source", "/box/key?versionId=" + first}, {"If-None-Match", "*"}})
                .status,
            412);
}

TEST_F(S3Versions, OfOnePieceAreTheirOwnFirstPart) {
  store("key", "body");
  const Answer part = get("key?partNumber=1");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "body");
  EXPECT_FALSE(part.has("x-amz-mp-parts-count"));
  EXPECT_EQ(get("key?partNumber=2").error(), "InvalidPart");
  EXPECT_EQ(get("key?partNumber=0").error(), "InvalidArgument");
  EXPECT_EQ(get("key?partNumber=1", {{"Range", "bytes=0-1"}}).error(), "InvalidRequest");
}

}  // namespace
}  // namespace stratos::gateway::s3
