// Versions of objects in memory, for FakeObjectClient: the rules of S3, as plainly as they can be
// written.
#pragma once
#include <algorithm>
#include <map>
#include <vector>

#include "client/object_client.hpp"

namespace stratos::gateway::s3 {

// `Stored` has an `info`. Objects of buckets without versioning stand in `objects` alone.
template <class Stored>
struct FakeVersions {
  struct Version {
    Stored stored;
    bool marker = false;
  };
  using List = std::vector<Version>;  // the newest first
  using Map = std::map<std::string, List>;
  using Objects = std::map<std::string, Stored>;

  static bool is_named(const Version& version, const VersionId& name) {
    const client::ObjectInfo& info = version.stored.info;
    return info.version == name || (name.is_zero() && !info.versioned);
  }

  static void add(List& list, Version version) {
    if (!version.stored.info.versioned) {
      std::erase_if(list, [](const Version& v) { return !v.stored.info.versioned; });
    }
    list.insert(list.begin(), std::move(version));
  }

  static Result<const Stored*> find(const Map& versions, const Objects& objects,
                                    const std::string& key, client::VersionChoice choice) {
    const auto current = objects.find(key);
    const auto list = versions.find(key);
    if (!choice) {
      if (current != objects.end()) return &current->second;
      return fail(list == versions.end() ? Errc::no_such_object : Errc::object_deleted);
    }
    if (list == versions.end()) {
      const bool named = current != objects.end() &&
                         (choice->is_zero() || current->second.info.version == *choice);
      return named ? Result<const Stored*>(&current->second) : fail(Errc::no_such_version);
    }
    for (const Version& version : list->second) {
      if (!is_named(version, *choice)) continue;
      if (version.marker) return fail(Errc::delete_marker);
      return &version.stored;
    }
    return fail(Errc::no_such_version);
  }

  static Result<void> check(const Map& versions, const Objects& objects, const std::string& key,
                            const client::Removal& removal) {
    const auto found = find(versions, objects, key, removal.version);
    if (!found) return {};
    const client::ObjectInfo& info = (*found)->info;
    const client::Condition& condition = removal.condition;
    const auto second = [](WallTime time) { return time.ms / 1000; };
    const bool holds = condition.if_match.value_or(info.attributes.etag) == info.attributes.etag &&
                       condition.size.value_or(info.size) == info.size &&
                       second(condition.modified.value_or(info.modified)) == second(info.modified);
    return holds ? Result<void>{} : fail(Errc::precondition_failed);
  }

  static Result<client::Removed> remove(Map& versions, Objects& objects, const std::string& key,
                                        const client::Removal& removal, VersionId new_id,
                                        bool versioned, WallTime now) {
    List& list = versions[key];
    client::Removed removed;
    if (!removal.version) {
      Version marker;
      marker.marker = true;
      marker.stored.info.version = new_id;
      marker.stored.info.versioned = versioned;
      marker.stored.info.modified = now;
      add(list, std::move(marker));
      objects.erase(key);
      return client::Removed{new_id, versioned, true};
    }
    const auto found = std::ranges::find_if(
        list, [&removal](const Version& v) { return is_named(v, *removal.version); });
    if (found == list.end()) return removed;
    const client::ObjectLock& lock = found->stored.info.attributes.lock;
    const bool eased = lock.mode == client::LockMode::governance && removal.bypass_governance;
    if (lock.hold || (lock.mode != client::LockMode::none && !eased)) {
      return fail(Errc::object_locked);
    }
    removed = {found->stored.info.version, found->stored.info.versioned, found->marker};
    list.erase(found);
    objects.erase(key);
    if (!list.empty() && !list.front().marker) objects[key] = list.front().stored;
    if (list.empty()) versions.erase(key);
    return removed;
  }

  template <class Change>
  static void change(Map& versions, Objects& objects, const std::string& key,
                     const VersionId& version, Change change) {
    const auto current = objects.find(key);
    if (current != objects.end() && current->second.info.version == version) {
      change(current->second.info.attributes);
    }
    const auto list = versions.find(key);
    if (list == versions.end()) return;
    for (Version& v : list->second) {
      if (v.stored.info.version == version) change(v.stored.info.attributes);
    }
  }

  // One page of all versions, cut off at the limit; markers and delimiters are the index's work.
  static client::VersionsPage list(const Map& versions, const Objects& objects,
                                   const client::VersionsRequest& request) {
    Map all = versions;
    for (const auto& [key, stored] : objects) {
      if (!all.contains(key)) all[key].push_back({stored, false});
    }
    client::VersionsPage page;
    for (const auto& [key, list] : all) {
      if (!key.starts_with(request.prefix) || key < request.key_marker) continue;
      if (key == request.key_marker && !request.version_marker) continue;
      bool passed = key != request.key_marker;
      for (const Version& version : list) {
        if (!passed) {
          passed = is_named(version, *request.version_marker);
          continue;
        }
        if (page.entries.size() == request.limit) {
          page.truncated = true;
          return page;
        }
        page.entries.push_back(to_entry(key, version, &version == &list.front()));
        page.next_key_marker = key;
        page.next_version_marker = version.stored.info.version;
      }
    }
    return page;
  }

 private:
  static client::VersionsPage::Entry to_entry(const std::string& key, const Version& version,
                                              bool latest) {
    client::VersionsPage::Entry entry;
    entry.key = key;
    entry.version = version.stored.info.version;
    entry.versioned = version.stored.info.versioned;
    entry.marker = version.marker;
    entry.latest = latest;
    entry.size = version.stored.info.size;
    entry.modified = version.stored.info.modified;
    entry.etag = version.stored.info.attributes.etag;
    return entry;
  }
};

}  // namespace stratos::gateway::s3
