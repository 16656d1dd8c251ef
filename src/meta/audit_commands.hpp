// Verbs that keep the histories and scores of nodes, and the rows they use. Format:
// docs/formats/index.md; what scores are: docs/formats/score.md.
#pragma once
#include "meta/node_commands.hpp"
#include "meta/score.hpp"

namespace stratos::meta {

enum class AuditOutcome : std::uint8_t {
  passed = 1,
  failed = 2,     // a wrong answer, or the node says that it has not got it
  contained = 3,  // no answer in time: asked again later, never a failed audit by itself
  gone = 4,       // the index does not know the node to hold it any more
};

struct AuditResult {
  NodeId node;
  FragmentId fragment;
  std::uint64_t leaf = 0;
  AuditOutcome outcome{};
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.fragment);
    field(3, self.leaf);
    field(4, self.outcome);
  }
};
// Counts audits in the histories of their nodes. A passed, failed or contained one counts only
// while the index knows the node to hold the fragment. A node that fails again and again is
// suspended, a suspended one that passes again and again comes back.
// Errc::too_large, Errc::invalid_argument, Errc::no_such_node.
struct RecordAudits {
  static constexpr Verb kVerb = Verb::record_audits;
  static constexpr std::size_t kMax = 256;
  using Reply = Nothing;
  std::vector<AuditResult> results;
  static void fields(auto& self, auto&& field) { field(1, self.results); }
};
// A challenge without an answer; at most kMaxContained of one node.
struct ContainedAudit {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t leaf = 0;
  WallTime since;
  std::uint64_t attempts = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.leaf);
    field(2, self.since);
    field(3, self.attempts);
  }
};
constexpr std::size_t kMaxContained = 16;

// What readers saw of a node in the last hour or so.
struct NodeService {
  static constexpr std::uint64_t kMaxCount = 1'000'000'000'000;  // of each number
  NodeId node;
  bool heard = false;          // the node speaks to the meta layer
  std::uint64_t reads = 0;     // of at most kSmallReadBytes
  std::uint64_t read_us = 0;   // their times to the first byte together
  std::uint64_t bulk_kib = 0;  // of larger reads
  std::uint64_t bulk_us = 0;   // their times together
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.heard);
    field(3, self.reads);
    field(4, self.read_us);
    field(5, self.bulk_kib);
    field(6, self.bulk_us);
  }
};
// Ordered once an hour for every node: adds what readers saw, counts the time, and gives every node
// its score. Suspends the long absent, and lets nodes come back that were absent and hold nothing.
// Errc::too_large, Errc::no_such_node, Errc::invalid_argument unless nodes ascend.
struct ScoreNodes {
  static constexpr Verb kVerb = Verb::score_nodes;
  static constexpr std::size_t kMax = 256;
  using Reply = Nothing;
  std::vector<NodeService> nodes;
  static void fields(auto& self, auto&& field) { field(1, self.nodes); }
};

// An operator lets a suspended node come back. Its history stays, and so does its score.
// Errc::no_such_node, Errc::precondition_failed unless it is suspended.
struct ReinstateNode {
  static constexpr Verb kVerb = Verb::reinstate_node;
  using Reply = Nothing;
  NodeId node;
  static void fields(auto& self, auto&& field) { field(1, self.node); }
};

// Every node's score now, with what it is made of.
struct GetScores {
  static constexpr std::string_view kPath = "scores";
  struct Node {
    NodeId node;
    Score score;
    SuspensionCause suspended_for = SuspensionCause::none;
    std::uint64_t passed_since = 0;  // of kPassesToReturn, while suspended
    std::uint64_t contained = 0;     // challenges without an answer now
    std::uint64_t weight = 0;        // in placement
    static void fields(auto& self, auto&& field) {
      field(1, self.node);
      field(2, self.score);
      field(3, self.suspended_for);
      field(4, self.passed_since);
      field(5, self.contained);
      field(6, self.weight);
    }
  };
  struct Reply {
    std::vector<Node> nodes;  // by id
    static void fields(auto& self, auto&& field) { field(1, self.nodes); }
  };
  static void fields(auto&, auto&&) {}
};

}  // namespace stratos::meta
