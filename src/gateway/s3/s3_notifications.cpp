// Who is told of what happens in a bucket, and what is said of who brought it about.
#include "gateway/s3/notification.hpp"
#include "gateway/s3/notifier.hpp"
#include "gateway/s3/operations.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMaxBodyBytes = 128 * 1024;
constexpr std::size_t kMaxDocumentBytes = 64 * 1024;
constexpr std::size_t kDrawnIdBytes = 16;

bool notifies(const Call& call) {
  return call.rules && call.rules->documents.contains(client::ConfigKind::notification);
}

std::shared_ptr<const client::Cause> cause_of(const Call& call) {
  auto cause = std::make_shared<client::Cause>();
  if (call.s3.operation == Operation::post_object) cause->way = client::ChangeWay::form;
  if (call.s3.operation == Operation::copy_object) cause->way = client::ChangeWay::copy;
  if (const Notifier* notifier = call.backend.options.notifier) cause->origin = notifier->origin();
  if (call.identity && call.identity->who) cause->account = call.identity->who->account;
  cause->remote = address_of(call.request.remote);
  cause->request_id = call.request.request_id;
  return cause;
}

Result<void> check_webhooks(const Call& call, const NotificationRules& rules) {
  const Notifier* notifier = call.backend.options.notifier;
  for (const NotificationRule& rule : rules) {
    if (notifier && notifier->knows(rule.webhook)) continue;
    return fail(Errc::invalid_argument,
                "Unable to validate the following destination configurations: " +
                    webhook_arn(rule.webhook));
  }
  return {};
}

void draw_ids(Call& call, NotificationRules& rules) {
  for (NotificationRule& rule : rules) {
    if (!rule.id.empty()) continue;
    Bytes id(kDrawnIdBytes);
    call.backend.runtime.random().fill(id);
    rule.id = to_hex(id);
  }
}

}  // namespace

std::shared_ptr<const client::Cause> Call::cause() const {
  return notifies(*this) ? cause_of(*this) : nullptr;
}

client::Principal Call::who() const {
  client::Principal principal = identity->who.value_or(client::Principal{});
  principal.cause = cause();
  return principal;
}

void wake_notifier(const Call& call) {
  const bool reads = call.request.method == "GET" || call.request.method == "HEAD";
  Notifier* notifier = call.backend.options.notifier;
  if (notifier && !reads && notifies(call)) notifier->wake();
}

Task<Result<void>> get_bucket_notification(Call& call) {
  const auto found = call.rules->documents.find(client::ConfigKind::notification);
  std::string document = found == call.rules->documents.end() ? notification_document({})
                                                              : std::string(as_text(found->second));
  http::Headers headers;
  co_return co_await answer_document(call, std::move(headers), std::move(document));
}

Task<Result<void>> put_bucket_notification(Call& call) {
  STRATOS_CO_TRY(const Bytes body,
                 co_await read_document(call, kMaxBodyBytes, Integrity::optional));
  STRATOS_CO_TRY(NotificationRules rules, parse_notification(body));
  STRATOS_CO_CHECK(check_notification(rules));
  STRATOS_CO_CHECK(check_webhooks(call, rules));
  draw_ids(call, rules);
  client::NotificationConfig config;
  if (!rules.empty()) {
    config.document = to_bytes(as_bytes(notification_document(rules)));
    if (config.document->size() > kMaxDocumentBytes) co_return fail(Errc::too_large);
    config.rules = notice_rules(rules);
    const auto skip = call.headers().get("x-amz-skip-destination-validation");
    if (skip != "true") config.test = cause_of(call);
  }
  STRATOS_CO_CHECK(co_await call.objects().set_notifications(call.s3.bucket, std::move(config)));
  call.backend.access.forget_bucket(call.s3.bucket);
  if (call.backend.options.notifier) call.backend.options.notifier->wake();
  http::Headers headers;
  co_return co_await answer_empty(call, 200, std::move(headers));
}

}  // namespace stratos::gateway::s3
