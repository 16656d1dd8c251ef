// Notices of changes to objects as gateways deliver them; see meta/notice_records.hpp.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/object.hpp"
#include "meta/notice_records.hpp"

namespace stratos::client {

using meta::ChangeWay;
using meta::NoticeKind;
using meta::NoticePlace;
using meta::NoticeRule;

struct Notice {
  NoticePlace place;
  NoticeKind kind{};
  WallTime time;
  std::string bucket;
  AccountId owner;  // of the bucket
  std::string rule;
  std::string key;
  std::uint64_t size = 0;
  std::optional<ETag> etag;  // of what is there after the change
  VersionId version;
  bool versioned = false;  // the id may be shown
  WallTime paid_through;   // of what the payment of a version brings about
  std::uint64_t origin = 0;
  std::optional<Cause> cause;  // unless whoever asked did not know that somebody is told
};

struct NoticePage {
  std::vector<Notice> notices;  // by bucket and then in order
  bool more = false;
  meta::NoticeTotals totals;  // of all targets
};

// A bucket's document of notifications, with what it asks for.
struct NotificationConfig {
  std::optional<Bytes> document;  // none: removes it
  std::vector<NoticeRule> rules;
  std::shared_ptr<const Cause> test;  // unless null, every target is told so
};

}  // namespace stratos::client
