#include "gateway/s3/xml_reader.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/s3/utf8.hpp"

namespace stratos::gateway::s3 {
namespace {

// Text that is only white space counts when it is all an element holds: " " is a legal key.
constexpr unsigned kParseOptions = pugi::parse_default | pugi::parse_ws_pcdata_single;

auto malformed(std::string why) { return fail(Errc::malformed_xml, std::move(why)); }

bool is_character(std::uint32_t code) {
  return code != 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

// The parser works on zero-terminated strings and would cut a text at "&#0;".
Result<void> check_character_references(std::string_view text) {
  for (std::size_t at = text.find("&#"); at != text.npos; at = text.find("&#", at + 2)) {
    const bool hex = at + 2 < text.size() && text[at + 2] == 'x';
    const char* begin = text.data() + at + (hex ? 3 : 2);
    const char* end = text.data() + text.size();
    std::uint32_t code = 0;
    const auto [stop, error] = std::from_chars(begin, end, code, hex ? 16 : 10);
    if (error != std::errc() || stop == end || *stop != ';' || !is_character(code)) {
      return malformed("bad character reference");
    }
  }
  return {};
}

Result<void> check_text(std::string_view text, const XmlLimits& limits) {
  if (text.size() > limits.max_bytes) return malformed("document is too large");
  // The cheapest look first.
  const auto tags = static_cast<std::size_t>(std::ranges::count(text, '<'));
  if (tags > 2 * limits.max_elements) return malformed("document has too many elements");
  if (text.contains("<!DOCTYPE")) return malformed("document types are not accepted");
  if (text.contains('\0') || !is_utf8(text)) return malformed("document is not UTF-8 text");
  return check_character_references(text);
}

// Pre-order walk without recursion.
bool deeper_than(pugi::xml_node root, std::size_t max_depth) {
  std::size_t depth = 1;
  pugi::xml_node node = root;
  while (node) {
    if (depth > max_depth) return true;
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node != root && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (node == root) return false;
    node = node.next_sibling();
  }
  return false;
}

std::string_view local_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == name.npos ? name : name.substr(colon + 1);
}

pugi::xml_node skip_to_element(pugi::xml_node node) {
  while (node && node.type() != pugi::node_element) node = node.next_sibling();
  return node;
}

std::size_t count_elements(pugi::xml_node document) {
  std::size_t count = 0;
  for (pugi::xml_node child : document.children()) count += child.type() == pugi::node_element;
  return count;
}

}  // namespace

std::string_view XmlElement::name() const { return local_name(node_.name()); }

std::string XmlElement::text() const {
  std::string all;
  for (pugi::xml_node child : node_.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) all += child.value();
  }
  return all;
}

XmlElement XmlElement::child(std::string_view name) const {
  XmlElement element = first_child();
  while (element.exists() && element.name() != name) element = element.next_sibling();
  return element;
}

XmlElement XmlElement::first_child() const {
  return XmlElement(skip_to_element(node_.first_child()));
}

XmlElement XmlElement::next_sibling() const {
  return XmlElement(skip_to_element(node_.next_sibling()));
}

Result<XmlDocument> XmlDocument::parse(ByteView text, const XmlLimits& limits) {
  STRATOS_CHECK(check_text(as_text(text), limits));
  XmlDocument parsed;
  parsed.document_ = std::make_unique<pugi::xml_document>();
  const pugi::xml_parse_result result =
      parsed.document_->load_buffer(text.data(), text.size(), kParseOptions, pugi::encoding_utf8);
  if (!result) return malformed(result.description());
  if (count_elements(*parsed.document_) != 1) return malformed("not one document element");
  if (deeper_than(parsed.document_->document_element(), limits.max_depth)) {
    return malformed("document is nested too deeply");
  }
  return parsed;
}

Result<XmlDocument> XmlDocument::parse(ByteView text, std::string_view root,
                                       const XmlLimits& limits) {
  STRATOS_TRY(XmlDocument document, parse(text, limits));
  if (document.root().name() != root) return malformed("expected " + std::string(root));
  return document;
}

}  // namespace stratos::gateway::s3
