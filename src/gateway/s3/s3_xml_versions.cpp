#include "gateway/s3/s3_xml_versions.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/xml_reader.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr XmlLimits kLimits{.max_bytes = 64 << 10, .max_elements = 256, .max_depth = 6};
constexpr std::size_t kBytesPerListedVersion = 448;
constexpr std::uint32_t kMaxDays = 36'500;
constexpr std::uint32_t kMaxYears = 100;

auto malformed(std::string why) { return fail(Errc::malformed_xml, std::move(why)); }

Result<std::uint32_t> parse_term(const std::string& text, std::uint32_t max) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return malformed("a period is no number");
  if (number < 1 || number > max) return fail(Errc::invalid_retention_period);
  return static_cast<std::uint32_t>(number);
}

Result<client::DefaultRetention> parse_default(XmlElement rule) {
  const XmlElement days = rule.child("Days");
  const XmlElement years = rule.child("Years");
  const auto mode = parse_lock_mode(rule.child("Mode").text());
  if (!mode || days.exists() == years.exists()) {
    return malformed("DefaultRetention needs a Mode and either Days or Years");
  }
  client::DefaultRetention retention;
  retention.mode = *mode;
  if (days.exists()) {
    STRATOS_TRY(retention.days, parse_term(days.text(), kMaxDays));
  } else {
    STRATOS_TRY(retention.years, parse_term(years.text(), kMaxYears));
  }
  return retention;
}

// In characters, as far as the bytes are UTF-8.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

void write_version(XmlWriter& xml, const VersionItem& item, bool url_encoding,
                   const Owners& owners) {
  const ObjectItem& object = item.object;
  const std::string_view name = item.marker ? "DeleteMarker" : "Version";
  xml.open(name);
  xml.key("Key", object.key, url_encoding);
  xml.element("VersionId", item.version_id).element("IsLatest", item.latest);
  xml.element("LastModified", object.modified);
  if (!item.marker) {
    xml.etag(object.etag);
    if (object.checksum_algorithm) {
      xml.element("ChecksumAlgorithm", info_of(*object.checksum_algorithm).name);
    }
    if (object.checksum_type) xml.element("ChecksumType", name_of(*object.checksum_type));
    xml.element("Size", object.size_bytes).element("StorageClass", object.storage_class);
  }
  write_owner(xml, "Owner", owners.at(object.owner));
  xml.close(name);
}

}  // namespace

std::optional<client::LockMode> parse_lock_mode(std::string_view name) {
  if (name == "GOVERNANCE") return client::LockMode::governance;
  if (name == "COMPLIANCE") return client::LockMode::compliance;
  return std::nullopt;
}

std::string_view name_of(client::LockMode mode) {
  return mode == client::LockMode::compliance ? "COMPLIANCE" : "GOVERNANCE";
}

Result<client::Versioning> parse_versioning(ByteView text) {
  STRATOS_TRY(const XmlDocument document,
              XmlDocument::parse(text, "VersioningConfiguration", kLimits));
  const std::string mfa = document.root().child("MfaDelete").text();
  if (!mfa.empty() && mfa != "Disabled") {
    return fail(Errc::not_implemented, "MFA delete is not implemented");
  }
  const std::string status = document.root().child("Status").text();
  if (status == "Enabled") return client::Versioning::enabled;
  if (status == "Suspended") return client::Versioning::suspended;
  return malformed("Status is neither Enabled nor Suspended");
}

Result<client::DefaultRetention> parse_object_lock(ByteView text) {
  STRATOS_TRY(const XmlDocument document,
              XmlDocument::parse(text, "ObjectLockConfiguration", kLimits));
  if (document.root().child("ObjectLockEnabled").text() != "Enabled") {
    return malformed("ObjectLockEnabled must be Enabled");
  }
  const XmlElement rule = document.root().child("Rule");
  if (!rule.exists()) return client::DefaultRetention{};
  return parse_default(rule.child("DefaultRetention"));
}

Result<client::ObjectLock> parse_retention(ByteView text) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, "Retention", kLimits));
  const XmlElement mode = document.root().child("Mode");
  const XmlElement date = document.root().child("RetainUntilDate");
  client::ObjectLock lock;
  if (!mode.exists() && !date.exists()) return lock;
  const auto parsed_mode = parse_lock_mode(mode.text());
  const auto parsed_date = parse_iso8601(date.text());
  if (!parsed_mode || !parsed_date) return malformed("Retention needs a Mode and a date");
  lock.mode = *parsed_mode;
  lock.retain_until = *parsed_date;
  return lock;
}

Result<bool> parse_legal_hold(ByteView text) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, "LegalHold", kLimits));
  const std::string status = document.root().child("Status").text();
  if (status == "ON") return true;
  if (status == "OFF") return false;
  return malformed("Status is neither ON nor OFF");
}

