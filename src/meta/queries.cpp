#include "meta/queries.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "meta/inventory_pages.hpp"
#include "meta/keys.hpp"
#include "meta/listing.hpp"
#include "meta/notices.hpp"
#include "meta/payment.hpp"
#include "meta/placement.hpp"
#include "meta/settlement_wire.hpp"
#include "meta/state.hpp"
#include "meta/verbs.hpp"
#include "meta/version_queries.hpp"

namespace stratos::meta {
namespace {

template <codec::Record R>
Result<R> require(const State& state, const Bytes& key, Errc missing) {
  auto record = state.load<R>(key);
  STRATOS_CHECK(state.status());
  if (!record) return fail(missing);
  return std::move(*record);
}

Result<BucketRecord> answer(const State& state, const GetBucket& query) {
  return require_bucket(state, query.name);
}

Result<GetBucketConfigs::Reply> answer(const State& state, const GetBucketConfigs& query) {
  GetBucketConfigs::Reply reply;
  STRATOS_TRY(reply.bucket, require_bucket(state, query.name));
  const Bytes prefix = keys::bucket_configs_of(reply.bucket.id);
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView document) {
    reply.configs.push_back({static_cast<ConfigKind>(key.back()), to_bytes(document)});
    return true;
  });
  return reply;
}

Result<AccountRecord> answer(const State& state, const GetAccount& query) {
  return require<AccountRecord>(state, keys::account(query.account), Errc::no_such_account);
}

Result<ListBuckets::Reply> answer(const State& state, const ListBuckets& query) {
  const Bytes prefix = keys::owned_bucket(query.owner, "");
  ListBuckets::Reply reply;
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView) {
    auto bucket = state.load<BucketRecord>(keys::bucket(as_text(key.subspan(prefix.size()))));
    if (bucket) reply.buckets.push_back(std::move(*bucket));
    return true;
  });
  return reply;
}

Result<ListConfigured::Reply> answer(const State& state, const ListConfigured& query) {
  const Bytes all = keys::bucket("");
  Bytes begin = keys::bucket(query.after);
  if (!query.after.empty()) begin.push_back(0);
  ListConfigured::Reply reply;
  std::size_t looked_at = 0;
  state.scan(begin, kv::prefix_end(all), [&](ByteView key, ByteView value) {
    const auto bucket = codec::decode<BucketRecord>(value);
    if (!bucket) {
      state.note_corrupt(key, "bucket");
      return true;
    }
    if (state.has(keys::bucket_config(bucket->id, query.kind))) {
      reply.buckets.push_back(bucket->name);
    }
    const bool full = ++looked_at == ListConfigured::kBucketsLookedAt;
    if (full) reply.next = bucket->name;
    return !full;
  });
  return reply;
}

Result<AccessKeyRecord> answer(const State& state, const GetAccessKey& query) {
  return require<AccessKeyRecord>(state, keys::access_key(query.access_key),
                                  Errc::no_such_access_key);
}

Result<ListAccessKeys::Reply> answer(const State& state, const ListAccessKeys& query) {
  const Bytes all = keys::of(keys::Family::access_key);
  Bytes begin = keys::access_key(query.after);
  if (!query.after.empty()) begin.push_back(0);
  ListAccessKeys::Reply reply;
  std::size_t looked_at = 0;
  state.scan(begin, kv::prefix_end(all), [&](ByteView key, ByteView value) {
    const std::string id(as_text(key.subspan(all.size())));
    const auto record = codec::decode<AccessKeyRecord>(value);
    if (!record) state.note_corrupt(key, "access key");
    if (record && record->account == query.account) reply.access_keys.push_back(id);
    const bool full = ++looked_at == ListAccessKeys::kKeysLookedAt;
    if (full) reply.next = id;
    return !full;
  });
  return reply;
}

Result<GetObject::Reply> answer(const State& state, const GetObject& query) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(state, query.bucket));
  STRATOS_TRY(VersionRecord version, require_version(state, bucket, query.key, query.version));
  GetObject::Reply reply;
  reply.bucket = bucket.id;
  if (query.with_data && version.is_inline) {
    reply.inline_body = state.get(keys::inline_body(bucket.id, version.id));
  }
  if (query.with_data && version.page) {
    for (const Slice& slice : version.page->slices) {
      if (reply.segments.size() == GetObject::kSegmentsIncluded) break;
      if (auto segment = state.load<SegmentRecord>(keys::segment(slice.segment))) {
        reply.segments.push_back(std::move(*segment));
      }
    }
  }
  reply.version = std::move(version);
  return reply;
}

Result<SlicePage> answer(const State& state, const GetSlicePage& query) {
  return require<SlicePage>(state, keys::slice_page(query.bucket, query.version, query.page),
                            Errc::no_such_object);
}

