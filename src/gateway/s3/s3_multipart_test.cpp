// Multipart uploads through the service.
#include "gateway/s3/body_digests.hpp"
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

using Texts = std::vector<std::string>;

std::string md5_hex(std::string_view text) { return to_hex(crypto::md5(as_bytes(text))); }
// By its definition, not by the code under test.
std::string tag_of_parts(const Texts& parts) {
  std::string digests;
  for (const std::string& part : parts) digests += as_text(crypto::md5(as_bytes(part)));
  return md5_hex(digests) + "-" + std::to_string(parts.size());
}
std::string digest64(crypto::DigestKind kind, std::string_view text) {
  const auto digest = crypto::make_digest(kind);
  digest->update(as_bytes(text));
  return to_base64(digest->finish());
}

class S3Multipart : public ServiceFixture {
 protected:
  void SetUp() override { make_box(); }

  std::string begin(HeaderList headers = {}) {
    const Answer answer = ask("POST", "/box/key?uploads", std::move(headers));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.at("Bucket"), "box");
    EXPECT_EQ(answer.at("Key"), "key");
    return answer.at("UploadId");
  }
  Answer part(const std::string& id, int number, std::string body, HeaderList headers = {}) {
    return ask("PUT", target(id) + "&partNumber=" + std::to_string(number), std::move(headers),
               std::move(body));
  }
  static std::string target(const std::string& id) { return "/box/key?uploadId=" + id; }
  struct Row {
    int number;
    std::string etag;
    std::string more = {};
  };
  static std::string document(const std::vector<Row>& rows) {
    std::string text = "<CompleteMultipartUpload>";
    for (const Row& row : rows) {
      text += "<Part><PartNumber>" + std::to_string(row.number) + "</PartNumber><ETag>" + row.etag +
              "</ETag>" + row.more + "</Part>";
    }
    return text + "</CompleteMultipartUpload>";
  }
  Answer complete(const std::string& id, const std::vector<Row>& rows, HeaderList headers = {}) {
    return ask("POST", target(id), std::move(headers), document(rows));
  }
  static std::string quoted_md5(std::string_view text) { return "\"" + md5_hex(text) + "\""; }
};

TEST_F(S3Multipart, BecomesOneObject) {
  const Texts data = {noise(300'000, 1), noise(200'000, 2), "end"};
  const std::string id = begin({{"Content-Type", "x/y"}, {"x-amz-meta-k", "v"}});
  part(id, 2, "will be replaced");
  std::vector<Row> rows;
  for (const int number : {3, 1, 2}) {
    const Answer answer = part(id, number, data[static_cast<std::size_t>(number) - 1]);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("etag"), quoted_md5(data[static_cast<std::size_t>(number) - 1]));
  }
  for (int number = 1; number <= 3; ++number) {
    rows.push_back({number, quoted_md5(data[static_cast<std::size_t>(number) - 1])});
  }
  EXPECT_FALSE(objects_.has("box", "key"));
  const Answer done = complete(id, rows);
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.at("ETag"), "\"" + tag_of_parts(data) + "\"");
  EXPECT_EQ(done.at("Location"), "http://localhost:9000/box/key");
  const std::string whole = data[0] + data[1] + data[2];
  EXPECT_EQ(done.at("ChecksumCRC64NVME"), digest64(crypto::DigestKind::crc64nvme, whole));
  EXPECT_EQ(done.at("ChecksumType"), "FULL_OBJECT");
  const Answer got = ask("GET", "/box/key");
  EXPECT_TRUE(got.body == whole);
  EXPECT_EQ(got.header("content-type"), "x/y");
  EXPECT_EQ(got.header("x-amz-meta-k"), "v");
  EXPECT_EQ(got.header("etag"), "\"" + tag_of_parts(data) + "\"");
  EXPECT_EQ(ask("GET", target(id)).error(), "NoSuchUpload");
}

