#include "meta/keys.hpp"

#include "base/assert.hpp"

namespace stratos::meta::keys {
namespace {

Bytes with_u64(Family family, std::uint64_t value) {
  Bytes key = of(family);
  put_be(key, value);
  return key;
}

Bytes with_bytes(Family family, ByteView bytes) {
  Bytes key = of(family);
  append(key, bytes);
  return key;
}

// Its length first, so that no target is a prefix of another.
Bytes with_target(Family family, std::string_view target) {
  STRATOS_ASSERT(target.size() <= kMaxTargetBytes, "targets are bounded");
  Bytes key = of(family);
  key.push_back(static_cast<std::uint8_t>(target.size()));
  append(key, as_bytes(target));
  return key;
}

// Object keys may hold any byte, so zero is escaped and the end is marked: shorter keys sort first.
void put_escaped_prefix(Bytes& out, std::string_view text) {
  for (char c : text) {
    out.push_back(static_cast<std::uint8_t>(c));
    if (c == 0) out.push_back(0xff);
  }
}
void put_escaped(Bytes& out, std::string_view text) {
  put_escaped_prefix(out, text);
  out.push_back(0);
  out.push_back(0);
}

}  // namespace

Bytes of(Family family) { return {static_cast<std::uint8_t>(family)}; }
Bytes named(Family family, std::string_view name) { return with_bytes(family, as_bytes(name)); }
Bytes account(const AccountId& id) { return with_bytes(Family::account, id.view()); }
Bytes access_key(std::string_view id) { return named(Family::access_key, id); }
Bytes bucket(std::string_view name) { return named(Family::bucket, name); }

Bytes owned_bucket(const AccountId& owner, std::string_view name) {
  Bytes key = with_bytes(Family::owned_bucket, owner.view());
  append(key, as_bytes(name));
  return key;
}

Bytes list_row(BucketId bucket, std::string_view name) {
  Bytes key = with_u64(Family::list_row, bucket.value);
  append(key, as_bytes(name));
  return key;
}

Bytes bucket_configs_of(BucketId bucket) { return with_u64(Family::bucket_config, bucket.value); }
Bytes bucket_config(BucketId bucket, ConfigKind kind) {
  Bytes key = bucket_configs_of(bucket);
  key.push_back(static_cast<std::uint8_t>(kind));
  return key;
}

// The id's complement, so that the newest version comes first.
Bytes version(BucketId bucket, std::string_view name, const VersionId* id) {
  Bytes key = versions_of(bucket);
  put_escaped(key, name);
  if (id == nullptr) return key;
  for (const std::uint8_t byte : id->value) key.push_back(static_cast<std::uint8_t>(~byte));
  return key;
}
Bytes versions_of(BucketId bucket) { return with_u64(Family::version, bucket.value); }
Bytes versions_under(BucketId bucket, std::string_view prefix) {
  Bytes key = versions_of(bucket);
  put_escaped_prefix(key, prefix);
  return key;
}
Bytes null_version(BucketId bucket, std::string_view name) {
  Bytes key = with_u64(Family::null_version, bucket.value);
  put_escaped(key, name);
  return key;
}

Bytes inline_body(BucketId bucket, const VersionId& version) {
  Bytes key = with_u64(Family::inline_body, bucket.value);
  append(key, version.view());
  return key;
}

Bytes slice_page(BucketId bucket, const VersionId& version, std::uint32_t page) {
  Bytes key = with_u64(Family::slice_page, bucket.value);
  append(key, version.view());
  put_be(key, page);
  return key;
}

Bytes upload(BucketId bucket, std::string_view name, const UploadId* id) {
  Bytes key = uploads_of(bucket);
  put_escaped(key, name);
  if (id != nullptr) append(key, id->view());
  return key;
}
Bytes uploads_of(BucketId bucket) { return with_u64(Family::upload, bucket.value); }
Bytes uploads_under(BucketId bucket, std::string_view prefix) {
  Bytes key = uploads_of(bucket);
  put_escaped_prefix(key, prefix);
  return key;
}
Bytes upload_id(const UploadId& id) { return with_bytes(Family::upload_id, id.view()); }

Bytes part(const UploadId& upload, std::uint32_t number) {
  Bytes key = parts_of(upload);
  put_be(key, number);
  return key;
}
Bytes parts_of(const UploadId& upload) { return with_bytes(Family::part, upload.view()); }

Bytes segment(const SegmentId& id) { return with_bytes(Family::segment, id.view()); }
Bytes degraded(const SegmentId& id) { return with_bytes(Family::degraded, id.view()); }
Bytes spent_segment(const SegmentId& id) { return with_bytes(Family::spent_segment, id.view()); }
Bytes spent_segments_of(GrantId grant) { return with_u64(Family::spent_segment, grant.value); }

Bytes fragments_of(NodeId node) {
  Bytes key = of(Family::fragment);
  put_be(key, node.value);
  return key;
}
Bytes fragment(NodeId node, const FragmentId& id) {
  Bytes key = fragments_of(node);
  append(key, id.segment.view());
  key.push_back(id.index);
  return key;
}

Bytes inventory(NodeId node, std::uint8_t level, std::uint32_t page) {
  Bytes key = of(Family::inventory);
  put_be(key, node.value);
  key.push_back(level);
  put_be(key, page);
  return key;
}

Bytes feed(NodeId node, std::uint64_t sequence) {
  Bytes key = of(Family::feed);
  put_be(key, node.value);
  put_be(key, sequence);
  return key;
}

Bytes node_ledger(NodeId node) {
  Bytes key = of(Family::node_ledger);
  put_be(key, node.value);
  return key;
}
Bytes node(NodeId id) {
  Bytes key = of(Family::node);
  put_be(key, id.value);
  return key;
}
Bytes node_history(NodeId id) {
  Bytes key = of(Family::node_history);
  put_be(key, id.value);
  return key;
}
Bytes contained_of(NodeId node) {
  Bytes key = of(Family::contained);
  put_be(key, node.value);
  return key;
}
Bytes contained(NodeId node, const FragmentId& id) {
  Bytes key = contained_of(node);
  append(key, id.segment.view());
  key.push_back(id.index);
  return key;
}
Bytes node_key(ByteView public_key) { return with_bytes(Family::node_key, public_key); }
Bytes node_table(std::uint64_t version) { return with_u64(Family::node_table, version); }
Bytes grant(GrantId id) { return with_u64(Family::grant, id.value); }
Bytes result(const IdempotencyId& id) { return with_bytes(Family::result, id.view()); }
Bytes results_of(Height height) { return with_u64(Family::results_of, height.value); }

Bytes due(WallTime time, DueKind kind, ByteView subject) {
  Bytes key = with_u64(Family::due, static_cast<std::uint64_t>(time.ms));
  key.push_back(static_cast<std::uint8_t>(kind));
  append(key, subject);
  return key;
}
Bytes event(std::uint64_t sequence) { return with_u64(Family::event, sequence); }

Bytes notice_rules(BucketId bucket) { return with_u64(Family::notice_rules, bucket.value); }
Bytes notices_of(std::string_view target, BucketId bucket) {
  Bytes key = with_target(Family::notice, target);
  put_be(key, bucket.value);
  return key;
}
Bytes notice(std::string_view target, BucketId bucket, const VersionId& order) {
  Bytes key = notices_of(target, bucket);
  append(key, order.view());
  return key;
}
Bytes notice_queues_of(std::string_view target) {
  return with_target(Family::notice_queue, target);
}
Bytes notice_queue(std::string_view target, BucketId bucket) {
  Bytes key = notice_queues_of(target);
  put_be(key, bucket.value);
  return key;
}
Bytes notice_totals() { return of(Family::notice_queue); }

SegmentId segment_id(GrantId grant, std::uint64_t counter) {
  Bytes bytes;
  put_be(bytes, grant.value);
  put_be(bytes, counter);
  return SegmentId::from(bytes).value();
}
GrantId grant_of(const SegmentId& id) { return GrantId(get_be<std::uint64_t>(id.view())); }
std::uint64_t counter_of(const SegmentId& id) {
  return get_be<std::uint64_t>(id.view().subspan(8));
}

DueItem parse_due(ByteView key) {
  STRATOS_ASSERT(key.size() >= 10, "a due key holds time and kind");
  return {WallTime{static_cast<std::int64_t>(get_be<std::uint64_t>(key.subspan(1)))},
          static_cast<DueKind>(key[9]), to_bytes(key.subspan(10))};
}

std::string parse_versioned_key(ByteView key) {
  constexpr std::size_t kBegin = 1 + sizeof(BucketId::rep);
  constexpr std::size_t kEndMark = 2;
  STRATOS_ASSERT(key.size() >= kBegin + kEndMark + VersionId::kSize,
                 "a version's key holds bucket, object key and version");
  const ByteView escaped = key.subspan(kBegin, key.size() - kBegin - kEndMark - VersionId::kSize);
  std::string name;
  for (std::size_t at = 0; at < escaped.size(); ++at) {
    name.push_back(static_cast<char>(escaped[at]));
    if (escaped[at] == 0) ++at;
  }
  return name;
}

FragmentId parse_fragment(ByteView key) {
  STRATOS_ASSERT(key.size() == 22, "a fragment key holds node, segment and index");
  return {SegmentId::from(key.subspan(5, 16)).value(), key[21]};
}

NoticePlace parse_notice(ByteView key) {
  constexpr std::size_t kPlace = sizeof(BucketId::rep) + VersionId::kSize;
  STRATOS_ASSERT(key.size() > kPlace, "a notice's key ends with bucket and order");
  const ByteView place = key.last(kPlace);
  return {BucketId(get_be<std::uint64_t>(place)),
          VersionId::from(place.subspan(sizeof(BucketId::rep))).value()};
}

NoticeQueueName parse_notice_queue(ByteView rest) {
  STRATOS_ASSERT(!rest.empty() && rest.size() == 1 + rest[0] + sizeof(BucketId::rep),
                 "a queue's key holds target and bucket");
  return {std::string(as_text(rest.subspan(1, rest[0]))),
          BucketId(get_be<std::uint64_t>(rest.last(sizeof(BucketId::rep))))};
}

InventoryPage parse_inventory(ByteView key) {
  STRATOS_ASSERT(key.size() == 10, "an inventory key holds node, level and page");
  return {NodeId(get_be<std::uint32_t>(key.subspan(1))), key[5],
          get_be<std::uint32_t>(key.subspan(6))};
}

}  // namespace stratos::meta::keys
