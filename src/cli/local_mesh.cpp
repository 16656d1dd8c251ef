#include "cli/local_mesh.hpp"

#include <unistd.h>

#include "base/log.hpp"
#include "cli/child_process.hpp"
#include "cli/gateway_host.hpp"
#include "cli/key_ring_files.hpp"
#include "cli/meta_host.hpp"
#include "cli/node_host.hpp"
#include "cli/ops_server.hpp"
#include "meta/meta_client.hpp"
#include "resource/node.hpp"
#include "resource/node_key.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::cli {
namespace {

constexpr std::size_t kPoolThreads = 4;
constexpr Duration kNodesReadyTimeout = 20s;
constexpr std::string_view kVirtualHost = "s3.localhost";

class Mesh final : public LocalMesh {
 public:
  Mesh(io::FileSystem& fs, MeshFolder folder, LocalMeshOptions options)
      : fs_(fs), folder_(std::move(folder)), options_(std::move(options)) {}
  ~Mesh() override { stop(); }

  Result<void> open();
  std::string s3_endpoint() const override { return "http://" + gateway_->address(); }
  std::string ops_endpoint() const override { return "http://" + ops_server_->address(); }
  std::string virtual_host() const override { return std::string(kVirtualHost); }
  const MeshSettings& settings() const override { return settings_; }
  const std::vector<MeshAccount>& accounts() const override { return accounts_; }
  std::vector<RunningNode> nodes() const override;
  std::vector<std::string> warnings() const override;
  void cut_off(const std::vector<NodeId>& nodes) override;
  void follow_clock() override;
  void reap() override;
  void stop() override;

 private:
  Result<void> open_meta();
  Result<void> open_nodes();
  Result<void> open_node_here(std::uint32_t number);
  Result<void> open_node_process(std::uint32_t number);
  Result<void> open_ring(bool is_new);
  Result<void> open_accounts(AccountId& payer);
  Result<void> open_gateway(AccountId payer);
  Result<void> open_ops();
  Result<void> wait_for_nodes();
  std::unique_ptr<net::Channel> meta_channel(Runtime& caller, const crypto::MachineKey& self);
  template <class Command>
  Result<void> ensure(meta::MetaClient& client, const Command& command);
  OpsHandler::Readiness readiness();

  io::FileSystem& fs_;
  MeshFolder folder_;
  LocalMeshOptions options_;
  MeshSettings settings_;
  std::vector<MeshAccount> accounts_;
  std::unique_ptr<io::FolderLock> lock_;
  SystemRandom random_;
  std::optional<client::KeyRing> ring_;
  metrics::Registry metrics_;

