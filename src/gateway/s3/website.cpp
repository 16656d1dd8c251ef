#include "gateway/s3/website.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/s3/xml_reader.hpp"
#include "gateway/s3/xml_writer.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {
namespace {

auto malformed(std::string why) { return fail(Errc::malformed_xml, std::move(why)); }

Result<int> parse_status(const XmlElement& element, int least, int most) {
  const std::string text = element.text();
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  const bool good =
      error == std::errc() && end == text.data() + text.size() && status >= least && status <= most;
  if (good) return status;
  return fail(Errc::invalid_request, "The provided HTTP status is not valid: " + text);
}

// A line break would end the header that it becomes part of.
Result<std::string> parse_text(const XmlElement& element) {
  std::string text = element.text();
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control) return malformed("control characters");
  return text;
}

Result<std::string> parse_protocol(const XmlElement& element) {
  const std::string protocol = element.text();
  if (protocol == "http" || protocol == "https") return protocol;
  return fail(Errc::invalid_request, "Invalid protocol, protocol can be http or https.");
}

Result<WebsiteRedirect> parse_redirect(const XmlElement& element) {
  WebsiteRedirect redirect;
  for (XmlElement e = element.first_child(); e.exists(); e = e.next_sibling()) {
    const std::string_view name = e.name();
    if (name == "HostName") {
      STRATOS_TRY(redirect.host, parse_text(e));
    } else if (name == "Protocol") {
      STRATOS_TRY(redirect.protocol, parse_protocol(e));
    } else if (name == "ReplaceKeyPrefixWith") {
      STRATOS_TRY(redirect.replace_prefix, parse_text(e));
    } else if (name == "ReplaceKeyWith") {
      STRATOS_TRY(redirect.replace_key, parse_text(e));
    } else if (name == "HttpRedirectCode") {
      STRATOS_TRY(redirect.status, parse_status(e, 301, 308));
    } else {
      return malformed("unknown element of a redirect");
    }
  }
  if (redirect.replace_prefix && redirect.replace_key) {
    return fail(Errc::invalid_request,
                "You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
  }
  return redirect;
}

Result<RoutingRule> parse_route(const XmlElement& element) {
  if (element.name() != "RoutingRule") return malformed("expected RoutingRule");
  if (!element.child("Redirect").exists()) return malformed("Redirect is missing");
  RoutingRule rule;
  const XmlElement condition = element.child("Condition");
  for (XmlElement e = condition.first_child(); e.exists(); e = e.next_sibling()) {
    if (e.name() == "KeyPrefixEquals") {
      rule.key_prefix = e.text();
    } else if (e.name() == "HttpErrorCodeReturnedEquals") {
      STRATOS_TRY(rule.error, parse_status(e, 400, 599));
    } else {
      return malformed("unknown condition");
    }
  }
  if (condition.exists() && !condition.first_child().exists()) {
    return fail(Errc::invalid_request, "Condition cannot be empty.");
  }
  STRATOS_TRY(rule.redirect, parse_redirect(element.child("Redirect")));
  return rule;
}

Result<void> parse_member(const XmlElement& element, WebsiteRules& rules) {
  const std::string_view name = element.name();
  if (name == "IndexDocument") {
    STRATOS_TRY(rules.index_suffix, parse_text(element.child("Suffix")));
    const bool good =
        !rules.index_suffix.empty() && rules.index_suffix.find('/') == std::string::npos;
    return good ? Result<void>{}
                : fail(Errc::invalid_argument, "The IndexDocument Suffix is not well formed");
  }
  if (name == "ErrorDocument") {
    STRATOS_TRY(rules.error_key, parse_text(element.child("Key")));
    return rules.error_key.empty() ? malformed("Key is missing") : Result<void>{};
  }
  if (name == "RedirectAllRequestsTo") {
    STRATOS_TRY(rules.redirect_all, parse_redirect(element));
    return rules.redirect_all->host.empty() ? malformed("HostName is missing") : Result<void>{};
  }
  if (name == "RoutingRules") {
    for (XmlElement e = element.first_child(); e.exists(); e = e.next_sibling()) {
      if (rules.routes.size() == kMaxRoutingRules) return malformed("too many routing rules");
      STRATOS_TRY(RoutingRule rule, parse_route(e));
      rules.routes.push_back(std::move(rule));
    }
    return {};
  }
  return malformed("unknown element of a website");
}

void write_redirect(XmlWriter& xml, std::string_view name, const WebsiteRedirect& redirect) {
  xml.open(name);
  if (!redirect.host.empty()) xml.element("HostName", redirect.host);
  if (!redirect.protocol.empty()) xml.element("Protocol", redirect.protocol);
  if (redirect.replace_prefix) xml.element("ReplaceKeyPrefixWith", *redirect.replace_prefix);
  if (redirect.replace_key) xml.element("ReplaceKeyWith", *redirect.replace_key);
  if (redirect.status != 301) {
    xml.element("HttpRedirectCode", static_cast<std::uint64_t>(redirect.status));
  }
  xml.close(name);
}

void write_route(XmlWriter& xml, const RoutingRule& rule) {
  xml.open("RoutingRule");
  if (!rule.key_prefix.empty() || rule.error) {
    xml.open("Condition");
    if (!rule.key_prefix.empty()) xml.element("KeyPrefixEquals", rule.key_prefix);
    if (rule.error) {
      xml.element("HttpErrorCodeReturnedEquals", static_cast<std::uint64_t>(*rule.error));
    }
    xml.close("Condition");
  }
  write_redirect(xml, "Redirect", rule.redirect);
  xml.close("RoutingRule");
}

std::string url_of(const WebsiteRedirect& redirect, std::string_view host, std::string_view key) {
  const std::string path = "/" + http::percent_encode(key, true);
  if (redirect.host.empty() && redirect.protocol.empty()) return path;
  std::string url = redirect.protocol.empty() ? "http" : redirect.protocol;
  return url.append("://").append(redirect.host.empty() ? host : redirect.host).append(path);
}

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

}  // namespace

