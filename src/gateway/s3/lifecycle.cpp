#include "gateway/s3/lifecycle.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "gateway/s3/s3_time.hpp"
#include "gateway/s3/s3_xml_versions.hpp"
#include "gateway/s3/xml_reader.hpp"
#include "gateway/s3/xml_writer.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxIdBytes = 255;
constexpr std::int64_t kMidnightMs = 86'400'000;

auto malformed(std::string why) { return fail(Errc::malformed_xml, std::move(why)); }
auto invalid(std::string why) { return fail(Errc::invalid_argument, std::move(why)); }

template <class Number>
Result<Number> parse_number(const XmlElement& element, Number least) {
  const std::string text = element.text();
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return malformed(std::string(element.name()) + " is no number");
  }
  if (number < least) {
    return invalid("'" + std::string(element.name()) + "' must be a positive integer");
  }
  return number;
}

Result<bool> parse_flag(const XmlElement& element) {
  const std::string text = element.text();
  if (text == "true" || text == "false") return text == "true";
  return malformed(std::string(element.name()) + " is true or false");
}

Result<void> parse_tag(const XmlElement& element, LifecycleRule& rule) {
  if (!element.child("Key").exists()) return malformed("a tag needs a key");
  const bool is_new =
      rule.tags.emplace(element.child("Key").text(), element.child("Value").text()).second;
  return is_new ? Result<void>{} : invalid("Duplicate Tag Keys are not allowed.");
}

Result<void> parse_condition(const XmlElement& element, LifecycleRule& rule) {
  const std::string_view name = element.name();
  if (name == "Prefix") {
    rule.prefix = element.text();
    return {};
  }
  if (name == "Tag") return parse_tag(element, rule);
  if (name == "ObjectSizeGreaterThan") {
    STRATOS_TRY(rule.size_above, parse_number<std::uint64_t>(element, 0));
    return {};
  }
  if (name == "ObjectSizeLessThan") {
    STRATOS_TRY(rule.size_below, parse_number<std::uint64_t>(element, 1));
    return {};
  }
  return malformed("unknown filter");
}

// Several elements outside And mean the same to other services, and are written with it here.
Result<void> parse_filter(const XmlElement& filter, LifecycleRule& rule) {
  const XmlElement both = filter.child("And");
  if (both.exists() && both.next_sibling().exists()) return malformed("And stands alone");
  const XmlElement first = both.exists() ? both.first_child() : filter.first_child();
  for (XmlElement e = first; e.exists(); e = e.next_sibling()) {
    STRATOS_CHECK(parse_condition(e, rule));
  }
  return {};
}

Result<WallTime> parse_date(const XmlElement& element) {
  const auto date = parse_iso8601(element.text());
  if (!date) return malformed("a date is in ISO 8601");
  if (date->ms % kMidnightMs != 0) return invalid("'Date' must be at midnight GMT");
  return *date;
}

Result<void> parse_expiration(const XmlElement& expiration, LifecycleRule& rule) {
  const XmlElement element = expiration.first_child();
  if (!element.exists() || element.next_sibling().exists()) {
    return malformed("an expiration has one element");
  }
  if (element.name() == "Days") {
    STRATOS_TRY(rule.days, parse_number<std::uint32_t>(element, 1));
  } else if (element.name() == "Date") {
    STRATOS_TRY(rule.date, parse_date(element));
  } else if (element.name() == "ExpiredObjectDeleteMarker") {
    STRATOS_TRY(rule.expired_marker, parse_flag(element));
  } else {
    return malformed("unknown expiration");
  }
  return {};
}

Result<void> parse_noncurrent(const XmlElement& element, LifecycleRule& rule) {
  const XmlElement days = element.child("NoncurrentDays");
  const XmlElement newer = element.child("NewerNoncurrentVersions");
  if (!days.exists()) return malformed("NoncurrentDays is missing");
  STRATOS_TRY(rule.noncurrent_days, parse_number<std::uint32_t>(days, 1));
  if (newer.exists()) {
    STRATOS_TRY(rule.newer_noncurrent, parse_number<std::uint32_t>(newer, 1));
  }
  return {};
}

Result<void> parse_transition(const XmlElement& element) {
  if (const XmlElement date = element.child("Date"); date.exists()) {
    STRATOS_CHECK(parse_date(date));
  }
  return fail(Errc::not_implemented, "There is one storage class: nothing moves between them");
}

