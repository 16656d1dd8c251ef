#include "gateway/s3/notification.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

using client::NoticeKind;
using meta::bit_of;

std::string rule_text(const std::string& inside, const std::string& kind = "Queue") {
  return "<" + kind + "Configuration><" + kind + ">arn:stratos:webhook:::hook</" + kind + ">" +
         inside + "</" + kind + "Configuration>";
}
std::string document(const std::string& rules) {
  return "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + rules +
         "</NotificationConfiguration>";
}
std::string event(const std::string& name) { return "<Event>" + name + "</Event>"; }
std::string filter(const std::string& name, const std::string& value) {
  return "<FilterRule><Name>" + name + "</Name><Value>" + value + "</Value></FilterRule>";
}
std::string filters(const std::string& inside) {
  return "<Filter><S3Key>" + inside + "</S3Key></Filter>";
}
const std::string kPut = event("s3:ObjectCreated:Put");

Result<NotificationRules> parse(const std::string& text) {
  return parse_notification(as_bytes(text));
}
Errc error_of(const std::string& rules) {
  const auto parsed = parse(document(rules));
  return parsed ? Errc{} : parsed.error().code();
}
std::uint32_t kinds_of(const std::string& events) {
  return parse(document(rule_text(events))).value().at(0).kinds;
}

TEST(NotificationConfig, MayAskForNothing) {
  EXPECT_TRUE(parse("<NotificationConfiguration/>").value().empty());
  EXPECT_TRUE(parse(document("\n")).value().empty());
  EXPECT_EQ(parse("<X/>").error().code(), Errc::malformed_xml);
}

TEST(NotificationConfig, ReadsWhatARuleSays) {
  const auto rules =
      parse(document(rule_text("<Id>one</Id>" + kPut + event("s3:ObjectRemoved:*") +
                               filters(filter("Prefix", "a/") + filter("suffix", ".jpg")))));
  ASSERT_EQ(rules.value().size(), 1U);
  const NotificationRule& rule = rules->at(0);
  EXPECT_FALSE(rule.topic);
  EXPECT_EQ(rule.id, "one");
  EXPECT_EQ(rule.webhook, "hook");
  EXPECT_EQ(rule.events, (std::vector<std::string>{"s3:ObjectCreated:Put", "s3:ObjectRemoved:*"}));
  EXPECT_EQ(rule.kinds, bit_of(NoticeKind::created_by_put) | bit_of(NoticeKind::removed) |
                            bit_of(NoticeKind::marker_created));
  EXPECT_EQ(rule.prefix, "a/");
  EXPECT_EQ(rule.suffix, ".jpg");
  EXPECT_TRUE(parse(document(rule_text(kPut, "Topic"))).value().at(0).topic);
}

TEST(NotificationConfig, WildcardsNameAllEventsOfAKind) {
  EXPECT_EQ(kinds_of(event("s3:ObjectCreated:*")),
            bit_of(NoticeKind::created_by_put) | bit_of(NoticeKind::created_by_form) |
                bit_of(NoticeKind::created_by_copy) | bit_of(NoticeKind::created_of_parts));
  EXPECT_EQ(kinds_of(event("s3:LifecycleExpiration:*")),
            bit_of(NoticeKind::expired) | bit_of(NoticeKind::marker_by_expiry));
  EXPECT_EQ(kinds_of(event("s3:ObjectTagging:*")),
            bit_of(NoticeKind::tags_put) | bit_of(NoticeKind::tags_removed));
}

TEST(NotificationConfig, EveryEventHasAName) {
  std::uint32_t all = 0;
  for (std::uint32_t kind = 1; kind <= 10; ++kind) {
    const std::string name(event_name(static_cast<NoticeKind>(kind)));
    all |= kinds_of(event("s3:" + name));
    EXPECT_EQ(kinds_of(event("s3:" + name)), 1U << kind) << name;
  }
  for (std::uint32_t kind = 11; kind <= 14; ++kind) {
    const std::string name(event_name(static_cast<NoticeKind>(kind)));
    all |= kinds_of(event("stratos:" + name));
    EXPECT_EQ(kinds_of(event("stratos:" + name)), 1U << kind) << name;
  }
  EXPECT_EQ(kinds_of(event("stratos:Retention:*")), 0xfU << 11);
  EXPECT_EQ(all, meta::kAllNoticeKinds);
}

TEST(NotificationConfig, RefusesWhatItCannotObey) {
  EXPECT_EQ(error_of(rule_text(event("s3:ObjectRestore:Post"))), Errc::not_implemented);
  EXPECT_EQ(error_of(rule_text(event("s3:ObjectAcl:Put"))), Errc::not_implemented);
  EXPECT_EQ(error_of("<CloudFunctionConfiguration/>"), Errc::not_implemented);
  EXPECT_EQ(error_of("<LambdaFunctionConfiguration/>"), Errc::not_implemented);
  EXPECT_EQ(error_of("<EventBridgeConfiguration/>"), Errc::not_implemented);
  for (const char* name : {"s3:ObjectCreated", "s3:*", "ObjectCreated:Put", "s3:ObjectCreated:Get",
                           "s3:TestEvent", "", "s3:objectcreated:put", "s3::*"}) {
    EXPECT_EQ(error_of(rule_text(event(name))), Errc::invalid_argument) << name;
  }
}