  // Everything below is torn down in reverse by stop().
  BlockingPool pool_{kPoolThreads};
  RealRuntime meta_runtime_{pool_, "meta"};
  RealRuntime nodes_runtime_{pool_, "nodes"};
  RealRuntime gateway_runtime_{pool_, "gateway"};
  RealRuntime hashing_runtime_{pool_, "hashing"};
  std::optional<crypto::MachineSigner> gateway_key_;
  std::unique_ptr<net::StreamSecurity> gateway_security_;
  std::unique_ptr<MetaHost> meta_;
  std::vector<std::unique_ptr<NodeHost>> nodes_;
  std::vector<ChildProcess> children_;
  std::unique_ptr<ProcessDialer> dialer_;
  std::unique_ptr<GatewayHost> gateway_;
  std::unique_ptr<OpsHandler> ops_;
  std::unique_ptr<http::Server> ops_server_;
  std::vector<std::string> warnings_;
  bool stopped_ = false;
};

Result<void> Mesh::open() {
  STRATOS_CHECK(fs_.make_dirs(folder_.path()));
  STRATOS_TRY(lock_, fs_.lock(folder_.path()));
  const bool is_new = !folder_.stored_settings();
  STRATOS_TRY(settings_, folder_.settings(options_.settings));
  const std::chrono::milliseconds wanted = std::chrono::seconds(options_.clock_ahead_seconds);
  STRATOS_CHECK(folder_.set_clock_ahead(wanted));
  follow_clock();
  STRATOS_CHECK(open_meta());
  STRATOS_CHECK(open_nodes());
  AccountId payer;
  STRATOS_CHECK(open_ring(is_new));
  STRATOS_CHECK(open_accounts(payer));
  STRATOS_CHECK(open_gateway(payer));
  STRATOS_CHECK(open_ops());
  STRATOS_CHECK(wait_for_nodes());
  MeshRun run;
  run.pid = ::getpid();
  run.s3_endpoint = s3_endpoint();
  run.meta_endpoint = meta_->address();
  run.meta_key = meta_->key().hex();
  run.ops_endpoint = ops_endpoint();
  return folder_.store_run(run);
}

Result<void> Mesh::open_meta() {
  STRATOS_TRY(gateway_key_, folder_.machine_key("gateway", random_));
  STRATOS_TRY(meta_, block_on(meta_runtime_, MetaHost::start(meta_runtime_, fs_, folder_, settings_,
                                                             metrics_, options_.meta)));
  return {};
}

std::unique_ptr<net::Channel> Mesh::meta_channel(Runtime& caller, const crypto::MachineKey& self) {
  return net::make_loopback_channel(caller, meta_runtime_, meta_->router(), self);
}

Result<void> Mesh::open_nodes() {
  for (std::uint32_t number = 1; number <= settings_.nodes; ++number) {
    STRATOS_CHECK(options_.processes ? open_node_process(number) : open_node_here(number));
  }
  return {};
}

Result<void> Mesh::open_node_here(std::uint32_t number) {
  STRATOS_TRY(crypto::MachineSigner key,
              resource::load_node_key(fs_, folder_.node_path(number), random_));
  NodeHostOptions options;
  options.folder = folder_.node_path(number);
  options.scrub_within_seconds = options_.scrub_within_seconds;
  options.capacity_bytes = options_.capacity_bytes;
  auto channel = meta_channel(nodes_runtime_, key.public_key());
  STRATOS_TRY(
      std::unique_ptr<NodeHost> node,
      block_on(nodes_runtime_, NodeHost::start(nodes_runtime_, fs_, std::move(channel),
                                               std::move(key), metrics_, std::move(options))));
  nodes_.push_back(std::move(node));
  return {};
}

Result<void> Mesh::open_node_process(std::uint32_t number) {
  // The child finds the meta node in run.json.
  if (number == 1) {
    MeshRun run;
    run.pid = ::getpid();
    run.meta_endpoint = meta_->address();
    run.meta_key = meta_->key().hex();
    STRATOS_CHECK(folder_.store_run(run));
  }
  const std::string id = "n" + std::to_string(number);
  STRATOS_TRY(
      ChildProcess child,
      ChildProcess::start(id, {options_.program, "node", "start", id, "--dir", folder_.path(),
                               "--scrub-within", std::to_string(options_.scrub_within_seconds),
                               "--capacity", std::to_string(options_.capacity_bytes)}));
  children_.push_back(std::move(child));
  return {};
}

template <class Command>
Result<void> Mesh::ensure(meta::MetaClient& client, const Command& command) {
  const auto run = [](meta::MetaClient* to, Command what) -> Task<Result<typename Command::Reply>> {
    co_return co_await to->execute(what);
  };
  const auto done = block_on(gateway_runtime_, run(&client, command));
  if (!done && done.error().code() != Errc::already_exists) return fail(done.error());
  return {};
}

// A mesh that holds data never gets a new ring by itself: that would make the data unreadable.
Result<void> Mesh::open_ring(bool is_new) {
  KeyRingFiles files(fs_, folder_.path() + "/gateway");
  Result<client::KeyRing> ring = files.open();
  if (!ring && ring.error().code() == Errc::file_not_found && is_new) {
    ring = files.create(random_);
  }
  if (!ring) {
    return fail(ring.error().code(),
                "the gateway's key ring cannot be opened; bring a copy back "
                "with: stratos keyring import FILE",
                ring.error());
  }
  if (!files.has_verified_export(*ring)) {
    warnings_.push_back("the key ring " + ring->name() +
                        " has no verified copy; without the ring "
                        "nothing can be read again: stratos keyring export FILE");
  }
  ring_ = std::move(*ring);
  return {};
}

Result<void> Mesh::open_accounts(AccountId& payer) {
  const auto channel = meta_channel(gateway_runtime_, gateway_key_->public_key());
  meta::MetaClient client(gateway_runtime_, *channel);
  const std::vector<MeshAccount> stored = folder_.accounts().value_or(std::vector<MeshAccount>());
  for (std::uint32_t number = 1; number <= settings_.accounts; ++number) {
    const std::string name = "account-" + std::to_string(number);
    STRATOS_TRY(const crypto::MachineSigner seed, folder_.machine_key(name, random_));
    STRATOS_TRY(const crypto::AccountSigner signer, crypto::AccountSigner::from(seed.seed()));
    MeshAccount account;
    account.name = number == 1 ? "dev" : "dev" + std::to_string(number);
    account.address = crypto::to_checksum_address(signer.address());
    account.access_key = access_key_of(signer.address());
    const auto kept = std::ranges::find(stored, account.name, &MeshAccount::name);
    if (kept != stored.end()) account.access_key = kept->access_key;
    account.secret_key = ring_->s3_secret(account.access_key);
    meta::CreateAccount create;
    create.account = signer.address();
    create.name = account.name;
    create.ozone_noz = options_.account_noz;
    STRATOS_CHECK(ensure(client, create));
    meta::CreateAccessKey key;
    key.access_key = account.access_key;
    key.account = signer.address();
    // One that is stored was made before, and may have been deleted since.
    if (kept == stored.end()) STRATOS_CHECK(ensure(client, key));
    if (number == 1) payer = signer.address();
    accounts_.push_back(std::move(account));
  }
  return folder_.store_accounts(accounts_);
}

Result<void> Mesh::open_gateway(AccountId payer) {
  gateway_security_ = net::make_tls_security(gateway_runtime_, *gateway_key_);
  dialer_ = std::make_unique<ProcessDialer>(gateway_runtime_, *gateway_security_,
                                            gateway_key_->public_key());
  for (const auto& node : nodes_) {
    ProcessDialer::Local local;
    local.runtime = &nodes_runtime_;
    local.router = &node->router();
    dialer_->add_local(node->key(), local);
  }
  GatewayHostOptions options;
  options.address = options_.s3_address;
  options.region = settings_.region;
  options.virtual_host = kVirtualHost;
  options.payer = payer;
  options.day = std::chrono::seconds(options_.day_seconds);
  options.webhooks = options_.webhooks;
  options.hashing = &hashing_runtime_;
  auto channel = meta_channel(gateway_runtime_, gateway_key_->public_key());
  STRATOS_TRY(gateway_, block_on(gateway_runtime_,
                                 GatewayHost::start(gateway_runtime_, std::move(channel), *dialer_,
                                                    *ring_, metrics_, std::move(options))));
  return {};
}

Result<void> Mesh::open_ops() {
  ops_ = std::make_unique<OpsHandler>(metrics_, [this] { return readiness(); });
  http::ServerOptions options;
  options.metrics = &metrics_;
  options.name = "ops";
  STRATOS_TRY(ops_server_, http::Server::start(gateway_runtime_, options_.ops_address, *ops_,
                                               std::move(options)));
  return {};
}

OpsHandler::Readiness Mesh::readiness() {
  OpsHandler::Readiness readiness;
  readiness.warnings = warnings_;
  if (metrics_.gauge("stratos_zone_drops_paused").value() != 0) {
    readiness.warnings.emplace_back("the index was restored and nodes drop nothing: " +
                                    std::string("stratos meta resume"));
  }
  const bool fails = metrics_.gauge("stratos_backup_failures_count").value() != 0 ||
                     metrics_.gauge("stratos_backup_age_seconds").value() > kOldBackupSeconds;
  if (fails) readiness.warnings.emplace_back("the index is not backed up: stratos meta health");
  if (stopped_) readiness.reasons.emplace_back("stopping");
  return readiness;
}

// A node counts once the index has registered it and hears from it.
Result<void> Mesh::wait_for_nodes() {
  const auto count = [](meta::MetaClient* client) -> Task<Result<meta::GetNodes::Reply>> {
    const meta::GetNodes query;
    co_return co_await client->query(query);
  };
  const auto channel = meta_channel(gateway_runtime_, gateway_key_->public_key());
  meta::MetaClient client(gateway_runtime_, *channel);
  const auto pause = [](Runtime* runtime) -> Task<void> { co_await runtime->sleep(20ms); };
  const MonotonicTime give_up = gateway_runtime_.now() + kNodesReadyTimeout;
  while (true) {
    STRATOS_TRY(const meta::GetNodes::Reply reply, block_on(gateway_runtime_, count(&client)));
    std::size_t up = 0;
    for (const meta::NodeRecord& node : reply.nodes) up += node.state == meta::NodeState::up;
    if (up >= settings_.nodes) return {};
    if (gateway_runtime_.now() > give_up) {
      return fail(Errc::unavailable,
                  std::to_string(up) + " of " + std::to_string(settings_.nodes) + " nodes came up");
    }
    reap();
    block_on(gateway_runtime_, pause(&gateway_runtime_));
  }
}

std::vector<RunningNode> Mesh::nodes() const {
  std::vector<RunningNode> list;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    RunningNode node;
    node.id = to_string(nodes_[i]->id());
    node.endpoint = nodes_[i]->address();
    node.dir = folder_.node_path(static_cast<std::uint32_t>(i + 1));
    node.pid = ::getpid();
    list.push_back(std::move(node));
  }
  for (const ChildProcess& child : children_) {
    RunningNode node;
    node.id = child.name();
    node.dir = folder_.path() + "/nodes/" + child.name();
    node.pid = child.pid();
    list.push_back(std::move(node));
  }
  return list;
}

