// Objects: written, read, conditional, copied, deleted.
#include "gateway/s3/body_digests.hpp"
#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/service_fixture.hpp"
#include "gateway/s3/upload_body.hpp"

namespace stratos::gateway::s3 {
namespace {

std::string base64_md5(std::string_view text) { return to_base64(crypto::md5(as_bytes(text))); }
std::string etag_of_text(std::string_view text) {
  return "\"" + to_hex(crypto::md5(as_bytes(text))) + "\"";
}

class S3Objects : public ServiceFixture {
 protected:
  void SetUp() override { make_box(); }
  Answer get(std::string key, HeaderList headers = {}) {
    return ask("GET", "/box/" + key, std::move(headers));
  }
  Answer head(std::string key, HeaderList headers = {}) {
    return ask("HEAD", "/box/" + key, std::move(headers));
  }
  Answer copy(std::string source, std::string target, HeaderList headers = {}) {
    headers.emplace_back("x-amz-copy-source", std::move(source));
    return ask("PUT", std::move(target), std::move(headers));
  }
};

TEST_F(S3Objects, ComeBackAsTheyWereAtEverySize) {
  for (const std::size_t size : {0UL, 1UL, 4096UL, kInlineBodyBytes, kInlineBodyBytes + 1,
                                 262'144UL, 262'145UL, 1'500'000UL, 5'000'000UL}) {
    const std::string body = noise(size, size);
    const Answer stored = put("key", body);
    ASSERT_EQ(stored.status, 200) << size << stored.body;
    EXPECT_EQ(stored.header("etag"), etag_of_text(body)) << size;
    const Answer got = get("key");
    EXPECT_EQ(got.status, 200);
    EXPECT_TRUE(got.body == body) << size;
    EXPECT_TRUE(got.complete);
    EXPECT_EQ(got.promised, size);
    EXPECT_EQ(got.header("etag"), etag_of_text(body));
  }
}

TEST_F(S3Objects, KeepTheirHeadersAndMetadata) {
  put("key", "x",
      {{"Content-Type", "text/odd"},
       {"Cache-Control", "max-age=5"},
       {"Content-Encoding", "gzip,aws-chunked"},
       {"x-amz-meta-Colour", "blue"},
       {"x-amz-meta-empty", ""},
       {"Content-Disposition", "attachment"}});
  for (const Answer& answer : {get("key"), head("key")}) {
    EXPECT_EQ(answer.header("content-type"), "text/odd");
    EXPECT_EQ(answer.header("cache-control"), "max-age=5");
    EXPECT_EQ(answer.header("content-encoding"), "gzip");
    EXPECT_EQ(answer.header("content-disposition"), "attachment");
    EXPECT_EQ(answer.header("x-amz-meta-colour"), "blue");
    EXPECT_EQ(answer.header("x-amz-meta-empty"), "");
    EXPECT_EQ(answer.header("accept-ranges"), "bytes");
    EXPECT_EQ(answer.header("last-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
    EXPECT_EQ(answer.header("x-amz-server-side-encryption"), "AES256");
    EXPECT_EQ(answer.promised, 1U);
  }
  EXPECT_EQ(head("key").body, "");
  put("key", "y");
  EXPECT_FALSE(head("key").has("x-amz-meta-colour"));
  EXPECT_EQ(head("key").header("content-type"), "binary/octet-stream");
  EXPECT_EQ(put("key", "x", {{"x-amz-meta-a", std::string(2049, 'x')}}).error(),
            "MetadataTooLarge");
  EXPECT_EQ(put("key", "x", {{"x-amz-storage-class", "GLACIER"}}).error(), "InvalidStorageClass");
}

TEST_F(S3Objects, HaveKeysOfAnyBytes) {
  for (const std::string key : {"a//b", "../a", "a/./b", "%2F", "%25", "+", "a%20b", "%C3%BC",
                                "%3Fx=1", "k%0Ab", "trailing/"}) {
    ASSERT_EQ(put(key, key).status, 200) << key;
    EXPECT_EQ(get(key).body, key);
  }
  EXPECT_TRUE(objects_.has("box", "../a"));
  EXPECT_TRUE(objects_.has("box", "ü"));
  EXPECT_TRUE(objects_.has("box", "?x=1"));
  EXPECT_EQ(put(std::string(1025, 'k'), "").error(), "KeyTooLongError");
}

// --- digests -------------------------------------------------------------------------------------

TEST_F(S3Objects, AreNotStoredWhenADigestDoesNotMatch) {
  const std::string body = noise(300'000);
  const std::string other = "other";
  for (const std::string& data : {std::string("small"), body}) {
    EXPECT_EQ(put("key", data, {{"Content-MD5", base64_md5(other)}}).error(), "BadDigest");
    EXPECT_EQ(
        put("key", data, {{"x-amz-checksum-sha256", to_base64(crypto::sha256(as_bytes(other)))}})
            .error(),
        "BadDigest");
    EXPECT_EQ(
        ask({.method = "PUT", .target = "/box/key", .body = data, .sha256 = hex_sha256(other)})
            .error(),
        "XAmzContentSHA256Mismatch");
    EXPECT_FALSE(objects_.has("box", "key"));
    EXPECT_EQ(put("key", data, {{"Content-MD5", base64_md5(data)}}).status, 200);
    EXPECT_EQ(ask("DELETE", "/box/key").status, 204);
  }
  EXPECT_EQ(put("key", "x", {{"Content-MD5", "no digest"}}).error(), "InvalidDigest");
  EXPECT_EQ(put("key", "x", {{"x-amz-checksum-crc32", "AAAA"}}).error(), "InvalidRequest");
}

// Values of "123456789" as their specifications give them.
TEST_F(S3Objects, TellTheirChecksums) {
  const HeaderList vectors = {{"crc32", "y/Q5Jg=="},
                              {"crc32c", "4waSgw=="},
                              {"crc64nvme", "rosUhgp5mIg="},
                              {"sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="},
                              {"sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="}};
  for (const auto& [name, value] : vectors) {
    const std::string header = "x-amz-checksum-" + name;
    const Answer stored = put("key", "123456789", {{header, value}});
    EXPECT_EQ(stored.status, 200) << name << stored.body;
    EXPECT_EQ(stored.header(header), value);
    EXPECT_EQ(stored.header("x-amz-checksum-type"), "FULL_OBJECT");
    EXPECT_EQ(get("key", {{"x-amz-checksum-mode", "ENABLED"}}).header(header), value);
    EXPECT_EQ(head("key", {{"x-amz-checksum-mode", "ENABLED"}}).header(header), value);
    EXPECT_FALSE(get("key").has(header)) << "not asked for";
    EXPECT_FALSE(
        get("key", {{"x-amz-checksum-mode", "ENABLED"}, {"Range", "bytes=0-3"}}).has(header))
        << "it is not the range's";
  }
}

TEST_F(S3Objects, HaveACrc64OfTheirOwnWithoutAnother) {
  const Answer stored = put("key", "123456789");
  // CRC-64/NVME of "123456789" is ae8b14860a799888.
  EXPECT_EQ(stored.header("x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
  EXPECT_EQ(stored.header("x-amz-checksum-type"), "FULL_OBJECT");
}

// --- payload kinds -------------------------------------------------------------------------------

TEST_F(S3Objects, ArriveUnsigned) {
  const Answer stored =
      ask({.method = "PUT", .target = "/box/key", .body = "plain", .sha256 = "UNSIGNED-PAYLOAD"});
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(objects_.body_of("box", "key"), "plain");
}

std::string hex(std::size_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%zx", number);
  return text;
}

Ask chunked_ask(std::string_view data, std::string kind) {
  return {.method = "PUT",
          .target = "/box/key",
          .headers = {{"Content-Encoding", "aws-chunked"},
                      {"x-amz-decoded-content-length", std::to_string(data.size())}},
          .sha256 = std::move(kind)};
}

std::string unsigned_chunks(std::string_view data, std::size_t chunk, std::string_view trailer) {
  std::string body;
  while (!data.empty()) {
    const std::string_view part = data.substr(0, chunk);
    body.append(hex(part.size())).append("\r\n").append(part).append("\r\n");
    data.remove_prefix(part.size());
  }
  return body.append("0\r\n").append(trailer).append("\r\n");
}

TEST_F(S3Objects, ArriveInUnsignedChunksWithATrailer) {
  for (const std::size_t size : {0UL, 10UL, 100'000UL, 700'000UL}) {
    const std::string data = noise(size);
    const auto digest = crypto::make_digest(crypto::DigestKind::crc32);
    digest->update(as_bytes(data));
    const std::string crc = to_base64(digest->finish());
    Ask wanted = chunked_ask(data, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    wanted.headers.emplace_back("x-amz-trailer", "x-amz-checksum-crc32");
    wanted.body = unsigned_chunks(data, 65'536, "x-amz-checksum-crc32:" + crc + "\r\n");
    const Answer stored = ask(wanted);
    ASSERT_EQ(stored.status, 200) << stored.body;
    EXPECT_EQ(stored.header("x-amz-checksum-crc32"), crc);
    EXPECT_EQ(stored.header("etag"), etag_of_text(data));
    EXPECT_TRUE(get("key").body == data);
    EXPECT_EQ(get("key").header("content-encoding"), "(none)");

    wanted.target = "/box/wrong";
    wanted.body = unsigned_chunks(data, 65'536, "x-amz-checksum-crc32:AAAAAQ==\r\n");
    EXPECT_EQ(ask(wanted).error(), "BadDigest");
    wanted.body = unsigned_chunks(data, 65'536, "");
    EXPECT_EQ(ask(wanted).error(), "MalformedTrailerError");
    EXPECT_FALSE(objects_.has("box", "wrong"));
  }
}

TEST_F(S3Objects, ArriveInSignedChunksAndNeverWithAWrongSignature) {
  for (const std::size_t size : {10UL, 100'000UL, 700'000UL}) {
    const std::string data = noise(size);
    // Spoils the byte that stands so far from the end, if any.
    const auto send = [&](std::size_t spoil_back) {
      const Ask wanted = chunked_ask(data, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
      http::Request request;
      auto signer = prepare(wanted, request);
      std::string raw;
      for (std::size_t at = 0;; at += 65'536) {
        const std::string part = at < size ? data.substr(at, 65'536) : std::string();
        raw += hex(part.size()) +
               ";chunk-signature=" + signer->next_chunk(crypto::sha256(as_bytes(part))) + "\r\n" +
               part + "\r\n";
        if (part.empty()) break;
      }
      if (spoil_back != 0) {
        char& spoiled = raw[raw.size() - spoil_back];
        spoiled = static_cast<char>(spoiled ^ 1);
      }
      SentBody body(raw, 100'000);
      return exchange(request, body);
    };
    EXPECT_EQ(send(0).status, 200);
    EXPECT_TRUE(get("key").body == data);
    ASSERT_EQ(ask("DELETE", "/box/key").status, 204);
    // A digit of the last signature; the last byte of the data: all before it has been passed on.
    constexpr std::size_t kLastChunkBytes = 1 + 17 + 64 + 4;
    for (const std::size_t back : {std::size_t{20}, kLastChunkBytes + 3}) {
      const Answer answer = send(back);
      EXPECT_EQ(answer.status, 403) << size << " " << back;
      EXPECT_EQ(answer.error(), "SignatureDoesNotMatch");
      EXPECT_FALSE(objects_.has("box", "key"));
    }
  }
}

TEST_F(S3Objects, NeedALengthThatIsAllowed) {
  http::Request request;
  prepare({.method = "PUT", .target = "/box/key", .body = "abc"}, request);
  SentBody body("abc", 10);
  body.has_length = false;
  EXPECT_EQ(exchange(request, body).error(), "MissingContentLength");

  const Ask wanted = chunked_ask("", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
  Ask large = wanted;
  large.headers[1].second = std::to_string((20U << 20) + 1);
  const Answer answer = ask(large);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error(), "EntityTooLarge");
}

TEST_F(S3Objects, AreNotTakenInBeforeARequestIsKnownToFail) {
  const auto taken = [this](Ask wanted) {
    wanted.method = "PUT";
    wanted.body = noise(2'000'000);
    wanted.sha256 = "UNSIGNED-PAYLOAD";
    http::Request request;
    prepare(wanted, request);
    SentBody body(wanted.body, 10'000);
    EXPECT_GE(exchange(request, body).status, 400) << wanted.target;
    return body.taken;
  };
  put("key", "x");
  EXPECT_EQ(taken({.target = "/none-such/key"}), 0U);
  EXPECT_EQ(taken({.target = "/box/key", .user = 1}), 0U);
  EXPECT_EQ(taken({.target = "/box/key", .headers = {{"x-amz-acl", "everybody"}}}), 0U);
  EXPECT_EQ(taken({.target = "/box/key", .headers = {{"Content-MD5", "?"}}}), 0U);
  EXPECT_EQ(taken({.target = "/box/key", .headers = {{"If-None-Match", "*"}}}), 0U);
}

TEST_F(S3Objects, AreNotStoredWhenTheirBodyBreaksOff) {
  for (const std::size_t size : {1000UL, 900'000UL}) {
    for (const Errc failure : {Errc::body_incomplete, Errc::deadline_exceeded}) {
      http::Request request;
      const std::string data = noise(size);
      prepare({.method = "PUT", .target = "/box/key", .body = data}, request);
      SentBody body(data, 100);
      body.fail_after = size - 1;
      body.failure = failure;
      const Answer answer = exchange(request, body);
      EXPECT_EQ(answer.error(),
                failure == Errc::body_incomplete ? "IncompleteBody" : "RequestTimeout");
      EXPECT_EQ(answer.status, 400);
      EXPECT_FALSE(objects_.has("box", "key"));
    }
  }
}

TEST_F(S3Objects, AreNotStoredWhenTheMeshFailsMeanwhile) {
  objects_.fails["put"] = Errc::too_few_domains;
  EXPECT_EQ(put("key", noise(900'000)).error(), "ServiceUnavailable");
}

// --- reading -------------------------------------------------------------------------------------

TEST_F(S3Objects, AreReadInRanges) {
  const std::string body = noise(250'000);
  put("key", body);
  struct Case {
    std::string range;
    std::size_t first, length;
  };
  for (const Case& c :
       {Case{"bytes=0-0", 0, 1}, Case{"bytes=5-", 5, 249'995}, Case{"bytes=-7", 249'993, 7},
        Case{"bytes=99999-100001", 99'999, 3}, Case{"bytes=10-999999", 10, 249'990}}) {
    const Answer part = get("key", {{"Range", c.range}});
    EXPECT_EQ(part.status, 206) << c.range;
    EXPECT_TRUE(part.body == body.substr(c.first, c.length)) << c.range;
    const std::string content = "bytes " + std::to_string(c.first) + "-" +
                                std::to_string(c.first + c.length - 1) + "/250000";
    EXPECT_EQ(part.header("content-range"), content);
    const Answer head_part = head("key", {{"Range", c.range}});
    EXPECT_EQ(head_part.status, 206);
    EXPECT_EQ(head_part.promised, c.length);
  }
  for (const std::string ignored : {"bytes=0-1,5-6", "lines=1-2", "bytes=9-2"}) {
    EXPECT_EQ(get("key", {{"Range", ignored}}).status, 200) << ignored;
  }
  const Answer beyond = get("key", {{"Range", "bytes=250000-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.error(), "InvalidRange");
  EXPECT_EQ(beyond.header("content-range"), "bytes */250000");
  EXPECT_EQ(beyond.at("ActualObjectSize"), "250000");
}

TEST_F(S3Objects, AreReadInRangesOnlyWhileTheyAreTheSame) {
  put("key", "0123456789");
  const HeaderList range = {{"Range", "bytes=2-3"}};
  const auto with = [&range](std::string value) {
    HeaderList headers = range;
    headers.emplace_back("If-Range", std::move(value));
    return headers;
  };
  EXPECT_EQ(get("key", with(etag_of_text("0123456789"))).status, 206);
  EXPECT_EQ(get("key", with("\"other\"")).status, 200);
  EXPECT_EQ(get("key", with("Tue, 14 Nov 2023 22:13:20 GMT")).status, 206);
  EXPECT_EQ(get("key", with("Tue, 14 Nov 2023 22:13:19 GMT")).status, 200);
}

TEST_F(S3Objects, AreReadUnderConditions) {
  put("key", "one");
  const std::string etag = etag_of_text("one");
  const std::string then = "Tue, 14 Nov 2023 22:13:20 GMT";
  const std::string before = "Tue, 14 Nov 2023 22:13:19 GMT";
  struct Case {
    std::string name, value;
    int status;
  };
  for (const Case& c :
       {Case{"If-Match", etag, 200}, Case{"If-Match", "\"0\"", 412}, Case{"If-Match", "*", 200},
        Case{"If-None-Match", etag, 304}, Case{"If-None-Match", "\"0\"", 200},
        Case{"If-Modified-Since", then, 304}, Case{"If-Modified-Since", before, 200},
        Case{"If-Unmodified-Since", then, 200}, Case{"If-Unmodified-Since", before, 412}}) {
    for (const Answer& answer :
         {get("key", {{c.name, c.value}}), head("key", {{c.name, c.value}})}) {
      EXPECT_EQ(answer.status, c.status) << c.name << c.value;
      if (c.status == 412) EXPECT_EQ(answer.error(), "PreconditionFailed");
      if (c.status != 304) continue;
      EXPECT_EQ(answer.body, "");
      EXPECT_EQ(answer.header("etag"), etag);
      EXPECT_TRUE(answer.has("last-modified"));
    }
  }
}

TEST_F(S3Objects, ShowOtherHeadersWhenAsked) {
  put("key", "x", {{"Content-Type", "text/odd"}});
  const Answer answer =
      get("key?response-content-type=image%2Fpng&response-content-disposition=inline&"
          "response-expires=never");
  EXPECT_EQ(answer.header("content-type"), "image/png");
  EXPECT_EQ(answer.header("content-disposition"), "inline");
  EXPECT_EQ(answer.header("expires"), "never");
  const Answer split = get("key?response-content-type=a%0D%0Ab:c");
  EXPECT_EQ(split.status, 400) << "a header that would break out of its line";
}

TEST_F(S3Objects, HaveOneVersion) {
  put("key", "x");
  EXPECT_EQ(get("key?versionId=null").status, 200);
  const Answer other = get("key?versionId=3sL4kqtJlcpXroDTDmJ");
  EXPECT_EQ(other.status, 404);
  EXPECT_EQ(other.error(), "NoSuchVersion");
  EXPECT_EQ(ask("DELETE", "/box/key?versionId=abc").error(), "NoSuchVersion");
  EXPECT_TRUE(objects_.has("box", "key"));
}

TEST_F(S3Objects, ThatCannotBeReadAreAnErrorAndNotAnEmptyAnswer) {
  put("key", noise(250'000));
  objects_.fail_read_after = 0;
  const Answer nothing = get("key");
  EXPECT_EQ(nothing.status, 503);
  EXPECT_EQ(nothing.error(), "ServiceUnavailable");
  objects_.fail_read_after = 150'000;
  const Answer half = get("key");
  EXPECT_EQ(half.status, 200);
  EXPECT_FALSE(half.complete) << "the connection ends instead";
  EXPECT_NE(log_.find("fragments of segment 12"), log_.npos);
}

TEST_F(S3Objects, TellTheirAttributes) {
  put("key", "123456789", {{"x-amz-checksum-crc32", "y/Q5Jg=="}});
  const Answer answer =
      ask("GET", "/box/key?attributes",
          {{"x-amz-object-attributes", "ETag, Checksum,ObjectSize,StorageClass"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.at("ETag"), to_hex(crypto::md5(as_bytes("123456789"))));
  EXPECT_EQ(answer.at("Checksum/ChecksumCRC32"), "y/Q5Jg==");
  EXPECT_EQ(answer.at("Checksum/ChecksumType"), "FULL_OBJECT");
  EXPECT_EQ(answer.at("ObjectSize"), "9");
  EXPECT_EQ(answer.at("StorageClass"), "STANDARD");
  EXPECT_EQ(answer.at("ObjectParts/PartsCount"), "(none)");
  EXPECT_EQ(ask("GET", "/box/key?attributes").error(), "InvalidArgument");
  EXPECT_EQ(ask("GET", "/box/key?attributes", {{"x-amz-object-attributes", "Colour"}}).error(),
            "InvalidArgument");
}

// --- conditional writes --------------------------------------------------------------------------

TEST_F(S3Objects, AreWrittenUnderConditions) {
  EXPECT_EQ(put("key", "zero", {{"If-Match", etag_of_text("x")}}).error(), "NoSuchKey");
  EXPECT_EQ(put("key", "one", {{"If-None-Match", "*"}}).status, 200);
  const Answer second = put("key", "two", {{"If-None-Match", "*"}});
  EXPECT_EQ(second.status, 412);
  EXPECT_EQ(second.error(), "PreconditionFailed");
  EXPECT_EQ(put("key", noise(2'000'000), {{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(put("key", "two", {{"If-Match", etag_of_text("x")}}).status, 412);
  EXPECT_EQ(put("key", "two", {{"If-Match", "no tag"}}).status, 412);
  EXPECT_EQ(objects_.body_of("box", "key"), "one");
  EXPECT_EQ(put("key", "two", {{"If-Match", etag_of_text("one")}}).status, 200);
  EXPECT_EQ(put("key", "x", {{"If-None-Match", etag_of_text("two")}}).status, 412);
  EXPECT_EQ(put("key", "three", {{"If-None-Match", etag_of_text("x")}}).status, 200);
  EXPECT_EQ(put("key", "x", {{"If-None-Match", "*"}, {"If-Match", "*"}}).error(),
            "InvalidArgument");
}

TEST_F(S3Objects, AreDeletedUnderConditions) {
  put("key", "one");
  EXPECT_EQ(ask("DELETE", "/box/key", {{"If-Match", etag_of_text("x")}}).status, 412);
  EXPECT_EQ(ask("DELETE", "/box/key", {{"x-amz-if-match-size", "4"}}).status, 412);
  EXPECT_EQ(ask("DELETE", "/box/key", {{"x-amz-if-match-size", "x"}}).error(), "InvalidArgument");
  EXPECT_EQ(ask("DELETE", "/box/key",
                {{"x-amz-if-match-last-modified-time", "Thu, 01 Jan 2015 00:00:00 GMT"}})
                .status,
            412);
  EXPECT_EQ(ask("DELETE", "/box/key", {{"If-None-Match", "*"}}).error(), "NotImplemented");
  EXPECT_TRUE(objects_.has("box", "key"));
  EXPECT_EQ(ask("DELETE", "/box/key", {{"If-Match", etag_of_text("one")}}).status, 204);
  EXPECT_FALSE(objects_.has("box", "key"));
  EXPECT_EQ(ask("DELETE", "/box/key").status, 204) << "what is absent is deleted";
  EXPECT_EQ(ask("DELETE", "/box/key", {{"If-Match", "no tag"}}).status, 204);
}

// --- many at once --------------------------------------------------------------------------------

std::string delete_document(const std::vector<std::string>& objects, bool quiet = false) {
  std::string text = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const std::string& object : objects) text += "<Object>" + object + "</Object>";
  return text + (quiet ? "<Quiet>true</Quiet>" : "") + "</Delete>";
}

TEST_F(S3Objects, AreDeletedManyAtOnce) {
  std::vector<std::string> items;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "k" + std::to_string(i);
    if (i % 100 == 0) put(key, "x");
    items.push_back("<Key>" + key + "</Key>");
  }
  put("kept", "x");
  const Answer answer = ask("POST", "/box?delete", {}, delete_document(items));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.all("Deleted/Key").size(), 1000U);
  EXPECT_EQ(answer.all("Deleted/Key")[999], "k999");
  EXPECT_EQ(objects_.calls["remove_many"], 1);
  EXPECT_FALSE(objects_.has("box", "k100"));
  EXPECT_TRUE(objects_.has("box", "kept"));
  items.push_back("<Key>one too many</Key>");
  EXPECT_EQ(ask("POST", "/box?delete", {}, delete_document(items)).error(), "MalformedXML");
}

TEST_F(S3Objects, FailToBeDeletedOneByOne) {
  for (const std::string key : {"a", "b", "c", "d", "e"}) put(key, key);
  objects_.undeletable = {"b"};
  const std::string tag = to_hex(crypto::md5(as_bytes("c")));
  const Answer answer =
      ask("POST", "/box?delete", {},
          delete_document({"<Key>a</Key>", "<Key>b</Key>", "<Key>c</Key><ETag>" + tag + "</ETag>",
                           "<Key>d</Key><ETag>0123</ETag>", "<Key>e</Key><VersionId>v1</VersionId>",
                           "<Key>" + std::string(1025, 'k') + "</Key>"},
                          true));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.at("Deleted/Key"), "(none)") << "quiet";
  EXPECT_EQ(answer.all("Error/Code"),
            (std::vector<std::string>{"ServiceUnavailable", "PreconditionFailed", "NoSuchVersion",
                                      "KeyTooLongError"}));
  EXPECT_EQ(answer.body.find("10.0.0.7"), answer.body.npos);
  EXPECT_FALSE(objects_.has("box", "a"));
  EXPECT_FALSE(objects_.has("box", "c"));
  EXPECT_TRUE(objects_.has("box", "d"));
  EXPECT_TRUE(objects_.has("box", "e"));
}

TEST_F(S3Objects, AreDeletedOnlyByADocumentThatIsWhole) {
  put("a", "x");
  const std::string document = delete_document({"<Key>a</Key>"});
  Ask wanted{
      .method = "POST", .target = "/box?delete", .body = document, .sha256 = "UNSIGNED-PAYLOAD"};
  EXPECT_EQ(ask(wanted).error(), "InvalidRequest") << "no digest of any kind";
  wanted.headers = {{"Content-MD5", base64_md5("other")}};
  EXPECT_EQ(ask(wanted).error(), "BadDigest");
  wanted.headers = {{"Content-MD5", base64_md5(document)}};
  wanted.body.pop_back();
  EXPECT_EQ(ask(wanted).error(), "BadDigest");
  EXPECT_TRUE(objects_.has("box", "a"));
  EXPECT_EQ(ask("POST", "/box?delete", {}, "<Delete>").error(), "MalformedXML");
  EXPECT_EQ(ask("POST", "/box?delete", {}, std::string((2U << 20) + 1, ' ')).error(),
            "MaxMessageLengthExceeded");
}

// --- copies --------------------------------------------------------------------------------------

TEST_F(S3Objects, AreCopiedWithTheirMetadataOrWithNew) {
  put("dir/%C3%A4%20%2B%25", "data", {{"x-amz-meta-a", "1"}, {"Content-Type", "x/y"}});
  const Answer kept = copy("/box/dir/%C3%A4%20%2B%25", "/box/kept");
  EXPECT_EQ(kept.status, 200) << kept.body;
  EXPECT_EQ(kept.at("ETag"), etag_of_text("data"));
  EXPECT_EQ(kept.at("LastModified"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(get("kept").body, "data");
  EXPECT_EQ(get("kept").header("x-amz-meta-a"), "1");
  EXPECT_EQ(get("kept").header("content-type"), "x/y");
  EXPECT_EQ(objects_.calls["copy"], 1);
  EXPECT_EQ(objects_.calls["put"], 1) << "segments are shared";
  copy("box/dir%2F%C3%A4%20%2B%25", "/box/new",
       {{"x-amz-metadata-directive", "REPLACE"}, {"x-amz-meta-b", "2"}});
  EXPECT_EQ(get("new").header("x-amz-meta-b"), "2");
  EXPECT_FALSE(get("new").has("x-amz-meta-a"));
  EXPECT_EQ(get("new").header("content-type"), "binary/octet-stream");
  EXPECT_EQ(get("new").header("etag"), etag_of_text("data"));
}

TEST_F(S3Objects, AreCopiedOntoThemselvesOnlyWithSomethingNew) {
  put("key", "data");
  const Answer same = copy("/box/key", "/box/key");
  EXPECT_EQ(same.status, 400);
  EXPECT_EQ(same.error(), "InvalidRequest");
  EXPECT_EQ(
      copy("/box/key", "/box/key", {{"x-amz-metadata-directive", "REPLACE"}, {"x-amz-meta-b", "2"}})
          .status,
      200);
  EXPECT_EQ(get("key").header("x-amz-meta-b"), "2");
}

TEST_F(S3Objects, AreCopiedUnderConditions) {
  put("key", "data");
  const std::string etag = etag_of_text("data");
  EXPECT_EQ(copy("/box/key", "/box/a", {{"x-amz-copy-source-if-match", etag}}).status, 200);
  EXPECT_EQ(copy("/box/key", "/box/a", {{"x-amz-copy-source-if-match", "\"0\""}}).status, 412);
  EXPECT_EQ(copy("/box/key", "/box/a", {{"x-amz-copy-source-if-none-match", etag}}).status, 412);
  EXPECT_EQ(copy("/box/key", "/box/a", {{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(copy("/box/key", "/box/b", {{"If-None-Match", "*"}}).status, 200);
  EXPECT_EQ(get("b").body, "data");
}

TEST_F(S3Objects, AreCopiedWithAnotherChecksum) {
  const std::string data = noise(300'000);
  put("key", data, {{"x-amz-meta-a", "1"}});
  const Answer answer = copy("/box/key", "/box/summed", {{"x-amz-checksum-algorithm", "SHA256"}});
  const std::string sum = to_base64(crypto::sha256(as_bytes(data)));
  EXPECT_EQ(answer.at("ChecksumSHA256"), sum);
  EXPECT_EQ(answer.at("ChecksumType"), "FULL_OBJECT");
  const Answer got = get("summed", {{"x-amz-checksum-mode", "ENABLED"}});
  EXPECT_EQ(got.header("x-amz-checksum-sha256"), sum);
  EXPECT_EQ(got.header("x-amz-meta-a"), "1");
  EXPECT_TRUE(got.body == data);
}

TEST_F(S3Objects, AreNotCopiedFromNowhere) {
  put("key", "data");
  EXPECT_EQ(copy("/box/none", "/box/a").error(), "NoSuchKey");
  const Answer no_bucket = copy("/no-such-box/key", "/box/a");
  EXPECT_EQ(no_bucket.error(), "NoSuchBucket");
  EXPECT_EQ(no_bucket.at("BucketName"), "no-such-box");
  EXPECT_EQ(copy("/box", "/box/a").error(), "InvalidArgument");
  EXPECT_EQ(copy("/box/key?versionId=v1", "/box/a").error(), "NoSuchVersion");
  EXPECT_EQ(copy("/box/key", "/box/a", {{"x-amz-metadata-directive", "MERGE"}}).error(),
            "InvalidArgument");
  EXPECT_FALSE(objects_.has("box", "a"));
}

}  // namespace
}  // namespace stratos::gateway::s3