Result<WebsiteRules> parse_website(ByteView text) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, "WebsiteConfiguration", {}));
  WebsiteRules rules;
  for (XmlElement e = document.root().first_child(); e.exists(); e = e.next_sibling()) {
    STRATOS_CHECK(parse_member(e, rules));
  }
  const bool more =
      !rules.index_suffix.empty() || !rules.error_key.empty() || !rules.routes.empty();
  if (rules.redirect_all && more) {
    return fail(
        Errc::invalid_request,
        "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.");
  }
  if (!rules.redirect_all && rules.index_suffix.empty()) {
    return fail(Errc::invalid_argument,
                "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is "
                "empty");
  }
  return rules;
}

std::string website_document(const WebsiteRules& rules) {
  XmlWriter xml;
  xml.open_root("WebsiteConfiguration");
  if (rules.redirect_all) write_redirect(xml, "RedirectAllRequestsTo", *rules.redirect_all);
  if (!rules.index_suffix.empty()) {
    xml.open("IndexDocument").element("Suffix", rules.index_suffix).close("IndexDocument");
  }
  if (!rules.error_key.empty()) {
    xml.open("ErrorDocument").element("Key", rules.error_key).close("ErrorDocument");
  }
  if (!rules.routes.empty()) {
    xml.open("RoutingRules");
    for (const RoutingRule& rule : rules.routes) write_route(xml, rule);
    xml.close("RoutingRules");
  }
  xml.close("WebsiteConfiguration");
  return std::move(xml).take();
}

std::string key_of_path(const WebsiteRules& rules, std::string_view path) {
  std::string key(path.substr(path.starts_with('/') ? 1 : 0));
  if (key.empty() || key.ends_with('/')) key += rules.index_suffix;
  return key;
}

std::optional<WebsiteTarget> find_route(const WebsiteRules& rules, std::string_view key, int error,
                                        std::string_view host) {
  const auto rule = std::ranges::find_if(rules.routes, [&](const RoutingRule& r) {
    return key.starts_with(r.key_prefix) && r.error.value_or(0) == error;
  });
  if (rule == rules.routes.end()) return std::nullopt;
  const WebsiteRedirect& redirect = rule->redirect;
  std::string target(key);
  if (redirect.replace_key) target = *redirect.replace_key;
  if (redirect.replace_prefix) {
    target = *redirect.replace_prefix + std::string(key.substr(rule->key_prefix.size()));
  }
  return WebsiteTarget{url_of(redirect, host, target), redirect.status};
}

std::optional<WebsiteTarget> redirect_of_all(const WebsiteRules& rules, std::string_view key) {
  if (!rules.redirect_all) return std::nullopt;
  WebsiteRedirect redirect = *rules.redirect_all;
  if (redirect.protocol.empty()) redirect.protocol = "http";
  return WebsiteTarget{url_of(redirect, redirect.host, key), 301};
}

std::string error_page(int status, std::string_view code, std::string_view message) {
  const std::string title = std::to_string(status) + " " + escaped(code);
  return "<!DOCTYPE html>\n<html>\n<head><title>" + title + "</title></head>\n<body>\n<h1>" +
         title + "</h1>\n<p>" + escaped(message) + "</p>\n</body>\n</html>\n";
}

}  // namespace stratos::gateway::s3
