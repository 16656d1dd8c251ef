// stratos dev: a whole mesh on this machine, in the foreground until Ctrl-C.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "cli/commands.hpp"
#include "cli/local_mesh.hpp"
#include "cli/proof.hpp"
#include "cli/storage_options.hpp"
#include "cli/webhook_options.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::cli {
namespace {

using nlohmann::json;

struct Arguments {
  LocalMeshOptions mesh;
  WebhookArguments webhooks;
  std::string profile = "4+2";
  bool reset = false;
  bool prove = false;
};

// "4+2"
Result<void> parse_profile(const std::string& text, MeshSettings& settings) {
  unsigned k = 0;
  unsigned m = 0;
  char extra = 0;
  constexpr unsigned kMost = 32;
  const int read = std::sscanf(text.c_str(), "%u+%u%c", &k, &m, &extra);
  if (read != 2 || k < 1 || k > kMost || m < 1 || m > kMost) {
    return fail(Errc::invalid_argument, "--profile K+M, each 1 to 32: " + text);
  }
  settings.k = static_cast<std::uint8_t>(k);
  settings.m = static_cast<std::uint8_t>(m);
  return {};
}

// Removes an earlier mesh; refuses a folder that is not one.
Result<void> reset(const std::string& dir) {
  std::error_code error;
  if (!std::filesystem::exists(dir)) return {};
  const bool is_mesh = std::filesystem::exists(dir + "/mesh.json");
  if (!is_mesh && !std::filesystem::is_empty(dir)) {
    return fail(Errc::invalid_argument, dir + " holds something else than a mesh");
  }
  if (const auto lock = io::real_file_system().lock(dir); !lock) return fail(lock.error());
  std::filesystem::remove_all(dir, error);
  if (error) return fail(Errc::io_error, dir + ": " + error.message());
  return {};
}

json ready_event(const LocalMesh& mesh) {
  json accounts = json::array();
  for (const MeshAccount& account : mesh.accounts()) {
    accounts.push_back({{"name", account.name},
                        {"address", account.address},
                        {"access_key", account.access_key},
                        {"secret_key", account.secret_key}});
  }
  json nodes = json::array();
  for (const RunningNode& node : mesh.nodes()) {
    nodes.push_back(
        {{"id", node.id}, {"endpoint", node.endpoint}, {"dir", node.dir}, {"pid", node.pid}});
  }
  return {{"event", "ready"},
          {"s3",
           {{"endpoint", mesh.s3_endpoint()},
            {"region", mesh.settings().region},
            {"virtual_host", mesh.virtual_host()}}},
          {"accounts", accounts},
          {"nodes", nodes},
          {"ops", mesh.ops_endpoint()},
          {"console", nullptr},
          {"rpc", nullptr}};
}

void print_ready(const LocalMesh& mesh, const std::string& dir) {
  const MeshAccount& account = mesh.accounts().front();
  const std::string endpoint = mesh.s3_endpoint();
  const std::string region = mesh.settings().region;
  print_line("Stratos is ready: " + std::to_string(mesh.nodes().size()) +
             " storage nodes, data in " + dir);
  print_line("");
  print_line("  S3 endpoint        " + endpoint);
  print_line("  region             " + region);
  print_line("  access key         " + account.access_key);
  print_line("  secret key         in " + dir + "/credentials.json and below");
  print_line("  health, metrics    " + mesh.ops_endpoint() + "/readyz  /metrics");
  print_line("");
  print_line("aws CLI:");
  print_line("  export AWS_ACCESS_KEY_ID=" + account.access_key +
             " AWS_SECRET_ACCESS_KEY=" + account.secret_key + " AWS_DEFAULT_REGION=" + region +
             " AWS_ENDPOINT_URL=" + endpoint);
  print_line("  aws --endpoint-url " + endpoint + " s3 mb s3://demo");
  print_line("");
  print_line("rclone:");
  print_line("  rclone lsd \":s3,provider=Other,endpoint='" + endpoint + "',region=" + region +
             ",env_auth=true:\"");
  print_line("");
  print_line("boto3:");
  print_line("  boto3.client('s3', endpoint_url='" + endpoint + "', region_name='" + region + "')");
  print_line("");
  print_line("JavaScript:");
  print_line("  new S3Client({endpoint: '" + endpoint + "', region: '" + region +
             "', forcePathStyle: true})");
  print_line("");
  print_line("stratos:");
  print_line("  stratos ls --dir " + dir + " ; stratos nodes --dir " + dir);
  print_line("");
  print_line("Ctrl-C stops the mesh; its data stays for the next start.");
  std::fflush(stdout);
}

Result<void> run(Session& session, Arguments& arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  SignalWaiter signals;
  STRATOS_CHECK(parse_profile(arguments.profile, arguments.mesh.settings));
  STRATOS_TRY(arguments.mesh.webhooks, load_webhooks(arguments.webhooks));
  if (arguments.reset) STRATOS_CHECK(reset(session.dir));
  arguments.mesh.program = session.program;
  STRATOS_TRY(const auto mesh, LocalMesh::start(io::real_file_system(), session.folder(),
                                                std::move(arguments.mesh)));
  for (const std::string& warning : mesh->warnings())
    log::warn("mesh.warning", {{"text", warning}});
  if (arguments.prove) STRATOS_CHECK(prove(*mesh, session));
  if (session.output.json)
    print_json(ready_event(*mesh));
  else
    print_ready(*mesh, session.dir);
  while (signals.wait(500ms) == 0) {
    mesh->reap();
    mesh->follow_clock();
  }
  log::info("mesh.stopping");
  mesh->stop();
  return {};
}

}  // namespace

