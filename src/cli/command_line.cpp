#include "cli/command_line.hpp"

#include "cli/settings_file.hpp"

namespace stratos::cli {
namespace {

constexpr int kUsage = 2;

void add_global_options(CLI::App& app, Session& session) {
  app.set_version_flag("--version", STRATOS_VERSION);
  add_settings_file(app);
  session.dir = default_mesh_path();
  app.add_option("--dir", session.dir, "Folder of the mesh (STRATOS_DIR)")->envname("STRATOS_DIR");
  app.add_option("--account", session.account, "Account to act as; the first by default")
      ->envname("STRATOS_ACCOUNT");
  app.add_flag("--json", session.output.json, "Print data as JSON");
  app.add_flag("--quiet,-q", session.output.quiet, "Print no messages");
}

}  // namespace

std::unique_ptr<CLI::App> make_command_line(Session& session) {
  auto owner = std::make_unique<CLI::App>(
      "Stratos: storage, content delivery, database and computing on many machines");
  CLI::App& app = *owner;
  app.require_subcommand(1);
  app.fallthrough();
  add_global_options(app, session);
  add_dev_command(app, session);
  CLI::App& node = *app.add_subcommand("node", "A storage node")->require_subcommand(1);
  CLI::App& meta = *app.add_subcommand("meta", "The index layer")->require_subcommand(1);
  CLI::App& gateway = *app.add_subcommand("gateway", "The S3 gateway")->require_subcommand(1);
  for (CLI::App* group : {&node, &meta, &gateway}) group->fallthrough();
  add_role_commands(node, meta, gateway, session);
  add_object_commands(app, session);
  add_mesh_commands(app, meta, session);
  add_backup_commands(meta, session);
  add_usage_command(app, session);
  add_upgrade_command(app, session);
  add_keyring_commands(app, session);
  add_access_key_commands(app, session);
  add_account_commands(app, session);
  add_retention_commands(app, session);
  add_clock_commands(app, session);
  add_sim_command(app, session);
  add_doctor_command(app, session);
  add_bench_command(app, session);
  add_completion_command(app, session);
  return owner;
}

std::optional<int> parse_command_line(CLI::App& app, const Session& session, int argc,
                                      const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kUsage;
  }
  if (!session.run) return kUsage;
  return std::nullopt;
}

}  // namespace stratos::cli
