#include "gateway/s3/s3_versions.hpp"

#include <algorithm>

#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/s3_xml_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxDocumentBytes = 64 * 1024;
constexpr std::string_view kNull = "null";

VersionItem to_item(client::VersionsPage::Entry entry) {
  VersionItem item;
  item.version_id = version_text(entry.version, entry.versioned);
  item.latest = entry.latest;
  item.marker = entry.marker;
  item.object.key = std::move(entry.key);
  item.object.modified = entry.modified;
  item.object.etag = entry.etag.to_string();
  item.object.size_bytes = entry.size;
  item.object.owner = entry.owner;
  if (!entry.checksum_algorithms.empty()) {
    if (const auto known = parse_checksum_algorithm(entry.checksum_algorithms.front())) {
      item.object.checksum_algorithm = *known;
    }
  }
  return item;
}

// Goes with a key marker only.
Result<std::optional<VersionId>> parse_marker(const S3Request& request,
                                              const std::string& key_marker) {
  const std::string* text = request.query("version-id-marker");
  if (!text || text->empty()) return std::nullopt;
  const auto version = parse_version_id(*text);
  if (!version || key_marker.empty()) {
    return fail(Errc::invalid_argument, "Invalid version id marker specified");
  }
  return *version;
}

}  // namespace

Result<client::VersionChoice> parse_version_id(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text == kNull) return VersionId{};
  const auto id = VersionId::from_hex_text(text);
  if (!id || id->is_zero()) return fail(Errc::no_such_version);
  return *id;
}

Result<client::VersionChoice> parse_version_id(const S3Request& request) {
  const std::string* text = request.query("versionId");
  return text ? parse_version_id(*text) : Result<client::VersionChoice>(std::nullopt);
}

bool names_version(const S3Request& request) {
  const std::string* text = request.query("versionId");
  return text && !text->empty();
}

std::string version_text(const VersionId& version, bool versioned) {
  return versioned ? version.hex() : std::string(kNull);
}

void add_version_header(const Call& call, http::Headers& headers, const VersionId& version,
                        bool versioned) {
  if (!versioned && call.bucket.versioning == client::Versioning::never) return;
  headers.add("x-amz-version-id", version_text(version, versioned));
}

void add_new_version_header(http::Headers& headers, const VersionId& version, bool versioned) {
  if (versioned) headers.add("x-amz-version-id", version.hex());
}

void add_lock_headers(http::Headers& headers, const client::ObjectLock& lock) {
  if (lock.mode != client::LockMode::none) {
    headers.add("x-amz-object-lock-mode", std::string(name_of(lock.mode)));
    headers.add("x-amz-object-lock-retain-until-date", to_iso8601(lock.retain_until));
  }
  if (lock.hold) headers.add("x-amz-object-lock-legal-hold", "ON");
}

Result<client::Tags> parse_tag_header(const http::Headers& headers) {
  constexpr std::string_view kWhy =
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
      "without tag name duplicates.";
  client::Tags tags;
  std::string_view rest = headers.get("x-amz-tagging").value_or("");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto key = http::percent_decode(pair.substr(0, equals), true);
    auto value = http::percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!key || !value || !tags.emplace(std::move(*key), std::move(*value)).second) {
      return fail(Errc::invalid_argument, std::string(kWhy));
    }
  }
  STRATOS_CHECK(check_tags(tags));
  return tags;
}

std::string tag_header(const client::Tags& tags) {
  std::string text;
  for (const auto& [name, value] : tags) {
    if (!text.empty()) text.push_back('&');
    text.append(http::percent_encode(name, false)).append("=");
    text.append(http::percent_encode(value, false));
  }
  return text;
}

Result<client::ObjectLock> parse_lock_headers(const http::Headers& headers) {
  const auto mode = headers.get("x-amz-object-lock-mode");
  const auto date = headers.get("x-amz-object-lock-retain-until-date");
  const auto hold = headers.get("x-amz-object-lock-legal-hold");
  client::ObjectLock lock;
  if (mode.has_value() != date.has_value()) {
    return fail(Errc::invalid_argument,
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be "
                "supplied");
  }
  if (mode) {
    const auto parsed_mode = parse_lock_mode(*mode);
    if (!parsed_mode) return fail(Errc::invalid_argument, "Unknown wormMode directive.");
    const auto parsed_date = parse_iso8601(*date);
    if (!parsed_date) {
      return fail(Errc::invalid_argument,
                  "The retain until date must be provided in ISO 8601 format");
    }
    lock.mode = *parsed_mode;
    lock.retain_until = *parsed_date;
  }
  if (hold && *hold != "ON" && *hold != "OFF") {
    return fail(Errc::invalid_argument, "Legal Hold must be either of 'ON' or 'OFF'");
  }
  lock.hold = hold == "ON";
  return lock;
}

Task<Result<void>> get_bucket_versioning(Call& call) {
  // Not from the cache: what was set through another gateway counts at once.
  STRATOS_CO_TRY(const client::BucketInfo bucket,
                 co_await call.objects().head_bucket(call.s3.bucket));
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     versioning_document(bucket.versioning));
}

Task<Result<void>> put_bucket_versioning(Call& call) {
  STRATOS_CO_TRY(const Bytes document,
                 co_await read_document(call, kMaxDocumentBytes, Integrity::optional));
  STRATOS_CO_TRY(const client::Versioning versioning, parse_versioning(document));
  STRATOS_CO_CHECK(co_await call.objects().set_versioning(call.s3.bucket, versioning));
  call.backend.access.forget_bucket(call.s3.bucket);
  http::Headers headers;
  co_return co_await answer_empty(call, 200, std::move(headers));
}

Task<Result<void>> list_object_versions(Call& call) {
  STRATOS_CO_TRY(const ListQuery query, parse_list_query(call.s3));
  STRATOS_CO_TRY(const std::optional<VersionId> marker, parse_marker(call.s3, query.after));
  client::VersionsPage page;
  if (query.max_keys != 0) {
    client::VersionsRequest request;
    request.prefix = query.prefix;
    request.delimiter = query.delimiter;
    request.key_marker = query.after;
    request.version_marker = marker;
    request.limit = static_cast<std::uint32_t>(query.max_keys);
    STRATOS_CO_TRY(page, co_await call.objects().list_versions(call.s3.bucket, std::move(request)));
  }
  VersionListing listing;
  listing.bucket = call.s3.bucket;
  listing.prefix = query.prefix;
  listing.delimiter = query.delimiter;
  listing.max_keys = query.max_keys;
  listing.truncated = page.truncated;
  listing.url_encoding = query.url_encoding;
  listing.key_marker = query.after;
  if (marker) listing.version_id_marker = *call.s3.query("version-id-marker");
  if (page.truncated) {
    listing.next_key_marker = std::move(page.next_key_marker);
    if (page.next_version_marker && !page.entries.empty()) {
      const client::VersionsPage::Entry& last = page.entries.back();
      listing.next_version_id_marker = version_text(last.version, last.versioned);
    }
  }
  std::vector<AccountId> accounts;
  for (auto& entry : page.entries) {
    accounts.push_back(entry.owner);
    listing.versions.push_back(to_item(std::move(entry)));
  }
  listing.common_prefixes = std::move(page.common_prefixes);
  STRATOS_CO_TRY(const Owners owners, co_await named_owners(call, std::move(accounts)));
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers),
                                     list_versions_document(listing, owners));
}

}  // namespace stratos::gateway::s3
