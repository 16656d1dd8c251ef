// Scenario: what one simulated run of a whole mesh is made of. Read from TOML; those of
// sim/scenarios are compiled in.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace stratos::sim {

using Milliseconds = std::chrono::milliseconds;
// Names with how often each is drawn.
using Weights = std::map<std::string, std::uint64_t>;

struct Topology {
  std::uint32_t nodes = 6;
  std::uint32_t clients = 1;
  std::uint8_t k = 2;
  std::uint8_t m = 2;
  std::uint8_t copies = 3;
  // Nodes that come after the workload. The disks of the others shrink then until what they hold
  // fills so much of them, in percent; the new ones have as much.
  std::uint32_t late_nodes = 0;
  std::uint32_t percent_full = 80;
  std::uint64_t reserve_bytes = 1 << 20;                 // of each node's disk, for its index
  std::uint64_t repair_bytes_per_second = 256ULL << 20;  // that repair and balance may read
};

// The network's and the nodes' times; short ones run out within a run.
struct Times {
  Milliseconds lease{24h};
  Milliseconds grace{1h};
  Milliseconds trash{24h};
  Milliseconds lease_margin{1h};
  Milliseconds orphan{24h};
  Milliseconds epoch{10min};
  Milliseconds settle_open{0};  // 0: the usual time
  Milliseconds settle_close{0};
  Milliseconds repair_after{15s};  // of a node's silence
  Milliseconds scrub_within{60s};
  Milliseconds backup{0};        // of the index, between two steps; 0: none
  Milliseconds storage_term{0};  // that a write pays; 0: kept without an end
  Milliseconds storage_grace{0};
  Milliseconds storage_warning{0};
};

struct WorkloadPlan {
  std::uint32_t workers = 3;  // of each client
  Milliseconds pause{200};    // between two operations of one worker, on average
  std::uint32_t keys = 16;
  Weights operations{{"put", 4}, {"get", 4}};
  // "empty", "inline", "replicated", "coded", "large"
  Weights sizes{{"empty", 1}, {"inline", 3}, {"replicated", 3}, {"coded", 2}};
  std::uint64_t segment_max_bytes = 64ULL << 20;
  Milliseconds node_timeout{3000};
};

struct FaultPlan {
  Milliseconds interval{0};  // on average; 0: no faults
  Milliseconds shortest{200};
  Milliseconds longest{6000};
  Weights kinds;
  // Nodes whose fragments may be lost. Together at most what a write quorum can spare.
  std::uint32_t rotten_nodes = 0;
  std::uint32_t lost_nodes = 0;
};

// Breaks the product on purpose: a run with it must fail.
enum class Sabotage : std::uint8_t {
  none,
  ignored_syncs,  // acknowledges before data is durable
  wrong_reads,    // now and then a read gives one wrong bit
  lost_drops,     // nodes never free what nothing refers to
  unseen_orders,  // clients owe for orders that nobody saw them sign
  no_renewal,     // nobody pays on what is to stay
};

struct Scenario {
  std::string name;
  std::string summary;
  Milliseconds duration{30'000};  // of the workload
  Milliseconds settle{0};         // quiet time before the checks, beside what recovery needs
  Topology topology;
  Times times;
  WorkloadPlan workload;
  FaultPlan faults;
  bool strict = false;                            // no operation may fail
  std::uint64_t flush_after_bytes = 64ULL << 20;  // of the index: small values trim the log
  bool backup_on_nodes = false;                   // else in a folder
  Sabotage sabotage = Sabotage::none;
};

// Errc::bad_config names the line or the key.
Result<Scenario> parse_scenario(std::string_view toml);
// Those compiled in, by name.
const std::vector<Scenario>& scenarios();
// Errc::not_found.
Result<Scenario> find_scenario(std::string_view name);

}  // namespace stratos::sim