Result<GetSegments::Reply> answer(const State& state, const GetSegments& query) {
  constexpr std::size_t kAtOnce = 100;
  if (query.ids.size() > kAtOnce) return fail(Errc::too_large, "segments asked at once");
  GetSegments::Reply reply;
  for (const SegmentId& id : query.ids) {
    if (auto segment = state.load<SegmentRecord>(keys::segment(id))) {
      reply.segments.push_back(std::move(*segment));
    }
  }
  return reply;
}

// Where a walk over keys with `prefix` continues after `start_after`: a common prefix named there
// has been listed, so all keys below it are skipped.
Bytes first_key_after(BucketId bucket, const ListObjects& query) {
  const std::string& after = query.start_after;
  if (after.empty() || after < query.prefix) return keys::list_row(bucket, query.prefix);
  if (!query.delimiter.empty() && common_prefix_of(after, query.prefix, query.delimiter) == after) {
    return kv::prefix_end(keys::list_row(bucket, after));
  }
  return keys::list_row(bucket, after + std::string(1, '\0'));
}

Result<ListObjects::Reply> list(const kv::Reader& reader, const State& state,
                                const ListObjects& query) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(state, query.bucket));
  const Bytes base = keys::list_row(bucket.id, query.prefix);
  const std::size_t skip = keys::list_row(bucket.id, "").size();
  const std::size_t limit = std::min(query.max_keys, kMaxPage);
  ListObjects::Reply reply;
  const auto walk = reader.iterate(base, kv::prefix_end(base));
  walk->seek(first_key_after(bucket.id, query));
  while (limit > 0 && walk->valid()) {
    const std::string key(as_text(walk->key().subspan(skip)));
    if (reply.rows.size() + reply.common_prefixes.size() == limit) {
      reply.truncated = true;
      break;
    }
    const std::string common(common_prefix_of(key, query.prefix, query.delimiter));
    if (!common.empty()) {
      reply.common_prefixes.push_back(common);
      reply.next = common;
      const Bytes beyond = kv::prefix_end(keys::list_row(bucket.id, common));
      walk->seek(beyond);
      continue;
    }
    ListObjects::Row row;
    STRATOS_TRY(row.row, codec::decode<ListRow>(walk->value()));
    row.key = key;
    reply.next = key;
    reply.rows.push_back(std::move(row));
    walk->next();
  }
  STRATOS_CHECK(walk->status());
  return reply;
}

Result<UploadRecord> answer(const State& state, const GetUpload& query) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(state, query.bucket));
  return require<UploadRecord>(state, keys::upload(bucket.id, query.key, &query.upload),
                               Errc::no_such_upload);
}

Result<ListParts::Reply> answer(const State& state, const ListParts& query) {
  GetUpload upload;
  upload.bucket = query.bucket;
  upload.key = query.key;
  upload.upload = query.upload;
  ListParts::Reply reply;
  STRATOS_TRY(reply.upload, answer(state, upload));
  const Bytes prefix = keys::parts_of(query.upload);
  std::size_t bytes = 0;
  std::optional<Error> broken;
  const std::size_t limit = std::min(query.limit, kMaxPage);
  if (limit == 0) return reply;
  Bytes lower = keys::part(query.upload, query.after);
  lower.push_back(0);
  state.scan(lower, kv::prefix_end(prefix), [&](ByteView, ByteView value) {
    reply.more = reply.parts.size() == limit || bytes + value.size() > kMaxReplyBytes;
    if (reply.more) return false;
    bytes += value.size();
    auto part = codec::decode<PartRecord>(value);
    if (!part) {
      broken = part.error();
      return false;
    }
    reply.parts.push_back(std::move(*part));
    return true;
  });
  if (broken) return fail(std::move(*broken));
  return reply;
}

// Uploads sort by key, then by id. A common prefix as marker has been listed, as in list().
Bytes first_upload_after(BucketId bucket, const ListUploads& query) {
  const std::string& marker = query.key_marker;
  if (marker.empty() || marker < query.prefix) return keys::uploads_under(bucket, query.prefix);
  const bool is_common =
      !query.delimiter.empty() && common_prefix_of(marker, query.prefix, query.delimiter) == marker;
  if (is_common) return kv::prefix_end(keys::uploads_under(bucket, marker));
  if (query.upload_marker.is_zero()) return kv::prefix_end(keys::upload(bucket, marker, nullptr));
  Bytes first = keys::upload(bucket, marker, &query.upload_marker);
  first.push_back(0);
  return first;
}

