// What the mesh stores for an object but must not read: its attributes, and the MACs that bind the
// order and length of its slices. Format: docs/formats/object.md.
#pragma once
#include "client/key_ring.hpp"
#include "client/object_client.hpp"
#include "meta/records.hpp"

namespace stratos::client {

// All but tags and lock.
Bytes seal_attributes(const KeyRing& ring, Random& random, const Attributes& attributes);
Result<Attributes> open_attributes(const KeyRing& ring, ByteView sealed);

// Empty for no tags.
Bytes seal_tags(const KeyRing& ring, Random& random, const Tags& tags);
Result<Tags> open_tags(const KeyRing& ring, ByteView sealed);

// What a listing shows.
struct Summary {
  ETag etag;
  std::vector<std::string> checksum_algorithms;
  AccountId owner;  // zero: the bucket's owner
};
Bytes seal_summary(const KeyRing& ring, Random& random, const Attributes& attributes);
Result<Summary> open_summary(const KeyRing& ring, ByteView sealed);

// A document of a bucket, bound to the bucket's name and to its kind. Errc::too_large.
Result<Bytes> seal_config(const KeyRing& ring, Random& random, std::string_view bucket,
                          ConfigKind kind, ByteView document);
Result<Bytes> open_config(const KeyRing& ring, std::string_view bucket, ConfigKind kind,
                          ByteView sealed);

// Who brought a change about; its way and origin are not part of it. Errc::not_found for none.
Bytes seal_cause(const KeyRing& ring, Random& random, const Cause& cause);
Result<Cause> open_cause(const KeyRing& ring, ByteView sealed);

// Settings of a multipart upload beside the object's attributes.
struct UploadSettings {
  Attributes attributes;
  std::string checksum_algorithm;
  std::string checksum_type;
};
Bytes seal_upload(const KeyRing& ring, Random& random, const UploadSettings& settings);
Result<UploadSettings> open_upload(const KeyRing& ring, ByteView sealed);

// HMAC-SHA256 over a page of slices; `context` is drawn for the upload, so pages cannot be moved
// between objects. For a part of an upload `page` is its number and `pages` is 0.
struct PageName {
  ByteView context;
  std::uint32_t page = 0;
  std::uint32_t pages = 0;
  std::uint64_t size = 0;  // of the object or part
};
Bytes page_mac(const crypto::SecretKey& data_key, const PageName& name,
               const meta::SlicePage& page);
// Errc::hash_mismatch.
Result<void> check_page_mac(const crypto::SecretKey& data_key, const PageName& name,
                            const meta::SlicePage& page, ByteView mac);

// Bodies small enough to stand in the index.
Bytes seal_inline_body(const crypto::SecretKey& data_key, ByteView context, ByteView plain);
Result<Bytes> open_inline_body(const crypto::SecretKey& data_key, ByteView context,
                               ByteView sealed);

}  // namespace stratos::client
