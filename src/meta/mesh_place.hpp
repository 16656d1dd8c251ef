// A backup on the mesh itself: every file on three storage nodes in different failure domains.
// Nodes are not trusted: files are sealed, and what one does not give or spoils another has.
#pragma once
#include <map>
#include <set>

#include "base/ids.hpp"
#include "net/rpc.hpp"
#include "ordering/backup_place.hpp"

namespace stratos::meta {

constexpr std::size_t kBackupCopies = 3;

// The files of a backup on one node. Belongs to the channel's runtime.
class NodePlace final : public ordering::BackupPlace {
 public:
  NodePlace(std::string name, std::shared_ptr<net::Channel> channel)
      : name_(std::move(name)), channel_(std::move(channel)) {}

  std::string describe() const override { return name_; }
  bool is_trusted() const override { return false; }
  Task<Result<std::vector<std::string>>> list() override;
  Task<Result<void>> read(std::string name, Accept accept) override;
  Task<Result<void>> write(std::string name, Bytes file) override;
  Task<Result<void>> remove(std::string name) override;
  Task<Result<void>> tidy() override;

 private:
  std::string name_;
  std::shared_ptr<net::Channel> channel_;
  std::vector<std::string> removed_;  // with the next tidy()
};

// Which generation of the zone a file on a node belongs to; 0 for other names.
Generation backup_generation(std::string_view name);

// Files of one generation of the zone on many nodes.
class MeshPlace final : public ordering::BackupPlace {
 public:
  struct Member {
    NodeId node;
    std::shared_ptr<ordering::BackupPlace> place;
  };
  // Those who are to hold a file, in order of preference; for an empty name all that can be asked.
  using Choose = std::function<std::vector<Member>(std::string_view name)>;

  enum class Use : std::uint8_t { keep, restore };

  MeshPlace(Choose choose, Generation generation, Use use = Use::keep);
  std::string describe() const override { return "the storage nodes"; }
  bool is_trusted() const override { return false; }
  // Of those that answer. Errc::unavailable when nobody does; Errc::bad_config when there is a
  // backup of a later generation, which is to be kept from being written over.
  Task<Result<std::vector<std::string>>> list() override;
  Task<Result<void>> read(std::string name, Accept accept) override;
  // On kBackupCopies nodes; on two at least unless there is only one.
  Task<Result<void>> write(std::string name, Bytes file) override;
  Task<Result<void>> remove(std::string name) override;
  // What nodes hold of older generations goes too.
  Task<Result<void>> tidy() override;

 private:
  Choose choose_;
  std::string prefix_;
  Generation generation_;
  Use use_;
  std::map<std::string, std::vector<Member>> holders_;  // by the last list()
  std::map<NodeId, Member> touched_;                    // by remove(), since the last tidy()
};

// What all nodes that can be asked hold.
struct HeldGenerations {
  std::set<Generation> generations;
  std::size_t silent = 0;  // nodes that did not answer
};
Task<HeldGenerations> held_generations(MeshPlace::Choose nodes);

}  // namespace stratos::meta
