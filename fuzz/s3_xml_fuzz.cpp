// Reads the input as every request document; writes it as text and reads that back.
#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "gateway/s3/s3_xml.hpp"
#include "gateway/s3/s3_xml_versions.hpp"
#include "gateway/s3/xml_reader.hpp"

namespace {

using namespace stratos;
using namespace stratos::gateway::s3;

void read_documents(ByteView text) {
  if (const auto request = parse_delete(text)) {
    STRATOS_ASSERT(!request->items.empty() && request->items.size() <= kMaxDeleteKeys, "bound");
    for (const DeleteItem& item : request->items) STRATOS_ASSERT(!item.key.empty(), "empty key");
  }
  if (const auto parts = parse_complete_upload(text)) {
    std::uint32_t last = 0;
    for (const CompletedPart& part : *parts) {
      STRATOS_ASSERT(part.number > last && part.number <= kMaxParts, "part order");
      last = part.number;
    }
  }
  static_cast<void>(parse_create_bucket(text));
  static_cast<void>(parse_versioning(text));
  static_cast<void>(parse_object_lock(text));
  static_cast<void>(parse_retention(text));
  static_cast<void>(parse_legal_hold(text));
  if (const auto tags = parse_tagging(text)) STRATOS_ASSERT(check_tags(*tags), "tags' bounds");
}

void write_documents(std::string_view text) {
  ObjectListing listing{.bucket = "b", .prefix = std::string(text)};
  listing.objects.push_back({.key = std::string(text), .modified = {0}, .etag = "e"});
  for (const bool url_encoding : {false, true}) {
    listing.url_encoding = url_encoding;
    const std::string document = list_objects_v2_document(listing, {}, nullptr);
    const auto parsed = XmlDocument::parse(as_bytes(document), {.max_bytes = document.size()});
    STRATOS_ASSERT(parsed, "our own document is not well-formed");
    const std::string key = parsed->root().child("Contents").child("Key").text();
    STRATOS_ASSERT(!url_encoding || http::percent_decode(key, true).value() == text,
                   "a key changed on its way");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_documents({data, size});
  write_documents(as_text({data, size}));
  return 0;
}