TEST(NotificationConfig, RefusesWhatIsNoRule) {
  EXPECT_EQ(error_of("<Rule/>"), Errc::malformed_xml);
  EXPECT_EQ(error_of(rule_text("")), Errc::malformed_xml) << "no event";
  EXPECT_EQ(error_of("<QueueConfiguration>" + kPut + "</QueueConfiguration>"), Errc::malformed_xml);
  EXPECT_EQ(error_of(rule_text(kPut + "<Else/>")), Errc::malformed_xml);
  EXPECT_EQ(error_of(rule_text(kPut + "<Filter><Tag/></Filter>")), Errc::malformed_xml);
  EXPECT_EQ(error_of(rule_text(kPut + filters("<FilterRule><Name>prefix</Name></FilterRule>"))),
            Errc::malformed_xml);
  EXPECT_EQ(error_of(rule_text(kPut + filters(filter("infix", "a")))), Errc::invalid_argument);
  EXPECT_EQ(error_of(rule_text(kPut + filters(filter("prefix", "a") + filter("prefix", "b")))),
            Errc::invalid_argument);
  EXPECT_EQ(error_of(rule_text(kPut + filters(filter("prefix", std::string(1025, 'a'))))),
            Errc::invalid_argument);
  EXPECT_EQ(error_of(rule_text(kPut + "<Id>" + std::string(256, 'i') + "</Id>")),
            Errc::invalid_argument);
  std::string many;
  for (int i = 0; i < 101; ++i) many += rule_text(kPut);
  EXPECT_EQ(error_of(many), Errc::invalid_argument);
}

TEST(NotificationConfig, KnowsOneFormOfArn) {
  EXPECT_EQ(webhook_arn("hook"), "arn:stratos:webhook:::hook");
  for (const char* arn : {"hook", "arn:aws:sqs:us-east-1:1:hook", "arn:stratos:webhook:::",
                          "arn:stratos:webhook:us-east-1::hook", "arn:stratos:webhook:::a/b", ""}) {
    const std::string rule = "<QueueConfiguration><Queue>" + std::string(arn) + "</Queue>" + kPut +
                             "</QueueConfiguration>";
    EXPECT_EQ(error_of(rule), Errc::invalid_argument) << arn;
  }
}

NotificationRule made(std::uint32_t kinds, std::string prefix, std::string suffix, std::string id) {
  NotificationRule rule;
  rule.kinds = kinds;
  rule.prefix = std::move(prefix);
  rule.suffix = std::move(suffix);
  rule.id = std::move(id);
  return rule;
}

TEST(NotificationConfig, RulesMustNotFitOneEventTwice) {
  const auto fits = [](const NotificationRule& a, const NotificationRule& b) {
    return check_notification({a, b}).has_value();
  };
  EXPECT_FALSE(fits(made(1, "", "", "a"), made(1, "", "", "b")));
  EXPECT_FALSE(fits(made(1, "img/", "", "a"), made(3, "img", "", "b")));
  EXPECT_FALSE(fits(made(1, "img", ".jpg", "a"), made(1, "img/", "g", "b")));
  EXPECT_FALSE(fits(made(1, "img/", "", "a"), made(1, "", ".jpg", "b")));
  EXPECT_TRUE(fits(made(1, "", "", "a"), made(2, "", "", "b")));
  EXPECT_TRUE(fits(made(1, "a/", "", "a"), made(1, "b/", "", "b")));
  EXPECT_TRUE(fits(made(1, "", ".jpg", "a"), made(1, "", ".png", "b")));
  EXPECT_FALSE(fits(made(1, "", "", "same"), made(2, "", "", "same")));
  EXPECT_TRUE(fits(made(1, "", "", ""), made(2, "", "", "")));
}

TEST(NotificationConfig, IsWrittenAsItCanBeRead) {
  const std::string text =
      document(rule_text("<Id>&lt;1&gt;</Id>" + kPut + filters(filter("suffix", "&amp;"))) +
               rule_text("<Id>2</Id>" + event("s3:ObjectTagging:*"), "Topic"));
  const std::string written = notification_document(parse(text).value());
  EXPECT_EQ(notification_document(parse(written).value()), written);
  EXPECT_NE(written.find("<TopicConfiguration><Id>2</Id><Topic>arn:stratos:webhook:::hook</Topic>"
                         "<Event>s3:ObjectTagging:*</Event></TopicConfiguration>"),
            written.npos)
      << written;
  EXPECT_NE(written.find("<Filter><S3Key><FilterRule><Name>Suffix</Name><Value>&amp;</Value>"),
            written.npos)
      << written;
  const auto rules = notice_rules(parse(text).value());
  EXPECT_EQ(rules.at(0).id, "<1>");
  EXPECT_EQ(rules.at(0).target, "hook");
  EXPECT_EQ(rules.at(0).suffix, "&");
  EXPECT_EQ(rules.at(0).kinds, bit_of(NoticeKind::created_by_put));
}

}  // namespace
}  // namespace stratos::gateway::s3
