// Versions of objects: which is current, what a write and a removal do to the others.
//
// The newest version of a key is the current one. It has a list row unless it is a delete marker.
// The null version is the one without an id of its own; a row points to it unless it is the newest.
#include "meta/notices.hpp"
#include "meta/payment.hpp"

namespace stratos::meta {
namespace {

std::optional<VersionRecord> null_version(const State& state, BucketId bucket,
                                          std::string_view key) {
  if (const auto id = state.get(keys::null_version(bucket, key))) {
    const auto version = VersionId::from(*id);
    if (version) return state.load<VersionRecord>(keys::version(bucket, key, &*version));
    state.note_corrupt(keys::null_version(bucket, key), "version id");
    return std::nullopt;
  }
  auto newest = newest_version(state, bucket, key);
  return newest && !newest->versioned ? newest : std::nullopt;
}

void drop_null_pointer(Context& context, BucketId bucket, std::string_view key) {
  const Bytes pointer = keys::null_version(bucket, key);
  if (context.state.has(pointer)) context.state.erase(pointer);
}

void store_list_row(Context& context, BucketId bucket, std::string_view key,
                    const VersionRecord& version, Bytes sealed_summary) {
  ListRow row;
  row.size = version.size;
  row.modified = version.modified;
  row.version = version.id;
  row.sealed_summary = std::move(sealed_summary);
  context.state.store(keys::list_row(bucket, key), row);
}

// The version's rows; what points to it is left alone.
void erase_version(Context& context, BucketId bucket, std::string_view key,
                   const VersionRecord& version) {
  context.state.erase(keys::version(bucket, key, &version.id));
  forget_payment(context, bucket, key, version);
  if (version.is_inline) context.state.erase(keys::inline_body(bucket, version.id));
  if (version.page) drop_references(context, version.page->slices);
  if (version.pages <= 1) return;
  Bytes subject;
  put_be(subject, bucket.value);
  append(subject, version.id.view());
  put_be(subject, std::uint32_t{0});
  put_be(subject, version.pages);
  context.state.put(keys::due(context.time, DueKind::free_pages, subject), {});
}

// Where versioning never was, every key has one version.
void remove_only_version(Context& context, BucketId bucket, std::string_view key) {
  const auto version = current_version(context.state, bucket, key);
  if (!version) return;
  context.state.erase(keys::list_row(bucket, key));
  erase_version(context, bucket, key, *version);
}

// The newest version is about to become an older one.
void retire_newest(Context& context, BucketId bucket, std::string_view key) {
  const auto row = context.state.load<ListRow>(keys::list_row(bucket, key));
  auto newest = row ? context.state.load<VersionRecord>(keys::version(bucket, key, &row->version))
                    : newest_version(context.state, bucket, key);
  if (!newest || newest->versioned) return;
  context.state.put(keys::null_version(bucket, key), to_bytes(newest->id.view()));
  if (!row || !newest->sealed_summary.empty()) return;
  newest->sealed_summary = row->sealed_summary;
  context.state.store(keys::version(bucket, key, &newest->id), *newest);
}

// Another null version is about to become the newest.
void remove_null_version(Context& context, BucketId bucket, std::string_view key) {
  const auto before = null_version(context.state, bucket, key);
  if (!before) return;
  erase_version(context, bucket, key, *before);
  drop_null_pointer(context, bucket, key);
}

void make_room(Context& context, const BucketRecord& bucket, std::string_view key) {
  switch (bucket.versioning) {
    case Versioning::never:
      return remove_only_version(context, bucket.id, key);
    case Versioning::enabled:
      return retire_newest(context, bucket.id, key);
    case Versioning::suspended:
      return remove_null_version(context, bucket.id, key);
  }
}

void apply_default_retention(const Context& context, const BucketRecord& bucket, ObjectLock& lock) {
  constexpr std::int64_t kDayMs = 86'400'000;
  const DefaultRetention& retention = bucket.default_retention;
  if (lock.mode != LockMode::none || retention.mode == LockMode::none) return;
  lock.mode = retention.mode;
  lock.retain_until = {context.time.ms + kDayMs * (std::int64_t{retention.days} +
                                                   365 * std::int64_t{retention.years})};
}

void emit_version(Context& context, EventKind kind, BucketId bucket, std::string_view key,
                  const VersionId& version) {
  Event event;
  event.kind = kind;
  event.bucket = bucket;
  event.key = key;
  event.version = version;
  emit(context, event);
}

Result<void> check_target(const VersionRecord& target, const Precondition& condition) {
  const auto second_of = [](WallTime time) { return time.ms / 1000; };
  const bool holds =
      condition.exists.value_or(true) && condition.version.value_or(target.id) == target.id &&
      condition.size.value_or(target.size) == target.size &&
      second_of(condition.modified.value_or(target.modified)) == second_of(target.modified);
  return holds ? Result<void>{} : fail(Errc::precondition_failed);
}

void note_removal(Context& context, const BucketRecord& bucket, const DeleteObject& command,
                  const VersionRecord& version, bool marker_created) {
  const NoticeKind kind = removed_kind(command.cause.way, marker_created);
  note_change(context, bucket, {kind, command.key, version, {}}, command.cause);
}

DeleteObject::Reply reply_of(const VersionRecord& version) {
  DeleteObject::Reply reply;
  reply.version = version.id;
  reply.versioned = version.versioned;
  reply.marker = version.marker;
  return reply;
}

Result<Bytes> remove_named(Context& context, const BucketRecord& bucket,
                           const DeleteObject& command) {
  const auto version = find_version(context.state, bucket.id, command.key, command.version);
  if (!version) return codec::encode(DeleteObject::Reply{});
  STRATOS_CHECK(check_target(*version, command.condition));
  if (is_locked(version->lock, context.time, command.bypass_governance)) {
    return fail(Errc::object_locked, command.key);
  }
  remove_version(context, bucket.id, command.key, *version);
  emit_version(context, EventKind::object_removed, bucket.id, command.key, version->id);
  note_removal(context, bucket, command, *version, false);
  return codec::encode(reply_of(*version));
}

Result<Bytes> remove_plain(Context& context, const BucketRecord& bucket,
                           const DeleteObject& command) {
  const auto version = current_version(context.state, bucket.id, command.key);
  if (!version) return codec::encode(DeleteObject::Reply{});
  STRATOS_CHECK(check_target(*version, command.condition));
  remove_only_version(context, bucket.id, command.key);
  emit_version(context, EventKind::object_removed, bucket.id, command.key, version->id);
  note_removal(context, bucket, command, *version, false);
  return codec::encode(DeleteObject::Reply{});
}

}  // namespace

std::optional<VersionRecord> current_version(const State& state, BucketId bucket,
                                             std::string_view key) {
  const auto row = state.load<ListRow>(keys::list_row(bucket, key));
  if (!row) return std::nullopt;
  return state.load<VersionRecord>(keys::version(bucket, key, &row->version));
}

std::optional<VersionRecord> newest_version(const State& state, BucketId bucket,
                                            std::string_view key) {
  std::optional<VersionRecord> newest;
  const Bytes prefix = keys::version(bucket, key, nullptr);
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView row, ByteView value) {
    auto version = codec::decode<VersionRecord>(value);
    if (version) {
      newest = std::move(*version);
    } else {
      state.note_corrupt(row, "version");
    }
    return false;
  });
  return newest;
}

