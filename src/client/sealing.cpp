#include "client/sealing.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace stratos::client {
namespace {

constexpr std::string_view kAttributesPurpose = "stratos.attributes.v1";
constexpr std::string_view kTagsPurpose = "stratos.tags.v1";
constexpr std::string_view kSummaryPurpose = "stratos.summary.v1";
constexpr std::string_view kUploadPurpose = "stratos.upload.v1";
constexpr std::string_view kCausePurpose = "stratos.cause.v1";
constexpr std::string_view kConfigPurpose = "stratos.bucket-config.v1";
constexpr std::string_view kMacDomain = "stratos.slices.v1";
constexpr std::string_view kInlineDomain = "stratos.inline.v1";

struct AttributesRecord {
  static constexpr std::uint8_t kFormat = 1;
  Bytes md5;
  std::uint32_t parts = 0;
  std::vector<Checksum> checksums;
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> metadata;
  AccountId owner;
  Bytes acl;
  std::vector<Parts::Run> part_runs;
  Bytes part_checksums;
  Bytes key_check;
  static void fields(auto& self, auto&& field) {
    field(1, self.md5);
    field(2, self.parts);
    field(3, self.checksums);
    field(4, self.headers);
    field(5, self.metadata);
    field(6, self.owner);
    field(7, self.acl);
    field(8, self.part_runs);
    field(9, self.part_checksums);
    field(10, self.key_check);
  }
};
struct TagsRecord {
  static constexpr std::uint8_t kFormat = 1;
  Tags tags;
  static void fields(auto& self, auto&& field) { field(1, self.tags); }
};
struct SummaryRecord {
  static constexpr std::uint8_t kFormat = 1;
  Bytes md5;
  std::uint32_t parts = 0;
  std::vector<std::string> checksum_algorithms;
  AccountId owner;
  static void fields(auto& self, auto&& field) {
    field(1, self.md5);
    field(2, self.parts);
    field(3, self.checksum_algorithms);
    field(4, self.owner);
  }
};
struct CauseRecord {
  static constexpr std::uint8_t kFormat = 1;
  AccountId account;
  std::string remote;
  std::string request_id;
  static void fields(auto& self, auto&& field) {
    field(1, self.account);
    field(2, self.remote);
    field(3, self.request_id);
  }
};
// The name keeps a document of one bucket or kind from being shown as another's.
struct ConfigRecord {
  static constexpr std::uint8_t kFormat = 1;
  std::string bucket;
  ConfigKind kind{};
  Bytes document;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.kind);
    field(3, self.document);
  }
};
struct UploadSettingsRecord {
  static constexpr std::uint8_t kFormat = 1;
  AttributesRecord attributes;
  std::string checksum_algorithm;
  std::string checksum_type;
  static void fields(auto& self, auto&& field) {
    field(1, self.attributes);
    field(2, self.checksum_algorithm);
    field(3, self.checksum_type);
  }
};

Result<ETag> make_etag(const Bytes& md5, std::uint32_t parts) {
  ETag etag;
  if (md5.size() != etag.md5.size()) return fail(Errc::bad_encoding, "MD5 of the wrong length");
  std::ranges::copy(md5, etag.md5.begin());
  etag.parts = parts;
  return etag;
}

AttributesRecord to_record(const Attributes& attributes) {
  AttributesRecord record;
  record.md5.assign(attributes.etag.md5.begin(), attributes.etag.md5.end());
  record.parts = attributes.etag.parts;
  record.checksums = attributes.checksums;
  record.headers = attributes.headers;
  record.metadata = attributes.metadata;
  record.owner = attributes.access.owner;
  record.acl = attributes.access.acl;
  record.part_runs = attributes.parts.runs;
  record.part_checksums = attributes.parts.checksums;
  record.key_check = attributes.key_check;
  return record;
}

Result<Attributes> from_record(AttributesRecord record) {
  Attributes attributes;
  STRATOS_TRY(attributes.etag, make_etag(record.md5, record.parts));
  attributes.checksums = std::move(record.checksums);
  attributes.headers = std::move(record.headers);
  attributes.metadata = std::move(record.metadata);
  attributes.access.owner = record.owner;
  attributes.access.acl = std::move(record.acl);
  attributes.parts.runs = std::move(record.part_runs);
  attributes.parts.checksums = std::move(record.part_checksums);
  attributes.key_check = std::move(record.key_check);
  return attributes;
}

crypto::SecretKey derived(const crypto::SecretKey& data_key, ByteView context,
                          std::string_view domain) {
  return crypto::SecretKey(crypto::hkdf_sha256(data_key.view(), context, as_bytes(domain)));
}

}  // namespace

Bytes seal_attributes(const KeyRing& ring, Random& random, const Attributes& attributes) {
  return ring.seal_record(kAttributesPurpose, codec::encode(to_record(attributes)), random);
}

Result<Attributes> open_attributes(const KeyRing& ring, ByteView sealed) {
  STRATOS_TRY(const Bytes plain, ring.open_record(kAttributesPurpose, sealed));
  STRATOS_TRY(AttributesRecord record, codec::decode<AttributesRecord>(plain));
  return from_record(std::move(record));
}

Bytes seal_tags(const KeyRing& ring, Random& random, const Tags& tags) {
  if (tags.empty()) return {};
  TagsRecord record;
  record.tags = tags;
  return ring.seal_record(kTagsPurpose, codec::encode(record), random);
}

Result<Tags> open_tags(const KeyRing& ring, ByteView sealed) {
  if (sealed.empty()) return Tags{};
  STRATOS_TRY(const Bytes plain, ring.open_record(kTagsPurpose, sealed));
  STRATOS_TRY(TagsRecord record, codec::decode<TagsRecord>(plain));
  return std::move(record.tags);
}

