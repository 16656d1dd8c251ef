// Notices in memory, for FakeObjectClient, and what its parts share.
#pragma once
#include <map>

#include "client/object_client.hpp"

namespace stratos::gateway::s3 {

class FakeNotices : public client::ObjectClient {
 public:
  std::map<std::string, int> calls;   // by method
  std::map<std::string, Errc> fails;  // methods that fail

  std::map<std::string, std::map<client::NoticePlace, client::Notice>> outbox;  // by target
  meta::NoticeTotals notice_totals;
  client::NotificationConfig last_notifications;
  std::shared_ptr<const client::Cause> last_cause;  // of the last change
  WallTime paid_through;                            // of what is stored

  Task<Result<client::NoticePage>> list_notices(std::string target, client::NoticePlace after,
                                                std::uint32_t limit) override {
    STRATOS_CO_CHECK(enter("list_notices"));
    client::NoticePage page;
    const auto& waiting = outbox[target];
    for (auto found = waiting.upper_bound(after); found != waiting.end(); ++found) {
      page.more = page.notices.size() == limit;
      if (page.more) break;
      page.notices.push_back(found->second);
    }
    page.totals = notice_totals;
    page.totals.pending = waiting.size();
    co_return page;
  }
  Task<Result<void>> take_off_notices(std::string target,
                                      std::vector<client::NoticePlace> places) override {
    STRATOS_CO_CHECK(enter("take_off_notices"));
    for (const client::NoticePlace& place : places) outbox[target].erase(place);
    co_return Result<void>{};
  }

 protected:
  Result<void> enter(const std::string& method) {
    ++calls[method];
    const auto found = fails.find(method);
    if (found != fails.end()) return fail(found->second, "node n7 at 10.0.0.7");
    return {};
  }
};

}  // namespace stratos::gateway::s3
