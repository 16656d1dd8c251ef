#include "cli/stored_formats.hpp"

#include <algorithm>
#include <set>

#include "client/key_ring.hpp"
#include "kv/store.hpp"
#include "meta/index_machine.hpp"
#include "ordering/log_format.hpp"
#include "resource/node.hpp"
#include "resource/storage/volume_format.hpp"

namespace stratos::cli {
namespace {

Result<Bytes> read_start(io::FileSystem& fs, const std::string& path, std::size_t length) {
  STRATOS_TRY(const auto file, fs.open(path, io::OpenMode::read));
  Bytes bytes(length, 0);
  STRATOS_TRY(const std::size_t read, file->read(0, bytes));
  bytes.resize(read);
  return bytes;
}

using Formats = std::set<std::uint8_t>;

std::string text_of(const Formats& formats) {
  std::string text;
  for (const std::uint8_t format : formats) {
    text += (text.empty() ? "" : ", ") + std::to_string(format);
  }
  return text.empty() ? "none yet" : text;
}

// Of the files in a folder that begin with a header, by their names.
Result<std::string> format_of_files(io::FileSystem& fs, const std::string& folder,
                                    std::size_t header_bytes, bool (*has_header)(std::string_view),
                                    Result<std::uint8_t> (*read)(ByteView)) {
  STRATOS_TRY(const auto names, fs.list(folder));
  Formats formats;
  for (const std::string& name : names) {
    if (!has_header(name)) continue;
    STRATOS_TRY(const Bytes header, read_start(fs, folder + "/" + name, header_bytes));
    // A file that was begun as the power failed.
    if (std::ranges::all_of(header, [](std::uint8_t byte) { return byte == 0; })) continue;
    const Result<std::uint8_t> format = read(header);
    if (!format) return fail(format.error().code(), folder + "/" + name, format.error());
    formats.insert(*format);
  }
  return text_of(formats);
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
  return format_of_files(
      fs, folder, ordering::kFileHeaderBytes,
      [](std::string_view name) { return name.starts_with("log-"); },
      [](ByteView header) -> Result<std::uint8_t> {
        STRATOS_CHECK(ordering::decode_file_header(header));
        return header[4];
      });
}

Result<std::string> index_format(io::FileSystem& fs, const std::string& folder) {
  STRATOS_TRY(const auto index, kv::read_rocks(fs, folder));
  STRATOS_TRY(const meta::IndexMachine::Stored stored, meta::IndexMachine::examine(*index));
  return stored.format != 0 ? std::to_string(stored.format) : text_of({});
}

Result<std::string> node_format(io::FileSystem& fs, const std::string& folder) {
  STRATOS_CHECK(resource::check_node_format(fs, folder));
  return format_of_files(
      fs, folder + "/storage/volumes", resource::kBlockBytes,
      [](std::string_view name) {
        const auto bytes = from_hex(name);
        return bytes && bytes->size() == 4;
      },
      [](ByteView header) -> Result<std::uint8_t> {
        STRATOS_CHECK(resource::decode_volume_header(header));
        return header[4];
      });
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
