// Conformance: drives any state machine the way ordering drivers may, and says where it breaks the
// contract of StateMachine. For the tests of every module that has one.
#pragma once
#include <functional>
#include <memory>

#include "ordering/state_machine.hpp"

namespace stratos::ordering {

// What is driven. Entries of `blocks` must be admissible when their block is proposed.
struct ConformanceSubject {
  // Opens the machine on one storage, which survives between calls; the first time it is empty.
  // Only one machine of this storage lives at a time.
  std::function<std::unique_ptr<StateMachine>()> reopen;
  // A machine on empty storage of its own.
  std::function<std::unique_ptr<StateMachine>()> fresh;
  Genesis genesis;
  std::vector<std::vector<Bytes>> blocks;
  std::vector<Bytes> inadmissible;
  // False for a machine without snapshots: list_snapshots() then has to be empty.
  bool has_snapshots = true;
};

// Plays, block by block: admission (repeatable, without effect), building, checking twice, applying
// twice with equal results and nothing visible, a crash between apply and commit followed by
// replay, commit. Then compares with a machine that was driven without interruption, reopens after
// flush, and restores a snapshot into an empty machine. Errc::invalid_argument with what was
// violated.
Result<void> check_conformance(const ConformanceSubject& subject);

}  // namespace stratos::ordering
