// Writes XML answers straight into one string: no tree, one pass over each text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace stratos::gateway::s3 {

// The text as character data. What XML 1.0 cannot say (most control characters, bytes that are not
// UTF-8) becomes U+FFFD.
void append_escaped(std::string& out, std::string_view text);

// The output is well-formed whatever the texts hold. Names are trusted.
class XmlWriter {
 public:
  // Writes the XML declaration.
  XmlWriter();

  XmlWriter& open(std::string_view name);
  // The document element, in S3's namespace.
  XmlWriter& open_root(std::string_view name);
  XmlWriter& close(std::string_view name);
  XmlWriter& element(std::string_view name, std::string_view text);
  XmlWriter& element(std::string_view name, const char* text) {
    return element(name, std::string_view(text));
  }
  XmlWriter& element(std::string_view name, std::uint64_t number);
  XmlWriter& element(std::string_view name, bool flag) {
    return element(name, flag ? std::string_view("true") : std::string_view("false"));
  }
  // 2026-11-21T15:04:05.123Z
  XmlWriter& element(std::string_view name, WallTime time);
  // A key, percent-encoded when the client asked for it: with %20 for a space, which decoders with
  // and without the rule that a plus is a space read right.
  XmlWriter& key(std::string_view name, std::string_view key, bool url_encoding);
  // The entity tag between quotes.
  XmlWriter& etag(std::string_view etag);

  // Character data of the element that is open.
  XmlWriter& characters(std::string_view text) {
    append_escaped(out_, text);
    return *this;
  }

  void reserve(std::size_t size_bytes) { out_.reserve(size_bytes); }
  std::string take() && { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace stratos::gateway::s3
