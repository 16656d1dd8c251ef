// Versioning and object lock of buckets; attributes, tags, retention and holds of versions.
#include "meta/notices.hpp"
#include "meta/payment.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint32_t kMaxDays = 36'500;
constexpr std::uint32_t kMaxYears = 100;

bool is_mode(LockMode mode) { return mode == LockMode::governance || mode == LockMode::compliance; }

Result<void> check_default_retention(const DefaultRetention& retention) {
  const bool none = retention == DefaultRetention{};
  const bool one_term = (retention.days == 0) != (retention.years == 0);
  const bool bounded = retention.days <= kMaxDays && retention.years <= kMaxYears;
  if (none || (is_mode(retention.mode) && one_term && bounded)) return {};
  return fail(Errc::invalid_argument, "default retention");
}

// `retain_until` goes with a mode, and lies ahead.
Result<void> check_retention(const Context& context, LockMode mode, WallTime retain_until) {
  if (mode == LockMode::none && retain_until.ms == 0) return {};
  if (!is_mode(mode)) return fail(Errc::invalid_argument, "Unknown retention mode");
  if (retain_until > context.time) return {};
  return fail(Errc::invalid_argument, "The retain until date must be in the future!");
}

Result<void> check_change(const Context& context, const ObjectLock& before,
                          const PutRetention& command) {
  const bool runs = before.mode != LockMode::none && before.retain_until > context.time;
  const bool extends = command.mode == before.mode && command.retain_until >= before.retain_until;
  const bool bypassed = before.mode == LockMode::governance && command.bypass_governance;
  if (!runs || extends || bypassed) return {};
  return fail(Errc::object_locked, command.key);
}

// What a command names, with its bucket.
struct Named {
  BucketRecord bucket;
  VersionRecord version;
};
template <class Command>
Result<Named> find_named(const Context& context, const Command& command) {
  Named named;
  STRATOS_TRY(named.bucket, require_bucket(context.state, command.bucket));
  STRATOS_TRY(named.version,
              require_version(context.state, named.bucket, command.key, command.version));
  return named;
}

// What is sealed of a version's entity tag, wherever it stands; read for notices alone.
Bytes summary_of(const Context& context, const Named& named, std::string_view key) {
  if (!named.version.sealed_summary.empty() || !named.bucket.notifies) {
    return named.version.sealed_summary;
  }
  const auto row = context.state.load<ListRow>(keys::list_row(named.bucket.id, key));
  return row && row->version == named.version.id ? row->sealed_summary : Bytes{};
}

Result<void> require_object_lock(const BucketRecord& bucket) {
  return bucket.object_lock ? Result<void>{} : fail(Errc::no_object_lock, bucket.name);
}

Bytes store_changed(Context& context, const Named& named, std::string_view key) {
  const VersionRecord& version = named.version;
  context.state.store(keys::version(named.bucket.id, key, &version.id), version);
  Event event;
  event.kind = EventKind::object_changed;
  event.bucket = named.bucket.id;
  event.key = key;
  event.version = version.id;
  emit(context, event);
  ChangedVersion reply;
  reply.version = version.id;
  reply.versioned = version.versioned;
  return codec::encode(reply);
}

}  // namespace

Result<void> check_lock(const Context& context, const BucketRecord& bucket,
                        const ObjectLock& lock) {
  if (lock == ObjectLock{}) return {};
  STRATOS_CHECK(require_object_lock(bucket));
  return check_retention(context, lock.mode, lock.retain_until);
}

Result<Bytes> run(Context& context, const SetVersioning& command) {
  STRATOS_TRY(BucketRecord bucket, require_bucket(context.state, command.bucket));
  const bool known =
      command.versioning == Versioning::enabled || command.versioning == Versioning::suspended;
  if (!known) return fail(Errc::invalid_argument, "versioning");
  if (bucket.object_lock && command.versioning == Versioning::suspended) {
    return fail(Errc::invalid_bucket_state, command.bucket);
  }
  bucket.versioning = command.versioning;
  context.state.store(keys::bucket(command.bucket), bucket);
  return codec::encode(bucket);
}

Result<Bytes> run(Context& context, const SetObjectLock& command) {
  STRATOS_TRY(BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_default_retention(command.retention));
  if (bucket.versioning != Versioning::enabled) {
    return fail(Errc::invalid_bucket_state, command.bucket);
  }
  bucket.object_lock = true;
  bucket.default_retention = command.retention;
  context.state.store(keys::bucket(command.bucket), bucket);
  return codec::encode(bucket);
}

Result<Bytes> run(Context& context, const SetAttributes& command) {
  Named named;
  STRATOS_TRY(named.bucket, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_sealed(command.sealed_attributes, command.sealed_summary));
  const BucketId bucket = named.bucket.id;
  auto version =
      context.state.load<VersionRecord>(keys::version(bucket, command.key, &command.version));
  if (!version || version->marker) {
    const bool is_there = current_version(context.state, bucket, command.key).has_value();
    return fail(is_there ? Errc::precondition_failed : Errc::no_such_object, command.key);
  }
  const Bytes row_key = keys::list_row(bucket, command.key);
  auto row = context.state.load<ListRow>(row_key);
  const bool is_current = row && row->version == version->id;
  if (is_current) {
    row->sealed_summary = command.sealed_summary;
    context.state.store(row_key, *row);
  }
  if (version->versioned || !is_current) version->sealed_summary = command.sealed_summary;
  named.version = std::move(*version);
  named.version.sealed_attributes = command.sealed_attributes;
  return store_changed(context, named, command.key);
}

Result<Bytes> run(Context& context, const PutTags& command) {
  STRATOS_CHECK(check_tags(command.sealed_tags));
  STRATOS_CHECK(check_cause(command.cause));
  STRATOS_TRY(Named named, find_named(context, command));
  named.version.sealed_tags = command.sealed_tags;
  const NoticeKind kind =
      command.sealed_tags.empty() ? NoticeKind::tags_removed : NoticeKind::tags_put;
  const Bytes summary = summary_of(context, named, command.key);
  note_change(context, named.bucket, {kind, command.key, named.version, summary}, command.cause);
  return store_changed(context, named, command.key);
}

Result<Bytes> run(Context& context, const PutRetention& command) {
  STRATOS_TRY(Named named, find_named(context, command));
  STRATOS_CHECK(require_object_lock(named.bucket));
  STRATOS_CHECK(check_retention(context, command.mode, command.retain_until));
  STRATOS_CHECK(check_change(context, named.version.lock, command));
  named.version.lock.mode = command.mode;
  named.version.lock.retain_until = command.retain_until;
  STRATOS_CHECK(pay_retention(context, named.bucket, command.key, named.version));
  return store_changed(context, named, command.key);
}

Result<Bytes> run(Context& context, const PutHold& command) {
  STRATOS_TRY(Named named, find_named(context, command));
  STRATOS_CHECK(require_object_lock(named.bucket));
  named.version.lock.hold = command.hold;
  return store_changed(context, named, command.key);
}

}  // namespace stratos::meta
