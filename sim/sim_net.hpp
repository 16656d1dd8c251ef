// The simulated network: streams between named nodes over links with latency, bandwidth and faults.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "runtime/runtime.hpp"

namespace stratos::sim {

class Connection;
class SimRuntime;
class SimWorld;
struct PortState;

// One direction between two nodes.
struct Link {
  Duration min_latency = 100us;
  Duration max_latency = 1ms;
  std::uint64_t bytes_per_second = 0;  // of each connection; 0: no limit
};

// Belongs to the world. Addresses are "node:port"; a node may call itself "", "localhost" or
// "127.0.0.1". Streams are never corrupted or reordered: they are late, stall, or end.
class SimNetwork {
 public:
  SimNetwork(SimWorld& world, std::uint64_t seed);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  void set_default_link(Link link) { default_link_ = link; }
  void set_link(const std::string& from, const std::string& to, Link link);
  // What is under way from one to the other stalls, and resumes on heal().
  void cut(const std::string& from, const std::string& to);
  void heal(const std::string& from, const std::string& to);
  // Both ways between every node of one side and every node of the other.
  void partition(const std::vector<std::string>& side, const std::vector<std::string>& other);
  void heal_all();
  // Connection attempts are refused, whoever listens.
  void refuse(const std::string& from, const std::string& to, bool refused);
  // Ends all connections between two nodes with Errc::connection_lost on both sides.
  void reset_connections(const std::string& one, const std::string& other);
  // One read in `one_in` gets less than is there; 0 turns it off. 8 by default.
  void set_short_reads(std::uint64_t one_in) { short_reads_ = one_in; }
  std::size_t connections() const { return connections_.size(); }

  // For the world.
  void node_up(const std::string& name);
  void node_down(const std::string& name, bool silent);
  void clear();

  // For connections and the nodes' Net.
  SimWorld& world() { return world_; }
  Link link(const std::string& from, const std::string& to) const;
  Duration draw_latency(const std::string& from, const std::string& to);
  bool passes(const std::string& from, const std::string& to) const;
  bool refuses(const std::string& from, const std::string& to) const;
  std::size_t read_size(std::size_t available);
  std::shared_ptr<Connection> dial(SimRuntime& from, const std::string& to, std::uint16_t port);
  void retire(std::uint64_t id) { connections_.erase(id); }
  // Nullptr when the node is down or nobody listens there.
  std::shared_ptr<PortState> port(const std::string& node, std::uint16_t port) const;
  Result<std::shared_ptr<PortState>> open_port(SimRuntime& runtime, std::uint16_t port);
  void close_port(const std::string& node, std::uint16_t port);

 private:
  using Pair = std::pair<std::string, std::string>;

  void resume(const std::string& from, const std::string& to);

  SimWorld& world_;
  SeededRandom random_;
  Link default_link_;
  std::map<Pair, Link> links_;
  std::set<Pair> cuts_;
  std::set<Pair> refused_;
  std::set<std::string> silent_;
  std::map<std::pair<std::string, std::uint16_t>, std::shared_ptr<PortState>> ports_;
  std::map<std::string, std::uint16_t> next_port_;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::uint64_t next_connection_ = 0;
  std::uint64_t short_reads_ = 8;
};

// The Net of one incarnation.
std::unique_ptr<Net> make_sim_net(SimNetwork& network, SimRuntime& runtime);

}  // namespace stratos::sim
