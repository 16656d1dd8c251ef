// What is done to the index of a meta node that does not serve. Nothing here checks that no meta
// node runs: who calls holds the lock of the mesh's folder.
#pragma once
#include "kv/store.hpp"
#include "meta/index_machine.hpp"
#include "meta/meta_key.hpp"
#include "ordering/embedded_log.hpp"

namespace stratos::meta {

// Orders one command by itself. What it is given outlives the task.
Task<Result<Bytes>> order_alone(Runtime& runtime, ordering::EmbeddedLog& log,
                                const IndexMachine& machine, const crypto::MachineSigner& signer,
                                Verb verb, Bytes command);

// Makes the signer's key a meta node's when the chain leads to it from one that is; does nothing
// when it is one already. Errc::peer_not_trusted.
Task<Result<void>> take_seat(Runtime& runtime, ordering::EmbeddedLog& log,
                             const IndexMachine& machine, const crypto::MachineSigner& signer,
                             MetaKeyChain chain);

// The same in a meta node's folder.
Task<Result<void>> take_seat_in(Runtime& runtime, io::FileSystem& fs, std::string folder,
                                std::string network, const crypto::MachineSigner& signer,
                                MetaKeyChain chain);

}  // namespace stratos::meta
