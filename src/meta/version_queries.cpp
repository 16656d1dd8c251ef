#include "meta/version_queries.hpp"

#include <algorithm>

#include "meta/keys.hpp"
#include "meta/listing.hpp"
#include "meta/verbs.hpp"

namespace stratos::meta {
namespace {

Bytes first_version_after(const State& state, BucketId bucket, const ListVersions& query) {
  const std::string& marker = query.key_marker;
  if (marker.empty() || marker < query.prefix) return keys::versions_under(bucket, query.prefix);
  const bool is_common =
      !query.delimiter.empty() && common_prefix_of(marker, query.prefix, query.delimiter) == marker;
  if (is_common) return kv::prefix_end(keys::versions_under(bucket, marker));
  const Bytes after_key = kv::prefix_end(keys::version(bucket, marker, nullptr));
  if (!query.version_marker) return after_key;
  VersionId version = *query.version_marker;
  if (version.is_zero()) {
    const auto found = find_version(state, bucket, marker, version);
    if (!found) return after_key;
    version = found->id;
  }
  Bytes first = keys::version(bucket, marker, &version);
  first.push_back(0);
  return first;
}

ListVersions::Row row_of(const State& state, BucketId bucket, std::string key,
                         VersionRecord version, bool latest) {
  ListVersions::Row row;
  row.version = version.id;
  row.versioned = version.versioned;
  row.marker = version.marker;
  row.latest = latest;
  row.size = version.size;
  row.modified = version.modified;
  row.sealed_summary = std::move(version.sealed_summary);
  // A null version that is current has its summary where the listing of objects finds it.
  if (row.sealed_summary.empty() && !row.marker) {
    const auto current = state.load<ListRow>(keys::list_row(bucket, key));
    if (current && current->version == row.version) row.sealed_summary = current->sealed_summary;
  }
  row.key = std::move(key);
  return row;
}

}  // namespace

Result<ListVersions::Reply> list_versions(const kv::Reader& reader, const State& state,
                                          const ListVersions& query) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(state, query.bucket));
  const Bytes base = keys::versions_under(bucket.id, query.prefix);
  const std::size_t limit = std::min(query.limit, kMaxPage);
  std::size_t bytes = 0;
  // Of the row before; a walk that begins among the versions of a key is past the newest one.
  std::optional<std::string> last_key;
  if (query.version_marker) last_key = query.key_marker;
  ListVersions::Reply reply;
  const auto walk = reader.iterate(base, kv::prefix_end(base));
  walk->seek(first_version_after(state, bucket.id, query));
  while (limit > 0 && walk->valid()) {
    reply.truncated =
        reply.rows.size() + reply.common_prefixes.size() == limit || bytes > kMaxReplyBytes;
    if (reply.truncated) break;
    std::string key = keys::parse_versioned_key(walk->key());
    std::string common(common_prefix_of(key, query.prefix, query.delimiter));
    bytes += key.size();
    if (!common.empty()) {
      const Bytes beyond = kv::prefix_end(keys::versions_under(bucket.id, common));
      reply.next_key = common;
      reply.next_version.reset();
      reply.common_prefixes.push_back(std::move(common));
      walk->seek(beyond);
      continue;
    }
    STRATOS_TRY(VersionRecord version, codec::decode<VersionRecord>(walk->value()));
    reply.next_key = key;
    reply.next_version = version.id;
    const bool latest = last_key != key;
    last_key = key;
    reply.rows.push_back(row_of(state, bucket.id, std::move(key), std::move(version), latest));
    bytes += reply.rows.back().sealed_summary.size();
    walk->next();
  }
  STRATOS_CHECK(walk->status());
  return reply;
}

}  // namespace stratos::meta
