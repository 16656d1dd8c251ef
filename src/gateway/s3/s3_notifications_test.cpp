// Notification configurations over the protocol, and what is said of who brought a change about.
#include "gateway/s3/notifier.hpp"
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

class S3Notifications : public ServiceFixture {
 protected:
  S3Notifications() {
    NotifierOptions wanted;
    wanted.webhooks.push_back(make_webhook("hook", "http://127.0.0.1:1/").value());
    notifier_ = std::make_unique<Notifier>(runtime_, objects_, metrics_, std::move(wanted));
    ServiceOptions with = options();
    with.notifier = notifier_.get();
    restart(std::move(with));
    make_box();
  }
  static std::string rule(const std::string& inside, const std::string& webhook = "hook") {
    return "<NotificationConfiguration><QueueConfiguration><Queue>arn:stratos:webhook:::" +
           webhook + "</Queue>" + inside + "</QueueConfiguration></NotificationConfiguration>";
  }
  Answer configure(const std::string& text, HeaderList headers = {}) {
    return ask("PUT", "/box?notification", std::move(headers), text);
  }
  void tell_all() { ASSERT_EQ(configure(rule(kCreated)).status, 200); }
  const client::Cause* last_cause() const { return objects_.last_cause.get(); }

  static constexpr const char* kCreated = "<Event>s3:ObjectCreated:*</Event>";
  std::unique_ptr<Notifier> notifier_;
};

TEST_F(S3Notifications, AreGivenBackAsTheyWereSet) {
  EXPECT_EQ(ask("GET", "/box?notification").at("QueueConfiguration"), "(none)");
  const std::string filter =
      "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>a/</Value></FilterRule></S3Key>"
      "</Filter>";
  ASSERT_EQ(configure(rule("<Id>mine</Id>" + std::string(kCreated) + filter)).status, 200);
  const Answer answer = ask("GET", "/box?notification");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.at("QueueConfiguration/Id"), "mine");
  EXPECT_EQ(answer.at("QueueConfiguration/Queue"), "arn:stratos:webhook:::hook");
  EXPECT_EQ(answer.at("QueueConfiguration/Event"), "s3:ObjectCreated:*");
  EXPECT_EQ(answer.at("QueueConfiguration/Filter/S3Key/FilterRule/Value"), "a/");
  const client::NotificationConfig& stored = objects_.last_notifications;
  ASSERT_EQ(stored.rules.size(), 1U);
  EXPECT_EQ(stored.rules[0].prefix, "a/");
  EXPECT_EQ(stored.rules[0].target, "hook");
}

TEST_F(S3Notifications, EndWithAnEmptyConfiguration) {
  tell_all();
  ASSERT_EQ(configure("<NotificationConfiguration/>").status, 200);
  EXPECT_FALSE(objects_.last_notifications.document);
  EXPECT_TRUE(objects_.last_notifications.rules.empty());
  EXPECT_FALSE(objects_.last_notifications.test);
  EXPECT_EQ(ask("GET", "/box?notification").at("QueueConfiguration"), "(none)");
}

TEST_F(S3Notifications, RulesWithoutAnIdGetOne) {
  tell_all();
  EXPECT_EQ(ask("GET", "/box?notification").at("QueueConfiguration/Id").size(), 32U);
  EXPECT_EQ(objects_.last_notifications.rules.at(0).id.size(), 32U);
}

TEST_F(S3Notifications, AskForATestUnlessItIsSkipped) {
  tell_all();
  ASSERT_TRUE(objects_.last_notifications.test);
  EXPECT_EQ(objects_.last_notifications.test->origin, notifier_->origin());
  EXPECT_EQ(objects_.last_notifications.test->request_id, "0123456789abcdef");
  ASSERT_EQ(configure(rule(kCreated), {{"x-amz-skip-destination-validation", "true"}}).status, 200);
  EXPECT_FALSE(objects_.last_notifications.test);
}

TEST_F(S3Notifications, AreRefusedWhenTheyCannotBeObeyed) {
  EXPECT_EQ(configure(rule(kCreated, "unknown")).error(), "InvalidArgument");
  EXPECT_EQ(configure(rule("<Event>s3:Nothing:*</Event>")).error(), "InvalidArgument");
  EXPECT_EQ(configure(rule("<Event>s3:ObjectRestore:*</Event>")).error(), "NotImplemented");
  EXPECT_EQ(configure(rule("")).error(), "MalformedXML");
  EXPECT_EQ(objects_.calls["set_notifications"], 0);
  restart(options());
  EXPECT_EQ(configure(rule(kCreated)).error(), "InvalidArgument") << "no webhooks at all";
  EXPECT_EQ(configure("<NotificationConfiguration/>").status, 200);
}

TEST_F(S3Notifications, AreTheOwnersBusiness) {
  Ask other;
  other.method = "PUT";
  other.target = "/box?notification";
  other.body = rule(kCreated);
  other.user = 1;
  EXPECT_EQ(ask(other).error(), "AccessDenied");
  other.method = "GET";
  other.body.clear();
  EXPECT_EQ(ask(other).error(), "AccessDenied");
}

TEST_F(S3Notifications, ChangesNameWhoAskedWhereSomebodyIsTold) {
  put("before", "x");
  EXPECT_EQ(last_cause(), nullptr);
  tell_all();
  put("key", "x");
  ASSERT_NE(last_cause(), nullptr);
  EXPECT_EQ(last_cause()->account, account(0));
  EXPECT_EQ(last_cause()->remote, "127.0.0.1");
  EXPECT_EQ(last_cause()->request_id, "0123456789abcdef");
  EXPECT_EQ(last_cause()->origin, notifier_->origin());
  EXPECT_EQ(last_cause()->way, client::ChangeWay::plain);
}

TEST_F(S3Notifications, EveryWayOfChangeBringsItsCause) {
  tell_all();
  put("key", "x");
  const auto brings = [this](const std::string& method, const std::string& target,
                             HeaderList headers, const std::string& body) {
    objects_.last_cause.reset();
    EXPECT_LT(ask(method, target, std::move(headers), body).status, 300) << target;
    return last_cause() ? std::optional(last_cause()->way) : std::nullopt;
  };
  using client::ChangeWay;
  EXPECT_EQ(brings("PUT", "/box/copy", {{"x-amz-copy-source", "/box/key"}}, ""), ChangeWay::copy);
  EXPECT_EQ(brings("PUT", "/box/key?tagging", {},
                   "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
            ChangeWay::plain);
  EXPECT_EQ(brings("DELETE", "/box/key?tagging", {}, ""), ChangeWay::plain);
  EXPECT_EQ(brings("DELETE", "/box/copy", {}, ""), ChangeWay::plain);
  const std::string many = "<Delete><Object><Key>key</Key></Object></Delete>";
  EXPECT_EQ(brings("POST", "/box?delete", {}, many), ChangeWay::plain);
  const std::string upload = ask("POST", "/box/parts?uploads").at("UploadId");
  const std::string etag =
      ask("PUT", "/box/parts?partNumber=1&uploadId=" + upload, {}, "x").header("ETag");
  EXPECT_EQ(brings("POST", "/box/parts?uploadId=" + upload, {},
                   "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etag +
                       "</ETag></Part></CompleteMultipartUpload>"),
            ChangeWay::plain);
}

}  // namespace
}  // namespace stratos::gateway::s3
