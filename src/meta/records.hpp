// The records of the index as they stand in its state. Layout of keys: meta/keys.hpp; both are
// specified in docs/formats/index.md.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "codec/record.hpp"
#include "crypto/keys.hpp"
#include "meta/bucket_config.hpp"
#include "meta/labels.hpp"
#include "meta/meta_key.hpp"
#include "meta/node_key.hpp"
#include "meta/notice_records.hpp"
#include "meta/object_records.hpp"
#include "meta/settlement_times.hpp"

namespace stratos::meta {

// How a bucket's data is kept.
struct Profile {
  std::string name;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::uint8_t copies = 0;  // of small objects
  static void fields(auto& self, auto&& field) {
    field(1, self.name);
    field(2, self.k);
    field(3, self.m);
    field(4, self.copies);
  }
};
// Fragments that must be durable before a write is acknowledged: k + ⌈m/2⌉.
constexpr std::size_t write_quorum(std::size_t k, std::size_t m) { return k + (m + 1) / 2; }

// For how long a write pays, and what of. Format: docs/formats/retention.md.
struct StorageTerms {
  std::uint64_t term_ms = 0;          // 0: objects are kept without an end, nothing is paid
  std::uint64_t noz_per_gib_day = 0;  // of stored bytes over all copies
  std::uint64_t grace_ms = 0;
  std::uint64_t warning_ms = 0;  // before the paid time ends; at most half a term counts
  bool is_on() const { return term_ms != 0; }
  static void fields(auto& self, auto&& field) {
    field(1, self.term_ms);
    field(2, self.noz_per_gib_day);
    field(3, self.grace_ms);
    field(4, self.warning_ms);
  }
};
constexpr std::uint64_t kMaxNozPerGibDay = 1ULL << 32;

struct Params {
  static constexpr std::uint8_t kFormat = 1;
  std::string network;
  std::vector<Profile> profiles;  // the first is the default
  std::uint64_t epoch_ms = 600'000;
  std::uint64_t lease_margin_ms = 3'600'000;  // a commit needs this much of its leases left
  std::uint64_t orphan_ms = 86'400'000;       // an uncommitted segment is freed after this
  std::uint64_t idempotency_ms = 3'600'000;
  std::uint32_t max_buckets = 1000;           // per account
  std::uint64_t node_table_ms = 86'400'000;   // how long old node tables count for placement
  std::vector<crypto::MachineKey> meta_keys;  // who may submit
  // No two fragments of a segment stand in one domain of any of these levels.
  std::vector<std::string> spread = {std::string(kNodeLevel)};
  SettlementTimes settlement;
  NoticeBounds notices;
  StorageTerms storage;
  std::vector<std::string> features;        // switched on: meta/features.hpp
  std::vector<PastMetaKey> past_meta_keys;  // oldest first
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.network);
    field(2, self.profiles);
    field(3, self.epoch_ms);
    field(4, self.lease_margin_ms);
    field(5, self.orphan_ms);
    field(6, self.idempotency_ms);
    field(7, self.max_buckets);
    field(8, self.node_table_ms);
    field(9, self.meta_keys);
    field(10, self.spread);
    field(20, self.settlement);
    field(21, self.notices);
    field(22, self.storage);
    field(30, self.features);
    field(31, self.past_meta_keys);
  }
};

// Errc::bad_config unless shapes and times are such as the machine can work with.
Result<void> check_params(const Params& params);

struct AccountRecord {
  static constexpr std::uint8_t kFormat = 1;
  AccountId id;
  std::string name;
  std::uint32_t buckets = 0;
  std::uint64_t ozone_noz = 0;  // not reserved by a grant
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.name);
    field(3, self.buckets);
    field(4, self.ozone_noz);
  }
};

// Names who an access key belongs to; its secret is derived by the gateway's key ring.
struct AccessKeyRecord {
  static constexpr std::uint8_t kFormat = 1;
  AccountId account;
  Bytes unknown;
  static void fields(auto& self, auto&& field) { field(1, self.account); }
};

struct BucketRecord {
  static constexpr std::uint8_t kFormat = 1;
  BucketId id;
  std::string name;
  AccountId owner;
  WallTime created;
  std::string region;
  std::string profile;
  Versioning versioning = Versioning::never;
  bool object_lock = false;  // for good; such a bucket's versioning is enabled
  DefaultRetention default_retention;
  bool notifies = false;  // there are rules for notices
  bool renews = false;    // its owner's ozone pays further terms
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.name);
    field(3, self.owner);
    field(4, self.created);
    field(5, self.region);
    field(6, self.profile);
    field(7, self.versioning);
    field(8, self.object_lock);
    field(9, self.default_retention);
    field(10, self.notifies);
    field(11, self.renews);
  }
};

struct Holder {
  std::uint8_t index = 0;
  NodeId node;
  Hash root;
  static void fields(auto& self, auto&& field) {
    field(1, self.index);
    field(2, self.node);
    field(3, self.root);
  }
};
constexpr std::uint64_t kMaxSegmentLength = 64 << 20;
struct SegmentRecord {
  static constexpr std::uint8_t kFormat = 1;
  SegmentId id;
  Generation generation;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::uint64_t length = 0;  // plain bytes, at most kMaxSegmentLength
  std::uint64_t fragment_length = 0;
  std::uint64_t references = 0;
  std::uint64_t table_version = 0;  // the node table that placed it
  WallTime created;
  std::vector<Holder> holders;  // by index, absent ones missing
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.generation);
    field(3, self.k);
    field(4, self.m);
    field(5, self.length);
    field(6, self.fragment_length);
    field(7, self.references);
    field(8, self.table_version);
    field(9, self.created);
    field(10, self.holders);
  }
};