Result<client::Tags> parse_tagging(ByteView text, std::size_t most) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, "Tagging", kLimits));
  const XmlElement set = document.root().child("TagSet");
  if (!set.exists()) return malformed("no TagSet");
  client::Tags tags;
  for (XmlElement tag = set.first_child(); tag.exists(); tag = tag.next_sibling()) {
    if (tag.name() != "Tag" || !tag.child("Key").exists()) return malformed("expected Tag");
    const bool added = tags.emplace(tag.child("Key").text(), tag.child("Value").text()).second;
    if (!added) {
      return fail(Errc::invalid_tag, "Cannot provide multiple Tags with the same key");
    }
  }
  STRATOS_CHECK(check_tags(tags, most));
  return tags;
}

Result<void> check_tags(const client::Tags& tags, std::size_t most) {
  constexpr std::size_t kMaxKey = 128;
  constexpr std::size_t kMaxValue = 256;
  if (tags.size() > most) {
    return fail(Errc::invalid_tag, "Tags cannot be greater than " + std::to_string(most));
  }
  for (const auto& [key, value] : tags) {
    if (key.empty() || length_of(key) > kMaxKey || key.starts_with("aws:")) {
      return fail(Errc::invalid_tag, "The TagKey you have provided is invalid");
    }
    if (length_of(value) > kMaxValue) {
      return fail(Errc::invalid_tag, "The TagValue you have provided is invalid");
    }
  }
  return {};
}

std::string versioning_document(client::Versioning versioning) {
  XmlWriter xml;
  xml.open_root("VersioningConfiguration");
  if (versioning != client::Versioning::never) {
    const bool enabled = versioning == client::Versioning::enabled;
    xml.element("Status", enabled ? "Enabled" : "Suspended");
  }
  xml.close("VersioningConfiguration");
  return std::move(xml).take();
}

std::string object_lock_document(const client::DefaultRetention& retention) {
  XmlWriter xml;
  xml.open_root("ObjectLockConfiguration").element("ObjectLockEnabled", "Enabled");
  if (retention.mode != client::LockMode::none) {
    xml.open("Rule").open("DefaultRetention").element("Mode", name_of(retention.mode));
    if (retention.days != 0) xml.element("Days", std::uint64_t{retention.days});
    if (retention.years != 0) xml.element("Years", std::uint64_t{retention.years});
    xml.close("DefaultRetention").close("Rule");
  }
  xml.close("ObjectLockConfiguration");
  return std::move(xml).take();
}

std::string retention_document(const client::ObjectLock& lock) {
  XmlWriter xml;
  xml.open_root("Retention").element("Mode", name_of(lock.mode));
  xml.element("RetainUntilDate", lock.retain_until).close("Retention");
  return std::move(xml).take();
}

std::string legal_hold_document(bool hold) {
  XmlWriter xml;
  xml.open_root("LegalHold").element("Status", hold ? "ON" : "OFF").close("LegalHold");
  return std::move(xml).take();
}

std::string tagging_document(const client::Tags& tags) {
  XmlWriter xml;
  xml.open_root("Tagging").open("TagSet");
  for (const auto& [key, value] : tags) {
    xml.open("Tag").element("Key", key).element("Value", value).close("Tag");
  }
  xml.close("TagSet").close("Tagging");
  return std::move(xml).take();
}

std::string list_versions_document(const VersionListing& listing, const Owners& owners) {
  const bool url = listing.url_encoding;
  XmlWriter xml;
  xml.reserve(1024 + kBytesPerListedVersion * listing.versions.size());
  xml.open_root("ListVersionsResult").element("Name", listing.bucket);
  xml.key("Prefix", listing.prefix, url);
  if (!listing.delimiter.empty()) xml.key("Delimiter", listing.delimiter, url);
  xml.element("MaxKeys", listing.max_keys);
  if (url) xml.element("EncodingType", "url");
  xml.element("IsTruncated", listing.truncated);
  xml.key("KeyMarker", listing.key_marker, url);
  xml.element("VersionIdMarker", listing.version_id_marker);
  if (listing.truncated) {
    xml.key("NextKeyMarker", listing.next_key_marker, url);
    if (!listing.next_version_id_marker.empty()) {
      xml.element("NextVersionIdMarker", listing.next_version_id_marker);
    }
  }
  for (const VersionItem& item : listing.versions) write_version(xml, item, url, owners);
  for (const std::string& prefix : listing.common_prefixes) {
    xml.open("CommonPrefixes");
    xml.key("Prefix", prefix, url);
    xml.close("CommonPrefixes");
  }
  xml.close("ListVersionsResult");
  return std::move(xml).take();
}

}  // namespace stratos::gateway::s3
