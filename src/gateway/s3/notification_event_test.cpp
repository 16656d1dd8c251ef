#include "gateway/s3/notification_event.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace stratos::gateway::s3 {
namespace {

using client::NoticeKind;
using nlohmann::json;

client::Notice notice_of(NoticeKind kind) {
  client::Notice notice;
  notice.kind = kind;
  notice.time = {784111777123};
  notice.bucket = "box";
  notice.owner.value[19] = 1;
  notice.rule = "rule";
  notice.key = "a b/ü+c";
  notice.size = 7;
  notice.etag = client::ETag{};
  notice.version.value[15] = 9;
  notice.place.order.value[7] = 3;
  notice.cause.emplace();
  notice.cause->account.value[19] = 2;
  notice.cause->remote = "10.0.0.7";
  notice.cause->request_id = "0123456789abcdef";
  return notice;
}
json record_of(const client::Notice& notice) {
  const json message = json::parse(event_message(notice, "eu-1"));
  EXPECT_EQ(message.at("Records").size(), 1U);
  return message.at("Records").at(0);
}

TEST(NotificationEvent, IsARecordAsS3HasIt) {
  const std::string kRecord =
      R"({"Records":[{"eventVersion":"2.1","eventSource":"aws:s3",)"
      R"("awsRegion":"eu-1","eventTime":"1994-11-06T08:49:37.123Z",)"
      R"("eventName":"ObjectCreated:Put",)"
      R"("userIdentity":{"principalId":"0x0000000000000000000000000000000000000002"},)"
      R"("requestParameters":{"sourceIPAddress":"10.0.0.7"},)"
      R"("responseElements":{"x-amz-request-id":"0123456789abcdef",)"
      R"("x-amz-id-2":"0123456789abcdef"},)"
      R"("s3":{"s3SchemaVersion":"1.0","configurationId":"rule","bucket":{"name":"box",)"
      R"("ownerIdentity":{"principalId":"0x0000000000000000000000000000000000000001"},)"
      R"("arn":"arn:aws:s3:::box"},"object":{"key":"a+b/%C3%BC%2Bc","size":7,)"
      R"("eTag":"00000000000000000000000000000000",)"
      R"("sequencer":"00000000000000030000000000000000"}}}]})";
  EXPECT_EQ(event_message(notice_of(NoticeKind::created_by_put), "eu-1"), kRecord);
}

TEST(NotificationEvent, NamesVersionsThatHaveAnId) {
  client::Notice notice = notice_of(NoticeKind::created_of_parts);
  EXPECT_FALSE(record_of(notice)["s3"]["object"].contains("versionId"));
  notice.versioned = true;
  EXPECT_EQ(record_of(notice)["s3"]["object"]["versionId"], notice.version.hex());
}

TEST(NotificationEvent, SaysNothingOfTheBodyThatIsGone) {
  for (const NoticeKind kind :
       {NoticeKind::removed, NoticeKind::marker_created, NoticeKind::expired,
        NoticeKind::marker_by_expiry, NoticeKind::payment_removed}) {
    const json object = record_of(notice_of(kind))["s3"]["object"];
    EXPECT_FALSE(object.contains("size"));
    EXPECT_FALSE(object.contains("eTag"));
    EXPECT_TRUE(object.contains("sequencer"));
  }
}

TEST(NotificationEvent, OfPaymentsNamesTheTimeAndTheOwner) {
  client::Notice notice = notice_of(NoticeKind::payment_warning);
  notice.paid_through = {1'700'000'000'000};
  const json record = record_of(notice);
  EXPECT_EQ(record["eventSource"], "stratos:s3");
  EXPECT_EQ(record["eventName"], "Retention:Warning");
  EXPECT_EQ(record["userIdentity"]["principalId"],
            record["s3"]["bucket"]["ownerIdentity"]["principalId"]);
  EXPECT_EQ(record["s3"]["object"]["paidThrough"], "2023-11-14T22:13:20.000Z");
  EXPECT_TRUE(record["s3"]["object"].contains("size"));
}

TEST(NotificationEvent, OfARuleIsNobodysRequest) {
  client::Notice notice = notice_of(NoticeKind::expired);
  notice.cause->account = {};
  EXPECT_EQ(record_of(notice)["eventVersion"], "2.3");
  EXPECT_EQ(record_of(notice)["eventName"], "LifecycleExpiration:Delete");
  EXPECT_EQ(record_of(notice)["userIdentity"]["principalId"], "s3.amazonaws.com");
  notice.kind = NoticeKind::tags_put;
  EXPECT_EQ(record_of(notice)["userIdentity"]["principalId"], "Anonymous");
  notice.cause.reset();
  EXPECT_EQ(record_of(notice)["requestParameters"]["sourceIPAddress"], "");
}

TEST(NotificationEvent, IsWellFormedWhateverNamesHold) {
  client::Notice notice = notice_of(NoticeKind::created_by_put);
  notice.rule = "\"\xff\n";
  notice.key = std::string("\0\xfe/\"", 4);
  EXPECT_EQ(record_of(notice)["s3"]["object"]["key"], "%00%FE/%22");
}

TEST(NotificationEvent, OfATestIsAMessageOfItsOwn) {
  const json test = json::parse(event_message(notice_of(NoticeKind::test), "eu-1"));
  EXPECT_EQ(test["Event"], "s3:TestEvent");
  EXPECT_EQ(test["Bucket"], "box");
  EXPECT_EQ(test["Time"], "1994-11-06T08:49:37.123Z");
  EXPECT_EQ(test["RequestId"], "0123456789abcdef");
  EXPECT_FALSE(test.contains("Records"));
}

}  // namespace
}  // namespace stratos::gateway::s3
