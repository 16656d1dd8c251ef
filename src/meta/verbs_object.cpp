#include <algorithm>

#include "meta/verbs.hpp"

namespace stratos::meta {
namespace {

Result<void> check_body(const PutObject& command) {
  STRATOS_CHECK(check_bound(command.context, kMaxContextBytes, "context"));
  STRATOS_CHECK(check_wrapped_key(command.data_key));
  STRATOS_CHECK(check_macs(command.page_macs));
  if (!command.inline_body) return check_slices(command.slices, command.size);
  const bool also_elsewhere = !command.slices.slices.empty() || !command.segments.empty();
  if (also_elsewhere) return fail(Errc::invalid_argument, "inline body and slices");
  if (command.size > command.inline_body->size()) {
    return fail(Errc::invalid_argument, "inline body shorter than the object");
  }
  return check_bound(*command.inline_body, kMaxInlineBytes, "inline body");
}

Bytes reply_of(const Context& context, const VersionRecord& version) {
  PutObject::Reply reply;
  reply.version = version.id;
  reply.modified = context.time;
  return codec::encode(reply);
}

VersionRecord make_version(const Context& context, const PutObject& command) {
  VersionRecord version;
  version.id = context.version_id();
  version.size = command.size;
  version.modified = context.time;
  version.sealed_attributes = command.sealed_attributes;
  version.context = command.context;
  version.key = command.data_key;
  version.is_inline = command.inline_body.has_value();
  version.page_macs = command.page_macs;
  return version;
}

Result<std::vector<SlicePage>> load_pages(const State& state, BucketId bucket,
                                          const VersionRecord& version) {
  std::vector<SlicePage> pages;
  if (version.page) pages.push_back(*version.page);
  for (std::uint32_t i = 0; version.pages > 1 && i < version.pages; ++i) {
    auto page = state.load<SlicePage>(keys::slice_page(bucket, version.id, i));
    if (!page) return fail(Errc::store_corrupt, "slice page " + std::to_string(i) + " is missing");
    pages.push_back(std::move(*page));
  }
  return pages;
}

}  // namespace

Result<void> check_object_key(std::string_view key) {
  if (key.empty()) return fail(Errc::invalid_argument, "empty object key");
  return check_bound(as_bytes(key), kMaxKeyBytes, "object key");
}

Result<void> check_bound(ByteView bytes, std::size_t max, std::string_view what) {
  if (bytes.size() > max) return fail(Errc::too_large, std::string(what));
  return {};
}

Result<void> check_wrapped_key(const WrappedKey& key) {
  STRATOS_CHECK(check_bound(as_bytes(key.ring), kMaxNameBytes, "key ring"));
  return check_bound(key.sealed, kMaxWrappedKeyBytes, "wrapped key");
}

Result<void> check_macs(const std::vector<Bytes>& macs) {
  for (const Bytes& mac : macs) STRATOS_CHECK(check_bound(mac, kMaxMacBytes, "MAC"));
  return {};
}

Result<void> check_sealed(ByteView attributes, ByteView summary) {
  STRATOS_CHECK(check_bound(attributes, kMaxAttributesBytes, "attributes"));
  return check_bound(summary, kMaxSummaryBytes, "summary");
}

Result<void> check_slices(const SlicePage& page, std::uint64_t size) {
  for (const WrappedKey& key : page.keys) STRATOS_CHECK(check_wrapped_key(key));
  std::uint64_t total = 0;
  for (const Slice& slice : page.slices) {
    if (slice.key >= page.keys.size()) return fail(Errc::invalid_argument, "slice without its key");
    if (slice.length == 0) return fail(Errc::invalid_argument, "empty slice");
    if (slice.length > kMaxSegmentLength) return fail(Errc::invalid_argument, "slice too long");
    total += slice.length;
  }
  if (total != size) return fail(Errc::invalid_argument, "slices do not add up");
  return {};
}

std::optional<VersionRecord> current_version(const State& state, BucketId bucket,
                                             std::string_view key) {
  const auto row = state.load<ListRow>(keys::list_row(bucket, key));
  if (!row) return std::nullopt;
  return state.load<VersionRecord>(keys::version(bucket, key, &row->version));
}

Result<void> check_condition(const State& state, BucketId bucket, std::string_view key,
                             const Precondition& condition) {
  if (!condition.exists && !condition.version) return {};
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

void remove_current(Context& context, BucketId bucket, std::string_view key) {
  const auto version = current_version(context.state, bucket, key);
  if (!version) return;
  context.state.erase(keys::list_row(bucket, key));
  context.state.erase(keys::version(bucket, key, &version->id));
  if (version->is_inline) context.state.erase(keys::inline_body(bucket, version->id));
  if (version->page) drop_references(context, version->page->slices);
  if (version->pages <= 1) return;
  Bytes subject;
  put_be(subject, bucket.value);
  append(subject, version->id.view());
  put_be(subject, std::uint32_t{0});
  put_be(subject, version->pages);
  context.state.put(keys::due(context.time, DueKind::free_pages, subject), {});
}

void make_current(Context& context, const BucketRecord& bucket, std::string_view key,
                  VersionRecord version, Bytes sealed_summary, std::vector<SlicePage> pages) {
  remove_current(context, bucket.id, key);
  version.pages = static_cast<std::uint32_t>(pages.size());
  version.page.reset();
  if (pages.size() == 1) version.page = std::move(pages[0]);
  for (std::uint32_t i = 0; pages.size() > 1 && i < pages.size(); ++i) {
    context.state.store_new(keys::slice_page(bucket.id, version.id, i), pages[i]);
  }
  ListRow row;
  row.size = version.size;
  row.modified = version.modified;
  row.version = version.id;
  row.sealed_summary = std::move(sealed_summary);
  context.state.store(keys::list_row(bucket.id, key), row);
  context.state.store_new(keys::version(bucket.id, key, &version.id), version);
  Event event;
  event.bucket = bucket.id;
  event.key = key;
  event.version = version.id;
  emit(context, event);
}

Result<Bytes> run(Context& context, const PutObject& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_object_key(command.key));
  STRATOS_CHECK(check_sealed(command.sealed_attributes, command.sealed_summary));
  STRATOS_CHECK(check_body(command));
  STRATOS_CHECK(check_condition(context.state, bucket.id, command.key, command.condition));
  STRATOS_CHECK(commit_and_refer(context, command.segments, command.slices.slices));

  VersionRecord version = make_version(context, command);
  std::vector<SlicePage> pages;
  if (!command.slices.slices.empty()) pages = paginate({command.slices});
  if (pages.size() != command.page_macs.size()) return fail(Errc::invalid_argument, "page MACs");
  const Bytes reply = reply_of(context, version);
  const VersionId id = version.id;
  make_current(context, bucket, command.key, std::move(version), command.sealed_summary,
               std::move(pages));
  if (command.inline_body) {
    context.state.put_new(keys::inline_body(bucket.id, id), *command.inline_body);
  }
  return reply;
}

Result<Bytes> run(Context& context, const DeleteObject& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_condition(context.state, bucket.id, command.key, command.condition));
  const auto row = context.state.load<ListRow>(keys::list_row(bucket.id, command.key));
  if (!row) return codec::encode(Nothing{});
  remove_current(context, bucket.id, command.key);
  Event event;
  event.kind = EventKind::object_removed;
  event.bucket = bucket.id;
  event.key = command.key;
  event.version = row->version;
  emit(context, event);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const CopyObject& command) {
  STRATOS_TRY(const BucketRecord source, require_bucket(context.state, command.source_bucket));
  STRATOS_TRY(const BucketRecord target, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_object_key(command.key));
  STRATOS_CHECK(check_sealed(command.sealed_attributes, command.sealed_summary));
  auto version = current_version(context.state, source.id, command.source_key);
  if (!version) return fail(Errc::no_such_object, command.source_key);
  if (version->id != command.version) return fail(Errc::precondition_failed, command.source_key);
  if (version->pages > kMaxCopySlices / kSlicesPerPage) return fail(Errc::too_large, "copy");
  STRATOS_TRY(std::vector<SlicePage> pages, load_pages(context.state, source.id, *version));
  std::optional<Bytes> body;
  if (version->is_inline) body = context.state.get(keys::inline_body(source.id, version->id));
  for (const SlicePage& page : pages) STRATOS_CHECK(add_references(context, page.slices));

  version->id = context.version_id();
  version->modified = context.time;
  version->sealed_attributes = command.sealed_attributes;
  const Bytes reply = reply_of(context, *version);
  const VersionId id = version->id;
  make_current(context, target, command.key, std::move(*version), command.sealed_summary,
               std::move(pages));
  if (body) context.state.put_new(keys::inline_body(target.id, id), std::move(*body));
  return reply;
}

Result<Bytes> run(Context& context, const SetAttributes& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_sealed(command.sealed_attributes, command.sealed_summary));
  const Bytes row_key = keys::list_row(bucket.id, command.key);
  auto row = context.state.load<ListRow>(row_key);
  if (!row) return fail(Errc::no_such_object, command.key);
  if (row->version != command.version) return fail(Errc::precondition_failed, command.key);
  const Bytes key = keys::version(bucket.id, command.key, &command.version);
  auto version = context.state.load<VersionRecord>(key);
  if (!version) return fail(Errc::no_such_object, command.key);
  version->sealed_attributes = command.sealed_attributes;
  row->sealed_summary = command.sealed_summary;
  context.state.store(key, *version);
  context.state.store(row_key, *row);
  return codec::encode(Nothing{});
}

}  // namespace stratos::meta
