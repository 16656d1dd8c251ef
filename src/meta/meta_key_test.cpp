#include "meta/meta_key.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace stratos::meta {
namespace {

TEST(MetaKeyChains, EndAtTheKeyTheyAreFor) {
  SeededRandom random(9);
  const auto a = crypto::MachineSigner::draw(random);
  const auto b = crypto::MachineSigner::draw(random);
  const auto c = crypto::MachineSigner::draw(random);
  MetaKeyChain chain;
  chain.links = {make_link(a, b.public_key()), make_link(b, c.public_key())};
  EXPECT_TRUE(verify_chain(chain));
  // A rotation to c that was broken off.
  EXPECT_EQ(chain_to(chain, b.public_key()).links.size(), 1U);
  EXPECT_EQ(chain_to(chain, c.public_key()).links.size(), 2U);
  EXPECT_TRUE(chain_to(chain, a.public_key()).links.empty());
  EXPECT_EQ(verify_chain({}).error().code(), Errc::invalid_argument);
  std::swap(chain.links[0], chain.links[1]);
  EXPECT_EQ(verify_chain(chain).error().code(), Errc::invalid_argument);
}

TEST(MetaKeyChains, AreBounded) {
  SeededRandom random(9);
  MetaKeyChain chain;
  auto now = crypto::MachineSigner::draw(random);
  for (std::size_t i = 0; i <= kMaxMetaKeyLinks; ++i) {
    auto next = crypto::MachineSigner::draw(random);
    chain.links.push_back(make_link(now, next.public_key()));
    now = std::move(next);
  }
  EXPECT_EQ(check_chain(chain).error().code(), Errc::too_large);
  const MetaKeyChain kept = chain_to(chain, now.public_key());
  EXPECT_EQ(kept.links.size(), kMaxMetaKeyLinks);
  EXPECT_TRUE(verify_chain(kept));
}

}  // namespace
}  // namespace stratos::meta
