#include "meta/notices.hpp"

#include <algorithm>

namespace stratos::meta {
namespace {

constexpr std::size_t kExpiredAtOnce = 1024;

VersionId next_order(const VersionId& order) {
  VersionId next = order;
  for (auto byte = next.value.rbegin(); byte != next.value.rend(); ++byte) {
    if (++*byte != 0) return next;
  }
  return order;  // the last one there can be
}

// One queue with the totals, loaded once and stored when all changes are made.
class Outbox {
 public:
  Outbox(Context& context, std::string target, BucketId bucket)
      : context_(context),
        target_(std::move(target)),
        bucket_(bucket),
        stored_(context.state.load<NoticeQueue>(keys::notice_queue(target_, bucket))),
        queue_(stored_.value_or(NoticeQueue{})),
        totals_(notice_totals(context.state)) {}

  void append(const Notice& notice);
  // False when it is not there.
  bool take_off(const VersionId& order);
  // How many of at most `limit` the oldest notices went because they are too old.
  std::size_t expire(std::size_t limit);
  void store();
  // After expire(): a queue without notices goes, another one is looked at again in time.
  void store_or_erase();

 private:
  std::optional<WallTime> oldest_time() const;
  Bytes key_of(const VersionId& order) const { return keys::notice(target_, bucket_, order); }
  void remove(const VersionId& order);
  bool is_full() const;
  void find_oldest();
  void set_due(WallTime time);

  Context& context_;
  std::string target_;
  BucketId bucket_;
  std::optional<NoticeQueue> stored_;
  NoticeQueue queue_;
  NoticeTotals totals_;
  bool oldest_gone_ = false;
};

void Outbox::remove(const VersionId& order) {
  context_.state.erase(key_of(order));
  --queue_.pending;
  --totals_.pending;
}

void Outbox::find_oldest() {
  const Bytes end = kv::prefix_end(keys::notices_of(target_, bucket_));
  context_.state.scan(key_of(queue_.oldest), end, [this](ByteView key, ByteView) {
    queue_.oldest = keys::parse_notice(key).order;
    return false;
  });
}

bool Outbox::is_full() const {
  const NoticeBounds& bounds = context_.params.notices;
  const auto bound = [](std::uint64_t set, std::uint64_t usual) { return set == 0 ? usual : set; };
  return queue_.pending >= bound(bounds.per_queue, kNoticesPerQueue) ||
         totals_.pending >= bound(bounds.all, kNoticesInAll);
}

void Outbox::append(const Notice& notice) {
  const VersionId order = context_.version_id();
  const bool full = is_full();
  if (full) {
    ++totals_.dropped;
    if (queue_.pending == 0) return;
    remove(queue_.oldest);
  }
  context_.state.store_new(key_of(order), notice);
  ++queue_.pending;
  ++totals_.pending;
  if (full) find_oldest();
  if (queue_.pending == 1) queue_.oldest = order;
  // A queue that was there has a time set already.
  if (!stored_) set_due(context_.time + std::chrono::milliseconds(kNoticesKeptMs));
}

bool Outbox::take_off(const VersionId& order) {
  if (!context_.state.has(key_of(order))) return false;
  remove(order);
  ++totals_.delivered;
  oldest_gone_ = oldest_gone_ || order == queue_.oldest;
  return true;
}

std::optional<WallTime> Outbox::oldest_time() const {
  if (queue_.pending == 0) return std::nullopt;
  const auto notice = context_.state.load<Notice>(key_of(queue_.oldest));
  if (!notice) context_.state.note_corrupt(key_of(queue_.oldest), "oldest notice");
  return notice ? std::optional(notice->time) : std::nullopt;
}

std::size_t Outbox::expire(std::size_t limit) {
  std::size_t gone = 0;
  for (; gone < limit; ++gone) {
    const auto time = oldest_time();
    if (!time || time->ms + kNoticesKeptMs > context_.time.ms) break;
    remove(queue_.oldest);
    ++totals_.expired;
    if (queue_.pending > 0) find_oldest();
  }
  return gone;
}

void Outbox::set_due(WallTime time) {
  const Bytes key = keys::notice_queue(target_, bucket_);
  context_.state.put(keys::due(time, DueKind::expire_notices, ByteView(key).subspan(1)), {});
}

void Outbox::store() {
  if (oldest_gone_ && queue_.pending > 0) find_oldest();
  oldest_gone_ = false;
  const bool is_known = stored_ || queue_.pending > 0;
  if (is_known) context_.state.store(keys::notice_queue(target_, bucket_), queue_);
  context_.state.store(keys::notice_totals(), totals_);
}

void Outbox::store_or_erase() {
  const auto oldest = oldest_time();
  if (oldest) {
    const WallTime due = *oldest + std::chrono::milliseconds(kNoticesKeptMs);
    set_due(std::max(due, context_.time));
    return store();
  }
  if (stored_) context_.state.erase(keys::notice_queue(target_, bucket_));
  context_.state.store(keys::notice_totals(), totals_);
}

Notice make_notice(const Context& context, const BucketRecord& bucket, NoticeKind kind,
                   const std::string& rule, const Cause& cause) {
  Notice notice;
  notice.kind = kind;
  notice.time = context.time;
  notice.bucket = bucket.name;
  notice.owner = bucket.owner;
  notice.rule = rule;
  notice.origin = cause.origin;
  notice.sealed_cause = cause.sealed;
  return notice;
}

void append_notice(Context& context, const BucketRecord& bucket, const NoticeRule& rule,
                   const Notice& notice) {
  Outbox outbox(context, rule.target, bucket.id);
  outbox.append(notice);
  outbox.store();
}

Result<void> check_rule(const NoticeRule& rule) {
  if (!is_target_name(rule.target)) return fail(Errc::invalid_argument, "target of notices");
  const bool known = rule.kinds != 0 && (rule.kinds & ~kAllNoticeKinds) == 0;
  if (!known) return fail(Errc::invalid_argument, "kinds of notices");
  STRATOS_CHECK(check_bound(as_bytes(rule.id), kMaxRuleIdBytes, "id of a rule"));
  STRATOS_CHECK(check_bound(as_bytes(rule.prefix), kMaxKeyBytes, "prefix"));
  return check_bound(as_bytes(rule.suffix), kMaxKeyBytes, "suffix");
}

}  // namespace

bool is_target_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !name.empty() && name.size() <= kMaxTargetBytes && std::ranges::all_of(name, fits);
}