struct UploadRecord {
  static constexpr std::uint8_t kFormat = 1;
  UploadId id;
  BucketId bucket;
  std::string key;
  AccountId initiator;
  WallTime created;
  Bytes sealed_attributes;
  WrappedKey data_key;
  Bytes sealed_tags;  // of the object to be, as is the lock
  ObjectLock lock;
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.bucket);
    field(3, self.key);
    field(4, self.initiator);
    field(5, self.created);
    field(6, self.sealed_attributes);
    field(7, self.data_key);
    field(8, self.sealed_tags);
    field(9, self.lock);
  }
};
struct PartRecord {
  static constexpr std::uint8_t kFormat = 1;
  std::uint32_t number = 0;
  std::uint64_t size = 0;
  WallTime modified;
  VersionId revision;  // changes when the part is sent again
  Bytes sealed_attributes;
  SlicePage page;
  Bytes mac;
  std::uint64_t stored_bytes = 0;  // over all copies; known where storage has terms
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.number);
    field(2, self.size);
    field(3, self.modified);
    field(4, self.revision);
    field(5, self.sealed_attributes);
    field(6, self.page);
    field(7, self.mac);
    field(8, self.stored_bytes);
  }
};

enum class NodeState : std::uint8_t { up = 1, down = 2, draining = 3, suspended = 4, left = 5 };
std::string_view name_of(NodeState state);

struct NodeRecord {
  static constexpr std::uint8_t kFormat = 1;
  NodeId id;
  crypto::MachineKey key;
  std::string endpoint;
  std::vector<Label> labels;  // by level
  std::uint64_t capabilities = 0;
  std::uint64_t capacity_bytes = 0;
  NodeState state = NodeState::down;
  std::uint32_t free_class =
      0;  // ⌊log2(free MiB)⌋ + 1, 0 when full: what placement knows of free space
  std::uint32_t score = 1000;  // of 1,000
  WallTime joined;
  std::vector<PastKey> past_keys;  // the newest last
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.key);
    field(3, self.endpoint);
    field(4, self.labels);
    field(5, self.capabilities);
    field(6, self.capacity_bytes);
    field(7, self.state);
    field(8, self.free_class);
    field(9, self.score);
    field(10, self.joined);
    field(11, self.past_keys);
  }
};

// Ozone and segment counters reserved for one payer at one meta node in one epoch.
struct GrantRecord {
  static constexpr std::uint8_t kFormat = 1;
  GrantId id;
  AccountId payer;
  crypto::MachineKey meta_node;
  Epoch epoch;
  std::uint64_t noz = 0;
  std::uint64_t segments = 0;  // counters 0 .. segments-1 may be used
  WallTime closes;
  Generation generation{1};  // of the zone when it was reserved
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.payer);
    field(3, self.meta_node);
    field(4, self.epoch);
    field(5, self.noz);
    field(6, self.segments);
    field(7, self.closes);
    field(8, self.generation);
  }
};

// Where a node's feed begins and ends, and how much the index believes it holds.
struct NodeLedger {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t feed_begin = 1;
  std::uint64_t feed_end = 0;
  std::uint64_t fragments = 0;
  std::uint64_t bytes = 0;
  // Of the inventory tree as the last block left it; the sum is the bytes.
  Hash inventory_root;
  std::uint64_t inventory_bytes = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.feed_begin);
    field(2, self.feed_end);
    field(3, self.fragments);
    field(4, self.bytes);
    field(5, self.inventory_root);
    field(6, self.inventory_bytes);
  }
};

enum class EventKind : std::uint8_t {
  object_created = 1,
  object_removed = 2,
  bucket_created = 3,
  bucket_removed = 4,
  node_state = 5,
  marker_created = 6,
  object_changed = 7,  // its tags, retention or hold
};
struct Event {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t sequence = 0;
  EventKind kind = EventKind::object_created;
  WallTime time;
  BucketId bucket;
  std::string key;
  VersionId version;
  NodeId node;
  NodeState state = NodeState::up;
  static void fields(auto& self, auto&& field) {
    field(1, self.sequence);
    field(2, self.kind);
    field(3, self.time);
    field(4, self.bucket);
    field(5, self.key);
    field(6, self.version);
    field(7, self.node);
    field(8, self.state);
  }
};
constexpr std::uint64_t kEventsKept = 100'000;

// Work that falls due at an ordered time.
enum class DueKind : std::uint8_t {
  orphan_segment = 1,   // subject: segment
  close_grant = 2,      // subject: grant
  free_pages = 3,       // subject: bucket, version, first page left, pages
  free_upload = 4,      // subject: upload
  drop_table = 5,       // subject: table version
  forget_results = 6,   // subject: height
  free_bucket = 7,      // subject: bucket; its uploads
  expire_notices = 12,  // subject: target, bucket
  payment = 16,         // subject: bucket, version, key; value: the bucket's name
};

}  // namespace stratos::meta
