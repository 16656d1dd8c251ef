// The key of a mesh folder's meta node, and its rotation. Everything here blocks.
#pragma once
#include "cli/mesh_folder.hpp"
#include "meta/meta_key.hpp"

namespace stratos::cli {

// From keys/meta, drawn and stored at the first call, and keys/meta.chain.
Result<meta::MetaIdentity> meta_identity(io::FileSystem& fs, MeshFolder& folder, Random& random);

// Gives the meta node of a mesh that does not run another key: the index takes it first, then
// keys/meta holds it. Goes on with a rotation that was broken off. Errc::folder_locked,
// Errc::file_not_found when there is no mesh, Errc::feature_off.
Result<crypto::MachineKey> rotate_meta_key(io::FileSystem& fs, MeshFolder& folder, Random& random);

}  // namespace stratos::cli
