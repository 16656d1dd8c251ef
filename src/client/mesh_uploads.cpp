#include <algorithm>
#include <array>

#include "client/customer_key.hpp"
#include "client/mesh_object_client_impl.hpp"
#include "client/object_reader.hpp"
#include "client/sealing.hpp"
#include "crypto/hash.hpp"

namespace stratos::client::detail {
namespace {

constexpr std::int64_t kDigestPicosecondsPerByte = 1500;

// The digest behind S3's name of a checksum.
struct NamedDigest {
  std::string_view name;
  crypto::DigestKind kind;
};
constexpr std::array kChecksums = {
    NamedDigest{"CRC64NVME", crypto::DigestKind::crc64nvme},  // where nothing was chosen
    NamedDigest{"CRC32", crypto::DigestKind::crc32},
    NamedDigest{"CRC32C", crypto::DigestKind::crc32c},
    NamedDigest{"SHA1", crypto::DigestKind::sha1},
    NamedDigest{"SHA256", crypto::DigestKind::sha256},
};

// Entity tag and checksum of a part whose bytes pass by.
class PartDigests {
 public:
  explicit PartDigests(std::string_view algorithm)
      : md5_(crypto::make_digest(crypto::DigestKind::md5)) {
    const auto row = std::ranges::find(kChecksums, algorithm, &NamedDigest::name);
    const NamedDigest& chosen = row == kChecksums.end() ? kChecksums.front() : *row;
    name_ = chosen.name;
    checksum_ = crypto::make_digest(chosen.kind);
  }
  void update(ByteView data) {
    md5_->update(data);
    checksum_->update(data);
  }
  Attributes finish() {
    Attributes attributes;
    std::ranges::copy(md5_->finish(), attributes.etag.md5.begin());
    Checksum checksum;
    checksum.algorithm = name_;
    checksum.value = checksum_->finish();
    attributes.checksums.push_back(std::move(checksum));
    return attributes;
  }

