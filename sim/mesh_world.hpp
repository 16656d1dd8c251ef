// MeshWorld: one meta node, storage nodes and clients on simulated machines, each with its own
// disk, clock and incarnations.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "client/mesh.hpp"
#include "client/object_client.hpp"
#include "io/faulty_file_system.hpp"
#include "meta/service.hpp"
#include "resource/node.hpp"
#include "sim/mesh_scenario.hpp"
#include "sim/sim_world.hpp"

namespace stratos::sim {

inline const std::string kMetaName = "meta";
constexpr std::string_view kStorageFolder = "/data/storage";
constexpr std::string_view kBackupFolder = "/backup";
constexpr std::string_view kMetaFolder = "/meta";
inline const std::string kBucket = "sim";

// A gateway's process: what its users' requests run on.
struct ClientProcess {
  ClientProcess(SimRuntime& runtime_in, const crypto::MachineKey& key);

  SimRuntime& runtime;
  metrics::Registry metrics;
  std::unique_ptr<net::StreamSecurity> security;
  std::unique_ptr<net::Channel> meta;
  std::unique_ptr<client::Dialer> dialer;
  std::unique_ptr<client::Mesh> mesh;
  std::unique_ptr<client::ObjectClient> objects;
  TaskGroup tasks;
};

class MeshWorld {
 public:
  enum class Role : std::uint8_t { meta, node, client };
  struct Machine {
    Machine(std::string name_in, Role role_in, std::uint64_t seed, crypto::MachineSigner key_in)
        : name(std::move(name_in)), role(role_in), disk(seed), key(std::move(key_in)) {}
    std::string name;
    Role role;
    io::FaultyFileSystem disk;
    crypto::MachineSigner key;  // of a node: not known before its first start
    ClockSkew skew;
    bool lost = false;          // for good
    bool rotten = false;        // its fragments count as lost
    bool joined = false;        // its process serves
    bool must_restore = false;  // its index is lost
    std::string problem;        // why the last start failed
    std::uint64_t disk_bytes = 4ULL << 30;
    std::uint64_t starts = 0;
  };

  MeshWorld(const Scenario& scenario, std::uint64_t seed);
  ~MeshWorld();

  SimWorld& world() { return world_; }
  const Scenario& scenario() const { return scenario_; }
  std::vector<std::unique_ptr<Machine>>& machines() { return machines_; }
  Machine& machine(const std::string& name);
  std::vector<Machine*> machines_of(Role role);
  // Called for every client that serves, now and after each of its starts.
  void on_client_ready(std::function<void(ClientProcess&)> fn);
  // One more storage node, which is to be started.
  Machine& add_node();
  void set_disk(Machine& machine, std::uint64_t size_bytes);
  // The process of a client that is up.
  ClientProcess& client(const std::string& name);
  const crypto::MachineKey& meta_key() { return machine(kMetaName).key.public_key(); }
  AccountId account() const { return account_; }
  // That the account begins with.
  static constexpr std::uint64_t kOzone = 1ULL << 60;
  // The largest order that any client signed under each limit.
  struct SignedOrder {
    meta::Limit limit;
    std::uint64_t bytes = 0;
  };
  using SignedOrders = std::map<std::pair<GrantId, std::uint64_t>, SignedOrder>;
  const SignedOrders& signed_orders() const { return signed_orders_; }

  // Starts the machine's process; one that cannot start tries again every second.
  void start(Machine& machine);
  // The process ends, and starts again after `pause` unless it is lost.
  void kill(Machine& machine, Duration pause);
  void cut_power(Machine& machine, Duration pause);
  // The power goes after that many more changes of its disk, in the middle of what it does.
  void cut_power_after(Machine& machine, std::uint64_t operations, Duration pause);
  // The index is gone; the meta node begins again with what its backup has.
  void lose_index(Duration pause);
  // The process ends and stays away.
  void stop(Machine& machine);
  bool all_joined() const;

  meta::Params params() const;
  resource::NodeOptions node_options() const;

 private:
  friend struct Boot;
  Machine& add(std::string name, Role role, Random& random);
  void crash(Machine& machine, Crash kind, Duration pause);
  void restart_later(Machine& machine, Duration pause);
  void start_client(Machine& machine, SimRuntime& runtime);
  void note_signed(const meta::Limit& limit, std::uint64_t bytes);

  Scenario scenario_;
  SimWorld world_;
  AccountId account_;
  std::unique_ptr<client::KeyRing> ring_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::map<std::string, ClientProcess*> clients_;
  SignedOrders signed_orders_;
  std::function<void(ClientProcess&)> client_ready_;
};

}  // namespace stratos::sim
