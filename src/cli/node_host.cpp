#include "cli/node_host.hpp"

#include "cli/dialer.hpp"
#include "resource/node.hpp"

namespace stratos::cli {
namespace {

constexpr Duration kJoinTimeout = 15s;

class Host final : public NodeHost {
 public:
  Host(Runtime& runtime, const crypto::MachineSigner& key)
      : security_(net::make_tls_security(runtime, key)),
        dialer_(runtime, *security_, key.public_key()) {}

  Task<Result<void>> open(Runtime& runtime, io::FileSystem& fs, std::unique_ptr<net::Channel> meta,
                          crypto::MachineSigner key, metrics::Registry& metrics,
                          NodeHostOptions options) {
    resource::NodeOptions node;
    node.folder = options.folder;
    node.storage.store.capacity_bytes = options.capacity_bytes;
    node.labels = options.labels;
    node.storage.store.reserve_bytes = options.reserve_bytes;
    node.storage.scrub_within = std::chrono::seconds(options.scrub_within_seconds);
    node.storage.dialer = &dialer_;
    STRATOS_CO_TRY(
        node_, co_await resource::StorageNode::open(runtime, fs, std::move(meta), std::move(key),
                                                    metrics, std::move(node)));
    // Fragments are encrypted and limits name their payer, so any machine may connect.
    const auto anyone = [](const crypto::MachineKey&) { return true; };
    net::ServerOptions serving;
    serving.metrics = &metrics;
    serving.name = "node";
    STRATOS_CO_TRY(server_, net::RpcServer::start(runtime, options.address, node_->router(),
                                                  *security_, anyone, std::move(serving)));
    co_return co_await node_->join(server_->address(), kJoinTimeout);
  }
  NodeId id() const override { return node_->id(); }
  std::string address() const override { return server_->address(); }
  const crypto::MachineKey& key() const override { return node_->key(); }
  const net::Router& router() const override { return node_->router(); }
  Task<void> stop() override {
    if (server_) co_await server_->stop();
    if (node_) co_await node_->stop();
  }

 private:
  std::unique_ptr<net::StreamSecurity> security_;
  ProcessDialer dialer_;
  std::unique_ptr<resource::StorageNode> node_;
  std::unique_ptr<net::RpcServer> server_;
};

}  // namespace

Task<Result<std::unique_ptr<NodeHost>>> NodeHost::start(Runtime& runtime, io::FileSystem& fs,
                                                        std::unique_ptr<net::Channel> meta,
                                                        crypto::MachineSigner key,
                                                        metrics::Registry& metrics,
                                                        NodeHostOptions options) {
  auto host = std::make_unique<Host>(runtime, key);
  const Result<void> opened = co_await host->open(runtime, fs, std::move(meta), std::move(key),
                                                  metrics, std::move(options));
  if (!opened) {
    co_await host->stop();
    co_return fail(opened.error());
  }
  co_return std::unique_ptr<NodeHost>(std::move(host));
}

}  // namespace stratos::cli