Bytes seal_summary(const KeyRing& ring, Random& random, const Attributes& attributes) {
  SummaryRecord record;
  record.md5.assign(attributes.etag.md5.begin(), attributes.etag.md5.end());
  record.parts = attributes.etag.parts;
  for (const Checksum& checksum : attributes.checksums) {
    record.checksum_algorithms.push_back(checksum.algorithm);
  }
  record.owner = attributes.access.owner;
  return ring.seal_record(kSummaryPurpose, codec::encode(record), random);
}

Result<Summary> open_summary(const KeyRing& ring, ByteView sealed) {
  STRATOS_TRY(const Bytes plain, ring.open_record(kSummaryPurpose, sealed));
  STRATOS_TRY(SummaryRecord record, codec::decode<SummaryRecord>(plain));
  Summary summary;
  STRATOS_TRY(summary.etag, make_etag(record.md5, record.parts));
  summary.checksum_algorithms = std::move(record.checksum_algorithms);
  summary.owner = record.owner;
  return summary;
}

Result<Bytes> seal_config(const KeyRing& ring, Random& random, std::string_view bucket,
                          ConfigKind kind, ByteView document) {
  if (document.size() > kMaxConfigBytes) return fail(Errc::too_large, "bucket configuration");
  ConfigRecord record;
  record.bucket = bucket;
  record.kind = kind;
  record.document = to_bytes(document);
  return ring.seal_record(kConfigPurpose, codec::encode(record), random);
}

Result<Bytes> open_config(const KeyRing& ring, std::string_view bucket, ConfigKind kind,
                          ByteView sealed) {
  STRATOS_TRY(const Bytes plain, ring.open_record(kConfigPurpose, sealed));
  STRATOS_TRY(ConfigRecord record, codec::decode<ConfigRecord>(plain));
  if (record.bucket != bucket || record.kind != kind) {
    return fail(Errc::hash_mismatch, "the index exchanged a bucket's configuration");
  }
  return std::move(record.document);
}

Bytes seal_cause(const KeyRing& ring, Random& random, const Cause& cause) {
  CauseRecord record;
  record.account = cause.account;
  record.remote = cause.remote;
  record.request_id = cause.request_id;
  return ring.seal_record(kCausePurpose, codec::encode(record), random);
}

Result<Cause> open_cause(const KeyRing& ring, ByteView sealed) {
  if (sealed.empty()) return fail(Errc::not_found);
  STRATOS_TRY(const Bytes plain, ring.open_record(kCausePurpose, sealed));
  STRATOS_TRY(CauseRecord record, codec::decode<CauseRecord>(plain));
  Cause cause;
  cause.account = record.account;
  cause.remote = std::move(record.remote);
  cause.request_id = std::move(record.request_id);
  return cause;
}

Bytes seal_upload(const KeyRing& ring, Random& random, const UploadSettings& settings) {
  UploadSettingsRecord record;
  record.attributes = to_record(settings.attributes);
  record.checksum_algorithm = settings.checksum_algorithm;
  record.checksum_type = settings.checksum_type;
  return ring.seal_record(kUploadPurpose, codec::encode(record), random);
}

Result<UploadSettings> open_upload(const KeyRing& ring, ByteView sealed) {
  STRATOS_TRY(const Bytes plain, ring.open_record(kUploadPurpose, sealed));
  STRATOS_TRY(UploadSettingsRecord record, codec::decode<UploadSettingsRecord>(plain));
  UploadSettings settings;
  STRATOS_TRY(settings.attributes, from_record(std::move(record.attributes)));
  settings.checksum_algorithm = std::move(record.checksum_algorithm);
  settings.checksum_type = std::move(record.checksum_type);
  return settings;
}

Bytes page_mac(const crypto::SecretKey& data_key, const PageName& name,
               const meta::SlicePage& page) {
  const crypto::SecretKey key = derived(data_key, name.context, kMacDomain);
  Bytes message = to_bytes(as_bytes(kMacDomain));
  put_be(message, name.page);
  put_be(message, name.pages);
  put_be(message, name.size);
  for (const meta::Slice& slice : page.slices) {
    append(message, slice.segment.view());
    put_be(message, slice.offset);
    put_be(message, slice.length);
  }
  const auto mac = crypto::hmac_sha256(key.view(), message);
  return Bytes(mac.begin(), mac.end());
}

Result<void> check_page_mac(const crypto::SecretKey& data_key, const PageName& name,
                            const meta::SlicePage& page, ByteView mac) {
  if (!crypto::constant_time_equal(page_mac(data_key, name, page), mac)) {
    return fail(Errc::hash_mismatch, "the index changed the object's slices");
  }
  return {};
}

// The derived key serves one message only, so the nonce may be constant.
Bytes seal_inline_body(const crypto::SecretKey& data_key, ByteView context, ByteView plain) {
  crypto::Aead aead(derived(data_key, context, kInlineDomain));
  Bytes sealed(plain.size() + crypto::kTagBytes);
  aead.seal(crypto::Nonce{}, as_bytes(kInlineDomain), plain, sealed);
  return sealed;
}

Result<Bytes> open_inline_body(const crypto::SecretKey& data_key, ByteView context,
                               ByteView sealed) {
  if (sealed.size() < crypto::kTagBytes) return fail(Errc::unit_corrupt, "inline body cut off");
  crypto::Aead aead(derived(data_key, context, kInlineDomain));
  Bytes plain(sealed.size() - crypto::kTagBytes);
  if (!aead.open(crypto::Nonce{}, as_bytes(kInlineDomain), sealed, plain)) {
    return fail(Errc::unit_corrupt, "inline body");
  }
  return plain;
}

}  // namespace stratos::client