std::vector<std::string> Mesh::warnings() const { return warnings_; }

void Mesh::cut_off(const std::vector<NodeId>& nodes) {
  const auto cut = [](ProcessDialer* dialer, std::set<NodeId> which) -> Task<void> {
    dialer->cut_off(std::move(which));
    co_return;
  };
  std::set<NodeId> which(nodes.begin(), nodes.end());
  block_on(gateway_runtime_, cut(dialer_.get(), std::move(which)));
}

void Mesh::follow_clock() {
  const auto ahead = folder_.clock_ahead();
  if (!ahead) return log::warn("mesh.clock", {{"error", ahead.error().to_string()}});
  for (RealRuntime* runtime : {&meta_runtime_, &nodes_runtime_, &gateway_runtime_}) {
    runtime->set_ahead(*ahead);
  }
}

void Mesh::reap() {
  for (ChildProcess& child : children_) child.reap();
}

void Mesh::stop() {
  if (stopped_) return;
  stopped_ = true;
  folder_.clear_run();
  const auto stop_server = [](http::Server* server) -> Task<void> {
    co_await server->stop(Duration(0));
  };
  if (gateway_) block_on(gateway_runtime_, gateway_->stop());
  if (ops_server_) block_on(gateway_runtime_, stop_server(ops_server_.get()));
  for (ChildProcess& child : children_) child.terminate();
  for (const auto& node : nodes_) block_on(nodes_runtime_, node->stop());
  for (ChildProcess& child : children_) child.join(2s);
  if (meta_) block_on(meta_runtime_, meta_->stop());
  gateway_runtime_.stop();
  hashing_runtime_.stop();
  nodes_runtime_.stop();
  meta_runtime_.stop();
}

}  // namespace

Result<std::unique_ptr<LocalMesh>> LocalMesh::start(io::FileSystem& fs, MeshFolder folder,
                                                    LocalMeshOptions options) {
  auto mesh = std::make_unique<Mesh>(fs, std::move(folder), std::move(options));
  STRATOS_CHECK(mesh->open());
  return mesh;
}

}  // namespace stratos::cli
