#include "gateway/s3/s3_headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/s3/s3_request.hpp"
#include "gateway/s3/s3_time.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kMetadataPrefix = "x-amz-meta-";
constexpr std::array<std::string_view, 6> kStoredHeaders = {
    "content-type",     "cache-control",    "content-disposition",
    "content-encoding", "content-language", "expires"};
// The others promise a price or a delay that nobody keeps here.
constexpr std::array<std::string_view, 2> kStorageClasses = {"STANDARD", "REDUCED_REDUNDANCY"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

template <class Fn>
void for_each_item(std::string_view list, Fn fn) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view item = trim(list.substr(0, end));
    if (!item.empty()) fn(item);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

std::string without_aws_chunked(std::string_view encodings) {
  std::string out;
  for_each_item(encodings, [&out](std::string_view item) {
    if (http::equal_ignoring_case(item, "aws-chunked")) return;
    if (!out.empty()) out += ", ";
    out += item;
  });
  return out;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || stop != text.data() + text.size()) return std::nullopt;
  // Past 64 bits is past the end of every object.
  if (error == std::errc::result_out_of_range) return UINT64_MAX;
  if (error != std::errc()) return std::nullopt;
  return number;
}

struct RangeSpec {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;  // without `first`: how many from the end
};

// One well-formed range, or nullopt.
std::optional<RangeSpec> parse_range_spec(std::string_view header) {
  if (!http::equal_ignoring_case(header.substr(0, 6), "bytes=")) return std::nullopt;
  const std::string_view text = trim(header.substr(6));
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  RangeSpec spec;
  spec.first = parse_number(text.substr(0, dash));
  spec.last = parse_number(text.substr(dash + 1));
  const bool first_ok = spec.first || dash == 0;
  const bool last_ok = spec.last || dash + 1 == text.size();
  if (!first_ok || !last_ok || (!spec.first && !spec.last)) return std::nullopt;
  if (spec.first && spec.last && *spec.last < *spec.first) return std::nullopt;
  return spec;
}

std::string_view bare_etag(std::string_view text) {
  text = trim(text);
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) {
    text = text.substr(1, text.size() - 2);
  }
  return text;
}

bool list_has_etag(std::string_view list, std::string_view etag) {
  bool found = false;
  for_each_item(list, [&](std::string_view item) {
    found = found || item == "*" || bare_etag(item) == etag;
  });
  return found;
}

std::optional<std::string> text_of(const http::Headers& headers, std::string_view prefix,
                                   std::string_view name) {
  const auto value = headers.get(std::string(prefix).append(name));
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

std::optional<WallTime> date_of(const http::Headers& headers, std::string_view prefix,
                                std::string_view name) {
  const auto value = headers.get(std::string(prefix).append(name));
  return value ? parse_http_date(trim(*value)) : std::nullopt;
}

// HTTP dates have no milliseconds: the object's time loses them before it is compared.
WallTime whole_seconds(WallTime time) { return {time.ms - time.ms % 1000}; }

}  // namespace

Result<UserMetadata> parse_user_metadata(const http::Headers& headers) {
  UserMetadata metadata;
  std::size_t size = 0;
  for (const auto& [name, value] : headers.items()) {
    if (!http::equal_ignoring_case(std::string_view(name).substr(0, kMetadataPrefix.size()),
                                   kMetadataPrefix)) {
      continue;
    }
    const std::string key = lower(std::string_view(name).substr(kMetadataPrefix.size()));
    const std::string_view content = trim(value);
    const auto same = std::ranges::find(metadata, key, &UserMetadata::value_type::first);
    if (same == metadata.end()) {
      size += key.size() + content.size();
      metadata.emplace_back(key, content);
    } else {
      size += 1 + content.size();
      same->second.append(",").append(content);
    }
    if (size > kMaxMetadataBytes) return fail(Errc::metadata_too_large);
  }
  return metadata;
}

StoredHeaders parse_stored_headers(const http::Headers& headers) {
  StoredHeaders stored;
  for (std::string_view name : kStoredHeaders) {
    const auto value = headers.get(name);
    if (!value) continue;
    std::string text =
        name == "content-encoding" ? without_aws_chunked(*value) : std::string(trim(*value));
    if (!text.empty()) stored.emplace_back(name, std::move(text));
  }
  return stored;
}

StoredHeaders apply_response_overrides(StoredHeaders stored, const http::Target& target) {
  for (std::string_view name : kStoredHeaders) {
    const std::string* value = target.find("response-" + std::string(name));
    if (!value) continue;
    const auto same = std::ranges::find(stored, name, &StoredHeaders::value_type::first);
    if (same == stored.end()) {
      stored.emplace_back(name, *value);
    } else {
      same->second = *value;
    }
  }
  return stored;
}

