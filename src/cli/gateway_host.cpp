#include "cli/gateway_host.hpp"

#include "cli/file_limit.hpp"
#include "client/mesh.hpp"
#include "client/mesh_object_client.hpp"
#include "gateway/s3/lifecycle_sweeper.hpp"
#include "gateway/s3/notifier.hpp"
#include "gateway/s3/s3_service.hpp"
#include "runtime/task_group.hpp"

namespace stratos::cli {
namespace {

constexpr Duration kStopGrace = 2s;
constexpr int kSweepsPerDay = 24;
constexpr Duration kBodyTimeout = 30s;

class Host final : public GatewayHost {
 public:
  Host(Runtime& runtime, std::unique_ptr<net::Channel> meta, client::Dialer& dialer,
       client::KeyRing ring, metrics::Registry& metrics, GatewayHostOptions options)
      : meta_(std::move(meta)),
        mesh_(runtime, *meta_, dialer, std::move(ring), metrics, mesh_options(options)),
        objects_(client::make_object_client(mesh_)),
        notifier_(runtime, *objects_, metrics, notifier_options(options)),
        service_(runtime, *objects_, metrics, service_options(options, notifier_)),
        sweeper_(runtime, *objects_, metrics, lifecycle_options(options)),
        background_(runtime, "gateway") {}

  Result<void> listen(Runtime& runtime, const std::string& address, metrics::Registry& metrics) {
    http::ServerOptions options;
    options.metrics = &metrics;
    options.name = "s3";
    options.body_timeout = kBodyTimeout;
    options.max_connections = connections_within(raise_file_limit(), options.max_connections);
    STRATOS_TRY(server_, http::Server::start(runtime, address, service_, std::move(options)));
    background_.spawn(sweeper_.run());
    notifier_.start(background_);
    mesh_.keep_books();
    return {};
  }
  std::string address() const override { return server_->address(); }
  client::ObjectClient& objects() override { return *objects_; }
  Task<void> stop() override {
    if (server_) co_await server_->stop(kStopGrace);
    background_.cancel();
    co_await background_.join();
    co_await mesh_.stop();
  }

 private:
  static client::MeshOptions mesh_options(const GatewayHostOptions& options) {
    client::MeshOptions mesh;
    mesh.payer = options.payer;
    return mesh;
  }
  static gateway::s3::NotifierOptions notifier_options(const GatewayHostOptions& options) {
    gateway::s3::NotifierOptions notifier;
    notifier.webhooks = options.webhooks;
    notifier.region = options.region;
    return notifier;
  }
  static gateway::s3::ServiceOptions service_options(const GatewayHostOptions& options,
                                                     gateway::s3::Notifier& notifier) {
    gateway::s3::ServiceOptions service;
    service.region = options.region;
    service.hashing = options.hashing;
    service.base_domains.push_back(options.virtual_host);
    service.website_domains.push_back(options.website_host);
    service.lifecycle_day = options.day;
    service.notifier = &notifier;
    return service;
  }
  static gateway::s3::LifecycleOptions lifecycle_options(const GatewayHostOptions& options) {
    gateway::s3::LifecycleOptions lifecycle;
    lifecycle.day = options.day;
    lifecycle.pause = std::max<Duration>(options.day / kSweepsPerDay, 1s);
    return lifecycle;
  }

  std::unique_ptr<net::Channel> meta_;
  client::Mesh mesh_;
  std::unique_ptr<client::ObjectClient> objects_;
  gateway::s3::Notifier notifier_;
  gateway::s3::Service service_;
  gateway::s3::LifecycleSweeper sweeper_;
  TaskGroup background_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

Task<Result<std::unique_ptr<GatewayHost>>> GatewayHost::start(
    Runtime& runtime, std::unique_ptr<net::Channel> meta, client::Dialer& dialer,
    client::KeyRing ring, metrics::Registry& metrics, GatewayHostOptions options) {
  const std::string address = options.address;
  auto host = std::make_unique<Host>(runtime, std::move(meta), dialer, std::move(ring), metrics,
                                     std::move(options));
  STRATOS_CO_CHECK(host->listen(runtime, address, metrics));
  co_return std::unique_ptr<GatewayHost>(std::move(host));
}

}  // namespace stratos::cli
