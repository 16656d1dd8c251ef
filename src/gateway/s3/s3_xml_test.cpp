#include "gateway/s3/s3_xml.hpp"

#include <gtest/gtest.h>

#include <pugixml.hpp>

#include "gateway/s3/utf8.hpp"
#include "gateway/s3/xml_reader.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr WallTime kTime{1'795'273'445'123};  // 2026-11-21T15:04:05.123Z

Result<XmlDocument> parse(std::string_view text, const XmlLimits& limits = {}) {
  return XmlDocument::parse(as_bytes(text), limits);
}

// The document element of an answer that a parser has read.
class Answer {
 public:
  explicit Answer(const std::string& text) {
    EXPECT_TRUE(document_.load_string(text.c_str(), pugi::parse_full)) << text;
    EXPECT_TRUE(is_utf8(text));
  }
  pugi::xml_node root() const { return document_.document_element(); }
  std::string at(const char* path) const {
    return root().first_element_by_path(path).child_value();
  }

 private:
  pugi::xml_document document_;
};

TEST(Utf8, KnowsValidSequencesFromOthers) {
  for (std::string_view text : {"", "a", "\x7f", "\xc2\x80", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text));
  }
  for (std::string_view text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x28\xa1"}) {
    EXPECT_FALSE(is_utf8(text)) << to_hex(as_bytes(text));
  }
  EXPECT_EQ(utf8_sequence_length("\xe2\x82\xac..."), 3U);
}

std::string written(std::string_view text) {
  XmlWriter xml;
  xml.element("T", text);
  std::string out = std::move(xml).take();
  const std::size_t start = out.find("<T>") + 3;
  return out.substr(start, out.find("</T>") - start);
}