TEST_F(S3Multipart, HasTheCompositeChecksumThatS3Has) {
  for (const auto kind : {crypto::DigestKind::crc32, crypto::DigestKind::crc32c,
                          crypto::DigestKind::sha1, crypto::DigestKind::sha256}) {
    const ChecksumInfo* info = nullptr;
    for (const ChecksumInfo& row : all_checksums()) {
      if (row.digest == kind) info = &row;
    }
    const std::string id = begin({{"x-amz-checksum-algorithm", std::string(info->name)}});
    const Texts data = {noise(100'000, 1), "rest"};
    std::vector<Row> rows;
    std::string digests;
    for (int number = 1; number <= 2; ++number) {
      const std::string& bytes = data[static_cast<std::size_t>(number) - 1];
      const std::string value = digest64(kind, bytes);
      digests += as_text(from_base64(value).value());
      // The first one brings it, of the second one it is computed.
      HeaderList headers;
      if (number == 1) headers.emplace_back(info->header, value);
      EXPECT_EQ(part(id, number, bytes, headers).header(info->header), value);
      const std::string element(info->element);
      rows.push_back({number, md5_hex(bytes), "<" + element + ">" + value + "</" + element + ">"});
    }
    const std::string wanted = digest64(kind, digests) + "-2";
    const std::string header(info->header);
    EXPECT_EQ(complete(id, rows, {{header, digest64(kind, "other") + "-2"}}).error(), "BadDigest");
    const Answer done = complete(id, rows, {{header, wanted}});
    EXPECT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(done.at(info->element), wanted);
    EXPECT_EQ(done.at("ChecksumType"), "COMPOSITE");
    const Answer head = ask("HEAD", "/box/key", {{"x-amz-checksum-mode", "ENABLED"}});
    EXPECT_EQ(head.header(header), wanted);
    EXPECT_EQ(head.header("x-amz-checksum-type"), "COMPOSITE");
    const Answer attributes =
        ask("GET", "/box/key?attributes", {{"x-amz-object-attributes", "ObjectParts"}});
    EXPECT_EQ(attributes.at("ObjectParts/PartsCount"), "2");
  }
}

TEST_F(S3Multipart, HasTheChecksumOfTheWholeObject) {
  const std::string id =
      begin({{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-type", "FULL_OBJECT"}});
  const std::string first = noise(70'000);
  part(id, 1, first);
  part(id, 2, "rest");
  const std::string wanted = digest64(crypto::DigestKind::crc32, first + "rest");
  const std::vector<Row> rows = {{1, md5_hex(first)}, {2, md5_hex("rest")}};
  EXPECT_EQ(complete(id, rows, {{"x-amz-checksum-type", "COMPOSITE"}}).error(), "InvalidRequest");
  EXPECT_EQ(
      complete(id, rows, {{"x-amz-checksum-sha256", digest64(crypto::DigestKind::sha256, "")}})
          .error(),
      "InvalidRequest");
  const Answer done = complete(id, rows,
                               {{"x-amz-checksum-type", "FULL_OBJECT"},
                                {"x-amz-checksum-crc32", wanted},
                                {"x-amz-mp-object-size", "70004"}});
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.at("ChecksumCRC32"), wanted);
  EXPECT_EQ(done.at("ChecksumType"), "FULL_OBJECT");
}

TEST_F(S3Multipart, RefusesChecksumsOfAnotherKind) {
  EXPECT_EQ(ask("POST", "/box/key?uploads", {{"x-amz-checksum-type", "COMPOSITE"}}).error(),
            "InvalidRequest");
  EXPECT_EQ(ask("POST", "/box/key?uploads",
                {{"x-amz-checksum-algorithm", "SHA1"}, {"x-amz-checksum-type", "FULL_OBJECT"}})
                .error(),
            "InvalidRequest");
  EXPECT_EQ(ask("POST", "/box/key?uploads", {{"x-amz-checksum-algorithm", "MD4"}}).error(),
            "InvalidRequest");
  const Answer created = ask("POST", "/box/key?uploads", {{"x-amz-checksum-algorithm", "SHA1"}});
  EXPECT_EQ(created.header("x-amz-checksum-algorithm"), "SHA1");
  EXPECT_EQ(created.header("x-amz-checksum-type"), "COMPOSITE");
  const std::string crc = digest64(crypto::DigestKind::crc32, "x");
  EXPECT_EQ(part(created.at("UploadId"), 1, "x", {{"x-amz-checksum-crc32", crc}}).error(),
            "InvalidRequest");
}

TEST_F(S3Multipart, IsNotCompletedFromWrongParts) {
  const std::string id = begin();
  part(id, 1, "first part");
  part(id, 2, "tiny");
  part(id, 3, "last");
  const std::string first = md5_hex("first part");
  const auto error = [&](const std::vector<Row>& rows, HeaderList headers = {}) {
    return complete(id, rows, std::move(headers)).error();
  };
  EXPECT_EQ(error({{1, md5_hex("other")}}), "InvalidPart");
  EXPECT_EQ(error({{1, "no tag"}}), "InvalidPart");
  EXPECT_EQ(error({{4, first}}), "InvalidPart");
  EXPECT_EQ(error({{1, first, "<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>"}}),
            "InvalidPart");
  EXPECT_EQ(error({{3, md5_hex("last")}, {1, first}}), "InvalidPartOrder");
  EXPECT_EQ(error({{1, first}, {2, md5_hex("tiny")}, {3, md5_hex("last")}}), "EntityTooSmall");
  EXPECT_EQ(error({{1, first}}, {{"x-amz-mp-object-size", "11"}}), "InvalidRequest");
  EXPECT_EQ(error({{1, first}}, {{"x-amz-mp-object-size", "ten"}}), "InvalidArgument");
  EXPECT_EQ(error({}), "MalformedXML");
  put("key", "already there");
  EXPECT_EQ(error({{1, first}}, {{"If-None-Match", "*"}}), "PreconditionFailed");
  EXPECT_EQ(objects_.body_of("box", "key"), "already there");
  EXPECT_EQ(complete(id, {{1, first}, {3, md5_hex("last")}}).status, 200);
  EXPECT_EQ(objects_.body_of("box", "key"), "first partlast");
}

TEST_F(S3Multipart, MayBeCompletedTwice) {
  const std::string id = begin();
  part(id, 1, "only");
  const std::vector<Row> rows = {{1, md5_hex("only")}};
  const Answer first = complete(id, rows);
  const Answer second = complete(id, rows);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(complete(id, {{1, md5_hex("other")}}).error(), "NoSuchUpload");
  put("key", "something else");
  EXPECT_EQ(complete(id, rows).error(), "NoSuchUpload");
}

TEST_F(S3Multipart, PartsHaveNumbersAndUploads) {
  const std::string id = begin();
  for (const std::string number : {"0", "10001", "-1", "x", ""}) {
    const Answer answer = ask("PUT", target(id) + "&partNumber=" + number, {}, "x");
    EXPECT_EQ(answer.error(), "InvalidArgument") << number;
  }
  EXPECT_EQ(part(id, 10'000, "x").status, 200);
  for (const std::string& wrong : {std::string(32, '0'), std::string("abc"), std::string()}) {
    EXPECT_EQ(part(wrong, 1, "x").error(), "NoSuchUpload") << wrong;
    EXPECT_EQ(complete(wrong, {{1, md5_hex("x")}}).error(), "NoSuchUpload");
    EXPECT_EQ(ask("DELETE", target(wrong)).error(), "NoSuchUpload");
  }
  EXPECT_EQ(ask("PUT", "/box/other?partNumber=1&uploadId=" + id, {}, "x").error(), "NoSuchUpload");
}

TEST_F(S3Multipart, PartsAreVerified) {
  const std::string id = begin();
  const std::string body = noise(300'000);
  const std::string wrong = to_base64(crypto::md5(as_bytes("other")));
  EXPECT_EQ(part(id, 1, body, {{"Content-MD5", wrong}}).error(), "BadDigest");
  EXPECT_EQ(ask("GET", target(id)).at("Part/PartNumber"), "(none)");
}

TEST_F(S3Multipart, EndsWhenItIsAborted) {
  const std::string id = begin();
  part(id, 1, "x");
  EXPECT_EQ(ask("DELETE", target(id)).status, 204);
  EXPECT_EQ(ask("DELETE", target(id)).error(), "NoSuchUpload");
  EXPECT_EQ(part(id, 1, "x").error(), "NoSuchUpload");
  EXPECT_EQ(ask("GET", "/box?uploads").at("Upload/UploadId"), "(none)");
}

TEST_F(S3Multipart, ListsItsPartsInPages) {
  const std::string id = begin({{"x-amz-checksum-algorithm", "CRC32C"}});
  for (const int number : {1, 3, 7}) part(id, number, "part " + std::to_string(number));
  const Answer all = ask("GET", target(id));
  EXPECT_EQ(all.all("Part/PartNumber"), (Texts{"1", "3", "7"}));
  EXPECT_EQ(all.at("Part/ETag"), quoted_md5("part 1"));
  EXPECT_EQ(all.at("Part/Size"), "6");
  EXPECT_EQ(all.at("Part/ChecksumCRC32C"), digest64(crypto::DigestKind::crc32c, "part 1"));
  EXPECT_EQ(all.at("ChecksumAlgorithm"), "CRC32C");
  EXPECT_EQ(all.at("ChecksumType"), "COMPOSITE");
  EXPECT_EQ(all.at("IsTruncated"), "false");
  EXPECT_EQ(all.at("Initiator/ID"), "0x" + account(0).hex());
  const Answer page = ask("GET", target(id) + "&max-parts=2");
  EXPECT_EQ(page.all("Part/PartNumber"), (Texts{"1", "3"}));
  EXPECT_EQ(page.at("IsTruncated"), "true");
  EXPECT_EQ(page.at("NextPartNumberMarker"), "3");
  const Answer next = ask("GET", target(id) + "&max-parts=2&part-number-marker=3");
  EXPECT_EQ(next.all("Part/PartNumber"), Texts{"7"});
  EXPECT_EQ(ask("GET", target(id) + "&max-parts=0").at("Part/PartNumber"), "(none)");
}

TEST_F(S3Multipart, UploadsAreListedInPages) {
  Texts ids;
  for (const std::string key : {"a/1", "a/2", "b", "b", "c/1"}) {
    ids.push_back(ask("POST", "/box/" + key + "?uploads").at("UploadId"));
  }
  Texts keys, found;
  std::string more;
  do {
    const Answer page = ask("GET", "/box?uploads&max-uploads=2" + more);
    EXPECT_EQ(page.status, 200) << page.body;
    for (const std::string& key : page.all("Upload/Key")) keys.push_back(key);
    for (const std::string& id : page.all("Upload/UploadId")) found.push_back(id);
    more = page.at("IsTruncated") == "false"
               ? std::string()
               : "&key-marker=" + page.at("NextKeyMarker") +
                     "&upload-id-marker=" + page.at("NextUploadIdMarker");
  } while (!more.empty() && keys.size() < 10);
  EXPECT_EQ(keys, (Texts{"a/1", "a/2", "b", "b", "c/1"}));
  EXPECT_EQ(found, ids);
  const Answer rolled = ask("GET", "/box?uploads&delimiter=/");
  EXPECT_EQ(rolled.all("CommonPrefixes/Prefix"), (Texts{"a/", "c/"}));
  EXPECT_EQ(rolled.all("Upload/Key"), (Texts{"b", "b"}));
  EXPECT_EQ(ask("GET", "/box?uploads&prefix=c").all("Upload/Key"), Texts{"c/1"});
}

TEST_F(S3Multipart, CopiesPartsOfOtherObjects) {
  put("source", "0123456789");
  const std::string id = begin();
  const auto copy_part = [&](int number, HeaderList headers, std::string source = "/box/source") {
    headers.emplace_back("x-amz-copy-source", std::move(source));
    return ask("PUT", target(id) + "&partNumber=" + std::to_string(number), std::move(headers));
  };
  const Answer first = copy_part(1, {{"x-amz-copy-source-range", "bytes=2-8"}});
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.at("ETag"), quoted_md5("2345678"));
  EXPECT_EQ(copy_part(2, {}).at("ETag"), quoted_md5("0123456789"));
  for (const std::string range : {"bytes=5-10", "bytes=5-", "bytes=-5", "5-6"}) {
    EXPECT_EQ(copy_part(3, {{"x-amz-copy-source-range", range}}).error(), "InvalidArgument");
  }
  EXPECT_EQ(copy_part(3, {{"x-amz-copy-source-if-match", "\"0\""}}).error(), "PreconditionFailed");
  EXPECT_EQ(copy_part(3, {}, "/box/none").error(), "NoSuchKey");
  ask({.method = "PUT", .target = "/theirs", .user = 1});
  EXPECT_EQ(copy_part(3, {}, "/theirs/source").error(), "AccessDenied");
  EXPECT_EQ(complete(id, {{1, md5_hex("2345678")}, {2, md5_hex("0123456789")}}).status, 200);
  EXPECT_EQ(objects_.body_of("box", "key"), "23456780123456789");
}

TEST_F(S3Multipart, AsksForAnUploadsSettingsOnce) {
  const std::string id = begin();
  objects_.calls.clear();
  for (int number = 1; number <= 10; ++number) part(id, number, "x");
  EXPECT_EQ(objects_.calls["head_upload"], 1);
}

}  // namespace
}  // namespace stratos::gateway::s3
