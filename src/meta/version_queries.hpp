// Listing the versions of objects; see meta/queries.hpp.
#pragma once
#include "kv/store.hpp"
#include "meta/records.hpp"
#include "meta/state.hpp"

namespace stratos::meta {

// By key, the versions of one key from the newest to the oldest.
struct ListVersions {
  static constexpr std::string_view kPath = "versions";
  struct Row {
    std::string key;
    VersionId version;
    bool versioned = false;  // else: the null version
    bool marker = false;
    bool latest = false;
    std::uint64_t size = 0;
    WallTime modified;
    Bytes sealed_summary;
    static void fields(auto& self, auto&& field) {
      field(1, self.key);
      field(2, self.version);
      field(3, self.versioned);
      field(4, self.marker);
      field(5, self.latest);
      field(6, self.size);
      field(7, self.modified);
      field(8, self.sealed_summary);
    }
  };
  struct Reply {
    std::vector<Row> rows;
    std::vector<std::string> common_prefixes;
    bool truncated = false;  // also set when the reply would grow past 1 MiB
    std::string next_key;
    std::optional<VersionId> next_version;
    static void fields(auto& self, auto&& field) {
      field(1, self.rows);
      field(2, self.common_prefixes);
      field(3, self.truncated);
      field(4, self.next_key);
      field(5, self.next_version);
    }
  };
  std::string bucket;
  std::string prefix;
  std::string delimiter;
  std::string key_marker;                   // a common prefix is skipped with all keys below it
  std::optional<VersionId> version_marker;  // none: after all versions of key_marker; zero: null
  std::uint32_t limit = 1000;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.prefix);
    field(3, self.delimiter);
    field(4, self.key_marker);
    field(5, self.version_marker);
    field(6, self.limit);
  }
};

Result<ListVersions::Reply> list_versions(const kv::Reader& reader, const State& state,
                                          const ListVersions& query);

}  // namespace stratos::meta
