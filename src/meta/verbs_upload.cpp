#include "meta/verbs.hpp"

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

// The chosen parts in order; Errc::no_such_part, Errc::invalid_part_order, Errc::part_too_small.
Result<std::vector<PartRecord>> chosen_parts(const State& state, const CompleteUpload& command) {
  std::vector<PartRecord> parts;
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
    parts.push_back(std::move(*part));
  }
  if (parts.empty()) return fail(Errc::invalid_argument, "no parts");
  return parts;
}

}  // namespace

Result<Bytes> run(Context& context, const CreateUpload& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  UploadRecord upload;
  upload.id = command.upload;
  upload.bucket = bucket.id;
  upload.key = command.key;
  upload.initiator = command.initiator;
  upload.created = context.time;
  upload.sealed_attributes = command.sealed_attributes;
  upload.data_key = command.data_key;
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
  for (const Slice& slice : command.slices.slices) {
    if (slice.key >= command.slices.keys.size()) return fail(Errc::invalid_argument, "slice key");
  }
  if (length_of(command.slices) != command.size) {
    return fail(Errc::invalid_argument, "slices do not add up");
  }
  STRATOS_CHECK(commit_segments(context, command.segments));
  STRATOS_CHECK(add_references(context, command.slices.slices));
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
  STRATOS_CHECK(check_condition(context.state, bucket.id, command.key, command.condition));
  STRATOS_TRY(const std::vector<PartRecord> parts, chosen_parts(context.state, command));

  VersionRecord version;
  version.id = context.version_id();
  version.modified = context.time;
  version.sealed_attributes = command.sealed_attributes;
  version.context = to_bytes(upload.id.view());
  version.key = upload.data_key;
  version.page_macs = command.page_macs;
  std::vector<SlicePage> part_pages;
  for (const PartRecord& part : parts) {
    version.size += part.size;
    part_pages.push_back(part.page);
    // The object takes over the part's references.
    context.state.erase(keys::part(upload.id, part.number));
  }
  std::vector<SlicePage> pages = paginate(part_pages);
  if (pages.size() != command.page_macs.size()) return fail(Errc::invalid_argument, "page MACs");
  free_upload(context, upload.id);
  context.state.erase(keys::upload(bucket.id, command.key, &upload.id));

  PutObject::Reply reply;
  reply.version = version.id;
  reply.modified = context.time;
  make_current(context, bucket, command.key, std::move(version), command.sealed_summary,
               std::move(pages));
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

void free_upload(Context& context, const UploadId& upload) {
  constexpr std::size_t kPartsAtOnce = 256;
  std::vector<PartRecord> parts;
  const Bytes prefix = keys::parts_of(upload);
  context.state.scan(prefix, kv::prefix_end(prefix), [&parts](ByteView, ByteView value) {
    if (auto part = codec::decode<PartRecord>(value)) parts.push_back(std::move(*part));
    return parts.size() < kPartsAtOnce;
  });
  for (const PartRecord& part : parts) {
    drop_references(context, part.page.slices);
    context.state.erase(keys::part(upload, part.number));
  }
  if (parts.size() == kPartsAtOnce) {
    context.state.put(keys::due(context.time, DueKind::free_upload, upload.view()), {});
  }
}

}  // namespace stratos::meta
