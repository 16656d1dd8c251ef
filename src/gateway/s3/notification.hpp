// A bucket's notification configuration: read strictly, checked as S3 does, written in one form.
#pragma once
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "client/notice.hpp"

namespace stratos::gateway::s3 {

struct NotificationRule {
  bool topic = false;  // as it was sent: a topic, else a queue; both are webhooks
  std::string id;
  std::string webhook;              // its name
  std::vector<std::string> events;  // as they were sent
  std::uint32_t kinds = 0;          // what they ask for
  std::string prefix;
  std::string suffix;
};
using NotificationRules = std::vector<NotificationRule>;

// arn:stratos:webhook:::NAME
std::string webhook_arn(std::string_view name);

// Rules without an id keep an empty one. Errc::malformed_xml, Errc::invalid_argument,
// Errc::not_implemented for functions, event buses and events that never happen here.
Result<NotificationRules> parse_notification(ByteView text);
// No two rules with one id; none that may both fit one event. Errc::invalid_argument.
Result<void> check_notification(const NotificationRules& rules);
std::string notification_document(const NotificationRules& rules);
// The same for the index.
std::vector<client::NoticeRule> notice_rules(const NotificationRules& rules);

// "ObjectCreated:Put", as records have it.
std::string_view event_name(client::NoticeKind kind);

}  // namespace stratos::gateway::s3
