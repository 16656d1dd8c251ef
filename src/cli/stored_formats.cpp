#include "cli/stored_formats.hpp"

#include <set>

#include "client/key_ring.hpp"
#include "kv/store.hpp"
#include "meta/index_machine.hpp"
#include "ordering/log_files.hpp"
#include "resource/node.hpp"

namespace stratos::cli {
namespace {

using Formats = std::set<std::uint8_t>;

std::string text_of(const Formats& formats) {
  std::string text;
  for (const std::uint8_t format : formats) {
    text += (text.empty() ? "" : ", ") + std::to_string(format);
  }
  return text.empty() ? "none yet" : text;
}

Result<std::string> settings_format(io::FileSystem&, const MeshFolder& folder) {
  STRATOS_CHECK(folder.stored_settings());
  return std::to_string(kFolderFormat);
}

Result<std::string> ring_format(io::FileSystem& fs, const std::string& path) {
  STRATOS_TRY(const Bytes bytes, io::read_file(fs, path, 1 << 20));
  STRATOS_CHECK(client::KeyRing::check_format(bytes));
  return std::to_string(bytes[0]);
}

Result<std::string> log_format(io::FileSystem& fs, const std::string& folder) {
  STRATOS_TRY(const Formats formats, ordering::LogFiles::stored_formats(fs, folder));
  return text_of(formats);
}

Result<std::string> index_format(io::FileSystem& fs, const std::string& folder) {
  STRATOS_TRY(const auto index, kv::read_rocks(fs, folder));
  STRATOS_TRY(const meta::IndexMachine::Stored stored, meta::IndexMachine::examine(*index));
  return stored.format != 0 ? std::to_string(stored.format) : text_of({});
}

Result<std::string> node_format(io::FileSystem& fs, const std::string& folder) {
  STRATOS_TRY(const Formats formats, resource::stored_formats(fs, folder));
  return text_of(formats);
}

}  // namespace

std::vector<StoredPart> stored_parts(io::FileSystem& fs, const MeshFolder& folder) {
  std::vector<StoredPart> parts;
  const auto add = [&](std::string name, const std::string& path, auto&& format) {
    if (fs.exists(path)) parts.push_back({std::move(name), path, format(fs, path)});
  };
  parts.push_back({"settings", folder.path() + "/mesh.json", settings_format(fs, folder)});
  add("key ring", folder.path() + "/gateway/keyring", ring_format);
  add("ordering log", folder.meta_path() + "/log", log_format);
  add("index", folder.meta_path() + "/index", index_format);
  const auto nodes = fs.list(folder.path() + "/nodes");
  for (const std::string& name : nodes ? *nodes : std::vector<std::string>()) {
    add("node " + name, folder.path() + "/nodes/" + name, node_format);
  }
  return parts;
}

}  // namespace stratos::cli