Result<ListUploads::Reply> list(const kv::Reader& reader, const State& state,
                                const ListUploads& query) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(state, query.bucket));
  const Bytes base = keys::uploads_under(bucket.id, query.prefix);
  const std::size_t limit = std::min(query.limit, kMaxPage);
  std::size_t bytes = 0;
  ListUploads::Reply reply;
  const auto walk = reader.iterate(base, kv::prefix_end(base));
  walk->seek(first_upload_after(bucket.id, query));
  while (limit > 0 && walk->valid()) {
    bytes += walk->value().size();
    reply.truncated =
        reply.uploads.size() + reply.common_prefixes.size() == limit || bytes > kMaxReplyBytes;
    if (reply.truncated) break;
    STRATOS_TRY(UploadRecord upload, codec::decode<UploadRecord>(walk->value()));
    const std::string common(common_prefix_of(upload.key, query.prefix, query.delimiter));
    if (common.empty()) {
      reply.next_key = upload.key;
      reply.next_upload = upload.id;
      reply.uploads.push_back(std::move(upload));
      walk->next();
    } else {
      reply.next_key = common;
      reply.next_upload = UploadId{};
      reply.common_prefixes.push_back(common);
      const Bytes beyond = kv::prefix_end(keys::uploads_under(bucket.id, common));
      walk->seek(beyond);
    }
  }
  STRATOS_CHECK(walk->status());
  return reply;
}

Result<GetNodes::Reply> answer(const State& state, const GetNodes&) {
  GetNodes::Reply reply;
  const Bytes prefix = keys::of(keys::Family::node);
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView, ByteView value) {
    auto node = codec::decode<NodeRecord>(value);
    if (!node) return true;
    auto ledger = state.load<NodeLedger>(keys::node_ledger(node->id));
    reply.ledgers.push_back(ledger.value_or(NodeLedger{}));
    reply.nodes.push_back(std::move(*node));
    return true;
  });
  return reply;
}

Result<GetInventoryPlace::Reply> answer(const State& state, const GetInventoryPlace& query) {
  STRATOS_TRY(const NodeLedger ledger,
              require<NodeLedger>(state, keys::node_ledger(query.node), Errc::no_such_node));
  STRATOS_TRY(InventoryPlace place, find_in_inventory(state, query.node, ledger, query.position));
  GetInventoryPlace::Reply reply;
  reply.root = {ledger.inventory_root, ledger.inventory_bytes};
  reply.leaf = place.leaf;
  reply.offset = place.offset;
  reply.path = std::move(place.path);
  return reply;
}

Result<NodeTable> answer(const State& state, const GetNodeTable& query) {
  const std::uint64_t version = query.version == 0 ? state.counter("node_table") : query.version;
  if (version == 0) return NodeTable{};
  return require<NodeTable>(state, keys::node_table(version), Errc::not_found);
}

Result<GetScores::Reply> answer(const State& state, const GetScores&) {
  return answer_scores(state);
}

Result<Params> answer(const State& state, const GetParams&) {
  return require<Params>(state, keys::of(keys::Family::params), Errc::not_found);
}

Result<GetEvents::Reply> answer(const State& state, const GetEvents& query) {
  GetEvents::Reply reply;
  const std::uint64_t last = state.counter("event");
  const std::size_t limit = std::min(query.limit, kMaxPage);
  if (query.after >= last || limit == 0) return reply;
  reply.too_old = last > kEventsKept && query.after < last - kEventsKept;
  const Bytes prefix = keys::of(keys::Family::event);
  state.scan(keys::event(query.after + 1), kv::prefix_end(prefix), [&](ByteView, ByteView value) {
    if (auto event = codec::decode<Event>(value)) reply.events.push_back(std::move(*event));
    return reply.events.size() < limit;
  });
  return reply;
}

// The registry as health sees it. A draining node serves its fragments, but takes no new ones.
struct Registry {
  struct View {
    bool serves = false;
    bool left = false;
    std::vector<std::string> domains;  // by level
  };
  std::map<NodeId, View> nodes;
  std::vector<std::set<std::string>> domains_up;  // by level
};

Registry make_registry(const GetNodes::Reply& known, const std::vector<std::string>& spread) {
  Registry registry;
  registry.domains_up.resize(spread.size());
  for (const NodeRecord& node : known.nodes) {
    const bool serves = node.state == NodeState::up || node.state == NodeState::draining;
    auto domains = domains_at(node.id, node.labels, spread);
    for (std::size_t level = 0; level < spread.size(); ++level) {
      if (node.state == NodeState::up) registry.domains_up[level].insert(domains[level]);
    }
    registry.nodes[node.id] = {serves, node.state == NodeState::left, std::move(domains)};
  }
  return registry;
}