Result<void> parse_member(const XmlElement& element, LifecycleRule& rule) {
  const std::string_view name = element.name();
  if (name == "ID") {
    rule.id = element.text();
    if (rule.id.size() > kMaxIdBytes) return invalid("ID length should not exceed allowed limit");
    return {};
  }
  if (name == "Prefix") {
    rule.has_filter = false;
    rule.prefix = element.text();
    return {};
  }
  if (name == "Status") {
    const std::string status = element.text();
    rule.enabled = status == "Enabled";
    return rule.enabled || status == "Disabled" ? Result<void>{} : malformed("Status");
  }
  if (name == "Filter") return parse_filter(element, rule);
  if (name == "Expiration") return parse_expiration(element, rule);
  if (name == "NoncurrentVersionExpiration") return parse_noncurrent(element, rule);
  if (name == "AbortIncompleteMultipartUpload") {
    STRATOS_TRY(rule.abort_days,
                parse_number<std::uint32_t>(element.child("DaysAfterInitiation"), 1));
    return {};
  }
  if (name == "Transition" || name == "NoncurrentVersionTransition") {
    return parse_transition(element);
  }
  return malformed("unknown element of a rule");
}

Result<LifecycleRule> parse_rule(const XmlElement& element) {
  if (element.name() != "Rule") return malformed("expected Rule");
  if (!element.child("Status").exists()) return malformed("Status is missing");
  const bool both = element.child("Filter").exists() && element.child("Prefix").exists();
  const bool none = !element.child("Filter").exists() && !element.child("Prefix").exists();
  if (both || none) return malformed("a rule has either a filter or a prefix");
  LifecycleRule rule;
  for (XmlElement e = element.first_child(); e.exists(); e = e.next_sibling()) {
    STRATOS_CHECK(parse_member(e, rule));
  }
  STRATOS_CHECK(check_tags(rule.tags));
  const bool acts = rule.days || rule.date || rule.expired_marker || rule.noncurrent_days ||
                    rule.abort_days || element.child("Expiration").exists();
  if (!acts) return fail(Errc::invalid_request, "At least one action needs to be specified");
  const bool selective = !rule.tags.empty() || rule.size_above || rule.size_below;
  if (selective && rule.abort_days) {
    return fail(Errc::invalid_request,
                "AbortIncompleteMultipartUpload cannot be specified with Tags or sizes.");
  }
  return rule;
}

// All but the tags.
bool fits(const LifecycleRule& rule, const LifecycleItem& item) {
  const bool large_enough = !rule.size_above || item.size > *rule.size_above;
  const bool small_enough = !rule.size_below || item.size < *rule.size_below;
  return rule.enabled && item.key.starts_with(rule.prefix) && large_enough && small_enough;
}

bool tags_fit(const LifecycleRule& rule, const client::Tags& tags) {
  return std::ranges::all_of(rule.tags, [&tags](const auto& wanted) {
    const auto found = tags.find(wanted.first);
    return found != tags.end() && found->second == wanted.second;
  });
}

// Whether the rule's time has come for an item that fits.
bool is_due(const LifecycleRule& rule, const LifecycleItem& item, WallTime now, Duration day) {
  if (!item.latest) {
    return rule.noncurrent_days && item.newer_others >= rule.newer_noncurrent &&
           due_after(item.noncurrent_since, *rule.noncurrent_days, day) <= now;
  }
  if (item.marker && !item.only) return false;
  if (item.marker && rule.expired_marker) return true;
  if (rule.days && due_after(item.modified, *rule.days, day) <= now) return true;
  return !item.marker && rule.date && *rule.date <= now;
}

void write_filter(XmlWriter& xml, const LifecycleRule& rule) {
  if (!rule.has_filter) {
    xml.element("Prefix", rule.prefix);
    return;
  }
  const std::size_t sizes = (rule.size_above ? 1U : 0U) + (rule.size_below ? 1U : 0U);
  const bool several = rule.tags.size() + sizes + (rule.prefix.empty() ? 0U : 1U) > 1;
  xml.open("Filter");
  if (several) xml.open("And");
  if (!rule.prefix.empty() || rule.tags.size() + sizes == 0) xml.element("Prefix", rule.prefix);
  for (const auto& [key, value] : rule.tags) {
    xml.open("Tag").element("Key", key).element("Value", value).close("Tag");
  }
  if (rule.size_above) xml.element("ObjectSizeGreaterThan", *rule.size_above);
  if (rule.size_below) xml.element("ObjectSizeLessThan", *rule.size_below);
  if (several) xml.close("And");
  xml.close("Filter");
}

