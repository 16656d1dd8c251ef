#include "value/volume_report.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

namespace stratos::value {
namespace {

AccountId payer_id(std::uint8_t n) {
  AccountId id;
  id.value[19] = n;
  return id;
}
crypto::MachineKey node_key(std::uint8_t n) {
  crypto::MachineKey key;
  key.value.fill(n);
  return key;
}

class Reports : public ::testing::Test {
 protected:
  Reports() {
    payers_ = {{payer_id(0), {0, 0, 0, 40}}, {payer_id(1), {100, 20, 0, 0}}, {payer_id(9), {7}}};
    nodes_ = {{NodeId(1), node_key(1), {100, 0, 0, 40}}, {NodeId(2), node_key(2), {7, 20, 0, 0}}};
    report_.network = "test";
    report_.zone = ZoneId(3);
    report_.epoch = Epoch(77);
    report_.closed = {46'200'000};
    seal_report(report_, payers_, nodes_);
  }
  SignedReport signed_by(std::size_t signers) {
    SignedReport out;
    out.report = codec::encode(report_);
    for (std::size_t i = 0; i < signers; ++i) {
      out.signatures.push_back(
          {metas_[i].public_key(), metas_[i].sign(VolumeReport::kDomain, out.report)});
    }
    return out;
  }
  std::vector<crypto::MachineKey> registry() const {
    std::vector<crypto::MachineKey> keys;
    for (const auto& meta : metas_) keys.push_back(meta.public_key());
    return keys;
  }
  Errc opened(const SignedReport& report) const {
    const auto result = open_report(report, registry());
    return result ? Errc{} : result.error().code();
  }