// Whether some level has fewer free domains than fragments are missing.
bool lacks_domains(const SegmentRecord& segment, const Registry& registry, std::size_t missing) {
  for (std::size_t level = 0; level < registry.domains_up.size(); ++level) {
    const std::set<std::string>& up = registry.domains_up[level];
    std::size_t taken = 0;
    for (const Holder& holder : segment.holders) {
      const auto node = registry.nodes.find(holder.node);
      const bool serves = node != registry.nodes.end() && node->second.serves;
      taken += serves && up.contains(node->second.domains[level]) ? 1U : 0U;
    }
    if (missing + taken > up.size()) return true;
  }
  return false;
}

void count_segment(const SegmentRecord& segment, const Registry& registry,
                   std::map<std::int32_t, std::uint64_t>& margins, GetHealth::Reply& reply) {
  std::size_t serving = 0;
  std::size_t present = 0;
  for (const Holder& holder : segment.holders) {
    const auto node = registry.nodes.find(holder.node);
    if (node == registry.nodes.end()) continue;
    present += node->second.left ? 0U : 1U;
    serving += node->second.serves ? 1U : 0U;
  }
  const std::size_t n = std::size_t{segment.k} + segment.m;
  const std::size_t missing = n - std::min(n, serving);
  ++reply.segments;
  ++margins[static_cast<std::int32_t>(serving) - segment.k];
  if (present < segment.k) ++reply.lost;
  if (serving < segment.k) ++reply.unreadable;
  if (missing == 0) ++reply.at_full;
  if (missing == 0) return;
  ++reply.below_full;
  reply.missing_bytes += missing * segment.fragment_length;
  if (lacks_domains(segment, registry, missing)) ++reply.unrepairable;
}

void count_domains(const Params& params, const Registry& registry, GetHealth::Reply& reply) {
  for (std::size_t level = 0; level < params.spread.size(); ++level) {
    const auto up = static_cast<std::uint32_t>(registry.domains_up[level].size());
    reply.domains_up = level == 0 ? up : std::min(reply.domains_up, up);
    reply.levels.push_back({params.spread[level], up});
  }
  for (const Profile& profile : params.profiles) {
    const std::uint32_t fragments = std::uint32_t{profile.k} + profile.m;
    reply.needs.push_back({profile.name, std::max<std::uint32_t>(fragments, profile.copies)});
  }
}

Result<GetHealth::Reply> answer(const State& state, const GetHealth&) {
  GetHealth::Reply reply;
  STRATOS_TRY(const GetNodes::Reply known, answer(state, GetNodes{}));
  STRATOS_TRY(const Params params, answer(state, GetParams{}));
  const Registry registry = make_registry(known, params.spread);
  count_domains(params, registry, reply);
  std::map<std::int32_t, std::uint64_t> margins;
  const Bytes prefix = keys::of(keys::Family::segment);
  std::optional<Error> broken;
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView, ByteView value) {
    const auto segment = codec::decode<SegmentRecord>(value);
    if (segment) count_segment(*segment, registry, margins, reply);
    if (!segment) broken = segment.error();
    return segment.has_value();
  });
  if (broken) return fail(std::move(*broken));
  for (const auto& [margin, segments] : margins) reply.by_margin.push_back({margin, segments});
  reply.notices = notice_totals(state);
  return reply;
}

template <class Query>
Result<Bytes> decode_and_answer(const kv::Reader& reader, ByteView request) {
  STRATOS_TRY(const Query query, codec::decode<Query>(request));
  const State state(reader);
  Result<typename Query::Reply> reply = [&] {
    if constexpr (std::is_same_v<Query, ListObjects> || std::is_same_v<Query, ListUploads>)
      return list(reader, state, query);
    else if constexpr (std::is_same_v<Query, ListVersions>)
      return list_versions(reader, state, query);
    else
      return answer(state, query);
  }();
  STRATOS_CHECK(state.status());
  if (!reply) return fail(std::move(reply).error());
  return codec::encode(*reply);
}

using Runner = Result<Bytes> (*)(const kv::Reader&, ByteView);

template <class... Queries>
Runner find_runner(std::string_view path) {
  Runner found = nullptr;
  ((path == Queries::kPath ? void(found = &decode_and_answer<Queries>) : void()), ...);
  return found;
}

}  // namespace

Result<Bytes> run_query(const kv::Reader& state, std::string_view path, ByteView request) {
  if (auto answered = answer_settlement(State(state), path, request)) return std::move(*answered);
  const Runner runner =
      find_runner<GetObject, GetBucket, ListBuckets, ListConfigured, GetAccessKey, ListAccessKeys,
                  GetSlicePage, GetSegments, ListObjects, ListVersions, GetUpload, ListParts,
                  ListUploads, GetNodes, GetNodeTable, GetInventoryPlace, GetParams, GetEvents,
                  GetHealth, GetBucketConfigs, GetAccount, GetScores, ListNotices, GetPayment>(
          path);
  if (runner == nullptr) return fail(Errc::unknown_method, "query " + std::string(path));
  return runner(state, request);
}

}  // namespace stratos::meta
