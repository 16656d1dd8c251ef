#include "gateway/s3/lifecycle_sweeper.hpp"

#include "base/log.hpp"

namespace stratos::gateway::s3 {
namespace {

using Entry = client::VersionsPage::Entry;

constexpr std::size_t kRemovedAtOnce = 250;
constexpr std::uint32_t kPage = 1000;

// What the entries before tell of one: listings go by key, the newest version first.
class VersionWalk {
 public:
  // `next` is the entry after it, nullptr at the end.
  LifecycleItem item_of(const Entry& entry, const Entry* next) const {
    LifecycleItem item;
    item.key = entry.key;
    item.size = entry.size;
    item.modified = entry.modified;
    item.latest = entry.latest;
    item.marker = entry.marker;
    item.only = entry.latest && (!next || next->key != entry.key);
    item.noncurrent_since = newer_modified_;
    item.newer_others = newer_others_;
    return item;
  }
  void pass(const Entry& entry) {
    newer_others_ = entry.latest ? 0 : newer_others_ + 1;
    newer_modified_ = entry.modified;
  }

 private:
  WallTime newer_modified_;
  std::uint32_t newer_others_ = 0;
};

std::shared_ptr<const client::Cause> by_rule() {
  static const auto cause = [] {
    auto made = std::make_shared<client::Cause>();
    made->way = client::ChangeWay::lifecycle;
    return made;
  }();
  return cause;
}

// A current object gets a delete marker where versions are kept; it must be the one that was seen.
client::RemovalItem removal_of(const client::BucketInfo& bucket, const Entry& entry) {
  client::RemovalItem item;
  item.key = entry.key;
  item.removal.cause = by_rule();
  const bool hides =
      bucket.versioning != client::Versioning::never && entry.latest && !entry.marker;
  if (hides) {
    item.removal.condition.modified = entry.modified;
    item.removal.condition.size = entry.size;
  } else {
    item.removal.version = entry.version;
  }
  return item;
}

bool is_gone(Errc code) {
  return code == Errc::no_such_bucket || code == Errc::no_such_object ||
         code == Errc::no_such_version || code == Errc::object_deleted ||
         code == Errc::no_such_upload || code == Errc::precondition_failed ||
         code == Errc::object_locked;
}

}  // namespace

LifecycleSweeper::LifecycleSweeper(Runtime& runtime, client::ObjectClient& objects,
                                   metrics::Registry& metrics, LifecycleOptions options)
    : runtime_(runtime),
      objects_(objects),
      options_(options),
      expired_(metrics.counter("stratos_s3_lifecycle_expired_total")),
      aborted_(metrics.counter("stratos_s3_lifecycle_aborted_total")),
      failed_(metrics.counter("stratos_s3_lifecycle_failed_total")) {}

Task<void> LifecycleSweeper::run() {
  while (co_await runtime_.sleep(options_.pause)) {
    if (const auto swept = co_await sweep(); !swept) {
      log::warn("lifecycle_sweep_failed", {{"error", swept.error().to_string()}});
    }
  }
}

Task<Result<void>> LifecycleSweeper::sweep() {
  std::string after;
  do {
    STRATOS_CO_TRY(client::ObjectClient::ConfiguredPage page,
                   co_await objects_.configured_buckets(client::ConfigKind::lifecycle, after));
    for (const std::string& bucket : page.buckets) {
      const auto swept = co_await sweep_bucket(bucket);
      if (swept || is_gone(swept.error().code())) continue;
      if (swept.error().code() == Errc::cancelled) co_return fail(Errc::cancelled);
      failed_.add(1);
      log::warn("lifecycle_bucket_failed",
                {{"bucket", bucket}, {"error", swept.error().to_string()}});
    }
    after = std::move(page.next);
  } while (!after.empty());
  co_return Result<void>{};
}

Task<Result<void>> LifecycleSweeper::sweep_bucket(std::string bucket) {
  STRATOS_CO_TRY(const client::BucketSettings settings, co_await objects_.bucket_settings(bucket));
  const auto document = settings.configs.find(client::ConfigKind::lifecycle);
  if (document == settings.configs.end()) co_return Result<void>{};
  STRATOS_CO_TRY(const LifecycleRules rules, parse_lifecycle(document->second));
  STRATOS_CO_CHECK(co_await sweep_versions(settings.info, rules));
  co_return co_await sweep_uploads(bucket, rules);
}

Task<Result<bool>> LifecycleSweeper::is_due(const std::string& bucket, const LifecycleRules& rules,
                                            const LifecycleItem& item, VersionId version) {
  const WallTime now = runtime_.wall_now();
  if (judge(rules, item, now, options_.day, nullptr) == LifecycleVerdict::expire) co_return true;
  if (!needs_tags(rules, item, now, options_.day)) co_return false;
  const auto info = co_await objects_.head(bucket, std::string(item.key), version);
  if (!info && is_gone(info.error().code())) co_return false;
  if (!info) co_return fail(info.error());
  const client::Tags& tags = info->attributes.tags;
  co_return judge(rules, item, now, options_.day, &tags) == LifecycleVerdict::expire;
}

Task<Result<void>> LifecycleSweeper::sweep_versions(const client::BucketInfo& bucket,
                                                    const LifecycleRules& rules) {
  VersionWalk walk;
  std::vector<client::RemovalItem> due;
  std::optional<Entry> held;  // until the next entry is known
  client::VersionsRequest request;
  request.limit = kPage;
  bool more = true;
  while (more) {
    STRATOS_CO_TRY(client::VersionsPage page,
                   co_await objects_.list_versions(bucket.name, request));
    more = page.truncated;
    request.key_marker = std::move(page.next_key_marker);
    request.version_marker = page.next_version_marker;
    const std::size_t count = page.entries.size() + (more ? 0 : 1);
    for (std::size_t i = 0; i < count; ++i) {
      const Entry* next = i < page.entries.size() ? &page.entries[i] : nullptr;
      if (held) {
        const LifecycleItem item = walk.item_of(*held, next);
        STRATOS_CO_TRY(const bool removes,
                       co_await is_due(bucket.name, rules, item, held->version));
        if (removes) due.push_back(removal_of(bucket, *held));
        walk.pass(*held);
      }
      held.reset();
      if (next) held = *next;
    }
    if (due.size() < kRemovedAtOnce && more) continue;
    STRATOS_CO_CHECK(co_await remove(bucket.name, std::move(due)));
    due.clear();
  }
  co_return Result<void>{};
}

Task<Result<void>> LifecycleSweeper::remove(const std::string& bucket,
                                            std::vector<client::RemovalItem> items) {
  if (items.empty()) co_return Result<void>{};
  STRATOS_CO_TRY(const auto results, co_await objects_.remove_many(bucket, std::move(items)));
  Result<void> done;
  for (const auto& result : results) {
    if (result) {
      expired_.add(1);
    } else if (!is_gone(result.error().code())) {
      done = fail(result.error());
    }
  }
  co_return done;
}

Task<Result<void>> LifecycleSweeper::sweep_uploads(const std::string& bucket,
                                                   const LifecycleRules& rules) {
  std::string key_marker;
  UploadId upload_marker;
  bool more = true;
  while (more) {
    STRATOS_CO_TRY(
        const client::ObjectClient::UploadPage page,
        co_await objects_.list_uploads(bucket, "", "", key_marker, upload_marker, kPage));
    for (const client::UploadInfo& upload : page.uploads) {
      const WallTime now = runtime_.wall_now();
      if (!is_upload_due(rules, upload.key, upload.created, now, options_.day)) continue;
      const auto done = co_await objects_.abort_upload(bucket, upload.key, upload.id);
      if (done) aborted_.add(1);
      if (!done && !is_gone(done.error().code())) co_return fail(done.error());
    }
    more = page.truncated;
    key_marker = page.next_key_marker;
    upload_marker = page.next_upload_marker;
  }
  co_return Result<void>{};
}

}  // namespace stratos::gateway::s3
