// Commands about a zone as a whole: what a restore from a backup changes of it. Rules:
// docs/formats/backup.md.
#pragma once
#include "meta/commands.hpp"
#include "meta/state.hpp"

namespace stratos::meta {

// Ordered first after an index came from a backup. What the lost blocks had promised is void:
// grants get numbers that none of them can have used, and nodes drop nothing until an operator says
// so.
struct BeginGeneration {
  static constexpr Verb kVerb = Verb::begin_generation;
  struct Reply {
    Generation generation;
    static void fields(auto& self, auto&& field) { field(1, self.generation); }
  };
  bool scan = false;  // holders that the backup does not know of are to be found
  static void fields(auto& self, auto&& field) { field(1, self.scan); }
};
// More than the grants of any blocks that a backup may lack.
constexpr std::uint64_t kGrantsSkipped = 1ULL << 20;

// The operator has seen that the restored index is the right one.
struct ResumeDrops {
  static constexpr Verb kVerb = Verb::resume_drops;
  using Reply = Nothing;
  static void fields(auto&, auto&&) {}
};

// The operator says that every meta node runs a release that knows these; they count from the next
// block on. Errc::not_implemented for a name that this release does not know.
struct EnableFeatures {
  static constexpr Verb kVerb = Verb::enable_features;
  using Reply = Nothing;
  std::vector<std::string> names;
  static void fields(auto& self, auto&& field) { field(1, self.names); }
};

// From the next block on the last key of the chain takes the place of the one it leads back to.
// Only this comes, alone in its entry, from a key that is no meta node's yet.
// Errc::peer_not_trusted when no key of the chain is one.
struct RotateMetaKey {
  static constexpr Verb kVerb = Verb::rotate_meta_key;
  using Reply = Nothing;
  MetaKeyChain chain;
  static void fields(auto& self, auto&& field) { field(1, self.chain); }
};

// Makes the record of a segment say what nodes proved to hold. Each receipt takes the place of the
// holder that the record names for that fragment, whose root must be the same. Holders in `absent`
// said that they do not hold what the record says; they are taken off. No two holders share a
// failure domain after it. While drops pause a node may hold what placement would not give it: who
// chose it is lost. Errc::no_such_segment, Errc::stale_generation, Errc::hash_mismatch,
// Errc::bad_placement, Errc::invalid_argument, and what receipts are refused with.
struct AttachHolders {
  static constexpr Verb kVerb = Verb::attach_holders;
  using Reply = Nothing;
  SegmentId segment;
  Generation generation;
  std::vector<Receipt> receipts;  // one at least, for different fragments
  Bytes absent;                   // indexes of fragments
  static void fields(auto& self, auto&& field) {
    field(1, self.segment);
    field(2, self.generation);
    field(3, self.receipts);
    field(4, self.absent);
  }
};

struct ZoneState {
  Generation generation{1};  // grows by one with each restore
  bool drops_pause = false;
  bool scan_wanted = false;  // what nodes hold is compared with the index until drops resume
};
ZoneState zone_state(const State& state);

// The keys that may have signed a limit: those of now and those of before.
std::vector<crypto::MachineKey> limit_signers(const Params& params);
// The registry that a report is held against: a key that has signed it and was replaced since
// stands where its successor stands now.
std::vector<crypto::MachineKey> registry_of(const Params& params,
                                            std::span<const crypto::MachineKey> signers);
// The place in `meta_keys` whose key the chain goes on from; its size when there is none.
std::size_t seat_of(const MetaKeyChain& chain, std::span<const crypto::MachineKey> meta_keys);

}  // namespace stratos::meta