 private:
  std::string_view name_;
  std::unique_ptr<crypto::Digest> md5_;
  std::unique_ptr<crypto::Digest> checksum_;
};

// A body that is in memory already, with its attributes.
class MemoryBody final : public BodySource {
 public:
  MemoryBody(Buffer data, Attributes attributes)
      : data_(std::move(data)), size_(data_.size()), attributes_(std::move(attributes)) {}
  Task<Result<Buffer>> next(std::size_t max_bytes) override {
    const std::size_t take = std::min(max_bytes, data_.size());
    Buffer part = data_.slice(0, take);
    data_ = data_.slice(take);
    co_return part;
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  Result<Attributes> finish() override { return attributes_; }

 private:
  Buffer data_;
  std::uint64_t size_;
  Attributes attributes_;
};

// The slices that hold [offset, offset + length) of the pages' bytes.
meta::SlicePage cut_slices(const std::vector<meta::SlicePage>& pages, std::uint64_t offset,
                           std::uint64_t length) {
  std::vector<meta::SlicePage> cut;
  std::uint64_t at = 0;
  for (const meta::SlicePage& page : pages) {
    meta::SlicePage kept;
    kept.keys = page.keys;
    for (const meta::Slice& slice : page.slices) {
      const std::uint64_t begin = std::max(at, offset);
      const std::uint64_t end = std::min(at + slice.length, offset + length);
      if (begin < end) {
        meta::Slice part = slice;
        part.offset += begin - at;
        part.length = end - begin;
        kept.slices.push_back(part);
      }
      at += slice.length;
    }
    cut.push_back(std::move(kept));
  }
  // One page holds what a part may have; paginate() merges the keys.
  meta::SlicePage merged;
  for (meta::SlicePage& page : meta::paginate(cut)) {
    for (meta::Slice& slice : page.slices) {
      const meta::WrappedKey& key = page.keys[slice.key];
      const auto found = std::ranges::find(merged.keys, key);
      slice.key = static_cast<std::uint32_t>(found - merged.keys.begin());
      if (found == merged.keys.end()) merged.keys.push_back(key);
      merged.slices.push_back(slice);
    }
  }
  return merged;
}

// Sizes of the parts, and their checksums where all have one of the object's algorithm.
Parts parts_of(const std::vector<PartInfo>& chosen, const std::vector<Checksum>& checksums) {
  Parts parts;
  bool complete = !checksums.empty();
  for (const PartInfo& part : chosen) {
    parts.add(part.number, part.size);
    if (!complete) continue;
    const auto found =
        std::ranges::find(part.checksums, checksums.front().algorithm, &Checksum::algorithm);
    complete = found != part.checksums.end() &&
               parts.checksums.size() + found->value.size() <= kMaxPartChecksums;
    if (complete) append(parts.checksums, found->value);
  }
  if (!complete) parts.checksums.clear();
  return parts;
}

Task<Result<Attributes>> digest_of(Runtime& runtime, ObjectReader& reader, std::string algorithm) {
  const auto digests = std::make_shared<PartDigests>(algorithm);
  while (true) {
    STRATOS_CO_TRY(Buffer data, co_await reader.next());
    if (data.empty()) break;
    const auto cost = static_cast<std::int64_t>(data.size()) * kDigestPicosecondsPerByte / 1000;
    auto work = [digests, data = std::move(data)] { digests->update(data.view()); };
    co_await runtime.offload(std::move(work), Duration(cost));
  }
  co_return digests->finish();
}

}  // namespace

Task<Result<UploadId>> MeshObjectClient::create_upload(Principal who, std::string bucket,
                                                       std::string key,
                                                       CreateUploadRequest request) {
  UploadSettings settings;
  settings.attributes = std::move(request.attributes);
  settings.checksum_algorithm = std::move(request.checksum_algorithm);
  settings.checksum_type = std::move(request.checksum_type);
  const Tags tags = settings.attributes.tags;
  const ObjectLock lock = settings.attributes.lock;
  Random& random = mesh_.runtime.random();
  meta::CreateUpload command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.upload = random.draw_id<UploadId>();
  command.initiator = who.account;
  command.sealed_attributes = seal_upload(mesh_.ring, random, settings);
  command.sealed_tags = seal_tags(mesh_.ring, random, tags);
  command.lock = lock;
  command.data_key = mesh_.ring.wrap(crypto::SecretKey::draw(random), random);
  STRATOS_CO_TRY([[maybe_unused]] const meta::Nothing done, co_await mesh_.meta.execute(command));
  co_return command.upload;
}

Task<Result<meta::UploadRecord>> MeshObjectClient::upload_record(std::string bucket,
                                                                 std::string key, UploadId id) {
  meta::GetUpload query;
  query.bucket = std::move(bucket);
  query.key = std::move(key);
  query.upload = id;
  co_return co_await mesh_.meta.query(query);
}

Task<Result<UploadInfo>> MeshObjectClient::head_upload(std::string bucket, std::string key,
                                                       UploadId upload) {
  STRATOS_CO_TRY(const meta::UploadRecord record,
                 co_await upload_record(std::move(bucket), std::move(key), upload));
  STRATOS_CO_TRY(UploadSettings settings, open_upload(mesh_.ring, record.sealed_attributes));
  UploadInfo info;
  info.key = record.key;
  info.id = record.id;
  info.created = record.created;
  info.checksum_algorithm = std::move(settings.checksum_algorithm);
  info.checksum_type = std::move(settings.checksum_type);
  info.initiator = record.initiator;
  info.owner = settings.attributes.access.owner;
  info.key_check = std::move(settings.attributes.key_check);
  co_return info;
}

Task<Result<PartInfo>> MeshObjectClient::put_part(Principal, std::string bucket, std::string key,
                                                  UploadId upload, std::uint32_t number,
                                                  BodySource& body) {
  STRATOS_CO_TRY(const meta::UploadRecord record, co_await upload_record(bucket, key, upload));
  STRATOS_CO_TRY(StoreOptions options, co_await store_options(bucket));
  options.allow_inline = false;
  STRATOS_CO_TRY(const crypto::SecretKey wrapped_key, mesh_.ring.unwrap(record.data_key));
  STRATOS_CO_TRY(StoredBody stored, co_await store_body(mesh_, body, body_key(wrapped_key, body),
                                                        record.data_key, options));
  meta::PutPart command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.upload = upload;
  command.number = number;
  command.size = stored.size;
  command.sealed_attributes =
      seal_attributes(mesh_.ring, mesh_.runtime.random(), stored.attributes);
  command.slices = std::move(stored.slices);
  command.segments = std::move(stored.segments);
  PageName name;
  name.context = upload.view();
  name.page = number;
  name.size = stored.size;
  command.mac = page_mac(wrapped_key, name, command.slices);
  STRATOS_CO_TRY(const meta::PutObject::Reply reply, co_await mesh_.meta.execute(command));
  PartInfo info;
  info.number = number;
  info.size = stored.size;
  info.modified = reply.modified;
  info.etag = stored.attributes.etag;
  info.checksums = std::move(stored.attributes.checksums);
  co_return info;
}

Task<Result<PartInfo>> MeshObjectClient::copy_part(Principal who, std::string source_bucket,
                                                   std::string source_key,
                                                   VersionChoice source_version,
                                                   std::optional<ByteRange> range,
                                                   std::string bucket, std::string key,
                                                   UploadId upload, std::uint32_t number) {
  STRATOS_CO_TRY(const meta::UploadRecord record, co_await upload_record(bucket, key, upload));
  STRATOS_CO_TRY(const meta::GetObject::Reply source,
                 co_await look_up(source_bucket, source_key, source_version, true));
  STRATOS_CO_TRY(ObjectInfo info, info_of(source_key, source.version));
  if (!info.attributes.key_check.empty()) co_return fail(Errc::bad_key, "under a client's key");
  STRATOS_CO_TRY(const std::unique_ptr<ObjectReader> reader,
                 make_object_reader(mesh_, info, source));
  if (range) STRATOS_CO_CHECK(reader->select(*range));
  const std::uint64_t offset = reader->offset();
  const std::uint64_t length = reader->length();
  STRATOS_CO_TRY(const UploadSettings settings, open_upload(mesh_.ring, record.sealed_attributes));
  if (source.version.is_inline) {
    STRATOS_CO_TRY(Buffer data, co_await reader->next());
    PartDigests digests(settings.checksum_algorithm);
    digests.update(data.view());
    MemoryBody body(std::move(data), digests.finish());
    co_return co_await put_part(who, std::move(bucket), std::move(key), upload, number, body);
  }
  STRATOS_CO_TRY(Attributes attributes,
                 co_await digest_of(mesh_.runtime, *reader, settings.checksum_algorithm));
  std::vector<meta::SlicePage> pages;
  if (source.version.page) pages.push_back(*source.version.page);
  for (std::uint32_t i = 0; source.version.pages > 1 && i < source.version.pages; ++i) {
    meta::GetSlicePage query;
    query.bucket = source.bucket;
    query.version = source.version.id;
    query.page = i;
    STRATOS_CO_TRY(meta::SlicePage page, co_await mesh_.meta.query(query));
    pages.push_back(std::move(page));
  }
  meta::PutPart command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.upload = upload;
  command.number = number;
  command.size = length;
  command.sealed_attributes = seal_attributes(mesh_.ring, mesh_.runtime.random(), attributes);
  command.slices = cut_slices(pages, offset, length);
  STRATOS_CO_TRY(const crypto::SecretKey data_key, mesh_.ring.unwrap(record.data_key));
  PageName name;
  name.context = upload.view();
  name.page = number;
  name.size = length;
  command.mac = page_mac(data_key, name, command.slices);
  const auto done = co_await mesh_.meta.execute(command);
  // The source went while its bytes were read.
  if (!done && done.error().code() == Errc::no_such_segment) {
    co_return fail(Errc::object_changed, source_key);
  }
  STRATOS_CO_TRY(const meta::PutObject::Reply reply, done);
  PartInfo part;
  part.number = number;
  part.size = length;
  part.modified = reply.modified;
  part.etag = attributes.etag;
  part.checksums = std::move(attributes.checksums);
  co_return part;
}

Result<PartInfo> MeshObjectClient::part_info(const meta::PartRecord& part) const {
  STRATOS_TRY(Attributes attributes, open_attributes(mesh_.ring, part.sealed_attributes));
  PartInfo info;
  info.number = part.number;
  info.size = part.size;
  info.modified = part.modified;
  info.etag = attributes.etag;
  info.checksums = std::move(attributes.checksums);
  return info;
}

Task<Result<std::vector<PartInfo>>> MeshObjectClient::list_parts(std::string bucket,
                                                                 std::string key, UploadId upload,
                                                                 std::uint32_t after,
                                                                 std::uint32_t limit) {
  std::vector<PartInfo> parts;
  meta::ListParts query;
  query.bucket = std::move(bucket);
  query.key = std::move(key);
  query.upload = upload;
  query.after = after;
  for (bool more = true; more;) {
    query.limit = limit - static_cast<std::uint32_t>(parts.size());
    STRATOS_CO_TRY(const meta::ListParts::Reply reply, co_await mesh_.meta.query(query));
    for (const meta::PartRecord& part : reply.parts) {
      STRATOS_CO_TRY(PartInfo info, part_info(part));
      query.after = info.number;
      parts.push_back(std::move(info));
    }
    more = reply.more && !reply.parts.empty() && parts.size() < limit;
  }
  co_return parts;
}

Task<Result<std::vector<meta::PartRecord>>> MeshObjectClient::all_parts(std::string bucket,
                                                                        std::string key,
                                                                        UploadId upload) {
  std::vector<meta::PartRecord> parts;
  meta::ListParts query;
  query.bucket = std::move(bucket);
  query.key = std::move(key);
  query.upload = upload;
  for (bool more = true; more;) {
    STRATOS_CO_TRY(meta::ListParts::Reply reply, co_await mesh_.meta.query(query));
    std::ranges::move(reply.parts, std::back_inserter(parts));
    more = reply.more && !reply.parts.empty();
    if (more) query.after = parts.back().number;
  }
  co_return parts;
}

Task<Result<ObjectClient::UploadPage>> MeshObjectClient::list_uploads(
    std::string bucket, std::string prefix, std::string delimiter, std::string key_marker,
    UploadId upload_marker, std::uint32_t limit) {
  meta::ListUploads query;
  query.bucket = std::move(bucket);
  query.prefix = std::move(prefix);
  query.delimiter = std::move(delimiter);
  query.key_marker = std::move(key_marker);
  query.upload_marker = upload_marker;
  query.limit = limit;
  STRATOS_CO_TRY(meta::ListUploads::Reply reply, co_await mesh_.meta.query(query));
  UploadPage page;
  for (const meta::UploadRecord& record : reply.uploads) {
    STRATOS_CO_TRY(UploadSettings settings, open_upload(mesh_.ring, record.sealed_attributes));
    UploadInfo info;
    info.key = record.key;
    info.id = record.id;
    info.created = record.created;
    info.checksum_algorithm = std::move(settings.checksum_algorithm);
    info.checksum_type = std::move(settings.checksum_type);
    info.initiator = record.initiator;
    info.owner = settings.attributes.access.owner;
    page.uploads.push_back(std::move(info));
  }
  page.common_prefixes = std::move(reply.common_prefixes);
  page.truncated = reply.truncated;
  page.next_key_marker = std::move(reply.next_key);
  page.next_upload_marker = reply.next_upload;
  co_return page;
}

// A completion whose answer was lost is asked for again when the upload is gone. The object that it
// made bears the upload's id.
Task<Result<ObjectInfo>> MeshObjectClient::completed_before(std::string bucket, std::string key,
                                                            UploadId upload, ETag etag,
                                                            Error error) {
  if (error.code() != Errc::no_such_upload) co_return fail(std::move(error));
  const auto found = co_await look_up(std::move(bucket), key, std::nullopt, false);
  if (!found || !std::ranges::equal(found->version.context, upload.view())) {
    co_return fail(std::move(error));
  }
  STRATOS_CO_TRY(ObjectInfo info, info_of(key, found->version));
  if (info.attributes.etag != etag) co_return fail(std::move(error));
  co_return info;
}

Task<Result<ObjectInfo>> MeshObjectClient::complete_upload(Principal who, std::string bucket,
                                                           std::string key, UploadId upload,
                                                           std::vector<CompletedPart> parts,
                                                           ETag etag,
                                                           std::vector<Checksum> checksums,
                                                           Condition condition) {
  auto open = co_await upload_record(bucket, key, upload);
  if (!open) co_return co_await completed_before(bucket, key, upload, etag, open.error());
  const meta::UploadRecord record = std::move(*open);
  STRATOS_CO_TRY(UploadSettings settings, open_upload(mesh_.ring, record.sealed_attributes));
  STRATOS_CO_TRY(const std::vector<meta::PartRecord> stored,
                 co_await all_parts(bucket, key, upload));
  STRATOS_CO_TRY(const crypto::SecretKey data_key, mesh_.ring.unwrap(record.data_key));

  meta::CompleteUpload command;
  STRATOS_CO_TRY(command.condition, co_await precondition(bucket, key, condition));
  std::vector<meta::SlicePage> slices;
  ObjectInfo info;
  std::vector<PartInfo> chosen;
  for (const CompletedPart& wanted : parts) {
    const auto part =
        std::ranges::lower_bound(stored, wanted.number, {}, &meta::PartRecord::number);
    if (part == stored.end() || part->number != wanted.number) {
      co_return fail(Errc::no_such_part, std::to_string(wanted.number));
    }
    STRATOS_CO_TRY(PartInfo known, part_info(*part));
    if (known.etag != wanted.etag) {
      co_return fail(Errc::no_such_part, std::to_string(wanted.number));
    }
    PageName name;
    name.context = upload.view();
    name.page = part->number;
    name.size = part->size;
    STRATOS_CO_CHECK(check_page_mac(data_key, name, part->page, part->mac));
    command.parts.push_back({part->number, part->revision});
    slices.push_back(part->page);
    info.size += part->size;
    chosen.push_back(std::move(known));
  }
  const std::vector<meta::SlicePage> pages = meta::paginate(slices);
  for (std::uint32_t i = 0; i < pages.size(); ++i) {
    PageName name;
    name.context = upload.view();
    name.page = i;
    name.pages = static_cast<std::uint32_t>(pages.size());
    name.size = info.size;
    command.page_macs.push_back(page_mac(data_key, name, pages[i]));
  }
  info.attributes = std::move(settings.attributes);
  info.attributes.etag = etag;
  info.attributes.checksums = std::move(checksums);
  info.attributes.parts = parts_of(chosen, info.attributes.checksums);
  command.bucket = std::move(bucket);
  command.key = key;
  command.upload = upload;
  command.sealed_attributes = seal_attributes(mesh_.ring, mesh_.runtime.random(), info.attributes);
  command.sealed_summary = seal_summary(mesh_.ring, mesh_.runtime.random(), info.attributes);
  command.cause = sealed_cause(who.cause);
  STRATOS_CO_TRY(const meta::PutObject::Reply reply, co_await mesh_.meta.execute(command));
  info.key = std::move(key);
  info.version = reply.version;
  info.versioned = reply.versioned;
  info.modified = reply.modified;
  info.paid_through = reply.paid_through;
  co_return info;
}

Task<Result<void>> MeshObjectClient::abort_upload(std::string bucket, std::string key,
                                                  UploadId upload) {
  meta::AbortUpload command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.upload = upload;
  STRATOS_CO_TRY([[maybe_unused]] const meta::Nothing done, co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

}  // namespace stratos::client::detail
