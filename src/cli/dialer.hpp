// How this process reaches storage nodes: through memory when it runs them itself, else by TLS.
#pragma once
#include <map>

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

  std::unique_ptr<net::Channel> dial(const meta::NodeRecord& node) override {
    const auto local = locals_.find(node.key);
    if (local != locals_.end()) {
      return net::make_loopback_channel(runtime_, *local->second.runtime, *local->second.router,
                                        self_);
    }
    return net::make_remote_channel(runtime_, security_, node.endpoint, node.key, {});
  }

 private:
  Runtime& runtime_;
  net::StreamSecurity& security_;
  crypto::MachineKey self_;
  std::map<crypto::MachineKey, Local> locals_;
};

}  // namespace stratos::cli
