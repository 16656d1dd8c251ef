// The verbs of the index: what an ordered entry may ask for. Each command is a record with its verb
// number; its result is a record too. Format: docs/formats/index.md.
#pragma once
#include "meta/receipt.hpp"
#include "meta/records.hpp"
#include "meta/verb.hpp"

namespace stratos::meta {

// One request of a batch. A retry with the same id gets the first result.
struct Item {
  Verb verb{};
  IdempotencyId id;  // zero: not remembered
  Bytes command;
  static void fields(auto& self, auto&& field) {
    field(1, self.verb);
    field(2, self.id);
    field(3, self.command);
  }
};

// An ordered entry: a meta node's signed batch.
struct Entry {
  static constexpr std::uint8_t kFormat = 1;
  static constexpr std::string_view kDomain = "stratos.entry.v1";
  crypto::MachineKey submitter;
  crypto::MachineSignature signature;  // over `items` encoded as ItemList
  Bytes items;
  static void fields(auto& self, auto&& field) {
    field(1, self.submitter);
    field(2, self.signature);
    field(3, self.items);
  }
};
struct ItemList {
  std::vector<Item> items;
  static void fields(auto& self, auto&& field) { field(1, self.items); }
};
struct ItemResult {
  std::uint16_t code = 0;  // Errc, 0 when it took effect
  Bytes value;
  static void fields(auto& self, auto&& field) {
    field(1, self.code);
    field(2, self.value);
  }
};
struct ItemResults {
  std::vector<ItemResult> results;
  static void fields(auto& self, auto&& field) { field(1, self.results); }
};

// What one command may bring; more is Errc::too_large.
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kMaxInlineBytes = 8192;
constexpr std::size_t kMaxSummaryBytes = 1024;
constexpr std::size_t kMaxAttributesBytes = 192 << 10;  // most of it are sizes of parts
constexpr std::size_t kMaxTagsBytes = 20 << 10;
constexpr std::size_t kMaxContextBytes = 1024;
constexpr std::size_t kMaxWrappedKeyBytes = 1024;
constexpr std::size_t kMaxMacBytes = 64;
constexpr std::size_t kMaxNameBytes = 256;
// Slices of one object: 5 TiB in segments, and of one that is copied in one command.
constexpr std::size_t kMaxSlices = 256 * kSlicesPerPage;
constexpr std::size_t kMaxCopySlices = 20 * kSlicesPerPage;

struct Nothing {
  static void fields(auto&, auto&&) {}
};

struct CreateAccount {
  static constexpr Verb kVerb = Verb::create_account;
  using Reply = Nothing;
  AccountId account;
  std::string name;
  std::uint64_t ozone_noz = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.account);
    field(2, self.name);
    field(3, self.ozone_noz);
  }
};
struct CreateAccessKey {
  static constexpr Verb kVerb = Verb::create_access_key;
  using Reply = Nothing;
  std::string access_key;
  AccountId account;
  static void fields(auto& self, auto&& field) {
    field(1, self.access_key);
    field(2, self.account);
  }
};

// Errc::no_such_access_key unless it is that account's.
struct DeleteAccessKey {
  static constexpr Verb kVerb = Verb::delete_access_key;
  using Reply = Nothing;
  std::string access_key;
  AccountId account;
  static void fields(auto& self, auto&& field) {
    field(1, self.access_key);
    field(2, self.account);
  }
};

// Errc::bucket_exists (another owner), Errc::bucket_owned_by_you, Errc::too_many_buckets,
// Errc::bad_bucket_name.
struct CreateBucket {
  static constexpr Verb kVerb = Verb::create_bucket;
  using Reply = BucketRecord;
  std::string name;
  AccountId owner;
  std::string region;
  std::string profile;                // empty: the network's first
  std::vector<BucketConfig> configs;  // that it begins with
  bool object_lock = false;           // and with it versioning
  static void fields(auto& self, auto&& field) {
    field(1, self.name);
    field(2, self.owner);
    field(3, self.region);
    field(4, self.profile);
    field(5, self.configs);
    field(6, self.object_lock);
  }
};
struct DeleteBucket {
  static constexpr Verb kVerb = Verb::delete_bucket;
  using Reply = Nothing;
  std::string name;
  static void fields(auto& self, auto&& field) { field(1, self.name); }
};

// Sets one document of a bucket, or removes it. With that of notifications come its rules for
// notices. Errc::invalid_argument for an unknown kind and for rules, Errc::too_large above
// kMaxConfigBytes.
struct SetBucketConfig {
  static constexpr Verb kVerb = Verb::set_bucket_config;
  using Reply = Nothing;
  std::string bucket;
  ConfigKind kind{};
  std::optional<Bytes> document;
  std::vector<NoticeRule> rules;
  std::optional<Cause> test;  // every target of the rules is told that there are rules
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.kind);
    field(3, self.document);
    field(4, self.rules);
    field(5, self.test);
  }
};