Result<std::string> parse_storage_class(const http::Headers& headers) {
  const std::string_view name = headers.get("x-amz-storage-class").value_or("STANDARD");
  if (std::ranges::count(kStorageClasses, name) == 0) return fail(Errc::invalid_storage_class);
  return std::string(name);
}

Result<std::optional<ByteRange>> resolve_range(std::optional<std::string_view> header,
                                               std::uint64_t size_bytes) {
  if (!header) return std::nullopt;
  const auto spec = parse_range_spec(trim(*header));
  if (!spec) return std::nullopt;
  if (!spec->first) {
    const std::uint64_t length = std::min(*spec->last, size_bytes);
    if (length == 0) return fail(Errc::invalid_range);
    return ByteRange{size_bytes - length, length};
  }
  if (*spec->first >= size_bytes) return fail(Errc::invalid_range);
  const std::uint64_t last = std::min(spec->last.value_or(UINT64_MAX), size_bytes - 1);
  return ByteRange{*spec->first, last - *spec->first + 1};
}

Result<ByteRange> parse_copy_range(std::string_view header, std::uint64_t size_bytes) {
  const auto spec = parse_range_spec(trim(header));
  if (!spec || !spec->first || !spec->last) {
    return fail(Errc::invalid_argument,
                "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                "first and last are the zero-based offsets of the first and last bytes to copy");
  }
  if (*spec->last >= size_bytes) {
    return fail(Errc::invalid_argument, "Range specified is not valid for source object of size: " +
                                            std::to_string(size_bytes));
  }
  return ByteRange{*spec->first, *spec->last - *spec->first + 1};
}

std::string content_range(ByteRange range, std::uint64_t size_bytes) {
  return "bytes " + std::to_string(range.offset) + "-" +
         std::to_string(range.offset + range.length - 1) + "/" + std::to_string(size_bytes);
}

Conditions parse_conditions(const http::Headers& headers, std::string_view prefix) {
  return {.if_match = text_of(headers, prefix, "if-match"),
          .if_none_match = text_of(headers, prefix, "if-none-match"),
          .if_modified_since = date_of(headers, prefix, "if-modified-since"),
          .if_unmodified_since = date_of(headers, prefix, "if-unmodified-since")};
}

Result<void> check_read(const Conditions& conditions, std::string_view etag, WallTime modified) {
  const WallTime time = whole_seconds(modified);
  if (conditions.if_match) {
    if (!list_has_etag(*conditions.if_match, etag)) return fail(Errc::precondition_failed);
  } else if (conditions.if_unmodified_since && time > *conditions.if_unmodified_since) {
    return fail(Errc::precondition_failed);
  }
  if (conditions.if_none_match) {
    if (list_has_etag(*conditions.if_none_match, etag)) return fail(Errc::not_modified);
  } else if (conditions.if_modified_since && time <= *conditions.if_modified_since) {
    return fail(Errc::not_modified);
  }
  return {};
}

Result<void> check_copy_source(const Conditions& conditions, std::string_view etag,
                               WallTime modified) {
  if (!check_read(conditions, etag, modified)) return fail(Errc::precondition_failed);
  return {};
}

Result<void> check_write(const Conditions& conditions, std::optional<std::string_view> etag) {
  if (conditions.if_none_match) {
    if (trim(*conditions.if_none_match) != "*") {
      return fail(Errc::not_implemented, "If-None-Match of a write must be *");
    }
    if (etag) return fail(Errc::precondition_failed);
  }
  if (conditions.if_match) {
    if (!etag) return fail(Errc::no_such_object);
    if (!list_has_etag(*conditions.if_match, *etag)) return fail(Errc::precondition_failed);
  }
  return {};
}

Result<CopySource> parse_copy_source(std::string_view header) {
  const auto refuse = [](std::string why) { return fail(Errc::invalid_argument, std::move(why)); };
  if (header.starts_with('/')) header.remove_prefix(1);
  CopySource source;
  const std::size_t mark = std::min(header.find('?'), header.size());
  const std::string_view query = header.substr(mark);
  constexpr std::string_view kVersion = "?versionId=";
  if (!query.empty() && !query.starts_with(kVersion)) return refuse("Unsupported copy source");
  if (!query.empty()) source.version_id = query.substr(kVersion.size());
  const Result<std::string> decoded = http::percent_decode(header.substr(0, mark), false);
  if (!decoded) return refuse("Copy Source must be percent-encoded");
  // Some clients encode the slash between bucket and key too.
  const std::string_view path = std::string_view(*decoded).substr(decoded->starts_with('/'));
  const std::size_t slash = path.find('/');
  if (slash == path.npos || slash + 1 == path.size()) {
    return refuse("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  }
  source.bucket = path.substr(0, slash);
  source.key = path.substr(slash + 1);
  STRATOS_CHECK(validate_bucket_name(source.bucket));
  STRATOS_CHECK(validate_key(source.key));
  return source;
}

}  // namespace stratos::gateway::s3
