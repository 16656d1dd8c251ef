#include "gateway/s3/notification.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "gateway/s3/xml_reader.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

using client::NoticeKind;
using meta::bit_of;

constexpr XmlLimits kLimits{.max_bytes = 128 << 10, .max_elements = 5000, .max_depth = 8};
constexpr std::string_view kArnPrefix = "arn:stratos:webhook:::";
constexpr std::size_t kMaxIdBytes = 255;
constexpr std::size_t kMaxFilterBytes = 1024;
constexpr std::size_t kMaxEvents = 32;  // of one rule

struct EventName {
  NoticeKind kind;
  std::string_view name;
};
constexpr std::array kEvents = {
    EventName{NoticeKind::created_by_put, "ObjectCreated:Put"},
    EventName{NoticeKind::created_by_form, "ObjectCreated:Post"},
    EventName{NoticeKind::created_by_copy, "ObjectCreated:Copy"},
    EventName{NoticeKind::created_of_parts, "ObjectCreated:CompleteMultipartUpload"},
    EventName{NoticeKind::removed, "ObjectRemoved:Delete"},
    EventName{NoticeKind::marker_created, "ObjectRemoved:DeleteMarkerCreated"},
    EventName{NoticeKind::expired, "LifecycleExpiration:Delete"},
    EventName{NoticeKind::marker_by_expiry, "LifecycleExpiration:DeleteMarkerCreated"},
    EventName{NoticeKind::tags_put, "ObjectTagging:Put"},
    EventName{NoticeKind::tags_removed, "ObjectTagging:Delete"},
};
// Of this program's own.
constexpr std::array kOwnEvents = {
    EventName{NoticeKind::payment_warning, "Retention:Warning"},
    EventName{NoticeKind::payment_renewed, "Retention:Renewed"},
    EventName{NoticeKind::payment_grace, "Retention:Grace"},
    EventName{NoticeKind::payment_removed, "Retention:Removed"},
};

// Events of S3 that nothing here brings about: a rule for them would never be obeyed.
constexpr std::array<std::string_view, 6> kForeignEvents = {
    "ReducedRedundancyLostObject", "ObjectRestore:",     "Replication:",
    "LifecycleTransition",         "IntelligentTiering", "ObjectAcl:"};

auto malformed(std::string why) { return fail(Errc::malformed_xml, std::move(why)); }
auto invalid(std::string why) { return fail(Errc::invalid_argument, std::move(why)); }

// "ObjectCreated:*" asks for all that begins so.
std::uint32_t find_kinds(std::span<const EventName> events, std::string_view name) {
  const bool wild = name.ends_with(":*");
  const std::string_view family = name.substr(0, name.size() - (wild ? 1 : 0));
  std::uint32_t kinds = 0;
  for (const EventName& event : events) {
    const bool named = wild ? event.name.starts_with(family) : event.name == name;
    if (named) kinds |= bit_of(event.kind);
  }
  return kinds;
}

Result<std::uint32_t> parse_event(std::string_view text) {
  constexpr std::string_view kService = "s3:";
  constexpr std::string_view kOwn = "stratos:";
  const std::string_view name = text.substr(std::min(text.size(), kService.size()));
  if (text.starts_with(kService)) {
    if (const std::uint32_t kinds = find_kinds(kEvents, name); kinds != 0) return kinds;
  }
  if (text.starts_with(kOwn)) {
    const std::uint32_t kinds = find_kinds(kOwnEvents, text.substr(kOwn.size()));
    if (kinds != 0) return kinds;
  }
  const auto begins = [name](std::string_view foreign) { return name.starts_with(foreign); };
  if (text.starts_with(kService) && std::ranges::any_of(kForeignEvents, begins)) {
    return fail(Errc::not_implemented, "No " + std::string(name) + " event happens here.");
  }
  return invalid("The event is not supported for notifications");
}

Result<std::string> parse_arn(const std::string& text) {
  const bool fits =
      text.starts_with(kArnPrefix) && meta::is_target_name(text.substr(kArnPrefix.size()));
  if (!fits) return invalid("The ARN is not that of a webhook: arn:stratos:webhook:::NAME");
  return text.substr(kArnPrefix.size());
}

