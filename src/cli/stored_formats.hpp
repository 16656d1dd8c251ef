// What formats the files of a mesh folder have, and whether this release reads them. Reads alone:
// a mesh may run meanwhile.
#pragma once
#include "cli/mesh_folder.hpp"

namespace stratos::cli {

struct StoredPart {
  std::string name;
  std::string path;
  Result<std::string> format;  // or why this release does not read it: Errc::unknown_format, ...
};

// Settings, key ring, ordering log, index and every storage node; what is not there is left out.
std::vector<StoredPart> stored_parts(io::FileSystem& fs, const MeshFolder& folder);

}  // namespace stratos::cli
