// Files of the index's backup on storage nodes: what the meta layer asks of a node. Format:
// docs/formats/backup.md.
#pragma once
#include <string>
#include <vector>

#include "codec/record.hpp"

namespace stratos::meta {

// Numbered among the methods of storage nodes. Only the meta layer may call them.
enum class BackupMethod : std::uint16_t {
  put = 0x021a,
  get = 0x021b,
  list = 0x021c,
  remove = 0x021d,
};
constexpr std::size_t kMaxBackupPart = 1 << 20;
constexpr std::size_t kMaxBackupNameBytes = 96;  // of small letters, digits and dashes
constexpr std::size_t kMaxBackupNames = 1000;    // of one call

// One part of a file, the body; parts come in order, from offset 0 on. With the last one the file
// is durable and replaces what had its name. Errc::store_full beyond what the node keeps for
// backups, Errc::extent_out_of_order, Errc::invalid_argument.
struct PutBackup {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  // of the whole file
  static void fields(auto& self, auto&& field) {
    field(1, self.name);
    field(2, self.offset);
    field(3, self.size);
  }
};
struct PutBackupReply {
  static void fields(auto&, auto&&) {}
};

// A part of a file, as the body: kMaxBackupPart at most. Errc::file_not_found.
struct GetBackup {
  std::string name;
  std::uint64_t offset = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.name);
    field(2, self.offset);
  }
};
struct GetBackupReply {
  std::uint64_t size = 0;  // of the whole file
  static void fields(auto& self, auto&& field) { field(1, self.size); }
};

// Names of whole files, in order, behind `after`.
struct ListBackup {
  std::string after;
  static void fields(auto& self, auto&& field) { field(1, self.after); }
};
struct ListBackupReply {
  std::vector<std::string> names;
  bool more = false;
  static void fields(auto& self, auto&& field) {
    field(1, self.names);
    field(2, self.more);
  }
};

struct RemoveBackup {
  std::vector<std::string> names;  // at most kMaxBackupNames; absent ones are fine
  static void fields(auto& self, auto&& field) { field(1, self.names); }
};
struct RemoveBackupReply {
  static void fields(auto&, auto&&) {}
};

}  // namespace stratos::meta
