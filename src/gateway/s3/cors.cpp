#include "gateway/s3/cors.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/s3/policy.hpp"
#include "gateway/s3/policy_values.hpp"
#include "gateway/s3/xml_reader.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr XmlLimits kLimits{.max_bytes = 64 << 10, .max_elements = 4000, .max_depth = 4};
constexpr std::array<std::string_view, 5> kMethods = {"GET", "PUT", "POST", "DELETE", "HEAD"};

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// A question mark stands for itself here.
bool fits(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == text;
  const std::string_view head = pattern.substr(0, star);
  const std::string_view tail = pattern.substr(star + 1);
  return text.size() >= head.size() + tail.size() && text.starts_with(head) && text.ends_with(tail);
}

bool any_fits(const std::vector<std::string>& patterns, std::string_view text) {
  return std::ranges::any_of(patterns,
                             [text](const std::string& pattern) { return fits(pattern, text); });
}

bool headers_pass(const CorsRule& rule, std::string_view list) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string name = lower_case(trim(list.substr(0, end)));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (!name.empty() && !any_fits(rule.headers, name)) return false;
  }
  return true;
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

Result<std::string> pattern_of(const XmlElement& element) {
  std::string text = element.text();
  if (std::ranges::count(text, '*') <= 1) return text;
  return fail(Errc::invalid_request, std::string(element.name()) + " \"" + text +
                                         "\" can not have more than one wildcard.");
}

Result<void> read_rule_member(const XmlElement& element, CorsRule& rule) {
  const std::string_view name = element.name();
  if (name == "ID") {
    rule.id = element.text();
    if (rule.id.size() > 255) return fail(Errc::invalid_argument, "ID is too long");
  } else if (name == "AllowedOrigin") {
    STRATOS_TRY(std::string origin, pattern_of(element));
    rule.origins.push_back(std::move(origin));
  } else if (name == "AllowedMethod") {
    rule.methods.push_back(element.text());
    if (std::ranges::count(kMethods, rule.methods.back()) == 0) {
      return fail(Errc::invalid_request, "Found unsupported HTTP method in CORS config.");
    }
  } else if (name == "AllowedHeader") {
    STRATOS_TRY(const std::string header, pattern_of(element));
    rule.headers.push_back(lower_case(header));
  } else if (name == "ExposeHeader") {
    rule.exposed.push_back(element.text());
    const bool bad = std::ranges::any_of(rule.exposed.back(),
                                         [](char c) { return c == '*' || c < ' ' || c > '~'; });
    if (bad) return fail(Errc::invalid_request, "ExposeHeader contains an invalid character.");
  } else if (name == "MaxAgeSeconds") {
    const std::string text = element.text();
    std::uint32_t seconds = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc() || stop != end) return fail(Errc::malformed_xml, "MaxAgeSeconds");
    rule.max_age_s = seconds;
  } else {
    return fail(Errc::malformed_xml, "unknown element in CORSRule");
  }
  return {};
}

}  // namespace

const CorsRule* find_cors_rule(const std::vector<CorsRule>& rules, const CorsQuestion& question) {
  for (const CorsRule& rule : rules) {
    if (any_fits(rule.origins, question.origin) &&
        std::ranges::count(rule.methods, question.method) != 0 &&
        headers_pass(rule, question.headers)) {
      return &rule;
    }
  }
  return nullptr;
}

http::Headers cors_headers(const CorsRule& rule, const CorsQuestion& question, bool preflight) {
  http::Headers headers;
  const bool anybody = std::ranges::count(rule.origins, "*") != 0;
  headers.add("Access-Control-Allow-Origin", anybody ? "*" : std::string(question.origin));
  headers.add("Access-Control-Allow-Methods", joined(rule.methods));
  if (preflight && !question.headers.empty()) {
    headers.add("Access-Control-Allow-Headers", lower_case(question.headers));
  }
  if (!rule.exposed.empty()) headers.add("Access-Control-Expose-Headers", joined(rule.exposed));
  if (rule.max_age_s) headers.add("Access-Control-Max-Age", std::to_string(*rule.max_age_s));
  if (!anybody) headers.add("Access-Control-Allow-Credentials", "true");
  headers.add("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  return headers;
}

Result<std::vector<CorsRule>> parse_cors(ByteView text) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, kLimits));
  const XmlElement root = document.root();
  if (root.name() != "CORSConfiguration") return fail(Errc::malformed_xml);
  std::vector<CorsRule> rules;
  for (XmlElement e = root.first_child(); e.exists(); e = e.next_sibling()) {
    if (e.name() != "CORSRule") return fail(Errc::malformed_xml);
    if (rules.size() == kMaxCorsRules) return fail(Errc::malformed_xml, "more than 100 rules");
    CorsRule& rule = rules.emplace_back();
    for (XmlElement member = e.first_child(); member.exists(); member = member.next_sibling()) {
      STRATOS_CHECK(read_rule_member(member, rule));
    }
    if (rule.origins.empty() || rule.methods.empty()) return fail(Errc::malformed_xml);
  }
  if (rules.empty()) return fail(Errc::malformed_xml, "no rules");
  return rules;
}

std::string cors_document(const std::vector<CorsRule>& rules) {
  XmlWriter xml;
  xml.open_root("CORSConfiguration");
  for (const CorsRule& rule : rules) {
    xml.open("CORSRule");
    if (!rule.id.empty()) xml.element("ID", rule.id);
    for (const std::string& method : rule.methods) xml.element("AllowedMethod", method);
    for (const std::string& origin : rule.origins) xml.element("AllowedOrigin", origin);
    for (const std::string& header : rule.headers) xml.element("AllowedHeader", header);
    for (const std::string& header : rule.exposed) xml.element("ExposeHeader", header);
    if (rule.max_age_s) xml.element("MaxAgeSeconds", std::uint64_t{*rule.max_age_s});
    xml.close("CORSRule");
  }
  xml.close("CORSConfiguration");
  return std::move(xml).take();
}

}  // namespace stratos::gateway::s3
