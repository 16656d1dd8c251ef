#include "meta/verbs_settle.hpp"

#include "meta/settle_fixture.hpp"

namespace stratos::meta {
namespace {

class Settling : public SettleTest {};

TEST_F(Settling, CountsWhatANodeHandsInByPayerNodeAndAction) {
  open();
  ASSERT_TRUE(index_.run(settle_of(NodeId(1), {share(300, Action::put), share(70)})));
  ASSERT_TRUE(index_.run(settle_of(NodeId(2), {share(5)})));
  const auto found = settlement();
  ASSERT_EQ(found.nodes.size(), 2U);
  EXPECT_EQ(found.nodes[0].volume, (value::Volume{300, 70, 0, 0}));
  EXPECT_EQ(found.nodes[0].key, index_.signer_of(NodeId(1)).public_key());
  EXPECT_EQ(found.nodes[1].volume, (value::Volume{0, 5, 0, 0}));
  ASSERT_EQ(found.payers.size(), 1U);
  EXPECT_EQ(found.payers[0].payer, TestIndex::owner());
  EXPECT_EQ(found.payers[0].volume, (value::Volume{300, 75, 0, 0}));
  ASSERT_EQ(usage().sessions.size(), 1U);
  EXPECT_EQ(usage().sessions[0].shares.size(), 2U);
  EXPECT_TRUE(found.conflicts.empty());
}

TEST_F(Settling, HappensOnceForEachNodeAndEpoch) {
  open();
  const SettleOrders command = settle_of(NodeId(1), {share(300)});
  EXPECT_FALSE(index_.run(command)->conflict);
  const auto before = index_.dump();
  EXPECT_FALSE(index_.run(command)->conflict);
  index_.reopen();
  EXPECT_FALSE(index_.run(command)->conflict);
  EXPECT_EQ(index_.dump(), before);
}

TEST_F(Settling, KeepsADifferentHandInAsEvidenceAndCountsTheFirst) {
  open();
  ASSERT_TRUE(index_.run(settle_of(NodeId(1), {share(300)}, 1)));
  const SettleOrders other = settle_of(NodeId(1), {share(301)}, 2);
  EXPECT_TRUE(index_.run(other)->conflict);
  EXPECT_TRUE(index_.run(settle_of(NodeId(1), {share(302)}, 3))->conflict);
  const auto found = settlement();
  EXPECT_EQ(found.nodes.at(0).volume.total(), 300U);
  EXPECT_EQ(found.payers.at(0).volume.total(), 300U);
  ASSERT_EQ(found.conflicts.size(), 1U);
  const HandInConflict& conflict = found.conflicts[0];
  // The evidence speaks for itself.
  EXPECT_NE(conflict.first_digest, conflict.second_digest);
  for (const auto& [digest, signature] :
       {std::pair(conflict.first_digest, conflict.first_signature),
        std::pair(conflict.second_digest, conflict.second_signature)}) {
    EXPECT_TRUE(crypto::verify(conflict.key, kHandInDomain,
                               hand_in_message(NodeId(1), epoch_, digest), signature));
  }
}

TEST_F(Settling, OpensAfterTheEpochAndCloses) {
  const SettleOrders command = settle_of(NodeId(1), {share(300)});
  EXPECT_EQ(index_.code(command), Errc::settlement_not_open);
  go_to({calendar().opens(epoch_).ms - 10});
  EXPECT_EQ(index_.code(command), Errc::settlement_not_open);
  open();
  EXPECT_EQ(index_.code(command), Errc{});
  close();
  EXPECT_EQ(index_.code(settle_of(NodeId(2), {share(1)})), Errc::settlement_closed);
  // Known as settled still: the node may forget.
  EXPECT_EQ(index_.code(command), Errc{});
}

TEST_F(Settling, RefusesEpochsToCome) {
  open();
  SettleOrders command = settle_of(NodeId(1), {share(1)});
  command.epoch = Epoch(epoch_.value + 5);
  EXPECT_EQ(index_.code(command), Errc::settlement_not_open);
  command.epoch = Epoch(UINT64_MAX);
  EXPECT_EQ(index_.code(command), Errc::settlement_not_open);
}

TEST_F(Settling, RefusesOrdersAboveLimitsAndLimitsAboveGrants) {
  open();
  EXPECT_EQ(index_.code(settle_of(NodeId(1), {share(1001)})), Errc::bad_hand_in);
  EXPECT_EQ(index_.code(settle_of(NodeId(1), {share(0)})), Errc::bad_hand_in);
  SettleOrders::Share large = share(10);
  large.limit_bytes = 9'001;
  ASSERT_TRUE(index_.run(settle_of(NodeId(1), {share(1)})));
  EXPECT_EQ(index_.code(settle_of(NodeId(2), {large})), Errc::above_grant);
  large.limit_bytes = UINT64_MAX;
  EXPECT_EQ(index_.code(settle_of(NodeId(2), {large})), Errc::above_grant);
  large.limit_bytes = 9'000;
  EXPECT_EQ(index_.code(settle_of(NodeId(2), {large})), Errc{});
}

TEST_F(Settling, ChangesNothingWhenOneShareFails) {
  open();
  const auto before = index_.dump();
  SettleOrders::Share stranger = share(10, Action::repair);
  stranger.grant = GrantId(grant_.id.value + 7);
  EXPECT_EQ(index_.code(settle_of(NodeId(1), {share(5), stranger})), Errc::no_such_grant);
  EXPECT_EQ(index_.dump(), before);
}

TEST_F(Settling, RefusesGrantsOfAnotherEpoch) {
  open();
  grant_ = index_.reserve(10'000, 1).value();
  EXPECT_EQ(index_.code(settle_of(NodeId(1), {share(5)})), Errc::no_such_grant);
}

TEST_F(Settling, RefusesSharesOutOfOrderAndUnknownActions) {
  open();
  EXPECT_EQ(index_.code(settle_of(NodeId(1), {})), Errc::bad_hand_in);
  EXPECT_EQ(index_.code(settle_of(NodeId(1), {share(5), share(5)})), Errc::bad_hand_in);
  EXPECT_EQ(index_.code(settle_of(NodeId(1), {share(5), share(5, Action::put)})),
            Errc::bad_hand_in);
  EXPECT_EQ(index_.code(settle_of(NodeId(1), {share(5, Action{9})})), Errc::bad_hand_in);
  SettleOrders unknown = settle_of(NodeId(1), {share(5)});
  unknown.node = NodeId(99);
  EXPECT_EQ(index_.machine().admit_item(TestIndex::item(unknown)).error().code(),
            Errc::no_such_node);
}

TEST_F(Settling, IsAdmittedWithTheNodesSignatureAlone) {
  const SettleOrders command = settle_of(NodeId(1), {share(5)});
  EXPECT_TRUE(index_.machine().admit_item(TestIndex::item(command)));
  SettleOrders forged = command;
  forged.signature.value[4] ^= 1;
  EXPECT_EQ(index_.machine().admit_item(TestIndex::item(forged)).error().code(),
            Errc::bad_signature);
  SettleOrders moved = command;
  moved.node = NodeId(2);
  EXPECT_FALSE(index_.machine().admit_item(TestIndex::item(moved)));
  SettleOrders other_epoch = command;
  other_epoch.epoch = Epoch(epoch_.value + 1);
  EXPECT_FALSE(index_.machine().admit_item(TestIndex::item(other_epoch)));
}

TEST_F(Settling, ReturnsWhatLimitsLeftUnusedWhenTheEpochCloses) {
  const std::uint64_t before = index_.ozone(TestIndex::owner());
  open();
  ASSERT_TRUE(index_.run(settle_of(NodeId(1), {share(300)})));
  EXPECT_EQ(index_.ozone(TestIndex::owner()), before);
  close();
  EXPECT_EQ(index_.ozone(TestIndex::owner()), before + 10'000 - 300);
  // Once: also when the grant itself ends.
  go_to(grant_.closes);
  index_.idle();
  EXPECT_EQ(index_.ozone(TestIndex::owner()), before + 10'000 - 300);
  const auto consumed = index_.state().load<ConsumedOzone>(keys::consumed(TestIndex::owner()));
  EXPECT_EQ(consumed.value().noz, 300U);
  EXPECT_EQ(index_.count(keys::grant_use(grant_.id)), 0U);
}

TEST_F(Settling, ReturnsManyGrantsInPortions) {
  for (int i = 0; i < 1'100; ++i) ASSERT_TRUE(index_.reserve(10, 0));
  const std::uint64_t before = index_.ozone(TestIndex::owner());
  go_to(calendar().closes(epoch_));
  EXPECT_LT(index_.ozone(TestIndex::owner()), before + 10'000 + 11'000);
  index_.idle(2);
  EXPECT_EQ(index_.ozone(TestIndex::owner()), before + 10'000 + 11'000);
  EXPECT_EQ(index_.count(keys::report(epoch_)), 1U);
}

// --- splits

class Splitting : public SettleTest {
 protected:
  Splitting() {
    open();
    EXPECT_TRUE(index_.run(settle_of(NodeId(1), {share(300)})));
  }
  static Split::Row row(std::uint64_t bucket, std::uint64_t bytes, std::uint32_t node = 1,
                        Action action = Action::get) {
    Split::Row row;
    row.node = NodeId(node);
    row.action = action;
    row.bucket = BucketId(bucket);
    row.bytes = bytes;
    return row;
  }
};

TEST_F(Splitting, IsTakenWhenItSumsToWhatWasSettled) {
  const HandInSplit command = split_of({row(0, 20), row(1, 180), row(2, 100)});
  EXPECT_EQ(index_.code(command), Errc{});
  const auto found = usage();
  ASSERT_EQ(found.sessions.size(), 1U);
  ASSERT_TRUE(found.sessions[0].split);
  EXPECT_EQ(found.sessions[0].split->rows.size(), 3U);
}

TEST_F(Splitting, IsRefusedWhenItDoesNotSum) {
  EXPECT_EQ(index_.code(split_of({row(1, 299)})), Errc::split_mismatch);
  EXPECT_EQ(index_.code(split_of({row(1, 301)})), Errc::split_mismatch);
  EXPECT_EQ(index_.code(split_of({row(1, 300, 1, Action::put)})), Errc::split_mismatch);
  const HandInSplit honest = split_of({row(1, 300)});
  Split other = codec::decode<Split>(honest.split).value();
  other.payer = account_id(9);
  HandInSplit stolen;
  stolen.split = codec::encode(other);
  EXPECT_EQ(index_.code(stolen), Errc::split_mismatch);
}

TEST_F(Splitting, MayComeBeforeItsNodesSettle) {
  EXPECT_EQ(index_.code(split_of({row(1, 300), row(1, 44, 2)})), Errc{});
}

TEST_F(Splitting, HappensOnce) {
  const HandInSplit command = split_of({row(1, 300)});
  EXPECT_EQ(index_.code(command), Errc{});
  EXPECT_EQ(index_.code(command), Errc{});
  EXPECT_EQ(index_.code(split_of({row(2, 300)})), Errc::settled_differently);
}

TEST_F(Splitting, IsAdmittedWithTheSessionsSignatureAlone) {
  const HandInSplit command = split_of({row(1, 300)});
  EXPECT_TRUE(index_.machine().admit_item(TestIndex::item(command)));
  HandInSplit forged = command;
  forged.signature.value[0] ^= 1;
  EXPECT_EQ(index_.machine().admit_item(TestIndex::item(forged)).error().code(),
            Errc::bad_signature);
  HandInSplit changed = command;
  changed.split = split_of({row(2, 300)}).split;
  EXPECT_FALSE(index_.machine().admit_item(TestIndex::item(changed)));
}

TEST_F(Splitting, IsBoundedAndInOrder) {
  EXPECT_EQ(index_.code(split_of({})), Errc::too_large);
  EXPECT_EQ(index_.code(split_of({row(2, 100), row(1, 200)})), Errc::invalid_argument);
  EXPECT_EQ(index_.code(split_of({row(1, 150), row(1, 150)})), Errc::invalid_argument);
  EXPECT_EQ(index_.code(split_of({row(1, 300), row(2, 0)})), Errc::invalid_argument);
  EXPECT_EQ(index_.code(split_of({row(1, UINT64_MAX), row(2, 301)})), Errc::invalid_argument);
  std::vector<Split::Row> many;
  for (std::uint64_t i = 0; i <= kMaxSplitRows; ++i) many.push_back(row(i, 1, 2));
  EXPECT_EQ(index_.code(split_of(many)), Errc::too_large);
  many.pop_back();
  EXPECT_EQ(index_.code(split_of(many)), Errc{});
}

TEST_F(Splitting, EndsWithTheSettlement) {
  close();
  EXPECT_EQ(index_.code(split_of({row(1, 300)})), Errc::settlement_closed);
}

// --- reports

class Reporting : public SettleTest {
 protected:
  Reporting() {
    open();
    EXPECT_TRUE(index_.run(settle_of(NodeId(1), {share(300, Action::put), share(70)})));
    EXPECT_TRUE(index_.run(settle_of(NodeId(3), {share(5)})));
    close();
  }
  Result<ReportRequest::Reply> stored() const {
    ReportRequest query;
    query.epoch = epoch_;
    return index_.ask(query);
  }
  SignReport signature_of(const crypto::MachineSigner& signer) const {
    SignReport command;
    command.epoch = epoch_;
    command.signature.signer = signer.public_key();
    command.signature.signature =
        signer.sign(value::VolumeReport::kDomain, stored().value().report.report);
    return command;
  }
};

TEST_F(Reporting, HappensWhenTheSettlementCloses) {
  const auto report = codec::decode<value::VolumeReport>(stored().value().report.report).value();
  EXPECT_EQ(report.network, "test");
  EXPECT_EQ(report.zone, ZoneId(1));
  EXPECT_EQ(report.epoch, epoch_);
  EXPECT_EQ(report.total, (value::Volume{300, 75, 0, 0}));
  EXPECT_EQ(report.nodes, 2U);
  EXPECT_TRUE(value::check_report(report, payer_leaves(index_.state(), epoch_),
                                  node_leaves(index_.state(), epoch_)));
}

TEST_F(Reporting, CountsOnceTheMetaNodeHasSigned) {
  const auto before = stored().value();
  EXPECT_FALSE(value::open_report(before.report, before.registry));
  EXPECT_EQ(index_.code(signature_of(index_.meta())), Errc{});
  EXPECT_EQ(index_.code(signature_of(index_.meta())), Errc{});
  const auto after = stored().value();
  EXPECT_EQ(after.report.signatures.size(), 1U);
  EXPECT_TRUE(value::open_report(after.report, after.registry));
}

TEST_F(Reporting, TakesNoSignatureOfStrangersAndNoForgedOne) {
  const auto stranger = crypto::MachineSigner::draw(random_);
  EXPECT_EQ(index_.code(signature_of(stranger)), Errc::peer_not_trusted);
  SignReport forged = signature_of(index_.meta());
  forged.signature.signature.value[8] ^= 1;
  EXPECT_EQ(index_.machine().admit_item(TestIndex::item(forged)).error().code(),
            Errc::bad_signature);
  SignReport missing = signature_of(index_.meta());
  missing.epoch = Epoch(epoch_.value + 1);
  EXPECT_EQ(index_.machine().admit_item(TestIndex::item(missing)).error().code(),
            Errc::no_such_report);
  EXPECT_EQ(index_.code(missing), Errc::no_such_report);
}

TEST_F(Reporting, ProvesEachLeaf) {
  const auto report = codec::decode<value::VolumeReport>(stored().value().report.report).value();
  ProofRequest query;
  query.epoch = epoch_;
  query.node = NodeId(3);
  const auto node = index_.ask(query).value();
  EXPECT_TRUE(value::check_path(
      report.nodes_root, value::leaf_hash(report.zone, epoch_, node.node.value()), node.path));
  query.node.reset();
  query.payer = TestIndex::owner();
  const auto payer = index_.ask(query).value();
  EXPECT_TRUE(value::check_path(
      report.payers_root, value::leaf_hash(report.zone, epoch_, payer.payer.value()), payer.path));
  query.payer = account_id(77);
  EXPECT_EQ(index_.ask(query).error().code(), Errc::not_found);
  query.node = NodeId(3);
  EXPECT_EQ(index_.ask(query).error().code(), Errc::invalid_argument);
  query.payer.reset();
  query.epoch = Epoch(1);
  EXPECT_EQ(index_.ask(query).error().code(), Errc::no_such_report);
}

TEST_F(Reporting, IsForgottenWithItsEpochWhenItsTimeIsOver) {
  ListSettledEpochs list;
  EXPECT_EQ(index_.ask(list).value().epochs, std::vector<Epoch>{epoch_});
  index_.pass_ms(calendar().keep_ms);
  index_.idle(2);
  EXPECT_EQ(stored().error().code(), Errc::no_such_report);
  EXPECT_TRUE(index_.ask(list).value().epochs.empty());
  EXPECT_TRUE(usage().sessions.empty());
  for (const keys::Settled kind : {keys::Settled::node, keys::Settled::share, keys::Settled::payer,
                                   keys::Settled::split, keys::Settled::conflict}) {
    EXPECT_EQ(index_.count(keys::settled(kind)), 0U) << static_cast<char>(kind);
  }
}

TEST_F(Reporting, ListsEpochsInPages) {
  std::vector<Epoch> settled = {epoch_};
  for (int i = 0; i < 4; ++i) {
    epoch_ = epoch_now();
    grant_ = index_.reserve(10'000, 1).value();
    open();
    ASSERT_TRUE(index_.run(settle_of(NodeId(1), {share(1)})));
    settled.push_back(epoch_);
  }
  ListSettledEpochs list;
  list.limit = 3;
  const auto first = index_.ask(list).value();
  EXPECT_TRUE(first.more);
  list.first = Epoch(first.epochs.back().value + 1);
  const auto second = index_.ask(list).value();
  EXPECT_FALSE(second.more);
  std::vector<Epoch> all = first.epochs;
  all.insert(all.end(), second.epochs.begin(), second.epochs.end());
  EXPECT_EQ(all, settled);
}

TEST_F(Reporting, PagesSessions) {
  epoch_ = epoch_now();
  grant_ = index_.reserve(10'000, 1).value();
  open();
  std::set<crypto::MachineKey> sessions;
  std::vector<SettleOrders::Share> shares;
  for (int i = 0; i < 7; ++i) {
    session_ = crypto::MachineSigner::draw(random_);
    sessions.insert(session_.public_key());
    shares.push_back(share(3));
  }
  std::ranges::sort(shares, {}, &SettleOrders::Share::session);
  ASSERT_TRUE(index_.run(settle_of(NodeId(1), shares)));
  GetUsage query;
  query.epoch = epoch_;
  query.limit = 3;
  std::set<crypto::MachineKey> seen;
  int pages = 0;
  bool more = true;
  while (more) {
    const auto reply = index_.ask(query).value();
    for (const auto& session : reply.sessions) EXPECT_TRUE(seen.insert(session.session).second);
    more = reply.more;
    if (more) query.after = reply.sessions.back().session;
    ++pages;
  }
  EXPECT_EQ(seen, sessions);
  EXPECT_EQ(pages, 3);
}

}  // namespace
}  // namespace stratos::meta
