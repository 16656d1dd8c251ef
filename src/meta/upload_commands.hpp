// The commands of multipart uploads; see meta/commands.hpp.
#pragma once
#include "meta/commands.hpp"

namespace stratos::meta {

struct CreateUpload {
  static constexpr Verb kVerb = Verb::create_upload;
  using Reply = Nothing;
  std::string bucket;
  std::string key;
  UploadId upload;  // drawn by the client
  AccountId initiator;
  Bytes sealed_attributes;
  WrappedKey data_key;
  Bytes sealed_tags;  // of the object to be, as is the lock
  ObjectLock lock;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.upload);
    field(4, self.initiator);
    field(5, self.sealed_attributes);
    field(6, self.data_key);
    field(7, self.sealed_tags);
    field(8, self.lock);
  }
};
// Errc::no_such_upload.
struct PutPart {
  static constexpr Verb kVerb = Verb::put_part;
  using Reply = PutObject::Reply;
  std::string bucket;
  std::string key;
  UploadId upload;
  std::uint32_t number = 0;
  std::uint64_t size = 0;
  Bytes sealed_attributes;
  SlicePage slices;
  Bytes mac;
  std::vector<SegmentCommit> segments;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.upload);
    field(4, self.number);
    field(5, self.size);
    field(6, self.sealed_attributes);
    field(7, self.slices);
    field(8, self.mac);
    field(9, self.segments);
  }
};
// Joins parts to an object; moves slices, not bytes. The revisions are those the client computed
// attributes and MACs from: Errc::no_such_part when a part was sent again meanwhile.
struct CompleteUpload {
  static constexpr Verb kVerb = Verb::complete_upload;
  using Reply = PutObject::Reply;
  struct Part {
    std::uint32_t number = 0;
    VersionId revision;
    static void fields(auto& self, auto&& field) {
      field(1, self.number);
      field(2, self.revision);
    }
  };
  std::string bucket;
  std::string key;
  UploadId upload;
  Precondition condition;
  std::vector<Part> parts;
  Bytes sealed_attributes;
  Bytes sealed_summary;
  std::vector<Bytes> page_macs;
  Cause cause;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.upload);
    field(4, self.condition);
    field(5, self.parts);
    field(6, self.sealed_attributes);
    field(7, self.sealed_summary);
    field(8, self.page_macs);
    field(9, self.cause);
  }
};
struct AbortUpload {
  static constexpr Verb kVerb = Verb::abort_upload;
  using Reply = Nothing;
  std::string bucket;
  std::string key;
  UploadId upload;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.upload);
  }
};

}  // namespace stratos::meta
