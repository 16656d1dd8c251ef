// How this process reaches storage nodes: through memory when it runs them itself, else by TLS.
#pragma once
#include <map>
#include <memory>
#include <set>

#include "client/node_directory.hpp"
#include "net/rpc.hpp"

namespace stratos::cli {

class ProcessDialer final : public client::Dialer {
 public:
  ProcessDialer(Runtime& runtime, net::StreamSecurity& security, crypto::MachineKey self)
      : runtime_(runtime), security_(security), self_(self) {}

  struct Local {
    Runtime* runtime = nullptr;
    const net::Router* router = nullptr;
  };
  // Before the first dial; both outlive the channels.
  void add_local(const crypto::MachineKey& key, Local local) { locals_[key] = local; }

  std::unique_ptr<net::Channel> dial(const meta::NodeRecord& node) override;

  // On the runtime's executor: calls to these nodes fail from now on, as if the network were cut.
  void cut_off(std::set<NodeId> nodes) { *cut_ = std::move(nodes); }

 private:
  Runtime& runtime_;
  net::StreamSecurity& security_;
  crypto::MachineKey self_;
  std::map<crypto::MachineKey, Local> locals_;
  std::shared_ptr<std::set<NodeId>> cut_ = std::make_shared<std::set<NodeId>>();
};

}  // namespace stratos::cli