NoticeTotals notice_totals(const State& state) {
  return state.load<NoticeTotals>(keys::notice_totals()).value_or(NoticeTotals{});
}

Result<void> check_cause(const Cause& cause) {
  return check_bound(cause.sealed, kMaxCauseBytes, "cause");
}

Result<void> check_notice_rules(const std::vector<NoticeRule>& rules) {
  if (rules.size() > kMaxNoticeRules) return fail(Errc::invalid_argument, "rules for notices");
  for (const NoticeRule& rule : rules) STRATOS_CHECK(check_rule(rule));
  return {};
}

void set_notice_rules(Context& context, BucketRecord& bucket, std::vector<NoticeRule> rules,
                      const Cause* test) {
  const Bytes key = keys::notice_rules(bucket.id);
  if (bucket.notifies != !rules.empty()) {
    bucket.notifies = !rules.empty();
    context.state.store(keys::bucket(bucket.name), bucket);
  }
  NoticeRules stored;
  stored.rules = std::move(rules);
  if (!stored.rules.empty()) {
    context.state.store(key, stored);
  } else if (context.state.has(key)) {
    context.state.erase(key);
  }
  for (auto rule = stored.rules.begin(); test != nullptr && rule != stored.rules.end(); ++rule) {
    const auto same = [&rule](const NoticeRule& other) { return other.target == rule->target; };
    if (std::find_if(stored.rules.begin(), rule, same) != rule) continue;
    append_notice(context, bucket, *rule,
                  make_notice(context, bucket, NoticeKind::test, rule->id, *test));
  }
}

