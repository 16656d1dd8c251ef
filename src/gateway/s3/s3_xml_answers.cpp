#include "gateway/s3/s3_error.hpp"
#include "gateway/s3/s3_xml.hpp"
#include "gateway/s3/xml_writer.hpp"

namespace stratos::gateway::s3 {
namespace {

// Generous enough for keys of usual length, so that a page is written without growing.
constexpr std::size_t kBytesPerListedObject = 384;

// Percent-encoded with %20 for a space: read right by decoders with and without the rule that a
// plus is a space.
void write_key_if_any(XmlWriter& xml, std::string_view name, std::string_view key,
                      bool url_encoding) {
  if (!key.empty()) xml.key(name, key, url_encoding);
}

void write_checksum(XmlWriter& xml, const std::optional<Checksum>& checksum) {
  if (checksum) xml.element(info_of(checksum->algorithm).element, checksum->text());
}

void write_checksum_kind(XmlWriter& xml, std::optional<ChecksumAlgorithm> algorithm,
                         std::optional<ChecksumType> type) {
  if (algorithm) xml.element("ChecksumAlgorithm", info_of(*algorithm).name);
  if (type) xml.element("ChecksumType", name_of(*type));
}

void write_common_prefixes(XmlWriter& xml, const std::vector<std::string>& prefixes,
                           bool url_encoding) {
  for (const std::string& prefix : prefixes) {
    xml.open("CommonPrefixes");
    xml.key("Prefix", prefix, url_encoding);
    xml.close("CommonPrefixes");
  }
}

void write_listing_head(XmlWriter& xml, const ObjectListing& listing) {
  xml.element("Name", listing.bucket);
  xml.key("Prefix", listing.prefix, listing.url_encoding);
  write_key_if_any(xml, "Delimiter", listing.delimiter, listing.url_encoding);
  xml.element("MaxKeys", listing.max_keys);
  if (listing.url_encoding) xml.element("EncodingType", "url");
  xml.element("IsTruncated", listing.truncated);
}

// From LastModified to the owner: the same in objects and versions.
void write_object_body(XmlWriter& xml, const ObjectItem& object, const Owners* owners) {
  xml.element("LastModified", object.modified).etag(object.etag);
  write_checksum_kind(xml, object.checksum_algorithm, object.checksum_type);
  xml.element("Size", object.size_bytes).element("StorageClass", object.storage_class);
  if (owners) write_owner(xml, "Owner", owners->at(object.owner));
}

void write_objects(XmlWriter& xml, const ObjectListing& listing, const Owners* owners) {
  for (const ObjectItem& object : listing.objects) {
    xml.open("Contents");
    xml.key("Key", object.key, listing.url_encoding);
    write_object_body(xml, object, owners);
    xml.close("Contents");
  }
  write_common_prefixes(xml, listing.common_prefixes, listing.url_encoding);
}

void reserve_for(XmlWriter& xml, const ObjectListing& listing) {
  xml.reserve(1024 + kBytesPerListedObject * listing.objects.size() +
              128 * listing.common_prefixes.size());
}

std::string copy_document(std::string_view root, const CopyResult& result) {
  XmlWriter xml;
  xml.open_root(root).element("LastModified", result.modified).etag(result.etag);
  write_checksum(xml, result.checksum);
  write_checksum_kind(xml, std::nullopt, result.checksum_type);
  xml.close(root);
  return std::move(xml).take();
}

void write_deleted(XmlWriter& xml, const DeletedItem& item, bool quiet) {
  if (!item.error && quiet) return;
  const std::string_view name = item.error ? "Error" : "Deleted";
  xml.open(name).element("Key", item.key);
  if (!item.version_id.empty()) xml.element("VersionId", item.version_id);
  if (item.marker) {
    xml.element("DeleteMarker", true).element("DeleteMarkerVersionId", item.marker_version_id);
  }
  if (item.error) {
    xml.element("Code", s3_code_of(*item.error)).element("Message", public_message(*item.error));
  }
  xml.close(name);
}

void write_object_parts(XmlWriter& xml, const PartsPage& page) {
  xml.open("ObjectParts").element("PartsCount", page.count);
  xml.element("PartNumberMarker", std::uint64_t{page.marker});
  xml.element("NextPartNumberMarker", std::uint64_t{page.next_marker});
  xml.element("MaxParts", page.max_parts).element("IsTruncated", page.truncated);
  for (const PartItem& part : page.parts) {
    xml.open("Part").element("PartNumber", std::uint64_t{part.number});
    xml.element("Size", part.size_bytes);
    write_checksum(xml, part.checksum);
    xml.close("Part");
  }
  xml.close("ObjectParts");
}

}  // namespace

void write_owner(XmlWriter& xml, std::string_view name, const Owner& owner) {
  xml.open(name).element("ID", owner.id).element("DisplayName", owner.display_name).close(name);
}

std::string list_buckets_document(const BucketListing& listing) {
  XmlWriter xml;
  xml.open_root("ListAllMyBucketsResult");
  write_owner(xml, "Owner", listing.owner);
  xml.open("Buckets");
  for (const BucketItem& bucket : listing.buckets) {
    xml.open("Bucket").element("Name", bucket.name).element("CreationDate", bucket.created);
    if (!bucket.region.empty()) xml.element("BucketRegion", bucket.region);
    xml.close("Bucket");
  }
  xml.close("Buckets");
  if (!listing.prefix.empty()) xml.element("Prefix", listing.prefix);
  if (!listing.continuation_token.empty()) {
    xml.element("ContinuationToken", listing.continuation_token);
  }
  xml.close("ListAllMyBucketsResult");
  return std::move(xml).take();
}

std::string list_objects_document(const ObjectListing& listing, const ListV1& page,
                                  const Owners* owners) {
  XmlWriter xml;
  reserve_for(xml, listing);
  xml.open_root("ListBucketResult");
  write_listing_head(xml, listing);
  xml.key("Marker", page.marker, listing.url_encoding);
  if (listing.truncated) {
    write_key_if_any(xml, "NextMarker", page.next_marker, listing.url_encoding);
  }
  write_objects(xml, listing, owners);
  xml.close("ListBucketResult");
  return std::move(xml).take();
}

std::string list_objects_v2_document(const ObjectListing& listing, const ListV2& page,
                                     const Owners* owners) {
  XmlWriter xml;
  reserve_for(xml, listing);
  xml.open_root("ListBucketResult");
  write_listing_head(xml, listing);
  xml.element("KeyCount", std::uint64_t{listing.objects.size() + listing.common_prefixes.size()});
  write_key_if_any(xml, "StartAfter", page.start_after, listing.url_encoding);
  if (!page.continuation_token.empty()) xml.element("ContinuationToken", page.continuation_token);
  if (listing.truncated) xml.element("NextContinuationToken", page.next_continuation_token);
  write_objects(xml, listing, owners);
  xml.close("ListBucketResult");
  return std::move(xml).take();
}

std::string delete_result_document(const std::vector<DeletedItem>& items, bool quiet) {
  XmlWriter xml;
  xml.open_root("DeleteResult");
  for (const DeletedItem& item : items) write_deleted(xml, item, quiet);
  xml.close("DeleteResult");
  return std::move(xml).take();
}

std::string copy_object_document(const CopyResult& result) {
  return copy_document("CopyObjectResult", result);
}

std::string copy_part_document(const CopyResult& result) {
  return copy_document("CopyPartResult", result);
}

std::string initiate_upload_document(const UploadName& name) {
  XmlWriter xml;
  xml.open_root("InitiateMultipartUploadResult").element("Bucket", name.bucket);
  xml.element("Key", name.key).element("UploadId", name.upload_id);
  xml.close("InitiateMultipartUploadResult");
  return std::move(xml).take();
}

std::string complete_upload_document(const CompleteResult& result) {
  XmlWriter xml;
  xml.open_root("CompleteMultipartUploadResult").element("Location", result.location);
  xml.element("Bucket", result.bucket).element("Key", result.key).etag(result.etag);
  write_checksum(xml, result.checksum);
  write_checksum_kind(xml, std::nullopt, result.checksum_type);
  xml.close("CompleteMultipartUploadResult");
  return std::move(xml).take();
}

std::string list_parts_document(const PartListing& listing) {
  XmlWriter xml;
  xml.reserve(1024 + 256 * listing.parts.size());
  xml.open_root("ListPartsResult").element("Bucket", listing.name.bucket);
  if (listing.url_encoding) xml.element("EncodingType", "url");
  xml.key("Key", listing.name.key, listing.url_encoding);
  xml.element("UploadId", listing.name.upload_id);
  write_owner(xml, "Initiator", listing.initiator);
  write_owner(xml, "Owner", listing.owner);
  xml.element("StorageClass", listing.storage_class);
  xml.element("PartNumberMarker", std::uint64_t{listing.part_number_marker});
  xml.element("NextPartNumberMarker", std::uint64_t{listing.next_part_number_marker});
  xml.element("MaxParts", listing.max_parts).element("IsTruncated", listing.truncated);
  write_checksum_kind(xml, listing.checksum_algorithm, listing.checksum_type);
  for (const PartItem& part : listing.parts) {
    xml.open("Part").element("PartNumber", std::uint64_t{part.number});
    xml.element("LastModified", part.modified).etag(part.etag);
    xml.element("Size", part.size_bytes);
    write_checksum(xml, part.checksum);
    xml.close("Part");
  }
  xml.close("ListPartsResult");
  return std::move(xml).take();
}

std::string list_uploads_document(const UploadListing& listing) {
  const bool url = listing.url_encoding;
  XmlWriter xml;
  xml.open_root("ListMultipartUploadsResult").element("Bucket", listing.bucket);
  xml.key("KeyMarker", listing.key_marker, url);
  xml.element("UploadIdMarker", listing.upload_id_marker);
  if (listing.truncated) {
    xml.key("NextKeyMarker", listing.next_key_marker, url);
    xml.element("NextUploadIdMarker", listing.next_upload_id_marker);
  }
  xml.key("Prefix", listing.prefix, url);
  write_key_if_any(xml, "Delimiter", listing.delimiter, url);
  if (url) xml.element("EncodingType", "url");
  xml.element("MaxUploads", listing.max_uploads).element("IsTruncated", listing.truncated);
  for (const UploadItem& upload : listing.uploads) {
    xml.open("Upload");
    xml.key("Key", upload.key, url);
    xml.element("UploadId", upload.upload_id);
    write_owner(xml, "Initiator", upload.initiator);
    write_owner(xml, "Owner", upload.owner);
    xml.element("StorageClass", upload.storage_class).element("Initiated", upload.initiated);
    write_checksum_kind(xml, upload.checksum_algorithm, upload.checksum_type);
    xml.close("Upload");
  }
  write_common_prefixes(xml, listing.common_prefixes, url);
  xml.close("ListMultipartUploadsResult");
  return std::move(xml).take();
}

std::string location_document(std::string_view region) {
  XmlWriter xml;
  xml.open_root("LocationConstraint");
  xml.characters(region == "us-east-1" ? std::string_view() : region);
  xml.close("LocationConstraint");
  return std::move(xml).take();
}

std::string object_attributes_document(const ObjectAttributes& attributes) {
  XmlWriter xml;
  xml.open_root("GetObjectAttributesResponse");
  if (attributes.etag) xml.element("ETag", *attributes.etag);
  if (attributes.checksum) {
    xml.open("Checksum");
    write_checksum(xml, attributes.checksum);
    write_checksum_kind(xml, std::nullopt, attributes.checksum_type);
    xml.close("Checksum");
  }
  if (attributes.parts) write_object_parts(xml, *attributes.parts);
  if (attributes.storage_class) xml.element("StorageClass", *attributes.storage_class);
  if (attributes.size_bytes) xml.element("ObjectSize", *attributes.size_bytes);
  xml.close("GetObjectAttributesResponse");
  return std::move(xml).take();
}

}  // namespace stratos::gateway::s3
