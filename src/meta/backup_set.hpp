// BackupSet: all copies that a meta node keeps of its index, each in a place of its own.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/metrics.hpp"
#include "meta/dialer.hpp"
#include "meta/index_backup.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {

// Lives on the meta node's runtime. References outlive it.
class BackupSet {
 public:
  struct Parts {
    Runtime& runtime;
    io::FileSystem& fs;
    const kv::Store& store;
    Dialer* dialer = nullptr;  // without it nothing is kept on nodes
    std::function<bool(NodeId)> is_heard;
    metrics::Registry& metrics;
  };
  BackupSet(Parts parts, std::string network, std::optional<BackupTarget> target);

  bool empty() const { return backups_.empty(); }
  // What blocks are to be applied to: `machine`, watched by each copy.
  ordering::StateMachine& watch(ordering::StateMachine& machine);
  // Once the log is open. Errc::folder_locked, Errc::bad_config when the folder holds more than the
  // index: then that is to be restored, not written over. What nodes and places elsewhere hold is
  // looked at once they are there.
  Task<Result<void>> open();
  void start(TaskGroup& tasks);
  // Writes what is new to every place, now; the first error, once all were tried.
  Task<Result<void>> step();
  // The last one of a meta node that stops; nodes may be gone already.
  Task<void> finish();
  BackupReply status() const;
  void show_metrics() const;

 private:
  struct Peer {
    std::string endpoint;
    crypto::MachineKey key;
    std::shared_ptr<ordering::BackupPlace> place;
  };
  std::vector<MeshPlace::Member> members(std::string_view name);
  std::vector<NodeId> ranked_for(const State& state, std::string_view name) const;
  std::shared_ptr<ordering::BackupPlace> place_on(const NodeRecord& node);

  Parts parts_;
  std::string network_;
  std::optional<BackupTarget> target_;
  std::vector<std::unique_ptr<IndexBackup>> backups_;  // each watches the machine of the one before
  std::map<NodeId, Peer> peers_;
};

}  // namespace stratos::meta
