#include "meta/meta_key.hpp"

#include <algorithm>

namespace stratos::meta {

MetaKeyLink make_link(const crypto::MachineSigner& previous, const crypto::MachineKey& next) {
  return {previous.public_key(), next, previous.sign(MetaKeyLink::kDomain, next.view())};
}

Result<void> check_chain(const MetaKeyChain& chain) {
  if (chain.links.empty()) return fail(Errc::invalid_argument, "no rotation");
  if (chain.links.size() > kMaxMetaKeyLinks) return fail(Errc::too_large, "rotations");
  for (std::size_t i = 1; i < chain.links.size(); ++i) {
    if (chain.links[i].previous != chain.links[i - 1].next) {
      return fail(Errc::invalid_argument, "a rotation that does not follow the one before");
    }
  }
  return {};
}

Result<void> verify_chain(const MetaKeyChain& chain) {
  STRATOS_CHECK(check_chain(chain));
  for (const MetaKeyLink& link : chain.links) {
    STRATOS_CHECK(
        crypto::verify(link.previous, MetaKeyLink::kDomain, link.next.view(), link.signature));
  }
  return {};
}

MetaKeyChain chain_to(MetaKeyChain chain, const crypto::MachineKey& key) {
  while (!chain.links.empty() && chain.links.back().next != key) chain.links.pop_back();
  if (chain.links.size() > kMaxMetaKeyLinks) {
    const auto surplus = static_cast<std::ptrdiff_t>(chain.links.size() - kMaxMetaKeyLinks);
    chain.links.erase(chain.links.begin(), chain.links.begin() + surplus);
  }
  return chain;
}

}  // namespace stratos::meta
