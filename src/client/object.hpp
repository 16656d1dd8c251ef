// Objects as callers see them: what is said about them, their versions, and the conditions of
// changes.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "codec/record.hpp"
#include "meta/notice_records.hpp"
#include "meta/object_records.hpp"

namespace stratos::client {

using meta::DefaultRetention;
using meta::LockMode;
using meta::ObjectLock;
using meta::Payment;
using meta::PaymentStage;
using meta::Versioning;

// An entity tag: MD5 of the body, or of the parts' MD5s with their number (0 means a single body).
struct ETag {
  std::array<std::uint8_t, 16> md5{};
  std::uint32_t parts = 0;
  std::string to_string() const;  // without quotes: 32 hex digits, "-N" for parts
  static std::optional<ETag> parse(std::string_view text);  // with or without quotes
  friend bool operator==(const ETag&, const ETag&) = default;
};

// One checksum of S3's kinds; `composite` is the form over the parts' checksums.
struct Checksum {
  std::string algorithm;  // "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"
  Bytes value;
  std::uint32_t parts = 0;  // of a composite checksum
  bool composite = false;
  static void fields(auto& self, auto&& field) {
    field(1, self.algorithm);
    field(2, self.value);
    field(3, self.parts);
    field(4, self.composite);
  }
};

// Whose an object is and who else may use it. The gateway alone reads the list; empty: nobody.
struct ObjectAccess {
  AccountId owner;  // zero: the bucket's owner
  Bytes acl;
};

// The parts that an object was made of, in order.
struct Parts {
  // Parts of one size with numbers in sequence.
  struct Run {
    std::uint32_t number = 0;  // of the first
    std::uint32_t count = 0;
    std::uint64_t size = 0;  // of each
    static void fields(auto& self, auto&& field) {
      field(1, self.number);
      field(2, self.count);
      field(3, self.size);
    }
  };
  struct Part {
    std::uint32_t number = 0;
    std::uint64_t offset = 0;  // in the object
    std::uint64_t size = 0;
    Bytes checksum;  // of the object's algorithm; empty when it was not kept
  };
  std::vector<Run> runs;
  Bytes checksums;  // one after the other, all of one length

  void add(std::uint32_t number, std::uint64_t size);
  std::uint32_t count() const;
  std::optional<Part> find(std::uint32_t number) const;
  // Those with a number > `after`, at most `limit`.
  std::vector<Part> list(std::uint32_t after, std::size_t limit) const;
};
// Checksums of parts are kept up to this many bytes together.
constexpr std::size_t kMaxPartChecksums = 32 << 10;

using Tags = std::map<std::string, std::string>;

// What the owner says about an object besides its bytes. Sealed, but for the lock: the mesh sees
// none of it.
struct Attributes {
  ETag etag;
  std::vector<Checksum> checksums;
  std::map<std::string, std::string> headers;   // content-type, cache-control, ... lower-case names
  std::map<std::string, std::string> metadata;  // x-amz-meta-*, without the prefix
  ObjectAccess access;
  Parts parts;  // of a multipart object
  Tags tags;
  ObjectLock lock;  // the index enforces it
  // Of a body stored under a key of the client's (client/customer_key.hpp); empty: without one.
  Bytes key_check;
};

// Where a call takes the version of an object: none means the current one, zero the null version.
using VersionChoice = std::optional<VersionId>;

struct ObjectInfo {
  std::string key;
  VersionId version;
  bool versioned = false;  // the id may be shown; else this is the null version
  std::uint64_t size = 0;
  WallTime modified;
  WallTime paid_through;  // zero: kept without an end
  Attributes attributes;
};

// Conditions on the current version, or on the version to be removed, decided at the point of
// ordering. `exists` false: If-None-Match: *. An object that changes between the look at its entity
// tag and the ordering counts as one that does not meet the condition.
struct Condition {
  std::optional<bool> exists;
  std::optional<ETag> if_match;
  std::optional<ETag> if_none_match;
  std::optional<std::uint64_t> size;  // of removals, as is the next
  std::optional<WallTime> modified;   // to the second
};

// Who brought a change about, and how: for those who are told of it. Sealed.
struct Cause {
  meta::ChangeWay way = meta::ChangeWay::plain;
  std::uint64_t origin = 0;  // the gateway; 0: whoever comes first delivers the notice
  AccountId account;         // zero: anonymous
  std::string remote;        // the address alone
  std::string request_id;
};

struct Removal {
  VersionChoice version;  // none: the object, over which versioning puts a delete marker
  bool bypass_governance = false;
  Condition condition;
  std::shared_ptr<const Cause> cause = nullptr;  // where somebody may be told
};
struct RemovalItem {
  std::string key;
  Removal removal;
};
// What a removal removed or made; a zero version for neither.
struct Removed {
  VersionId version;
  bool versioned = false;
  bool marker = false;  // a delete marker was removed or made
};
struct ChangedVersion {
  VersionId version;
  bool versioned = false;
};

// Until when a version is paid, where storage has terms.
struct PaymentInfo {
  VersionId version;
  bool versioned = false;
  Payment payment;
  std::uint64_t term_ms = 0;
  std::uint64_t term_noz = 0;  // what a further term takes
  bool renews = false;         // the bucket's owner pays it without being asked
};
// Either a time or days after the one that is paid through.
struct PaymentExtension {
  WallTime through;
  std::uint32_t days = 0;
};
struct ExtendedPayment {
  VersionId version;
  bool versioned = false;
  Payment payment;
  std::uint64_t noz = 0;  // that it took
};

// What a copy does not take over from its source.
struct CopyOptions {
  VersionChoice source_version;
  std::optional<Attributes> attributes;  // headers and metadata; etag and checksums stay
  std::optional<Tags> tags;
  ObjectAccess access;  // the copy's own
  ObjectLock lock;
  Condition condition;  // of the target
};

}  // namespace stratos::client