  SeededRandom random_{5};
  std::vector<crypto::MachineSigner> metas_ = {
      crypto::MachineSigner::draw(random_), crypto::MachineSigner::draw(random_),
      crypto::MachineSigner::draw(random_), crypto::MachineSigner::draw(random_)};
  std::vector<PayerLeaf> payers_;
  std::vector<NodeLeaf> nodes_;
  VolumeReport report_;
};

TEST_F(Reports, CountWhatTheirLeavesDo) {
  EXPECT_EQ(report_.total, (Volume{107, 20, 0, 40}));
  EXPECT_EQ(report_.total.total(), 167U);
  EXPECT_EQ(report_.payers, 3U);
  EXPECT_EQ(report_.nodes, 2U);
  EXPECT_TRUE(check_report(report_, payers_, nodes_));
}

TEST_F(Reports, ProveEachLeafByItsPath) {
  const MerkleTree payers =
      tree_of(report_.zone, report_.epoch, std::span<const PayerLeaf>(payers_));
  for (std::size_t i = 0; i < payers_.size(); ++i) {
    const Hash leaf = leaf_hash(report_.zone, report_.epoch, payers_[i]);
    EXPECT_TRUE(check_path(report_.payers_root, leaf, payers.path(i)));
    PayerLeaf more = payers_[i];
    more.volume.get += 1;
    const Hash false_leaf = leaf_hash(report_.zone, report_.epoch, more);
    EXPECT_FALSE(check_path(report_.payers_root, false_leaf, payers.path(i)));
  }
  const MerkleTree nodes = tree_of(report_.zone, report_.epoch, std::span<const NodeLeaf>(nodes_));
  const Hash leaf = leaf_hash(report_.zone, report_.epoch, nodes_[1]);
  EXPECT_TRUE(check_path(report_.nodes_root, leaf, nodes.path(1)));
  EXPECT_FALSE(check_path(report_.payers_root, leaf, nodes.path(1)));
  const Hash other_epoch = leaf_hash(report_.zone, Epoch(78), nodes_[1]);
  EXPECT_FALSE(check_path(report_.nodes_root, other_epoch, nodes.path(1)));
  const Hash other_zone = leaf_hash(ZoneId(4), report_.epoch, nodes_[1]);
  EXPECT_FALSE(check_path(report_.nodes_root, other_zone, nodes.path(1)));
}

TEST_F(Reports, RefuseOtherLeaves) {
  const auto refuses = [this](const std::function<void()>& change) {
    const auto payers = payers_;
    const auto nodes = nodes_;
    const VolumeReport report = report_;
    change();
    const auto checked = check_report(report_, payers_, nodes_);
    payers_ = payers;
    nodes_ = nodes;
    report_ = report;
    return !checked && checked.error().code() == Errc::bad_report;
  };
  EXPECT_TRUE(refuses([this] { payers_.pop_back(); }));
  EXPECT_TRUE(refuses([this] { nodes_.pop_back(); }));
  EXPECT_TRUE(refuses([this] { std::swap(payers_[0], payers_[1]); }));
  EXPECT_TRUE(refuses([this] { payers_[0] = payers_[1]; }));
  EXPECT_TRUE(refuses([this] { payers_[2].volume.put += 1; }));
  EXPECT_TRUE(refuses([this] { nodes_[0].volume.repair -= 1; }));
  EXPECT_TRUE(refuses([this] { nodes_[0].key = node_key(3); }));
  EXPECT_TRUE(refuses([this] { payers_[2].payer = payer_id(10); }));
  EXPECT_TRUE(refuses([this] { report_.total.put += 1; }));
  EXPECT_TRUE(refuses([this] { report_.payers_root.value[0] ^= 1; }));
  EXPECT_TRUE(refuses([this] { report_.epoch = Epoch(78); }));
  // The sum alone does not do: the same bytes of another kind.
  EXPECT_TRUE(refuses([this] {
    payers_[1].volume = {99, 21, 0, 0};
    nodes_[1].volume = {6, 21, 0, 0};
    report_.total = {106, 21, 0, 40};
  }));
}

TEST_F(Reports, OfAnEpochWithoutTrafficAreEmpty) {
  VolumeReport empty;
  seal_report(empty, {}, {});
  EXPECT_TRUE(empty.payers_root.is_zero());
  EXPECT_TRUE(check_report(empty, {}, {}));
}

TEST_F(Reports, CountWithMoreThanTwoThirdsOfTheRegistry) {
  EXPECT_EQ(opened(signed_by(4)), Errc{});
  EXPECT_EQ(opened(signed_by(3)), Errc{});
  EXPECT_EQ(opened(signed_by(2)), Errc::bad_report);
  EXPECT_EQ(opened(signed_by(0)), Errc::bad_report);
  EXPECT_FALSE(open_report(signed_by(4), {}));
}

TEST_F(Reports, CountEachSignerOnceAndNoStranger) {
  SignedReport twice = signed_by(2);
  twice.signatures.push_back(twice.signatures[0]);
  EXPECT_EQ(opened(twice), Errc::bad_report);
  SignedReport stranger = signed_by(2);
  const auto other = crypto::MachineSigner::draw(random_);
  stranger.signatures.push_back(
      {other.public_key(), other.sign(VolumeReport::kDomain, stranger.report)});
  EXPECT_EQ(opened(stranger), Errc::bad_report);
}

TEST_F(Reports, RefuseForgedAndMovedSignatures) {
  SignedReport forged = signed_by(4);
  forged.signatures[2].signature.value[9] ^= 4;
  EXPECT_EQ(opened(forged), Errc::bad_signature);
  SignedReport moved = signed_by(4);
  moved.signatures[0].signer = moved.signatures[1].signer;
  EXPECT_EQ(opened(moved), Errc::bad_signature);
  SignedReport changed = signed_by(4);
  report_.total.get += 1;
  changed.report = codec::encode(report_);
  EXPECT_EQ(opened(changed), Errc::bad_signature);
  SignedReport other_domain = signed_by(0);
  for (const auto& meta : metas_) {
    other_domain.signatures.push_back(
        {meta.public_key(), meta.sign("stratos.limit.v1", other_domain.report)});
  }
  EXPECT_EQ(opened(other_domain), Errc::bad_signature);
}

TEST_F(Reports, SurviveTheirEncoding) {
  const auto again = codec::decode<VolumeReport>(codec::encode(report_)).value();
  EXPECT_TRUE(check_report(again, payers_, nodes_));
  EXPECT_EQ(again.network, "test");
  Bytes later = codec::encode(report_);
  codec::put_varint_field(later, 50, 1);
  EXPECT_EQ(codec::encode(codec::decode<VolumeReport>(later).value()), later);
}

// The vectors were computed by an implementation of its own in another language.
TEST_F(Reports, AreThoseOfTheFormat) {
  std::ifstream file(STRATOS_GOLDEN_DIR "/volume_report.json");
  ASSERT_TRUE(file);
  const auto golden = nlohmann::json::parse(file);
  const auto text = [](const nlohmann::json& value) { return value.get<std::string>(); };
  EXPECT_EQ(to_hex(codec::encode(report_)), text(golden.at("report")));
  EXPECT_EQ(report_.payers_root.hex(), text(golden.at("payers_root")));
  EXPECT_EQ(report_.nodes_root.hex(), text(golden.at("nodes_root")));
  for (std::size_t i = 0; i < payers_.size(); ++i) {
    EXPECT_EQ(leaf_hash(report_.zone, report_.epoch, payers_[i]).hex(),
              text(golden.at("payer_leaves").at(i)));
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    EXPECT_EQ(leaf_hash(report_.zone, report_.epoch, nodes_[i]).hex(),
              text(golden.at("node_leaves").at(i)));
  }
}

}  // namespace
}  // namespace stratos::value