std::optional<VersionRecord> find_version(const State& state, BucketId bucket, std::string_view key,
                                          const std::optional<VersionId>& version) {
  if (!version) return newest_version(state, bucket, key);
  if (version->is_zero()) return null_version(state, bucket, key);
  return state.load<VersionRecord>(keys::version(bucket, key, &*version));
}

Result<VersionRecord> require_version(const State& state, const BucketRecord& bucket,
                                      std::string_view key,
                                      const std::optional<VersionId>& version) {
  if (!version) {
    if (auto current = current_version(state, bucket.id, key)) return std::move(*current);
    const bool deleted =
        bucket.versioning != Versioning::never && newest_version(state, bucket.id, key).has_value();
    return fail(deleted ? Errc::object_deleted : Errc::no_such_object, std::string(key));
  }
  auto found = find_version(state, bucket.id, key, version);
  if (!found) return fail(Errc::no_such_version);
  if (found->marker) return fail(Errc::delete_marker);
  return std::move(*found);
}

Result<void> check_condition(const State& state, BucketId bucket, std::string_view key,
                             const Precondition& condition) {
  if (condition.empty()) return {};
  const auto row = state.load<ListRow>(keys::list_row(bucket, key));
  if (condition.exists && *condition.exists != row.has_value()) {
    return *condition.exists ? fail(Errc::no_such_object, std::string(key))
                             : fail(Errc::precondition_failed, std::string(key));
  }
  if (condition.version && (!row || row->version != *condition.version)) {
    return fail(Errc::precondition_failed, std::string(key));
  }
  return {};
}

