#include "client/sealing.hpp"

#include <gtest/gtest.h>

namespace stratos::client {
namespace {

class Sealing : public testing::Test {
 protected:
  SeededRandom random_{3};
  KeyRing ring_ = KeyRing::create("home", random_);
  crypto::SecretKey key_ = crypto::SecretKey::draw(random_);
};

Attributes sample_attributes() {
  Attributes attributes;
  attributes.etag.md5.fill(0xab);
  attributes.etag.parts = 3;
  Checksum checksum;
  checksum.algorithm = "CRC32";
  checksum.value = {1, 2, 3, 4};
  attributes.checksums.push_back(checksum);
  attributes.headers["content-type"] = "text/plain";
  attributes.metadata["name"] = "wert ü";
  attributes.access.acl = {1, 2, 3};
  return attributes;
}

TEST(ETagText, PrintsAndParsesBothForms) {
  const std::string plain = "d41d8cd98f00b204e9800998ecf8427e";
  EXPECT_EQ(ETag::parse(plain)->to_string(), plain);
  EXPECT_EQ(ETag::parse("\"" + plain + "-17\"")->to_string(), plain + "-17");
  for (std::string_view bad :
       {"", "\"\"", "xyz", "d41d8cd98f00b204e9800998ecf8427e-",
        "d41d8cd98f00b204e9800998ecf8427e-x1", "d41d8cd98f00b204e9800998ecf8427e-1234567"}) {
    EXPECT_FALSE(ETag::parse(bad)) << bad;
  }
}

TEST_F(Sealing, AttributesRoundTripAndShowNothing) {
  const Attributes attributes = sample_attributes();
  const Bytes sealed = seal_attributes(ring_, random_, attributes);
  EXPECT_EQ(as_text(sealed).find("text/plain"), std::string_view::npos);
  const Attributes opened = open_attributes(ring_, sealed).value();
  EXPECT_EQ(opened.etag, attributes.etag);
  EXPECT_EQ(opened.headers, attributes.headers);
  EXPECT_EQ(opened.metadata, attributes.metadata);
  ASSERT_EQ(opened.checksums.size(), 1U);
  EXPECT_EQ(opened.checksums[0].value, attributes.checksums[0].value);
  EXPECT_EQ(opened.access.acl, attributes.access.acl);
  EXPECT_TRUE(opened.access.owner.is_zero());
}

TEST_F(Sealing, OwnersStandInAttributesAndSummaries) {
  Attributes attributes = sample_attributes();
  attributes.access.owner.value[19] = 7;
  const Bytes sealed = seal_attributes(ring_, random_, attributes);
  EXPECT_EQ(open_attributes(ring_, sealed)->access.owner, attributes.access.owner);
  const Bytes summary = seal_summary(ring_, random_, attributes);
  EXPECT_EQ(open_summary(ring_, summary)->owner, attributes.access.owner);
}

TEST_F(Sealing, ConfigurationsOpenOnlyAsWhatTheyAre) {
  const Bytes plain = to_bytes(as_bytes("a policy"));
  const Bytes sealed = seal_config(ring_, random_, "box", ConfigKind::policy, plain).value();
  EXPECT_EQ(as_text(sealed).find("policy"), std::string_view::npos);
  EXPECT_EQ(open_config(ring_, "box", ConfigKind::policy, sealed).value(), plain);
  EXPECT_EQ(open_config(ring_, "bag", ConfigKind::policy, sealed).error().code(),
            Errc::hash_mismatch);
  EXPECT_EQ(open_config(ring_, "box", ConfigKind::cors, sealed).error().code(),
            Errc::hash_mismatch);
  const Bytes large(kMaxConfigBytes + 1);
  EXPECT_EQ(seal_config(ring_, random_, "box", ConfigKind::policy, large).error().code(),
            Errc::too_large);
}

TEST_F(Sealing, SummariesStaySmallEnoughForAListRow) {
  const Bytes sealed = seal_summary(ring_, random_, sample_attributes());
  EXPECT_LE(sealed.size(), 128U);
  const Summary summary = open_summary(ring_, sealed).value();
  EXPECT_EQ(summary.etag.parts, 3U);
  EXPECT_EQ(summary.checksum_algorithms, std::vector<std::string>{"CRC32"});
}

TEST_F(Sealing, OneKindOfRecordDoesNotOpenAsAnother) {
  const Bytes sealed = seal_summary(ring_, random_, sample_attributes());
  EXPECT_EQ(open_attributes(ring_, sealed).error().code(), Errc::decryption_failed);
}

meta::SlicePage sample_page() {
  meta::SlicePage page;
  page.slices.resize(2);
  page.slices[0].segment.value.fill(1);
  page.slices[0].length = 10;
  page.slices[1].segment.value.fill(2);
  page.slices[1].length = 20;
  return page;
}

TEST_F(Sealing, PageMacsBindOrderLengthAndPlace) {
  const Bytes context(16, 9);
  PageName name;
  name.context = context;
  name.pages = 1;
  name.size = 30;
  const meta::SlicePage page = sample_page();
  const Bytes mac = page_mac(key_, name, page);
  EXPECT_TRUE(check_page_mac(key_, name, page, mac));

  meta::SlicePage swapped = page;
  std::swap(swapped.slices[0], swapped.slices[1]);
  EXPECT_EQ(check_page_mac(key_, name, swapped, mac).error().code(), Errc::hash_mismatch);
  meta::SlicePage cut = page;
  cut.slices.pop_back();
  EXPECT_FALSE(check_page_mac(key_, name, cut, mac));
  meta::SlicePage shifted = page;
  shifted.slices[1].offset = 1;
  EXPECT_FALSE(check_page_mac(key_, name, shifted, mac));
  PageName elsewhere = name;
  elsewhere.page = 1;
  EXPECT_FALSE(check_page_mac(key_, elsewhere, page, mac));
  const Bytes other_context(16, 8);
  PageName other = name;
  other.context = other_context;
  EXPECT_FALSE(check_page_mac(key_, other, page, mac));
}

TEST_F(Sealing, InlineBodiesAreBoundToTheirUpload) {
  const Bytes context(16, 1);
  const Bytes sealed = seal_inline_body(key_, context, as_bytes("small"));
  EXPECT_EQ(as_text(open_inline_body(key_, context, sealed).value()), "small");
  const Bytes other(16, 2);
  EXPECT_EQ(open_inline_body(key_, other, sealed).error().code(), Errc::unit_corrupt);
  EXPECT_EQ(open_inline_body(key_, context, ByteView(sealed).first(3)).error().code(),
            Errc::unit_corrupt);
}

}  // namespace
}  // namespace stratos::client
