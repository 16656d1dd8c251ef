#include "gateway/s3/s3_xml_versions.hpp"

#include <gtest/gtest.h>

#include "gateway/s3/xml_reader.hpp"

namespace stratos::gateway::s3 {
namespace {

TEST(VersionDocuments, ComeBackAsTheyWere) {
  for (const auto versioning : {client::Versioning::enabled, client::Versioning::suspended}) {
    EXPECT_EQ(parse_versioning(as_bytes(versioning_document(versioning))).value(), versioning);
  }
  const std::string never = versioning_document(client::Versioning::never);
  EXPECT_EQ(parse_versioning(as_bytes(never)).error().code(), Errc::malformed_xml);
  client::DefaultRetention retention;
  EXPECT_EQ(parse_object_lock(as_bytes(object_lock_document(retention))).value(), retention);
  retention.mode = client::LockMode::governance;
  retention.days = 3;
  EXPECT_EQ(parse_object_lock(as_bytes(object_lock_document(retention))).value(), retention);
  client::ObjectLock lock;
  lock.mode = client::LockMode::compliance;
  lock.retain_until = {1'893'456'000'123};
  EXPECT_EQ(parse_retention(as_bytes(retention_document(lock))).value(), lock);
  EXPECT_TRUE(parse_legal_hold(as_bytes(legal_hold_document(true))).value());
  EXPECT_FALSE(parse_legal_hold(as_bytes(legal_hold_document(false))).value());
}

TEST(VersionDocuments, AreRefusedWhenTheyAreOthers) {
  for (const std::string text : {"", "<A/>", "<Retention><Mode>GOVERNANCE</Mode></Retention>",
                                 "<LegalHold/>", "<ObjectLockConfiguration/>"}) {
    EXPECT_FALSE(parse_retention(as_bytes(text))) << text;
    EXPECT_FALSE(parse_legal_hold(as_bytes(text))) << text;
    EXPECT_FALSE(parse_object_lock(as_bytes(text))) << text;
    EXPECT_FALSE(parse_versioning(as_bytes(text))) << text;
    EXPECT_FALSE(parse_tagging(as_bytes(text))) << text;
  }
  EXPECT_EQ(parse_retention(as_bytes("<Retention/>")).value(), client::ObjectLock{});
}

TEST(VersionDocuments, ListVersionsAndMarkers) {
  VersionListing listing;
  listing.bucket = "box";
  listing.prefix = "a b";
  listing.url_encoding = true;
  listing.truncated = true;
  listing.next_key_marker = "a b/";
  listing.common_prefixes = {"a b/"};
  VersionItem version;
  version.object.key = "a b<";
  version.object.size_bytes = 42;
  version.version_id = "null";
  version.latest = true;
  VersionItem marker = version;
  marker.marker = true;
  listing.versions = {version, marker};
  const std::string text = list_versions_document(listing, {{AccountId(), {"0xabc", "alice"}}});
  const XmlDocument document = XmlDocument::parse(as_bytes(text), {}).value();
  const XmlElement root = document.root();
  EXPECT_EQ(root.name(), "ListVersionsResult");
  EXPECT_EQ(root.child("Prefix").text(), "a%20b");
  EXPECT_EQ(root.child("NextKeyMarker").text(), "a%20b/");
  EXPECT_FALSE(root.child("NextVersionIdMarker").exists());
  EXPECT_EQ(root.child("Version").child("Key").text(), "a%20b%3C");
  EXPECT_EQ(root.child("Version").child("Size").text(), "42");
  EXPECT_EQ(root.child("Version").child("Owner").child("DisplayName").text(), "alice");
  EXPECT_EQ(root.child("DeleteMarker").child("VersionId").text(), "null");
  EXPECT_FALSE(root.child("DeleteMarker").child("ETag").exists());
  EXPECT_EQ(root.child("CommonPrefixes").child("Prefix").text(), "a%20b/");
}

}  // namespace
}  // namespace stratos::gateway::s3
