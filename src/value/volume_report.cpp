#include "value/volume_report.hpp"

#include <algorithm>
#include <set>

#include "base/assert.hpp"
#include "crypto/hash.hpp"

namespace stratos::value {
namespace {

constexpr std::string_view kPayerTag = "stratos.volume.payer.v1";
constexpr std::string_view kNodeTag = "stratos.volume.node.v1";
constexpr std::size_t kWordBytes = 32;

// As a contract packs them: big-endian, filled up with zeros in front.
void put_word(Bytes& words, ByteView value) {
  words.insert(words.end(), kWordBytes - value.size(), 0);
  append(words, value);
}
void put_word(Bytes& words, std::uint64_t value) {
  Bytes bytes;
  put_be(bytes, value);
  put_word(words, bytes);
}

Bytes begin_words(std::string_view tag, ZoneId zone, Epoch epoch) {
  Bytes words;
  put_word(words, crypto::keccak256(as_bytes(tag)).view());
  put_word(words, std::uint64_t{zone.value});
  put_word(words, epoch.value);
  return words;
}

Hash finish_leaf(Bytes words, const Volume& volume) {
  put_word(words, volume.put);
  put_word(words, volume.get);
  put_word(words, volume.audit);
  put_word(words, volume.repair);
  return merkle_leaf(words);
}

template <class Leaf>
MerkleTree make_tree(ZoneId zone, Epoch epoch, std::span<const Leaf> leaves) {
  std::vector<Hash> hashes;
  hashes.reserve(leaves.size());
  for (const Leaf& leaf : leaves) hashes.push_back(leaf_hash(zone, epoch, leaf));
  return MerkleTree(std::move(hashes));
}

template <class Leaf>
Volume sum_of(std::span<const Leaf> leaves) {
  Volume sum;
  for (const Leaf& leaf : leaves) sum += leaf.volume;
  return sum;
}

template <class Leaf, class Name>
bool ascends(std::span<const Leaf> leaves, Name Leaf::* name) {
  return std::ranges::adjacent_find(leaves, [name](const Leaf& a, const Leaf& b) {
           return !(a.*name < b.*name);
         }) == leaves.end();
}

}  // namespace

Volume& Volume::operator+=(const Volume& more) {
  put += more.put;
  get += more.get;
  audit += more.audit;
  repair += more.repair;
  return *this;
}

Hash leaf_hash(ZoneId zone, Epoch epoch, const PayerLeaf& leaf) {
  Bytes words = begin_words(kPayerTag, zone, epoch);
  put_word(words, leaf.payer.view());
  return finish_leaf(std::move(words), leaf.volume);
}

Hash leaf_hash(ZoneId zone, Epoch epoch, const NodeLeaf& leaf) {
  Bytes words = begin_words(kNodeTag, zone, epoch);
  put_word(words, std::uint64_t{leaf.node.value});
  put_word(words, leaf.key.view());
  return finish_leaf(std::move(words), leaf.volume);
}

MerkleTree tree_of(ZoneId zone, Epoch epoch, std::span<const PayerLeaf> leaves) {
  return make_tree(zone, epoch, leaves);
}
MerkleTree tree_of(ZoneId zone, Epoch epoch, std::span<const NodeLeaf> leaves) {
  return make_tree(zone, epoch, leaves);
}

void seal_report(VolumeReport& report, std::span<const PayerLeaf> payers,
                 std::span<const NodeLeaf> nodes) {
  report.total = sum_of(nodes);
  STRATOS_ASSERT(report.total == sum_of(payers), "payers owe what nodes have served");
  report.payers = static_cast<std::uint32_t>(payers.size());
  report.nodes = static_cast<std::uint32_t>(nodes.size());
  report.payers_root = tree_of(report.zone, report.epoch, payers).root();
  report.nodes_root = tree_of(report.zone, report.epoch, nodes).root();
}

Result<void> check_report(const VolumeReport& report, std::span<const PayerLeaf> payers,
                          std::span<const NodeLeaf> nodes) {
  const auto wrong = [](const char* what) { return fail(Errc::bad_report, what); };
  if (payers.size() != report.payers || nodes.size() != report.nodes) return wrong("leaves");
  if (!ascends(payers, &PayerLeaf::payer) || !ascends(nodes, &NodeLeaf::node)) {
    return wrong("order of leaves");
  }
  if (sum_of(payers) != report.total || sum_of(nodes) != report.total) return wrong("totals");
  if (tree_of(report.zone, report.epoch, payers).root() != report.payers_root) {
    return wrong("root over payers");
  }
  if (tree_of(report.zone, report.epoch, nodes).root() != report.nodes_root) {
    return wrong("root over nodes");
  }
  return {};
}

Result<VolumeReport> open_report(const SignedReport& report,
                                 std::span<const crypto::MachineKey> registry) {
  std::set<crypto::MachineKey> signers;
  for (const ReportSignature& entry : report.signatures) {
    if (std::ranges::find(registry, entry.signer) == registry.end()) continue;
    STRATOS_CHECK(
        crypto::verify(entry.signer, VolumeReport::kDomain, report.report, entry.signature));
    signers.insert(entry.signer);
  }
  if (signers.size() * 3 <= registry.size() * 2) {
    return fail(Errc::bad_report, std::to_string(signers.size()) + " of " +
                                      std::to_string(registry.size()) + " meta nodes have signed");
  }
  return codec::decode<VolumeReport>(report.report);
}

}  // namespace stratos::value
