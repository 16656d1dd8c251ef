#include "cli/dialer.hpp"

namespace stratos::cli {
namespace {

// Passes calls on unless the node is cut off.
class CuttableChannel final : public net::Channel {
 public:
  CuttableChannel(std::unique_ptr<net::Channel> below, NodeId node,
                  std::shared_ptr<const std::set<NodeId>> cut)
      : below_(std::move(below)), node_(node), cut_(std::move(cut)) {}

  Task<Result<net::Message>> call(std::uint16_t method, net::Message request,
                                  Duration timeout) override {
    if (cut_->contains(node_)) co_return fail(Errc::connection_refused, to_string(node_));
    co_return co_await below_->call(method, std::move(request), timeout);
  }

 private:
  std::unique_ptr<net::Channel> below_;
  NodeId node_;
  std::shared_ptr<const std::set<NodeId>> cut_;
};

}  // namespace

std::unique_ptr<net::Channel> ProcessDialer::dial(const meta::NodeRecord& node) {
  std::unique_ptr<net::Channel> channel;
  if (const auto local = locals_.find(node.key); local != locals_.end()) {
    channel =
        net::make_loopback_channel(runtime_, *local->second.runtime, *local->second.router, self_);
  } else {
    channel = net::make_remote_channel(runtime_, security_, node.endpoint, node.key, {});
  }
  return std::make_unique<CuttableChannel>(std::move(channel), node.id, cut_);
}

}  // namespace stratos::cli
