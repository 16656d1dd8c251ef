#include "meta/notices.hpp"
#include "meta/payment.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint32_t kMaxParts = 10'000;
constexpr std::uint64_t kMinPartBytes = 5 << 20;

Result<UploadRecord> require_upload(const State& state, BucketId bucket, std::string_view key,
                                    const UploadId& id) {
  auto upload = state.load<UploadRecord>(keys::upload(bucket, key, &id));
  if (!upload) return fail(Errc::no_such_upload, id.hex());
  return std::move(*upload);
}

// The chosen parts in order; Errc::no_such_part, Errc::invalid_part_order, Errc::part_too_small,
// Errc::too_large.
Result<std::vector<PartRecord>> chosen_parts(const State& state, const CompleteUpload& command) {
  std::vector<PartRecord> parts;
  std::size_t slices = 0;
  for (const CompleteUpload::Part& wanted : command.parts) {
    if (!parts.empty() && wanted.number <= parts.back().number) {
      return fail(Errc::invalid_part_order);
    }
    auto part = state.load<PartRecord>(keys::part(command.upload, wanted.number));
    if (!part || part->revision != wanted.revision) {
      return fail(Errc::no_such_part, std::to_string(wanted.number));
    }
    if (!parts.empty() && parts.back().size < kMinPartBytes) {
      return fail(Errc::part_too_small, std::to_string(parts.back().number));
    }
    slices += part->page.slices.size();
    if (slices > kMaxSlices) return fail(Errc::too_large, "slices of the object");
    parts.push_back(std::move(*part));
  }
  if (parts.empty()) return fail(Errc::invalid_argument, "no parts");
  return parts;
}

}  // namespace

Result<Bytes> run(Context& context, const CreateUpload& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_CHECK(check_object_key(command.key));
  STRATOS_CHECK(check_bound(command.sealed_attributes, kMaxAttributesBytes, "attributes"));
  STRATOS_CHECK(check_wrapped_key(command.data_key));
  STRATOS_CHECK(check_tags(command.sealed_tags));
  STRATOS_CHECK(check_lock(context, bucket, command.lock));
  // Parts are filed under the id alone, and those of an ended upload are freed over many blocks.
  const Bytes id_key = keys::upload_id(command.upload);
  if (context.state.has(id_key)) return fail(Errc::already_exists, command.upload.hex());
  context.state.put(id_key, {});
  UploadRecord upload;
  upload.id = command.upload;
  upload.bucket = bucket.id;
  upload.key = command.key;
  upload.initiator = command.initiator;
  upload.created = context.time;
  upload.sealed_attributes = command.sealed_attributes;
  upload.data_key = command.data_key;
  upload.sealed_tags = command.sealed_tags;
  upload.lock = command.lock;
  context.state.store(keys::upload(bucket.id, command.key, &upload.id), upload);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const PutPart& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_TRY(const UploadRecord upload,
              require_upload(context.state, bucket.id, command.key, command.upload));
  if (command.number == 0 || command.number > kMaxParts) {
    return fail(Errc::invalid_argument, "part number");
  }
  STRATOS_CHECK(check_slices(command.slices, command.size));
  STRATOS_CHECK(check_bound(command.sealed_attributes, kMaxAttributesBytes, "attributes"));
  STRATOS_CHECK(check_bound(command.mac, kMaxMacBytes, "MAC"));
  STRATOS_CHECK(commit_and_refer(context, command.segments, command.slices.slices));
  const Bytes key = keys::part(upload.id, command.number);
  if (const auto before = context.state.load<PartRecord>(key)) {
    drop_references(context, before->page.slices);
  }
  PartRecord part;
  part.number = command.number;
  part.size = command.size;
  part.modified = context.time;
  part.revision = context.version_id();
  part.sealed_attributes = command.sealed_attributes;
  part.page = command.slices;
  part.mac = command.mac;
  part.stored_bytes = stored_bytes(context, command.slices.slices);
  context.state.store(key, part);
  PutObject::Reply reply;
  reply.version = part.revision;
  reply.modified = context.time;
  return codec::encode(reply);
}

Result<Bytes> run(Context& context, const CompleteUpload& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_TRY(const UploadRecord upload,
              require_upload(context.state, bucket.id, command.key, command.upload));
  STRATOS_CHECK(check_sealed(command.sealed_attributes, command.sealed_summary));
  STRATOS_CHECK(check_macs(command.page_macs));
  STRATOS_CHECK(check_cause(command.cause));
  STRATOS_CHECK(check_condition(context.state, bucket.id, command.key, command.condition));
  STRATOS_TRY(const std::vector<PartRecord> parts, chosen_parts(context.state, command));

  VersionRecord version;
  version.id = context.version_id();
  version.modified = context.time;
  version.sealed_attributes = command.sealed_attributes;
  version.context = to_bytes(upload.id.view());
  version.key = upload.data_key;
  version.page_macs = command.page_macs;
  version.sealed_tags = upload.sealed_tags;
  version.lock = upload.lock;
  std::vector<SlicePage> part_pages;
  for (const PartRecord& part : parts) {
    version.size += part.size;
    version.payment.stored_bytes += part.stored_bytes;
    part_pages.push_back(part.page);
    // The object takes over the part's references.
    context.state.erase(keys::part(upload.id, part.number));
  }
  std::vector<SlicePage> pages = paginate(part_pages);
  if (pages.size() != command.page_macs.size()) return fail(Errc::invalid_argument, "page MACs");
  free_upload(context, upload.id);
  context.state.erase(keys::upload(bucket.id, command.key, &upload.id));

  STRATOS_TRY(const VersionRecord stored,
              make_current(context, bucket, command.key, std::move(version), command.sealed_summary,
                           std::move(pages)));
  note_change(context, bucket,
              {NoticeKind::created_of_parts, command.key, stored, command.sealed_summary},
              command.cause);
  PutObject::Reply reply;
  reply.version = stored.id;
  reply.modified = context.time;
  reply.versioned = stored.versioned;
  reply.paid_through = stored.payment.through;
  return codec::encode(reply);
}

Result<Bytes> run(Context& context, const AbortUpload& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_TRY(const UploadRecord upload,
              require_upload(context.state, bucket.id, command.key, command.upload));
  context.state.erase(keys::upload(bucket.id, command.key, &upload.id));
  free_upload(context, upload.id);
  return codec::encode(Nothing{});
}

std::size_t free_upload(Context& context, const UploadId& upload) {
  constexpr std::size_t kRowsAtOnce = 2048;
  std::vector<std::pair<Bytes, Result<PartRecord>>> parts;
  std::size_t rows = 0;
  bool all = true;
  const Bytes prefix = keys::parts_of(upload);
  context.state.scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView value) {
    all = rows < kRowsAtOnce;
    if (!all) return false;
    parts.emplace_back(to_bytes(key), codec::decode<PartRecord>(value));
    rows += 1 + (parts.back().second ? parts.back().second->page.slices.size() : 0);
    return true;
  });
  for (const auto& [key, part] : parts) {
    if (part) drop_references(context, part->page.slices);
    context.state.erase(key);
  }
  if (all) {
    context.state.erase(keys::upload_id(upload));
  } else {
    context.state.put(keys::due(context.time, DueKind::free_upload, upload.view()), {});
  }
  return rows + 1;
}

}  // namespace stratos::meta
