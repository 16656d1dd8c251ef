#include <algorithm>

#include "meta/notices.hpp"
#include "meta/payment.hpp"

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

Bytes reply_of(const VersionRecord& version) {
  PutObject::Reply reply;
  reply.version = version.id;
  reply.modified = version.modified;
  reply.versioned = version.versioned;
  reply.paid_through = version.payment.through;
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
  version.sealed_tags = command.sealed_tags;
  version.lock = command.lock;
  version.payment.stored_bytes = command.inline_body ? command.inline_body->size()
                                                     : stored_bytes(context, command.slices.slices);
  return version;
}

Result<VersionRecord> source_version(const State& state, BucketId bucket,
                                     const CopyObject& command) {
  auto version =
      state.load<VersionRecord>(keys::version(bucket, command.source_key, &command.version));
  if (version && !version->marker) return std::move(*version);
  const bool is_there = current_version(state, bucket, command.source_key).has_value();
  return fail(is_there ? Errc::precondition_failed : Errc::no_such_object, command.source_key);
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

Result<void> check_tags(ByteView sealed_tags) {
  return check_bound(sealed_tags, kMaxTagsBytes, "tags");
}

Result<Bytes> run(Context& context, const PutObject& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_object_key(command.key));
  STRATOS_CHECK(check_sealed(command.sealed_attributes, command.sealed_summary));
  STRATOS_CHECK(check_body(command));
  STRATOS_CHECK(check_tags(command.sealed_tags));
  STRATOS_CHECK(check_cause(command.cause));
  STRATOS_CHECK(check_lock(context, bucket, command.lock));
  STRATOS_CHECK(check_condition(context.state, bucket.id, command.key, command.condition));
  STRATOS_CHECK(commit_and_refer(context, command.segments, command.slices.slices));

  VersionRecord version = make_version(context, command);
  std::vector<SlicePage> pages;
  if (!command.slices.slices.empty()) pages = paginate({command.slices});
  if (pages.size() != command.page_macs.size()) return fail(Errc::invalid_argument, "page MACs");
  STRATOS_TRY(const VersionRecord stored,
              make_current(context, bucket, command.key, std::move(version), command.sealed_summary,
                           std::move(pages)));
  if (command.inline_body) {
    context.state.put_new(keys::inline_body(bucket.id, stored.id), *command.inline_body);
  }
  const NoticeKind kind = created_kind(command.cause.way);
  note_change(context, bucket, {kind, command.key, stored, command.sealed_summary}, command.cause);
  return reply_of(stored);
}

Result<Bytes> run(Context& context, const CopyObject& command) {
  STRATOS_TRY(const BucketRecord source, require_bucket(context.state, command.source_bucket));
  STRATOS_TRY(const BucketRecord target, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_object_key(command.key));
  STRATOS_CHECK(check_sealed(command.sealed_attributes, command.sealed_summary));
  STRATOS_CHECK(check_tags(command.sealed_tags));
  STRATOS_CHECK(check_cause(command.cause));
  STRATOS_CHECK(check_lock(context, target, command.lock));
  STRATOS_CHECK(check_condition(context.state, target.id, command.key, command.condition));
  STRATOS_TRY(VersionRecord version, source_version(context.state, source.id, command));
  if (version.pages > kMaxCopySlices / kSlicesPerPage) return fail(Errc::too_large, "copy");
  STRATOS_TRY(std::vector<SlicePage> pages, load_pages(context.state, source.id, version));
  std::optional<Bytes> body;
  if (version.is_inline) body = context.state.get(keys::inline_body(source.id, version.id));
  for (const SlicePage& page : pages) STRATOS_CHECK(add_references(context, page.slices));

  version.id = context.version_id();
  version.modified = context.time;
  version.sealed_attributes = command.sealed_attributes;
  version.sealed_tags = command.sealed_tags;
  version.lock = command.lock;
  STRATOS_TRY(const VersionRecord stored,
              make_current(context, target, command.key, std::move(version), command.sealed_summary,
                           std::move(pages)));
  if (body) context.state.put_new(keys::inline_body(target.id, stored.id), std::move(*body));
  note_change(context, target,
              {NoticeKind::created_by_copy, command.key, stored, command.sealed_summary},
              command.cause);
  return reply_of(stored);
}

}  // namespace stratos::meta