void write_rule(XmlWriter& xml, const LifecycleRule& rule) {
  const auto number = [&xml](std::string_view name, std::uint32_t value) {
    xml.element(name, std::uint64_t{value});
  };
  xml.open("Rule").element("ID", rule.id);
  write_filter(xml, rule);
  xml.element("Status", rule.enabled ? "Enabled" : "Disabled");
  if (rule.days || rule.date || rule.expired_marker) {
    xml.open("Expiration");
    if (rule.days) number("Days", *rule.days);
    if (rule.date) xml.element("Date", *rule.date);
    if (rule.expired_marker) xml.element("ExpiredObjectDeleteMarker", true);
    xml.close("Expiration");
  }
  if (rule.noncurrent_days) {
    xml.open("NoncurrentVersionExpiration");
    number("NoncurrentDays", *rule.noncurrent_days);
    if (rule.newer_noncurrent != 0) number("NewerNoncurrentVersions", rule.newer_noncurrent);
    xml.close("NoncurrentVersionExpiration");
  }
  if (rule.abort_days) {
    xml.open("AbortIncompleteMultipartUpload");
    number("DaysAfterInitiation", *rule.abort_days);
    xml.close("AbortIncompleteMultipartUpload");
  }
  xml.close("Rule");
}

}  // namespace

Result<LifecycleRules> parse_lifecycle(ByteView text) {
  STRATOS_TRY(const XmlDocument document, XmlDocument::parse(text, "LifecycleConfiguration", {}));
  LifecycleRules rules;
  std::set<std::string> ids;
  for (XmlElement e = document.root().first_child(); e.exists(); e = e.next_sibling()) {
    if (rules.size() == kMaxLifecycleRules) return malformed("too many rules");
    STRATOS_TRY(LifecycleRule rule, parse_rule(e));
    if (!rule.id.empty() && !ids.insert(rule.id).second) {
      return invalid("Rule ID must be unique. Found same ID for more than one rule");
    }
    rules.push_back(std::move(rule));
  }
  if (rules.empty()) return malformed("no rules");
  return rules;
}

std::string lifecycle_document(const LifecycleRules& rules) {
  XmlWriter xml;
  xml.open_root("LifecycleConfiguration");
  for (const LifecycleRule& rule : rules) write_rule(xml, rule);
  xml.close("LifecycleConfiguration");
  return std::move(xml).take();
}

WallTime due_after(WallTime from, std::uint32_t days, Duration day) {
  const std::int64_t day_ms = std::chrono::duration_cast<std::chrono::milliseconds>(day).count();
  const std::int64_t due = from.ms + std::int64_t{days} * day_ms;
  if (day_ms != kMidnightMs) return {due};
  return {(due + kMidnightMs - 1) / kMidnightMs * kMidnightMs};
}

LifecycleVerdict judge(const LifecycleRules& rules, const LifecycleItem& item, WallTime now,
                       Duration day, const client::Tags* tags) {
  const bool due = std::ranges::any_of(rules, [&](const LifecycleRule& rule) {
    if (!rule.tags.empty() && (!tags || item.marker || !tags_fit(rule, *tags))) return false;
    return fits(rule, item) && is_due(rule, item, now, day);
  });
  return due ? LifecycleVerdict::expire : LifecycleVerdict::keep;
}

bool needs_tags(const LifecycleRules& rules, const LifecycleItem& item, WallTime now,
                Duration day) {
  if (item.marker) return false;
  return std::ranges::any_of(rules, [&](const LifecycleRule& rule) {
    return !rule.tags.empty() && fits(rule, item) && is_due(rule, item, now, day);
  });
}

bool is_upload_due(const LifecycleRules& rules, std::string_view key, WallTime created,
                   WallTime now, Duration day) {
  return std::ranges::any_of(rules, [&](const LifecycleRule& rule) {
    return rule.enabled && rule.abort_days && key.starts_with(rule.prefix) &&
           due_after(created, *rule.abort_days, day) <= now;
  });
}

std::optional<std::string> expiration_header(const LifecycleRules& rules, std::string_view key,
                                             const client::ObjectInfo& info, Duration day) {
  const LifecycleItem item{.key = key, .size = info.size, .modified = info.modified};
  std::optional<WallTime> first;
  std::string_view id;
  for (const LifecycleRule& rule : rules) {
    if ((!rule.days && !rule.date) || !fits(rule, item)) continue;
    if (!tags_fit(rule, info.attributes.tags)) continue;
    const WallTime when = rule.days ? due_after(info.modified, *rule.days, day) : *rule.date;
    if (first && *first <= when) continue;
    first = when;
    id = rule.id;
  }
  if (!first) return std::nullopt;
  return "expiry-date=\"" + to_http_date(*first) + "\", rule-id=\"" +
         http::percent_encode(id, false) + "\"";
}

}  // namespace stratos::gateway::s3
