#include <algorithm>
#include <charconv>

#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/s3_xml.hpp"
#include "gateway/s3/xml_reader.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr XmlLimits kDeleteLimits{.max_bytes = 2 << 20, .max_elements = 10'000, .max_depth = 4};
constexpr XmlLimits kCompleteLimits{.max_bytes = 8 << 20, .max_elements = 100'000, .max_depth = 4};
constexpr XmlLimits kCreateBucketLimits{.max_bytes = 64 << 10, .max_elements = 64, .max_depth = 6};

auto malformed(std::string why) { return fail(Errc::malformed_xml, std::move(why)); }

std::string without_quotes(std::string text) {
  std::erase(text, '"');
  return text;
}

Result<bool> parse_flag(XmlElement element) {
  const std::string text = element.text();
  if (text == "true") return true;
  if (text == "false" || text.empty()) return false;
  return malformed("a flag is neither true nor false");
}

Result<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return malformed("a number is none");
  return number;
}

Result<DeleteItem> parse_delete_item(XmlElement object) {
  const XmlElement key = object.child("Key");
  DeleteItem item;
  item.key = key.text();
  if (item.key.empty()) return malformed("an Object has no Key");
  item.version_id = object.child("VersionId").text();
  item.etag = without_quotes(object.child("ETag").text());
  if (const XmlElement size = object.child("Size"); size.exists()) {
    STRATOS_TRY(item.size_bytes, parse_number(size.text()));
  }
  if (const XmlElement time = object.child("LastModifiedTime"); time.exists()) {
    const std::string text = time.text();
    item.modified = parse_http_date(text);
    if (!item.modified) item.modified = parse_iso8601(text);
    if (!item.modified) return malformed("LastModifiedTime is no time");
  }
  return item;
}

Result<std::uint32_t> parse_part_number(const std::string& text) {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 1 || number > kMaxParts) {
    return malformed("a PartNumber is not between 1 and 10,000");
  }
  return number;
}

Result<CompletedPart> parse_part(XmlElement part) {
  CompletedPart out;
  for (XmlElement e = part.first_child(); e.exists(); e = e.next_sibling()) {
    if (e.name() == "PartNumber") {
      STRATOS_TRY(out.number, parse_part_number(e.text()));
    } else if (e.name() == "ETag") {
      out.etag = without_quotes(e.text());
    } else {
      for (const ChecksumInfo& info : all_checksums()) {
        if (e.name() != info.element) continue;
        STRATOS_TRY(out.checksum, parse_checksum(info.algorithm, e.text()));
      }
    }
  }
  if (out.number == 0 || out.etag.empty()) return malformed("a Part needs PartNumber and ETag");
  return out;
}

}  // namespace

Result<DeleteRequest> parse_delete(ByteView text) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, "Delete", kDeleteLimits));
  const XmlElement root = document.root();
  DeleteRequest request;
  STRATOS_TRY(request.quiet, parse_flag(root.child("Quiet")));
  for (XmlElement e = root.first_child(); e.exists(); e = e.next_sibling()) {
    if (e.name() != "Object") continue;
    if (request.items.size() == kMaxDeleteKeys) return malformed("more than 1,000 keys");
    STRATOS_TRY(DeleteItem item, parse_delete_item(e));
    request.items.push_back(std::move(item));
  }
  if (request.items.empty()) return malformed("no keys");
  return request;
}

Result<std::vector<CompletedPart>> parse_complete_upload(ByteView text) {
  STRATOS_TRY(const XmlDocument document,
              XmlDocument::parse(text, "CompleteMultipartUpload", kCompleteLimits));
  const XmlElement root = document.root();
  std::vector<CompletedPart> parts;
  for (XmlElement e = root.first_child(); e.exists(); e = e.next_sibling()) {
    if (e.name() != "Part") continue;
    if (parts.size() == kMaxParts) return malformed("more than 10,000 parts");
    STRATOS_TRY(CompletedPart part, parse_part(e));
    if (!parts.empty() && part.number <= parts.back().number) return fail(Errc::invalid_part_order);
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return malformed("no parts");
  return parts;
}

Result<std::string> parse_create_bucket(ByteView text) {
  if (text.empty()) return std::string();
  STRATOS_TRY(const XmlDocument document,
              XmlDocument::parse(text, "CreateBucketConfiguration", kCreateBucketLimits));
  return document.root().child("LocationConstraint").text();
}

}  // namespace stratos::gateway::s3
