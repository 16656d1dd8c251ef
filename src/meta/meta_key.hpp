// A meta node's key, and how another takes its place. Rules: docs/formats/index.md.
#pragma once
#include <span>
#include <vector>

#include "base/time.hpp"
#include "codec/record.hpp"
#include "crypto/keys.hpp"

namespace stratos::meta {

// The word of a meta node's key that `next` is the node's from now on. What is signed in kDomain:
// the 32 bytes of the new key.
struct MetaKeyLink {
  static constexpr std::string_view kDomain = "stratos.meta_key.v1";
  crypto::MachineKey previous;
  crypto::MachineKey next;
  crypto::MachineSignature signature;
  static void fields(auto& self, auto&& field) {
    field(1, self.previous);
    field(2, self.next);
    field(3, self.signature);
  }
};
MetaKeyLink make_link(const crypto::MachineSigner& previous, const crypto::MachineKey& next);

// Every rotation of one meta node, oldest first.
struct MetaKeyChain {
  static constexpr std::uint8_t kFormat = 1;
  std::vector<MetaKeyLink> links;
  Bytes unknown;
  static void fields(auto& self, auto&& field) { field(1, self.links); }
};
constexpr std::size_t kMaxMetaKeyLinks = 64;

// Whether each link begins with the key that the one before ends with. Errc::invalid_argument,
// Errc::too_large.
Result<void> check_chain(const MetaKeyChain& chain);
// The same, and the signatures: Errc::bad_signature.
Result<void> verify_chain(const MetaKeyChain& chain);
// The links that lead to `key`: a rotation that was broken off leaves one that leads elsewhere.
MetaKeyChain chain_to(MetaKeyChain chain, const crypto::MachineKey& key);

// Who a meta node is.
struct MetaIdentity {
  crypto::MachineSigner signer;
  MetaKeyChain chain;  // leads to the signer's key; empty when that is the first
};

// A key that a meta node had until then.
struct PastMetaKey {
  crypto::MachineKey key;
  crypto::MachineKey next;
  WallTime until;
  static void fields(auto& self, auto&& field) {
    field(1, self.key);
    field(2, self.next);
    field(3, self.until);
  }
};
constexpr std::size_t kPastMetaKeysKept = 256;

}  // namespace stratos::meta
