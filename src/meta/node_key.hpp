// A storage node's key, and how another takes its place.
#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"
#include "codec/record.hpp"
#include "crypto/keys.hpp"

namespace stratos::meta {

// The word of a node's key that another is the node's from now on. What is signed in kDomain: the
// 32 bytes of the new key.
struct KeySuccession {
  static constexpr std::string_view kDomain = "stratos.node_key.v1";
  crypto::MachineKey previous;
  crypto::MachineSignature signature;
  static void fields(auto& self, auto&& field) {
    field(1, self.previous);
    field(2, self.signature);
  }
};
inline KeySuccession make_succession(const crypto::MachineSigner& previous,
                                     const crypto::MachineKey& next) {
  return {previous.public_key(), previous.sign(KeySuccession::kDomain, next.view())};
}
// Errc::bad_signature.
inline Result<void> verify_succession(const KeySuccession& succession,
                                      const crypto::MachineKey& next) {
  return crypto::verify(succession.previous, KeySuccession::kDomain, next.view(),
                        succession.signature);
}

// A key that was a node's until then. Receipts signed with it count as long as their lease may run.
struct PastKey {
  crypto::MachineKey key;
  WallTime until;
  static void fields(auto& self, auto&& field) {
    field(1, self.key);
    field(2, self.until);
  }
};
constexpr std::size_t kPastKeysKept = 16;

}  // namespace stratos::meta