TEST(XmlWriter, EscapesWhatXmlWouldMisread) {
  EXPECT_EQ(written("plain text/1.txt"), "plain text/1.txt");
  EXPECT_EQ(written("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
  EXPECT_EQ(written("a\r\nb\tc"), "a&#13;\nb\tc");
  EXPECT_EQ(written("grün €"), "grün €");
  EXPECT_EQ(written("\x7f"), "\x7f");
}

TEST(XmlWriter, ReplacesWhatXmlCannotSay) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(written(std::string_view("a\0b", 3)), "a" + bad + "b");
  EXPECT_EQ(written("\x01\x1f"), bad + bad);
  EXPECT_EQ(written("\xff\xc3"), bad + bad);
  EXPECT_EQ(written("\xef\xbf\xbe\xef\xbf\xbf"), bad + bad);
}

TEST(XmlWriter, EveryByteLeavesAWellFormedDocument) {
  for (int a = 0; a < 256; ++a) {
    for (int b : {0, 10, 13, 38, 60, 65, 128, 191, 255}) {
      const char bytes[] = {static_cast<char>(a), static_cast<char>(b)};
      XmlWriter xml;
      xml.open_root("R").element("K", std::string_view(bytes, 2)).close("R");
      const std::string text = std::move(xml).take();
      EXPECT_TRUE(XmlDocument::parse(as_bytes(text), {})) << a << " " << b;
    }
  }
}

TEST(XmlWriter, WritesTimesAsTheProgramDoes) {
  for (std::int64_t ms : {std::int64_t{0}, std::int64_t{951'782'400'000}, kTime.ms}) {
    XmlWriter xml;
    xml.element("T", WallTime{ms});
    EXPECT_TRUE(std::move(xml).take().contains("<T>" + to_iso8601({ms}) + "</T>"));
  }
}

TEST(XmlReader, ReadsElementsWithoutTheirPrefix) {
  const auto document = parse(
      "<?xml version='1.0'?><s3:A xmlns:s3='u'><s3:B> x&amp;<!-- c -->y"
      "<![CDATA[<z>]]></s3:B><C/><B>2</B></s3:A>");
  ASSERT_TRUE(document);
  const XmlElement root = document->root();
  EXPECT_EQ(root.name(), "A");
  EXPECT_EQ(root.child("B").text(), " x&y<z>");
  EXPECT_TRUE(root.child("C").exists());
  EXPECT_FALSE(root.child("D").exists());
  EXPECT_EQ(root.child("D").text(), "");
  EXPECT_EQ(root.child("C").next_sibling().text(), "2");
}

TEST(XmlReader, KeepsTextThatIsOnlySpace) {
  EXPECT_EQ(parse("<A>\n <K> </K>\n</A>")->root().child("K").text(), " ");
}

TEST(XmlReader, RefusesWhatIsNotOneWellFormedDocument) {
  for (std::string_view text :
       {"", " ", "text", "<A>", "<A></B>", "<A/><B/>", "<A><B></A></B>", "</A>", "<A",
        "<!DOCTYPE A [<!ENTITY e 'x'>]><A>&e;</A>", "<A>&#0;</A>", "<A>&#x0;</A>",
        "<A>&#xD800;</A>", "<A>&#x110000;</A>", "<A>&#;</A>", "<A>&#12</A>", "<A>\xff</A>",
        "<A>&#99999999999;</A>"}) {
    const auto document = parse(text);
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(document.error().code(), Errc::malformed_xml) << text;
  }
  EXPECT_FALSE(parse(std::string_view("<A>a\0b</A>", 10)));
}

TEST(XmlReader, HoldsItsLimits) {
  EXPECT_TRUE(parse("<A><B><C/></B></A>", {.max_depth = 3}));
  EXPECT_FALSE(parse("<A><B><C/></B></A>", {.max_depth = 2}));
  EXPECT_FALSE(parse("<A>long</A>", {.max_bytes = 5}));
  EXPECT_FALSE(parse("<A><B/><B/><B/><B/><B/></A>", {.max_elements = 2}));
  std::string deep;
  for (int i = 0; i < 90'000; ++i) deep += "<a>";
  EXPECT_FALSE(parse(deep));
  for (int i = 0; i < 90'000; ++i) deep += "</a>";
  EXPECT_FALSE(parse(deep));
}

TEST(DeleteRequest, IsReadWithItsOptions) {
  const auto request = parse_delete(
      as_bytes("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
               "<Object><Key>a/../b &lt;1&gt;</Key><VersionId>null</VersionId></Object>"
               "<Object><ETag>\"abc\"</ETag><Key>&#x1;\xe2\x82\xac</Key></Object></Delete>"));
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->quiet);
  ASSERT_EQ(request->items.size(), 2U);
  EXPECT_EQ(request->items[0].key, "a/../b <1>");
  EXPECT_EQ(request->items[0].version_id, "null");
  EXPECT_EQ(request->items[1].key, "\x01\xe2\x82\xac");
  EXPECT_EQ(request->items[1].etag, "abc");
}

std::string delete_body(std::size_t count) {
  std::string body = "<Delete>";
  for (std::size_t i = 0; i < count; ++i) {
    body += "<Object><Key>k" + std::to_string(i) + "</Key></Object>";
  }
  return body + "</Delete>";
}

TEST(DeleteRequest, HoldsAThousandKeysAndNoMore) {
  EXPECT_EQ(parse_delete(as_bytes(delete_body(1000)))->items.size(), 1000U);
  for (const std::string& body :
       {delete_body(1001), delete_body(0), std::string("<Delete><Object/></Delete>"),
        std::string("<Delete><Quiet>yes</Quiet><Object><Key>k</Key></Object></Delete>"),
        std::string("<Remove><Object><Key>k</Key></Object></Remove>")}) {
    EXPECT_EQ(parse_delete(as_bytes(body)).error().code(), Errc::malformed_xml);
  }
}

TEST(CompleteUpload, IsReadWithChecksums) {
  const auto parts = parse_complete_upload(as_bytes(
      "<CompleteMultipartUpload><Part><ETag>&quot;e1&quot;</ETag><PartNumber>1</PartNumber>"
      "<ChecksumCRC32>DUoRhQ==</ChecksumCRC32></Part>"
      "<Part><PartNumber>10000</PartNumber><ETag>e2</ETag></Part></CompleteMultipartUpload>"));
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ(parts->at(0).number, 1U);
  EXPECT_EQ(parts->at(0).etag, "e1");
  EXPECT_EQ(parts->at(0).checksum->text(), "DUoRhQ==");
  EXPECT_EQ(parts->at(1).number, 10'000U);
  EXPECT_FALSE(parts->at(1).checksum);
}

std::string complete_body(std::initializer_list<std::string_view> numbers) {
  std::string body = "<CompleteMultipartUpload>";
  for (std::string_view number : numbers) {
    body.append("<Part><ETag>e</ETag><PartNumber>").append(number).append("</PartNumber></Part>");
  }
  return body + "</CompleteMultipartUpload>";
}

TEST(CompleteUpload, InsistsOnAscendingPartsInRange) {
  const auto code = [](std::initializer_list<std::string_view> numbers) {
    return parse_complete_upload(as_bytes(complete_body(numbers))).error().code();
  };
  EXPECT_EQ(code({"2", "1"}), Errc::invalid_part_order);
  EXPECT_EQ(code({"1", "1"}), Errc::invalid_part_order);
  EXPECT_EQ(code({}), Errc::malformed_xml);
  EXPECT_EQ(code({"0"}), Errc::malformed_xml);
  EXPECT_EQ(code({"10001"}), Errc::malformed_xml);
  EXPECT_EQ(code({"one"}), Errc::malformed_xml);
  EXPECT_EQ(parse_complete_upload(
                as_bytes("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part>"
                         "</CompleteMultipartUpload>"))
                .error()
                .code(),
            Errc::malformed_xml);
}

TEST(CompleteUpload, ReadsTenThousandPartsWithEveryElement) {
  std::string body = "<CompleteMultipartUpload>";
  for (int i = 1; i <= 10'000; ++i) {
    body += "<Part><PartNumber>" + std::to_string(i) +
            "</PartNumber><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>"
            "<ChecksumSHA256>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ChecksumSHA256></Part>";
  }
  EXPECT_EQ(parse_complete_upload(as_bytes(body + "</CompleteMultipartUpload>"))->size(), 10'000U);
}

TEST(CreateBucket, ReadsTheLocationOrNone) {
  EXPECT_EQ(parse_create_bucket({}), "");
  EXPECT_EQ(parse_create_bucket(as_bytes("<CreateBucketConfiguration/>")), "");
  EXPECT_EQ(parse_create_bucket(as_bytes("<CreateBucketConfiguration><LocationConstraint>eu-west-1"
                                         "</LocationConstraint></CreateBucketConfiguration>")),
            "eu-west-1");
  EXPECT_FALSE(parse_create_bucket(as_bytes("<Other/>")));
}

ObjectListing sample_listing() {
  ObjectListing listing{.bucket = "photos", .prefix = "a b/", .delimiter = "/", .truncated = true};
  listing.objects.push_back({"a b/<1>\x01+.txt", kTime, "d41d8cd98f00b204e9800998ecf8427e", 42,
                             "STANDARD", ChecksumAlgorithm::crc32, ChecksumType::full_object});
  listing.common_prefixes = {"a b/c/"};
  return listing;
}

TEST(ListObjects, WritesTheFirstForm) {
  Owners owners;
  owners[AccountId()] = {"0xabc", "alice"};
  const Answer answer(list_objects_document(sample_listing(), {"m", "a b/c/"}, &owners));
  EXPECT_STREQ(answer.root().name(), "ListBucketResult");
  EXPECT_STREQ(answer.root().attribute("xmlns").value(), "http://s3.amazonaws.com/doc/2006-03-01/");
  EXPECT_EQ(answer.at("Name"), "photos");
  EXPECT_EQ(answer.at("Prefix"), "a b/");
  EXPECT_EQ(answer.at("Delimiter"), "/");
  EXPECT_EQ(answer.at("Marker"), "m");
  EXPECT_EQ(answer.at("NextMarker"), "a b/c/");
  EXPECT_EQ(answer.at("MaxKeys"), "1000");
  EXPECT_EQ(answer.at("IsTruncated"), "true");
  EXPECT_EQ(answer.at("Contents/Key"), "a b/<1>\xef\xbf\xbd+.txt");
  EXPECT_EQ(answer.at("Contents/LastModified"), "2026-11-21T15:04:05.123Z");
  EXPECT_EQ(answer.at("Contents/ETag"), "\"d41d8cd98f00b204e9800998ecf8427e\"");
  EXPECT_EQ(answer.at("Contents/Size"), "42");
  EXPECT_EQ(answer.at("Contents/StorageClass"), "STANDARD");
  EXPECT_EQ(answer.at("Contents/ChecksumAlgorithm"), "CRC32");
  EXPECT_EQ(answer.at("Contents/ChecksumType"), "FULL_OBJECT");
  EXPECT_EQ(answer.at("Contents/Owner/ID"), "0xabc");
  EXPECT_EQ(answer.at("CommonPrefixes/Prefix"), "a b/c/");
}

TEST(ListObjects, WritesTheSecondForm) {
  const Answer answer(list_objects_v2_document(sample_listing(), {"s", "t1", "t2"}, nullptr));
  EXPECT_EQ(answer.at("KeyCount"), "2");
  EXPECT_EQ(answer.at("StartAfter"), "s");
  EXPECT_EQ(answer.at("ContinuationToken"), "t1");
  EXPECT_EQ(answer.at("NextContinuationToken"), "t2");
  EXPECT_FALSE(answer.root().child("Contents").child("Owner"));
  EXPECT_FALSE(answer.root().child("Marker"));
}

TEST(ListObjects, HasExactlyTheseBytes) {
  ObjectListing listing{.bucket = "b", .max_keys = 2};
  listing.objects.push_back({.key = "a&b", .modified = kTime, .etag = "e", .size_bytes = 3});
  EXPECT_EQ(list_objects_v2_document(listing, {}, nullptr),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
            "<Prefix></Prefix><MaxKeys>2</MaxKeys><IsTruncated>false</IsTruncated>"
            "<KeyCount>1</KeyCount><Contents><Key>a&amp;b</Key>"
            "<LastModified>2026-11-21T15:04:05.123Z</LastModified><ETag>&quot;e&quot;</ETag>"
            "<Size>3</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>");
}

TEST(ListObjects, SaysControlCharactersWithUrlEncoding) {
  ObjectListing listing = sample_listing();
  listing.url_encoding = true;
  listing.truncated = false;
  const Answer answer(list_objects_v2_document(listing, {"", "", "unused"}, nullptr));
  EXPECT_EQ(answer.at("EncodingType"), "url");
  EXPECT_EQ(answer.at("Contents/Key"), "a%20b/%3C1%3E%01%2B.txt");
  EXPECT_EQ(answer.at("CommonPrefixes/Prefix"), "a%20b/c/");
  EXPECT_EQ(answer.at("Prefix"), "a%20b/");
  EXPECT_FALSE(answer.root().child("NextContinuationToken"));
}

TEST(ListBuckets, NamesOwnerAndBuckets) {
  BucketListing listing;
  listing.owner = {"0xabc", "alice"};
  listing.buckets = {{"one", kTime, "us-east-1"}, {"two", {0}, ""}};
  listing.prefix = "o<";
  listing.continuation_token = "two";
  const Answer answer(list_buckets_document(listing));
  EXPECT_STREQ(answer.root().name(), "ListAllMyBucketsResult");
  EXPECT_EQ(answer.at("Owner/ID"), "0xabc");
  EXPECT_EQ(answer.at("Buckets/Bucket/Name"), "one");
  EXPECT_EQ(answer.at("Buckets/Bucket/CreationDate"), "2026-11-21T15:04:05.123Z");
  EXPECT_EQ(answer.at("Buckets/Bucket/BucketRegion"), "us-east-1");
  EXPECT_EQ(answer.at("Prefix"), "o<");
  EXPECT_EQ(answer.at("ContinuationToken"), "two");
  EXPECT_STREQ(answer.root().child("Buckets").last_child().child_value("Name"), "two");
}

TEST(DeleteResult, ListsWhatWasDeletedAndWhatFailed) {
  const std::vector<DeletedItem> items = {
      {.key = "gone"},
      {.key = "kept", .version_id = "null", .error = Error(Errc::access_denied, "not yours")},
      {.key = "over", .marker = true, .marker_version_id = "0123"},
  };
  const Answer full(delete_result_document(items, false));
  EXPECT_EQ(full.at("Deleted/Key"), "gone");
  EXPECT_EQ(full.at("Error/Key"), "kept");
  EXPECT_EQ(full.at("Error/VersionId"), "null");
  EXPECT_EQ(full.at("Error/Code"), "AccessDenied");
  EXPECT_EQ(full.at("Error/Message"), "not yours");
  const Answer quiet(delete_result_document(items, true));
  EXPECT_FALSE(quiet.root().child("Deleted"));
  EXPECT_TRUE(quiet.root().child("Error"));
}

TEST(CopyResult, HasTagTimeAndChecksum) {
  const CopyResult result{"abc", kTime, Checksum{ChecksumAlgorithm::sha1, Bytes(20, 0), 0}};
  const Answer object(copy_object_document(result));
  EXPECT_STREQ(object.root().name(), "CopyObjectResult");
  EXPECT_EQ(object.at("ETag"), "\"abc\"");
  EXPECT_EQ(object.at("LastModified"), "2026-11-21T15:04:05.123Z");
  EXPECT_EQ(object.at("ChecksumSHA1"), "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  EXPECT_STREQ(Answer(copy_part_document(result)).root().name(), "CopyPartResult");
}

TEST(MultipartAnswers, NameTheUpload) {
  const Answer initiated(initiate_upload_document({"b", "k&1", "u"}));
  EXPECT_STREQ(initiated.root().name(), "InitiateMultipartUploadResult");
  EXPECT_EQ(initiated.at("Bucket"), "b");
  EXPECT_EQ(initiated.at("Key"), "k&1");
  EXPECT_EQ(initiated.at("UploadId"), "u");
  const Answer completed(complete_upload_document(
      {"http://h/b/k", "b", "k", "abc-2", Checksum{ChecksumAlgorithm::crc32, Bytes(4, 0), 2},
       ChecksumType::composite}));
  EXPECT_EQ(completed.at("Location"), "http://h/b/k");
  EXPECT_EQ(completed.at("ETag"), "\"abc-2\"");
  EXPECT_EQ(completed.at("ChecksumCRC32"), "AAAAAA==-2");
  EXPECT_EQ(completed.at("ChecksumType"), "COMPOSITE");
}

TEST(MultipartAnswers, ListParts) {
  PartListing listing{
      .name = {"b", "k\x02", "u"}, .initiator = {"id", "name"}, .owner = {"id", "name"}};
  listing.url_encoding = true;
  listing.next_part_number_marker = 7;
  listing.parts = {{7, kTime, "e", 5'242'880, std::nullopt}};
  const Answer answer(list_parts_document(listing));
  EXPECT_EQ(answer.at("Key"), "k%02");
  EXPECT_EQ(answer.at("NextPartNumberMarker"), "7");
  EXPECT_EQ(answer.at("Part/PartNumber"), "7");
  EXPECT_EQ(answer.at("Part/Size"), "5242880");
  EXPECT_EQ(answer.at("Initiator/ID"), "id");
  EXPECT_EQ(answer.at("IsTruncated"), "false");
}

TEST(MultipartAnswers, ListUploads) {
  UploadListing listing{.bucket = "b", .prefix = "p", .truncated = true};
  listing.next_key_marker = "k";
  listing.next_upload_id_marker = "u";
  listing.uploads = {{.key = "k",
                      .upload_id = "u",
                      .initiator = {"1", "one"},
                      .owner = {"2", "two"},
                      .initiated = kTime}};
  listing.common_prefixes = {"p/"};
  const Answer answer(list_uploads_document(listing));
  EXPECT_EQ(answer.at("Upload/Key"), "k");
  EXPECT_EQ(answer.at("Upload/Initiator/ID"), "1");
  EXPECT_EQ(answer.at("Upload/Owner/DisplayName"), "two");
  EXPECT_EQ(answer.at("Upload/Initiated"), "2026-11-21T15:04:05.123Z");
  EXPECT_EQ(answer.at("NextKeyMarker"), "k");
  EXPECT_EQ(answer.at("NextUploadIdMarker"), "u");
  EXPECT_EQ(answer.at("CommonPrefixes/Prefix"), "p/");
}

TEST(BucketAnswers, GiveTheLocation) {
  EXPECT_STREQ(Answer(location_document("us-east-1")).root().child_value(), "");
  EXPECT_STREQ(Answer(location_document("eu-north-1")).root().child_value(), "eu-north-1");
}

TEST(ObjectAttributes, HoldOnlyWhatWasAskedFor) {
  const Answer answer(object_attributes_document(
      {.etag = "abc-2",
       .checksum = Checksum{ChecksumAlgorithm::crc64nvme, Bytes(8, 0), 0},
       .checksum_type = ChecksumType::full_object,
       .parts = PartsPage{.count = 2}}));
  EXPECT_EQ(answer.at("ETag"), "abc-2");
  EXPECT_EQ(answer.at("Checksum/ChecksumCRC64NVME"), "AAAAAAAAAAA=");
  EXPECT_EQ(answer.at("ObjectParts/PartsCount"), "2");
  EXPECT_FALSE(answer.root().child("ObjectSize"));
  EXPECT_FALSE(answer.root().child("StorageClass"));
}

}  // namespace
}  // namespace stratos::gateway::s3
