// Notices: setting who is told, reading what is to be told, taking it off.
#include "meta/notices.hpp"

#include "client/mesh_object_client_impl.hpp"
#include "client/sealing.hpp"

namespace stratos::client::detail {
namespace {

// What cannot be opened is left out: a notice says that something happened in any case.
Notice to_notice(const KeyRing& ring, meta::ListNotices::Entry entry) {
  meta::Notice& stored = entry.notice;
  Notice notice;
  notice.place = entry.place;
  notice.kind = stored.kind;
  notice.time = stored.time;
  notice.bucket = std::move(stored.bucket);
  notice.owner = stored.owner;
  notice.rule = std::move(stored.rule);
  notice.key = std::move(stored.key);
  notice.size = stored.size;
  if (const auto summary = open_summary(ring, stored.sealed_summary)) notice.etag = summary->etag;
  notice.version = stored.version;
  notice.versioned = stored.versioned;
  notice.origin = stored.origin;
  notice.paid_through = stored.paid_through;
  if (auto cause = open_cause(ring, stored.sealed_cause)) notice.cause = std::move(*cause);
  return notice;
}

}  // namespace

meta::Cause MeshObjectClient::sealed_cause(const std::shared_ptr<const Cause>& cause) {
  meta::Cause sealed;
  if (!cause) return sealed;
  sealed.way = cause->way;
  sealed.origin = cause->origin;
  sealed.sealed = seal_cause(mesh_.ring, mesh_.runtime.random(), *cause);
  return sealed;
}

Task<Result<void>> MeshObjectClient::set_notifications(std::string bucket,
                                                       NotificationConfig config) {
  meta::SetBucketConfig command;
  command.kind = ConfigKind::notification;
  if (config.document) {
    STRATOS_CO_TRY(command.document, seal_config(mesh_.ring, mesh_.runtime.random(), bucket,
                                                 command.kind, *config.document));
  }
  command.bucket = std::move(bucket);
  command.rules = std::move(config.rules);
  if (config.test) command.test = sealed_cause(config.test);
  STRATOS_CO_CHECK(co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

Task<Result<NoticePage>> MeshObjectClient::list_notices(std::string target, NoticePlace after,
                                                        std::uint32_t limit) {
  meta::ListNotices query;
  query.target = std::move(target);
  query.after = after;
  query.limit = limit;
  STRATOS_CO_TRY(meta::ListNotices::Reply reply, co_await mesh_.meta.query(query));
  NoticePage page;
  for (meta::ListNotices::Entry& entry : reply.entries) {
    page.notices.push_back(to_notice(mesh_.ring, std::move(entry)));
  }
  page.more = reply.more;
  page.totals = reply.totals;
  co_return page;
}

Task<Result<void>> MeshObjectClient::take_off_notices(std::string target,
                                                      std::vector<NoticePlace> places) {
  meta::TakeOffNotices command;
  command.target = std::move(target);
  command.places = std::move(places);
  STRATOS_CO_CHECK(co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

}  // namespace stratos::client::detail
