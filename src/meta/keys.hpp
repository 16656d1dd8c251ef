// Keys of the index's state: one family byte, then fields that sort as they should be walked.
#pragma once
#include <string_view>

#include "base/ids.hpp"
#include "meta/records.hpp"

namespace stratos::meta::keys {

enum class Family : std::uint8_t {
  machine = 'M',  // the machine's own: height, root, time, hash state; not part of the root
  counter = 'm',  // name -> number
  params = 'c',
  account = 'A',
  access_key = 'a',
  bucket = 'b',         // name
  owned_bucket = 'o',   // owner, name
  bucket_config = 'C',  // bucket, kind
  list_row = 'l',       // bucket, key
  version = 'v',        // bucket, escaped key, version: the newest first
  null_version = 'w',   // bucket, escaped key -> version, unless it is the newest
  inline_body = 'i',    // bucket, version
  slice_page = 'p',     // bucket, version, page
  upload = 'u',         // bucket, escaped key, upload
  upload_id = 'U',      // upload: its id is taken until all its parts are freed
  part = 'P',           // upload, number
  segment = 's',
  degraded = 'r',       // segment with fewer fragments than its shape
  spent_segment = 'x',  // a freed segment's id, until its grant closes
  fragment = 'f',       // node, segment, index
  inventory = 'I',      // node, level, page
  feed = 'd',           // node, sequence
  node_ledger = 'D',
  node = 'n',
  node_key = 'k',      // public key -> node
  node_history = 'h',  // node
  contained = 'K',     // node, segment, index: a challenge without an answer
  node_table = 't',    // version
  grant = 'g',
  result = 'z',        // idempotency id
  results_of = 'y',    // height
  due = 'q',           // time, kind, subject
  event = 'e',         // sequence
  settlement = 'S',    // kind, then as in settlement.hpp
  notice_rules = 'N',  // bucket
  notice = 'O',        // target, bucket, order
  notice_queue = 'Q',  // target, bucket; alone: totals
};

Bytes of(Family family);
Bytes named(Family family, std::string_view name);
Bytes account(const AccountId& id);
Bytes access_key(std::string_view id);
Bytes bucket(std::string_view name);
Bytes owned_bucket(const AccountId& owner, std::string_view name);
Bytes bucket_config(BucketId bucket, ConfigKind kind);
Bytes bucket_configs_of(BucketId bucket);
Bytes list_row(BucketId bucket, std::string_view key);
// With an empty version: the prefix of all versions of the key. The newest sorts first.
Bytes version(BucketId bucket, std::string_view key, const VersionId* version);
Bytes versions_of(BucketId bucket);
// The prefix of the versions of all keys that begin with `prefix`.
Bytes versions_under(BucketId bucket, std::string_view prefix);
Bytes null_version(BucketId bucket, std::string_view key);
Bytes inline_body(BucketId bucket, const VersionId& version);
Bytes slice_page(BucketId bucket, const VersionId& version, std::uint32_t page);
Bytes upload(BucketId bucket, std::string_view key, const UploadId* upload);
Bytes uploads_of(BucketId bucket);
// The prefix of the uploads of all keys that begin with `prefix`.
Bytes uploads_under(BucketId bucket, std::string_view prefix);
Bytes upload_id(const UploadId& id);
Bytes part(const UploadId& upload, std::uint32_t number);
Bytes parts_of(const UploadId& upload);
Bytes segment(const SegmentId& id);
Bytes degraded(const SegmentId& id);
Bytes spent_segment(const SegmentId& id);
Bytes spent_segments_of(GrantId grant);
Bytes fragment(NodeId node, const FragmentId& id);
Bytes fragments_of(NodeId node);
Bytes inventory(NodeId node, std::uint8_t level, std::uint32_t page);
Bytes feed(NodeId node, std::uint64_t sequence);
Bytes node_ledger(NodeId node);
Bytes node(NodeId id);
Bytes node_key(ByteView public_key);
Bytes node_history(NodeId node);
Bytes contained(NodeId node, const FragmentId& id);
Bytes contained_of(NodeId node);
Bytes node_table(std::uint64_t version);
Bytes grant(GrantId id);
Bytes result(const IdempotencyId& id);
Bytes results_of(Height height);
Bytes due(WallTime time, DueKind kind, ByteView subject);
Bytes event(std::uint64_t sequence);
// Targets are at most kMaxTargetBytes long.
Bytes notice_rules(BucketId bucket);
Bytes notices_of(std::string_view target, BucketId bucket);
Bytes notice(std::string_view target, BucketId bucket, const VersionId& order);
Bytes notice_queues_of(std::string_view target);
Bytes notice_queue(std::string_view target, BucketId bucket);
Bytes notice_totals();

// The segment that a grant's counter names, and back.
SegmentId segment_id(GrantId grant, std::uint64_t counter);
GrantId grant_of(const SegmentId& id);
std::uint64_t counter_of(const SegmentId& id);

struct DueItem {
  WallTime time;
  DueKind kind{};
  Bytes subject;
};
DueItem parse_due(ByteView key);
// The object key in the key of a version's row.
std::string parse_versioned_key(ByteView key);
// Of a key that fragment() or contained() made.
FragmentId parse_fragment(ByteView key);
struct InventoryPage {
  NodeId node;
  std::uint8_t level = 0;
  std::uint32_t page = 0;
};
InventoryPage parse_inventory(ByteView key);
NoticePlace parse_notice(ByteView key);
struct NoticeQueueName {
  std::string target;
  BucketId bucket;
};
// Of a queue's key without its family.
NoticeQueueName parse_notice_queue(ByteView rest);

}  // namespace stratos::meta::keys
