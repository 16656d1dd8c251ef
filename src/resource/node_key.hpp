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
// Draws another key for a node that does not run; the word of the one before stays beside it in
// node.key.succession. Errc::folder_locked, Errc::precondition_failed when the node has not
// registered with the last one yet.
Result<crypto::MachineKey> rotate_node_key(io::FileSystem& fs, const std::string& folder,
                                           Random& random);
// What a key that was rotated registers with. Always: an index that was restored may be older.
Result<std::optional<meta::KeySuccession>> load_succession(io::FileSystem& fs,
                                                           const std::string& folder,
                                                           const crypto::MachineKey& key);
// The node has registered with the key.
Result<void> note_succession_taken(io::FileSystem& fs, const std::string& folder);

}  // namespace stratos::resource
