#include "gateway/s3/notification_event.hpp"

#include <nlohmann/json.hpp>

#include "gateway/s3/acl.hpp"
#include "gateway/s3/notification.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {
namespace {

using client::NoticeKind;
using Json = nlohmann::ordered_json;

// Keys and names may hold what is no UTF-8.
std::string to_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// As S3 has it: forms' encoding, slashes as they are.
std::string encoded_key(const std::string& key) {
  std::string text = http::percent_encode(key, true);
  for (std::size_t at = text.find("%20"); at != text.npos; at = text.find("%20", at + 1)) {
    text.replace(at, 3, "+");
  }
  return text;
}

// Newer kinds of events came with a newer minor version.
std::string_view version_of(NoticeKind kind) {
  const bool newer = kind == NoticeKind::expired || kind == NoticeKind::marker_by_expiry ||
                     kind == NoticeKind::tags_put || kind == NoticeKind::tags_removed;
  return newer ? "2.3" : "2.1";
}

bool leaves_object(NoticeKind kind) {
  return kind != NoticeKind::removed && kind != NoticeKind::marker_created &&
         kind != NoticeKind::expired && kind != NoticeKind::marker_by_expiry &&
         kind != NoticeKind::payment_removed;
}

std::string principal_of(const client::Notice& notice) {
  const bool by_rule =
      notice.kind == NoticeKind::expired || notice.kind == NoticeKind::marker_by_expiry;
  if (by_rule) return "s3.amazonaws.com";
  if (meta::is_of_payment(notice.kind)) return account_text(notice.owner);
  if (!notice.cause) return "";
  return notice.cause->account.is_zero() ? "Anonymous" : account_text(notice.cause->account);
}

Json object_of(const client::Notice& notice) {
  Json object;
  object["key"] = encoded_key(notice.key);
  if (leaves_object(notice.kind)) {
    object["size"] = notice.size;
    if (notice.etag) object["eTag"] = notice.etag->to_string();
  }
  if (notice.versioned) object["versionId"] = notice.version.hex();
  if (notice.paid_through.ms != 0) object["paidThrough"] = to_iso8601(notice.paid_through);
  object["sequencer"] = notice.place.order.hex();
  return object;
}

Json record_of(const client::Notice& notice, std::string_view region) {
  const client::Cause cause = notice.cause.value_or(client::Cause{});
  Json record;
  record["eventVersion"] = version_of(notice.kind);
  record["eventSource"] = meta::is_of_payment(notice.kind) ? "stratos:s3" : "aws:s3";
  record["awsRegion"] = region;
  record["eventTime"] = to_iso8601(notice.time);
  record["eventName"] = event_name(notice.kind);
  record["userIdentity"]["principalId"] = principal_of(notice);
  record["requestParameters"]["sourceIPAddress"] = cause.remote;
  record["responseElements"]["x-amz-request-id"] = cause.request_id;
  record["responseElements"]["x-amz-id-2"] = cause.request_id;
  Json& s3 = record["s3"];
  s3["s3SchemaVersion"] = "1.0";
  s3["configurationId"] = notice.rule;
  s3["bucket"]["name"] = notice.bucket;
  s3["bucket"]["ownerIdentity"]["principalId"] = account_text(notice.owner);
  s3["bucket"]["arn"] = "arn:aws:s3:::" + notice.bucket;
  s3["object"] = object_of(notice);
  return record;
}

Json test_of(const client::Notice& notice) {
  const std::string id = notice.cause.value_or(client::Cause{}).request_id;
  Json test;
  test["Service"] = "Amazon S3";
  test["Event"] = "s3:TestEvent";
  test["Time"] = to_iso8601(notice.time);
  test["Bucket"] = notice.bucket;
  test["RequestId"] = id;
  test["HostId"] = id;
  return test;
}

}  // namespace

std::string event_message(const client::Notice& notice, std::string_view region) {
  if (notice.kind == NoticeKind::test) return to_text(test_of(notice));
  Json message;
  message["Records"].push_back(record_of(notice, region));
  return to_text(message);
}

}  // namespace stratos::gateway::s3
