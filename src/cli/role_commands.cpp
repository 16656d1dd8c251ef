// stratos meta start, stratos node start ID, stratos gateway start: one role each, in the
// foreground.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "cli/admin_session.hpp"
#include "cli/commands.hpp"
#include "cli/gateway_host.hpp"
#include "cli/key_ring_files.hpp"
#include "cli/meta_host.hpp"
#include "cli/meta_identity.hpp"
#include "cli/node_host.hpp"
#include "cli/storage_options.hpp"
#include "cli/webhook_options.hpp"
#include "resource/node.hpp"
#include "resource/node_key.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::cli {
namespace {

constexpr std::size_t kPoolThreads = 4;

// The process around one role: its threads and metrics.
struct RoleProcess {
  explicit RoleProcess(const std::string& name) : runtime(pool, name) {
    std::signal(SIGPIPE, SIG_IGN);
  }
  SignalWaiter signals;
  metrics::Registry metrics;
  BlockingPool pool{kPoolThreads};
  RealRuntime runtime;
};

// As far ahead as the mesh's folder says.
Result<void> set_clock(RoleProcess& process, const MeshFolder& folder) {
  STRATOS_TRY(const std::chrono::milliseconds ahead, folder.clock_ahead());
  process.runtime.set_ahead(ahead);
  return {};
}

// Until a signal comes.
void serve(RoleProcess& process, const MeshFolder& folder) {
  while (process.signals.wait(500ms) == 0) {
    const auto set = set_clock(process, folder);
    if (!set) log::warn("mesh.clock", {{"error", set.error().to_string()}});
  }
}

// The mesh's meta node, over TLS as this machine.
struct MetaLink {
  std::unique_ptr<net::StreamSecurity> security;
  std::unique_ptr<net::Channel> channel;
};
Result<MetaLink> link_to_meta(Runtime& runtime, const MeshFolder& folder,
                              const crypto::MachineSigner& key) {
  STRATOS_TRY(const MeshRun run, folder.run());
  STRATOS_TRY(const crypto::MachineKey meta_key, crypto::MachineKey::from_hex_text(run.meta_key));
  MetaLink link;
  link.security = net::make_tls_security(runtime, key);
  link.channel = net::make_remote_channel(runtime, *link.security, run.meta_endpoint, meta_key, {});
  return link;
}

void say_started(const Session& session, const std::string& role, const std::string& address) {
  if (session.output.json) {
    print_json({{"event", "ready"}, {"role", role}, {"endpoint", address}, {"pid", ::getpid()}});
  } else {
    log::info("role.ready", {{"role", role}, {"endpoint", address}});
  }
}

// "n3" or "3"
Result<std::uint32_t> parse_node_number(std::string_view id) {
  if (id.starts_with('n')) id.remove_prefix(1);
  std::uint32_t number = 0;
  for (char c : id) {
    if (c < '0' || c > '9' || number > 10'000) return fail(Errc::invalid_argument, "node id");
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (number == 0) return fail(Errc::invalid_argument, "node ids are n1, n2, ...");
  return number;
}

Result<void> start_node(const Session& session, const std::string& id, NodeHostOptions options,
                        const std::vector<std::string>& labels) {
  STRATOS_TRY(const std::uint32_t number, parse_node_number(id));
  for (const std::string& text : labels) {
    STRATOS_TRY(meta::Label label, meta::parse_label(text));
    options.labels.push_back(std::move(label));
  }
  RoleProcess process("node");
  MeshFolder folder = session.folder();
  STRATOS_CHECK(set_clock(process, folder));
  SystemRandom random;
  STRATOS_TRY(crypto::MachineSigner key,
              resource::load_node_key(io::real_file_system(), folder.node_path(number), random));
  STRATOS_TRY(MetaLink link, link_to_meta(process.runtime, folder, key));
  options.folder = folder.node_path(number);
  STRATOS_TRY(const std::unique_ptr<NodeHost> node,
              block_on(process.runtime, NodeHost::start(process.runtime, io::real_file_system(),
                                                        std::move(link.channel), std::move(key),
                                                        process.metrics, std::move(options))));
  say_started(session, to_string(node->id()), node->address());
  serve(process, folder);
  block_on(process.runtime, node->stop());
  process.runtime.stop();
  return {};
}

Result<void> start_meta(const Session& session, const MeshSettings& wanted,
                        MetaHostOptions options) {
  RoleProcess process("meta");
  io::FileSystem& fs = io::real_file_system();
  MeshFolder folder = session.folder();
  STRATOS_CHECK(fs.make_dirs(folder.path()));
  STRATOS_TRY(const auto lock, fs.lock(folder.path()));
  STRATOS_TRY(const MeshSettings settings, folder.settings(wanted));
  STRATOS_CHECK(set_clock(process, folder));
  STRATOS_TRY(const std::unique_ptr<MetaHost> meta,
              block_on(process.runtime, MetaHost::start(process.runtime, fs, folder, settings,
                                                        process.metrics, options)));
  MeshRun run;
  run.pid = ::getpid();
  run.meta_endpoint = meta->address();
  run.meta_key = meta->key().hex();
  STRATOS_CHECK(folder.store_run(run));
  say_started(session, "meta", meta->address());
  serve(process, folder);
  folder.clear_run();
  block_on(process.runtime, meta->stop());
  process.runtime.stop();
  return {};
}

struct GatewayArguments {
  std::string address = "127.0.0.1:9000";
  std::uint32_t day_seconds = 24 * 3600;
  WebhookArguments webhooks;
};

Result<void> start_gateway(const Session& session, const GatewayArguments& arguments) {
  RoleProcess process("gateway");
  MeshFolder folder = session.folder();
  STRATOS_CHECK(set_clock(process, folder));
  SystemRandom random;
  STRATOS_TRY(const crypto::MachineSigner key, folder.machine_key("gateway", random));
  STRATOS_TRY(MetaLink link, link_to_meta(process.runtime, folder, key));
  STRATOS_TRY(const client::KeyRing ring,
              KeyRingFiles(io::real_file_system(), folder.path() + "/gateway").open());
  STRATOS_TRY(const std::vector<MeshAccount> accounts, folder.accounts());
  if (accounts.empty()) return fail(Errc::bad_config, "the mesh has no account");
  GatewayHostOptions options;
  options.address = arguments.address;
  STRATOS_TRY(options.webhooks, load_webhooks(arguments.webhooks));
  STRATOS_TRY(options.payer, crypto::parse_address(accounts[0].address));
  STRATOS_TRY(const MeshSettings settings, folder.stored_settings());
  options.region = settings.region;
  options.day = std::chrono::seconds(arguments.day_seconds);
  ProcessDialer dialer(process.runtime, *link.security, key.public_key());
  STRATOS_TRY(
      const std::unique_ptr<GatewayHost> gateway,
      block_on(process.runtime, GatewayHost::start(process.runtime, std::move(link.channel), dialer,
                                                   ring, process.metrics, std::move(options))));
  say_started(session, "gateway", gateway->address());
  serve(process, folder);
  block_on(process.runtime, gateway->stop());
  process.runtime.stop();
  return {};
}

Result<void> drain_node(const Session& session, const std::string& id, bool cancel) {
  STRATOS_TRY(const std::uint32_t number, parse_node_number(id));
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  STRATOS_TRY(const meta::GetNodes::Reply registry, admin->query(meta::GetNodes{}));
  const auto node = std::ranges::find(registry.nodes, NodeId(number), &meta::NodeRecord::id);
  if (node == registry.nodes.end()) return fail(Errc::no_such_node, id);
  const meta::NodeState from = cancel ? meta::NodeState::draining : meta::NodeState::up;
  const meta::NodeState to = cancel ? meta::NodeState::up : meta::NodeState::draining;
  if (node->state != from && node->state != to) {
    return fail(Errc::precondition_failed, id + " is " + std::string(name_of(node->state)));
  }
  meta::SetNodeState command;
  command.node = node->id;
  command.state = to;
  command.free_class = node->free_class;
  STRATOS_TRY([[maybe_unused]] const meta::Nothing done, admin->execute(command));
  if (session.output.json) {
    print_json({{"id", to_string(node->id)}, {"state", name_of(to)}});
  } else {
    print_line(to_string(node->id) + " is " + std::string(name_of(to)) +
               "; stratos nodes shows how much it still holds");
  }
  return {};
}

void add_drain_command(CLI::App& node, Session& session) {
  CLI::App& drain = *node.add_subcommand("drain", "Move everything off a storage node");
  auto id = std::make_shared<std::string>();
  auto cancel = std::make_shared<bool>(false);
  drain.add_option("id", *id, "n1, n2, ...")->required();
  drain.add_flag("--cancel", *cancel, "The node takes new data again");
  on_chosen(drain, session, [&session, id, cancel] { return drain_node(session, *id, *cancel); });
}

Result<void> reinstate_node(const Session& session, const std::string& id) {
  STRATOS_TRY(const std::uint32_t number, parse_node_number(id));
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  meta::ReinstateNode command;
  command.node = NodeId(number);
  STRATOS_TRY([[maybe_unused]] const meta::Nothing done, admin->execute(command));
  if (session.output.json) {
    print_json({{"id", to_string(command.node)}, {"state", name_of(meta::NodeState::up)}});
  } else {
    print_line(to_string(command.node) + " takes new data again; its history stays");
  }
  return {};
}

Result<void> rotate_key(const Session& session, const std::string& id) {
  STRATOS_TRY(const std::uint32_t number, parse_node_number(id));
  SystemRandom random;
  STRATOS_TRY(const crypto::MachineKey key,
              resource::rotate_node_key(io::real_file_system(), session.folder().node_path(number),
                                        random));
  if (session.output.json) {
    print_json({{"id", id}, {"key", key.hex()}});
  } else {
    print_line(id + " has the key " + key.hex() + " from its next start on");
  }
  return {};
}

void add_rotate_command(CLI::App& node, Session& session) {
  CLI::App& rotate =
      *node.add_subcommand("rotate-key", "Give a storage node that is stopped another key");
  auto id = std::make_shared<std::string>();
  rotate.add_option("id", *id, "n1, n2, ...")->required();
  on_chosen(rotate, session, [&session, id] { return rotate_key(session, *id); });
}

Result<void> rotate_meta(const Session& session) {
  SystemRandom random;
  MeshFolder folder = session.folder();
  STRATOS_TRY(const crypto::MachineKey key,
              rotate_meta_key(io::real_file_system(), folder, random));
  if (session.output.json) {
    print_json({{"key", key.hex()}});
  } else {
    print_line("The meta node has the key " + key.hex() + " from its next start on");
  }
  return {};
}

void add_reinstate_command(CLI::App& node, Session& session) {
  CLI::App& reinstate = *node.add_subcommand("reinstate", "Let a suspended storage node come back");
  auto id = std::make_shared<std::string>();
  reinstate.add_option("id", *id, "n1, n2, ...")->required();
  on_chosen(reinstate, session, [&session, id] { return reinstate_node(session, *id); });
}

}  // namespace

void add_meta_options(CLI::App& command, MetaHostOptions& options) {
  command.add_option("--repair-after", options.repair_after_seconds,
                     "Seconds of silence after which a node's fragments are made anew elsewhere");
  command.add_option("--backup", options.backups,
                     "Where a sealed copy of the index is kept: a folder, the URL of an S3 bucket, "
                     "https://HOST/BUCKET/PREFIX, or `nodes`; repeatable");
  command
      .add_option("--balance-above", options.balance_above_percent,
                  "Percent by which a node may be fuller than another; 100 moves nothing")
      ->check(CLI::Range(1U, 100U));
  command
      .add_option("--audits-per-day", options.audits_per_day,
                  "How often a day each storage node must prove what it holds")
      ->check(CLI::Range(meta::kLeastAuditsPerDay, 86'400U));
}

void add_role_commands(CLI::App& node, CLI::App& meta, CLI::App& gateway, Session& session) {
  CLI::App& node_start = *node.add_subcommand("start", "Run one storage node of a mesh");
  auto id = std::make_shared<std::string>();
  node_start.add_option("id", *id, "n1, n2, ...")->required();
  auto options = std::make_shared<NodeHostOptions>();
  node_start
      .add_option("--scrub-within", options->scrub_within_seconds,
                  "Seconds in which the node reads and checks all it holds")
      ->check(CLI::PositiveNumber);
  node_start
      .add_option("--capacity", options->capacity_bytes,
                  "Bytes that the node's folder may take, such as 100GiB; 0: what the disk has")
      ->transform(CLI::AsSizeValue(false));
  auto labels = std::make_shared<std::vector<std::string>>();
  node_start.add_option("--label", *labels, "LEVEL=VALUE, such as operator=acme; repeatable")
      ->allow_extra_args(false);
  on_chosen(node_start, session, [&session, id, options, labels] {
    return start_node(session, *id, *options, *labels);
  });
  add_drain_command(node, session);
  add_reinstate_command(node, session);
  add_rotate_command(node, session);

  CLI::App& meta_start = *meta.add_subcommand("start", "Run the meta node of a mesh");
  auto meta_options = std::make_shared<MetaHostOptions>();
  auto settings = std::make_shared<MeshSettings>();
  add_meta_options(meta_start, *meta_options);
  add_storage_options(meta_start, settings->storage);
  on_chosen(meta_start, session, [&session, settings, meta_options] {
    return start_meta(session, *settings, *meta_options);
  });

  CLI::App& rotate_meta_command =
      *meta.add_subcommand("rotate-key", "Give the meta node of a stopped mesh another key");
  on_chosen(rotate_meta_command, session, [&session] { return rotate_meta(session); });

  CLI::App& gateway_start = *gateway.add_subcommand("start", "Run one more S3 gateway of a mesh");
  auto arguments = std::make_shared<GatewayArguments>();
  gateway_start.add_option("--s3", arguments->address, "HOST:PORT; port 0 picks one");
  gateway_start
      .add_option("--day", arguments->day_seconds, "Seconds that lifecycle rules call a day")
      ->check(CLI::PositiveNumber);
  add_webhook_options(gateway_start, arguments->webhooks);
  on_chosen(gateway_start, session,
            [&session, arguments] { return start_gateway(session, *arguments); });
}

}  // namespace stratos::cli