void add_dev_command(CLI::App& app, Session& session) {
  CLI::App& dev = *app.add_subcommand("dev", "Run a whole mesh on this machine");
  auto arguments = std::make_shared<Arguments>();
  MeshSettings& settings = arguments->mesh.settings;
  dev.add_option("--nodes", settings.nodes, "Storage nodes")->check(CLI::Range(1, 256));
  dev.add_option("--profile", arguments->profile, "Data + parity fragments, such as 4+2");
  dev.add_option("--accounts", settings.accounts, "Accounts with keys of their own")
      ->check(CLI::Range(1, 1000));
  dev.add_option("--epoch", settings.epoch_seconds,
                 "Seconds of an epoch of a new mesh; short ones are settled soon")
      ->check(CLI::Range(2, 24 * 3600));
  add_storage_options(dev, settings.storage);
  dev.add_option("--ozone", arguments->mesh.account_noz, "Prepaid ozone of new accounts, in noz");
  dev.add_option("--clock-ahead", arguments->mesh.clock_ahead_seconds,
                 "How far the mesh's clock is ahead of this machine's, such as 40d")
      ->transform(time_with_unit());
  dev.add_option("--s3", arguments->mesh.s3_address, "S3 endpoint, HOST:PORT; port 0 picks one");
  dev.add_option("--ops", arguments->mesh.ops_address, "Health and metrics, HOST:PORT");
  add_meta_options(dev, arguments->mesh.meta);
  dev.add_option("--scrub-within", arguments->mesh.scrub_within_seconds,
                 "Seconds in which every node reads and checks all it holds")
      ->check(CLI::PositiveNumber);
  dev.add_option("--day", arguments->mesh.day_seconds,
                 "Seconds that lifecycle rules call a day; fewer to see them act")
      ->check(CLI::PositiveNumber);
  add_webhook_options(dev, arguments->webhooks);
  dev.add_option("--capacity", arguments->mesh.capacity_bytes,
                 "Bytes that each storage node may take, such as 100GiB; 0: what the disk has")
      ->transform(CLI::AsSizeValue(false));
  dev.add_flag("--processes", arguments->mesh.processes, "Each storage node in its own process");
  dev.add_flag("--reset", arguments->reset, "Remove an earlier mesh of this folder first");
  dev.add_flag("--prove", arguments->prove, "Store a file, cut two nodes off, read it back");
  on_chosen(dev, session, [&session, arguments] { return run(session, *arguments); });
}

}  // namespace stratos::cli