// A segment that is durable on a write quorum of nodes.
struct SegmentCommit {
  SegmentId id;
  std::uint64_t table_version = 0;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::uint64_t length = 0;
  std::vector<Receipt> receipts;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.table_version);
    field(3, self.k);
    field(4, self.m);
    field(5, self.length);
    field(6, self.receipts);
  }
};
// Makes segments known while an upload runs; they are freed again unless something refers to them
// in time. Errc::below_quorum, Errc::bad_placement, Errc::lease_expired, Errc::no_such_grant.
struct CommitSegments {
  static constexpr Verb kVerb = Verb::commit_segments;
  using Reply = Nothing;
  std::vector<SegmentCommit> segments;
  static void fields(auto& self, auto&& field) { field(1, self.segments); }
};
// Adds a fragment that arrived late, or was repaired, to a segment nobody changed meanwhile. With
// `replaces` it takes the place of the same fragment on that node, which is told to drop it.
// Errc::stale_generation, Errc::no_such_segment, Errc::bad_placement.
struct AddHolder {
  static constexpr Verb kVerb = Verb::add_holder;
  using Reply = Nothing;
  Generation generation;
  Receipt receipt;
  std::optional<NodeId> replaces;
  static void fields(auto& self, auto&& field) {
    field(1, self.generation);
    field(2, self.receipt);
    field(3, self.replaces);
  }
};
// Takes a fragment off the record that its holder has not, or only damaged. A damaged one stays
// while the others do not suffice: some of its bytes may be needed.
// Errc::no_such_segment, Errc::not_found when the node does not hold it by the record,
// Errc::below_quorum.
struct LoseHolder {
  static constexpr Verb kVerb = Verb::lose_holder;
  using Reply = Nothing;
  FragmentId fragment;
  NodeId node;
  bool damaged = false;  // else it is missing
  static void fields(auto& self, auto&& field) {
    field(1, self.fragment);
    field(2, self.node);
    field(3, self.damaged);
  }
};

// What must hold of the current version of a key, or of the version that a command names, when the
// command is ordered.
struct Precondition {
  std::optional<bool> exists;
  std::optional<VersionId> version;
  std::optional<std::uint64_t> size;
  std::optional<WallTime> modified;  // to the second
  bool empty() const { return !exists && !version && !size && !modified; }
  static void fields(auto& self, auto&& field) {
    field(1, self.exists);
    field(2, self.version);
    field(3, self.size);
    field(4, self.modified);
  }
};

// Makes an object visible: inline, or of slices of known segments and of those committed here, each
// of which must be used. What it replaces is removed, or kept as the bucket's versioning has it.
// Errc::no_such_bucket, Errc::precondition_failed, Errc::no_such_segment, Errc::no_object_lock for
// a lock in a bucket without, and CommitSegments' errors.
struct PutObject {
  static constexpr Verb kVerb = Verb::put_object;
  struct Reply {
    VersionId version;
    WallTime modified;
    bool versioned = false;  // the id may be shown
    WallTime paid_through;   // where storage has terms
    static void fields(auto& self, auto&& field) {
      field(1, self.version);
      field(2, self.modified);
      field(3, self.versioned);
      field(4, self.paid_through);
    }
  };
  std::string bucket;
  std::string key;
  Precondition condition;
  std::uint64_t size = 0;
  Bytes sealed_attributes;
  Bytes sealed_summary;
  Bytes context;
  WrappedKey data_key;
  std::optional<Bytes> inline_body;
  SlicePage slices;
  std::vector<Bytes> page_macs;
  std::vector<SegmentCommit> segments;
  Bytes sealed_tags;
  ObjectLock lock;
  Cause cause;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.condition);
    field(4, self.size);
    field(5, self.sealed_attributes);
    field(6, self.sealed_summary);
    field(7, self.context);
    field(8, self.data_key);
    field(9, self.inline_body);
    field(10, self.slices);
    field(11, self.page_macs);
    field(12, self.segments);
    field(13, self.sealed_tags);
    field(14, self.lock);
    field(15, self.cause);
  }
};
// Removes the version that it names; without one the object, over which a bucket with versioning
// puts a delete marker. What is absent is removed already, also where a condition asks for it.
// Errc::precondition_failed, Errc::object_locked.
struct DeleteObject {
  static constexpr Verb kVerb = Verb::delete_object;
  struct Reply {
    VersionId version;       // that was removed, or of the new marker; zero for neither
    bool versioned = false;  // the id may be shown
    bool marker = false;     // a marker was removed or made
    static void fields(auto& self, auto&& field) {
      field(1, self.version);
      field(2, self.versioned);
      field(3, self.marker);
    }
  };
  std::string bucket;
  std::string key;
  Precondition condition;
  std::optional<VersionId> version;  // zero: the null version
  bool bypass_governance = false;
  Cause cause;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.condition);
    field(4, self.version);
    field(5, self.bypass_governance);
    field(6, self.cause);
  }
};
// Shares the segments of `version`: Errc::no_such_object when the source has no current version,
// Errc::precondition_failed when it has lost this one, Errc::too_large beyond kMaxCopySlices.
struct CopyObject {
  static constexpr Verb kVerb = Verb::copy_object;
  using Reply = PutObject::Reply;
  std::string source_bucket;
  std::string source_key;
  VersionId version;
  std::string bucket;
  std::string key;
  Bytes sealed_attributes;
  Bytes sealed_summary;
  Bytes sealed_tags;
  ObjectLock lock;
  Precondition condition;  // of the target
  Cause cause;
  static void fields(auto& self, auto&& field) {
    field(1, self.source_bucket);
    field(2, self.source_key);
    field(3, self.version);
    field(4, self.bucket);
    field(5, self.key);
    field(6, self.sealed_attributes);
    field(7, self.sealed_summary);
    field(8, self.sealed_tags);
    field(9, self.lock);
    field(10, self.condition);
    field(11, self.cause);
  }
};

// Errc::no_such_account, Errc::grant_exhausted when the account has less ozone.
struct ReserveGrant {
  static constexpr Verb kVerb = Verb::reserve_grant;
  using Reply = GrantRecord;
  AccountId payer;
  crypto::MachineKey meta_node;
  std::uint64_t noz = 0;
  std::uint64_t segments = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.payer);
    field(2, self.meta_node);
    field(3, self.noz);
    field(4, self.segments);
  }
};

}  // namespace stratos::meta