void note_change(Context& context, const BucketRecord& bucket, const Change& change,
                 const Cause& cause) {
  if (!bucket.notifies) return;
  const auto rules = context.state.load_shared<NoticeRules>(keys::notice_rules(bucket.id));
  if (!rules) return;
  const auto wants = [&change](const NoticeRule& rule) {
    return (rule.kinds & bit_of(change.kind)) != 0 && change.key.starts_with(rule.prefix) &&
           change.key.ends_with(rule.suffix);
  };
  const auto rule = std::ranges::find_if(rules->rules, wants);
  if (rule == rules->rules.end()) return;
  Notice notice = make_notice(context, bucket, change.kind, rule->id, cause);
  notice.key = change.key;
  notice.size = change.version.size;
  notice.version = change.version.id;
  notice.versioned = change.version.versioned;
  notice.sealed_summary = to_bytes(change.sealed_summary);
  if (is_of_payment(change.kind)) notice.paid_through = change.version.payment.through;
  append_notice(context, bucket, *rule, notice);
}

NoticeKind created_kind(ChangeWay way) {
  if (way == ChangeWay::form) return NoticeKind::created_by_form;
  return way == ChangeWay::copy ? NoticeKind::created_by_copy : NoticeKind::created_by_put;
}

NoticeKind removed_kind(ChangeWay way, bool marker_created) {
  if (way == ChangeWay::lifecycle) {
    return marker_created ? NoticeKind::marker_by_expiry : NoticeKind::expired;
  }
  return marker_created ? NoticeKind::marker_created : NoticeKind::removed;
}

Result<Bytes> run(Context& context, const TakeOffNotices& command) {
  if (!is_target_name(command.target)) return fail(Errc::invalid_argument, "target of notices");
  if (command.places.size() > TakeOffNotices::kMaxPlaces) return fail(Errc::too_large, "notices");
  std::optional<Outbox> outbox;
  BucketId bucket;
  bool changed = false;
  const auto finish = [&] {
    if (outbox && changed) outbox->store();
    changed = false;
  };
  for (const NoticePlace& place : command.places) {
    if (!outbox || place.bucket != bucket) {
      finish();
      bucket = place.bucket;
      outbox.emplace(context, command.target, bucket);
    }
    changed = outbox->take_off(place.order) || changed;
  }
  finish();
  return codec::encode(Nothing{});
}

std::size_t expire_notices(Context& context, ByteView subject) {
  const keys::NoticeQueueName name = keys::parse_notice_queue(subject);
  Outbox outbox(context, name.target, name.bucket);
  const std::size_t gone = outbox.expire(kExpiredAtOnce);
  outbox.store_or_erase();
  return 1 + gone;
}

Result<ListNotices::Reply> answer(const State& state, const ListNotices& query) {
  if (!is_target_name(query.target)) return fail(Errc::invalid_argument, "target of notices");
  ListNotices::Reply reply;
  reply.totals = notice_totals(state);
  const std::size_t limit = std::clamp(query.limit, 1U, ListNotices::kMaxLimit);
  std::size_t bytes = 0;
  std::optional<Error> broken;
  const auto take = [&](ByteView key, ByteView value) {
    reply.more = reply.entries.size() >= limit || bytes >= ListNotices::kPageBytes;
    if (reply.more) return false;
    auto notice = codec::decode<Notice>(value);
    if (!notice) {
      broken = notice.error();
      return false;
    }
    bytes += value.size();
    reply.entries.push_back({keys::parse_notice(key), std::move(*notice)});
    return true;
  };
  const Bytes queues = keys::notice_queues_of(query.target);
  const Bytes first = keys::notice_queue(query.target, query.after.bucket);
  state.scan(first, kv::prefix_end(queues), [&](ByteView key, ByteView value) {
    const auto queue = codec::decode<NoticeQueue>(value);
    if (!queue) broken = queue.error();
    if (!queue || queue->pending == 0) return queue.has_value();
    const BucketId bucket = keys::parse_notice_queue(key.subspan(1)).bucket;
    VersionId from = queue->oldest;
    if (bucket == query.after.bucket) from = std::max(from, next_order(query.after.order));
    const Bytes end = kv::prefix_end(keys::notices_of(query.target, bucket));
    state.scan(keys::notice(query.target, bucket, from), end, take);
    return !reply.more && !broken;
  });
  if (broken) return fail(std::move(*broken));
  return reply;
}

}  // namespace stratos::meta
