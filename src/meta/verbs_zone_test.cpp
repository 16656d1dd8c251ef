// Features that are switched on, and meta nodes that take another key.
#include "meta/features.hpp"
#include "meta/settlement.hpp"
#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

constexpr std::string_view kRotation = "meta-key-rotation";

class MetaKeys : public ::testing::Test {
 protected:
  explicit MetaKeys() { enable({std::string(kRotation)}); }

  void enable(std::vector<std::string> names) {
    EnableFeatures command;
    command.names = std::move(names);
    EXPECT_TRUE(index_.run(command));
  }
  static RotateMetaKey rotation(std::vector<MetaKeyLink> links) {
    RotateMetaKey command;
    command.chain.links = std::move(links);
    return command;
  }
  // An entry as a meta node gives it to the log.
  Result<ItemResult> submit(const std::vector<Item>& items, const crypto::MachineSigner& by) {
    const Bytes entry = make_entry(items, by);
    STRATOS_CHECK(index_.machine().admit(entry));
    const auto applied = index_.apply({entry});
    if (!applied.results.at(0).ok()) return fail(applied.results.at(0).code);
    STRATOS_TRY(const auto results, parse_results(applied.results.at(0).value));
    if (results.at(0).code != 0) return fail(errc_from_number(results.at(0).code));
    return results.at(0);
  }
  Result<ItemResult> rotate(std::vector<MetaKeyLink> links, const crypto::MachineSigner& by) {
    return submit({TestIndex::item(rotation(std::move(links)))}, by);
  }
  const std::vector<crypto::MachineKey>& seats() { return index_.machine_params().meta_keys; }

  TestIndex index_;
  SeededRandom random_{3};
  crypto::MachineSigner second_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner third_ = crypto::MachineSigner::draw(random_);
  MetaKeyLink first_link_ = make_link(index_.meta(), second_.public_key());
  MetaKeyLink second_link_ = make_link(second_, third_.public_key());
};

TEST(Features, AreRefusedUntilSwitchedOn) {
  TestIndex index;
  SeededRandom random(4);
  const auto next = crypto::MachineSigner::draw(random);
  RotateMetaKey command;
  command.chain.links = {make_link(index.meta(), next.public_key())};
  EXPECT_EQ(index.code(command), Errc::feature_off);
  EXPECT_EQ(missing_features(index.machine_params()).size(), kFeatures.size());
  EnableFeatures enable;
  enable.names = all_features();
  EXPECT_EQ(index.code(enable), Errc{});
  EXPECT_EQ(index.code(enable), Errc{});
  EXPECT_EQ(index.machine_params().features, all_features());
  EXPECT_TRUE(missing_features(index.machine_params()).empty());
  index.reopen();
  EXPECT_EQ(index.machine_params().features, all_features());
}

TEST(Features, ThatNobodyKnowsAreRefused) {
  TestIndex index;
  EnableFeatures command;
  command.names = {std::string(kRotation), "time-travel"};
  EXPECT_EQ(index.code(command), Errc::not_implemented);
  EXPECT_TRUE(index.machine_params().features.empty());
}

TEST(Features, CountFromTheNextBlockOn) {
  TestIndex index;
  EnableFeatures enable;
  enable.names = all_features();
  SeededRandom random(4);
  RotateMetaKey rotate;
  rotate.chain.links = {make_link(index.meta(), crypto::MachineSigner::draw(random).public_key())};
  const auto results = index.apply_items({TestIndex::item(enable), TestIndex::item(rotate)});
  EXPECT_EQ(results.at(0).code, 0);
  EXPECT_EQ(errc_from_number(results.at(1).code), Errc::feature_off);
}

TEST_F(MetaKeys, AreTakenOverOnTheWordOfTheOneBefore) {
  const WallTime until = {index_.now().ms + 1};
  ASSERT_TRUE(rotate({first_link_}, second_));
  EXPECT_EQ(seats(), std::vector{second_.public_key()});
  const auto& past = index_.machine_params().past_meta_keys;
  ASSERT_EQ(past.size(), 1U);
  EXPECT_EQ(past[0].key, index_.meta().public_key());
  EXPECT_EQ(past[0].next, second_.public_key());
  EXPECT_EQ(past[0].until, until);
  // The old key submits nothing any more, the new one everything.
  EnableFeatures any;
  EXPECT_EQ(submit({TestIndex::item(any)}, index_.meta()).error().code(), Errc::peer_not_trusted);
  EXPECT_TRUE(submit({TestIndex::item(any)}, second_));
}

TEST_F(MetaKeys, AreTakenOverByTheOneBeforeToo) {
  ASSERT_TRUE(rotate({first_link_}, index_.meta()));
  EXPECT_EQ(seats(), std::vector{second_.public_key()});
}

TEST_F(MetaKeys, FollowAChainWhoseLinksTheIndexHasNotSeen) {
  ASSERT_TRUE(rotate({first_link_, second_link_}, third_));
  EXPECT_EQ(seats(), std::vector{third_.public_key()});
}

TEST_F(MetaKeys, FollowAChainThatItSawInPart) {
  ASSERT_TRUE(rotate({first_link_}, second_));
  ASSERT_TRUE(rotate({first_link_, second_link_}, third_));
  EXPECT_EQ(seats(), std::vector{third_.public_key()});
  ASSERT_EQ(index_.machine_params().past_meta_keys.size(), 2U);
}

TEST_F(MetaKeys, RefuseAChainFromNobody) {
  EXPECT_EQ(rotate({second_link_}, third_).error().code(), Errc::peer_not_trusted);
  EXPECT_EQ(rotate({}, third_).error().code(), Errc::peer_not_trusted);
  EXPECT_EQ(rotate({second_link_, first_link_}, second_).error().code(), Errc::peer_not_trusted);
}

TEST_F(MetaKeys, RefuseAForgedChain) {
  MetaKeyLink forged = make_link(third_, second_.public_key());
  forged.previous = index_.meta().public_key();
  EXPECT_EQ(rotate({forged}, second_).error().code(), Errc::bad_signature);
  EXPECT_EQ(seats(), std::vector{index_.meta().public_key()});
}

TEST_F(MetaKeys, RefuseANewcomerThatAsksForMore) {
  EnableFeatures more;
  const std::vector<Item> items = {TestIndex::item(rotation({first_link_})), TestIndex::item(more)};
  EXPECT_EQ(submit(items, second_).error().code(), Errc::peer_not_trusted);
  // Nor for another's seat.
  EXPECT_EQ(rotate({first_link_}, third_).error().code(), Errc::peer_not_trusted);
}

TEST_F(MetaKeys, OfThePastCountForWhatTheySigned) {
  ASSERT_TRUE(rotate({first_link_}, second_));
  ASSERT_TRUE(rotate({second_link_}, third_));
  const std::vector<crypto::MachineKey> all = {third_.public_key(), index_.meta().public_key(),
                                               second_.public_key()};
  EXPECT_EQ(limit_signers(index_.machine_params()), all);
  for (const crypto::MachineKey& signer : all) {
    EXPECT_EQ(registry_of(index_.machine_params(), std::vector{signer}), std::vector{signer});
  }
  const auto stranger = crypto::MachineSigner::draw(random_).public_key();
  EXPECT_EQ(registry_of(index_.machine_params(), std::vector{stranger}),
            std::vector{third_.public_key()});
}

}  // namespace
}  // namespace stratos::meta
