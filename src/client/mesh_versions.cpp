// Removals, versions, tags and locks.
#include <algorithm>

#include "client/mesh_object_client_impl.hpp"
#include "client/sealing.hpp"
#include "meta/version_commands.hpp"
#include "meta/version_queries.hpp"

namespace stratos::client::detail {
namespace {

constexpr std::size_t kDeletesAtOnce = 250;

Removed to_removed(const meta::DeleteObject::Reply& reply) {
  Removed removed;
  removed.version = reply.version;
  removed.versioned = reply.versioned;
  removed.marker = reply.marker;
  return removed;
}

ChangedVersion to_changed(const meta::ChangedVersion& reply) {
  ChangedVersion changed;
  changed.version = reply.version;
  changed.versioned = reply.versioned;
  return changed;
}

meta::DeleteObject make_command(std::string bucket, std::string key, const Removal& removal) {
  meta::DeleteObject command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.version = removal.version;
  command.bypass_governance = removal.bypass_governance;
  return command;
}

meta::Precondition plain_condition(const Condition& condition) {
  meta::Precondition wanted;
  wanted.exists = condition.exists;
  wanted.size = condition.size;
  wanted.modified = condition.modified;
  return wanted;
}

Result<Removed> result_of(const meta::ItemResult& result) {
  if (result.code != 0) return fail(errc_from_number(result.code));
  STRATOS_TRY(const auto reply, codec::decode<meta::DeleteObject::Reply>(result.value));
  return to_removed(reply);
}

}  // namespace

Task<Result<meta::Precondition>> MeshObjectClient::removal_condition(std::string bucket,
                                                                     std::string key,
                                                                     Removal removal) {
  meta::Precondition wanted = plain_condition(removal.condition);
  if (!removal.condition.if_match) co_return wanted;
  const auto found = co_await look_up(std::move(bucket), key, removal.version, false);
  if (!found) {
    const Errc code = found.error().code();
    if (code == Errc::object_deleted || code == Errc::delete_marker) {
      co_return fail(Errc::precondition_failed, key);
    }
    const bool absent = code == Errc::no_such_object || code == Errc::no_such_version;
    if (!absent) co_return fail(found.error());
    // What is absent is removed already; what comes meanwhile has not been looked at.
    wanted.exists = false;
    co_return wanted;
  }
  STRATOS_CO_TRY(const ObjectInfo info, info_of(key, found->version));
  if (info.attributes.etag != *removal.condition.if_match) {
    co_return fail(Errc::precondition_failed, key);
  }
  wanted.version = info.version;
  co_return wanted;
}

Task<Result<Removed>> MeshObjectClient::remove(std::string bucket, std::string key,
                                               Removal removal) {
  meta::DeleteObject command = make_command(bucket, key, removal);
  command.cause = sealed_cause(removal.cause);
  STRATOS_CO_TRY(command.condition,
                 co_await removal_condition(std::move(bucket), std::move(key), removal));
  STRATOS_CO_TRY(const meta::DeleteObject::Reply reply, co_await mesh_.meta.execute(command));
  co_return to_removed(reply);
}

Task<Result<std::vector<Result<Removed>>>> MeshObjectClient::remove_many(
    std::string bucket, std::vector<RemovalItem> items) {
  std::vector<Result<Removed>> results;
  for (std::size_t begin = 0; begin < items.size(); begin += kDeletesAtOnce) {
    meta::SubmitRequest request;
    for (std::size_t i = begin; i < std::min(begin + kDeletesAtOnce, items.size()); ++i) {
      meta::DeleteObject command = make_command(bucket, items[i].key, items[i].removal);
      command.condition = plain_condition(items[i].removal.condition);
      command.cause = sealed_cause(items[i].removal.cause);
      meta::Item item;
      item.verb = meta::DeleteObject::kVerb;
      item.id = mesh_.runtime.random().draw_id<IdempotencyId>();
      item.command = codec::encode(command);
      request.items.push_back(std::move(item));
    }
    STRATOS_CO_TRY(const meta::SubmitReply reply, co_await mesh_.meta.submit(std::move(request)));
    for (const meta::ItemResult& result : reply.results) results.push_back(result_of(result));
  }
  co_return results;
}

Task<Result<VersionsPage>> MeshObjectClient::list_versions(std::string bucket,
                                                           VersionsRequest request) {
  meta::ListVersions query;
  query.bucket = std::move(bucket);
  query.prefix = std::move(request.prefix);
  query.delimiter = std::move(request.delimiter);
  query.key_marker = std::move(request.key_marker);
  query.version_marker = request.version_marker;
  query.limit = request.limit;
  STRATOS_CO_TRY(meta::ListVersions::Reply reply, co_await mesh_.meta.query(query));
  VersionsPage page;
  for (meta::ListVersions::Row& row : reply.rows) {
    VersionsPage::Entry entry;
    entry.key = std::move(row.key);
    entry.version = row.version;
    entry.versioned = row.versioned;
    entry.marker = row.marker;
    entry.latest = row.latest;
    entry.size = row.size;
    entry.modified = row.modified;
    if (!row.marker) {
      STRATOS_CO_TRY(Summary summary, open_summary(mesh_.ring, row.sealed_summary));
      entry.etag = summary.etag;
      entry.checksum_algorithms = std::move(summary.checksum_algorithms);
      entry.owner = summary.owner;
    }
    page.entries.push_back(std::move(entry));
  }
  page.common_prefixes = std::move(reply.common_prefixes);
  page.truncated = reply.truncated;
  page.next_key_marker = std::move(reply.next_key);
  page.next_version_marker = reply.next_version;
  co_return page;
}

Task<Result<void>> MeshObjectClient::set_versioning(std::string bucket, Versioning versioning) {
  meta::SetVersioning command;
  command.bucket = std::move(bucket);
  command.versioning = versioning;
  STRATOS_CO_CHECK(co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

Task<Result<void>> MeshObjectClient::set_object_lock(std::string bucket,
                                                     DefaultRetention retention) {
  meta::SetObjectLock command;
  command.bucket = std::move(bucket);
  command.retention = retention;
  STRATOS_CO_CHECK(co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

Task<Result<ChangedVersion>> MeshObjectClient::put_tags(Principal who, std::string bucket,
                                                        std::string key, VersionChoice version,
                                                        Tags tags) {
  meta::PutTags command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.version = version;
  command.sealed_tags = seal_tags(mesh_.ring, mesh_.runtime.random(), tags);
  command.cause = sealed_cause(who.cause);
  STRATOS_CO_TRY(const meta::ChangedVersion reply, co_await mesh_.meta.execute(command));
  co_return to_changed(reply);
}

Task<Result<ChangedVersion>> MeshObjectClient::put_retention(std::string bucket, std::string key,
                                                             VersionChoice version, ObjectLock lock,
                                                             bool bypass_governance) {
  meta::PutRetention command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.version = version;
  command.mode = lock.mode;
  command.retain_until = lock.retain_until;
  command.bypass_governance = bypass_governance;
  STRATOS_CO_TRY(const meta::ChangedVersion reply, co_await mesh_.meta.execute(command));
  co_return to_changed(reply);
}

Task<Result<ChangedVersion>> MeshObjectClient::put_hold(std::string bucket, std::string key,
                                                        VersionChoice version, bool hold) {
  meta::PutHold command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.version = version;
  command.hold = hold;
  STRATOS_CO_TRY(const meta::ChangedVersion reply, co_await mesh_.meta.execute(command));
  co_return to_changed(reply);
}

}  // namespace stratos::client::detail
