// Volume reports: what was settled in one epoch of one zone, for whom and by whom, in a form that
// anyone can check. Format: docs/formats/volume-report.md.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "codec/record.hpp"
#include "crypto/keys.hpp"
#include "value/merkle.hpp"

namespace stratos::value {

// Bytes by what was done with them; each counts one noz.
struct Volume {
  std::uint64_t put = 0;
  std::uint64_t get = 0;
  std::uint64_t audit = 0;
  std::uint64_t repair = 0;
  friend bool operator==(const Volume&, const Volume&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.put);
    field(2, self.get);
    field(3, self.audit);
    field(4, self.repair);
  }
  std::uint64_t total() const { return put + get + audit + repair; }
  Volume& operator+=(const Volume& more);
};

// What one account owes for; the zero account is the network itself.
struct PayerLeaf {
  AccountId payer;
  Volume volume;
  friend bool operator==(const PayerLeaf&, const PayerLeaf&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.payer);
    field(2, self.volume);
  }
};
// What one node has served.
struct NodeLeaf {
  NodeId node;
  crypto::MachineKey key;  // that it was registered with when it handed in
  Volume volume;
  friend bool operator==(const NodeLeaf&, const NodeLeaf&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.key);
    field(3, self.volume);
  }
};

struct VolumeReport {
  static constexpr std::uint8_t kFormat = 1;
  static constexpr std::string_view kDomain = "stratos.volume-report.v1";
  std::string network;
  ZoneId zone;
  Epoch epoch;
  WallTime closed;  // ordered time at which nothing more was taken
  Volume total;
  std::uint32_t payers = 0;
  std::uint32_t nodes = 0;
  Hash payers_root;
  Hash nodes_root;
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.network);
    field(2, self.zone);
    field(3, self.epoch);
    field(4, self.closed);
    field(5, self.total);
    field(6, self.payers);
    field(7, self.nodes);
    field(8, self.payers_root);
    field(9, self.nodes_root);
  }
};

struct ReportSignature {
  crypto::MachineKey signer;
  crypto::MachineSignature signature;
  static void fields(auto& self, auto&& field) {
    field(1, self.signer);
    field(2, self.signature);
  }
};
// A report as it is kept and travels: the exact bytes that are signed.
struct SignedReport {
  static constexpr std::uint8_t kFormat = 1;
  Bytes report;  // encoded VolumeReport
  std::vector<ReportSignature> signatures;
  static void fields(auto& self, auto&& field) {
    field(1, self.report);
    field(2, self.signatures);
  }
};

Hash leaf_hash(ZoneId zone, Epoch epoch, const PayerLeaf& leaf);
Hash leaf_hash(ZoneId zone, Epoch epoch, const NodeLeaf& leaf);
MerkleTree tree_of(ZoneId zone, Epoch epoch, std::span<const PayerLeaf> leaves);
MerkleTree tree_of(ZoneId zone, Epoch epoch, std::span<const NodeLeaf> leaves);

// Fills totals, counts and roots from all leaves, which come in ascending order of payer and node.
// Both lists account for the same bytes.
void seal_report(VolumeReport& report, std::span<const PayerLeaf> payers,
                 std::span<const NodeLeaf> nodes);
// Errc::bad_report unless the report is what seal_report makes of these leaves.
Result<void> check_report(const VolumeReport& report, std::span<const PayerLeaf> payers,
                          std::span<const NodeLeaf> nodes);

// The report inside, when more than two thirds of `registry` have signed it, each counted once.
// Errc::bad_report, Errc::bad_signature.
Result<VolumeReport> open_report(const SignedReport& report,
                                 std::span<const crypto::MachineKey> registry);

}  // namespace stratos::value
