// Reads small XML documents from strangers: bounded size, elements and depth; no DTD, no entities
// but the predefined ones. Every refusal is Errc::malformed_xml.
#pragma once
#include <cstddef>
#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace stratos::gateway::s3 {

struct XmlLimits {
  std::size_t max_bytes = 2 << 20;
  std::size_t max_elements = 100'000;
  std::size_t max_depth = 16;
};

// An element of a document; valid as long as the document. Names are compared without their
// namespace prefix.
class XmlElement {
 public:
  explicit XmlElement(pugi::xml_node node) : node_(node) {}
  bool exists() const { return !node_.empty(); }
  std::string_view name() const;
  // All character data directly inside, also when comments split it.
  std::string text() const;
  // The first child element with this name; one that does not exist when there is none.
  XmlElement child(std::string_view name) const;
  XmlElement first_child() const;
  XmlElement next_sibling() const;

 private:
  pugi::xml_node node_;
};

class XmlDocument {
 public:
  static Result<XmlDocument> parse(ByteView text, const XmlLimits& limits);
  // The same of a document whose root has this name.
  static Result<XmlDocument> parse(ByteView text, std::string_view root, const XmlLimits& limits);
  XmlElement root() const { return XmlElement(document_->document_element()); }

 private:
  std::unique_ptr<pugi::xml_document> document_;
};

}  // namespace stratos::gateway::s3
