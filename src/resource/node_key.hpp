// The key that a storage node proves itself with, in its folder. Everything here blocks.
#pragma once
#include <optional>
#include <string>

#include "base/random.hpp"
#include "crypto/keys.hpp"
#include "io/file_system.hpp"
#include "meta/node_key.hpp"

namespace stratos::resource {

// From `folder`/node.key (mode 0600); drawn and stored at the first start. Errc::bad_key when the
// file is damaged.
Result<crypto::MachineSigner> load_node_key(io::FileSystem& fs, const std::string& folder,
                                            Random& random);
// Draws another key for a node that does not run; the one before stays beside it, as
// node.key.previous, until the index has taken the new one. Errc::folder_locked,
// Errc::precondition_failed when it has not taken the last one yet.
Result<crypto::MachineKey> rotate_node_key(io::FileSystem& fs, const std::string& folder,
                                           Random& random);
// What a rotated key registers with; nullopt when the index has taken it, or nothing was rotated.
Result<std::optional<meta::KeySuccession>> pending_succession(io::FileSystem& fs,
                                                              const std::string& folder,
                                                              const crypto::MachineKey& key);
Result<void> finish_succession(io::FileSystem& fs, const std::string& folder);

}  // namespace stratos::resource