Result<VersionRecord> make_current(Context& context, const BucketRecord& bucket,
                                   std::string_view key, VersionRecord version,
                                   Bytes sealed_summary, std::vector<SlicePage> pages) {
  make_room(context, bucket, key);
  version.versioned = bucket.versioning == Versioning::enabled;
  version.marker = false;
  version.sealed_summary = version.versioned ? sealed_summary : Bytes();
  apply_default_retention(context, bucket, version.lock);
  STRATOS_CHECK(pay_first_term(context, bucket, key, version));
  version.pages = static_cast<std::uint32_t>(pages.size());
  version.page.reset();
  if (pages.size() == 1) version.page = std::move(pages[0]);
  for (std::uint32_t i = 0; pages.size() > 1 && i < pages.size(); ++i) {
    context.state.store_new(keys::slice_page(bucket.id, version.id, i), pages[i]);
  }
  store_list_row(context, bucket.id, key, version, std::move(sealed_summary));
  context.state.store_new(keys::version(bucket.id, key, &version.id), version);
  emit_version(context, EventKind::object_created, bucket.id, key, version.id);
  return version;
}

void remove_version(Context& context, BucketId bucket, std::string_view key,
                    const VersionRecord& version) {
  const auto row = context.state.load<ListRow>(keys::list_row(bucket, key));
  erase_version(context, bucket, key, version);
  if (!version.versioned) drop_null_pointer(context, bucket, key);
  if (row && row->version != version.id) return;
  const auto newest = newest_version(context.state, bucket, key);
  if (newest && !newest->versioned) drop_null_pointer(context, bucket, key);
  if (newest && !newest->marker) {
    store_list_row(context, bucket, key, *newest, newest->sealed_summary);
  } else if (row) {
    context.state.erase(keys::list_row(bucket, key));
  }
}

VersionRecord add_marker(Context& context, const BucketRecord& bucket, std::string_view key) {
  make_room(context, bucket, key);
  const Bytes row = keys::list_row(bucket.id, key);
  if (context.state.has(row)) context.state.erase(row);
  VersionRecord marker;
  marker.id = context.version_id();
  marker.modified = context.time;
  marker.marker = true;
  marker.versioned = bucket.versioning == Versioning::enabled;
  context.state.store_new(keys::version(bucket.id, key, &marker.id), marker);
  emit_version(context, EventKind::marker_created, bucket.id, key, marker.id);
  return marker;
}

Result<Bytes> run(Context& context, const DeleteObject& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_cause(command.cause));
  if (command.version) return remove_named(context, bucket, command);
  if (bucket.versioning == Versioning::never) return remove_plain(context, bucket, command);
  STRATOS_CHECK(check_object_key(command.key));
  if (!command.condition.empty()) {
    const auto newest = newest_version(context.state, bucket.id, command.key);
    if (!newest) return codec::encode(DeleteObject::Reply{});
    STRATOS_CHECK(check_target(*newest, command.condition));
  }
  const VersionRecord marker = add_marker(context, bucket, command.key);
  note_removal(context, bucket, command, marker, true);
  return codec::encode(reply_of(marker));
}

}  // namespace stratos::meta