bool equals_lower(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

Result<void> parse_filter_rule(const XmlElement& element, NotificationRule& rule, bool (&seen)[2]) {
  std::optional<std::string> name;
  std::optional<std::string> value;
  for (XmlElement e = element.first_child(); e.exists(); e = e.next_sibling()) {
    std::optional<std::string>* const part = e.name() == "Name"    ? &name
                                             : e.name() == "Value" ? &value
                                                                   : nullptr;
    if (part == nullptr || *part) return malformed("unexpected element in FilterRule");
    *part = e.text();
  }
  if (!name || !value) return malformed("a FilterRule needs Name and Value");
  const bool prefix = equals_lower(*name, "prefix");
  if (!prefix && !equals_lower(*name, "suffix")) {
    return invalid("filter rule name must be either prefix or suffix");
  }
  if (std::exchange(seen[prefix ? 0 : 1], true)) {
    return invalid("Cannot specify more than one prefix or suffix rule in a filter.");
  }
  if (value->size() > kMaxFilterBytes) return invalid("filter value cannot exceed 1024 bytes");
  (prefix ? rule.prefix : rule.suffix) = std::move(*value);
  return {};
}

Result<void> parse_filter(const XmlElement& filter, NotificationRule& rule) {
  bool seen[2] = {false, false};
  for (XmlElement key = filter.first_child(); key.exists(); key = key.next_sibling()) {
    if (key.name() != "S3Key") return malformed("unexpected element in Filter");
    for (XmlElement e = key.first_child(); e.exists(); e = e.next_sibling()) {
      if (e.name() != "FilterRule") return malformed("unexpected element in S3Key");
      STRATOS_CHECK(parse_filter_rule(e, rule, seen));
    }
  }
  return {};
}

Result<NotificationRule> parse_rule(const XmlElement& element, std::string_view arn_name) {
  NotificationRule rule;
  rule.topic = arn_name == "Topic";
  for (XmlElement e = element.first_child(); e.exists(); e = e.next_sibling()) {
    if (e.name() == "Id") {
      rule.id = e.text();
      if (rule.id.size() > kMaxIdBytes) return invalid("ID length should not exceed 255.");
    } else if (e.name() == arn_name) {
      if (!rule.webhook.empty()) return malformed("two destinations of one rule");
      STRATOS_TRY(rule.webhook, parse_arn(e.text()));
    } else if (e.name() == "Event") {
      if (rule.events.size() == kMaxEvents) return malformed("too many events of one rule");
      STRATOS_TRY(const std::uint32_t kinds, parse_event(e.text()));
      rule.kinds |= kinds;
      rule.events.push_back(e.text());
    } else if (e.name() == "Filter") {
      STRATOS_CHECK(parse_filter(e, rule));
    } else {
      return malformed("unexpected element in " + std::string(element.name()));
    }
  }
  if (rule.webhook.empty() || rule.events.empty()) {
    return malformed("a rule needs a destination and events");
  }
  return rule;
}

bool overlap(const NotificationRule& a, const NotificationRule& b) {
  const bool prefixes = a.prefix.starts_with(b.prefix) || b.prefix.starts_with(a.prefix);
  const bool suffixes = a.suffix.ends_with(b.suffix) || b.suffix.ends_with(a.suffix);
  return (a.kinds & b.kinds) != 0 && prefixes && suffixes;
}

void write_filter_rule(XmlWriter& xml, std::string_view name, const std::string& value) {
  if (value.empty()) return;
  xml.open("FilterRule").element("Name", name).element("Value", value).close("FilterRule");
}

}  // namespace

std::string webhook_arn(std::string_view name) {
  return std::string(kArnPrefix) + std::string(name);
}

Result<NotificationRules> parse_notification(ByteView text) {
  STRATOS_TRY(const XmlDocument document,
              XmlDocument::parse(text, "NotificationConfiguration", kLimits));
  const XmlElement root = document.root();
  NotificationRules rules;
  for (XmlElement e = root.first_child(); e.exists(); e = e.next_sibling()) {
    const bool queue = e.name() == "QueueConfiguration";
    if (!queue && e.name() != "TopicConfiguration") {
      const bool known = e.name() == "CloudFunctionConfiguration" ||
                         e.name() == "LambdaFunctionConfiguration" ||
                         e.name() == "EventBridgeConfiguration";
      if (!known) return malformed("unexpected element " + std::string(e.name()));
      return fail(Errc::not_implemented,
                  "Notifications go to webhooks, as queues or topics; there are no functions and "
                  "no event buses.");
    }
    if (rules.size() == meta::kMaxNoticeRules) {
      return invalid("A notification configuration has at most 100 rules.");
    }
    STRATOS_TRY(NotificationRule rule, parse_rule(e, queue ? "Queue" : "Topic"));
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<void> check_notification(const NotificationRules& rules) {
  for (auto rule = rules.begin(); rule != rules.end(); ++rule) {
    for (auto other = rules.begin(); other != rule; ++other) {
      if (!rule->id.empty() && rule->id == other->id) {
        return invalid("Same ID used for multiple configurations. IDs must be unique");
      }
      if (!overlap(*rule, *other)) continue;
      return invalid(
          "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if "
          "the prefixes are overlapping for the same event type.");
    }
  }
  return {};
}

std::string notification_document(const NotificationRules& rules) {
  XmlWriter xml;
  xml.open_root("NotificationConfiguration");
  for (const NotificationRule& rule : rules) {
    const std::string_view name = rule.topic ? "TopicConfiguration" : "QueueConfiguration";
    xml.open(name).element("Id", rule.id);
    xml.element(rule.topic ? "Topic" : "Queue", webhook_arn(rule.webhook));
    for (const std::string& event : rule.events) xml.element("Event", event);
    if (!rule.prefix.empty() || !rule.suffix.empty()) {
      xml.open("Filter").open("S3Key");
      write_filter_rule(xml, "Prefix", rule.prefix);
      write_filter_rule(xml, "Suffix", rule.suffix);
      xml.close("S3Key").close("Filter");
    }
    xml.close(name);
  }
  xml.close("NotificationConfiguration");
  return std::move(xml).take();
}

std::vector<client::NoticeRule> notice_rules(const NotificationRules& rules) {
  std::vector<client::NoticeRule> wanted;
  for (const NotificationRule& rule : rules) {
    wanted.push_back({rule.id, rule.webhook, rule.kinds, rule.prefix, rule.suffix});
  }
  return wanted;
}

std::string_view event_name(NoticeKind kind) {
  const auto found = std::ranges::find(kEvents, kind, &EventName::kind);
  if (found != kEvents.end()) return found->name;
  const auto own = std::ranges::find(kOwnEvents, kind, &EventName::kind);
  return own == kOwnEvents.end() ? "Unknown" : own->name;
}

}  // namespace stratos::gateway::s3
